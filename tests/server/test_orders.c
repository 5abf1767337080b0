/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 4

struct stage {
	struct orders orders;
	void *memory;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	struct carve count = {0}, carve;
	orders_carve(&s->orders, &count, CAPACITY, 2);
	s->memory = aligned_alloc(64, (count.used + 63) / 64 * 64);
	carve = (struct carve){.memory = s->memory};
	orders_carve(&s->orders, &carve, CAPACITY, 2);
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

static struct order *add(struct stage *s, uint64_t number, uint32_t device)
{
	static struct order_record record;
	record.number = number;
	struct order *order = orders_add(&s->orders, &record, (struct handle){.slot = device, .generation = 1});
	if (order != NULL)
		orders_enter(&s->orders, order, ORDER_WAITING, (msec)(1000 * number));
	return order;
}

static void a_device_is_asked_in_the_order_of_numbers_and_one_at_a_time(void **state)
{
	struct stage *s = *state;
	struct order *first = add(s, 1, 0), *other = add(s, 2, 1), *second = add(s, 5, 0);
	assert_ptr_equal(orders_ready(&s->orders, 0), first);
	assert_ptr_equal(orders_before(&s->orders, second), first);
	orders_enter(&s->orders, first, ORDER_RUNNING, NEVER);
	assert_null(orders_ready(&s->orders, 0));
	assert_ptr_equal(orders_ready(&s->orders, 1), other);
	orders_enter(&s->orders, first, ORDER_DONE, 9000);
	assert_ptr_equal(orders_ready(&s->orders, 0), second);
	assert_null(orders_before(&s->orders, second));
	assert_int_equal(orders_open(&s->orders, 0), 1);
}

static void what_the_store_has_not_confirmed_holds_back_what_follows(void **state)
{
	struct stage *s = *state;
	add(s, 1, 0)->is_new = true;
	add(s, 2, 0);
	assert_null(orders_ready(&s->orders, 0));
}

static void one_that_runs_has_no_deadline_and_the_others_are_due_one_by_one(void **state)
{
	struct stage *s = *state;
	orders_enter(&s->orders, add(s, 1, 0), ORDER_RUNNING, NEVER);
	struct order *second = add(s, 2, 0), *third = add(s, 3, 1);
	assert_int_equal(orders_deadline(&s->orders), 2000);
	assert_null(orders_due(&s->orders, 1999));
	assert_ptr_equal(orders_due(&s->orders, 5000), second);
	assert_ptr_equal(orders_due(&s->orders, 5000), third);
	assert_null(orders_due(&s->orders, 5000));
}

static void a_full_table_refuses_and_only_ended_and_stored_ones_can_make_room(void **state)
{
	struct stage *s = *state;
	struct order *orders[CAPACITY];
	for (unsigned i = 0; i < CAPACITY; i++)
		orders[i] = add(s, i + 1, 0);
	assert_null(add(s, 9, 0));
	assert_null(orders_oldest_ended(&s->orders));
	orders_enter(&s->orders, orders[1], ORDER_FAILED, NEVER);
	orders_enter(&s->orders, orders[2], ORDER_DONE, NEVER);
	orders[1]->is_unsaved = true;
	assert_ptr_equal(orders_oldest_ended(&s->orders), orders[2]);
	orders[1]->is_unsaved = false;
	assert_ptr_equal(orders_oldest_ended(&s->orders), orders[1]);
}

static void removing_closes_the_gaps_of_both_lists(void **state)
{
	struct stage *s = *state;
	struct order *first = add(s, 1, 0), *second = add(s, 2, 0), *third = add(s, 3, 0);
	orders_remove(&s->orders, second);
	assert_ptr_equal(orders_next(&s->orders, first), third);
	assert_ptr_equal(orders_newer(&s->orders, first), third);
	assert_null(orders_find(&s->orders, 2));
	orders_remove(&s->orders, first);
	assert_ptr_equal(orders_oldest(&s->orders), third);
	orders_remove(&s->orders, third);
	assert_null(orders_oldest(&s->orders));
	assert_null(orders_first(&s->orders, 0));
	assert_int_equal(orders_deadline(&s->orders), NEVER);
	assert_non_null(add(s, 4, 0));
	assert_non_null(orders_find(&s->orders, 4));
}

static void only_what_does_no_harm_twice_may_be_done_twice(void **state)
{
	static const bool safe[ERRAND_KIND_END] = {[ERRAND_READ] = true,
		[ERRAND_DISCOVER] = true,
		[ERRAND_WRITE] = true,
		[ERRAND_UPDATE] = true,
		[ERRAND_ATTRIBUTES] = true,
		[ERRAND_READ_COMPOSITE] = true,
		[ERRAND_WRITE_COMPOSITE] = true};
	(void)state;
	for (unsigned kind = 0; kind < ERRAND_KIND_END; kind++)
		assert_int_equal(order_is_safe_twice((enum errand_kind)kind), safe[kind]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_is_asked_in_the_order_of_numbers_and_one_at_a_time),
		TEST(what_the_store_has_not_confirmed_holds_back_what_follows),
		TEST(one_that_runs_has_no_deadline_and_the_others_are_due_one_by_one),
		TEST(a_full_table_refuses_and_only_ended_and_stored_ones_can_make_room),
		TEST(removing_closes_the_gaps_of_both_lists),
		cmocka_unit_test(only_what_does_no_harm_twice_may_be_done_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
