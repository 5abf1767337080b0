/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From paths to resources. */
#include "coap/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOBODY UINT32_MAX

static void *make(struct coap_routes *r, const struct coap_resource *resources, uint32_t count)
{
	void *memory = aligned_alloc(64, coap_routes_memory(count));
	memset(memory, 0xff, coap_routes_memory(count));
	coap_routes_init(r, memory, resources, count);
	return memory;
}

/* "" is the root; "//" are two empty segments behind an empty one. */
static uint32_t find(const struct coap_routes *r, const char *text)
{
	struct coap_message m = {.option_count = 0};
	struct coap_path path;
	uint32_t resource;
	m.options[m.option_count++] = (struct coap_option){COAP_OPTION_URI_HOST, bytes_of_text("host")};
	for (struct bytes left = bytes_of_text(text); text[0] != '\0';) {
		size_t end = 0;
		while (end < left.len && left.data[end] != '/')
			end++;
		m.options[m.option_count++] = (struct coap_option){COAP_OPTION_URI_PATH, bytes_first(left, end)};
		if (end == left.len)
			break;
		left = (struct bytes){left.data + end + 1, left.len - end - 1};
	}
	m.options[m.option_count++] = (struct coap_option){COAP_OPTION_ACCEPT, BYTES_NONE};
	coap_path_read(&m, &path);
	return coap_routes_find(r, &path, &resource) ? resource : NOBODY;
}

static void the_longest_path_wins_and_of_equal_ones_the_first(void **state)
{
	static const struct coap_resource resources[] = {
		{.path = "a"},
		{.path = "a/b", .is_subtree = true},
		{.path = "a/b/c"},
		{.path = "a/b/c"},
		{.path = "t", .is_subtree = true},
		{.path = "t/u/v", .is_subtree = true},
		{.path = "exact"},
	};
	static const struct {
		const char *path;
		uint32_t resource;
	} cases[] = {
		{"a", 0},
		{"a/b", 1},
		{"a/b/c", 2},
		{"a/b/d", 1},
		{"a/b/c/d", 1},
		{"t", 4},
		{"t/x", 4},
		{"t/u", 4},
		{"t/u/v", 5},
		{"t/u/v/w", 5},
		{"exact", 6},
		{"exact/more", NOBODY},
		{"exact/", NOBODY}, /* an empty segment is a segment (RFC 7252 section 6.4) */
		{"a/", NOBODY},
		{"A", NOBODY},
		{"ab", NOBODY},
		{"", NOBODY},
		{"nobody", NOBODY},
		{"/a", NOBODY},
	};
	struct coap_routes r;
	(void)state;
	void *memory = make(&r, resources, sizeof resources / sizeof resources[0]);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(find(&r, cases[i].path), cases[i].resource);
	free(memory);
}

static void the_root_is_a_resource_like_others(void **state)
{
	static const struct coap_resource alone[] = {{.path = ""}}, tree[] = {{.path = "", .is_subtree = true}};
	struct coap_routes r;
	(void)state;
	void *memory = make(&r, alone, 1);
	assert_int_equal(find(&r, ""), 0);
	assert_int_equal(find(&r, "x"), NOBODY);
	free(memory);
	memory = make(&r, tree, 1);
	assert_int_equal(find(&r, ""), 0);
	assert_int_equal(find(&r, "x/y"), 0);
	free(memory);
}

static void a_table_without_resources_finds_nothing(void **state)
{
	struct coap_routes r;
	(void)state;
	void *memory = make(&r, NULL, 0);
	assert_int_equal(find(&r, ""), NOBODY);
	assert_int_equal(find(&r, "a"), NOBODY);
	free(memory);
}

static void what_lies_too_far_below_a_subtree_is_nobodys(void **state)
{
	static const struct coap_resource resources[] = {
		{.path = "t", .is_subtree = true}, {.path = "1/2/3/4/5/6/7/8/9/a/b/c"}};
	struct coap_routes r;
	(void)state;
	void *memory = make(&r, resources, 2);
	assert_int_equal(find(&r, "t/1/2/3/4/5/6/7/8"), 0);
	assert_int_equal(find(&r, "t/1/2/3/4/5/6/7/8/9"), NOBODY);
	assert_int_equal(find(&r, "1/2/3/4/5/6/7/8/9/a/b/c"), 1);
	assert_int_equal(find(&r, "1/2/3/4/5/6/7/8/9/a/b/c/d"), NOBODY);
	free(memory);
}

static void many_paths_are_all_found(void **state)
{
	static char names[500][16];
	static struct coap_resource resources[500];
	struct coap_routes r;
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		(void)snprintf(names[i], sizeof names[i], i % 3 == 0 ? "r/%u" : "%u", i);
		resources[i].path = names[i];
	}
	void *memory = make(&r, resources, 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(find(&r, names[i]), i);
	assert_int_equal(find(&r, "500"), NOBODY);
	assert_int_equal(find(&r, "r/1"), NOBODY);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_path_wins_and_of_equal_ones_the_first),
		cmocka_unit_test(the_root_is_a_resource_like_others),
		cmocka_unit_test(a_table_without_resources_finds_nothing),
		cmocka_unit_test(what_lies_too_far_below_a_subtree_is_nobodys),
		cmocka_unit_test(many_paths_are_all_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
