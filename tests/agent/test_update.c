/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine alone: events in, effects out. Each test names the row of the Firmware Update table (lwm2m interface
 * section 11, conformance 751 to 779) that it holds. */
#include "agent/update_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERVER_URI "coaps://192.0.2.1:5684"
#define OUR_URI    "coaps://192.0.2.1:5684/m/00ff"

static const struct update_config config = {
	.order_delay_ms = 500,
	.self_test_timeout_ms = 30000,
	.settle_ms = 10000,
	.give_up_ms = 600000,
	.push_give_up_ms = 247000,
	.store_retry_ms = 5000,
	.trials_max = 3,
	.image_size_max = 1 << 20,
};

static struct update u;
static struct update_effects effects;
static msec now;

/* An old image 1.0.0 with sequence 4 in slot a. */
static int factory(void **state)
{
	(void)state;
	struct journal_state s = {.number = 1, .severity = 1, .confirmed = SLOT_A, .sequence_floor = 4};
	s.images[SLOT_A] = (struct journal_image){true, "1.0.0", 4, 1000, {1}};
	now = 1000;
	update_init(&u, &config, &s);
	assert_int_equal(
		update_step(&u, &(struct update_event){.kind = UPDATE_STARTED}, now, &effects), UPDATE_ACCEPTED);
	return 0;
}

static enum update_verdict step(enum update_event_kind kind)
{
	return update_step(&u, &(struct update_event){.kind = kind, .unix_time_s = 1800000000}, now, &effects);
}

static enum update_verdict write_uri(const char *uri)
{
	struct update_event event = {
		.kind = UPDATE_URI_WRITTEN, .uri = bytes_of_text(uri), .server_uri = bytes_of_text(SERVER_URI)};
	return update_step(&u, &event, now, &effects);
}

static void bring_manifest(uint64_t size)
{
	struct journal_image image = {false, "1.1.0", 5, size, {2}};
	struct update_event event = {
		.kind = UPDATE_MANIFEST_ARRIVED, .envelope = bytes_of_text("env"), .image = &image};
	(void)update_step(&u, &event, now, &effects);
}

static void tell_passed(enum update_event_kind kind, bool passed)
{
	(void)update_step(&u, &(struct update_event){.kind = kind, .passed = passed}, now, &effects);
}

static void fail_effect(enum update_effect_kind failed, int error)
{
	struct update_event event = {.kind = UPDATE_EFFECT_FAILED, .failed = failed, .error = error};
	(void)update_step(&u, &event, now, &effects);
}

static void pass_time(void)
{
	assert_true(update_deadline(&u) != NEVER);
	now = update_deadline(&u);
	(void)step(UPDATE_TIME_PASSED);
}

/* Brings the engine to a phase by the good way. */
static void reach(enum update_phase phase)
{
	factory(NULL);
	if (phase >= UPDATE_MANIFEST)
		assert_int_equal(write_uri(OUR_URI), UPDATE_ACCEPTED);
	if (phase >= UPDATE_IMAGE)
		bring_manifest(5000);
	if (phase >= UPDATE_VERIFY)
		(void)step(UPDATE_IMAGE_ARRIVED);
	if (phase >= UPDATE_DOWNLOADED)
		tell_passed(UPDATE_DIGEST_KNOWN, true);
	if (phase >= UPDATE_ORDERED)
		assert_int_equal(step(UPDATE_EXECUTED), UPDATE_ACCEPTED);
	if (phase >= UPDATE_RECHECK)
		pass_time();
	if (phase >= UPDATE_TESTING)
		tell_passed(UPDATE_DIGEST_KNOWN, true);
	if (phase >= UPDATE_SETTLING)
		tell_passed(UPDATE_SELF_TESTED, true);
	assert_int_equal(u.phase, phase);
}

