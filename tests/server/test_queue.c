/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DEVICES  3
#define CAPACITY 20

static int set_up(void **state)
{
	struct queue *q = calloc(1, sizeof *q);
	struct carve c = {0};
	queue_carve(q, &c, CAPACITY, DEVICES);
	c = (struct carve){.memory = aligned_alloc(64, c.used)};
	queue_carve(q, &c, CAPACITY, DEVICES);
	*state = q;
	return 0;
}

static int tear_down(void **state)
{
	struct queue *q = *state;
	free(q->items);
	free(q);
	return 0;
}

static void operations_of_a_device_run_one_at_a_time_in_order(void **state)
{
	struct queue *q = *state;
	assert_int_equal(queue_add(q, 0, OPERATION_READ_DEVICE, 0, NEVER), QUEUE_ADDED);
	assert_int_equal(queue_add(q, 0, OPERATION_OBSERVE_FIRMWARE, 0, NEVER), QUEUE_ADDED);
	assert_int_equal(queue_begin(q, 0)->operation, OPERATION_READ_DEVICE);
	assert_null(queue_begin(q, 0));
	queue_done(q, 0);
	assert_int_equal(queue_begin(q, 0)->operation, OPERATION_OBSERVE_FIRMWARE);
	queue_done(q, 0);
	assert_null(queue_begin(q, 0));
	assert_int_equal(q->slab.used, 0);
}

static void devices_do_not_wait_for_each_other(void **state)
{
	struct queue *q = *state;
	queue_add(q, 0, OPERATION_READ_DEVICE, 0, NEVER);
	queue_add(q, 1, OPERATION_READ_DEVICE, 0, NEVER);
	assert_non_null(queue_begin(q, 0));
	assert_non_null(queue_begin(q, 1));
	assert_null(queue_running(q, 2));
}

static void the_same_operation_waits_once_but_may_be_asked_again_while_it_runs(void **state)
{
	struct queue *q = *state;
	queue_add(q, 0, OPERATION_READ_FIRMWARE, 0, NEVER);
	assert_int_equal(queue_add(q, 0, OPERATION_READ_FIRMWARE, 0, NEVER), QUEUE_THERE);
	assert_int_equal(queue_add(q, 0, OPERATION_READ_FIRMWARE, 9, NEVER), QUEUE_ADDED);
	queue_begin(q, 0);
	assert_int_equal(queue_add(q, 0, OPERATION_READ_FIRMWARE, 0, NEVER), QUEUE_ADDED);
}

static void a_retried_operation_keeps_its_place_and_its_count(void **state)
{
	struct queue *q = *state;
	queue_add(q, 0, OPERATION_OFFER, 1, NEVER);
	queue_add(q, 0, OPERATION_READ_DEVICE, 0, NEVER);
	queue_begin(q, 0);
	queue_retry(q, 0);
	assert_null(queue_running(q, 0));
	struct queue_item *again = queue_begin(q, 0);
	assert_int_equal(again->operation, OPERATION_OFFER);
	assert_int_equal(again->tries, 2);
}

static void what_waits_for_too_long_is_due_but_not_what_runs(void **state)
{
	struct queue *q = *state;
	struct queue_item item;
	queue_add(q, 0, OPERATION_READ_DEVICE, 0, 100);
	queue_add(q, 0, OPERATION_OBSERVE_HEALTH, 0, 50);
	queue_begin(q, 0);
	assert_int_equal(queue_deadline(q), 50);
	assert_true(queue_due(q, 200, &item));
	assert_int_equal(item.operation, OPERATION_OBSERVE_HEALTH);
	assert_false(queue_due(q, 200, &item));
	assert_non_null(queue_running(q, 0));
	queue_retry(q, 0);
	assert_true(queue_due(q, 200, &item));
	assert_int_equal(queue_count(q, 0), 0);
}

static void forgetting_a_purpose_leaves_the_others_and_the_running_one(void **state)
{
	struct queue *q = *state;
	queue_add(q, 0, OPERATION_OFFER, 5, NEVER);
	queue_add(q, 0, OPERATION_EXECUTE, 5, NEVER);
	queue_add(q, 0, OPERATION_READ_DEVICE, 0, NEVER);
	queue_add(q, 0, OPERATION_EXECUTE, 6, NEVER);
	queue_begin(q, 0);
	queue_forget(q, 0, 5);
	assert_int_equal(queue_count(q, 0), 3);
	queue_done(q, 0);
	assert_int_equal(queue_begin(q, 0)->operation, OPERATION_READ_DEVICE);
}

static void a_device_may_not_take_the_whole_pool(void **state)
{
	struct queue *q = *state;
	for (uint32_t i = 0; i < QUEUE_DEVICE_MAX; i++)
		assert_int_equal(queue_add(q, 0, OPERATION_OFFER, i + 1, NEVER), QUEUE_ADDED);
	assert_int_equal(queue_add(q, 0, OPERATION_OFFER, 99, NEVER), QUEUE_FULL);
	for (uint32_t i = 0; i < CAPACITY - QUEUE_DEVICE_MAX; i++)
		assert_int_equal(queue_add(q, 1, OPERATION_OFFER, i + 1, NEVER), QUEUE_ADDED);
	assert_int_equal(queue_add(q, 2, OPERATION_OFFER, 1, NEVER), QUEUE_FULL);
	queue_clear(q, 0);
	assert_int_equal(queue_add(q, 2, OPERATION_OFFER, 1, NEVER), QUEUE_ADDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(operations_of_a_device_run_one_at_a_time_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_do_not_wait_for_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_same_operation_waits_once_but_may_be_asked_again_while_it_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_retried_operation_keeps_its_place_and_its_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_waits_for_too_long_is_due_but_not_what_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			forgetting_a_purpose_leaves_the_others_and_the_running_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_may_not_take_the_whole_pool, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
