/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of devices that register: over a bad network, and with a server that comes and goes. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct fleet fleet;

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 1, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

static bool lose_first_answer_to_register(void *context, const struct fleet_datagram *d, msec now)
{
	bool *was_lost = context;
	(void)now;
	if (*was_lost || d->to_server || d->message == NULL || d->message->code != COAP_CREATED)
		return true;
	*was_lost = true;
	return false;
}

/* The device repeats its Register; the server repeats its answer and has registered it once. */
static void test_110_a_lost_ack_makes_no_second_registration(void **state)
{
	bool was_lost = false;
	(void)state;
	fleet.filter = lose_first_answer_to_register;
	fleet.filter_context = &was_lost;
	fleet_trace_begin(&fleet);
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	fleet.trace.is_on = false;
	assert_string_equal(fleet.trace.text, "[     0] device-0 > server: hello\n"
					      "[     0] server > device-0: welcome\n"
					      "[     0] device-0 > server: CON POST /rd\n"
					      "[     5] server > device-0: ACK 2.01 Created LOST\n"
					      "[     5] server > device-0: CON GET /3/0\n"
					      "[  2016] server > device-0: CON GET /3/0 (2nd)\n"
					      "[  2886] device-0 > server: CON POST /rd (2nd)\n"
					      "[  2886] server > device-0: ACK 2.01 Created (2nd)\n");
	assert_int_equal(server_counters(fleet.server.server)->registers, 1);
	assert_int_equal(agent_counters(fleet.devices[0].agent)->registrations, 1);
}

/* Batches that the store has kept when a device has registered and been read. */
static uint64_t batches_of_a_registration(const struct link_quality *quality)
{
	fleet_start_server(&fleet);
	world_run(&fleet.world, SECONDS(1));
	uint64_t before = fleet.server.store.committed;
	fleet.world.link.quality = *quality;
	fleet_start_device(&fleet, 0);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	world_run(&fleet.world, SECONDS(3));
	assert_int_equal(server_counters(fleet.server.server)->registers, 1);
	assert_int_equal(store_memory_count(&fleet.server.store, STORE_REGISTRATION_PUT), 1);
	return fleet.server.store.committed - before;
}

/* Every datagram comes twice, and the store has no more to do than when each comes once. */
static void test_120_a_repeated_register_is_executed_once(void **state)
{
	struct link_quality once = {.delay = 20}, twice = once;
	(void)state;
	twice.repeat_permille = 1000;
	twice.repeat_delay = 200;
	uint64_t batches = batches_of_a_registration(&once);
	assert_true(batches > 0);
	fleet_done(&fleet);
	fleet_init(&fleet, 1, 1);
	assert_int_equal(batches_of_a_registration(&twice), batches);
	assert_true(fleet.world.link.repeated > 0);
}

static void test_130_a_device_finds_out_by_itself_that_the_server_restarted(void **state)
{
	(void)state;
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(10)));
	world_run(&fleet.world, SECONDS(5));
	wall_msec first_seen = fleet_find(&fleet, 0)->record.first_seen;
	uint64_t events = server_event_newest(fleet.server.server);

	fleet_kill_server(&fleet);
	world_run(&fleet.world, SECONDS(30));
	fleet_start_server(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(300)));
	world_run(&fleet.world, SECONDS(1));
	assert_int_equal(fleet_find(&fleet, 0)->record.first_seen, first_seen);
	assert_string_equal(fleet_find(&fleet, 0)->record.version, "1.0.0");
	assert_true(server_event_newest(fleet.server.server) > events);
	assert_int_equal(server_gauges(fleet.server.server).devices, 1);
}

/* Ten devices on a network that loses every fifth datagram, each way. */
static void test_140_all_devices_register_over_a_bad_network(void **state)
{
	(void)state;
	fleet_done(&fleet);
	fleet_init(&fleet, 140, 10);
	fleet.world.link.quality =
		(struct link_quality){.delay = 50, .jitter = 400, .loss_permille = 200, .repeat_permille = 50};
	fleet_start_all(&fleet);
	assert_true(fleet_until_registered(&fleet, 10, SECONDS(600)));
	assert_true(fleet.world.link.lost > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_110_a_lost_ack_makes_no_second_registration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_120_a_repeated_register_is_executed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_130_a_device_finds_out_by_itself_that_the_server_restarted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_140_all_devices_register_over_a_bad_network, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
