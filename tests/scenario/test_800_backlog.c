/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of devices whose server is away: what they saw meanwhile is in its history afterwards, at the right time.
 * What is observed is the device's own clock, so that every value tells when it was. */
#include "agent/backlog.h"
#include "tests/sim/fleet.h"
#include "tests/sim/fleet_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define AWAY SECONDS(1200)

static struct fleet fleet;
static const struct path current_time = {{3, 0, 13, 0}, 3};

static bool attributes(const char *path_text, const char *text)
{
	struct errand errand = {.kind = ERRAND_ATTRIBUTES, .text = bytes_of_text(text)};
	assert_true(path_parse(bytes_of_text(path_text), &errand.path));
	return strncmp(fleet_errand(&fleet, 0, &errand), "2.04", 4) == 0;
}

static const char *set(uint16_t resource, bool value) /* in the server's account */
{
	struct path path = path_of_resource(1, 0, resource);
	struct record record = record_of(path, value_boolean(value));
	struct errand errand = {.kind = ERRAND_WRITE, .path = path, .records = &record, .count = 1};
	return fleet_errand(&fleet, 0, &errand);
}

static int set_up(void **state)
{
	struct errand errand = {.kind = ERRAND_READ, .path = current_time};
	(void)state;
	fleet_init(&fleet, 8, 1);
	fleet_start_all(&fleet);
	if (!fleet_until_registered(&fleet, 1, SECONDS(10)))
		return -1;
	world_run(&fleet.world, SECONDS(5));
	if (strcmp(set(23, false), "2.04 Changed\n") != 0) /* Mute Send */
		return -1;
	if (!attributes("/3/0/13", "pmin=30&pmax=60") || strncmp(fleet_watch(&fleet, 0, &errand), "2.05", 4) != 0)
		return -1;
	world_run(&fleet.world, SECONDS(100));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

static wall_msec wall(void)
{
	return WALL_CLOCK_AHEAD + fleet.world.now;
}

/* For so long; returns when it began, without what was still on its way. */
static wall_msec leave(msec span)
{
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, true);
	world_run(&fleet.world, SECONDS(1));
	wall_msec left = wall();
	world_run(&fleet.world, span - SECONDS(1));
	return left;
}

/* Returns when it was there again; what it told then has been heard. */
static wall_msec come_back(void)
{
	link_cut(&fleet.world.link, &fleet.devices[0].node.address, false);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(600)));
	wall_msec back = wall();
	world_run(&fleet.world, SECONDS(50));
	return back;
}

/* How many of these values the history has from the one moment to the other; each must be that of its moment. */
static unsigned in_history(wall_msec since, wall_msec until)
{
	unsigned count = 0;
	for (size_t i = 0; i < fleet.server.history_count; i++) {
		const struct fleet_sample *s = &fleet.server.history[i];
		if (!path_equal(s->path, current_time) || s->at < since || s->at >= until)
			continue;
		assert_in_range(
			labs((long)s->number - (long)(s->at / 1000)), 0, 1); /* clocks of devices count seconds */
		count++;
	}
	return count;
}

static bool is_away(void *context)
{
	(void)context;
	return !agent_is_registered(fleet.devices[0].agent);
}

static void test_810_what_a_device_saw_while_it_was_away_is_in_the_history_at_its_time(void **state)
{
	(void)state;
	wall_msec left = leave(AWAY);
	assert_int_equal(in_history(left, wall()), 0);
	wall_msec back = come_back();
	assert_in_range(in_history(left, back), (back - left) / SECONDS(60) - 1, (back - left) / SECONDS(30) + 1);
	for (wall_msec at = left; at + SECONDS(120) <= back; at += SECONDS(120)) /* from the first minute on */
		assert_true(in_history(at, at + SECONDS(120)) > 0);
	uint64_t sends = agent_counters(fleet.devices[0].agent)->sends;
	world_run(&fleet.world, SECONDS(1200));
	assert_int_equal(agent_counters(fleet.devices[0].agent)->sends, sends); /* once is enough */
}

