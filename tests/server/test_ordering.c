/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orders on their way: devices that sleep, are silent or gone, a server that is killed at any moment, a store that
 * fails. */
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY           SECONDS(86400)
#define SOME_ARTIFACT "/a/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int set_up(void **state)
{
	struct server_config config = {.devices = 8, .errands = 2, .orders = 6, .order_days = 2};
	struct stage *s = malloc(sizeof *s);
	stage_begin(s, &config);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_end(*state);
	free(*state);
	return 0;
}

static const struct server_ask anna = {.actor = "anna", .token = 5};

/* 0 when it was refused. */
static uint64_t order(struct stage *s, unsigned device, const struct errand *errand, msec patience)
{
	uint64_t number = 0;
	enum server_result result = server_order(
		s->server, bytes_of_text(s->devices[device].name), errand, patience, &anna, s->world.now, &number);
	return stage_await(s, result) == SERVER_DONE ? number : 0;
}

static uint64_t order_read(struct stage *s, unsigned device, msec patience)
{
	struct errand errand = {.kind = ERRAND_READ, .path = path_of_instance(3, 0)};
	return order(s, device, &errand, patience);
}

static uint64_t order_execute(struct stage *s, unsigned device, msec patience)
{
	struct errand errand = {.kind = ERRAND_EXECUTE, .path = path_of_resource(5, 0, 2)};
	s->devices[device].state = FIRMWARE_DOWNLOADED; /* or it would refuse */
	return order(s, device, &errand, patience);
}

static const struct order_record *record(const struct stage *s, uint64_t number)
{
	const struct order *o = server_order_find(s->server, number);
	assert_non_null(o);
	return &o->record;
}

static enum order_state state_of(const struct stage *s, uint64_t number)
{
	const struct order *o = server_order_find(s->server, number);
	assert_non_null(o);
	return server_order_state(o);
}

static enum order_why why_of(const struct stage *s, uint64_t number)
{
	return server_order_why(s->server, server_order_find(s->server, number), s->world.now).why;
}

static void bring_in_queue_mode(struct stage *s, unsigned device)
{
	char path[64];
	stage_connect(s, device);
	(void)snprintf(path, sizeof path, "/rd?ep=pump-%u&lt=100000&lwm2m=1.1&b=U&Q", device);
	assert_int_equal(stage_ask(s, device, COAP_POST, path, STAGE_LINKS), COAP_CREATED);
	stage_run(s, SECONDS(200));
	s->devices[device].log_count = 0;
}

static void wake(struct stage *s, unsigned device)
{
	assert_int_equal(stage_ask(s, device, COAP_POST, s->devices[device].location, NULL), COAP_CHANGED);
	stage_run(s, SECONDS(3));
}

static void an_order_to_a_device_that_listens_is_carried_out_and_its_answer_kept(void **state)
{
	struct stage *s = *state;
	const struct record *records;
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	stage_bring(s, 0);
	uint64_t number = order_read(s, 0, DAY);
	stage_run(s, SECONDS(2));
	assert_int_equal(state_of(s, number), ORDER_DONE);
	assert_int_equal(record(s, number)->tries, 1);
	struct model model = server_device_model(s->server, stage_find(s, 0), choices);
	const struct order *o = server_order_find(s->server, number);
	assert_int_equal(server_order_values(s->server, o, &model, &records), 3);
	stage_kill(s);
	stage_start(s);
	assert_int_equal(state_of(s, number), ORDER_DONE);
	assert_int_equal(server_order_values(s->server, server_order_find(s->server, number), &model, &records), 3);
}

static void a_sleeping_device_gets_its_orders_one_after_the_other_when_it_wakes(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	uint64_t first = order_read(s, 0, DAY), second = order_execute(s, 0, DAY), third = order_read(s, 0, DAY);
	stage_run(s, SECONDS(300));
	assert_int_equal(s->devices[0].log_count, 0);
	assert_int_equal(why_of(s, first), ORDER_WHY_ASLEEP);
	assert_int_equal(server_order_why(s->server, server_order_find(s->server, third), s->world.now).behind, second);
	wake(s, 0);
	assert_int_equal(s->devices[0].log_count, 3);
	assert_string_equal(s->devices[0].log[0], "GET /3/0");
	assert_string_equal(s->devices[0].log[1], "POST /5/0/2");
	assert_string_equal(s->devices[0].log[2], "GET /3/0");
	assert_int_equal(state_of(s, second), ORDER_DONE);
	assert_int_equal(state_of(s, third), ORDER_DONE);
}

