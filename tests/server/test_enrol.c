/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /.well-known/est end to end (RFC 9148): a device's endpoint, the server's, a real authority, a store with latency. */
#include "coap/content_format.h"
#include "pki/authority_wolfcrypt.h"
#include "pki/certs_only.h"
#include "pki/request_wolfcrypt.h"
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY    INT64_C(86400)
#define SEN    "/.well-known/est/sen"
#define PKCS10 COAP_FORMAT_PKCS10
#define NONE   COAP_FORMAT_NONE

struct enrolment {
	struct stage stage;
	struct pki_authority authority;
	struct pki_issuer issuer;
	struct pki_key key;
	uint8_t request[PKI_REQUEST_MAX_BYTES];
};

static int set_up(void **state)
{
	struct enrolment *e = calloc(1, sizeof *e);
	*state = e;
	stage_begin(&e->stage, NULL);
	int64_t wall_s = server_wall(e->stage.server, e->stage.world.now) / 1000;
	if (!pki_authority_create(&e->authority, bytes_of_text("fleet"), wall_s - DAY, wall_s + 3650 * DAY) ||
		!pki_key_make(&e->key))
		return -1;
	e->issuer = pki_authority_port(&e->authority);
	stage_kill(&e->stage);
	e->stage.issuer = &e->issuer;
	stage_start(&e->stage);
	stage_connect(&e->stage, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct enrolment *e = *state;
	stage_end(&e->stage);
	free(e);
	return 0;
}

static struct bytes request_for(struct enrolment *e, const char *name)
{
	struct writer w = writer_of(e->request, sizeof e->request);
	assert_true(pki_request_write(&e->key, bytes_of_text(name), &w));
	return writer_bytes(&w);
}

static enum coap_code enrol(struct enrolment *e, const char *name, uint16_t accept)
{
	stage_send(&e->stage, 0, COAP_POST, SEN, PKCS10, request_for(e, name), accept);
	stage_run(&e->stage, SECONDS(10));
	return e->stage.devices[0].code;
}

/* ---- what there is ---- */

static void the_authoritys_certificate_comes_as_a_bag_or_bare(void **state)
{
	struct enrolment *e = *state;
	struct bytes certificates[PKI_CERTS_MAX], own = pki_authority_certificate(&e->authority);
	uint32_t count;
	assert_int_equal(stage_ask(&e->stage, 0, COAP_GET, "/.well-known/est/crts", NULL), COAP_CONTENT);
	assert_true(pki_certs_only_read(e->stage.devices[0].body, certificates, &count));
	assert_int_equal(count, 1);
	assert_true(bytes_equal(certificates[0], own));
	stage_send(&e->stage, 0, COAP_GET, "/.well-known/est/crts", NONE, BYTES_NONE, COAP_FORMAT_PKIX_CERT);
	stage_run(&e->stage, SECONDS(10));
	assert_true(bytes_equal(e->stage.devices[0].body, own));
}

/* RFC 9148 section 4.1: what is not offered is not found. */
static void keys_are_not_made_here(void **state)
{
	struct enrolment *e = *state;
	stage_send(&e->stage, 0, COAP_POST, "/.well-known/est/skg", PKCS10, request_for(e, "pump-0"), NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[0].code, COAP_NOT_FOUND);
}

static void without_an_authority_nothing_is_there(void **state)
{
	struct enrolment *e = *state;
	stage_kill(&e->stage);
	e->stage.issuer = NULL;
	stage_start(&e->stage);
	stage_connect(&e->stage, 0);
	assert_int_equal(stage_ask(&e->stage, 0, COAP_GET, "/.well-known/est/crts", NULL), COAP_NOT_FOUND);
}

/* ---- enrolling ---- */

static void a_device_gets_a_certificate_for_its_key_and_name(void **state)
{
	struct enrolment *e = *state;
	struct pki_certificate facts;
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	int64_t wall_s = server_wall(e->stage.server, e->stage.world.now) / 1000;
	assert_int_equal(enrol(e, "pump-0", COAP_FORMAT_PKIX_CERT), COAP_CHANGED); /* RFC 9148 section 4.5 */
	struct bytes der = e->stage.devices[0].body;
	assert_true(pki_certificate_read(der, &facts));
	assert_true(bytes_equal_text(pki_certificate_name(&facts), "pump-0"));
	assert_true(pki_key_public(&e->key, public_key));
	assert_memory_equal(facts.public_key, public_key, sizeof public_key);
	assert_true(pki_certificate_is_signed_by(der, pki_authority_certificate(&e->authority)));
	assert_in_range(facts.valid_from, wall_s - 3600, wall_s); /* a clock that is behind finds it valid */
	assert_in_range(facts.valid_until, wall_s + 90 * DAY, wall_s + 90 * DAY + 10);
	assert_int_equal(server_counters(e->stage.server)->certificates, 1);
}

static void a_renewal_takes_the_same_way(void **state)
{
	struct enrolment *e = *state;
	stage_send(&e->stage, 0, COAP_POST, "/.well-known/est/sren", PKCS10, request_for(e, "pump-0"), NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[0].code, COAP_CHANGED);
}

static void the_audit_log_has_it_before_the_device(void **state)
{
	struct enrolment *e = *state;
	e->stage.store.latency = 500;
	stage_send(&e->stage, 0, COAP_POST, SEN, PKCS10, request_for(e, "pump-0"), NONE);
	stage_run(&e->stage, 450);
	assert_int_equal(e->stage.devices[0].code, COAP_EMPTY);
	stage_run(&e->stage, 300);
	assert_int_equal(e->stage.devices[0].code, COAP_CHANGED);
	assert_int_equal(stage_events(&e->stage, EVENT_CERTIFICATE_ISSUED), 1);
}

static void when_the_store_refuses_the_device_comes_again(void **state)
{
	struct enrolment *e = *state;
	e->stage.store.fail_batches = 1;
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_CHANGED);
	assert_int_equal(server_counters(e->stage.server)->certificates, 1);
}

