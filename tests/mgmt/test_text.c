/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint8_t memory[256];
static struct arena scratch;

static int set_up(void **state)
{
	(void)state;
	arena_init(&scratch, memory, sizeof memory);
	return 0;
}

/* RFC 4648 section 10. */
static void base64_has_the_vectors_of_its_rfc(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t out[16];
		struct writer w = writer_of(out, sizeof out);
		struct bytes data;
		text_encode_base64(&w, TEXT_BASE64_PADDED, bytes_of_text(rows[i][0]));
		assert_true(bytes_equal_text(writer_bytes(&w), rows[i][1]));
		assert_int_equal(
			text_decode_base64(bytes_of_text(rows[i][1]), TEXT_BASE64_PADDED, &scratch, &data), TEXT_GOOD);
		assert_true(bytes_equal_text(data, rows[i][0]));
	}
}

static void the_url_alphabet_has_no_padding(void **state)
{
	uint8_t out[16];
	struct writer w = writer_of(out, sizeof out);
	struct bytes data;
	(void)state;
	text_encode_base64(&w, TEXT_BASE64_URL, bytes_of("\xfb\xff\xbf\xff", 4));
	assert_true(bytes_equal_text(writer_bytes(&w), "-_-__w"));
	assert_int_equal(text_decode_base64(writer_bytes(&w), TEXT_BASE64_URL, &scratch, &data), TEXT_GOOD);
	assert_true(bytes_equal(data, bytes_of("\xfb\xff\xbf\xff", 4)));
}

static void bad_base64_is_refused(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9vYg=a", "Z===", "====", "Zm 9", "-_-_"};
	struct bytes data;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (text_decode_base64(bytes_of_text(bad[i]), TEXT_BASE64_PADDED, &scratch, &data) != TEXT_BAD)
			fail_msg("%s is accepted", bad[i]);
	assert_int_equal(text_decode_base64(bytes_of_text("Zg=="), TEXT_BASE64_URL, &scratch, &data), TEXT_BAD);
	assert_int_equal(text_decode_base64(bytes_of_text("Z"), TEXT_BASE64_URL, &scratch, &data), TEXT_BAD);
}

static void a_full_scratch_is_told(void **state)
{
	struct arena small;
	uint8_t three[3];
	struct bytes data;
	(void)state;
	arena_init(&small, three, sizeof three);
	assert_int_equal(text_decode_base64(bytes_of_text("Zm9vYg=="), TEXT_BASE64_PADDED, &small, &data), TEXT_FULL);
}

static void values_read_and_write_the_same(void **state)
{
	static const struct {
		enum value_type type;
		const char *text;
	} rows[] = {
		{VALUE_INTEGER, "-9223372036854775808"},
		{VALUE_INTEGER, "9223372036854775807"},
		{VALUE_UNSIGNED, "18446744073709551615"},
		{VALUE_FLOAT, "-0.25"},
		{VALUE_BOOLEAN, "0"},
		{VALUE_BOOLEAN, "1"},
		{VALUE_TIME, "1367491215"},
		{VALUE_OBJLNK, "66:0"},
		{VALUE_STRING, "a \xc3\xa9"},
		{VALUE_STRING, ""},
		{VALUE_OPAQUE, "Zm9vYg=="},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct value value;
		uint8_t out[64];
		struct writer w = writer_of(out, sizeof out);
		assert_int_equal(text_decode(bytes_of_text(rows[i].text), rows[i].type, &scratch, &value), TEXT_GOOD);
		assert_int_equal(value.type, rows[i].type);
		text_encode(&w, &value);
		assert_true(bytes_equal_text(writer_bytes(&w), rows[i].text));
	}
}

static void bad_values_are_refused(void **state)
{
	static const struct {
		enum value_type type;
		const char *text;
	} rows[] = {{VALUE_INTEGER, ""}, {VALUE_INTEGER, "-"}, {VALUE_INTEGER, "9223372036854775808"},
		{VALUE_INTEGER, "-9223372036854775809"}, {VALUE_INTEGER, "--1"}, {VALUE_INTEGER, "1.0"},
		{VALUE_UNSIGNED, "-1"}, {VALUE_UNSIGNED, "18446744073709551616"}, {VALUE_BOOLEAN, "true"},
		{VALUE_BOOLEAN, ""}, {VALUE_FLOAT, "1.5x"}, {VALUE_OBJLNK, "66"}, {VALUE_STRING, "\xff"},
		{VALUE_NONE, ""}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct value value;
		if (text_decode(bytes_of_text(rows[i].text), rows[i].type, &scratch, &value) != TEXT_BAD)
			fail_msg("row %zu is accepted", i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(base64_has_the_vectors_of_its_rfc, set_up),
		cmocka_unit_test_setup(the_url_alphabet_has_no_padding, set_up),
		cmocka_unit_test_setup(bad_base64_is_refused, set_up),
		cmocka_unit_test_setup(a_full_scratch_is_told, set_up),
		cmocka_unit_test_setup(values_read_and_write_the_same, set_up),
		cmocka_unit_test_setup(bad_values_are_refused, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
