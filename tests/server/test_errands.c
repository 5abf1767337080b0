/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errands on their way: formats that a device refuses, devices that sleep, tables that are full. What they do at a real
 * agent is told in tests/scenario. */
#include "tests/server/stage.h"

#include "coap/content_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct server_config config = {.devices = 8, .errands = 2, .watches = 2};
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

static enum server_result read_device(struct stage *s, unsigned device, msec patience)
{
	struct errand errand = {.kind = ERRAND_READ, .path = path_of_instance(3, 0)};
	return server_errand(s->server, bytes_of_text(s->devices[device].name), &errand, patience, &anna, s->world.now);
}

static void bring_in_queue_mode(struct stage *s)
{
	stage_connect(s, 0);
	assert_int_equal(
		stage_ask(s, 0, COAP_POST, "/rd?ep=pump-0&lt=3000&lwm2m=1.1&b=U&Q", STAGE_LINKS), COAP_CREATED);
	stage_run(s, SECONDS(200));
	s->devices[0].log_count = 0;
}

static void a_format_that_is_refused_gives_way_to_the_next(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	s->devices[0].log_count = 0;
	s->devices[0].refused_accept = COAP_FORMAT_SENML_CBOR;
	assert_int_equal(read_device(s, 0, SECONDS(30)), SERVER_ACCEPTED);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->answers, 1);
	assert_int_equal(s->answer, COAP_CONTENT);
	assert_int_equal(s->answer_count, 3);
	assert_int_equal(s->devices[0].log_count, 2);
	assert_string_equal(s->devices[0].log[1], "GET /3/0");
}

static void a_sleeping_device_is_asked_when_it_wakes_up(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s);
	assert_int_equal(read_device(s, 0, SECONDS(600)), SERVER_ACCEPTED);
	stage_run(s, SECONDS(300));
	assert_int_equal(s->devices[0].log_count, 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_CHANGED);
	stage_run(s, SECONDS(1));
	assert_int_equal(s->devices[0].log_count, 1);
	assert_int_equal(s->answer, COAP_CONTENT);
}

static void what_waits_too_long_is_never_sent(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s);
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_ACCEPTED);
	unsigned dones = s->dones;
	stage_run(s, SECONDS(100));
	assert_int_equal(s->dones, dones + 1);
	assert_int_equal(s->done.result, SERVER_NO_ANSWER);
	assert_int_equal(s->done.token, 5);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_CHANGED);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].log_count, 0);
	assert_int_equal(s->answers, 0);
}

static void a_device_that_is_silent_holds_up_nobody_else(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_bring(s, 1);
	s->devices[0].is_deaf = true;
	assert_int_equal(read_device(s, 0, SECONDS(30)), SERVER_ACCEPTED);
	assert_int_equal(read_device(s, 1, SECONDS(30)), SERVER_ACCEPTED);
	stage_run(s, SECONDS(1));
	assert_int_equal(s->answers, 1);
	stage_run(s, SECONDS(200));
	assert_int_equal(s->done.result, SERVER_NO_ANSWER);
}

static void an_answer_that_is_too_large_is_told_as_such(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	s->devices[0].is_verbose = true;
	assert_int_equal(read_device(s, 0, SECONDS(30)), SERVER_ACCEPTED);
	stage_run(s, SECONDS(60));
	assert_int_equal(s->done.token, 5);
	assert_int_equal(s->done.result, SERVER_UNUSABLE);
	s->devices[0].is_verbose = false;
	assert_int_equal(read_device(s, 0, SECONDS(30)), SERVER_ACCEPTED); /* it is awake all the same */
	stage_run(s, SECONDS(2));
	assert_int_equal(s->answer, COAP_CONTENT);
}

static void a_full_table_says_so_and_is_free_again_afterwards(void **state)
{
	struct stage *s = *state;
	bring_in_queue_mode(s);
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_ACCEPTED);
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_ACCEPTED);
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_BUSY);
	stage_run(s, SECONDS(100));
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_ACCEPTED);
}

static void a_device_that_is_forgotten_leaves_nobody_waiting(void **state)
{
	struct stage *s = *state;
	struct server_ask other = {.actor = "anna", .token = 6};
	struct errand errand = {.kind = ERRAND_READ, .path = path_of_instance(3, 0)};
	bring_in_queue_mode(s);
	assert_int_equal(read_device(s, 0, SECONDS(600)), SERVER_ACCEPTED);
	assert_int_equal(server_watch(s->server, bytes_of_text("pump-0"), &errand, SECONDS(600), &anna, s->world.now),
		SERVER_ACCEPTED);
	unsigned dones = s->dones;
	assert_int_equal(
		server_device_remove(s->server, bytes_of_text("pump-0"), &other, s->world.now), SERVER_ACCEPTED);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->dones, dones + 3); /* both that waited, and the removal */
	assert_int_equal(read_device(s, 0, SECONDS(60)), SERVER_NO_DEVICE);
}

static void full_observations_say_so(void **state)
{
	struct stage *s = *state;
	struct errand errand = {.kind = ERRAND_READ, .path = path_of_instance(3, 0)};
	stage_bring(s, 0);
	assert_int_equal(server_watch(s->server, bytes_of_text("pump-0"), &errand, SECONDS(60), &anna, s->world.now),
		SERVER_ACCEPTED);
	assert_int_equal(server_watch(s->server, bytes_of_text("pump-0"), &errand, SECONDS(60), &anna, s->world.now),
		SERVER_ACCEPTED);
	assert_int_equal(server_watch(s->server, bytes_of_text("pump-0"), &errand, SECONDS(60), &anna, s->world.now),
		SERVER_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_format_that_is_refused_gives_way_to_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sleeping_device_is_asked_when_it_wakes_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_waits_too_long_is_never_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_that_is_silent_holds_up_nobody_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_is_too_large_is_told_as_such, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_table_says_so_and_is_free_again_afterwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_that_is_forgotten_leaves_nobody_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_observations_say_so, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
