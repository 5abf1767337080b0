/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of rollouts to several devices: waves, failures, an operator's words, a server that is killed. */
#include "tests/sim/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DEVICES     8
#define IMAGE_BYTES 2000
#define BLOCKS      ((IMAGE_BYTES + 63) / 64)

static struct fleet fleet;
static uint8_t image[IMAGE_BYTES];
static const struct server_ask operator= {"olga", FLEET_TOKEN};

static int set_up(void **state)
{
	(void)state;
	fleet_init(&fleet, 3, DEVICES);
	fleet.world.link.quality = (struct link_quality){.delay = 20, .jitter = 20};
	disk_make_image(image, sizeof image, 2);
	fleet_start_all(&fleet);
	return !fleet_until_registered(&fleet, DEVICES, SECONDS(60)) ||
	       !fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2);
}

static int tear_down(void **state)
{
	(void)state;
	fleet_done(&fleet);
	return 0;
}

static const struct rollout *look(uint32_t rollout)
{
	return server_rollout_find(fleet.server.server, rollout);
}

static unsigned running_new(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < DEVICES; i++)
		n += fleet_runs(&fleet, i, image, sizeof image);
	return n;
}

static enum server_result say(uint32_t rollout, enum rollout_word word)
{
	return fleet_await(
		&fleet, server_rollout_command(fleet.server.server, rollout, word, &operator, fleet.world.now));
}

struct watch {
	uint32_t rollout;
	unsigned wave_sizes[3], most_begun;
};

/* A wave begins only when all of the waves before have ended: nobody of it has been asked anything. */
static bool ended_wave_by_wave(void *context)
{
	struct watch *w = context;
	const struct rollout *r = look(w->rollout);
	struct rollout_view view;
	uint32_t cursor = 0;
	if (r->record.waves_begun > w->most_begun) {
		unsigned ended = r->counts[ENTRY_CONFIRMED], before = 0;
		for (unsigned i = 0; i < w->most_begun; i++)
			before += w->wave_sizes[i];
		assert_int_equal(ended, before);
		w->most_begun = r->record.waves_begun;
	}
	while (server_rollout_view_next(fleet.server.server, r, &cursor, &view))
		assert_true(view.entry->wave < r->record.waves_begun || view.entry->state == ENTRY_PENDING);
	return rollout_has_ended(r);
}

static void test_310_a_rollout_completes_wave_by_wave(void **state)
{
	struct rollout_plan plan = rollout_plan_default;
	(void)state;
	plan.wave_count = 2;
	plan.waves[0] = (struct rollout_wave){1, false};
	plan.waves[1] = (struct rollout_wave){25, true};
	struct watch w = {.rollout = fleet_roll_out(&fleet, "two", &plan), .wave_sizes = {1, 2, 5}};
	assert_true(world_run_until(&fleet.world, SECONDS(600), ended_wave_by_wave, &w));
	assert_int_equal(w.most_begun, 3);
	assert_int_equal(look(w.rollout)->record.state, ROLLOUT_COMPLETED);
	assert_int_equal(look(w.rollout)->counts[ENTRY_CONFIRMED], DEVICES);
	assert_int_equal(running_new(), DEVICES);
}

/* The n-th device of a wave. */
static struct fleet_device *device_of_wave(uint32_t rollout, unsigned wave, unsigned n)
{
	struct rollout_view view;
	uint32_t cursor = 0;
	while (server_rollout_view_next(fleet.server.server, look(rollout), &cursor, &view))
		if (view.entry->wave == wave && n-- == 0)
			for (unsigned i = 0; i < DEVICES; i++)
				if (fleet_find(&fleet, i) == view.device)
					return &fleet.devices[i];
	fail_msg("wave %u has not so many", wave);
	return NULL;
}

