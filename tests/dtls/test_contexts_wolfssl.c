/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/contexts_wolfssl.h"

#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <wolfssl/ssl.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- what is made anew, and what is not ---- */

static void the_same_credential_finds_the_same_context(void **state)
{
	(void)state;
	struct client_context c = {0};
	struct dtls_client_credential certificate = pair_certificate(test_device_certificate, test_device_key);
	WOLFSSL_CTX *first = client_context_for(&c, &certificate);
	assert_non_null(first);
	certificate.server_name = bytes_of_text("other.test"); /* asked for in each handshake */
	assert_ptr_equal(client_context_for(&c, &certificate), first);
	client_context_done(&c);
	assert_null(c.context);
}

/* Identity and key are asked for in each handshake, so other ones need no other context. */
static void a_context_holds_no_preshared_key(void **state)
{
	(void)state;
	struct client_context c = {0};
	struct dtls_client_credential psk = pair_psk();
	WOLFSSL_CTX *first = client_context_for(&c, &psk);
	psk.psk_identity = bytes_of_text("device-9");
	psk.psk_key = bytes_of_text("another key");
	assert_non_null(first);
	assert_ptr_equal(client_context_for(&c, &psk), first);
	client_context_done(&c);
}

static bool makes_another(struct dtls_client_credential a, struct dtls_client_credential b)
{
	struct client_context c = {0};
	WOLFSSL_CTX *first = client_context_for(&c, &a);
	assert_non_null(first);
	wolfSSL_CTX_up_ref(first); /* so that no other can have its address */
	WOLFSSL_CTX *second = client_context_for(&c, &b);
	assert_non_null(second);
	client_context_done(&c);
	wolfSSL_CTX_free(first);
	return first != second;
}

static void every_part_of_a_credential_that_a_context_depends_on_makes_another(void **state)
{
	(void)state;
	struct dtls_client_credential device = pair_certificate(test_device_certificate, test_device_key);
	struct dtls_client_credential plain = pair_certificate(test_plain_certificate, test_plain_key);
	struct dtls_client_credential anchors = device, suite = device;
	anchors.certificate.anchors_pem = bytes_of_text(test_other_ca_certificate);
	suite.only_suite = DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8;
	assert_false(makes_another(device, device));
	assert_true(makes_another(device, plain));
	assert_true(makes_another(device, anchors));
	assert_true(makes_another(device, suite));
	assert_true(makes_another(device, pair_psk()));
	assert_true(makes_another(device, pair_raw_key(test_device_key)));
	assert_true(makes_another(pair_raw_key(test_plain_key), pair_raw_key(test_device_key)));
	assert_false(makes_another(pair_raw_key(test_device_key), pair_raw_key(test_device_key)));
}

static void an_unusable_credential_has_no_context_and_spoils_none(void **state)
{
	(void)state;
	struct client_context c = {0};
	struct dtls_client_credential mismatched = pair_certificate(test_device_certificate, test_plain_key);
	struct dtls_client_credential no_key = pair_psk(), good = pair_psk();
	no_key.psk_key = BYTES_NONE;
	assert_null(client_context_for(&c, &mismatched));
	assert_null(client_context_for(&c, &mismatched));
	WOLFSSL_CTX *context = client_context_for(&c, &good);
	assert_non_null(context);
	assert_null(client_context_for(&c, &no_key));
	assert_ptr_equal(client_context_for(&c, &good), context);
	client_context_done(&c);
}

static void a_server_is_told_which_part_of_its_certificate_is_unusable(void **state)
{
	(void)state;
	struct dtls_credentials peers = {0};
	struct dtls_own_certificate own = pair_certificate(test_server_certificate, test_device_key).certificate;
	const char *reason = NULL;
	assert_null(server_context_new(&peers, &own, &reason));
	assert_string_equal(reason, "the private key is unusable or does not belong to the certificate");
	own.key_pem = bytes_of_text(test_server_key);
	own.anchors_pem = bytes_of_text("nothing");
	assert_null(server_context_new(&peers, &own, &reason));
	assert_string_equal(reason, "the trust anchors are unusable");
	own.chain_pem = bytes_of_text("nothing");
	assert_null(server_context_new(&peers, &own, &reason));
	assert_string_equal(reason, "the certificate chain is unusable");
}

