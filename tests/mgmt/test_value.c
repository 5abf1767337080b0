/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/value.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool converts(struct value from, struct value to)
{
	struct value made;
	return value_convert(&from, to.type, &made) && value_equal(&made, &to);
}

static bool refuses(struct value from, enum value_type type)
{
	struct value made;
	return !value_convert(&from, type, &made);
}

static void exact_conversions_are_made(void **state)
{
	(void)state;
	assert_true(converts(value_float(100), value_integer(100)));
	assert_true(converts(value_float(-0x1p63), value_integer(INT64_MIN)));
	assert_true(converts(value_float(0x1p63), value_unsigned((uint64_t)1 << 63)));
	assert_true(converts(value_integer(7), value_unsigned(7)));
	assert_true(converts(value_integer(7), value_time(7)));
	assert_true(converts(value_unsigned(INT64_MAX), value_integer(INT64_MAX)));
	assert_true(converts(value_integer(1LL << 53), value_float(0x1p53)));
	assert_true(converts(value_integer((1LL << 53) + 2), value_float(0x1p53 + 2)));
	assert_true(converts(value_integer(INT64_MIN), value_float(-0x1p63)));
	assert_true(converts(value_unsigned((uint64_t)1 << 63), value_float(0x1p63)));
	assert_true(converts(value_string(bytes_of_text("66:0")), value_objlnk(66, 0)));
	assert_true(converts(value_string(bytes_of_text("</3>")), value_corelnk(bytes_of_text("</3>"))));
	assert_true(converts(value_boolean(true), value_boolean(true)));
}

static void lossy_conversions_are_refused(void **state)
{
	(void)state;
	assert_true(refuses(value_float(1.5), VALUE_INTEGER));
	assert_true(refuses(value_float(0x1p63), VALUE_INTEGER));
	assert_true(refuses(value_float(0x1p64), VALUE_UNSIGNED));
	assert_true(refuses(value_float(-1), VALUE_UNSIGNED));
	assert_true(refuses(value_float((double)NAN), VALUE_INTEGER));
	assert_true(refuses(value_float((double)INFINITY), VALUE_UNSIGNED));
	assert_true(refuses(value_unsigned((uint64_t)INT64_MAX + 1), VALUE_INTEGER));
	assert_true(refuses(value_integer(-1), VALUE_UNSIGNED));
	assert_true(refuses(value_integer((1LL << 53) + 1), VALUE_FLOAT));
	assert_true(refuses(value_integer(INT64_MAX), VALUE_FLOAT));
	assert_true(refuses(value_unsigned(UINT64_MAX), VALUE_FLOAT));
	assert_true(refuses(value_integer(1), VALUE_BOOLEAN));
	assert_true(refuses(value_integer(1), VALUE_STRING));
	assert_true(refuses(value_string(bytes_of_text("1")), VALUE_INTEGER));
	assert_true(refuses(value_string(bytes_of_text("x")), VALUE_OPAQUE));
	assert_true(refuses(value_none(), VALUE_INTEGER));
}

static void object_links_have_two_numbers(void **state)
{
	static const char *const bad[] = {"", ":", "66", "66:", ":0", "66:0:0", "65536:0", "-1:0", "66:0 ", "FFFE:0"};
	struct value_link link;
	(void)state;
	assert_true(value_parse_objlnk(bytes_of_text("65535:65535"), &link));
	assert_int_equal(link.object, 65535);
	assert_true(value_parse_objlnk(bytes_of_text("ffff:FFFF"), &link));
	assert_int_equal(link.instance, 65535);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (value_parse_objlnk(bytes_of_text(bad[i]), &link))
			fail_msg("%s is accepted", bad[i]);
}

static void expect_number(double real, const char *expected)
{
	uint8_t text[32];
	struct writer w = writer_of(text, sizeof text);
	double back = 0;
	value_write_double(&w, real);
	assert_true(bytes_equal_text(writer_bytes(&w), expected));
	assert_true(value_parse_double(writer_bytes(&w), &back));
	assert_memory_equal(&back, &real, sizeof real);
}

static void numbers_have_their_shortest_text(void **state)
{
	(void)state;
	expect_number(22.5, "22.5");
	expect_number(0.1, "0.1");
	expect_number(-3, "-3");
	expect_number(1700000000, "1700000000");
	expect_number(1e300, "1e+300");
	expect_number(5e-324, "5e-324");
	expect_number(1.7976931348623157e308, "1.7976931348623157e+308");
	expect_number(0.30000000000000004, "0.30000000000000004");
}

static void what_is_no_finite_number_is_not_written(void **state)
{
	uint8_t text[32];
	struct writer w = writer_of(text, sizeof text);
	(void)state;
	value_write_double(&w, (double)INFINITY);
	assert_true(w.failed);
	w = writer_of(text, sizeof text);
	value_write_double(&w, (double)NAN);
	assert_true(w.failed);
}

static void numbers_follow_the_grammar_of_json(void **state)
{
	static const char *const bad[] = {
		"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "inf", "nan", "1 ", " 1", "1e400", "1,5"};
	double real;
	(void)state;
	assert_true(value_parse_double(bytes_of_text("-0.5E-2"), &real));
	assert_true(value_parse_double(bytes_of_text("0"), &real));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (value_parse_double(bytes_of_text(bad[i]), &real))
			fail_msg("%s is accepted", bad[i]);
}

static void equal_is_same_type_and_same_value(void **state)
{
	struct value a = value_integer(1), b = value_unsigned(1), nan = value_float((double)NAN);
	struct value text = value_string(bytes_of_text("a")), other = value_string(bytes_of_text("b"));
	(void)state;
	assert_false(value_equal(&a, &b));
	assert_true(value_equal(&nan, &nan));
	assert_false(value_equal(&text, &other));
}

/* RFC 3629 section 4: shortest forms only, no surrogates, nothing beyond U+10FFFF. */
static void text_is_utf8(void **state)
{
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82"};
	(void)state;
	assert_true(value_is_utf8(bytes_of_text("a\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf")));
	assert_true(value_is_utf8(BYTES_NONE));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(value_is_utf8(bytes_of_text(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_conversions_are_made),
		cmocka_unit_test(lossy_conversions_are_refused),
		cmocka_unit_test(object_links_have_two_numbers),
		cmocka_unit_test(numbers_have_their_shortest_text),
		cmocka_unit_test(what_is_no_finite_number_is_not_written),
		cmocka_unit_test(numbers_follow_the_grammar_of_json),
		cmocka_unit_test(equal_is_same_type_and_same_value),
		cmocka_unit_test(text_is_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
