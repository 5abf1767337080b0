/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of devices behind NATs that give them another port every few seconds, or in the middle of an update. The
 * sessions are real ones. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DEVICES     6
#define IMAGE_BYTES 4000

static struct fleet fleet;
static uint8_t image[IMAGE_BYTES];

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 7, DEVICES);
	fleet.is_secure = true;
	fleet.world.link.quality.delay = 40;
	disk_make_image(image, sizeof image, 2);
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

static const struct dtls_counters *dtls(void)
{
	return dtls_counters(fleet.server.secure->dtls);
}

/* One handshake for each device, and nobody has registered anew. */
static void assert_nobody_began_anew(void)
{
	assert_int_equal(dtls()->handshakes_started, DEVICES);
	assert_int_equal(fleet.server.newest_session, DEVICES);
	assert_int_equal(server_counters(fleet.server.server)->registers, DEVICES);
	assert_int_equal(server_gauges(fleet.server.server).connected, DEVICES);
}

static void tell(void)
{
	print_message("%llu moves, %llu proved, %llu messages withheld\n",
		(unsigned long long)dtls()->addresses_changed, (unsigned long long)dtls()->addresses_proved,
		(unsigned long long)dtls()->withheld);
}

static void move_all(void)
{
	for (unsigned i = 0; i < DEVICES; i++)
		fleet_move_device(&fleet, i);
}

static uint64_t notifications_sent(void)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < DEVICES; i++)
		sum += agent_counters(fleet.devices[i].agent)->notifications;
	return sum;
}

static void test_710_no_notification_is_lost_however_often_the_devices_move(void **state)
{
	(void)state;
	uint64_t sent = notifications_sent(), heard = server_counters(fleet.server.server)->notifications;
	for (int i = 0; i < 600; i++) {
		world_run(&fleet.world, SECONDS(1));
		move_all();
	}
	world_run(&fleet.world, SECONDS(60));
	sent = notifications_sent() - sent;
	heard = server_counters(fleet.server.server)->notifications - heard;
	assert_true(sent > 100);
	assert_int_equal(heard, sent);
	assert_true(dtls()->addresses_changed > 100);
	assert_nobody_began_anew();
}

static void test_720_nor_is_the_latest_state_where_datagrams_are_lost(void **state)
{
	(void)state;
	fleet.world.link.quality.loss_permille = 100;
	for (int i = 0; i < 300; i++) {
		world_run(&fleet.world, SECONDS(2));
		move_all();
	}
	for (unsigned i = 0; i < DEVICES; i++)
		assert_true(server_wall(fleet.server.server, fleet.world.now) - fleet_find(&fleet, i)->health_at <
			    SECONDS(180));
	assert_nobody_began_anew();
}

static void update(uint32_t loss_permille, msec between)
{
	fleet.world.link.quality.loss_permille = loss_permille;
	assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_int_not_equal(rollout, 0);
	for (unsigned i = 0; i < 4000 && !fleet_until_ended(&fleet, rollout, between); i++)
		fleet_move_device(&fleet, i % DEVICES); /* one after the other, at each moment of its exchange */
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(3600)));
	for (unsigned i = 0; i < DEVICES; i++)
		assert_int_equal(fleet_entry(&fleet, rollout, i), ENTRY_CONFIRMED);
	tell();
	assert_true(dtls()->addresses_changed >= DEVICES);
	assert_true(dtls()->addresses_proved > 0); /* a manifest and blocks are large */
	assert_true(dtls()->withheld > 0);
	assert_nobody_began_anew();
}

static void test_730_an_update_goes_on_through_every_move(void **state)
{
	(void)state;
	update(0, 90);
}

static void test_740_also_where_datagrams_are_lost(void **state)
{
	(void)state;
	update(100, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_710_no_notification_is_lost_however_often_the_devices_move, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_720_nor_is_the_latest_state_where_datagrams_are_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_730_an_update_goes_on_through_every_move, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_740_also_where_datagrams_are_lost, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