static void another_devices_name_is_refused_and_audited(void **state)
{
	struct enrolment *e = *state;
	assert_int_equal(enrol(e, "pump-1", NONE), COAP_FORBIDDEN);
	stage_run(&e->stage, SECONDS(5));
	assert_int_equal(stage_events(&e->stage, EVENT_REFUSED), 1);
	assert_int_equal(stage_events(&e->stage, EVENT_CERTIFICATE_ISSUED), 0);
}

static void who_has_no_credential_gets_no_certificate(void **state)
{
	struct enrolment *e = *state;
	stage_disconnect(&e->stage, 0);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_UNAUTHORIZED);
}

/* A name that was only claimed, where plain CoAP is allowed, must not become a credential. */
static void a_claim_over_plain_coap_is_no_credential(void **state)
{
	struct enrolment *e = *state;
	stage_kill(&e->stage);
	e->stage.config.accepts_plain = true;
	stage_start(&e->stage);
	assert_int_equal(stage_register(&e->stage, 0), COAP_CREATED);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_UNAUTHORIZED);
}

static void what_is_no_request_is_refused(void **state)
{
	struct enrolment *e = *state;
	struct bytes request = request_for(e, "pump-0");
	e->request[request.len - 1] ^= 1;
	stage_send(&e->stage, 0, COAP_POST, SEN, PKCS10, request, NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[0].code, COAP_BAD_REQUEST);
	stage_send(&e->stage, 0, COAP_POST, SEN, PKCS10, BYTES_NONE, NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[0].code, COAP_BAD_REQUEST);
	stage_send(&e->stage, 0, COAP_POST, SEN, COAP_FORMAT_OCTETS, request, NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[0].code, COAP_UNSUPPORTED_CONTENT_FORMAT);
	assert_int_equal(enrol(e, "pump-0", COAP_FORMAT_CBOR), COAP_NOT_ACCEPTABLE);
	assert_int_equal(stage_ask(&e->stage, 0, COAP_GET, SEN, NULL), COAP_METHOD_NOT_ALLOWED);
}

static void more_than_can_wait_come_again(void **state)
{
	struct enrolment *e = *state;
	unsigned granted = 0;
	e->stage.store.latency = SECONDS(20);
	for (int i = 0; i < 20; i++) { /* each with a token of its own: another request, not a repetition */
		stage_send(&e->stage, 0, COAP_POST, SEN, PKCS10, request_for(e, "pump-0"), NONE);
		stage_run(&e->stage, 100);
	}
	stage_run(&e->stage, SECONDS(60));
	granted = (unsigned)server_counters(e->stage.server)->certificates;
	assert_in_range(granted, 1, 16);
	e->stage.store.latency = 0;
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_CHANGED); /* all places have been given back */
}

