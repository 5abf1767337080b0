/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /rd end to end: a device's endpoint, the server's endpoint and composer, a store with latency and failures. */
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
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	stage_end(*state);
	free(*state);
	return 0;
}

/* ---- Register ---- */

static void a_register_is_answered_when_the_store_has_it_and_not_before(void **state)
{
	struct stage *s = *state;
	s->store.latency = 500;
	stage_connect(s, 0);
	stage_request(s, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1&b=U", STAGE_LINKS);
	stage_run(s, 400);
	assert_int_equal(s->devices[0].answers, 0);
	assert_false(device_is_registered(stage_find(s, 0)));
	assert_int_equal(s->devices[0].log_count, 0); /* nothing is sent before the 2.01 */
	stage_run(s, 300);
	assert_int_equal(s->devices[0].code, COAP_CREATED);
	assert_true(device_is_registered(stage_find(s, 0)));
	assert_int_equal(store_memory_count(&s->store, STORE_REGISTRATION_PUT), 1);
}

static void the_location_lies_below_rd_and_names_the_registration(void **state)
{
	struct stage *s = *state;
	char expected[32];
	stage_bring(s, 0);
	const struct device *d = stage_find(s, 0);
	(void)snprintf(expected, sizeof expected, "/rd/%s", d->registration.location);
	assert_string_equal(s->devices[0].location, expected);
	assert_int_equal(d->registration.lifetime_s, 300);
	assert_int_equal(d->registration.object_count, 5);
	assert_int_equal(d->registration.format_count, 4);
	assert_int_equal(device_formats(d).format_count, 4);
	assert_int_equal(d->registration.major * 10 + d->registration.minor, 11);
}

static void a_store_that_fails_is_answered_5_03_and_nothing_is_kept(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	s->store.fail_batches = 1;
	assert_int_equal(stage_register(s, 0), COAP_SERVICE_UNAVAILABLE);
	assert_false(device_is_registered(stage_find(s, 0)));
	assert_int_equal(store_memory_count(&s->store, STORE_REGISTRATION_PUT), 0);
	assert_int_equal(server_gauges(s->server).registered, 0);
	stage_disconnect(s, 0);
	assert_null(stage_find(s, 0)); /* a stranger is known only while it is connected */
	stage_connect(s, 0);
	assert_int_equal(stage_register(s, 0), COAP_CREATED);
}

static void a_failing_store_leaves_the_registration_that_was_there(void **state)
{
	struct stage *s = *state;
	char before[DEVICE_LOCATION_MAX + 1];
	stage_bring(s, 0);
	memcpy(before, stage_find(s, 0)->registration.location, sizeof before);
	s->store.fail_batches = 1;
	assert_int_equal(stage_register(s, 0), COAP_SERVICE_UNAVAILABLE);
	assert_string_equal(stage_find(s, 0)->registration.location, before);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_CHANGED);
}

static void another_devices_name_is_refused_and_told_to_the_audit_log(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/rd?ep=pump-1&lt=300&lwm2m=1.1", STAGE_LINKS), COAP_BAD_REQUEST);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_events(s, EVENT_REFUSED), 1);
	assert_int_equal(stage_events(s, EVENT_REGISTERED), 0);
	assert_null(stage_find(s, 1));
	const struct event *event = server_event_after(s->server, 1);
	assert_string_equal(event->device, "pump-0");
	assert_string_equal(event->detail, "endpoint name does not belong to the credential");
}

static void without_a_name_the_credential_says_who_it_is(void **state)
{
	struct stage *s = *state;
	stage_connect(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/rd?lt=300&lwm2m=1.1", STAGE_LINKS), COAP_CREATED);
	assert_true(device_is_registered(stage_find(s, 0)));
}

static void an_association_of_nobody_is_forbidden(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_register(s, 0), COAP_FORBIDDEN);
	assert_int_equal(server_counters(s->server)->refusals, 1);
}

