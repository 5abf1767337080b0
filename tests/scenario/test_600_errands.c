/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of operators who want something from a single device: every operation of LwM2M, with the real agent. */
#include "tests/mgmt/show.h"
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fleet fleet;

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 6, 2);
	fleet_start_all(&fleet);
	if (!fleet_until_registered(&fleet, 2, SECONDS(10)))
		return -1;
	world_run(&fleet.world, SECONDS(5));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

static struct path path_of(const char *text)
{
	struct path path;
	if (!path_parse(bytes_of_text(text), &path))
		fail_msg("%s is no path", text);
	return path;
}

static const char *run(enum errand_kind kind, const char *path, const char *text)
{
	struct errand errand = {.kind = kind, .path = path_of(path), .text = bytes_of_text(text)};
	return fleet_errand(&fleet, 0, &errand);
}

static const char *put(enum errand_kind kind, const char *path, const struct record *records, size_t count)
{
	struct errand errand = {.kind = kind, .path = path_of(path), .records = records, .count = count};
	return fleet_errand(&fleet, 0, &errand);
}

static const char *put_one(const char *path, struct value value)
{
	struct record record = record_of(path_of(path), value);
	return put(ERRAND_WRITE, path, &record, 1);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void test_610_objects_instances_and_resources_are_read(void **state)
{
	(void)state;
	assert_string_equal(run(ERRAND_READ, "/3/0/3", ""), "2.05 Content\n/3/0/3 s 1.0.0\n");
	assert_true(has(run(ERRAND_READ, "/1/0", ""), "\n/1/0/1 i 300\n"));
	assert_true(has(run(ERRAND_READ, "/5", ""), "\n/5/0/3 i 0\n"));
	assert_true(has(run(ERRAND_READ, "/3/0/11/0", ""), "\n/3/0/11/0 i "));
	assert_string_equal(run(ERRAND_READ, "/3/0/99", ""), "4.04 Not Found\n");
	assert_string_equal(run(ERRAND_READ, "/0/0", ""), "4.01 Unauthorized\n");
}

static void test_620_what_the_definitions_forbid_does_not_travel(void **state)
{
	(void)state;
	fleet_trace_begin(&fleet);
	assert_string_equal(run(ERRAND_READ, "/3/0/4", ""), "/3/0/4 (device/0/reboot): this resource cannot be read");
	assert_string_equal(put_one("/1/0/1", value_string(bytes_of_text("long"))),
		"/1/0/1 (lwm2m-server/0/lifetime): the value has the wrong type");
	assert_string_equal(put_one("/3/0/9", value_integer(5)),
		"/3/0/9 (device/0/battery-level): this resource cannot be written");
	assert_string_equal(put_one("/5/0/11", value_unsigned(3)),
		"/5/0/11 (firmware-update/0/severity): the value is out of its range");
	assert_string_equal(
		run(ERRAND_EXECUTE, "/3/0/9", ""), "/3/0/9 (device/0/battery-level): this resource cannot be executed");
	assert_string_equal(run(ERRAND_EXECUTE, "/3/0/4", "no arguments"),
		"/3/0/4 (device/0/reboot): the arguments are not well formed");
	world_run(&fleet.world, SECONDS(1));
	assert_int_equal(fleet.trace.requests, 0);
}

static void test_630_a_written_value_is_there_and_a_partial_update_leaves_the_rest(void **state)
{
	(void)state;
	assert_string_equal(put_one("/1/0/1", value_integer(600)), "2.04 Changed\n");
	assert_string_equal(run(ERRAND_READ, "/1/0/1", ""), "2.05 Content\n/1/0/1 i 600\n");
	struct record two[] = {
		record_of(path_of("/1/0/3"), value_integer(90)), record_of(path_of("/1/0/2"), value_integer(7))};
	assert_string_equal(put(ERRAND_UPDATE, "/1/0", two, 2), "2.04 Changed\n");
	const char *read = run(ERRAND_READ, "/1/0", "");
	assert_true(has(read, "/1/0/1 i 600\n") && has(read, "/1/0/2 i 7\n") && has(read, "/1/0/3 i 90\n"));
	assert_string_equal(put(ERRAND_WRITE, "/1/0", two, 2), "4.00 Bad Request\n"); /* mandatory ones are missing */
}

static unsigned noted(enum event_type type)
{
	unsigned count = 0;
	const struct event *event = NULL;
	for (uint64_t after = 0; (event = server_event_after(fleet.server.server, after)) != NULL;
		after = event->number)
		count += event->type == type && strcmp(event->actor, "anna") == 0;
	return count;
}

static void test_640_what_changes_something_is_audited_before_it_is_sent(void **state)
{
	(void)state;
	run(ERRAND_READ, "/3/0", "");
	assert_int_equal(noted(EVENT_DEVICE_ASKED), 0);
	fleet_trace_begin(&fleet);
	fleet.server.store.fail_batches = 1;
	assert_string_equal(put_one("/1/0/1", value_integer(700)), server_result_text(SERVER_STORE_FAILED));
	world_run(&fleet.world, SECONDS(1));
	assert_false(has(fleet.trace.text, "PUT /1/0/1"));
	assert_string_equal(put_one("/1/0/1", value_integer(700)), "2.04 Changed\n");
	assert_true(noted(EVENT_DEVICE_ASKED) > 0);
}

static void test_650_attributes_are_written_and_discovered(void **state)
{
	(void)state;
	assert_string_equal(run(ERRAND_ATTRIBUTES, "/26250/0/0", "pmin=20&pmax=90&gt=80"), "2.04 Changed\n");
	const char *links = run(ERRAND_DISCOVER, "/26250/0", "");
	assert_true(has(links, "</26250/0/0>;pmin=20;pmax=90;gt=80"));
	assert_true(has(links, "</26250/0/11>"));
	assert_string_equal(run(ERRAND_ATTRIBUTES, "/26250/0/0", "gt"), "2.04 Changed\n");
	assert_true(has(run(ERRAND_DISCOVER, "/26250/0/0", ""), "</26250/0/0>;pmin=20;pmax=90"));
	assert_false(has(fleet.server.answer, "gt="));
}

static bool lose_answers(void *context, const struct fleet_datagram *d, msec now)
{
	(void)context;
	(void)now;
	return d->device != 0 || !d->to_server;
}

/* Its answer is lost, so nobody knows whether it was carried out; it is not sent again when the device is back. */
static void test_660_what_is_executed_is_executed_once(void **state)
{
	(void)state;
	assert_string_equal(run(ERRAND_EXECUTE, "/1/0/8", "0='now',3"), "2.04 Changed\n");
	assert_string_equal(run(ERRAND_EXECUTE, "/3/0/4", ""), "2.04 Changed\n");
	world_run(&fleet.world, SECONDS(10));
	assert_int_equal(fleet.devices[0].reboots_asked, 1);
	fleet.filter = lose_answers;
	assert_string_equal(run(ERRAND_EXECUTE, "/3/0/4", ""), server_result_text(SERVER_NO_ANSWER));
	fleet.filter = NULL;
	world_run(&fleet.world, SECONDS(600));
	assert_true(device_is_registered(fleet_find(&fleet, 0)));
	assert_int_equal(fleet.devices[0].reboots_asked, 2);
}

static void test_670_composites_reach_several_objects_at_once(void **state)
{
	struct record names[] = {record_of(path_of("/3/0/3"), value_none()), record_of(path_of("/1/0/1"), value_none()),
		record_of(path_of("/3/0/99"), value_none())};
	struct record values[] = {
		record_of(path_of("/1/0/2"), value_integer(3)), record_of(path_of("/5/0/11"), value_unsigned(2))};
	(void)state;
	assert_string_equal(put(ERRAND_READ_COMPOSITE, "/", names, 3), "2.05 Content\n/1/0/1 i 300\n/3/0/3 s 1.0.0\n");
	assert_string_equal(put(ERRAND_WRITE_COMPOSITE, "/", values, 2), "2.04 Changed\n");
	assert_string_equal(run(ERRAND_READ, "/1/0/2", ""), "2.05 Content\n/1/0/2 i 3\n");
	assert_string_equal(run(ERRAND_READ, "/5/0/11", ""), "2.05 Content\n/5/0/11 i 2\n");
}

static void test_680_instances_of_objects_that_have_one_are_neither_made_nor_deleted(void **state)
{
	struct record value = record_of(path_of("/5/1/11"), value_integer(1));
	(void)state;
	assert_string_equal(put(ERRAND_CREATE, "/5", &value, 1), "4.05 Method Not Allowed\n");
	assert_string_equal(run(ERRAND_DELETE, "/3/0", ""), "4.05 Method Not Allowed\n");
}

static bool lists_instance(uint16_t object, uint16_t instance)
{
	return device_has_instance(fleet_find(&fleet, 0), object, instance);
}

/* 1630, 1635: and the device tells of its instances with an Update */
static void test_685_portfolio_instances_come_and_go(void **state)
{
	struct record text = record_of(path_of("/16/5/0/2"), value_string(bytes_of_text("pump in the cellar")));
	(void)state;
	assert_true(has(run(ERRAND_READ, "/16", ""), "2.05 Content\n"));
	assert_true(has(put(ERRAND_CREATE, "/16", &text, 1), "2.01 Created"));
	assert_string_equal(run(ERRAND_READ, "/16/5/0/2", ""), "2.05 Content\n/16/5/0/2 s pump in the cellar\n");
	assert_true(has(run(ERRAND_DISCOVER, "/16", ""), "</16/5>,</16/5/0>;dim=1"));
	world_run(&fleet.world, SECONDS(5));
	assert_true(lists_instance(16, 5));
	assert_true(has(put(ERRAND_CREATE, "/16", &text, 1), "4.00 Bad Request"));
	assert_string_equal(run(ERRAND_DELETE, "/16/5", ""), "2.02 Deleted\n");
	assert_string_equal(run(ERRAND_READ, "/16/5", ""), "4.04 Not Found\n");
	world_run(&fleet.world, SECONDS(5));
	assert_false(lists_instance(16, 5));
}

static bool lose_all(void *context, const struct fleet_datagram *d, msec now)
{
	(void)context;
	(void)now;
	return d->device != 0;
}

static void test_690_a_device_that_cannot_be_reached_holds_nobody_up(void **state)
{
	struct errand errand = {.kind = ERRAND_READ, .path = path_of("/3/0/3")};
	struct server_ask ask = {.actor = "anna", .token = 77};
	(void)state;
	fleet.filter = lose_all;
	assert_int_equal(server_errand(fleet.server.server, bytes_of_text("device-0"), &errand, SECONDS(9), &ask,
				 fleet.world.now),
		SERVER_ACCEPTED);
	assert_string_equal(fleet_errand(&fleet, 1, &errand), "2.05 Content\n/3/0/3 s 1.0.0\n");
	fleet.filter = NULL;
}

/* ---- observations ---- */

/* What the observation of this number told last: "/1/0/1 i 600\n". */
static const char *told(uint32_t number)
{
	static char text[1024];
	struct model_choice choices[DEVICE_OBJECTS_MAX];
	struct writer w = writer_of(text, sizeof text - 1);
	const struct server_watch *watch = server_watch_find(fleet.server.server, number);
	const struct record *records;
	if (watch == NULL)
		return "no such observation";
	struct model model = server_device_model(fleet.server.server, fleet_find(&fleet, 0), choices);
	size_t count = server_watch_values(fleet.server.server, watch, &model, &records);
	for (size_t i = 0; i < count; i++)
		show_record(&w, &records[i]);
	*w.at = '\0';
	return text;
}

static uint64_t reports(uint32_t number)
{
	const struct server_watch *watch = server_watch_find(fleet.server.server, number);
	return watch == NULL ? 0 : watch->reports;
}

static bool watch_lifetime(void)
{
	struct errand errand = {.kind = ERRAND_READ, .path = path_of("/1/0/1")};
	return strcmp(fleet_watch(&fleet, 0, &errand), "2.05 Content\n/1/0/1 i 300\n") == 0;
}

static void test_700_what_is_observed_is_told_until_it_is_ended(void **state)
{
	struct server_ask ask = {.actor = "anna"};
	(void)state;
	assert_true(watch_lifetime());
	uint32_t number = fleet.server.watch;
	assert_true(number > 0 && reports(number) == 1);
	put_one("/1/0/1", value_integer(400));
	world_run(&fleet.world, SECONDS(30));
	assert_string_equal(told(number), "/1/0/1 i 400\n");
	assert_int_equal(reports(number), 2);
	fleet_trace_begin(&fleet);
	assert_int_equal(server_unwatch(fleet.server.server, bytes_of_text("device-0"), number, &ask, fleet.world.now),
		SERVER_DONE);
	world_run(&fleet.world, SECONDS(1));
	assert_string_equal(told(number), "no such observation");
	put_one("/1/0/1", value_integer(500));
	world_run(&fleet.world, SECONDS(60));
	assert_int_equal(server_unwatch(fleet.server.server, bytes_of_text("device-0"), number, &ask, fleet.world.now),
		SERVER_NO_WATCH);
}

static void test_710_an_observation_begins_anew_with_every_registration(void **state)
{
	(void)state;
	assert_true(watch_lifetime());
	uint32_t number = fleet.server.watch;
	fleet_kill_device(&fleet, 0);
	world_run(&fleet.world, SECONDS(60));
	fleet_start_device(&fleet, 0);
	world_run(&fleet.world, SECONDS(60));
	uint64_t before = reports(number);
	assert_true(before > 1);
	put_one("/1/0/1", value_integer(450));
	world_run(&fleet.world, SECONDS(30));
	assert_string_equal(told(number), "/1/0/1 i 450\n");
	assert_true(reports(number) > before);
}

static void test_720_several_resources_are_observed_as_one(void **state)
{
	struct record names[] = {
		record_of(path_of("/1/0/1"), value_none()), record_of(path_of("/5/0/11"), value_none())};
	struct errand errand = {.kind = ERRAND_READ_COMPOSITE, .records = names, .count = 2};
	(void)state;
	assert_string_equal(fleet_watch(&fleet, 0, &errand), "2.05 Content\n/1/0/1 i 300\n/5/0/11 i 1\n");
	uint32_t number = fleet.server.watch;
	put_one("/5/0/11", value_integer(2));
	world_run(&fleet.world, SECONDS(30));
	assert_string_equal(told(number), "/1/0/1 i 300\n/5/0/11 i 2\n");
	put_one("/1/0/1", value_integer(320));
	world_run(&fleet.world, SECONDS(30));
	assert_string_equal(told(number), "/1/0/1 i 320\n/5/0/11 i 2\n");
	assert_int_equal(reports(number), 3);
}

static void test_730_what_cannot_be_observed_leaves_no_observation(void **state)
{
	struct errand missing = {.kind = ERRAND_READ, .path = path_of("/3303/0")};
	struct errand reboot = {.kind = ERRAND_READ, .path = path_of("/3/0/4")};
	uint32_t cursor = 0;
	(void)state;
	assert_string_equal(fleet_watch(&fleet, 0, &missing), "4.04 Not Found\n");
	assert_string_equal(fleet_watch(&fleet, 0, &reboot), "/3/0/4 (device/0/reboot): this resource cannot be read");
	assert_null(server_watch_next(fleet.server.server, fleet_find(&fleet, 0), &cursor));
}

static void test_740_an_operator_who_waits_for_a_device_that_leaves_is_told(void **state)
{
	struct errand errand = {.kind = ERRAND_READ, .path = path_of("/1/0/1")};
	uint32_t cursor = 0;
	(void)state;
	fleet_kill_device(&fleet, 0);
	assert_string_equal(fleet_watch(&fleet, 0, &errand), server_result_text(SERVER_NO_ANSWER));
	assert_null(server_watch_next(fleet.server.server, fleet_find(&fleet, 0), &cursor));
}

/* ---- Send ---- */

/* The device's program ends by itself in a moment. */
static void stop_payload(void)
{
	fleet.devices[0].program_ends = fleet.world.now + SECONDS(1);
}

static const struct server_watch *find_sent(void)
{
	const struct server_watch *watch;
	uint32_t cursor = 0;
	while ((watch = server_watch_next(fleet.server.server, fleet_find(&fleet, 0), &cursor)) != NULL)
		if (watch->is_unasked)
			return watch;
	return NULL;
}

static void test_750_a_payload_that_stops_is_told_of_when_the_server_allows_it(void **state)
{
	(void)state;
	stop_payload();
	world_run(&fleet.world, SECONDS(120));
	assert_null(find_sent()); /* Mute Send holds by default */
	assert_string_equal(put_one("/1/0/23", value_boolean(false)), "2.04 Changed\n");
	world_run(&fleet.world, SECONDS(5));
	assert_non_null(find_sent()); /* it was still to be told */
	assert_true(has(told(find_sent()->number), "/26250/0/12 u 1\n"));
	stop_payload();
	world_run(&fleet.world, SECONDS(5));
	assert_int_equal(find_sent()->reports, 2);
	assert_true(has(told(find_sent()->number), "/26250/0/12 u 2\n"));
}

static void test_760_what_could_not_be_sent_is_sent_when_the_server_is_back(void **state)
{
	(void)state;
	put_one("/1/0/23", value_boolean(false));
	fleet.filter = lose_all;
	stop_payload();
	world_run(&fleet.world, SECONDS(200));
	assert_null(find_sent());
	fleet.filter = NULL;
	world_run(&fleet.world, SECONDS(600));
	assert_non_null(find_sent());
	assert_string_equal(put_one("/1/0/23", value_boolean(true)), "2.04 Changed\n");
	uint64_t before = find_sent()->reports;
	stop_payload();
	world_run(&fleet.world, SECONDS(60));
	assert_int_equal(find_sent()->reports, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_610_objects_instances_and_resources_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_620_what_the_definitions_forbid_does_not_travel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_630_a_written_value_is_there_and_a_partial_update_leaves_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_640_what_changes_something_is_audited_before_it_is_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_650_attributes_are_written_and_discovered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_660_what_is_executed_is_executed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_670_composites_reach_several_objects_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_680_instances_of_objects_that_have_one_are_neither_made_nor_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_685_portfolio_instances_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_690_a_device_that_cannot_be_reached_holds_nobody_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_700_what_is_observed_is_told_until_it_is_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_710_an_observation_begins_anew_with_every_registration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_720_several_resources_are_observed_as_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_730_what_cannot_be_observed_leaves_no_observation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_740_an_operator_who_waits_for_a_device_that_leaves_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_750_a_payload_that_stops_is_told_of_when_the_server_allows_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_760_what_could_not_be_sent_is_sent_when_the_server_is_back, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
