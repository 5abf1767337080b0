/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rollouts carried out by the real composer: what devices are told, what is on disk before, and restarts in between. */
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof *s);
	stage_begin(s, NULL);
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_end(*state);
	free(*state);
	return 0;
}

static enum entry_state entry(struct stage *s, uint32_t rollout, unsigned device)
{
	return (enum entry_state)stage_entry(s, rollout, device)->state;
}

/* The device reboots: it is gone, and registers again as what it then is. */
static void reboot(struct stage *s, unsigned device, const char *version, enum firmware_result result)
{
	struct stage_device *d = &s->devices[device];
	stage_disconnect(s, device);
	(void)snprintf(d->version, sizeof d->version, "%s", version);
	d->state = FIRMWARE_IDLE;
	d->result = result;
	stage_bring(s, device);
}

static void download(struct stage *s, unsigned device)
{
	stage_firmware(s, device, FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	stage_run(s, SECONDS(1));
}

static void an_update_is_offered_installed_and_confirmed(void **state)
{
	struct stage *s = *state;
	const struct release *release = server_release_find(s->server, bytes_of_text("two"));
	char uri[160];
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	struct writer w = writer_of(uri, sizeof uri - 1);
	write_text(&w, STAGE_PUBLIC_URI "/m/");
	artifact_write_name(&w, release->manifest);
	*w.at = '\0';
	stage_run(s, SECONDS(1));
	assert_string_equal(s->devices[0].uri, uri);
	assert_int_equal(entry(s, rollout, 0), ENTRY_DOWNLOADING);
	download(s, 0);
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
	assert_int_equal(s->devices[0].executes, 1);
	reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, rollout, 0), ENTRY_CONFIRMED);
	assert_int_equal(server_rollout_find(s->server, rollout)->record.state, ROLLOUT_COMPLETED);
	assert_int_equal(stage_events(s, EVENT_DEVICE_CONFIRMED), 1);
	assert_int_equal(stage_events(s, EVENT_ROLLOUT_COMPLETED), 1);
	assert_int_equal(s->devices[0].offers, 1);
}

static const struct rollout_plan by_package = {.delivery = ROLLOUT_DELIVERY_PACKAGE};

static void a_package_is_pushed_installed_and_confirmed(void **state)
{
	struct stage *s = *state;
	const struct release *release = server_release_find(s->server, bytes_of_text("two"));
	uint32_t rollout = stage_roll_out(s, "two", &by_package);
	stage_run(s, SECONDS(2));
	const struct stage_device *d = &s->devices[0];
	assert_int_equal(d->pushes, 1);
	assert_int_equal(d->offers, 0);
	assert_int_equal(d->package_len, release->envelope_size + 3 + STAGE_IMAGE_BYTES);
	assert_memory_equal(d->package, release->envelope, release->envelope_size);
	static const uint8_t head[] = {0x59, STAGE_IMAGE_BYTES >> 8, STAGE_IMAGE_BYTES & 255};
	assert_memory_equal(d->package + release->envelope_size, head, sizeof head);
	assert_memory_equal(d->package + release->envelope_size + sizeof head, s->image, STAGE_IMAGE_BYTES);
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
	assert_int_equal(d->executes, 1);
	reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, rollout, 0), ENTRY_CONFIRMED);
	assert_int_equal(d->pushes, 1);
	assert_int_equal(server_counters(s->server)->bytes_served, d->package_len);
}

static void a_device_that_only_takes_pushes_gets_the_image_as_it_is(void **state)
{
	struct stage *s = *state;
	struct stage_device *d = &s->devices[0];
	stage_disconnect(s, 0);
	d->only_pushes = true;
	stage_bring(s, 0);
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(2));
	assert_int_equal(d->package_len, STAGE_IMAGE_BYTES);
	assert_memory_equal(d->package, s->image, STAGE_IMAGE_BYTES);
	reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, rollout, 0), ENTRY_CONFIRMED);
}