static void what_is_malformed_gets_its_code(void **state)
{
	static const struct {
		const char *path, *body;
		enum coap_code code;
	} cases[] = {
		/*  1 */ {"/rd?ep=pump-0&lt=300", STAGE_LINKS, COAP_BAD_REQUEST},
		/*  2 */ {"/rd?ep=pump-0&lt=300&lwm2m=2.0", STAGE_LINKS, COAP_PRECONDITION_FAILED},
		/*  3 */ {"/rd?ep=pump-0&lt=x&lwm2m=1.1", STAGE_LINKS, COAP_BAD_REQUEST},
		/*  4 */ {"/rd?ep=pump-0&lt=0&lwm2m=1.1", STAGE_LINKS, COAP_BAD_REQUEST},
		/*  5 */ {"/rd?ep=pump-0&lt=300&lt=300&lwm2m=1.1", STAGE_LINKS, COAP_BAD_REQUEST},
		/*  6 */ {"/rd?ep=pump-0&lt=300&lwm2m=abc", STAGE_LINKS, COAP_BAD_REQUEST},
		/*  7 */ {"/rd?ep=pump-0&lt=300&lwm2m=1.1", NULL, COAP_BAD_REQUEST},
		/*  8 */ {"/rd?ep=pump-0&lt=300&lwm2m=1.1", "</3/0", COAP_BAD_REQUEST},
		/*  9 */ {"/rd?ep=pump-0&lt=300&lwm2m=1.1", "nonsense", COAP_BAD_REQUEST},
		/* 10: as LwM2M 1.0 */ {"/rd?ep=pump-0&lwm2m=1.0", "</3/0>", COAP_CREATED},
		/* 11: unknown parameters are ignored */ {"/rd?ep=pump-0&lt=9&lwm2m=1.2&x=y", "</3/0>", COAP_CREATED},
	};
	struct stage *s = *state;
	stage_connect(s, 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum coap_code code = stage_ask(s, 0, COAP_POST, cases[i].path, cases[i].body);
		if (code != cases[i].code)
			fail_msg("case %zu: %02x", i + 1, code);
	}
}

static void more_objects_than_are_kept_are_noted(void **state)
{
	struct stage *s = *state;
	char links[1024] = "</3/0>";
	size_t len = strlen(links);
	for (unsigned i = 0; i < DEVICE_OBJECTS_MAX; i++)
		len += (size_t)snprintf(links + len, sizeof links - len, ",</3303/%u>", i);
	stage_connect(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1", links), COAP_CREATED);
	assert_true(stage_find(s, 0)->registration.has_more_objects);
	assert_int_equal(stage_find(s, 0)->registration.object_count, DEVICE_OBJECTS_MAX);
}

static void a_second_register_replaces_the_first_whose_location_is_gone(void **state)
{
	struct stage *s = *state;
	char before[32];
	stage_bring(s, 0);
	memcpy(before, s->devices[0].location, sizeof before);
	assert_int_equal(stage_register(s, 0), COAP_CREATED);
	assert_string_not_equal(s->devices[0].location, before);
	assert_int_equal(stage_ask(s, 0, COAP_POST, before, NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 0, COAP_DELETE, before, NULL), COAP_NOT_FOUND);
	assert_int_equal(server_gauges(s->server).registered, 1);
}

static void methods_that_rd_does_not_have_are_refused(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_GET, "/rd", NULL), COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(stage_ask(s, 0, COAP_PUT, s->devices[0].location, NULL), COAP_METHOD_NOT_ALLOWED);
}

/* ---- limits ---- */

static void a_server_full_of_devices_admits_no_more(void **state)
{
	struct stage *s = *state;
	stage_end(s);
	stage_begin(s, &(struct server_config){.devices = 1});
	stage_bring(s, 0);
	stage_connect(s, 1);
	assert_int_equal(stage_register(s, 1), COAP_FORBIDDEN);
	assert_true(server_counters(s->server)->full > 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_CHANGED);
}

static void more_changes_than_may_be_under_way_are_answered_5_03(void **state)
{
	struct stage *s = *state;
	stage_end(s);
	stage_begin(s, &(struct server_config){.devices = 8, .pending = 2});
	stage_run(s, SECONDS(1));
	s->store.latency = SECONDS(2);
	for (unsigned i = 0; i < 3; i++) {
		char path[64];
		(void)snprintf(path, sizeof path, "/rd?ep=pump-%u&lt=300&lwm2m=1.1", i);
		stage_connect(s, i);
		stage_request(s, i, COAP_POST, path, STAGE_LINKS);
		stage_run(s, 100);
	}
	assert_int_equal(s->devices[2].code, COAP_SERVICE_UNAVAILABLE);
	stage_run(s, SECONDS(5));
	assert_int_equal(s->devices[0].code, COAP_CREATED);
	assert_int_equal(s->devices[1].code, COAP_CREATED);
}

/* ---- Update, De-register, expiry ---- */

