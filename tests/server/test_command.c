/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What operators ask for: refused at once with a reason, or done when it lasts. */
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct server_ask ask = {.actor = "anna", .token = 7};
static const struct server_selection all = {.kind = SELECTION_ALL};

static int set_up(void **state)
{
	struct stage *s = malloc(sizeof *s);
	stage_begin(s, NULL);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_end(*state);
	free(*state);
	return 0;
}

static enum server_result add_release(struct stage *s, const char *name)
{
	return server_release_add(
		s->server, bytes_of_text(name), bytes_of(s->envelope, s->envelope_len), &ask, s->world.now);
}

static enum server_result start(struct stage *s, const struct server_selection *selection)
{
	return server_rollout_start(s->server, bytes_of_text("two"), selection, NULL, &ask, s->world.now);
}

/* ---- releases ---- */

static void a_release_is_there_when_it_lasts_and_says_what_the_manifest_says(void **state)
{
	struct stage *s = *state;
	stage_sign(s, "2.0", 5);
	assert_int_equal(add_release(s, "two"), SERVER_ACCEPTED);
	assert_null(server_release_find(s->server, bytes_of_text("two")));
	assert_int_equal(s->dones, 0);
	assert_int_equal(stage_await(s, SERVER_ACCEPTED), SERVER_DONE);
	assert_int_equal(s->done.token, 7);
	const struct release *release = server_release_find(s->server, bytes_of_text("two"));
	assert_string_equal(release->version, "2.0");
	assert_int_equal(release->sequence, 5);
	assert_int_equal(release->image_size, STAGE_IMAGE_BYTES);
	assert_true(release->is_verified);
	assert_int_equal(stage_events(s, EVENT_RELEASE_ADDED), 1); /* durable before the operator was told */
	stage_kill(s);
	stage_start(s);
	assert_string_equal(server_release_find(s->server, bytes_of_text("two"))->version, "2.0");
}

