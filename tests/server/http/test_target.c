/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool parse(struct target *t, const char *path)
{
	target_init(t);
	return target_parse_path(t, path);
}

static void segments_are_decoded_one_by_one(void **state)
{
	struct target t;
	(void)state;
	assert_true(parse(&t, "/api/v1/devices/urn%3Adev%2f1/health"));
	assert_int_equal(t.segment_count, 5);
	assert_string_equal(t.segments[3], "urn:dev/1");
	assert_true(target_matches(&t, "/api/v1/devices/*/health"));
	assert_false(target_matches(&t, "/api/v1/devices/*"));
	assert_false(target_matches(&t, "/api/v1/devices/*/tags"));
	assert_string_equal(target_star(&t, "/api/v1/devices/*/health", 0), "urn:dev/1");
	assert_null(target_star(&t, "/api/v1/devices/*/health", 1));
}

static void what_is_badly_encoded_is_refused(void **state)
{
	static const char *const cases[] = {"", "x", "/%", "/%1", "/%zz", "/a%00", "/a/b%4", "/1/2/3/4/5/6/7/8/9"};
	struct target t;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_false(parse(&t, cases[i]));
}

static void a_slash_at_the_end_counts_for_nothing_and_a_star_is_never_empty(void **state)
{
	struct target t;
	(void)state;
	assert_true(parse(&t, "/"));
	assert_int_equal(t.segment_count, 0);
	assert_true(parse(&t, "/devices/"));
	assert_true(target_matches(&t, "/devices"));
	assert_true(parse(&t, "/devices//health"));
	assert_false(target_matches(&t, "/devices/*/health"));
}

static void parameters_are_found_by_name(void **state)
{
	struct target t;
	(void)state;
	assert_true(parse(&t, "/x"));
	assert_true(target_add_parameter(&t, "a%20b", "c%26d"));
	assert_true(target_add_parameter(&t, "flag", NULL));
	assert_false(target_add_parameter(&t, "bad", "%4"));
	assert_string_equal(target_parameter(&t, "a b"), "c&d");
	assert_string_equal(target_parameter(&t, "flag"), "");
	assert_null(target_parameter(&t, "other"));
}

static void storage_and_tables_have_their_limits(void **state)
{
	char path[TARGET_BYTES + 3];
	struct target t;
	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[TARGET_BYTES] = '\0'; /* a zero ends it in the storage */
	assert_true(parse(&t, path));
	path[TARGET_BYTES] = 'a';
	path[TARGET_BYTES + 1] = '\0';
	assert_false(parse(&t, path));
	assert_true(parse(&t, "/x"));
	for (int i = 0; i < TARGET_PARAMETERS_MAX; i++)
		assert_true(target_add_parameter(&t, "a", "b"));
	assert_false(target_add_parameter(&t, "a", "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_decoded_one_by_one),
		cmocka_unit_test(what_is_badly_encoded_is_refused),
		cmocka_unit_test(a_slash_at_the_end_counts_for_nothing_and_a_star_is_never_empty),
		cmocka_unit_test(parameters_are_found_by_name),
		cmocka_unit_test(storage_and_tables_have_their_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
