/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One-time claims end to end: from the operator's word to the certificate, and not a step further. */
#include "coap/content_format.h"
#include "pki/authority_wolfcrypt.h"
#include "pki/request_wolfcrypt.h"
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

static const struct server_ask ask = {.actor = "anna", .token = 7};

struct claiming {
	struct stage stage;
	struct pki_authority authority;
	struct pki_issuer issuer;
	struct pki_key key;
	struct claim claim;
	uint8_t chance;
	uint8_t request[PKI_REQUEST_MAX_BYTES];
};

static int set_up(void **state)
{
	struct claiming *c = calloc(1, sizeof *c);
	struct server_config config = {.public_uri = STAGE_PUBLIC_URI, .devices = 8, .claims = 4};
	*state = c;
	stage_begin(&c->stage, &config);
	int64_t wall_s = server_wall(c->stage.server, c->stage.world.now) / 1000;
	if (!pki_authority_create(&c->authority, bytes_of_text("fleet"), wall_s - DAY, wall_s + 3650 * DAY) ||
		!pki_key_make(&c->key))
		return -1;
	c->issuer = pki_authority_port(&c->authority);
	stage_kill(&c->stage);
	c->stage.issuer = &c->issuer;
	stage_start(&c->stage);
	return 0;
}

static int tear_down(void **state)
{
	struct claiming *c = *state;
	stage_end(&c->stage);
	free(c);
	return 0;
}

static enum server_result create(struct claiming *c, const char *name, uint32_t hours)
{
	uint8_t secret[CLAIM_SECRET_BYTES] = {++c->chance};
	secret[CLAIM_SECRET_BYTES - 1] = c->chance;
	return stage_await(&c->stage, server_claim_create(c->stage.server, bytes_of_text(name), hours, secret, &ask,
					      c->stage.world.now, &c->claim));
}

static bool welcomes(struct claiming *c)
{
	uint8_t key[CLAIM_KEY_BYTES];
	return server_claim_key(c->stage.server, bytes_of_text(c->claim.identity), key, c->stage.world.now) &&
	       memcmp(key, c->claim.key, sizeof key) == 0;
}

static void come(struct claiming *c, unsigned device)
{
	struct coap_remote remote = peer_remote(&c->stage.devices[device].peer);
	server_connected(c->stage.server, &remote, bytes_of_text(c->claim.identity), c->stage.world.now);
}

static void ask_for(struct claiming *c, unsigned device, const char *name)
{
	struct writer w = writer_of(c->request, sizeof c->request);
	assert_true(pki_request_write(&c->key, bytes_of_text(name), &w));
	stage_send(&c->stage, device, COAP_POST, "/.well-known/est/sen", COAP_FORMAT_PKCS10, writer_bytes(&w),
		COAP_FORMAT_PKIX_CERT);
}

static enum coap_code enrol(struct claiming *c, unsigned device, const char *name)
{
	ask_for(c, device, name);
	stage_run(&c->stage, SECONDS(10));
	return c->stage.devices[device].code;
}

/* ---- what a claim is good for ---- */

static void a_claim_is_good_for_one_certificate_of_its_name(void **state)
{
	struct claiming *c = *state;
	struct pki_certificate facts;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	assert_true(welcomes(c));
	come(c, 0);
	assert_int_equal(enrol(c, 0, "pump-8"), COAP_FORBIDDEN);
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_CHANGED);
	assert_true(pki_certificate_read(c->stage.devices[0].body, &facts));
	assert_true(bytes_equal_text(pki_certificate_name(&facts), "pump-9"));
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_FORBIDDEN);
	assert_false(welcomes(c));
	assert_int_equal(stage_events(&c->stage, EVENT_CLAIM_CREATED), 1);
	assert_int_equal(stage_events(&c->stage, EVENT_CERTIFICATE_ISSUED), 1);
}

static void a_claim_without_a_name_is_for_a_device_that_nobody_knows(void **state)
{
	struct claiming *c = *state;
	stage_bring(&c->stage, 1);
	assert_int_equal(create(c, "", 24), SERVER_DONE);
	come(c, 0);
	assert_int_equal(enrol(c, 0, "pump-1"), COAP_FORBIDDEN);
	assert_int_equal(enrol(c, 0, "claim:0123456789abcdef"), COAP_FORBIDDEN);
	assert_int_equal(enrol(c, 0, "valve"), COAP_CHANGED);
	assert_non_null(server_device_find(c->stage.server, bytes_of_text("valve")));
	assert_int_equal(create(c, "", 24), SERVER_DONE);
	come(c, 0);
	assert_int_equal(enrol(c, 0, "valve"), COAP_FORBIDDEN);
}

static void two_claims_under_way_do_not_get_the_same_name(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "", 24), SERVER_DONE);
	come(c, 0);
	assert_int_equal(create(c, "", 24), SERVER_DONE);
	come(c, 1);
	c->stage.store.latency = 500;
	ask_for(c, 0, "valve");
	stage_run(&c->stage, 100);
	ask_for(c, 1, "valve");
	stage_run(&c->stage, SECONDS(10));
	assert_int_equal(c->stage.devices[0].code, COAP_CHANGED);
	assert_int_equal(c->stage.devices[1].code, COAP_FORBIDDEN);
}