/* "store activate-b self_test-b": what the last step asked for. */
static const char *asked(void)
{
	static char text[256];
	size_t len = 0;
	text[0] = '\0';
	for (uint8_t i = 0; i < effects.count; i++) {
		enum update_effect_kind kind = effects.list[i].kind;
		bool has_slot = kind == UPDATE_ACTIVATE || kind == UPDATE_SELF_TEST || kind == UPDATE_START_PAYLOAD ||
				kind == UPDATE_FETCH_IMAGE || kind == UPDATE_DISCARD || kind == UPDATE_CHECK_DIGEST;
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s%s", i > 0 ? " " : "",
			update_effect_name(kind), has_slot ? "-" : "", has_slot ? slot_name(effects.list[i].slot) : "");
	}
	return text;
}

static void expect(enum firmware_state state, enum firmware_result result)
{
	assert_int_equal(update_lwm2m_state(&u), state);
	assert_int_equal(u.state.result, result);
}

/* ---- the good way ---- */

/* 751 */
static void a_device_begins_idle_with_its_confirmed_image_running(void **state)
{
	(void)state;
	assert_string_equal(asked(), "activate-a start_payload-a");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INITIAL);
}

/* 771 */
static void the_whole_way_of_an_update_that_succeeds(void **state)
{
	(void)state;
	assert_int_equal(write_uri(OUR_URI), UPDATE_ACCEPTED);
	assert_string_equal(asked(), "store fetch_manifest tell");
	expect(FIRMWARE_DOWNLOADING, FIRMWARE_RESULT_INITIAL);
	bring_manifest(5000);
	assert_string_equal(asked(), "store fetch_image-b tell");
	(void)step(UPDATE_IMAGE_ARRIVED);
	assert_string_equal(asked(), "check_digest-b");
	expect(FIRMWARE_DOWNLOADING, FIRMWARE_RESULT_INITIAL);
	tell_passed(UPDATE_DIGEST_KNOWN, true);
	assert_string_equal(asked(), "store tell");
	expect(FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	assert_int_equal(step(UPDATE_EXECUTED), UPDATE_ACCEPTED);
	assert_string_equal(asked(), "store tell");
	assert_int_equal(u.state.phase, JOURNAL_TRIAL);
	expect(FIRMWARE_UPDATING, FIRMWARE_RESULT_INITIAL);
	pass_time();
	assert_string_equal(asked(), "check_digest-b");
	tell_passed(UPDATE_DIGEST_KNOWN, true);
	assert_string_equal(asked(), "store stop_payload activate-b self_test-b");
	tell_passed(UPDATE_SELF_TESTED, true);
	assert_string_equal(asked(), "start_payload-b");
	expect(FIRMWARE_UPDATING, FIRMWARE_RESULT_INITIAL);
	pass_time();
	assert_string_equal(asked(), "store tell");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(u.state.confirmed, SLOT_B);
	assert_int_equal(u.state.sequence_floor, 5);
	assert_string_equal(u.state.images[u.state.confirmed].version, "1.1.0");
	assert_int_equal(update_target(&u), SLOT_A);
}

static void the_time_of_the_last_state_change_is_kept(void **state)
{
	(void)state;
	assert_int_equal(u.state.changed_at, 0);
	struct update_event event = {.kind = UPDATE_URI_WRITTEN,
		.uri = bytes_of_text(OUR_URI),
		.server_uri = bytes_of_text(SERVER_URI),
		.unix_time_s = 1700000000};
	(void)update_step(&u, &event, now, &effects);
	assert_int_equal(u.state.changed_at, 1700000000);
	bring_manifest(5000); /* no clock, and no change of state */
	assert_int_equal(u.state.changed_at, 1700000000);
}

/* ---- what the server asks at the wrong time or in the wrong way ---- */

/* 772 */
static void update_is_refused_in_every_state_but_downloaded(void **state)
{
	(void)state;
	for (int phase = UPDATE_IDLE; phase <= UPDATE_SETTLING; phase++) {
		reach((enum update_phase)phase);
		struct update before = u;
		if (phase == UPDATE_DOWNLOADED)
			continue;
		assert_int_equal(step(UPDATE_EXECUTED), UPDATE_NOT_NOW);
		assert_int_equal(effects.count, 0);
		assert_memory_equal(&before.state, &u.state, sizeof u.state);
	}
}

/* 778 */
static void a_uri_that_is_not_on_our_server_gives_result_7_or_9(void **state)
{
	(void)state;
	assert_int_equal(write_uri("coaps://192.0.2.2:5684/m/1"), UPDATE_ACCEPTED);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INVALID_URI);
	assert_string_equal(asked(), "store tell");
	factory(NULL);
	assert_int_equal(write_uri("http://192.0.2.1/fw"), UPDATE_ACCEPTED);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL);
	assert_string_equal(asked(), "store tell");
}