/* Two of the first wave of four fail where one may: nobody of the second wave is asked. */
static void test_320_a_rollout_halts_when_too_many_fail(void **state)
{
	struct rollout_plan plan = rollout_plan_default;
	(void)state;
	plan.wave_count = 1;
	plan.waves[0] = (struct rollout_wave){50, true};
	plan.failures_allowed = 1;
	plan.failures_in_percent = false;
	uint32_t rollout = fleet_roll_out(&fleet, "two", &plan);
	struct fleet_device *bad[2] = {device_of_wave(rollout, 0, 0), device_of_wave(rollout, 0, 1)};
	bad[0]->program[SLOT_B].self_test_fails = true;
	bad[1]->program[SLOT_B].exits_after = SECONDS(5);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_int_equal(look(rollout)->record.state, ROLLOUT_HALTED);
	assert_string_not_equal(look(rollout)->record.reason, "");
	world_run(&fleet.world, SECONDS(7200));
	assert_int_equal(look(rollout)->counts[ENTRY_FAILED], 2);
	assert_int_equal(look(rollout)->counts[ENTRY_CONFIRMED], 2);
	assert_int_equal(look(rollout)->counts[ENTRY_PENDING], 4);
	assert_int_equal(running_new(), 2);

	/* The operator has looked into it; the rest of the fleet takes it. */
	assert_int_equal(say(rollout, ROLLOUT_RESUME), SERVER_DONE);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_int_equal(look(rollout)->record.state, ROLLOUT_COMPLETED);
	assert_int_equal(look(rollout)->counts[ENTRY_CONFIRMED], 6);
	assert_int_equal(running_new(), 6);
}

/* A path that overtakes may have a block asked for twice; an outage may not. */
static uint64_t repeated_before[FLEET_DEVICES_MAX];

static void kill_server(void)
{
	for (unsigned i = 0; i < fleet.device_count; i++)
		repeated_before[i] = fleet_blocks_repeated(&fleet, i);
	fleet_kill_server(&fleet);
}

static void assert_ended_as_if_nothing_had_happened(uint32_t rollout)
{
	assert_int_equal(look(rollout)->record.state, ROLLOUT_COMPLETED);
	assert_int_equal(look(rollout)->counts[ENTRY_CONFIRMED], fleet.device_count);
	for (unsigned i = 0; i < fleet.device_count; i++) {
		assert_true(fleet_runs(&fleet, i, image, sizeof image));
		assert_int_equal(fleet_blocks_repeated(&fleet, i), repeated_before[i]);
		assert_int_equal(fleet_blocks_fetched(&fleet, i), BLOCKS);
		assert_int_equal(fleet.devices[i].disk.self_tests, 1);
	}
}

struct outage {
	uint32_t rollout;
	enum entry_state state; /* the server is killed when device 0 is in it */
};

static bool is_there(void *context)
{
	const struct outage *o = context;
	return fleet_entry(&fleet, o->rollout, 0) == o->state;
}

static void kill_and_restart(enum entry_state when)
{
	struct outage o = {.state = when};
	o.rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_true(world_run_until(&fleet.world, SECONDS(600), is_there, &o));
	kill_server();
	world_run(&fleet.world, SECONDS(10));
	fleet_start_server(&fleet);
	assert_true(fleet_until_ended(&fleet, o.rollout, SECONDS(3600)));
	assert_ended_as_if_nothing_had_happened(o.rollout);
}

static void test_330_a_server_killed_during_the_downloads_goes_on_after_its_restart(void **state)
{
	(void)state;
	kill_and_restart(ENTRY_DOWNLOADING);
}

static void test_331_a_server_killed_at_the_word_to_install_goes_on_after_its_restart(void **state)
{
	(void)state;
	kill_and_restart(ENTRY_INSTALLING);
}

static void test_332_a_server_killed_while_it_confirms_goes_on_after_its_restart(void **state)
{
	(void)state;
	kill_and_restart(ENTRY_CONFIRMING);
}

static void test_333_a_server_killed_before_the_first_offer_goes_on_after_its_restart(void **state)
{
	(void)state;
	kill_and_restart(ENTRY_WAITING);
}