static void every_flipped_bit_of_a_manifest_is_refused(void **state)
{
	struct stage *s = *state;
	stage_sign(s, "2.0", 5);
	for (size_t bit = 0; bit < 8 * s->envelope_len; bit += 7) {
		s->envelope[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum server_result result = add_release(s, "two");
		if (result != SERVER_BAD_MANIFEST)
			fail_msg("bit %zu: %s", bit, server_result_text(result));
		s->envelope[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_string_not_equal(server_reason(s->server), "");
}

static void a_release_needs_a_name_an_image_and_a_signature_we_trust(void **state)
{
	struct stage *s = *state;
	struct trust_key stranger, public;
	stage_sign(s, "2.0", 5);
	assert_int_equal(add_release(s, ""), SERVER_BAD_NAME);
	assert_int_equal(add_release(s, "../etc"), SERVER_BAD_NAME);
	assert_int_equal(add_release(s, "0123456789012345678901234567890123456789012345678"), SERVER_BAD_NAME);
	s->has_image = false;
	assert_int_equal(add_release(s, "two"), SERVER_NO_IMAGE);
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "stranger", &stranger, &public));
	s->secret = stranger;
	stage_sign(s, "2.0", 5);
	assert_int_equal(add_release(s, "two"), SERVER_BAD_MANIFEST);
	assert_string_equal(server_reason(s->server), "no trust anchor made this signature");
	stage_sign(s, "", 5);
	s->verifies = false;
	stage_kill(s);
	stage_start(s);
	assert_int_equal(add_release(s, "two"), SERVER_NO_VERSION);
	stage_sign(s, "2.0", 5);
	assert_int_equal(stage_await(s, add_release(s, "two")), SERVER_DONE);
	assert_false(server_release_find(s->server, bytes_of_text("two"))->is_verified);
}

static void a_name_or_a_manifest_is_there_once(void **state)
{
	struct stage *s = *state;
	stage_publish(s, "two", "2.0", 5);
	assert_int_equal(add_release(s, "other"), SERVER_EXISTS);
	stage_sign(s, "2.1", 6);
	assert_int_equal(add_release(s, "two"), SERVER_EXISTS);
}

static void a_store_that_fails_leaves_no_release(void **state)
{
	struct stage *s = *state;
	stage_sign(s, "2.0", 5);
	s->store.fail_batches = 1;
	assert_int_equal(stage_await(s, add_release(s, "two")), SERVER_STORE_FAILED);
	assert_null(server_release_find(s->server, bytes_of_text("two")));
	assert_int_equal(stage_await(s, add_release(s, "two")), SERVER_DONE);
}

static void a_second_release_waits_its_turn(void **state)
{
	struct stage *s = *state;
	stage_sign(s, "2.0", 5);
	assert_int_equal(add_release(s, "two"), SERVER_ACCEPTED);
	assert_int_equal(add_release(s, "three"), SERVER_BUSY);
	assert_int_equal(stage_await(s, SERVER_ACCEPTED), SERVER_DONE);
}

static void only_so_many_releases_are_kept(void **state)
{
	struct stage *s = *state;
	stage_end(s);
	stage_begin(s, &(struct server_config){.devices = 4, .releases = 1});
	stage_publish(s, "two", "2.0", 2);
	stage_sign(s, "3.0", 3);
	assert_int_equal(add_release(s, "three"), SERVER_FULL);
	assert_int_equal(stage_await(s, server_release_remove(s->server, bytes_of_text("two"), &ask, s->world.now)),
		SERVER_DONE);
	assert_int_equal(stage_await(s, add_release(s, "three")), SERVER_DONE);
}

static void a_release_that_a_rollout_needs_stays(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	stage_roll_out(s, "two", NULL);
	assert_int_equal(server_release_remove(s->server, bytes_of_text("two"), &ask, s->world.now), SERVER_IN_USE);
	assert_int_equal(
		server_release_remove(s->server, bytes_of_text("none"), &ask, s->world.now), SERVER_NO_RELEASE);
}

/* ---- uploads ---- */

static void an_upload_is_done_when_the_artifact_and_its_event_last(void **state)
{
	struct stage *s = *state;
	struct handle upload;
	enum artifact_result why;
	assert_int_equal(server_upload_begin(s->server, 3, NULL, &upload), ARTIFACT_DONE);
	assert_int_equal(server_upload_append(s->server, upload, bytes_of_text("abc")), ARTIFACT_DONE);
	assert_int_equal(
		stage_await(s, server_upload_finish(s->server, upload, &ask, s->world.now, &why)), SERVER_DONE);
	assert_int_equal(s->done.stored.size, 3);
	assert_int_equal(s->done.stored.digest[0], 0xba); /* of "abc" (FIPS 180-4) */
	assert_int_equal(stage_events(s, EVENT_ARTIFACT_ADDED), 1);
}

static void an_upload_that_fails_says_why(void **state)
{
	struct stage *s = *state;
	struct handle upload;
	enum artifact_result why;
	server_upload_begin(s->server, 0, NULL, &upload);
	assert_int_equal(server_upload_finish(s->server, upload, &ask, s->world.now, &why), SERVER_ARTIFACT);
	assert_int_equal(why, ARTIFACT_EMPTY);
	assert_string_equal(server_reason(s->server), "empty");
	server_upload_begin(s->server, 3, NULL, &upload);
	server_upload_append(s->server, upload, bytes_of_text("abc"));
	s->upload_result = ARTIFACT_NO_SPACE;
	assert_int_equal(
		stage_await(s, server_upload_finish(s->server, upload, &ask, s->world.now, &why)), SERVER_ARTIFACT);
	assert_int_equal(s->done.artifact, ARTIFACT_NO_SPACE);
	assert_int_equal(stage_events(s, EVENT_ARTIFACT_ADDED), 0);
}

/* ---- starting rollouts ---- */

static void a_selection_holds_the_devices_it_says(void **state)
{
	struct stage *s = *state;
	struct bytes names[] = {bytes_of_text("pump-1"), bytes_of_text("pump-0"), bytes_of_text("pump-1")};
	const struct {
		struct server_selection selection;
		unsigned devices;
		const char *text;
	} cases[] = {
		{{.kind = SELECTION_ALL}, 2, "all"},
		{{.kind = SELECTION_NAMES, .names = names, .name_count = 3}, 2, "3 named"},
		{{.kind = SELECTION_MODEL, .text = bytes_of_text("stage")}, 2, "model=stage"},
		{{.kind = SELECTION_TAG, .text = bytes_of_text("canary")}, 1, "tag=canary"},
	};
	stage_bring(s, 0);
	stage_bring(s, 1);
	stage_bring(s, 2);
	stage_ask(s, 2, COAP_DELETE, s->devices[2].location, NULL);
	stage_publish(s, "two", "2.0", 2);
	assert_int_equal(stage_await(s, server_device_tag(s->server, bytes_of_text("pump-1"),
						bytes_of_text("site-a canary"), &ask, s->world.now)),
		SERVER_DONE);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(stage_await(s, start(s, &cases[i].selection)), SERVER_DONE);
		const struct rollout *r = server_rollout_find(s->server, s->done.rollout);
		assert_int_equal(r->total, cases[i].devices);
		assert_string_equal(r->record.selection, cases[i].text);
		assert_string_equal(r->record.actor, "anna");
	}
}

