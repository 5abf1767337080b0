/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/option_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool add(const char *text, struct coap_options *options)
{
	static uint8_t values[64];
	struct writer room = writer_of(values, sizeof values);
	coap_options_clear(options);
	return option_text_add(text, &room, options) && !options->failed;
}

static void options_are_read_by_name_and_by_number(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t number;
		const char *value;
		size_t len;
	} rows[] = {
		{"If-Match=0x0102", COAP_OPTION_IF_MATCH, "\1\2", 2},
		{"If-Match=", COAP_OPTION_IF_MATCH, "", 0},
		{"If-None-Match", COAP_OPTION_IF_NONE_MATCH, "", 0},
		{"ETag=abc", COAP_OPTION_ETAG, "abc", 3},
		{"Size2=0", COAP_OPTION_SIZE2, "", 0},
		{"Size1=258", COAP_OPTION_SIZE1, "\1\2", 2},
		{"Uri-Query=a=b", COAP_OPTION_URI_QUERY, "a=b", 3},
		{"65000=text", 65000, "text", 4},
		{"65000=0x", 65000, "", 0},
		{"258=2", COAP_OPTION_NO_RESPONSE, "\2", 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_options o;
		assert_true(add(rows[i].text, &o));
		assert_int_equal(o.count, 1);
		assert_int_equal(coap_options_at(&o, 0).number, rows[i].number);
		assert_true(bytes_equal(coap_options_at(&o, 0).value, bytes_of(rows[i].value, rows[i].len)));
	}
}

static void texts_that_are_no_options_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "=1", "Unheard-Of=1", "65536=1", "ETag", "ETag=123456789", "Size1=many",
		"Size1=4294967296", "If-Match=0x1", "If-Match=0xgg", "If-None-Match=1", "-1=x"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct coap_options o;
		assert_false(add(texts[i], &o));
	}
}

static void a_value_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	uint8_t values[3];
	struct writer room = writer_of(values, sizeof values);
	struct coap_options o;
	coap_options_clear(&o);
	assert_true(option_text_add("ETag=abc", &room, &o));
	assert_false(option_text_add("ETag=d", &room, &o));
	room = writer_of(values, sizeof values);
	assert_false(option_text_add("ETag=0x01020304", &room, &o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_by_name_and_by_number),
		cmocka_unit_test(texts_that_are_no_options_are_refused),
		cmocka_unit_test(a_value_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
