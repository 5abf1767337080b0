/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the server does with a device once it is registered: what it asks, in which order, and what it learns. */
#include "tests/server/stage.h"

#include "coap/content_format.h"
#include "tests/mgmt/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

static void after_a_register_everything_is_asked_in_order(void **state)
{
	static const char *const expected[] = {"GET /3/0", "PUT /26250/0?pmin=5&pmax=60", "GET /26250/0", "GET /5/0"};
	struct stage *s = *state;
	stage_bring(s, 0);
	assert_int_equal(s->devices[0].log_count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(s->devices[0].log[i], expected[i]);
	const struct device *d = stage_find(s, 0);
	assert_string_equal(d->record.manufacturer, "Fieldfare");
	assert_string_equal(d->record.version, "1.0");
	assert_true(d->firmware.is_known);
	struct health health = device_health(d);
	assert_true(health_has(&health, HEALTH_CPU_LOAD));
	assert_true(d->health_at > 0);
	assert_int_equal(server_device_operations(s->server, d), 0);
}

static void a_device_is_not_asked_for_objects_it_does_not_have(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	stage_ask(s, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1", "</1/0>,</3/0>,</5>");
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].log_count, 1);
	assert_string_equal(s->devices[0].log[0], "GET /3/0");
}

static void a_device_of_lwm2m_1_0_is_read_in_tlv(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	stage_ask(s, 0, COAP_POST, "/rd?ep=pump-0&lwm2m=1.0", "</3/0>,</5/0>,</26250/0>");
	stage_run(s, SECONDS(5));
	assert_string_equal(stage_find(s, 0)->record.version, "1.0");
	assert_true(stage_find(s, 0)->firmware.is_known);
	struct health health = device_health(stage_find(s, 0));
	assert_true(health_has(&health, HEALTH_CPU_LOAD));
}

static void only_one_request_is_in_flight_with_a_device(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	s->devices[0].is_deaf = true;
	stage_register(s, 0);
	stage_run(s, SECONDS(20));
	assert_int_equal(server_counters(s->server)->requests, 1);
	assert_int_equal(server_device_operations(s->server, stage_find(s, 0)), 4);
}

static void notifications_bring_health_and_firmware_up_to_date(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	uint64_t reports = server_counters(s->server)->health_reports, before = server_update_newest(s->server);
	coap_endpoint_changed(s->devices[0].peer.endpoint, s->devices[0].observer_health, true, s->world.now);
	stage_firmware(s, 0, FIRMWARE_IDLE, FIRMWARE_RESULT_FAILED);
	stage_run(s, SECONDS(1));
	assert_int_equal(server_counters(s->server)->health_reports, reports + 1);
	assert_int_equal(stage_find(s, 0)->firmware.result, FIRMWARE_RESULT_FAILED);
	const struct server_update *first = server_update_after(s->server, before);
	assert_int_equal(first->type, UPDATE_HEALTH);
	assert_int_equal(server_update_after(s->server, first->number)->type, UPDATE_FIRMWARE);
}

static void a_silent_device_is_left_in_peace_until_it_is_heard_again(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	s->devices[0].is_deaf = true;
	stage_register(s, 0);
	stage_run(s, SECONDS(120));
	uint64_t asked = server_counters(s->server)->requests;
	stage_run(s, SECONDS(60));
	assert_int_equal(server_counters(s->server)->requests, asked);
	assert_false(device_is_reachable(stage_find(s, 0)));
	s->devices[0].is_deaf = false;
	stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL);
	stage_run(s, SECONDS(5));
	assert_true(device_is_reachable(stage_find(s, 0)));
	assert_string_equal(stage_find(s, 0)->record.version, "1.0");
	assert_int_equal(server_device_operations(s->server, stage_find(s, 0)), 0);
}