static void an_update_renews_and_waits_for_the_store_too(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	wall_msec before = server_device_expires_at(s->server, stage_find(s, 0));
	s->store.latency = 500;
	stage_request(s, 0, COAP_POST, s->devices[0].location, NULL);
	stage_run(s, 300);
	assert_int_equal(s->devices[0].code, COAP_EMPTY);
	stage_run(s, SECONDS(1));
	assert_int_equal(s->devices[0].code, COAP_CHANGED);
	assert_true(server_device_expires_at(s->server, stage_find(s, 0)) > before);
	assert_int_equal(stage_events(s, EVENT_UPDATED), 0); /* renewed, not changed */
}

static void an_update_changes_what_it_says_and_keeps_the_rest(void **state)
{
	struct stage *s = *state;
	char path[64];
	stage_bring(s, 0);
	(void)snprintf(path, sizeof path, "%s?lt=77", s->devices[0].location);
	assert_int_equal(stage_ask(s, 0, COAP_POST, path, "</>;ct=112,</3/0>"), COAP_CHANGED);
	const struct device *d = stage_find(s, 0);
	assert_int_equal(d->registration.lifetime_s, 77);
	assert_int_equal(d->registration.object_count, 1);
	assert_int_equal(d->registration.format_count, 1);
	assert_int_equal(d->registration.bindings, 1);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_events(s, EVENT_UPDATED), 1);
}

static void an_update_that_the_store_refuses_changes_nothing(void **state)
{
	struct stage *s = *state;
	char path[64];
	stage_bring(s, 0);
	wall_msec before = server_device_expires_at(s->server, stage_find(s, 0));
	(void)snprintf(path, sizeof path, "%s?lt=9999", s->devices[0].location);
	s->store.fail_batches = 1;
	assert_int_equal(stage_ask(s, 0, COAP_POST, path, NULL), COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(server_device_expires_at(s->server, stage_find(s, 0)), before);
}

static void nobody_touches_the_registration_of_another(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_bring(s, 1);
	assert_int_equal(stage_ask(s, 1, COAP_POST, s->devices[0].location, NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 1, COAP_DELETE, s->devices[0].location, NULL), COAP_NOT_FOUND);
	assert_true(device_is_registered(stage_find(s, 0)));
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/rd/nobody", NULL), COAP_NOT_FOUND);
	assert_int_equal(stage_ask(s, 1, COAP_POST, "/rd/", NULL), COAP_NOT_FOUND);
}

static void a_bad_update_is_refused_and_changes_nothing(void **state)
{
	struct stage *s = *state;
	char path[64];
	stage_bring(s, 0);
	(void)snprintf(path, sizeof path, "%s?lt=0", s->devices[0].location);
	assert_int_equal(stage_ask(s, 0, COAP_POST, path, NULL), COAP_BAD_REQUEST);
	(void)snprintf(path, sizeof path, "%s?ep=pump-1", s->devices[0].location);
	assert_int_equal(stage_ask(s, 0, COAP_POST, path, NULL), COAP_BAD_REQUEST);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, "</3/0"), COAP_BAD_REQUEST);
	assert_int_equal(stage_find(s, 0)->registration.lifetime_s, 300);
	assert_int_equal(stage_find(s, 0)->registration.object_count, 5);
}

static void a_deregistered_device_is_known_but_not_registered(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_DELETE, s->devices[0].location, NULL), COAP_DELETED);
	assert_false(device_is_registered(stage_find(s, 0)));
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_NOT_FOUND);
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_events(s, EVENT_DEREGISTERED), 1);
	assert_int_equal(store_memory_count(&s->store, STORE_REGISTRATION_PUT), 0);
	assert_int_equal(store_memory_count(&s->store, STORE_DEVICE_PUT), 1);
	stage_disconnect(s, 0);
	assert_non_null(stage_find(s, 0));
}

static void a_registration_that_is_not_renewed_expires_after_the_grace(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_run(s, SECONDS(300 + 80));
	assert_true(device_is_registered(stage_find(s, 0)));
	stage_run(s, SECONDS(20));
	assert_false(device_is_registered(stage_find(s, 0)));
	stage_run(s, SECONDS(1));
	assert_int_equal(stage_events(s, EVENT_EXPIRED), 1);
	assert_int_equal(store_memory_count(&s->store, STORE_REGISTRATION_PUT), 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_NOT_FOUND);
}

/* ---- the server restarts ---- */

static void a_registration_survives_a_restart_of_the_server(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	struct registration before = device_registration(stage_find(s, 0)), after;
	stage_kill(s);
	stage_start(s);
	const struct device *d = stage_find(s, 0);
	after = device_registration(d);
	assert_memory_equal(&after, &before, sizeof before);
	assert_string_equal(d->record.version, "1.0");
	assert_false(d->is_connected);
	stage_connect(s, 0);
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_CHANGED);
}