static void a_rollout_that_cannot_be_is_refused_with_the_reason(void **state)
{
	struct stage *s = *state;
	struct bytes unknown[] = {bytes_of_text("nobody")};
	struct server_selection named = {.kind = SELECTION_NAMES, .names = unknown, .name_count = 1};
	struct server_selection tagged = {.kind = SELECTION_TAG, .text = bytes_of_text("none")};
	const struct rollout_plan bad_plans[] = {
		{.wave_count = ROLLOUT_WAVES_MAX + 1},
		{.wave_count = 1, .waves = {{0, false}}},
		{.wave_count = 1, .waves = {{101, true}}},
		{.wave_count = 2, .waves = {{60, true}, {41, true}}},
		{.failures_in_percent = true, .failures_allowed = 101},
	};
	assert_int_equal(start(s, &all), SERVER_NO_RELEASE);
	stage_publish(s, "two", "2.0", 2);
	assert_int_equal(start(s, &all), SERVER_NONE_SELECTED);
	assert_int_equal(start(s, &tagged), SERVER_NONE_SELECTED);
	assert_int_equal(start(s, &named), SERVER_NO_DEVICE);
	assert_string_equal(server_reason(s->server), "nobody");
	stage_bring(s, 0);
	for (size_t i = 0; i < sizeof bad_plans / sizeof *bad_plans; i++)
		assert_int_equal(
			server_rollout_start(s->server, bytes_of_text("two"), &all, &bad_plans[i], &ask, s->world.now),
			SERVER_BAD_PLAN);
	assert_int_equal(server_rollout_command(s->server, 1, ROLLOUT_PAUSE, &ask, s->world.now), SERVER_NO_ROLLOUT);
}

static void a_rollout_that_is_not_stored_yet_is_seen_by_nobody(void **state)
{
	struct stage *s = *state;
	uint32_t cursor = 0;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	s->store.latency = SECONDS(2);
	assert_int_equal(start(s, &all), SERVER_ACCEPTED);
	stage_run(s, SECONDS(1));
	assert_null(server_rollout_next(s->server, &cursor));
	assert_int_equal(s->devices[0].offers, 0);
	assert_int_equal(stage_await(s, SERVER_ACCEPTED), SERVER_DONE);
	assert_non_null(server_rollout_find(s->server, s->done.rollout));
}