static void what_a_device_never_answers_is_given_up(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	s->devices[0].is_deaf = true;
	stage_register(s, 0);
	for (int i = 0; i < 4; i++) {
		stage_run(s, SECONDS(120));
		stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL);
	}
	stage_run(s, SECONDS(1));
	assert_int_equal(server_counters(s->server)->requests_given_up, 1);
}

static void requests_wait_for_a_device_that_went_away(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	s->devices[0].is_deaf = true;
	stage_register(s, 0);
	stage_disconnect(s, 0);
	assert_int_equal(server_device_operations(s->server, stage_find(s, 0)), 4);
	s->devices[0].is_deaf = false;
	stage_connect(s, 0);
	stage_run(s, SECONDS(10));
	assert_int_equal(s->devices[0].log_count, 0); /* a new association: not before it registers */
	stage_register(s, 0);
	stage_run(s, SECONDS(10));
	assert_int_equal(s->devices[0].log_count, 4);
}

static void a_new_register_observes_anew_and_once(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_disconnect(s, 0);
	stage_bring(s, 0);
	uint64_t reports = server_counters(s->server)->health_reports;
	coap_endpoint_changed(s->devices[0].peer.endpoint, s->devices[0].observer_health, true, s->world.now);
	stage_run(s, SECONDS(1));
	assert_int_equal(server_counters(s->server)->health_reports, reports + 1);
}

static void a_changed_version_is_stored_and_told(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	(void)snprintf(s->devices[0].version, sizeof s->devices[0].version, "9.9");
	stage_disconnect(s, 0);
	stage_bring(s, 0);
	assert_int_equal(stage_events(s, EVENT_VERSION_CHANGED), 2);
	stage_kill(s);
	stage_start(s);
	assert_string_equal(stage_find(s, 0)->record.version, "9.9");
}

/* ---- /dp ---- */