static void what_is_pushed_and_no_good_fails_with_the_devices_reason(void **state)
{
	struct stage *s = *state;
	struct rollout_view view;
	uint32_t cursor = 0;
	s->devices[0].finds = FIRMWARE_RESULT_UNSUPPORTED_PACKAGE;
	uint32_t rollout = stage_roll_out(s, "two", &by_package);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].pushes, 1);
	assert_true(server_rollout_view_next(s->server, server_rollout_find(s->server, rollout), &cursor, &view));
	assert_int_equal(view.entry->state, ENTRY_FAILED);
	assert_string_equal(view.why, "the device reports: unsupported package");
}

static void a_refused_push_fails(void **state)
{
	struct stage *s = *state;
	s->devices[0].refuses = COAP_METHOD_NOT_ALLOWED;
	uint32_t rollout = stage_roll_out(s, "two", &by_package);
	stage_run(s, SECONDS(5));
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
	assert_int_equal(stage_entry(s, rollout, 0)->code, COAP_METHOD_NOT_ALLOWED);
}

/* Slow enough that something can happen half-way. */
static uint32_t push_half(struct stage *s)
{
	s->world.link.quality.delay = 200;
	uint32_t rollout = stage_roll_out(s, "two", &by_package);
	stage_run(s, 1500);
	assert_int_equal(entry(s, rollout, 0), ENTRY_DOWNLOADING);
	assert_int_equal(s->devices[0].pushes, 0);
	return rollout;
}

static void a_device_that_falls_silent_in_the_middle_of_a_push_gets_it_anew_when_it_is_back(void **state)
{
	struct stage *s = *state;
	uint32_t rollout = push_half(s);
	s->devices[0].is_deaf = true;
	stage_run(s, SECONDS(200));
	assert_int_equal(entry(s, rollout, 0), ENTRY_WAITING);
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_OFFLINE);
	s->devices[0].is_deaf = false;
	stage_disconnect(s, 0);
	stage_bring(s, 0);
	stage_run(s, SECONDS(20));
	assert_int_equal(s->devices[0].pushes, 1);
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
}

static void an_aborted_push_stops_at_once_and_what_has_come_is_discarded(void **state)
{
	static const struct server_ask ask = {.actor = "anna", .token = 9};
	struct stage *s = *state;
	uint32_t rollout = push_half(s);
	uint64_t served = server_counters(s->server)->bytes_served;
	assert_int_equal(stage_await(s, server_rollout_command(s->server, rollout, ROLLOUT_ABORT, &ask, s->world.now)),
		SERVER_DONE);
	stage_run(s, SECONDS(20));
	assert_int_equal(entry(s, rollout, 0), ENTRY_SKIPPED);
	assert_int_equal(s->devices[0].pushes, 0);
	assert_int_equal(s->devices[0].resets, 1);
	assert_true(server_counters(s->server)->bytes_served <= served + COAP_BLOCK_SIZE_MAX);
	assert_int_equal(stage_find(s, 0)->rollout_entry, 0);
}

static void a_kill_of_the_server_in_the_middle_of_a_push_begins_it_anew(void **state)
{
	struct stage *s = *state;
	uint32_t rollout = push_half(s);
	stage_kill(s);
	stage_run(s, SECONDS(300)); /* the device forgets the half */
	s->devices[0].result = FIRMWARE_RESULT_CONNECTION_LOST;
	stage_start(s);
	stage_bring(s, 0);
	stage_run(s, SECONDS(20));
	assert_int_equal(s->devices[0].pushes, 1);
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
}

/* Sent to nobody, so it takes no longer than to see it three times. */
static void an_image_that_cannot_be_read_ends_the_push_with_a_reason(void **state)
{
	struct stage *s = *state;
	s->image_is_broken = true;
	uint32_t rollout = stage_roll_out(s, "two", &by_package);
	stage_run(s, SECONDS(60));
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_INTERRUPTED);
	assert_int_equal(s->devices[0].pushes, 0);
}

static void success_without_the_version_is_a_failure(void **state)
{
	struct stage *s = *state;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	download(s, 0);
	reboot(s, 0, "1.9", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_VERSION);
	assert_int_equal(stage_events(s, EVENT_DEVICE_CONFIRMED), 0);
}