/* The whole rollout is told once for every moment at which the server may die, step by step. */
static void test_335_a_server_killed_at_any_moment_goes_on_after_its_restart(void **state)
{
	(void)state;
	for (msec at = 1; at < SECONDS(13); at += at < SECONDS(2) ? 31 : 487) {
		fleet_done(&fleet);
		fleet_init(&fleet, (uint64_t)at, 2);
		fleet.world.link.quality = (struct link_quality){.delay = 20, .jitter = 20};
		fleet_start_all(&fleet);
		assert_true(fleet_until_registered(&fleet, 2, SECONDS(60)));
		assert_true(fleet_publish(&fleet, "two", image, sizeof image, "2.0.0", 2));
		uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
		world_run(&fleet.world, at);
		kill_server();
		world_run(&fleet.world, SECONDS(1));
		fleet_start_server(&fleet);
		if (!fleet_until_ended(&fleet, rollout, SECONDS(3600)))
			fail_msg("killed after %lld ms: the rollout does not end", (long long)at);
		assert_ended_as_if_nothing_had_happened(rollout);
	}
}

static bool someone_downloads(void *context)
{
	return look(*(uint32_t *)context)->counts[ENTRY_CONFIRMED] > 0;
}

static void test_340_a_paused_rollout_asks_nobody_until_it_is_resumed(void **state)
{
	struct rollout_plan plan = rollout_plan_default;
	(void)state;
	plan.wave_count = 1;
	plan.waves[0] = (struct rollout_wave){2, false};
	uint32_t rollout = fleet_roll_out(&fleet, "two", &plan);
	assert_true(world_run_until(&fleet.world, SECONDS(60), someone_downloads, &rollout));
	assert_int_equal(say(rollout, ROLLOUT_PAUSE), SERVER_DONE);
	world_run(&fleet.world, SECONDS(3600));
	assert_int_equal(look(rollout)->record.state, ROLLOUT_PAUSED);
	assert_int_equal(running_new(), 2); /* what was under way has come to its end */
	assert_int_equal(say(rollout, ROLLOUT_RESUME), SERVER_DONE);
	assert_true(fleet_until_ended(&fleet, rollout, SECONDS(600)));
	assert_int_equal(look(rollout)->record.state, ROLLOUT_COMPLETED);
	assert_int_equal(running_new(), DEVICES);
}

static bool someone_has_started(void *context)
{
	return look(*(uint32_t *)context)->counts[ENTRY_DOWNLOADING] > 2;
}

/* Nothing more is asked, downloads are called off, and what already installs is followed to its end. */
static void test_345_an_aborted_rollout_leaves_everybody_with_a_program(void **state)
{
	(void)state;
	uint32_t rollout = fleet_roll_out(&fleet, "two", NULL);
	assert_true(world_run_until(&fleet.world, SECONDS(60), someone_has_started, &rollout));
	assert_int_equal(say(rollout, ROLLOUT_ABORT), SERVER_DONE);
	world_run(&fleet.world, SECONDS(600));
	assert_int_equal(look(rollout)->record.state, ROLLOUT_ABORTED);
	assert_int_equal(look(rollout)->counts[ENTRY_SKIPPED] + look(rollout)->counts[ENTRY_CONFIRMED], DEVICES);
	assert_true(look(rollout)->counts[ENTRY_SKIPPED] > 0);
	assert_int_equal(running_new(), look(rollout)->counts[ENTRY_CONFIRMED]);
	for (unsigned i = 0; i < DEVICES; i++) {
		assert_true(fleet_runs(&fleet, i, image, sizeof image) ||
			    fleet_runs(&fleet, i, fleet_factory_image, FLEET_FACTORY_BYTES));
		assert_int_equal(agent_journal(fleet.devices[i].agent)->phase, JOURNAL_IDLE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		STORY(test_310_a_rollout_completes_wave_by_wave),
		STORY(test_320_a_rollout_halts_when_too_many_fail),
		STORY(test_330_a_server_killed_during_the_downloads_goes_on_after_its_restart),
		STORY(test_331_a_server_killed_at_the_word_to_install_goes_on_after_its_restart),
		STORY(test_332_a_server_killed_while_it_confirms_goes_on_after_its_restart),
		STORY(test_333_a_server_killed_before_the_first_offer_goes_on_after_its_restart),
		STORY(test_335_a_server_killed_at_any_moment_goes_on_after_its_restart),
		STORY(test_340_a_paused_rollout_asks_nobody_until_it_is_resumed),
		STORY(test_345_an_aborted_rollout_leaves_everybody_with_a_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
