/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Revocation: what a word of the operator does to devices that are there, on their way, and to a server that is killed.
 */
#include "server/denials.h"
#include "server/welcome.h"
#include "tests/server/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct server_ask ask = {.actor = "anna", .token = 7};
static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x05};

struct revocation {
	struct stage stage;
	uint8_t fingerprint[SHA256_BYTES]; /* of `der` */
	unsigned closed;
	struct coap_remote with_certificate;
	struct welcome welcome;
	struct dtls_credentials port;
};

/* ---- associations and credentials ---- */

static uint64_t certificate_of(void *context, const struct coap_remote *remote)
{
	struct revocation *r = context;
	return coap_remote_equal(remote, &r->with_certificate) ? server_certificate_number(r->fingerprint) : 0;
}

static void close_association(void *context, const struct coap_remote *remote, msec now)
{
	(void)remote;
	(void)now;
	((struct revocation *)context)->closed++;
}

static bool find_psk(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	(void)context;
	*ret_key = (struct dtls_psk){.len = 1, .data = {1}};
	*ret = (struct dtls_principal){0};
	return dtls_principal_set_name(ret, identity);
}

static bool find_certificate(void *context, const struct dtls_certificate *certificate, struct dtls_principal *ret)
{
	(void)context;
	*ret = (struct dtls_principal){0};
	return dtls_principal_set_name(ret, certificate->common_name);
}

static bool find_raw_key(void *context, struct bytes digest, struct dtls_principal *ret)
{
	(void)context;
	*ret = (struct dtls_principal){0};
	return digest.len == DTLS_RAW_KEY_BYTES && dtls_principal_set_name(ret, bytes_of_text("pump-0"));
}

static void follow_server(struct revocation *r)
{
	struct association_port port = {.context = r, .certificate = certificate_of, .close = close_association};
	server_set_associations(r->stage.server, &port);
	r->welcome = (struct welcome){
		.inner = {.find_psk = find_psk, .find_certificate = find_certificate, .find_raw_key = find_raw_key},
		.server = r->stage.server,
		.now = r->stage.world.now};
	r->port = welcome_port(&r->welcome);
}

static int set_up(void **state)
{
	struct revocation *r = calloc(1, sizeof *r);
	*state = r;
	stage_begin(&r->stage, NULL);
	r->stage.signature.sha256(r->stage.signature.context, bytes_of(der, sizeof der), r->fingerprint);
	follow_server(r);
	return 0;
}

static int tear_down(void **state)
{
	struct revocation *r = *state;
	stage_end(&r->stage);
	free(r);
	return 0;
}

static bool welcomes_key(struct revocation *r, const char *name)
{
	struct dtls_psk key;
	struct dtls_principal principal;
	return r->port.find_psk(r->port.context, bytes_of_text(name), &key, &principal);
}

static bool welcomes_certificate(struct revocation *r, const char *name)
{
	struct dtls_certificate certificate = {.common_name = bytes_of_text(name), .der = bytes_of(der, sizeof der)};
	struct dtls_principal principal;
	return r->port.find_certificate(r->port.context, &certificate, &principal);
}

/* Whose key is pump-0's. */
static bool welcomes_raw_key(struct revocation *r)
{
	static const uint8_t digest[DTLS_RAW_KEY_BYTES];
	struct dtls_principal principal;
	return r->port.find_raw_key(r->port.context, bytes_of(digest, sizeof digest), &principal) &&
	       bytes_equal_text(dtls_principal_name(&principal), "pump-0");
}

static enum server_result revoke(struct revocation *r, const char *name, const uint8_t *fingerprint)
{
	return stage_await(&r->stage, server_revoke(r->stage.server, bytes_of_text(name), fingerprint,
					      bytes_of_text("stolen"), &ask, r->stage.world.now));
}

static enum server_result restore(struct revocation *r, const char *name, const uint8_t *fingerprint)
{
	return stage_await(
		&r->stage, server_restore(r->stage.server, bytes_of_text(name), fingerprint, &ask, r->stage.world.now));
}