static void a_claim_cannot_be_used_twice_while_the_store_is_slow(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	come(c, 0);
	c->stage.store.latency = 500;
	ask_for(c, 0, "pump-9");
	stage_run(&c->stage, 100);
	ask_for(c, 0, "pump-9");
	stage_run(&c->stage, SECONDS(10));
	assert_int_equal(server_counters(c->stage.server)->certificates, 1);
}

static void a_guest_may_enrol_and_nothing_else(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	come(c, 0);
	assert_int_equal(stage_ask(&c->stage, 0, COAP_GET, "/.well-known/est/crts", NULL), COAP_CONTENT);
	assert_int_equal(
		stage_ask(&c->stage, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1&b=U", STAGE_LINKS), COAP_FORBIDDEN);
	assert_int_equal(stage_ask(&c->stage, 0, COAP_POST, "/rd?lt=300&lwm2m=1.1&b=U", STAGE_LINKS), COAP_FORBIDDEN);
	assert_int_equal(stage_ask(&c->stage, 0, COAP_POST, "/dp", NULL), COAP_FORBIDDEN);
	assert_int_equal(stage_ask(&c->stage, 0, COAP_GET, "/m/x", NULL), COAP_FORBIDDEN);
	assert_int_equal(stage_ask(&c->stage, 0, COAP_GET, "/a/x", NULL), COAP_FORBIDDEN);
}

/* ---- its end ---- */

static void what_has_run_out_or_was_used_is_refused_and_audited_once(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 1), SERVER_DONE);
	come(c, 0);
	stage_run(&c->stage, SECONDS(3601));
	assert_false(welcomes(c));
	assert_false(welcomes(c));
	assert_int_equal(create(c, "pump-8", 1), SERVER_DONE); /* its batch takes the events along */
	assert_int_equal(stage_events(&c->stage, EVENT_REFUSED), 1);
}

static void a_claim_that_runs_out_while_its_guest_is_there_is_over(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 1), SERVER_DONE);
	come(c, 0);
	stage_run(&c->stage, SECONDS(3601));
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_FORBIDDEN);
}

static void that_it_is_used_up_survives_a_kill(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	stage_kill(&c->stage);
	stage_start(&c->stage);
	assert_true(welcomes(c));
	come(c, 0);
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_CHANGED);
	stage_kill(&c->stage);
	stage_start(&c->stage);
	assert_false(welcomes(c));
	const struct claim_place *place = server_claim_find(c->stage.server, bytes_of_text(c->claim.identity));
	static const uint8_t nothing[CLAIM_KEY_BYTES];
	assert_memory_equal(place->claim.key, nothing, sizeof nothing);
}

static void when_the_store_refuses_the_claim_is_still_good(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "", 24), SERVER_DONE);
	come(c, 0);
	c->stage.store.fail_batches = 1;
	assert_int_equal(enrol(c, 0, "valve"), COAP_SERVICE_UNAVAILABLE);
	assert_true(welcomes(c));
	assert_int_equal(enrol(c, 0, "valve"), COAP_CHANGED);
}

static void a_claim_that_was_taken_away_is_over(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	come(c, 0);
	assert_int_equal(stage_await(&c->stage, server_claim_remove(c->stage.server, bytes_of_text(c->claim.identity),
							&ask, c->stage.world.now)),
		SERVER_DONE);
	assert_false(welcomes(c));
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_FORBIDDEN);
}

static void a_revoked_name_gets_no_certificate_by_a_claim(void **state)
{
	struct claiming *c = *state;
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	assert_int_equal(stage_await(&c->stage, server_revoke(c->stage.server, bytes_of_text("pump-9"), NULL,
							BYTES_NONE, &ask, c->stage.world.now)),
		SERVER_DONE);
	come(c, 0);
	assert_int_equal(enrol(c, 0, "pump-9"), COAP_FORBIDDEN);
}

static void open_claims_are_bounded_and_dead_ones_make_room(void **state)
{
	struct claiming *c = *state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	assert_int_equal(create(c, "pump-9", 1), SERVER_DONE);
	assert_int_equal(create(c, "pump-9", 24), SERVER_FULL);
	stage_run(&c->stage, SECONDS(3601));
	assert_int_equal(create(c, "pump-9", 24), SERVER_DONE);
	assert_int_equal(create(c, "pump-9", 24), SERVER_FULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_claim_is_good_for_one_certificate_of_its_name),
		TEST(a_claim_without_a_name_is_for_a_device_that_nobody_knows),
		TEST(two_claims_under_way_do_not_get_the_same_name),
		TEST(a_claim_cannot_be_used_twice_while_the_store_is_slow),
		TEST(a_guest_may_enrol_and_nothing_else),
		TEST(what_has_run_out_or_was_used_is_refused_and_audited_once),
		TEST(a_claim_that_runs_out_while_its_guest_is_there_is_over),
		TEST(that_it_is_used_up_survives_a_kill),
		TEST(when_the_store_refuses_the_claim_is_still_good),
		TEST(a_claim_that_was_taken_away_is_over),
		TEST(a_revoked_name_gets_no_certificate_by_a_claim),
		TEST(open_claims_are_bounded_and_dead_ones_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