static void a_device_may_send_on_its_own_what_would_be_read(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	uint64_t reports = server_counters(s->server)->health_reports;
	/* The request carries link format, which no Send may. */
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/dp", "x"), COAP_UNSUPPORTED_CONTENT_FORMAT);
	assert_int_equal(stage_ask(s, 0, COAP_GET, "/dp", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/dp", "x"), COAP_NOT_FOUND);
	assert_int_equal(server_counters(s->server)->health_reports, reports);
}

static enum coap_code send(struct stage *s, uint16_t format, const char *hex)
{
	uint8_t body[256];
	s->devices[0].code = 0;
	stage_send(s, 0, COAP_POST, "/dp", format, show_unhex(hex, body, sizeof body), COAP_FORMAT_NONE);
	stage_run(s, SECONDS(1));
	return s->devices[0].code;
}

static void what_a_device_sends_on_its_own_can_be_looked_at(void **state)
{
	static const char leading_zero[] = "81a2006b2f32363235302f302f303102f94da0"; /* /26250/0/01 */
	struct stage *s = *state;
	const struct record *records;
	uint32_t cursor = 0;
	stage_bring(s, 0);
	uint64_t reports = server_counters(s->server)->health_reports;
	assert_int_equal(send(s, COAP_FORMAT_SENML_CBOR, "81a2006a2f32363235302f302f3002f94da0"), COAP_CHANGED);
	assert_int_equal(server_counters(s->server)->health_reports, reports + 1);
	const struct server_watch *w = server_watch_next(s->server, stage_find(s, 0), &cursor);
	assert_true(w != NULL && w->is_unasked && w->reports == 1);
	assert_int_equal(server_watch_values(s->server, w, &model_core, &records), 1);
	assert_true(records[0].value.type == VALUE_FLOAT && records[0].value.real == 22.5);
	assert_int_equal(send(s, COAP_FORMAT_LWM2M_CBOR, "a18319668a0000f94da0"), COAP_CHANGED);
	assert_int_equal(w->reports, 2);
	assert_null(server_watch_next(s->server, stage_find(s, 0), &cursor));
	assert_int_equal(send(s, COAP_FORMAT_SENML_CBOR, leading_zero), COAP_BAD_REQUEST);
	assert_int_equal(w->reports, 2);
}

static void what_was_not_registered_is_not_sent(void **state)
{
	struct stage *s = *state;
	uint32_t cursor = 0;
	stage_bring(s, 0);
	assert_int_equal(send(s, COAP_FORMAT_SENML_CBOR, "81a2006c2f333330332f302f3537303002f94da0"), COAP_NOT_FOUND);
	assert_int_equal(send(s, COAP_FORMAT_LWM2M_TLV, "c10964"), COAP_UNSUPPORTED_CONTENT_FORMAT);
	assert_null(server_watch_next(s->server, stage_find(s, 0), &cursor));
}

/* ---- /m and /a ---- */

static const char *path_to(char kind, const uint8_t digest[SHA256_BYTES])
{
	static char path[80];
	struct writer w = writer_of(path, sizeof path - 1);
	path[0] = '/';
	path[1] = kind;
	path[2] = '/';
	w.at = (uint8_t *)path + 3;
	artifact_write_name(&w, digest);
	*w.at = '\0';
	return path;
}

static void manifest_and_image_are_served_to_devices_that_are_known(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	const struct release *release = server_release_find(s->server, bytes_of_text("two"));
	assert_int_equal(stage_ask(s, 0, COAP_GET, path_to('m', release->manifest), NULL), COAP_CONTENT);
	assert_int_equal(s->devices[0].body.len, s->envelope_len);
	assert_memory_equal(s->devices[0].body.data, s->envelope, s->envelope_len);
	assert_int_equal(stage_ask(s, 0, COAP_GET, path_to('a', s->image_digest), NULL), COAP_CONTENT);
	assert_int_equal(s->devices[0].body.len, STAGE_IMAGE_BYTES);
	assert_memory_equal(s->devices[0].body.data, s->image, STAGE_IMAGE_BYTES);
	assert_int_equal(server_counters(s->server)->bytes_served, STAGE_IMAGE_BYTES);
}

static void strangers_and_wrong_names_get_nothing(void **state)
{
	struct stage *s = *state;
	uint8_t other[SHA256_BYTES] = {1};
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	assert_int_equal(stage_ask(s, 1, COAP_GET, path_to('a', s->image_digest), NULL), COAP_FORBIDDEN);
	assert_int_equal(stage_ask(s, 0, COAP_GET, path_to('a', other), NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 0, COAP_GET, path_to('m', s->image_digest), NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 0, COAP_GET, "/a/..", NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 0, COAP_GET, "/a", NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 0, COAP_PUT, path_to('a', s->image_digest), "x"), COAP_METHOD_NOT_ALLOWED);
}

static void a_disk_that_does_not_read_is_a_5_00(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_publish(s, "two", "2.0", 2);
	s->image_is_broken = true;
	assert_int_equal(stage_ask(s, 0, COAP_GET, path_to('a', s->image_digest), NULL), COAP_INTERNAL_SERVER_ERROR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(after_a_register_everything_is_asked_in_order),
		TEST(a_device_is_not_asked_for_objects_it_does_not_have),
		TEST(a_device_of_lwm2m_1_0_is_read_in_tlv),
		TEST(only_one_request_is_in_flight_with_a_device),
		TEST(notifications_bring_health_and_firmware_up_to_date),
		TEST(a_silent_device_is_left_in_peace_until_it_is_heard_again),
		TEST(what_a_device_never_answers_is_given_up),
		TEST(requests_wait_for_a_device_that_went_away),
		TEST(a_new_register_observes_anew_and_once),
		TEST(a_changed_version_is_stored_and_told),
		TEST(what_a_device_sends_on_its_own_can_be_looked_at),
		TEST(what_was_not_registered_is_not_sent),
		TEST(a_device_may_send_on_its_own_what_would_be_read),
		TEST(manifest_and_image_are_served_to_devices_that_are_known),
		TEST(strangers_and_wrong_names_get_nothing),
		TEST(a_disk_that_does_not_read_is_a_5_00),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
