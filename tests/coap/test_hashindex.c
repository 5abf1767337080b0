/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/hashindex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 100

static bool has(const struct hash_index *x, uint64_t hash, uint32_t wanted)
{
	for (uint32_t slot = hash_index_first(x, hash); slot != HASH_INDEX_END; slot = hash_index_next(x, slot))
		if (slot == wanted)
			return true;
	return false;
}

/* The first pass only counts; the second uses the memory. */
static void *make(struct hash_index *x, uint32_t capacity)
{
	struct carve c = {NULL, 0};
	hash_index_carve(x, &c, capacity);
	void *memory = aligned_alloc(64, c.used);
	memset(memory, 0xff, c.used);
	c = (struct carve){memory, 0};
	hash_index_carve(x, &c, capacity);
	return memory;
}

static void every_slot_is_found_under_its_hash_until_it_is_removed(void **state)
{
	struct hash_index x;
	(void)state;
	void *memory = make(&x, CAPACITY);
	for (uint32_t i = 0; i < CAPACITY; i++)
		hash_index_add(&x, i / 3 * UINT64_C(0x9e3779b97f4a7c15), i); /* some share a hash, some only a bucket */
	for (uint32_t i = 0; i < CAPACITY; i += 2)
		hash_index_remove(&x, i / 3 * UINT64_C(0x9e3779b97f4a7c15), i);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_int_equal(has(&x, i / 3 * UINT64_C(0x9e3779b97f4a7c15), i), i % 2);
	free(memory);
}

static void a_table_of_one_works(void **state)
{
	struct hash_index x;
	(void)state;
	void *memory = make(&x, 1);
	assert_false(has(&x, 42, 0));
	hash_index_add(&x, 42, 0);
	assert_true(has(&x, 42, 0));
	hash_index_remove(&x, 42, 0);
	assert_false(has(&x, 42, 0));
	free(memory);
}

static void pieces_begin_on_cache_lines_and_do_not_overlap(void **state)
{
	struct carve counting = {NULL, 0};
	(void)state;
	uint8_t *memory = aligned_alloc(64, 64 * 4);
	struct carve c = {memory, 0};
	assert_null(carve_take(&counting, 3, 7));
	uint8_t *first = carve_take(&c, 3, 7), *second = carve_take(&c, 65, 1), *third = carve_take(&c, 0, 8);
	assert_ptr_equal(first, memory);
	assert_ptr_equal(second, memory + 64);
	assert_ptr_equal(third, memory + 192);
	assert_int_equal(counting.used, 64);
	assert_int_equal(c.used, 192);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slot_is_found_under_its_hash_until_it_is_removed),
		cmocka_unit_test(a_table_of_one_works),
		cmocka_unit_test(pieces_begin_on_cache_lines_and_do_not_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