static void a_device_that_rolls_back_keeps_its_reason(void **state)
{
	struct stage *s = *state;
	struct rollout_view view;
	uint32_t cursor = 0, rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	download(s, 0);
	reboot(s, 0, "1.0", FIRMWARE_RESULT_FAILED);
	assert_true(server_rollout_view_next(s->server, server_rollout_find(s->server, rollout), &cursor, &view));
	assert_int_equal(view.entry->state, ENTRY_FAILED);
	assert_string_equal(view.why, "the device reports: update failed");
}

static void the_word_to_install_is_on_disk_before_it_is_given(void **state)
{
	struct stage *s = *state;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	s->store.latency = SECONDS(3);
	stage_firmware(s, 0, FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	stage_run(s, SECONDS(2));
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
	assert_int_equal(s->devices[0].executes, 0);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].executes, 1);
}

static void while_the_store_fails_nothing_is_installed_and_afterwards_it_is(void **state)
{
	struct stage *s = *state;
	stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	s->store.fail_batches = 5;
	stage_firmware(s, 0, FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	stage_run(s, SECONDS(3));
	assert_int_equal(s->devices[0].executes, 0);
	stage_run(s, SECONDS(10));
	assert_int_equal(s->devices[0].executes, 1);
	assert_true(server_counters(s->server)->batches_failed >= 5);
	reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(stage_events(s, EVENT_DEVICE_CONFIRMED), 1);
}

/* Kill the server at each stage of the update; after the restart the device comes back and the rollout ends well. */
static void a_kill_of_the_server_at_any_stage_does_not_repeat_what_was_done(void **state)
{
	static const struct {
		unsigned steps; /* how far the device had come */
		unsigned offers, executes;
	} cases[] = {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *fresh;
		set_up(&fresh);
		struct stage *s = fresh;
		uint32_t rollout = stage_roll_out(s, "two", NULL);
		if (cases[i].steps > 0)
			stage_run(s, SECONDS(1));
		if (cases[i].steps > 1)
			download(s, 0);
		if (cases[i].steps > 2) { /* it installs while the server is down */
			stage_kill(s);
			s->devices[0].state = FIRMWARE_IDLE;
			s->devices[0].result = FIRMWARE_RESULT_SUCCESS;
			(void)snprintf(s->devices[0].version, sizeof s->devices[0].version, "2.0");
		} else {
			stage_kill(s);
		}
		stage_run(s, SECONDS(5));
		stage_start(s);
		stage_bring(s, 0);
		if (cases[i].steps < 2)
			download(s, 0);
		if (cases[i].steps < 3)
			reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
		if (entry(s, rollout, 0) != ENTRY_CONFIRMED || s->devices[0].offers != cases[i].offers ||
			s->devices[0].executes != cases[i].executes)
			fail_msg("case %zu: %s, %u offers, %u executes", i + 1, entry_state_name(entry(s, rollout, 0)),
				s->devices[0].offers, s->devices[0].executes);
		tear_down(&fresh);
	}
}

static void a_device_that_is_away_is_offered_when_it_comes(void **state)
{
	struct stage *s = *state;
	stage_disconnect(s, 0);
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(10));
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_OFFLINE);
	stage_bring(s, 0);
	assert_int_equal(entry(s, rollout, 0), ENTRY_DOWNLOADING);
}

static void an_offer_that_gets_lost_is_made_again(void **state)
{
	struct stage *s = *state;
	s->devices[0].forgets_offers = true;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(60));
	assert_int_equal(s->devices[0].offers, ROLLOUT_TRIES_MAX);
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_FORGOTTEN);
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
}

static void a_refused_offer_fails(void **state)
{
	struct stage *s = *state;
	s->devices[0].refuses = COAP_BAD_REQUEST;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(5));
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
	assert_int_equal(stage_entry(s, rollout, 0)->code, COAP_BAD_REQUEST);
}

