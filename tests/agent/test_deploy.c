/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Engine, download, journal, slots and programs together, with the power cut at every single change of the disk. A
 * small driver plays server, network and new image: it looks at the phase and does what would come next. */
#include "disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVER_URI "coaps://192.0.2.1:5684"
#define OUR_URI    "coaps://192.0.2.1:5684/m/00ff"
#define OLD_BYTES  700
#define NEW_BYTES  1000 /* 63 blocks of 16, the last one of 8 bytes */
#define BLOCK      16
#define BLOCKS     63
#define SYNCED     8

static const struct deploy_config config = {
	.update = {.order_delay_ms = 500,
		.self_test_timeout_ms = 30000,
		.settle_ms = 10000,
		.give_up_ms = 600000,
		.push_give_up_ms = 247000,
		.store_retry_ms = 5000,
		.trials_max = 3,
		.image_size_max = 4096},
	.block_size = BLOCK,
	.progress_every = SYNCED,
	.payload_restart_ms = 3000,
};

static struct disk disk;
static struct deploy_ports ports;
static struct deploy d;
static struct deploy_outcome outcome;
static uint8_t old_image[OLD_BYTES], new_image[NEW_BYTES];
static uint8_t bitmap[32], progress[32 + JOURNAL_PROGRESS_HEAD_BYTES], record[JOURNAL_STATE_BYTES_MAX];
static uint8_t slice[DEPLOY_SLICE_BYTES];
static msec now;
static bool new_image_is_good;
static unsigned blocks_brought;

/* What runs is always a whole image, old or new. */
static void check_program(void)
{
	if (disk.program == DEPLOY_NOTHING)
		return;
	bool is_old = disk_holds(&disk, disk.program_slot, old_image, OLD_BYTES);
	bool is_new = disk_holds(&disk, disk.program_slot, new_image, NEW_BYTES);
	assert_true(is_old || is_new);
}

static enum journal_loaded power_on(void)
{
	static const struct download_storage storage = {bitmap, sizeof bitmap, progress};
	disk_reboot(&disk);
	deploy_init(&d, &config, &ports, &storage, record, slice);
	enum journal_loaded loaded = deploy_start(&d, now, &outcome);
	check_program();
	return loaded;
}

static int provisioned(void **state)
{
	(void)state;
	disk_init(&disk);
	ports = disk_ports(&disk);
	disk_make_image(old_image, OLD_BYTES, 1);
	disk_make_image(new_image, NEW_BYTES, 2);
	disk_provision(&disk, old_image, OLD_BYTES, "1.0.0", 4);
	now = 1000;
	new_image_is_good = true;
	blocks_brought = 0;
	assert_int_equal(power_on(), JOURNAL_LOADED);
	return 0;
}

static void event(enum update_event_kind kind)
{
	struct update_event e = {.kind = kind,
		.uri = bytes_of_text(OUR_URI),
		.server_uri = bytes_of_text(SERVER_URI),
		.envelope = bytes_of_text("envelope")};
	struct journal_image image = disk_describe(new_image, NEW_BYTES, "1.1.0", 5);
	e.image = &image;
	deploy_event(&d, &e, now, &outcome);
}

static void bring_block(void)
{
	uint32_t block;
	struct bytes whole = bytes_of(new_image, NEW_BYTES);
	assert_true(download_next_missing(&d.download, 0, &block));
	if (deploy_block(&d, block, bytes_first(bytes_from(whole, (size_t)block * BLOCK), BLOCK), now, &outcome))
		blocks_brought++;
}

static void pass_time(void)
{
	msec at = deploy_deadline(&d);
	assert_true(at != NEVER);
	now = at > now ? at : now;
	deploy_tick(&d, now, &outcome);
}

/* One step of the story; false when it has ended. */
static bool go_on(void)
{
	switch (d.update.phase) {
	case UPDATE_IDLE:
		if (d.update.state.result == FIRMWARE_RESULT_SUCCESS || d.update.state.result == FIRMWARE_RESULT_FAILED)
			return false;
		event(UPDATE_URI_WRITTEN);
		break;
	case UPDATE_MANIFEST:
		event(UPDATE_MANIFEST_ARRIVED);
		break;
	case UPDATE_IMAGE:
		bring_block();
		break;
	case UPDATE_DOWNLOADED:
		event(UPDATE_EXECUTED);
		break;
	case UPDATE_TESTING:
		disk.program = DEPLOY_NOTHING;
		deploy_self_test_done(&d, new_image_is_good, now, &outcome);
		break;
	case UPDATE_VERIFY:
	case UPDATE_ORDERED:
	case UPDATE_RECHECK:
	case UPDATE_SETTLING:
		pass_time();
		break;
	}
	check_program();
	return true;
}