static void a_uri_longer_than_the_resource_is_a_bad_value(void **state)
{
	(void)state;
	char uri[JOURNAL_URI_MAX + 2];
	memset(uri, 'a', sizeof uri);
	memcpy(uri, OUR_URI, sizeof OUR_URI - 1);
	uri[sizeof uri - 1] = '\0';
	assert_int_equal(write_uri(uri), UPDATE_BAD_VALUE);
	uri[sizeof uri - 2] = '\0';
	assert_int_equal(write_uri(uri), UPDATE_ACCEPTED);
	assert_int_equal(u.state.uri_len, JOURNAL_URI_MAX);
}

static void the_same_uri_again_changes_nothing_and_another_one_is_refused(void **state)
{
	(void)state;
	for (int phase = UPDATE_MANIFEST; phase <= UPDATE_DOWNLOADED; phase++) {
		reach((enum update_phase)phase);
		assert_int_equal(write_uri(OUR_URI), UPDATE_ACCEPTED);
		assert_int_equal(effects.count, 0);
		assert_int_equal(write_uri("coaps://192.0.2.1:5684/m/other"), UPDATE_NOT_NOW);
		assert_int_equal(u.phase, phase);
	}
	for (int phase = UPDATE_ORDERED; phase <= UPDATE_SETTLING; phase++) {
		reach((enum update_phase)phase);
		assert_int_equal(write_uri(OUR_URI), UPDATE_NOT_NOW);
		assert_int_equal(write_uri(""), UPDATE_NOT_NOW);
		assert_int_equal(step(UPDATE_PACKAGE_RESET), UPDATE_NOT_NOW);
		assert_int_equal(step(UPDATE_CANCELLED), UPDATE_NOT_NOW);
		assert_int_equal(u.phase, phase);
	}
}

/* 755, 756 */
static void an_empty_uri_or_package_resets(void **state)
{
	(void)state;
	for (int phase = UPDATE_MANIFEST; phase <= UPDATE_DOWNLOADED; phase++) {
		reach((enum update_phase)phase);
		assert_int_equal(phase % 2 == 0 ? write_uri("") : step(UPDATE_PACKAGE_RESET), UPDATE_ACCEPTED);
		expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INITIAL);
		assert_string_equal(asked(),
			phase < UPDATE_DOWNLOADED ? "stop_fetch store discard-b tell" : "store discard-b tell");
		assert_int_equal(u.state.uri_len, 0);
		assert_false(u.state.images[SLOT_B].is_present);
	}
}

static void a_reset_clears_the_result_of_the_update_before(void **state)
{
	(void)state;
	(void)write_uri("http://x/");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL);
	assert_int_equal(write_uri(""), UPDATE_ACCEPTED);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INITIAL);
	assert_int_equal(write_uri(""), UPDATE_ACCEPTED);
	assert_int_equal(effects.count, 0);
}

static void cancel_ends_with_result_10_before_the_update_has_begun(void **state)
{
	(void)state;
	assert_int_equal(step(UPDATE_CANCELLED), UPDATE_NOT_NOW);
	for (int phase = UPDATE_MANIFEST; phase <= UPDATE_DOWNLOADED; phase++) {
		reach((enum update_phase)phase);
		assert_int_equal(step(UPDATE_CANCELLED), UPDATE_ACCEPTED);
		expect(FIRMWARE_IDLE, FIRMWARE_RESULT_CANCELLED);
	}
}