/* ---- a device ---- */

static void a_revoked_device_is_cut_off_and_its_registration_ends(void **state)
{
	struct revocation *r = *state;
	stage_bring(&r->stage, 0);
	stage_bring(&r->stage, 1);
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_DONE);
	assert_int_equal(r->closed, 1);
	assert_false(stage_find(&r->stage, 0)->is_connected);
	assert_false(device_is_registered(stage_find(&r->stage, 0)));
	assert_true(device_is_registered(stage_find(&r->stage, 1)));
	assert_int_equal(stage_events(&r->stage, EVENT_DEVICE_REVOKED), 1);
	assert_int_equal(stage_register(&r->stage, 0), COAP_FORBIDDEN);
}

static void its_handshake_is_refused_by_whatever_proof_until_it_is_restored(void **state)
{
	struct revocation *r = *state;
	assert_true(welcomes_key(r, "pump-0") && welcomes_certificate(r, "pump-0") && welcomes_raw_key(r));
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_DONE);
	assert_false(welcomes_key(r, "pump-0") || welcomes_certificate(r, "pump-0") || welcomes_raw_key(r));
	assert_true(welcomes_key(r, "pump-1") && welcomes_certificate(r, "pump-1"));
	assert_int_equal(restore(r, "pump-0", NULL), SERVER_DONE);
	assert_true(welcomes_key(r, "pump-0") && welcomes_certificate(r, "pump-0") && welcomes_raw_key(r));
	assert_int_equal(stage_events(&r->stage, EVENT_DEVICE_RESTORED), 1);
	assert_int_equal(restore(r, "pump-0", NULL), SERVER_NOT_REVOKED);
}

static void the_audit_log_has_the_first_of_its_tries_and_the_list_counts_all(void **state)
{
	struct revocation *r = *state;
	uint32_t cursor = 0;
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_DONE);
	for (int i = 0; i < 5; i++)
		assert_false(welcomes_key(r, "pump-0"));
	assert_int_equal(revoke(r, "pump-1", NULL), SERVER_DONE); /* its batch takes the events along */
	assert_int_equal(stage_events(&r->stage, EVENT_REFUSED), 1);
	assert_int_equal(server_denial_next(r->stage.server, &cursor)->tries, 5);
}

static void it_survives_a_kill_and_so_does_the_end_of_the_registration(void **state)
{
	struct revocation *r = *state;
	stage_bring(&r->stage, 0);
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_DONE);
	stage_kill(&r->stage);
	stage_start(&r->stage);
	follow_server(r);
	assert_false(welcomes_key(r, "pump-0"));
	assert_false(device_is_registered(stage_find(&r->stage, 0)));
}

static void an_association_made_or_brought_back_meanwhile_is_closed(void **state)
{
	struct revocation *r = *state;
	uint8_t note[SERVER_ASSOCIATION_MAX];
	struct writer w = writer_of(note, sizeof note);
	struct coap_remote remote = peer_remote(&r->stage.devices[0].peer);
	stage_bring(&r->stage, 0);
	assert_true(server_association_write(r->stage.server, &remote, &w));
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_DONE);
	assert_false(server_association_read(r->stage.server, &remote, writer_bytes(&w), r->stage.world.now));
	stage_connect(&r->stage, 0);
	assert_int_equal(r->closed, 2);
	assert_false(stage_find(&r->stage, 0)->is_connected);
}

/* The Register goes to the store behind the revocation, whose outcome is not there yet. */
static void a_register_under_way_does_not_escape_it(void **state)
{
	struct revocation *r = *state;
	r->stage.store.latency = 500;
	stage_connect(&r->stage, 0);
	assert_int_equal(
		server_revoke(r->stage.server, bytes_of_text("pump-0"), NULL, BYTES_NONE, &ask, r->stage.world.now),
		SERVER_ACCEPTED);
	stage_request(&r->stage, 0, COAP_POST, "/rd?ep=pump-0&lt=300&lwm2m=1.1&b=U", STAGE_LINKS);
	stage_run(&r->stage, SECONDS(10));
	const struct device *device = stage_find(&r->stage, 0);
	assert_true(device == NULL || !device_is_registered(device));
}