/* ---- through handshakes ---- */

static struct coap_remote connect_to(
	struct pair_end *client, struct pair_end *server, const struct dtls_client_credential *credential)
{
	struct coap_remote remote;
	assert_true(dtls_connect(client->dtls, &server->address, credential, client->world->now, &remote));
	return remote;
}

static bool saw(const struct pair_end *server, const char *identity)
{
	return server->seen.established == 1 && server->seen.failed == 0 &&
	       bytes_equal_text(bytes_of(server->seen.peer.identity, server->seen.peer.identity_len), identity);
}

/* Each begins while those before still run, and takes their context's place. */
static void handshakes_side_by_side_prove_what_each_began_with(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(1);
	struct pair_settings settings = {.is_server = true, .uses_cid = true, .has_certificate = true};
	struct pair_end *servers[4], *client = pair_end_start(w, 5, (struct pair_settings){.uses_cid = true});
	struct dtls_client_credential device = pair_certificate(test_device_certificate, test_device_key);
	struct dtls_client_credential plain = pair_certificate(test_plain_certificate, test_plain_key);
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote sessions[4];
	for (int i = 0; i < 4; i++)
		servers[i] = pair_end_start(w, i, settings);
	sessions[0] = connect_to(client, servers[0], &device);
	pair_run(w, 15); /* HelloVerifyRequest is on its way */
	sessions[1] = connect_to(client, servers[1], &plain);
	sessions[2] = connect_to(client, servers[2], &psk);
	sessions[3] = connect_to(client, servers[3], &device);
	pair_run(w, SECONDS(1));
	assert_int_equal(client->seen.established, 4);
	assert_true(saw(servers[0], "urn:dev:ops:32473-device-7"));
	assert_true(saw(servers[1], "device-8"));
	assert_true(saw(servers[2], "device-7"));
	assert_true(saw(servers[3], "urn:dev:ops:32473-device-7"));
	for (int i = 0; i < 4; i++)
		assert_true(pair_send(client, &sessions[i], "hello"));
	pair_run(w, SECONDS(1));
	for (int i = 0; i < 4; i++)
		assert_true(pair_heard(servers[i], "hello"));
	pair_world_free(w);
}

/* What an agent does when its certificate has been renewed, or its operator has put other anchors. */
static void a_changed_credential_is_what_the_next_handshake_goes_by(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(1);
	struct pair_settings settings = {.is_server = true, .uses_cid = true, .has_certificate = true};
	struct pair_end *server = pair_end_start(w, 0, settings);
	struct pair_end *client = pair_end_start(w, 1, (struct pair_settings){.uses_cid = true});
	struct dtls_client_credential c = pair_certificate(test_device_certificate, test_device_key);
	connect_to(client, server, &c);
	pair_run(w, SECONDS(1));
	assert_true(saw(server, "urn:dev:ops:32473-device-7"));
	c.certificate.anchors_pem = bytes_of_text(test_other_ca_certificate);
	connect_to(client, server, &c);
	pair_run(w, SECONDS(1));
	assert_int_equal(client->seen.failure, DTLS_FAILURE_BAD_CERTIFICATE);
	assert_int_equal(server->seen.established, 1);
	c = pair_certificate(test_plain_certificate, test_plain_key);
	connect_to(client, server, &c);
	pair_run(w, SECONDS(1));
	assert_int_equal(server->seen.established, 2);
	assert_true(bytes_equal_text(bytes_of(server->seen.peer.identity, server->seen.peer.identity_len), "device-8"));
	pair_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_credential_finds_the_same_context),
		cmocka_unit_test(a_context_holds_no_preshared_key),
		cmocka_unit_test(every_part_of_a_credential_that_a_context_depends_on_makes_another),
		cmocka_unit_test(an_unusable_credential_has_no_context_and_spoils_none),
		cmocka_unit_test(a_server_is_told_which_part_of_its_certificate_is_unusable),
		cmocka_unit_test(handshakes_side_by_side_prove_what_each_began_with),
		cmocka_unit_test(a_changed_credential_is_what_the_next_handshake_goes_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