static void test_820_it_survives_that_the_agent_starts_anew_meanwhile(void **state)
{
	(void)state;
	wall_msec left = leave(AWAY);
	fleet_kill_device(&fleet, 0);
	unsigned writes = fleet.devices[0].backlog_writes;
	assert_in_range(writes, 1, AWAY / SECONDS(600));
	world_run(&fleet.world, SECONDS(300));
	fleet_start_device(&fleet, 0);
	world_run(&fleet.world, SECONDS(30));
	(void)come_back();
	assert_string_equal(set(23, false), "2.04 Changed\n"); /* these devices forget their accounts */
	world_run(&fleet.world, SECONDS(60));
	assert_in_range(in_history(left, left + SECONDS(600)), 600 / 60, 600 / 30);
	assert_int_equal(in_history(left + AWAY, left + AWAY + SECONDS(300)), 0); /* it was off */
}

static void test_830_hqmax_says_how_many_of_the_latest_are_kept(void **state)
{
	(void)state;
	assert_true(attributes("/3/0/13", "hqmax=3"));
	world_run(&fleet.world, SECONDS(200));
	wall_msec left = leave(AWAY);
	wall_msec back = come_back();
	assert_int_equal(in_history(left, back - SECONDS(200)), 0);
	assert_in_range(in_history(left, back), 2, 3);
}

static void test_840_a_server_that_does_not_want_them_stored_gets_none(void **state)
{
	(void)state;
	assert_string_equal(set(6, false), "2.04 Changed\n");
	world_run(&fleet.world, SECONDS(400));
	wall_msec left = leave(AWAY);
	wall_msec back = come_back();
	assert_int_equal(in_history(left, back), 0);
	assert_int_equal(fleet.devices[0].backlog_writes, 0);
}

/* The server's machine is lost, and nobody tells the devices; their notifications need no answer. */
static void test_850_what_was_told_to_a_server_that_had_died_is_told_again(void **state)
{
	(void)state;
	wall_msec died = wall();
	fleet_kill_server(&fleet);
	assert_true(world_run_until(&fleet.world, SECONDS(600), is_away, NULL));
	wall_msec noticed = wall();
	fleet_start_server(&fleet);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(600)));
	world_run(&fleet.world, SECONDS(60));
	assert_true(in_history(died, noticed) >= (noticed - died) / SECONDS(60));
}

/* What arrives late is not taken for the present. */
static void test_860_old_values_do_not_pass_for_the_state_of_the_device(void **state)
{
	(void)state;
	(void)leave(AWAY);
	(void)come_back();
	struct health health = device_health(fleet_find(&fleet, 0));
	assert_true(health_has(&health, HEALTH_UPTIME));
	assert_in_range(fleet.world.now / 1000 - (msec)health.uptime_s, 0, 75);
}

/* The account was taken away while the device was off. */
static void test_870_what_was_kept_for_a_server_that_is_none_any_more_is_gone(void **state)
{
	struct fleet_device *d = &fleet.devices[0];
	struct backlog_entry entries[4];
	struct backlog b;
	struct backlog_clock clock = {fleet.world.now, wall() / 1000};
	struct record record = record_of(current_time, value_integer(5));
	(void)state;
	fleet_kill_device(&fleet, 0);
	backlog_init(&b, entries, 4);
	backlog_add(&b, 7, false, &record, 1, fleet.world.now);
	struct writer w = writer_of(d->backlog + SHELF_HEAD_BYTES, sizeof d->backlog - SHELF_HEAD_BYTES);
	backlog_encode(&b, &clock, &w);
	struct writer head = writer_of(d->backlog, SHELF_HEAD_BYTES);
	write_u32(&head, journal_crc32(writer_bytes(&w)));
	d->backlog_len = SHELF_HEAD_BYTES + writer_bytes(&w).len;
	fleet_start_device(&fleet, 0);
	assert_true(fleet_until_registered(&fleet, 1, SECONDS(60)));
	world_run(&fleet.world, SECONDS(700));
	assert_int_equal(d->backlog_writes, 1);
	assert_int_equal(d->backlog_len, SHELF_HEAD_BYTES + BACKLOG_HEAD_BYTES);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest stories[] = {
		STORY(test_810_what_a_device_saw_while_it_was_away_is_in_the_history_at_its_time),
		STORY(test_820_it_survives_that_the_agent_starts_anew_meanwhile),
		STORY(test_830_hqmax_says_how_many_of_the_latest_are_kept),
		STORY(test_840_a_server_that_does_not_want_them_stored_gets_none),
		STORY(test_850_what_was_told_to_a_server_that_had_died_is_told_again),
		STORY(test_860_old_values_do_not_pass_for_the_state_of_the_device),
		STORY(test_870_what_was_kept_for_a_server_that_is_none_any_more_is_gone),
	};
	return cmocka_run_group_tests(stories, NULL, NULL);
}
