/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void paths_read_and_write_the_same(void **state)
{
	static const char *const good[] = {"/", "/0", "/3/0", "/3/0/9", "/65534/65534/65534/65534"};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct path path;
		uint8_t text[PATH_TEXT_BYTES];
		struct writer w = writer_of(text, sizeof text);
		assert_true(path_parse(bytes_of_text(good[i]), &path));
		path_write(&w, path);
		assert_true(bytes_equal_text(writer_bytes(&w), good[i]));
	}
}

static void what_is_no_path_is_refused(void **state)
{
	static const char *const bad[] = {"", "3", "//", "/3/", "/3//0", "/03", "/00", "/65535", "/3/0/9/0/0", "/-1",
		"/+1", "/ 1", "/1 ", "/a", "/3/0?x", "/655340", "/65534/65534/65534/655340"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct path path;
		if (path_parse(bytes_of_text(bad[i]), &path))
			fail_msg("%s is accepted", bad[i]);
	}
}

static void segments_make_a_path(void **state)
{
	struct path path = PATH_ROOT;
	(void)state;
	assert_true(path_add_segment(&path, bytes_of_text("3")));
	assert_false(path_add_segment(&path, bytes_of_text("")));
	assert_false(path_add_segment(&path, bytes_of_text("01")));
	assert_false(path_add(&path, PATH_ID_NONE));
	assert_true(path_add(&path, 0) && path_add(&path, 7) && path_add(&path, 1));
	assert_false(path_add(&path, 1));
	assert_true(path_equal(path, path_of_resource_instance(3, 0, 7, 1)));
	assert_true(path_equal(path_cut(path, 2), path_of_instance(3, 0)));
}

static void alternate_paths_have_no_numbers(void **state)
{
	static const char *const good[] = {"/lwm2m", "/a", "/v1/device-7", "/.well~known_"};
	static const char *const bad[] = {"", "/", "lwm2m", "/lwm2m/", "//lwm2m", "/3", "/lwm2m/3", "/3/lwm2m", "/a b",
		"/a%20b", "/a?b", "/a\x01", "/\xc3\xa4", "/a-prefix-that-is-longer-than-all.."};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!path_is_prefix(bytes_of_text(good[i])))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (path_is_prefix(bytes_of_text(bad[i])))
			fail_msg("%s is accepted", bad[i]);
}

static void what_follows_the_alternate_path_is_the_path(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {{"/lwm2m/3/0", "/3/0"}, {"/v1/a/3", "/3"}, {"/3/0/9", "/3/0/9"}, {"/lwm2m", ""}, {"", ""},
		{"/", "/"}, {"3/0", "3/0"}, {"/lwm2m//3", "//3"}, {"/lwm2m/", "/"}, {"/3/lwm2m", "/3/lwm2m"}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!bytes_equal_text(path_without_prefix(bytes_of_text(cases[i].text)), cases[i].expected))
			fail_msg("%s is taken apart wrongly", cases[i].text);
}

static void parents_come_before_their_children(void **state)
{
	(void)state;
	assert_true(path_compare(path_of_object(3), path_of_instance(3, 0)) < 0);
	assert_true(path_compare(path_of_instance(3, 1), path_of_resource(3, 0, 9)) > 0);
	assert_true(path_compare(path_of_resource(3, 0, 9), path_of_resource(3, 0, 10)) < 0);
	assert_int_equal(path_compare(path_of_resource(3, 0, 9), path_of_resource(3, 0, 9)), 0);
}

static void within_is_the_path_itself_or_below(void **state)
{
	(void)state;
	assert_true(path_is_within(path_of_resource(3, 0, 9), PATH_ROOT));
	assert_true(path_is_within(path_of_resource(3, 0, 9), path_of_instance(3, 0)));
	assert_true(path_is_within(path_of_instance(3, 0), path_of_instance(3, 0)));
	assert_false(path_is_within(path_of_object(3), path_of_instance(3, 0)));
	assert_false(path_is_within(path_of_instance(3, 1), path_of_instance(3, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_read_and_write_the_same),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(segments_make_a_path),
		cmocka_unit_test(alternate_paths_have_no_numbers),
		cmocka_unit_test(what_follows_the_alternate_path_is_the_path),
		cmocka_unit_test(parents_come_before_their_children),
		cmocka_unit_test(within_is_the_path_itself_or_below),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