static void tell_the_whole_story(void)
{
	for (int steps = 0; go_on(); steps++) {
		assert_true(steps < 1000);
		if (disk.is_cut)
			power_on();
	}
	if (disk.is_cut)
		power_on();
}

static unsigned operations_of_the_story(void)
{
	provisioned(NULL);
	tell_the_whole_story();
	return disk.operations;
}

static void expect_new(void)
{
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_SUCCESS);
	assert_string_equal(d.update.state.images[d.update.state.confirmed].version, "1.1.0");
	assert_int_equal(disk.active, SLOT_B);
	assert_int_equal(disk.program, DEPLOY_PAYLOAD);
	assert_int_equal(disk.program_slot, SLOT_B);
	assert_true(disk_holds(&disk, SLOT_B, new_image, NEW_BYTES));
	assert_int_equal(d.update.state.sequence_floor, 5);
}

static void expect_old(void)
{
	assert_string_equal(d.update.state.images[d.update.state.confirmed].version, "1.0.0");
	assert_int_equal(disk.active, SLOT_A);
	assert_int_equal(disk.program, DEPLOY_PAYLOAD);
	assert_int_equal(disk.program_slot, SLOT_A);
	assert_true(disk_holds(&disk, SLOT_A, old_image, OLD_BYTES));
	assert_int_equal(d.update.state.sequence_floor, 4);
}

static void reach(enum update_phase phase)
{
	for (int steps = 0; d.update.phase != phase; steps++) {
		assert_true(steps < 1000);
		(void)go_on();
	}
}

/* ---- stories ---- */

static void an_update_ends_in_the_new_image(void **state)
{
	(void)state;
	assert_int_equal(disk.program_slot, SLOT_A);
	tell_the_whole_story();
	expect_new();
	assert_int_equal(blocks_brought, BLOCKS);
	assert_int_equal(d.download.repeated, 0);
}

static void an_image_that_fails_its_self_test_leaves_the_old_one_running(void **state)
{
	(void)state;
	new_image_is_good = false;
	tell_the_whole_story();
	expect_old();
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_FAILED);
	assert_false(disk.slots[SLOT_B].exists);
}

static void a_power_cut_at_any_change_of_the_disk_ends_in_the_new_image(void **state)
{
	(void)state;
	unsigned operations = operations_of_the_story();
	assert_true(operations > BLOCKS);
	for (unsigned at = 1; at <= operations; at++) {
		provisioned(NULL);
		disk.cut_at = at;
		tell_the_whole_story();
		expect_new();
		assert_true(blocks_brought <= BLOCKS + SYNCED);
		power_on();
		expect_new();
	}
}

static void a_power_cut_at_any_change_of_the_disk_does_not_save_a_bad_image(void **state)
{
	(void)state;
	unsigned operations = operations_of_the_story() + 8;
	for (unsigned at = 1; at <= operations; at++) {
		provisioned(NULL);
		new_image_is_good = false;
		disk.cut_at = at;
		tell_the_whole_story();
		expect_old();
		power_on();
		expect_old();
	}
}

static void two_power_cuts_are_no_worse_than_one(void **state)
{
	(void)state;
	unsigned operations = operations_of_the_story();
	for (unsigned first = 1; first <= operations; first += 3) {
		for (unsigned gap = 1; gap < 12; gap++) {
			provisioned(NULL);
			disk.cut_at = first;
			while (go_on() && !disk.is_cut)
				;
			power_on();
			disk.cut_at = disk.operations + gap;
			tell_the_whole_story();
			expect_new();
		}
	}
}

/* The image hangs the machine: the power goes each time its self-test runs. */
static void an_image_that_never_survives_its_self_test_is_given_up(void **state)
{
	(void)state;
	for (int trial = 1; trial <= config.update.trials_max; trial++) {
		reach(UPDATE_TESTING);
		assert_int_equal(d.update.state.trials, trial);
		power_on();
	}
	assert_int_equal(d.update.phase, UPDATE_IDLE);
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_FAILED);
	expect_old();
}

