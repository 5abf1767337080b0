/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t memory[64];
static struct arena scratch;

static struct json_reader reader_of_text(const char *text)
{
	arena_init(&scratch, memory, sizeof memory);
	return json_reader_of(bytes_of_text(text), &scratch);
}

static void tokens_come_one_by_one(void **state)
{
	static const enum json_kind kinds[] = {JSON_ARRAY_BEGIN, JSON_OBJECT_BEGIN, JSON_STRING, JSON_COLON,
		JSON_NUMBER, JSON_COMMA, JSON_STRING, JSON_COLON, JSON_TRUE, JSON_OBJECT_END, JSON_COMMA, JSON_NULL,
		JSON_COMMA, JSON_FALSE, JSON_ARRAY_END, JSON_END, JSON_END};
	struct json_reader r = reader_of_text(" [ {\"a\" : -1.5e3,\n\"\\u0062\":true}, null,\tfalse ]\r\n");
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct json_token token = json_next(&r);
		assert_int_equal(token.kind, kinds[i]);
		if (i == 4)
			assert_true(bytes_equal_text(token.text, "-1.5e3"));
		if (i == 6)
			assert_true(bytes_equal_text(token.text, "b"));
	}
}

static void a_fault_stays(void **state)
{
	static const char *const bad[] = {
		"tru", "nul", "falsE", "\"a", "\"\\", "\"\\u12\"", "\"\\ud800\\u0041\"", "'a'", "-", "\x01"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct json_reader r = reader_of_text(bad[i]);
		assert_int_equal(json_next(&r).kind, JSON_FAULT);
		assert_int_equal(json_next(&r).kind, JSON_FAULT);
	}
}

static bool skips(const char *text)
{
	struct json_reader r = reader_of_text(text);
	struct json_token first = json_next(&r);
	return json_skip(&r, &first) && json_next(&r).kind == JSON_END;
}

static void whole_values_are_skipped(void **state)
{
	(void)state;
	assert_true(skips("{\"a\":[1,{\"b\":null}],\"c\":{}}"));
	assert_true(skips("[[[[[[[[]]]]]]]]"));
	assert_false(skips("[[[[[[[[[]]]]]]]]]"));
	assert_false(skips("{\"a\":1,}"));
	assert_false(skips("[1,]"));
	assert_false(skips("[1 2]"));
	assert_false(skips("{1:2}"));
	assert_false(skips("[1}"));
}

static void what_is_written_is_read_back(void **state)
{
	static const char text[] = "a\"\\\b\t\n\f\r\x01/\xc3\xa9";
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof out - 1);
	(void)state;
	json_write_string(&w, bytes_of_text(text));
	out[writer_bytes(&w).len] = '\0';
	assert_string_equal((const char *)out, "\"a\\\"\\\\\\b\\t\\n\\f\\r\\u0001/\xc3\xa9\"");
	struct json_reader r = reader_of_text((const char *)out);
	assert_true(bytes_equal_text(json_next(&r).text, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_one_by_one),
		cmocka_unit_test(a_fault_stays),
		cmocka_unit_test(whole_values_are_skipped),
		cmocka_unit_test(what_is_written_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
