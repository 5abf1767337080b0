/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 60

struct stage {
	struct shelf shelf;
	void *memory;
};

/* Nobody may rely on memory that is zero. */
static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct carve c = {0};
	shelf_carve(&s->shelf, &c, CAPACITY, 7);
	s->memory = aligned_alloc(64, c.used);
	memset(s->memory, 0x5a, c.used);
	c = (struct carve){.memory = s->memory};
	shelf_carve(&s->shelf, &c, CAPACITY, 7);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	free(s->memory);
	free(s);
	return 0;
}

static void equal_shared_values_are_one_until_the_last_keeper_drops_it(void **state)
{
	struct shelf *v = &((struct stage *)*state)->shelf;
	const void *a = shelf_keep_shared(v, bytes_of_text("model a")), *b = shelf_keep_shared(v, bytes_of_text("b"));
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(shelf_keep_shared(v, bytes_of_text("model a")), a);
	assert_int_equal(v->used, 2);
	shelf_drop(v, a);
	assert_true(bytes_equal_text(shelf_bytes(a), "model a"));
	assert_ptr_equal(shelf_keep_shared(v, bytes_of_text("model a")), a);
	shelf_drop(v, a);
	shelf_drop(v, a);
	assert_int_equal(v->used, 1);
	shelf_drop(v, b);
	shelf_drop(v, NULL);
	assert_int_equal(v->used, 0);
}

static void single_values_are_not_shared_whatever_they_are(void **state)
{
	struct shelf *v = &((struct stage *)*state)->shelf;
	const void *shared = shelf_keep_shared(v, bytes_of_text("same")),
		   *a = shelf_keep_single(v, bytes_of_text("same")), *b = shelf_keep_single(v, bytes_of_text("same"));
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, shared);
	assert_ptr_equal(shelf_keep_shared(v, bytes_of_text("same")), shared);
	shelf_drop(v, a);
	assert_true(bytes_equal_text(shelf_bytes(b), "same"));
}

static void shelf_of_every_length_come_back_as_they_were(void **state)
{
	struct shelf *v = &((struct stage *)*state)->shelf;
	uint8_t text[SHELF_VALUE_MAX];
	const void *kept[SHELF_VALUE_MAX + 1];
	for (size_t begin = 0; begin <= SHELF_VALUE_MAX; begin += CAPACITY) {
		size_t end = begin + CAPACITY < SHELF_VALUE_MAX + 1 ? begin + CAPACITY : SHELF_VALUE_MAX + 1;
		for (size_t len = begin; len < end; len++) {
			memset(text, (int)len, sizeof text);
			kept[len] = len % 2 == 0 ? shelf_keep_single(v, bytes_of(text, len))
						 : shelf_keep_shared(v, bytes_of(text, len));
			assert_int_equal((uintptr_t)kept[len] % 4, 0);
		}
		for (size_t len = begin; len < end; len++) {
			memset(text, (int)len, sizeof text);
			assert_true(bytes_equal(shelf_bytes(kept[len]), bytes_of(text, len)));
			shelf_drop(v, kept[len]);
		}
	}
	assert_int_equal(v->used, 0);
}

/* All of one size, then all of another: there is a cell for each, and those that were given back are used again. */
static void there_is_room_for_as_many_as_were_said_of_any_size(void **state)
{
	struct shelf *v = &((struct stage *)*state)->shelf;
	const void *kept[CAPACITY];
	uint8_t text[SHELF_VALUE_MAX] = {0};
	for (int round = 0; round < 4; round++) {
		size_t len = (size_t)(SHELF_VALUE_MAX >> (round % 3) * 2);
		for (uint8_t i = 0; i < CAPACITY; i++) {
			text[0] = i;
			kept[i] = shelf_keep_shared(v, bytes_of(text, len));
		}
		for (uint8_t i = 0; i < CAPACITY; i++) {
			assert_int_equal(*(const uint8_t *)kept[i], i);
			shelf_drop(v, kept[i]);
		}
	}
	for (int i = 0; i < SHELF_SIZES; i++)
		assert_true(v->sizes[i].untouched <= CAPACITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			equal_shared_values_are_one_until_the_last_keeper_drops_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(single_values_are_not_shared_whatever_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shelf_of_every_length_come_back_as_they_were, set_up, tear_down),
		cmocka_unit_test_setup_teardown(there_is_room_for_as_many_as_were_said_of_any_size, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