static void a_rollout_that_the_store_refuses_never_was(void **state)
{
	struct stage *s = *state;
	uint32_t cursor = 0;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	stage_run(s, SECONDS(1));
	s->store.fail_batches = 1;
	assert_int_equal(stage_await(s, start(s, &all)), SERVER_STORE_FAILED);
	assert_null(server_rollout_next(s->server, &cursor));
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].offers, 0);
	assert_int_equal(store_memory_count(&s->store, STORE_ROLLOUT_PUT), 0);
}

static void more_rollouts_than_fit_are_refused(void **state)
{
	struct stage *s = *state;
	stage_end(s);
	stage_begin(s, &(struct server_config){.devices = 4, .rollouts = 2, .rollout_entries = 3});
	stage_bring(s, 0);
	stage_bring(s, 1);
	stage_publish(s, "two", "2.0", 2);
	assert_int_equal(stage_await(s, start(s, &all)), SERVER_DONE);
	assert_int_equal(start(s, &all), SERVER_FULL);
	assert_string_equal(server_reason(s->server), "too many devices in rollouts");
}

/* ---- devices ---- */

static void a_removed_device_is_forgotten_and_leaves_its_rollout(void **state)
{
	struct stage *s = *state;
	struct rollout_view view;
	uint32_t cursor = 0;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	uint32_t rollout = stage_roll_out(s, "two", NULL);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_await(s, server_device_remove(s->server, bytes_of_text("pump-0"), &ask, s->world.now)),
		SERVER_DONE);
	assert_null(stage_find(s, 0));
	stage_run(s, SECONDS(1));
	assert_true(server_rollout_view_next(s->server, server_rollout_find(s->server, rollout), &cursor, &view));
	assert_null(view.device);
	assert_string_equal(view.entry->name, "pump-0");
	assert_string_equal(view.why, "the device is no longer known");
	assert_int_equal(store_memory_count(&s->store, STORE_DEVICE_PUT), 0);
	stage_kill(s);
	stage_start(s);
	assert_int_equal(server_rollout_find(s->server, rollout)->record.state, ROLLOUT_COMPLETED);
	stage_bring(s, 0); /* it may come back */
	assert_true(device_is_registered(stage_find(s, 0)));
}