static void orders_outlive_the_server_and_keep_their_order(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	uint64_t first = order_execute(s, 0, DAY), second = order_read(s, 0, DAY);
	stage_kill(s);
	stage_run(s, SECONDS(100));
	stage_start(s);
	assert_int_equal(state_of(s, first), ORDER_WAITING);
	assert_int_equal(why_of(s, first), ORDER_WHY_ABSENT);
	stage_connect(s, 0);
	assert_int_equal(
		stage_ask(s, 0, COAP_POST, "/rd?ep=pump-0&lt=100000&lwm2m=1.1&b=U&Q", STAGE_LINKS), COAP_CREATED);
	stage_run(s, SECONDS(20));
	assert_int_equal(state_of(s, first), ORDER_DONE);
	assert_int_equal(state_of(s, second), ORDER_DONE);
	assert_int_equal(s->devices[0].executes, 1);
}

static void what_ran_when_the_server_died_runs_again_or_is_told_to_be_unknown(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_bring(s, 1);
	s->devices[0].is_deaf = s->devices[1].is_deaf = true;
	uint64_t read = order_read(s, 0, DAY), execute = order_execute(s, 1, DAY);
	stage_run(s, SECONDS(1));
	assert_int_equal(state_of(s, execute), ORDER_RUNNING);
	stage_kill(s);
	stage_start(s);
	s->devices[0].is_deaf = s->devices[1].is_deaf = false;
	stage_run(s, SECONDS(1));
	assert_int_equal(state_of(s, read), ORDER_WAITING);
	assert_int_equal(state_of(s, execute), ORDER_UNKNOWN);
	assert_int_equal(record(s, execute)->end, ORDER_END_RESTARTED);
	stage_bring(s, 0);
	stage_bring(s, 1);
	assert_int_equal(state_of(s, read), ORDER_DONE);
	assert_int_equal(s->devices[1].executes, 0);
	stage_kill(s);
	stage_start(s);
	assert_int_equal(state_of(s, execute), ORDER_UNKNOWN);
}

static void what_waits_too_long_expires_and_is_never_sent(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	uint64_t number = order_execute(s, 0, SECONDS(60));
	stage_run(s, SECONDS(100));
	assert_int_equal(state_of(s, number), ORDER_EXPIRED);
	wake(s, 0);
	assert_int_equal(s->devices[0].executes, 0);
	stage_kill(s);
	stage_start(s);
	assert_int_equal(state_of(s, number), ORDER_EXPIRED);
}

static void one_that_waits_can_be_cancelled_and_one_that_has_ended_not(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	uint64_t number = order_execute(s, 0, DAY);
	assert_int_equal(stage_await(s, server_order_cancel(s->server, number, &anna, s->world.now)), SERVER_DONE);
	assert_int_equal(state_of(s, number), ORDER_CANCELLED);
	assert_int_equal(server_order_cancel(s->server, number, &anna, s->world.now), SERVER_NOT_WAITING);
	assert_int_equal(server_order_cancel(s->server, 99, &anna, s->world.now), SERVER_NO_ORDER);
	wake(s, 0);
	assert_int_equal(s->devices[0].executes, 0);
}

static void a_device_that_never_answers_holds_up_nobody_else(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_bring(s, 1);
	s->devices[0].is_deaf = true;
	uint64_t read = order_read(s, 0, DAY), execute = order_execute(s, 0, DAY), other = order_read(s, 1, DAY);
	stage_run(s, SECONDS(2));
	assert_int_equal(state_of(s, other), ORDER_DONE);
	assert_int_equal(why_of(s, execute), ORDER_WHY_BEHIND);
	stage_run(s, SECONDS(200));
	assert_int_equal(state_of(s, read), ORDER_WAITING);
	assert_int_equal(why_of(s, read), ORDER_WHY_SILENT);
	s->devices[0].is_deaf = false;
	wake(s, 0);
	assert_int_equal(state_of(s, read), ORDER_DONE);
	assert_int_equal(record(s, read)->tries, 2);
	assert_int_equal(state_of(s, execute), ORDER_DONE);
	assert_int_equal(s->devices[0].executes, 1);
}