static void waves_follow_each_other_and_a_failure_halts_before_the_next(void **state)
{
	struct stage *s = *state;
	struct rollout_plan plan = {.wave_count = 1, .waves = {{1, false}}, .failures_allowed = 0};
	stage_bring(s, 1);
	uint32_t rollout = stage_roll_out(s, "two", &plan);
	stage_run(s, SECONDS(1));
	assert_int_equal(entry(s, rollout, 1), ENTRY_PENDING);
	stage_firmware(s, 0, FIRMWARE_IDLE, FIRMWARE_RESULT_NO_STORAGE);
	stage_run(s, SECONDS(5));
	const struct rollout *r = server_rollout_find(s->server, rollout);
	assert_int_equal(r->record.state, ROLLOUT_HALTED);
	assert_string_equal(r->record.reason, "1 of 1 devices failed, 0 are allowed");
	assert_int_equal(s->devices[1].offers, 0);
	assert_int_equal(stage_events(s, EVENT_ROLLOUT_HALTED), 1);
	static const struct server_ask ask = {.actor = "anna", .token = 9};
	assert_int_equal(stage_await(s, server_rollout_command(s->server, rollout, ROLLOUT_RESUME, &ask, s->world.now)),
		SERVER_DONE);
	stage_run(s, SECONDS(2));
	assert_int_equal(entry(s, rollout, 1), ENTRY_DOWNLOADING);
}

static void a_pause_holds_the_word_to_install_and_a_resume_gives_it(void **state)
{
	static const struct server_ask ask = {.actor = "anna", .token = 9};
	struct stage *s = *state;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_await(s, server_rollout_command(s->server, rollout, ROLLOUT_PAUSE, &ask, s->world.now)),
		SERVER_DONE);
	assert_int_equal(s->done.token, 9);
	download(s, 0);
	assert_int_equal(s->devices[0].executes, 0);
	assert_int_equal(entry(s, rollout, 0), ENTRY_DOWNLOADED);
	stage_kill(s); /* the pause lasts */
	stage_start(s);
	stage_bring(s, 0);
	assert_int_equal(s->devices[0].executes, 0);
	assert_int_equal(stage_await(s, server_rollout_command(s->server, rollout, ROLLOUT_RESUME, &ask, s->world.now)),
		SERVER_DONE);
	stage_run(s, SECONDS(1));
	assert_int_equal(s->devices[0].executes, 1);
}

static void an_abort_takes_the_offer_back(void **state)
{
	static const struct server_ask ask = {.actor = "anna", .token = 9};
	struct stage *s = *state;
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_await(s, server_rollout_command(s->server, rollout, ROLLOUT_ABORT, &ask, s->world.now)),
		SERVER_DONE);
	stage_run(s, SECONDS(1));
	assert_int_equal(s->devices[0].resets, 1);
	assert_int_equal(entry(s, rollout, 0), ENTRY_SKIPPED);
	assert_int_equal(
		server_rollout_command(s->server, rollout, ROLLOUT_RESUME, &ask, s->world.now), SERVER_WRONG_STATE);
}

static void two_rollouts_do_not_work_on_a_device_at_once(void **state)
{
	struct stage *s = *state;
	uint32_t first = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	stage_publish(s, "three", "3.0", 3);
	uint32_t second = stage_roll_out(s, "three", NULL);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_entry(s, second, 0)->reason, ENTRY_REASON_BUSY);
	download(s, 0);
	reboot(s, 0, "2.0", FIRMWARE_RESULT_SUCCESS);
	assert_int_equal(entry(s, first, 0), ENTRY_CONFIRMED);
	stage_run(s, SECONDS(2));
	assert_int_equal(entry(s, second, 0), ENTRY_DOWNLOADING);
	assert_int_equal(s->devices[0].offers, 2);
}

static void what_another_has_left_on_the_device_is_cleared_first(void **state)
{
	struct stage *s = *state;
	(void)snprintf(s->devices[0].uri, sizeof s->devices[0].uri, "coap://elsewhere/image");
	s->devices[0].state = FIRMWARE_DOWNLOADED;
	stage_firmware(s, 0, FIRMWARE_DOWNLOADED, FIRMWARE_RESULT_INITIAL);
	stage_run(s, SECONDS(1));
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(2));
	assert_int_equal(s->devices[0].resets, 1);
	assert_int_equal(entry(s, rollout, 0), ENTRY_DOWNLOADING);
}

