/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/slab.h"
#include "coap/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SLOTS 5

static uint32_t generations[SLOTS], next[SLOTS];

static void every_slot_is_given_once_and_then_the_table_is_full(void **state)
{
	(void)state;
	struct slab s;
	struct handle h, first;
	bool seen[SLOTS] = {false};
	slab_init(&s, generations, next, SLOTS);
	for (int i = 0; i < SLOTS; i++) {
		assert_true(slab_take(&s, &h));
		assert_true(h.slot < SLOTS && !seen[h.slot]);
		seen[h.slot] = true;
		if (i == 0)
			first = h;
	}
	struct handle untouched = h;
	assert_false(slab_take(&s, &h));
	assert_true(handle_equal(h, untouched));
	slab_give(&s, first);
	assert_int_equal(s.used, SLOTS - 1);
	assert_true(slab_take(&s, &h));
	assert_int_equal(h.slot, first.slot);
}

static void a_handle_does_not_survive_its_object(void **state)
{
	(void)state;
	struct slab s;
	struct handle old, new;
	slab_init(&s, generations, next, SLOTS);
	assert_true(slab_take(&s, &old));
	assert_true(slab_is_valid(&s, old));
	slab_give(&s, old);
	assert_false(slab_is_valid(&s, old));
	assert_false(slab_is_taken(&s, old.slot));
	assert_true(slab_take(&s, &new));
	assert_int_equal(new.slot, old.slot);
	assert_false(handle_equal(new, old));
	assert_false(slab_is_valid(&s, old));
	assert_true(slab_is_valid(&s, new));
	assert_true(handle_equal(slab_handle(&s, new.slot), new));
}

static void made_up_handles_are_not_valid(void **state)
{
	(void)state;
	struct slab s;
	struct handle h;
	slab_init(&s, generations, next, SLOTS);
	assert_false(slab_is_valid(&s, HANDLE_NONE));
	assert_true(slab_take(&s, &h));
	assert_false(slab_is_valid(&s, HANDLE_NONE));
	assert_false(slab_is_valid(&s, (struct handle){h.slot, h.generation + 1}));
	assert_false(slab_is_valid(&s, (struct handle){SLOTS, 1}));
	assert_false(slab_is_valid(&s, (struct handle){UINT32_MAX, UINT32_MAX}));
	assert_false(slab_is_taken(&s, 1));
	assert_false(handle_is_none(h));
	assert_true(handle_is_none(HANDLE_NONE));
}

static void storage_need_not_be_cleared(void **state)
{
	(void)state;
	struct slab s;
	struct handle h;
	memset(generations, 0xff, sizeof generations);
	memset(next, 0xff, sizeof next);
	slab_init(&s, generations, next, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_false(slab_is_taken(&s, i));
		assert_true(slab_take(&s, &h) && slab_is_valid(&s, h));
	}
}

static void random_taking_and_giving_agrees_with_a_plain_array(void **state)
{
	(void)state;
	struct prng p;
	struct slab s;
	struct handle held[SLOTS], h;
	uint32_t count = 0;
	prng_init_number(&p, 6);
	slab_init(&s, generations, next, SLOTS);
	for (int turn = 0; turn < 20000; turn++) {
		if (prng_below(&p, 2) == 0) {
			assert_int_equal(slab_take(&s, &h), count < SLOTS);
			if (count < SLOTS)
				held[count++] = h;
		} else if (count > 0) {
			uint32_t chosen = prng_below(&p, count);
			h = held[chosen];
			slab_give(&s, h);
			held[chosen] = held[--count];
			assert_false(slab_is_valid(&s, h));
		}
		assert_int_equal(s.used, count);
		for (uint32_t i = 0; i < count; i++)
			assert_true(slab_is_valid(&s, held[i]));
	}
}

static void a_renewed_slot_belongs_to_another_object(void **state)
{
	struct slab s;
	struct handle old;
	(void)state;
	slab_init(&s, generations, next, SLOTS);
	assert_true(slab_take(&s, &old));
	struct handle new = slab_renew(&s, old);
	assert_int_equal(new.slot, old.slot);
	assert_false(slab_is_valid(&s, old));
	assert_true(slab_is_valid(&s, new));
	assert_int_equal(s.used, 1);
	slab_give(&s, new);
	assert_int_equal(s.used, 0);
}

static void handles_of_an_earlier_life_are_taken_again_in_ascending_order(void **state)
{
	struct slab s;
	struct handle h;
	(void)state;
	slab_init(&s, generations, next, SLOTS);
	slab_begin_at(&s, 1001);
	assert_false(slab_restore(&s, (struct handle){1, 6}));
	assert_false(slab_restore(&s, (struct handle){SLOTS, 7}));
	assert_true(slab_restore(&s, (struct handle){1, 7}));
	assert_false(slab_restore(&s, (struct handle){1, 7}));
	assert_false(slab_restore(&s, (struct handle){0, 7}));
	assert_true(slab_restore(&s, (struct handle){3, 9}));
	assert_true(slab_is_valid(&s, (struct handle){1, 7}) && slab_is_valid(&s, (struct handle){3, 9}));
	assert_int_equal(s.used, 2);
	for (uint32_t i = 2; i < SLOTS; i++) {
		assert_true(slab_take(&s, &h));
		assert_true(h.slot != 1 && h.slot != 3);
		assert_int_equal(h.generation, 1001);
	}
	assert_false(slab_take(&s, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_slot_is_given_once_and_then_the_table_is_full),
		cmocka_unit_test(a_handle_does_not_survive_its_object),
		cmocka_unit_test(made_up_handles_are_not_valid),
		cmocka_unit_test(storage_need_not_be_cleared),
		cmocka_unit_test(random_taking_and_giving_agrees_with_a_plain_array),
		cmocka_unit_test(handles_of_an_earlier_life_are_taken_again_in_ascending_order),
		cmocka_unit_test(a_renewed_slot_belongs_to_another_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