static void when_the_store_refuses_nothing_is_revoked(void **state)
{
	struct revocation *r = *state;
	stage_bring(&r->stage, 0);
	r->stage.store.fail_batches = 1;
	assert_int_equal(revoke(r, "pump-0", NULL), SERVER_STORE_FAILED);
	assert_true(device_is_registered(stage_find(&r->stage, 0)) && welcomes_key(r, "pump-0"));
	assert_int_equal(r->closed, 0);
}

/* ---- one certificate ---- */

static void a_revoked_certificate_is_refused_while_its_device_may_come_otherwise(void **state)
{
	struct revocation *r = *state;
	stage_bring(&r->stage, 0);
	stage_bring(&r->stage, 1);
	r->with_certificate = peer_remote(&r->stage.devices[1].peer);
	assert_int_equal(revoke(r, "pump-1", r->fingerprint), SERVER_DONE);
	assert_int_equal(r->closed, 1);
	assert_true(stage_find(&r->stage, 0)->is_connected);
	assert_false(stage_find(&r->stage, 1)->is_connected);
	assert_false(welcomes_certificate(r, "pump-1"));
	assert_false(welcomes_certificate(r, "any other name"));
	assert_true(welcomes_key(r, "pump-1"));
	assert_false(server_admits_number(r->stage.server, server_certificate_number(r->fingerprint)));
}

static void restoring_the_device_leaves_its_certificate_revoked(void **state)
{
	struct revocation *r = *state;
	assert_int_equal(revoke(r, "pump-1", NULL), SERVER_DONE);
	assert_int_equal(revoke(r, "pump-1", r->fingerprint), SERVER_DONE);
	assert_int_equal(restore(r, "pump-1", NULL), SERVER_DONE);
	assert_false(welcomes_certificate(r, "pump-1"));
	assert_int_equal(restore(r, "pump-1", r->fingerprint), SERVER_DONE);
	assert_true(welcomes_certificate(r, "pump-1"));
}

/* ---- limits ---- */

static void the_list_is_bounded_and_a_second_word_about_the_same_still_fits(void **state)
{
	struct revocation *r = *state;
	stage_kill(&r->stage);
	r->stage.config.denials = 2;
	stage_start(&r->stage);
	follow_server(r);
	assert_int_equal(revoke(r, "a", NULL), SERVER_DONE);
	assert_int_equal(revoke(r, "b", NULL), SERVER_DONE);
	assert_int_equal(revoke(r, "c", NULL), SERVER_FULL);
	assert_int_equal(revoke(r, "b", NULL), SERVER_DONE);
	assert_int_equal(restore(r, "a", NULL), SERVER_DONE);
	assert_int_equal(revoke(r, "c", NULL), SERVER_DONE);
	assert_false(welcomes_key(r, "b") || welcomes_key(r, "c"));
	assert_int_equal(revoke(r, "", NULL), SERVER_BAD_NAME);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_revoked_device_is_cut_off_and_its_registration_ends),
		TEST(its_handshake_is_refused_by_whatever_proof_until_it_is_restored),
		TEST(the_audit_log_has_the_first_of_its_tries_and_the_list_counts_all),
		TEST(it_survives_a_kill_and_so_does_the_end_of_the_registration),
		TEST(an_association_made_or_brought_back_meanwhile_is_closed),
		TEST(a_register_under_way_does_not_escape_it),
		TEST(when_the_store_refuses_nothing_is_revoked),
		TEST(a_revoked_certificate_is_refused_while_its_device_may_come_otherwise),
		TEST(restoring_the_device_leaves_its_certificate_revoked),
		TEST(the_list_is_bounded_and_a_second_word_about_the_same_still_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
