/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of a server that stops and starts again, or is replaced by a newer one, while its devices go on. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DEVICES 8

static struct fleet fleet;

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 5, DEVICES);
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, DEVICES, SECONDS(30)));
	world_run(&fleet.world, SECONDS(20)); /* all is asked and observed */
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

/* Each handshake gives a number. */
static uint32_t handshakes(void)
{
	return fleet.server.newest_session;
}

static void assert_all_report(msec span)
{
	wall_msec since = server_wall(fleet.server.server, fleet.world.now);
	world_run(&fleet.world, span);
	for (unsigned i = 0; i < DEVICES; i++)
		assert_true(fleet_find(&fleet, i)->health_at >= since);
}

static void test_510_a_clean_restart_is_not_noticed_by_any_device(void **state)
{
	(void)state;
	uint32_t before = handshakes();
	fleet_restart_server(&fleet, DEVICES);
	assert_int_equal(server_gauges(fleet.server.server).registered, DEVICES);
	assert_int_equal(server_gauges(fleet.server.server).connected, DEVICES);
	fleet_trace_begin(&fleet);
	assert_all_report(SECONDS(120)); /* notifications, under the tokens of the server before */
	assert_int_equal(handshakes(), before);
	assert_int_equal(fleet.trace.requests, 0); /* nothing was asked or observed anew */
	assert_int_equal(server_counters(fleet.server.server)->registers, 0);
	world_run(&fleet.world, SECONDS(24 * 3600)); /* renewals go on as well */
	assert_int_equal(handshakes(), before);
	assert_int_equal(server_counters(fleet.server.server)->expiries, 0);
	assert_int_equal(server_counters(fleet.server.server)->registers, 0);
	assert_true(server_counters(fleet.server.server)->updates > 0);
}

static void test_520_many_restarts_in_a_row_are_not_noticed_either(void **state)
{
	(void)state;
	uint32_t before = handshakes();
	for (int i = 0; i < 20; i++) {
		fleet_restart_server(&fleet, DEVICES);
		world_run(&fleet.world, (msec)i * 700);
	}
	assert_all_report(SECONDS(120));
	assert_int_equal(handshakes(), before);
}

static void test_530_only_devices_whose_session_was_lost_make_a_new_one(void **state)
{
	(void)state;
	uint32_t before = handshakes();
	fleet_restart_server(&fleet, DEVICES - 3);
	assert_true(fleet_until_registered(&fleet, DEVICES, SECONDS(3600)));
	world_run(&fleet.world, SECONDS(3600));
	assert_int_equal(handshakes(), before + 3);
	assert_all_report(SECONDS(120));
}

static void test_540_a_rollout_goes_on_over_a_clean_restart(void **state)
{
	static uint8_t image[1500];
	(void)state;
	disk_make_image(image, sizeof image, 2);
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	for (int i = 0; i < 6; i++) {
		world_run(&fleet.world, 900);
		fleet_restart_server(&fleet, DEVICES);
	}
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(3600)));
	for (unsigned i = 0; i < DEVICES; i++)
		assert_int_equal(fleet_entry(&fleet, rollout, i), ENTRY_CONFIRMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		STORY(test_510_a_clean_restart_is_not_noticed_by_any_device),
		STORY(test_520_many_restarts_in_a_row_are_not_noticed_either),
		STORY(test_530_only_devices_whose_session_was_lost_make_a_new_one),
		STORY(test_540_a_rollout_goes_on_over_a_clean_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