static void confirmed_blocks_are_not_asked_for_again_after_any_number_of_restarts(void **state)
{
	(void)state;
	reach(UPDATE_IMAGE);
	while (d.update.phase == UPDATE_IMAGE) {
		for (int i = 0; i < SYNCED && d.update.phase == UPDATE_IMAGE; i++)
			bring_block();
		power_on();
	}
	assert_int_equal(blocks_brought, BLOCKS);
	tell_the_whole_story();
	expect_new();
}

static void a_lost_connection_keeps_the_blocks_for_the_same_image(void **state)
{
	(void)state;
	reach(UPDATE_IMAGE);
	for (int i = 0; i < 21; i++)
		bring_block();
	now += config.update.give_up_ms + 1;
	deploy_tick(&d, now, &outcome);
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_CONNECTION_LOST);
	assert_true(outcome.stops_fetch);
	event(UPDATE_URI_WRITTEN);
	event(UPDATE_MANIFEST_ARRIVED);
	assert_true(outcome.wants_image);
	assert_int_equal(d.download.have, 21);
	tell_the_whole_story();
	expect_new();
	assert_int_equal(blocks_brought, BLOCKS);
}

static void a_download_that_is_whole_already_needs_no_network(void **state)
{
	(void)state;
	reach(UPDATE_VERIFY);
	power_on();
	assert_int_equal(d.update.phase, UPDATE_VERIFY);
	assert_false(outcome.wants_image);
}

static void an_altered_image_gives_result_5_and_never_runs(void **state)
{
	(void)state;
	new_image[500] ^= 1;
	struct journal_image image = disk_describe(new_image, NEW_BYTES, "1.1.0", 5);
	new_image[500] ^= 1;
	event(UPDATE_URI_WRITTEN);
	struct update_event e = {
		.kind = UPDATE_MANIFEST_ARRIVED, .envelope = bytes_of_text("envelope"), .image = &image};
	deploy_event(&d, &e, now, &outcome);
	while (d.update.phase == UPDATE_IMAGE)
		bring_block();
	while (d.update.phase == UPDATE_VERIFY)
		pass_time();
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(disk.self_tests, 0);
	expect_old();
}

/* The file is swapped between check and use (RAUC CVE-2020-25860). */
static void an_image_that_is_swapped_after_the_check_never_runs(void **state)
{
	(void)state;
	reach(UPDATE_DOWNLOADED);
	disk.slots[SLOT_B].bytes[3] ^= 0x40;
	event(UPDATE_EXECUTED);
	assert_int_equal(d.update.phase, UPDATE_ORDERED);
	while (d.update.phase != UPDATE_IDLE)
		pass_time();
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_INTEGRITY);
	assert_int_equal(disk.self_tests, 0);
	expect_old();
}

static void an_image_longer_or_shorter_than_the_manifest_says_is_not_it(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		provisioned(NULL);
		reach(UPDATE_VERIFY);
		disk.slots[SLOT_B].size += i == 0 ? 1 : (uint64_t)-1;
		while (d.update.phase == UPDATE_VERIFY)
			pass_time();
		assert_int_equal(d.update.state.result, FIRMWARE_RESULT_INTEGRITY);
	}
}

static void a_full_disk_ends_the_update_and_nothing_else(void **state)
{
	(void)state;
	disk.slot_capacity = NEW_BYTES - 1;
	event(UPDATE_URI_WRITTEN);
	event(UPDATE_MANIFEST_ARRIVED);
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_NO_STORAGE);
	assert_true(outcome.has_failed);
	assert_int_equal(outcome.failed, UPDATE_FETCH_IMAGE);
	assert_int_equal(outcome.error, -ENOSPC);
	assert_false(outcome.wants_image);
	expect_old();

	provisioned(NULL);
	reach(UPDATE_IMAGE);
	bring_block();
	disk.fail_writes = -ENOSPC;
	bring_block();
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_NO_STORAGE);
	assert_true(outcome.stops_fetch);
	expect_old();
}

static void a_journal_that_cannot_be_written_refuses_the_order_and_accepts_it_later(void **state)
{
	(void)state;
	reach(UPDATE_DOWNLOADED);
	disk.fail_stores = -ENOSPC;
	event(UPDATE_EXECUTED);
	assert_int_equal(d.update.phase, UPDATE_DOWNLOADED);
	assert_int_equal(disk.program_slot, SLOT_A);
	disk.fail_stores = 0;
	tell_the_whole_story();
	expect_new();
}

static void a_confirmation_waits_for_the_disk(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	disk.fail_stores = -ENOSPC;
	pass_time();
	pass_time();
	assert_int_equal(d.update.phase, UPDATE_SETTLING);
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_INITIAL);
	disk.fail_stores = 0;
	pass_time();
	expect_new();
}