/* ---- downloads that fail ---- */

/* 773 */
static void an_image_over_the_limit_or_over_the_space_gives_result_2(void **state)
{
	(void)state;
	reach(UPDATE_MANIFEST);
	bring_manifest(config.image_size_max + 1);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_NO_STORAGE);
	reach(UPDATE_IMAGE);
	fail_effect(UPDATE_FETCH_IMAGE, PORT_NO_SPACE);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_NO_STORAGE);
}

/* 774 */
static void no_room_for_the_map_gives_result_3(void **state)
{
	(void)state;
	reach(UPDATE_IMAGE);
	fail_effect(UPDATE_FETCH_IMAGE, PORT_NO_MEMORY);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_NO_MEMORY);
}

/* 775 */
static void without_progress_it_gives_up_with_result_4_and_keeps_the_blocks(void **state)
{
	(void)state;
	reach(UPDATE_IMAGE);
	now += 500000;
	(void)step(UPDATE_PROGRESSED);
	assert_int_equal(update_deadline(&u), now + config.give_up_ms);
	pass_time();
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_CONNECTION_LOST);
	assert_string_equal(asked(), "stop_fetch store tell");
	reach(UPDATE_MANIFEST);
	pass_time();
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_CONNECTION_LOST);
}

/* 776 */
static void a_wrong_digest_gives_result_5(void **state)
{
	(void)state;
	reach(UPDATE_VERIFY);
	tell_passed(UPDATE_DIGEST_KNOWN, false);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INTEGRITY);
	assert_string_equal(asked(), "stop_fetch store discard-b tell");
}

static void a_resumed_image_with_a_wrong_digest_is_fetched_once_more_from_the_start(void **state)
{
	(void)state;
	struct update_event arrived = {.kind = UPDATE_IMAGE_ARRIVED, .was_resumed = true};
	reach(UPDATE_IMAGE);
	(void)update_step(&u, &arrived, now, &effects);
	tell_passed(UPDATE_DIGEST_KNOWN, false);
	assert_string_equal(asked(), "discard-b fetch_image-b");
	assert_int_equal(u.phase, UPDATE_IMAGE);
	(void)update_step(&u, &arrived, now, &effects);
	tell_passed(UPDATE_DIGEST_KNOWN, false);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INTEGRITY);
}

/* 777 and the signature's */
static void a_refused_manifest_ends_with_the_result_that_was_given(void **state)
{
	(void)state;
	static const enum firmware_result results[] = {
		FIRMWARE_RESULT_UNSUPPORTED_PACKAGE, FIRMWARE_RESULT_INTEGRITY, FIRMWARE_RESULT_INVALID_URI};
	for (size_t i = 0; i < 3; i++) {
		reach(UPDATE_MANIFEST);
		struct update_event event = {.kind = UPDATE_REFUSED, .result = results[i]};
		(void)update_step(&u, &event, now, &effects);
		expect(FIRMWARE_IDLE, results[i]);
	}
}

static void what_arrives_late_is_ignored(void **state)
{
	(void)state;
	static const enum update_event_kind late[] = {UPDATE_IMAGE_ARRIVED, UPDATE_DIGEST_KNOWN, UPDATE_SELF_TESTED,
		UPDATE_PAYLOAD_EXITED, UPDATE_PROGRESSED, UPDATE_REFUSED, UPDATE_TIME_PASSED};
	for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
		reach(UPDATE_DOWNLOADED);
		(void)step(late[i]);
		assert_int_equal(u.phase, UPDATE_DOWNLOADED);
		assert_int_equal(effects.count, 0);
	}
	reach(UPDATE_DOWNLOADED);
	bring_manifest(77);
	assert_int_equal(u.state.images[SLOT_B].size, 5000);
}