static void an_execute_without_an_answer_is_not_sent_again(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	s->devices[0].is_deaf = true;
	uint64_t number = order_execute(s, 0, DAY);
	stage_run(s, SECONDS(200));
	assert_int_equal(state_of(s, number), ORDER_UNKNOWN);
	assert_int_equal(record(s, number)->end, ORDER_END_UNANSWERED);
	s->devices[0].is_deaf = false;
	wake(s, 0);
	assert_int_equal(s->devices[0].executes, 0);
}

static void a_device_that_is_not_registered_is_asked_when_it_comes(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_DELETE, s->devices[0].location, NULL), COAP_DELETED);
	stage_run(s, SECONDS(1));
	uint64_t number = order_read(s, 0, DAY);
	assert_int_equal(why_of(s, number), ORDER_WHY_UNREGISTERED);
	stage_bring(s, 0);
	assert_int_equal(state_of(s, number), ORDER_DONE);
}

static void what_the_store_refuses_was_never_ordered_and_what_came_of_one_is_told_when_it_lasts(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	s->store.fail_batches = 1;
	assert_int_equal(order_read(s, 0, DAY), 0);
	stage_run(s, SECONDS(5));
	assert_null(server_order_after(s->server, NULL, 0));
	bring_in_queue_mode(s, 1);
	uint64_t number = order_execute(s, 1, DAY);
	s->store.fail_batches = 2;
	/* A sign of life that the store is not asked about. */
	assert_int_equal(stage_ask(s, 1, COAP_GET, SOME_ARTIFACT, NULL), COAP_NOT_FOUND);
	stage_run(s, SECONDS(20));
	assert_int_equal(s->store.fail_batches, 0);
	assert_int_equal(state_of(s, number), ORDER_DONE);
	assert_int_equal(s->devices[1].executes, 1);
	stage_kill(s);
	stage_start(s);
	assert_int_equal(state_of(s, number), ORDER_DONE);
}

static void ended_ones_make_room_and_are_pruned_after_their_days(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	uint64_t first = order_read(s, 0, DAY), last = 0;
	stage_run(s, SECONDS(2));
	for (unsigned i = 0; i < 6; i++, stage_run(s, SECONDS(2)))
		last = order_read(s, 0, DAY);
	assert_null(server_order_find(s->server, first));
	assert_int_equal(store_memory_count(&s->store, STORE_ORDER_PUT), 6);
	stage_run(s, 3 * DAY);
	assert_int_equal(store_memory_count(&s->store, STORE_ORDER_PUT), 1);
	assert_non_null(server_order_find(s->server, last));
}

static void too_many_that_wait_are_refused(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(order_read(s, 0, DAY), 0);
	assert_int_equal(order_read(s, 0, DAY), 0);
}

static void a_device_that_is_removed_takes_its_orders_along(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s, 0);
	uint64_t number = order_read(s, 0, DAY);
	struct bytes name = bytes_of_text(s->devices[0].name);
	assert_int_equal(stage_await(s, server_device_remove(s->server, name, &anna, s->world.now)), SERVER_DONE);
	assert_null(server_order_find(s->server, number));
	assert_int_equal(store_memory_count(&s->store, STORE_ORDER_PUT), 0);
	assert_int_equal(order_read(s, 0, DAY), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_order_to_a_device_that_listens_is_carried_out_and_its_answer_kept),
		TEST(a_sleeping_device_gets_its_orders_one_after_the_other_when_it_wakes),
		TEST(orders_outlive_the_server_and_keep_their_order),
		TEST(what_ran_when_the_server_died_runs_again_or_is_told_to_be_unknown),
		TEST(what_waits_too_long_expires_and_is_never_sent),
		TEST(one_that_waits_can_be_cancelled_and_one_that_has_ended_not),
		TEST(a_device_that_never_answers_holds_up_nobody_else),
		TEST(an_execute_without_an_answer_is_not_sent_again),
		TEST(a_device_that_is_not_registered_is_asked_when_it_comes),
		TEST(what_the_store_refuses_was_never_ordered_and_what_came_of_one_is_told_when_it_lasts),
		TEST(ended_ones_make_room_and_are_pruned_after_their_days),
		TEST(too_many_that_wait_are_refused),
		TEST(a_device_that_is_removed_takes_its_orders_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
