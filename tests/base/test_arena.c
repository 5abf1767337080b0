/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static _Alignas(8) uint8_t memory[64];

static void what_is_taken_is_aligned_and_does_not_overlap(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, memory, sizeof memory);
	uint8_t *first = arena_take(&a, 3), *second = arena_take(&a, 8), *third = arena_take(&a, 1);
	assert_ptr_equal(first, memory);
	assert_ptr_equal(second, memory + 8);
	assert_ptr_equal(third, memory + 16);
	arena_reset(&a);
	assert_ptr_equal(arena_take(&a, 64), memory);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, memory, 20);
	assert_null(arena_take(&a, 21));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_non_null(arena_take(&a, 17));
	assert_null(arena_take(&a, 1)); /* the next aligned place is behind the end */
	assert_null(arena_take(&a, 0));
	assert_int_equal(a.used, 17);
}

static void a_writer_over_the_rest_claims_what_was_written(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, memory, 20);
	assert_non_null(arena_take(&a, 5));
	struct writer w = arena_writer(&a);
	assert_int_equal(writer_left(&w), 12);
	write_text(&w, "abc");
	arena_keep(&a, &w);
	assert_int_equal(a.used, 11);
	assert_non_null(arena_take(&a, 4));
	struct writer full = arena_writer(&a);
	assert_int_equal(writer_left(&full), 0);
	arena_keep(&a, &full);
	assert_int_equal(a.used, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_aligned_and_does_not_overlap),
		cmocka_unit_test(what_does_not_fit_is_refused_and_changes_nothing),
		cmocka_unit_test(a_writer_over_the_rest_claims_what_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
