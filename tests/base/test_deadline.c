/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/deadline.h"
#include "coap/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SLOTS 37

static struct deadline_node nodes[SLOTS];
static uint32_t places[SLOTS];

static void nothing_is_due_in_an_empty_heap(void **state)
{
	(void)state;
	struct deadlines d;
	uint32_t slot;
	deadlines_init(&d, nodes, places, SLOTS);
	assert_true(deadlines_next(&d) == NEVER);
	assert_true(deadlines_of(&d, 0) == NEVER);
	assert_false(deadlines_due(&d, INT64_MAX - 1, &slot));
	deadlines_disarm(&d, 3);
	assert_true(deadlines_next(&d) == NEVER);
}

static void slots_come_due_in_order_of_time_not_before_it(void **state)
{
	(void)state;
	struct deadlines d;
	uint32_t slot = SLOTS;
	deadlines_init(&d, nodes, places, SLOTS);
	deadlines_arm(&d, 1, 300);
	deadlines_arm(&d, 2, 100);
	deadlines_arm(&d, 3, 200);
	assert_true(deadlines_next(&d) == 100);
	assert_false(deadlines_due(&d, 99, &slot));
	assert_int_equal(slot, SLOTS);
	assert_true(deadlines_due(&d, 250, &slot) && slot == 2);
	assert_true(deadlines_due(&d, 250, &slot) && slot == 3);
	assert_false(deadlines_due(&d, 250, &slot));
	assert_true(deadlines_of(&d, 2) == NEVER && deadlines_of(&d, 1) == 300);
}

static void arming_again_moves_the_deadline_and_never_takes_it_out(void **state)
{
	(void)state;
	struct deadlines d;
	uint32_t slot;
	deadlines_init(&d, nodes, places, SLOTS);
	deadlines_arm(&d, 5, 100);
	deadlines_arm(&d, 5, 50);
	deadlines_arm(&d, 5, 70);
	assert_int_equal(d.count, 1);
	assert_true(deadlines_next(&d) == 70);
	deadlines_arm(&d, 5, NEVER);
	assert_int_equal(d.count, 0);
	assert_false(deadlines_due(&d, 1000, &slot));
}

static msec model_next(const msec model[SLOTS])
{
	msec next = NEVER;
	for (int i = 0; i < SLOTS; i++)
		next = msec_earlier(next, model[i]);
	return next;
}

/* The model is an array of moments; whatever is done, heap and array must agree. */
static void random_operations_agree_with_a_plain_array(void **state)
{
	(void)state;
	struct prng p;
	struct deadlines d;
	msec model[SLOTS], now = 0;
	prng_init_number(&p, 11);
	deadlines_init(&d, nodes, places, SLOTS);
	for (int i = 0; i < SLOTS; i++)
		model[i] = NEVER;
	for (int turn = 0; turn < 100000; turn++) {
		uint32_t slot = prng_below(&p, SLOTS), choice = prng_below(&p, 8);
		if (choice < 4) {
			model[slot] = now + prng_below(&p, 50);
			deadlines_arm(&d, slot, model[slot]);
		} else if (choice < 6) {
			model[slot] = NEVER;
			deadlines_disarm(&d, slot);
		} else {
			now += prng_below(&p, 20);
			bool is_due = deadlines_due(&d, now, &slot);
			assert_int_equal(is_due, model_next(model) <= now);
			if (is_due) {
				assert_true(model[slot] == model_next(model));
				model[slot] = NEVER;
			}
		}
		slot = prng_below(&p, SLOTS);
		assert_true(deadlines_next(&d) == model_next(model));
		assert_true(deadlines_of(&d, slot) == model[slot]);
	}
}

static void a_full_heap_gives_everything_back(void **state)
{
	(void)state;
	struct deadlines d;
	uint32_t slot;
	msec last = 0;
	deadlines_init(&d, nodes, places, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		deadlines_arm(&d, i, (msec)(i * 7919 % 101));
	for (int i = 0; i < SLOTS; i++) {
		msec next = deadlines_next(&d);
		assert_true(next >= last && deadlines_due(&d, next, &slot));
		last = next;
	}
	assert_true(deadlines_next(&d) == NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_due_in_an_empty_heap),
		cmocka_unit_test(slots_come_due_in_order_of_time_not_before_it),
		cmocka_unit_test(arming_again_moves_the_deadline_and_never_takes_it_out),
		cmocka_unit_test(random_operations_agree_with_a_plain_array),
		cmocka_unit_test(a_full_heap_gives_everything_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
