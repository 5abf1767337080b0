/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of everyday operation: health, a store that fails, devices that are not who they say, long absences. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct fleet fleet;

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 4, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

/* Ten minutes of life: the server knows the device's health and has not asked once. */
static void test_410_health_arrives_without_polling(void **state)
{
	(void)state;
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	world_run(&fleet.world, SECONDS(10));
	fleet_trace_begin(&fleet);
	uint64_t reports = server_counters(fleet.server.server)->health_reports;
	for (int minute = 0; minute < 10; minute++) {
		world_run(&fleet.world, SECONDS(60));
		wall_msec now = server_wall(fleet.server.server, fleet.world.now);
		assert_in_range(now - fleet_find(&fleet, 0)->health_at, 0, 60000); /* pmax */
	}
	reports = server_counters(fleet.server.server)->health_reports - reports;
	assert_int_equal(fleet.trace.requests, 0);
	assert_in_range(reports, 600 / 60, 600 / 5); /* pmax, pmin */
	assert_true(fleet_find(&fleet, 0)->health_at > 0);
}

static bool has_been_refused(void *context)
{
	const struct fleet *f = context;
	return strstr(f->trace.text, "ACK 5.") != NULL;
}

/* The store cannot write: the Register is not acknowledged as done and leaves nothing; later it works by itself. */
static void test_420_a_register_that_cannot_be_stored_is_refused_and_leaves_nothing(void **state)
{
	(void)state;
	fleet_start_server(&fleet);
	world_run(&fleet.world, SECONDS(1));
	fleet_trace_begin(&fleet);
	fleet.server.store.fail_batches = 1;
	fleet_start_device(&fleet, 0);
	assert_true(world_run_until(&fleet.world, SECONDS(60), has_been_refused, &fleet));
	assert_int_equal(server_gauges(fleet.server.server).registered, 0);
	assert_int_equal(store_memory_count(&fleet.server.store, STORE_REGISTRATION_PUT), 0);
	assert_int_equal(store_memory_count(&fleet.server.store, STORE_DEVICE_PUT), 0);
	assert_null(strstr(fleet.trace.text, "2.01 Created"));
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(600)));
	assert_int_equal(store_memory_count(&fleet.server.store, STORE_REGISTRATION_PUT), 1);
}

static void test_430_a_device_that_claims_another_name_is_refused(void **state)
{
	(void)state;
	strcpy(fleet.devices[0].hello_name, "device-9");
	fleet_start_server(&fleet);
	fleet_trace_begin(&fleet);
	fleet_start_device(&fleet, 0);
	world_run(&fleet.world, SECONDS(60));
	assert_non_null(strstr(fleet.trace.text, "server > device-0: ACK 4.00 Bad Request"));
	assert_false(agent_is_registered(fleet.devices[0].agent));
	assert_int_equal(server_gauges(fleet.server.server).registered, 0);
	assert_int_equal(store_memory_count(&fleet.server.store, STORE_REGISTRATION_PUT), 0);
	assert_true(server_counters(fleet.server.server)->refusals > 0);
}

static void test_440_a_device_that_is_away_for_long_expires_and_comes_back_with_its_history(void **state)
{
	(void)state;
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	world_run(&fleet.world, SECONDS(10));
	wall_msec first_seen = fleet_find(&fleet, 0)->record.first_seen;
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, true);
	world_run(&fleet.world, SECONDS(3600));
	assert_int_equal(server_gauges(fleet.server.server).registered, 0);
	assert_int_equal(server_counters(fleet.server.server)->expiries, 1);
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, false);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(600)));
	world_run(&fleet.world, SECONDS(10));
	assert_int_equal(fleet_find(&fleet, 0)->record.first_seen, first_seen);
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "1.0.0");
}

/* A store that fails again and again in the middle of a rollout delays it and spoils nothing. */
static void test_450_a_rollout_survives_a_store_that_fails_for_a_while(void **state)
{
	static uint8_t image[1500];
	(void)state;
	disk_make_image(image, sizeof image, 2);
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	fleet.server.store.fail_batches = 7;
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(3600)));
	assert_int_equal(fleet.server.store.fail_batches, 0);
	assert_int_equal(fleet_entry(&fleet, rollout, 0), ENTRY_CONFIRMED);
	assert_true(fleet_runs(&fleet, 0, image, sizeof image));
	assert_int_equal(fleet.devices[0].disk.self_tests, 1);
}

static bool is_installing(void *context)
{
	return fleet_entry(&fleet, *(uint32_t *)context, 0) == ENTRY_INSTALLING;
}

/* The network is away just while the device has to tell how the update went, and back before anything runs out. */
static void test_455_news_that_could_not_be_told_are_told_when_the_network_is_back(void **state)
{
	static uint8_t image[1500];
	(void)state;
	disk_make_image(image, sizeof image, 2);
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_true(world_run_until(&fleet.world, SECONDS(60), is_installing, &rollout));
	world_run(&fleet.world, SECONDS(1));
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, true);
	world_run(&fleet.world, SECONDS(110));
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, false);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(120)));
	assert_int_equal(fleet_entry(&fleet, rollout, 0), ENTRY_CONFIRMED);
}

/* One batch of several that are under way fails; then the server is killed, before or after it could try again. */
static void test_460_a_server_killed_after_its_store_failed_starts_again(void **state)
{
	(void)state;
	for (msec at = 10; at < 100; at++) {
		fleet_done(&fleet);
		fleet_init(&fleet, (uint64_t)at, 8);
		fleet.server.store.latency = 30;
		fleet.world.link.quality = (struct link_quality){.jitter = 20};
		fleet_start_server(&fleet);
		world_run(&fleet.world, SECONDS(1));
		for (unsigned i = 0; i < 8; i++)
			fleet_start_device(&fleet, i);
		world_run(&fleet.world, 20);
		fleet.server.store.fail_batches = 1;
		world_run(&fleet.world, at);
		fleet_kill_server(&fleet);
		fleet_start_server(&fleet); /* asserts that all could be loaded */
		assert_true(fleet_until_registered(&fleet, 8, SECONDS(600)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		STORY(test_410_health_arrives_without_polling),
		STORY(test_420_a_register_that_cannot_be_stored_is_refused_and_leaves_nothing),
		STORY(test_430_a_device_that_claims_another_name_is_refused),
		STORY(test_440_a_device_that_is_away_for_long_expires_and_comes_back_with_its_history),
		STORY(test_450_a_rollout_survives_a_store_that_fails_for_a_while),
		STORY(test_455_news_that_could_not_be_told_are_told_when_the_network_is_back),
		STORY(test_460_a_server_killed_after_its_store_failed_starts_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