static void a_device_with_the_version_is_left_alone(void **state)
{
	struct stage *s = *state;
	reboot(s, 0, "2.0", FIRMWARE_RESULT_INITIAL);
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	assert_int_equal(entry(s, rollout, 0), ENTRY_SKIPPED);
	assert_int_equal(s->devices[0].offers, 0);
	assert_int_equal(server_rollout_find(s->server, rollout)->record.state, ROLLOUT_COMPLETED);
}

static void the_bytes_served_are_the_devices_progress(void **state)
{
	struct stage *s = *state;
	struct rollout_view view;
	char path[80];
	struct writer w = writer_of(path, sizeof path - 1);
	uint32_t cursor = 0, rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	const struct rollout *r = server_rollout_find(s->server, rollout);
	assert_true(server_rollout_view_next(s->server, r, &cursor, &view));
	assert_int_equal(view.bytes, 0);
	write_text(&w, "/a/");
	artifact_write_name(&w, s->image_digest);
	*w.at = '\0';
	uint64_t before = server_update_newest(s->server);
	stage_ask(s, 0, COAP_GET, path, NULL);
	cursor = 0;
	assert_true(server_rollout_view_next(s->server, r, &cursor, &view));
	assert_int_equal(view.bytes, STAGE_IMAGE_BYTES);
	assert_int_equal(view.total, STAGE_IMAGE_BYTES);
	assert_int_equal(server_update_newest(s->server) - before, 5); /* one for each block of 1024 */
}

static void a_device_that_hangs_while_installing_fails_in_the_end(void **state)
{
	struct stage *s = *state;
	struct rollout_plan plan = {.failures_allowed = 1, .install_s = 600};
	uint32_t rollout = stage_roll_out(s, "two", &plan);
	stage_run(s, SECONDS(1));
	download(s, 0);
	stage_disconnect(s, 0);
	stage_run(s, SECONDS(590));
	assert_int_equal(entry(s, rollout, 0), ENTRY_INSTALLING);
	stage_run(s, SECONDS(20));
	assert_int_equal(entry(s, rollout, 0), ENTRY_FAILED);
	assert_int_equal(stage_entry(s, rollout, 0)->reason, ENTRY_REASON_TIMEOUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_update_is_offered_installed_and_confirmed),
		TEST(success_without_the_version_is_a_failure),
		TEST(a_package_is_pushed_installed_and_confirmed),
		TEST(a_device_that_only_takes_pushes_gets_the_image_as_it_is),
		TEST(what_is_pushed_and_no_good_fails_with_the_devices_reason),
		TEST(a_refused_push_fails),
		TEST(a_device_that_falls_silent_in_the_middle_of_a_push_gets_it_anew_when_it_is_back),
		TEST(an_aborted_push_stops_at_once_and_what_has_come_is_discarded),
		TEST(a_kill_of_the_server_in_the_middle_of_a_push_begins_it_anew),
		TEST(an_image_that_cannot_be_read_ends_the_push_with_a_reason),
		TEST(a_device_that_rolls_back_keeps_its_reason),
		TEST(the_word_to_install_is_on_disk_before_it_is_given),
		TEST(while_the_store_fails_nothing_is_installed_and_afterwards_it_is),
		cmocka_unit_test(a_kill_of_the_server_at_any_stage_does_not_repeat_what_was_done),
		TEST(a_device_that_is_away_is_offered_when_it_comes),
		TEST(an_offer_that_gets_lost_is_made_again),
		TEST(a_refused_offer_fails),
		TEST(waves_follow_each_other_and_a_failure_halts_before_the_next),
		TEST(a_pause_holds_the_word_to_install_and_a_resume_gives_it),
		TEST(an_abort_takes_the_offer_back),
		TEST(two_rollouts_do_not_work_on_a_device_at_once),
		TEST(what_another_has_left_on_the_device_is_cleared_first),
		TEST(a_device_with_the_version_is_left_alone),
		TEST(the_bytes_served_are_the_devices_progress),
		TEST(a_device_that_hangs_while_installing_fails_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