/* ---- approval ---- */

static void begin_with_approval(struct enrolment *e, uint32_t enrolments)
{
	stage_kill(&e->stage);
	e->stage.config.needs_approval = true;
	e->stage.config.enrolments = enrolments;
	stage_start(&e->stage);
	stage_connect(&e->stage, 0);
	stage_connect(&e->stage, 1);
}

static enum server_result decide(struct enrolment *e, const char *name, bool is_approved)
{
	static const struct server_ask ask = {.actor = "anna", .token = 7};
	return stage_await(&e->stage,
		server_enrolment_decide(e->stage.server, bytes_of_text(name), is_approved, &ask, e->stage.world.now));
}

/* RFC 9148 section 4.7: 5.03 with Max-Age, and the same request again. */
static void where_operators_approve_a_device_waits_and_comes_again(void **state)
{
	struct enrolment *e = *state;
	uint32_t cursor = 0;
	begin_with_approval(e, 0);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	assert_string_equal(server_enrolment_next(e->stage.server, &cursor)->name, "pump-0");
	assert_null(server_enrolment_next(e->stage.server, &cursor));
	assert_int_equal(decide(e, "pump-0", true), SERVER_DONE);
	assert_int_equal(stage_events(&e->stage, EVENT_ENROLMENT_WAITING), 1);
	assert_int_equal(stage_events(&e->stage, EVENT_ENROLMENT_APPROVED), 1);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_CHANGED);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE); /* a word is good for one certificate */
}

static void what_was_approved_for_one_key_is_not_for_another(void **state)
{
	struct enrolment *e = *state;
	begin_with_approval(e, 0);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(decide(e, "pump-0", true), SERVER_DONE);
	assert_true(pki_key_make(&e->key));
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
}

static void what_is_rejected_is_refused(void **state)
{
	struct enrolment *e = *state;
	begin_with_approval(e, 0);
	assert_int_equal(decide(e, "pump-0", false), SERVER_NO_ENROLMENT);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(decide(e, "pump-0", false), SERVER_DONE);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_FORBIDDEN);
	assert_int_equal(stage_events(&e->stage, EVENT_ENROLMENT_REJECTED), 1);
}

static void the_list_of_those_who_wait_is_bounded_and_the_forgotten_make_room(void **state)
{
	struct enrolment *e = *state;
	begin_with_approval(e, 1);
	assert_int_equal(enrol(e, "pump-0", NONE), COAP_SERVICE_UNAVAILABLE);
	stage_send(&e->stage, 1, COAP_POST, SEN, PKCS10, request_for(e, "pump-1"), NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(e->stage.devices[1].code, COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(decide(e, "pump-1", true), SERVER_NO_ENROLMENT);
	stage_run(&e->stage, SECONDS(3600));
	stage_send(&e->stage, 1, COAP_POST, SEN, PKCS10, request_for(e, "pump-1"), NONE);
	stage_run(&e->stage, SECONDS(10));
	assert_int_equal(decide(e, "pump-1", true), SERVER_DONE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_authoritys_certificate_comes_as_a_bag_or_bare),
		TEST(keys_are_not_made_here),
		TEST(without_an_authority_nothing_is_there),
		TEST(a_device_gets_a_certificate_for_its_key_and_name),
		TEST(a_renewal_takes_the_same_way),
		TEST(the_audit_log_has_it_before_the_device),
		TEST(when_the_store_refuses_the_device_comes_again),
		TEST(another_devices_name_is_refused_and_audited),
		TEST(who_has_no_credential_gets_no_certificate),
		TEST(a_claim_over_plain_coap_is_no_credential),
		TEST(what_is_no_request_is_refused),
		TEST(more_than_can_wait_come_again),
		TEST(where_operators_approve_a_device_waits_and_comes_again),
		TEST(what_was_approved_for_one_key_is_not_for_another),
		TEST(what_is_rejected_is_refused),
		TEST(the_list_of_those_who_wait_is_bounded_and_the_forgotten_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