static void a_register_that_was_not_confirmed_is_not_there_after_a_kill(void **state)
{
	struct stage *s = *state;
	s->store.latency = 500;
	stage_connect(s, 0);
	stage_request(s, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1&b=U", STAGE_LINKS);
	stage_run(s, 100);
	stage_kill(s);
	stage_start(s);
	assert_null(stage_find(s, 0));
}

static void a_registration_that_ran_out_while_we_were_away_gets_its_grace_and_goes(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	stage_kill(s);
	stage_run(s, SECONDS(1000));
	stage_start(s);
	assert_true(device_is_registered(stage_find(s, 0)));
	stage_run(s, SECONDS(94));
	assert_false(device_is_registered(stage_find(s, 0)));
}

static void the_audit_log_goes_on_after_a_restart_unbroken(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	uint64_t before = server_event_newest(s->server);
	stage_kill(s);
	stage_start(s);
	stage_run(s, SECONDS(1));
	assert_true(server_event_newest(s->server) > before);
	assert_int_equal(stage_events(s, EVENT_STARTED), 2);
	const struct event *event;
	uint8_t hash[SHA256_BYTES] = {0};
	for (uint64_t after = 0; (event = server_event_after(s->server, after)) != NULL; after = event->number) {
		uint8_t next[SHA256_BYTES];
		events_hash(&s->signature, hash, event, next);
		assert_memory_equal(next, event->hash, sizeof next);
		memcpy(hash, next, sizeof hash);
	}
}

/* ---- plain CoAP, stopping ---- */

static void without_security_a_name_is_believed_only_where_that_is_configured(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_register(s, 0), COAP_FORBIDDEN);
	stage_end(s);
	stage_begin(s, &(struct server_config){.devices = 8, .accepts_plain = true});
	assert_int_equal(stage_register(s, 0), COAP_CREATED);
	assert_true(stage_find(s, 0)->is_connected);
}

static void a_stopping_server_takes_nothing_new_and_ends_when_all_is_stored(void **state)
{
	struct stage *s = *state;
	stage_bring(s, 0);
	s->store.latency = 100;
	server_stop(s->server, s->world.now);
	assert_false(server_is_idle(s->server));
	assert_int_equal(stage_ask(s, 0, COAP_POST, s->devices[0].location, NULL), COAP_SERVICE_UNAVAILABLE);
	stage_run(s, SECONDS(1));
	assert_true(server_is_idle(s->server));
	assert_int_equal(stage_events(s, EVENT_STOPPED), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_register_is_answered_when_the_store_has_it_and_not_before),
		TEST(the_location_lies_below_rd_and_names_the_registration),
		TEST(a_store_that_fails_is_answered_5_03_and_nothing_is_kept),
		TEST(a_failing_store_leaves_the_registration_that_was_there),
		TEST(another_devices_name_is_refused_and_told_to_the_audit_log),
		TEST(without_a_name_the_credential_says_who_it_is),
		TEST(an_association_of_nobody_is_forbidden),
		TEST(what_is_malformed_gets_its_code),
		TEST(more_objects_than_are_kept_are_noted),
		TEST(a_second_register_replaces_the_first_whose_location_is_gone),
		TEST(methods_that_rd_does_not_have_are_refused),
		TEST(a_server_full_of_devices_admits_no_more),
		TEST(more_changes_than_may_be_under_way_are_answered_5_03),
		TEST(an_update_renews_and_waits_for_the_store_too),
		TEST(an_update_changes_what_it_says_and_keeps_the_rest),
		TEST(an_update_that_the_store_refuses_changes_nothing),
		TEST(nobody_touches_the_registration_of_another),
		TEST(a_bad_update_is_refused_and_changes_nothing),
		TEST(a_deregistered_device_is_known_but_not_registered),
		TEST(a_registration_that_is_not_renewed_expires_after_the_grace),
		TEST(a_registration_survives_a_restart_of_the_server),
		TEST(a_register_that_was_not_confirmed_is_not_there_after_a_kill),
		TEST(a_registration_that_ran_out_while_we_were_away_gets_its_grace_and_goes),
		TEST(the_audit_log_goes_on_after_a_restart_unbroken),
		TEST(without_security_a_name_is_believed_only_where_that_is_configured),
		TEST(a_stopping_server_takes_nothing_new_and_ends_when_all_is_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
