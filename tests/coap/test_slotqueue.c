/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/slotqueue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t memory[64] __attribute__((aligned(64)));
static struct coap_slot_queue queue;

static int queue_of_four(void **state)
{
	struct carve c = {memory, 0};
	(void)state;
	for (size_t i = 0; i < sizeof memory; i++)
		memory[i] = 0xff;
	coap_slot_queue_carve(&queue, &c, 4);
	assert_true(c.used <= sizeof memory);
	return 0;
}

static void assert_next(uint32_t expected)
{
	uint32_t slot;
	assert_true(coap_slot_queue_pop(&queue, &slot));
	assert_int_equal(slot, expected);
}

static void an_empty_queue_gives_nothing(void **state)
{
	uint32_t slot = 9;
	(void)state;
	assert_false(coap_slot_queue_pop(&queue, &slot));
	assert_int_equal(slot, 9);
}

static void slots_leave_in_the_order_in_which_they_came(void **state)
{
	uint32_t slot;
	(void)state;
	coap_slot_queue_push(&queue, 2);
	coap_slot_queue_push(&queue, 0);
	coap_slot_queue_push(&queue, 3);
	assert_next(2);
	coap_slot_queue_push(&queue, 1);
	assert_next(0);
	assert_next(3);
	assert_next(1);
	assert_false(coap_slot_queue_pop(&queue, &slot));
}

static void a_slot_is_in_it_once_and_may_come_again_when_it_has_left(void **state)
{
	uint32_t slot;
	(void)state;
	coap_slot_queue_push(&queue, 1);
	coap_slot_queue_push(&queue, 2);
	coap_slot_queue_push(&queue, 1);
	assert_true(coap_slot_queue_has(&queue, 1));
	assert_next(1);
	assert_false(coap_slot_queue_has(&queue, 1));
	coap_slot_queue_push(&queue, 1);
	assert_next(2);
	assert_next(1);
	assert_false(coap_slot_queue_pop(&queue, &slot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_queue_gives_nothing, queue_of_four),
		cmocka_unit_test_setup(slots_leave_in_the_order_in_which_they_came, queue_of_four),
		cmocka_unit_test_setup(a_slot_is_in_it_once_and_may_come_again_when_it_has_left, queue_of_four),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