static void tags_are_words_and_last(void **state)
{
	static const char *const bad[] = {
		" a", "a ", "a  b", "a,b", "a\tb", "0123456789012345678901234567890123456789012345678"};
	struct stage *s = *state;
	stage_bring(s, 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(server_device_tag(
					 s->server, bytes_of_text("pump-0"), bytes_of_text(bad[i]), &ask, s->world.now),
			SERVER_BAD_NAME);
	assert_int_equal(stage_await(s, server_device_tag(s->server, bytes_of_text("pump-0"), bytes_of_text("a b"),
						&ask, s->world.now)),
		SERVER_DONE);
	stage_kill(s);
	stage_start(s);
	assert_string_equal(stage_find(s, 0)->record.tags, "a b");
	assert_int_equal(
		stage_await(s, server_device_tag(s->server, bytes_of_text("pump-0"), BYTES_NONE, &ask, s->world.now)),
		SERVER_DONE);
	assert_string_equal(stage_find(s, 0)->record.tags, "");
}

static void what_the_owner_wants_in_the_audit_log_gets_there(void **state)
{
	struct stage *s = *state;
	assert_int_equal(
		stage_await(s, server_audit(s->server, EVENT_TOKEN_ADDED, "ci", &ask, s->world.now)), SERVER_DONE);
	const struct event *event = NULL, *next;
	for (uint64_t after = 0; (next = server_event_after(s->server, after)) != NULL; after = next->number)
		event = next;
	assert_int_equal(event->type, EVENT_TOKEN_ADDED);
	assert_string_equal(event->actor, "anna");
	assert_string_equal(event->detail, "ci");
}

static void every_result_has_a_text(void **state)
{
	(void)state;
	for (int result = SERVER_ACCEPTED; result <= SERVER_ARTIFACT; result++)
		assert_string_not_equal(server_result_text((enum server_result)result), "unknown");
}

/* ---- memory ---- */

#define FLEET 2000

/* One of many, with a serial number and a health of its own. */
static void add_device(struct registry *r, uint32_t i)
{
	struct device_record record = {
		.manufacturer = "Example Ltd", .model = "Pump 3000", .version = "2.4.1", .first_seen = 1};
	struct registration registration = {.lifetime_s = 86400, .minor = 1, .object_count = 5, .format_count = 4};
	struct device_firmware firmware = {.is_known = true, .reported_at = 1};
	struct health health = {.uptime_s = 100000 + i, .memory_total_kib = 200000, .disk_total_kib = 4000000};
	struct coap_remote remote = {.address = address_ipv4(192, 0, 2, 1, 5684), .session = {i, 1}};
	(void)snprintf(record.name, sizeof record.name, "urn:dev:os:32473-%06u", i);
	(void)snprintf(record.serial, sizeof record.serial, "SN-%08u", i);
	(void)snprintf(registration.location, sizeof registration.location, "%012x", i);
	health.has = 1u << HEALTH_UPTIME | 1u << HEALTH_MEMORY_TOTAL | 1u << HEALTH_DISK_TOTAL | 1u << HEALTH_CPU_LOAD;
	struct device *device = registry_put(r, &record);
	registry_register(r, device, &registration, SECONDS(86400));
	registry_connect(r, device, &remote);
	registry_keep_firmware(r, device, &firmware);
	registry_keep_health(r, device, &health);
}

/* Far more is reserved than an idle device touches; what counts is what is written. */
static void an_idle_device_costs_the_registry_less_than_half_a_kibibyte(void **state)
{
	struct registry registry;
	struct carve c = {0};
	size_t touched = 0;
	(void)state;
	registry_carve(&registry, &c, FLEET, 7);
	uint8_t *memory = aligned_alloc(64, c.used);
	memset(memory, 0, c.used);
	c = (struct carve){.memory = memory};
	registry_carve(&registry, &c, FLEET, 7);
	for (uint32_t i = 0; i < FLEET; i++)
		add_device(&registry, i);
	for (size_t line = 0; line < c.used; line += 64) {
		bool is_zero = memory[line] == 0 && memcmp(memory + line, memory + line + 1, 63) == 0;
		touched += is_zero ? 0 : 64;
	}
	print_message("a device: %zu bytes in the registry\n", touched / FLEET);
	assert_true(touched / FLEET <= 512);
	free(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_release_is_there_when_it_lasts_and_says_what_the_manifest_says),
		TEST(every_flipped_bit_of_a_manifest_is_refused),
		TEST(a_release_needs_a_name_an_image_and_a_signature_we_trust),
		TEST(a_name_or_a_manifest_is_there_once),
		TEST(a_store_that_fails_leaves_no_release),
		TEST(a_second_release_waits_its_turn),
		TEST(only_so_many_releases_are_kept),
		TEST(a_release_that_a_rollout_needs_stays),
		TEST(an_upload_is_done_when_the_artifact_and_its_event_last),
		TEST(an_upload_that_fails_says_why),
		TEST(a_selection_holds_the_devices_it_says),
		TEST(a_rollout_that_cannot_be_is_refused_with_the_reason),
		TEST(a_rollout_that_is_not_stored_yet_is_seen_by_nobody),
		TEST(a_rollout_that_the_store_refuses_never_was),
		TEST(more_rollouts_than_fit_are_refused),
		TEST(a_removed_device_is_forgotten_and_leaves_its_rollout),
		TEST(tags_are_words_and_last),
		TEST(what_the_owner_wants_in_the_audit_log_gets_there),
		cmocka_unit_test(every_result_has_a_text),
		cmocka_unit_test(an_idle_device_costs_the_registry_less_than_half_a_kibibyte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