static void a_journal_that_rots_leaves_the_active_image_running(void **state)
{
	(void)state;
	tell_the_whole_story();
	disk.records[JOURNAL_STATE_FIRST].bytes[9] ^= 1;
	disk.records[JOURNAL_STATE_SECOND].bytes[9] ^= 1;
	assert_int_equal(power_on(), JOURNAL_ROTTEN);
	assert_int_equal(disk.program, DEPLOY_PAYLOAD);
	assert_int_equal(disk.program_slot, SLOT_B);
	assert_string_equal(d.update.state.images[SLOT_B].version, "unknown");
}

/* ---- programs ---- */

static void a_confirmed_payload_that_exits_is_started_again_after_a_pause(void **state)
{
	(void)state;
	disk.program = DEPLOY_NOTHING;
	deploy_payload_exited(&d, now, &outcome);
	assert_int_equal(disk.program, DEPLOY_NOTHING);
	assert_int_equal(deploy_deadline(&d), now + config.payload_restart_ms);
	pass_time();
	assert_int_equal(disk.program, DEPLOY_PAYLOAD);
	assert_int_equal(deploy_deadline(&d), NEVER);
}

static void a_payload_that_cannot_start_is_tried_until_it_can(void **state)
{
	(void)state;
	disk.program = DEPLOY_NOTHING;
	disk.fail_start = -ENOEXEC;
	deploy_payload_exited(&d, now, &outcome);
	for (int i = 0; i < 3; i++)
		pass_time();
	assert_int_equal(disk.program, DEPLOY_NOTHING);
	disk.fail_start = 0;
	pass_time();
	assert_int_equal(disk.program, DEPLOY_PAYLOAD);
}

static void a_new_payload_that_exits_while_it_settles_is_put_back(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	disk.program = DEPLOY_NOTHING;
	deploy_payload_exited(&d, now, &outcome);
	expect_old();
	assert_int_equal(d.update.state.result, FIRMWARE_RESULT_FAILED);
}

static void events_of_a_program_that_was_stopped_do_not_count(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	deploy_payload_exited(&d, now, &outcome); /* the old payload's, stopped for the test */
	assert_int_equal(d.update.phase, UPDATE_TESTING);
	disk.program = DEPLOY_NOTHING;
	deploy_self_test_done(&d, true, now, &outcome);
	deploy_self_test_done(&d, false, now, &outcome);
	assert_int_equal(d.update.phase, UPDATE_SETTLING);
}

static void stopping_brings_the_download_to_disk(void **state)
{
	(void)state;
	reach(UPDATE_IMAGE);
	for (int i = 0; i < 3; i++)
		bring_block();
	deploy_stop(&d);
	assert_int_equal(disk.program, DEPLOY_NOTHING);
	power_on();
	assert_int_equal(d.download.have, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, provisioned)
	const struct CMUnitTest tests[] = {
		TEST(an_update_ends_in_the_new_image),
		TEST(an_image_that_fails_its_self_test_leaves_the_old_one_running),
		TEST(a_power_cut_at_any_change_of_the_disk_ends_in_the_new_image),
		TEST(a_power_cut_at_any_change_of_the_disk_does_not_save_a_bad_image),
		TEST(two_power_cuts_are_no_worse_than_one),
		TEST(an_image_that_never_survives_its_self_test_is_given_up),
		TEST(confirmed_blocks_are_not_asked_for_again_after_any_number_of_restarts),
		TEST(a_lost_connection_keeps_the_blocks_for_the_same_image),
		TEST(a_download_that_is_whole_already_needs_no_network),
		TEST(an_altered_image_gives_result_5_and_never_runs),
		TEST(an_image_that_is_swapped_after_the_check_never_runs),
		TEST(an_image_longer_or_shorter_than_the_manifest_says_is_not_it),
		TEST(a_full_disk_ends_the_update_and_nothing_else),
		TEST(a_journal_that_cannot_be_written_refuses_the_order_and_accepts_it_later),
		TEST(a_confirmation_waits_for_the_disk),
		TEST(a_journal_that_rots_leaves_the_active_image_running),
		TEST(a_confirmed_payload_that_exits_is_started_again_after_a_pause),
		TEST(a_payload_that_cannot_start_is_tried_until_it_can),
		TEST(a_new_payload_that_exits_while_it_settles_is_put_back),
		TEST(events_of_a_program_that_was_stopped_do_not_count),
		TEST(stopping_brings_the_download_to_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