/* ---- trials that fail: 779 ---- */

#define BACK "stop_payload store activate-a start_payload-a discard-b tell"

static void expect_back(void)
{
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_FAILED);
	assert_string_equal(asked(), BACK);
	assert_int_equal(u.state.confirmed, SLOT_A);
	assert_int_equal(u.state.sequence_floor, 4);
	assert_string_equal(u.state.images[u.state.confirmed].version, "1.0.0");
}

static void a_failed_self_test_goes_back(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	tell_passed(UPDATE_SELF_TESTED, false);
	expect_back();
}

static void a_self_test_that_takes_too_long_goes_back(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	now = update_deadline(&u) - 1;
	(void)step(UPDATE_TIME_PASSED);
	assert_int_equal(u.phase, UPDATE_TESTING);
	pass_time();
	expect_back();
}

static void a_payload_that_exits_while_settling_goes_back(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	(void)step(UPDATE_PAYLOAD_EXITED);
	expect_back();
}

static void a_program_or_a_switch_that_cannot_be_done_goes_back(void **state)
{
	(void)state;
	static const enum update_effect_kind failing[] = {UPDATE_ACTIVATE, UPDATE_SELF_TEST};
	for (size_t i = 0; i < 2; i++) {
		reach(UPDATE_TESTING);
		fail_effect(failing[i], -EACCES);
		expect_back();
	}
	reach(UPDATE_SETTLING);
	fail_effect(UPDATE_START_PAYLOAD, -ENOEXEC);
	expect_back();
}

static void an_image_that_changed_since_it_was_checked_is_not_tried(void **state)
{
	(void)state;
	reach(UPDATE_RECHECK);
	tell_passed(UPDATE_DIGEST_KNOWN, false);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INTEGRITY);
	assert_string_equal(asked(), BACK);
}

static void without_an_old_image_there_is_nothing_to_go_back_to(void **state)
{
	(void)state;
	struct journal_state s = {.severity = 1};
	update_init(&u, &config, &s);
	(void)step(UPDATE_STARTED);
	assert_int_equal(effects.count, 0);
	(void)write_uri(OUR_URI);
	bring_manifest(100);
	(void)step(UPDATE_IMAGE_ARRIVED);
	tell_passed(UPDATE_DIGEST_KNOWN, true);
	(void)step(UPDATE_EXECUTED);
	pass_time();
	tell_passed(UPDATE_DIGEST_KNOWN, true);
	tell_passed(UPDATE_SELF_TESTED, false);
	assert_string_equal(asked(), "stop_payload store discard-b tell");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_FAILED);
}

/* ---- restarts ---- */

static void restart(void)
{
	struct journal_state s = u.state;
	update_init(&u, &config, &s);
	(void)step(UPDATE_STARTED);
}

/* 770: nothing is fetched, and a restart asks for it anew. */
static void a_package_that_is_pushed_goes_the_same_way(void **state)
{
	(void)state;
	assert_int_equal(step(UPDATE_PUSH_BEGAN), UPDATE_ACCEPTED);
	assert_string_equal(asked(), "store tell");
	expect(FIRMWARE_DOWNLOADING, FIRMWARE_RESULT_INITIAL);
	assert_true(update_is_pushed(&u));
	assert_int_equal(step(UPDATE_PUSH_BEGAN), UPDATE_NOT_NOW);
	assert_int_equal(write_uri(OUR_URI), UPDATE_NOT_NOW);
	assert_int_equal(update_deadline(&u), now + config.push_give_up_ms);
	bring_manifest(5000);
	assert_string_equal(asked(), "store fetch_image-b tell");
	now += 1000;
	(void)step(UPDATE_PROGRESSED);
	assert_int_equal(update_deadline(&u), now + config.push_give_up_ms);
	restart();
	assert_string_equal(asked(), "activate-a start_payload-a store tell");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_CONNECTION_LOST);
	assert_int_equal(step(UPDATE_PUSH_BEGAN), UPDATE_ACCEPTED);
	bring_manifest(5000);
	(void)step(UPDATE_IMAGE_ARRIVED);
	tell_passed(UPDATE_DIGEST_KNOWN, true);
	expect(FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	assert_false(update_is_pushed(&u));
	assert_int_equal(step(UPDATE_PUSH_BEGAN), UPDATE_NOT_NOW);
}

static void a_push_that_stops_or_is_wrong_ends(void **state)
{
	(void)state;
	(void)step(UPDATE_PUSH_BEGAN);
	pass_time();
	assert_string_equal(asked(), "stop_fetch store tell"); /* the blocks stay, for the next one */
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_CONNECTION_LOST);
	(void)step(UPDATE_PUSH_BEGAN);
	bring_manifest(5000);
	struct update_event resumed = {.kind = UPDATE_IMAGE_ARRIVED, .was_resumed = true};
	assert_int_equal(update_step(&u, &resumed, now, &effects), UPDATE_ACCEPTED);
	tell_passed(UPDATE_DIGEST_KNOWN, false); /* nobody can be asked for it again */
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_INTEGRITY);
}

static void a_restart_goes_on_where_the_journal_says(void **state)
{
	(void)state;
	static const struct {
		enum update_phase at, after;
		const char *asked;
	} cases[] = {
		{UPDATE_IDLE, UPDATE_IDLE, "activate-a start_payload-a"},
		{UPDATE_MANIFEST, UPDATE_MANIFEST, "activate-a start_payload-a fetch_manifest"},
		{UPDATE_IMAGE, UPDATE_IMAGE, "activate-a start_payload-a fetch_image-b"},
		{UPDATE_VERIFY, UPDATE_IMAGE, "activate-a start_payload-a fetch_image-b"},
		{UPDATE_DOWNLOADED, UPDATE_DOWNLOADED, "activate-a start_payload-a"},
		{UPDATE_ORDERED, UPDATE_RECHECK, "check_digest-b"},
		{UPDATE_RECHECK, UPDATE_RECHECK, "check_digest-b"},
		{UPDATE_TESTING, UPDATE_RECHECK, "check_digest-b"},
		{UPDATE_SETTLING, UPDATE_RECHECK, "check_digest-b"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		reach(cases[i].at);
		restart();
		assert_int_equal(u.phase, cases[i].after);
		assert_string_equal(asked(), cases[i].asked);
	}
}

static void a_restart_after_the_end_starts_what_was_confirmed(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	pass_time();
	restart();
	assert_string_equal(asked(), "activate-b start_payload-b");
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
}

static void an_image_that_kills_the_device_each_time_is_given_up(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	for (int trial = 2; trial <= 3; trial++) {
		restart();
		tell_passed(UPDATE_DIGEST_KNOWN, true);
		assert_int_equal(u.phase, UPDATE_TESTING);
		assert_int_equal(u.state.trials, trial);
	}
	restart();
	expect_back();
}

/* ---- a journal that cannot be written ---- */

static void an_order_that_cannot_be_journalled_has_not_been_given(void **state)
{
	(void)state;
	reach(UPDATE_ORDERED);
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	assert_int_equal(u.phase, UPDATE_DOWNLOADED);
	assert_int_equal(u.state.phase, JOURNAL_DOWNLOADED);
	assert_int_equal(step(UPDATE_EXECUTED), UPDATE_ACCEPTED);
}

static void a_trial_that_cannot_be_journalled_does_not_begin(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	expect_back();
}

static void a_confirmation_that_cannot_be_journalled_is_tried_again(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	pass_time();
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	assert_int_equal(u.phase, UPDATE_SETTLING);
	assert_int_equal(u.state.confirmed, SLOT_A);
	assert_int_equal(u.state.sequence_floor, 4);
	expect(FIRMWARE_UPDATING, FIRMWARE_RESULT_INITIAL);
	assert_int_equal(update_deadline(&u), now + config.store_retry_ms);
	pass_time();
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(u.state.confirmed, SLOT_B);
}

static void a_new_image_that_exits_before_its_confirmation_is_durable_goes_back(void **state)
{
	(void)state;
	reach(UPDATE_SETTLING);
	pass_time();
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	(void)step(UPDATE_PAYLOAD_EXITED);
	expect_back();
}

static void an_offer_that_cannot_be_journalled_ends_with_result_2(void **state)
{
	(void)state;
	reach(UPDATE_MANIFEST);
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	expect(FIRMWARE_IDLE, FIRMWARE_RESULT_NO_STORAGE);
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	assert_string_equal(asked(), "activate-a start_payload-a discard-b tell");
	assert_int_equal(update_deadline(&u), now + config.store_retry_ms);
	pass_time();
	assert_string_equal(asked(), "store");
}

static void the_way_back_goes_on_even_when_nothing_can_be_journalled(void **state)
{
	(void)state;
	reach(UPDATE_TESTING);
	tell_passed(UPDATE_SELF_TESTED, false);
	fail_effect(UPDATE_STORE, PORT_NO_SPACE);
	assert_string_equal(asked(), "activate-a start_payload-a discard-b tell");
	fail_effect(UPDATE_ACTIVATE, -EIO);
	assert_string_equal(asked(), "start_payload-a tell");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, factory)
	const struct CMUnitTest tests[] = {
		TEST(a_device_begins_idle_with_its_confirmed_image_running),
		TEST(the_whole_way_of_an_update_that_succeeds),
		TEST(the_time_of_the_last_state_change_is_kept),
		TEST(update_is_refused_in_every_state_but_downloaded),
		TEST(a_uri_that_is_not_on_our_server_gives_result_7_or_9),
		TEST(a_uri_longer_than_the_resource_is_a_bad_value),
		TEST(the_same_uri_again_changes_nothing_and_another_one_is_refused),
		TEST(an_empty_uri_or_package_resets),
		TEST(a_reset_clears_the_result_of_the_update_before),
		TEST(cancel_ends_with_result_10_before_the_update_has_begun),
		TEST(an_image_over_the_limit_or_over_the_space_gives_result_2),
		TEST(no_room_for_the_map_gives_result_3),
		TEST(without_progress_it_gives_up_with_result_4_and_keeps_the_blocks),
		TEST(a_wrong_digest_gives_result_5),
		TEST(a_resumed_image_with_a_wrong_digest_is_fetched_once_more_from_the_start),
		TEST(a_refused_manifest_ends_with_the_result_that_was_given),
		TEST(what_arrives_late_is_ignored),
		TEST(a_failed_self_test_goes_back),
		TEST(a_self_test_that_takes_too_long_goes_back),
		TEST(a_payload_that_exits_while_settling_goes_back),
		TEST(a_program_or_a_switch_that_cannot_be_done_goes_back),
		TEST(an_image_that_changed_since_it_was_checked_is_not_tried),
		TEST(without_an_old_image_there_is_nothing_to_go_back_to),
		TEST(a_package_that_is_pushed_goes_the_same_way),
		TEST(a_push_that_stops_or_is_wrong_ends),
		TEST(a_restart_goes_on_where_the_journal_says),
		TEST(a_restart_after_the_end_starts_what_was_confirmed),
		TEST(an_image_that_kills_the_device_each_time_is_given_up),
		TEST(an_order_that_cannot_be_journalled_has_not_been_given),
		TEST(a_trial_that_cannot_be_journalled_does_not_begin),
		TEST(a_confirmation_that_cannot_be_journalled_is_tried_again),
		TEST(a_new_image_that_exits_before_its_confirmation_is_durable_goes_back),
		TEST(an_offer_that_cannot_be_journalled_ends_with_result_2),
		TEST(the_way_back_goes_on_even_when_nothing_can_be_journalled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
