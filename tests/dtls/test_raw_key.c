/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Raw public keys (RFC 7250, RFC 7925 section 4.3): how they are written, and two real ends that know each other by
 * them and refuse everybody else, beside certificates and pre-shared keys on one server. */
#include "dtls/raw_key_wolfssl.h"

#include "tests/base/hex.h"
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/coding.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- how a key is written ---- */

/* What `openssl pkey -pubout` makes of test_server_key, and `openssl dgst -sha256` of its DER. */
static const char server_public[] = "-----BEGIN PUBLIC KEY-----\n"
				    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESQL/k+/mx8oZ0qpCnwXWD3nNysJO\n"
				    "vEiniinDpbuaCFsooqgsGdgd8c/jk9biRH0Jykc2wNFPH43aIYZ1wyOp4g==\n"
				    "-----END PUBLIC KEY-----\n";
static const char server_digest[] = "b9d45e1c249c0e8e49cd456a23a04f1adc1088f74d85fb6840403b4e39d2d745";

static bool parses_as_server(const char *text)
{
	uint8_t digest[DTLS_RAW_KEY_BYTES], expected[DTLS_RAW_KEY_BYTES];
	from_hex(server_digest, expected, sizeof expected);
	return raw_key_parse(bytes_of_text(text), digest) && memcmp(digest, expected, sizeof digest) == 0;
}

static void a_public_key_is_named_by_its_pem_or_its_digest(void **state)
{
	(void)state;
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	char line[2 * DTLS_RAW_KEY_BYTES + 2];
	(void)snprintf(line, sizeof line, "%s\n", server_digest);
	assert_true(parses_as_server(server_public));
	assert_true(parses_as_server(server_digest));
	assert_true(parses_as_server(line));
	assert_false(raw_key_parse(BYTES_NONE, digest));
	assert_false(raw_key_parse(bytes_of_text("\n"), digest));
	assert_false(raw_key_parse(bytes_first(bytes_of_text(server_digest), 62), digest));
	assert_false(raw_key_parse(bytes_first(bytes_of_text(server_public), 100), digest));
	assert_false(raw_key_parse(bytes_of_text(test_server_key), digest)); /* a secret is no name */
	line[0] = 'x';
	assert_false(raw_key_parse(bytes_of_text(line), digest));
}

static void the_public_half_of_a_private_key_has_the_digest_of_its_public_file(void **state)
{
	(void)state;
	uint8_t room[RAW_KEY_INFO_MAX_BYTES], digest[DTLS_RAW_KEY_BYTES], expected[DTLS_RAW_KEY_BYTES];
	struct bytes info = raw_key_info(bytes_of_text(test_server_key), room);
	assert_int_equal(info.len, 91);
	assert_true(raw_key_digest(info, digest));
	from_hex(server_digest, expected, sizeof expected);
	assert_memory_equal(digest, expected, sizeof digest);
	assert_int_equal(raw_key_info(bytes_of_text(server_public), room).len, 0);
	assert_int_equal(raw_key_info(bytes_of_text("nothing"), room).len, 0);
	assert_int_equal(raw_key_info(BYTES_NONE, room).len, 0);
}

/* A key of another curve, made by openssl. */
static const char p384_public[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAERABRC2vC3rcKVjIXJDoe97eH/YcUfdEZ\n"
				  "PK3SjFQx0KwHzpyIdV8Z36xTAHfqyslyyzbnwgcf97qdWzyOUGkBfzHV9vP07VmO\n"
				  "vm5O1RHONmka9Nje9n9Rx5fCzx7qAbo8\n"
				  "-----END PUBLIC KEY-----\n";

static void another_curve_is_no_raw_key(void **state)
{
	(void)state;
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	assert_false(raw_key_parse(bytes_of_text(p384_public), digest));
}

/* ---- two ends ---- */

struct ends {
	struct pair_world *w;
	struct pair_end *server, *client;
};

static struct ends start(struct pair_settings server)
{
	struct ends e = {.w = pair_world_new(7)};
	server.is_server = server.uses_cid = true;
	e.server = pair_end_start(e.w, 0, server);
	e.client = pair_end_start(e.w, 1, (struct pair_settings){.uses_cid = true});
	return e;
}

static bool echo_works(const struct ends *e, const struct coap_remote *session)
{
	return pair_send(e->client, session, "hello") && (pair_run(e->w, SECONDS(1)), pair_heard(e->client, "hello"));
}

static bool is_named(const struct dtls_engine_result *peer, const char *hex)
{
	return bytes_equal_text(bytes_of(peer->identity, peer->identity_len), hex);
}

static bool is_by_raw_key(const struct ends *e)
{
	struct dtls_session_info info;
	return dtls_session_info(e->server->dtls, e->server->seen.remote.session, &info) && info.by_raw_key;
}

static void both_ends_know_each_other_by_their_raw_keys(void **state)
{
	(void)state;
	static const uint16_t suites[] = {
		0, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8, DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256};
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
		struct ends e = start((struct pair_settings){.has_raw_key = true});
		struct dtls_client_credential c = pair_raw_key(test_device_key);
		c.only_suite = suites[i];
		struct coap_remote session = pair_connect(e.client, &c);
		pair_run(e.w, SECONDS(1));
		assert_int_equal(e.client->seen.established, 1);
		assert_int_equal(e.server->seen.established, 1);
		assert_true(bytes_equal_text(
			dtls_principal_name(&e.server->seen.peer.principal), "urn:dev:ops:32473-device-7"));
		assert_int_equal(e.server->seen.peer.principal.number, 7);
		assert_true(is_named(&e.client->seen.peer, server_digest));
		assert_true(is_by_raw_key(&e));
		assert_true(suites[i] == 0 || e.server->seen.peer.suite == suites[i]);
		assert_true(echo_works(&e, &session));
		pair_world_free(e.w);
	}
}

static void handshakes_by_raw_keys_complete_on_a_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct ends e = start((struct pair_settings){.has_raw_key = true});
		e.w->link = (struct pair_link){200, 100, 10, 300, 0};
		prng_init_number(&e.w->chance, seed);
		struct dtls_client_credential c = pair_raw_key(test_device_key);
		pair_connect(e.client, &c);
		pair_run(e.w, SECONDS(60));
		assert_int_equal(e.client->seen.established, 1);
		assert_int_equal(e.client->seen.failed, 0);
		pair_world_free(e.w);
	}
}

/* ---- beside the others on one server ---- */

static struct dtls_client_credential any_kind(int number)
{
	switch (number) {
	case 0:
		return pair_raw_key(test_device_key);
	case 1:
		return pair_certificate(test_device_certificate, test_device_key);
	default:
		return pair_psk();
	}
}

static void one_server_takes_all_three_kinds_side_by_side(void **state)
{
	(void)state;
	struct ends e = start((struct pair_settings){.has_raw_key = true, .has_certificate = true});
	struct pair_end *clients[4] = {e.client};
	struct coap_remote sessions[4];
	for (int i = 1; i < 4; i++)
		clients[i] = pair_end_start(e.w, 1 + i, (struct pair_settings){.uses_cid = true});
	for (int i = 0; i < 4; i++) {
		struct dtls_client_credential c = any_kind(i % 3);
		sessions[i] = pair_connect(clients[i], &c);
		pair_run(e.w, i == 0 ? 15 : SECONDS(1)); /* the second begins while the first still runs */
		assert_true(i == 0 || is_by_raw_key(&e) == (i % 3 == 0));
	}
	assert_int_equal(e.server->seen.established, 4);
	for (int i = 0; i < 4; i++)
		assert_true(pair_send(clients[i], &sessions[i], "hello"));
	pair_run(e.w, SECONDS(1));
	for (int i = 0; i < 4; i++)
		assert_true(pair_heard(clients[i], "hello"));
	pair_world_free(e.w);
}

/* What mgmtd does when it is told to read its files anew. */
static void a_server_may_get_a_raw_key_lose_it_and_get_another(void **state)
{
	(void)state;
	struct ends e = start((struct pair_settings){.has_certificate = true});
	struct dtls_client_credential c = pair_raw_key(test_device_key);
	struct dtls_own_certificate own = {.raw_key_pem = bytes_of_text(test_server_key)};
	const char *reason;
	pair_connect(e.client, &c);
	pair_run(e.w, SECONDS(12));
	assert_int_equal(e.client->seen.established, 0);
	assert_true(dtls_engine_wolfssl_renew(e.server->engine, &own, &reason));
	pair_connect(e.client, &c);
	pair_run(e.w, SECONDS(12));
	assert_int_equal(e.client->seen.established, 1);
	own.raw_key_pem = bytes_of_text("nothing");
	assert_false(dtls_engine_wolfssl_renew(e.server->engine, &own, &reason));
	assert_string_equal(reason, "the raw key is no private key of P-256");
	pair_connect(e.client, &c); /* and nothing has changed */
	pair_run(e.w, SECONDS(12));
	assert_int_equal(e.client->seen.established, 2);
	own.raw_key_pem = bytes_of_text(test_plain_key);
	assert_true(dtls_engine_wolfssl_renew(e.server->engine, &own, &reason));
	pair_connect(e.client, &c);
	pair_run(e.w, SECONDS(12));
	assert_int_equal(e.client->seen.established, 2);
	assert_int_equal(e.client->seen.failure, DTLS_FAILURE_UNKNOWN_IDENTITY);
	pair_world_free(e.w);
}

/* ---- refusals, each followed by a handshake that must work ---- */

struct refusal {
	const char *what;
	struct pair_settings server;
	struct dtls_client_credential credential;
	enum dtls_failure server_says, client_says;
};

static void check_refusal(const struct refusal *r)
{
	struct ends e = start(r->server);
	pair_connect(e.client, &r->credential);
	pair_run(e.w, SECONDS(130));
	if (e.server->seen.established + e.client->seen.established > 0 || e.server->seen.failed == 0 ||
		e.client->seen.failed != 1 || e.server->seen.failure != r->server_says ||
		e.client->seen.failure != r->client_says)
		fail_msg("%s: server %s, client %s", r->what, dtls_failure_text(e.server->seen.failure),
			dtls_failure_text(e.client->seen.failure));
	assert_int_equal(dtls_handshakes_used(e.server->dtls) + dtls_sessions_used(e.server->dtls), 0);
	assert_int_equal(dtls_handshakes_used(e.client->dtls) + dtls_sessions_used(e.client->dtls), 0);
	struct dtls_client_credential good = pair_psk();
	struct coap_remote session = pair_connect(e.client, &good);
	pair_run(e.w, SECONDS(1));
	assert_true(echo_works(&e, &session));
	pair_world_free(e.w);
}

static void a_raw_key_that_nobody_knows_gets_no_session(void **state)
{
	(void)state;
	const struct pair_settings raw = {.has_raw_key = true}, both = {.has_raw_key = true, .has_certificate = true};
	struct refusal client = {"a client's key of nobody", raw, pair_raw_key(test_plain_key),
		DTLS_FAILURE_UNKNOWN_IDENTITY, DTLS_FAILURE_REFUSED};
	struct refusal server = {"a server's key that is not the pinned one", raw, pair_raw_key(test_device_key),
		DTLS_FAILURE_REFUSED, DTLS_FAILURE_UNKNOWN_IDENTITY};
	static const uint8_t other[DTLS_RAW_KEY_BYTES];
	check_refusal(&client);
	client.server = both;
	check_refusal(&client);
	server.credential.server_raw_key = bytes_of(other, sizeof other);
	check_refusal(&server);
	server.server = both;
	check_refusal(&server);
}

/* Neither stands in for the other, whatever the two ends would find in their tables. */
static void who_asks_for_the_other_kind_is_refused(void **state)
{
	(void)state;
	check_refusal(&(struct refusal){"a raw key where there are certificates alone", {.has_certificate = true},
		pair_raw_key(test_device_key), DTLS_FAILURE_NO_COMMON_SUITE, DTLS_FAILURE_REFUSED});
	check_refusal(&(struct refusal){"a certificate where there are raw keys alone", {.has_raw_key = true},
		pair_certificate(test_device_certificate, test_device_key), DTLS_FAILURE_NO_COMMON_SUITE,
		DTLS_FAILURE_REFUSED});
	check_refusal(&(struct refusal){"a raw key where there are pre-shared keys alone", {0},
		pair_raw_key(test_device_key), DTLS_FAILURE_NO_COMMON_SUITE, DTLS_FAILURE_REFUSED});
}

/* A peer that breaks the agreement: it shows a raw key, known to the other end even, where a certificate is due.
 * wolfSSL reads either form from what says that it is a certificate, in a file and on the wire. */
static const char *disguised(const char *private_key, char *pem, size_t capacity)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end[] = "\n-----END CERTIFICATE-----\n";
	uint8_t room[RAW_KEY_INFO_MAX_BYTES];
	struct bytes info = raw_key_info(bytes_of_text(private_key), room);
	word32 len = (word32)(capacity - sizeof begin - sizeof end);
	memcpy(pem, begin, sizeof begin);
	assert_int_equal(Base64_Encode_NoNl(info.data, (word32)info.len, (uint8_t *)pem + sizeof begin - 1, &len), 0);
	memcpy(pem + sizeof begin - 1 + len, end, sizeof end);
	return pem;
}

static void a_client_that_shows_a_raw_key_for_a_certificate_is_refused(void **state)
{
	(void)state;
	char pem[512];
	struct dtls_client_credential c =
		pair_certificate(disguised(test_device_key, pem, sizeof pem), test_device_key);
	check_refusal(&(struct refusal){"where there are certificates alone", {.has_certificate = true}, c,
		DTLS_FAILURE_BAD_CERTIFICATE, DTLS_FAILURE_REFUSED});
	check_refusal(&(struct refusal){"where there are both", {.has_certificate = true, .has_raw_key = true}, c,
		DTLS_FAILURE_BAD_CERTIFICATE, DTLS_FAILURE_REFUSED});
}

static void a_server_that_shows_a_raw_key_for_a_certificate_is_refused(void **state)
{
	(void)state;
	char pem[512];
	const char *reason;
	struct ends e = start((struct pair_settings){.has_certificate = true});
	struct dtls_client_credential c = pair_certificate(test_device_certificate, test_device_key);
	struct dtls_own_certificate own = {.chain_pem = bytes_of_text(disguised(test_server_key, pem, sizeof pem)),
		.key_pem = bytes_of_text(test_server_key),
		.anchors_pem = c.certificate.anchors_pem};
	c.server_name = BYTES_NONE; /* anybody under the anchors */
	assert_true(dtls_engine_wolfssl_renew(e.server->engine, &own, &reason));
	pair_connect(e.client, &c);
	pair_run(e.w, SECONDS(130));
	assert_int_equal(e.client->seen.established + e.server->seen.established, 0);
	assert_int_equal(e.client->seen.failure, DTLS_FAILURE_BAD_CERTIFICATE);
	pair_world_free(e.w);
}

static void a_raw_key_without_what_it_needs_cannot_begin(void **state)
{
	(void)state;
	struct ends e = start((struct pair_settings){.has_raw_key = true});
	struct dtls_client_credential no_pin = pair_raw_key(test_device_key), no_key = no_pin, half = no_pin;
	struct coap_remote remote;
	no_pin.server_raw_key = BYTES_NONE;
	half.server_raw_key.len--;
	no_key.certificate.raw_key_pem = BYTES_NONE;
	assert_false(dtls_connect(e.client->dtls, &e.server->address, &no_pin, e.w->now, &remote));
	assert_false(dtls_connect(e.client->dtls, &e.server->address, &half, e.w->now, &remote));
	assert_false(dtls_connect(e.client->dtls, &e.server->address, &no_key, e.w->now, &remote));
	pair_world_free(e.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_public_key_is_named_by_its_pem_or_its_digest),
		cmocka_unit_test(the_public_half_of_a_private_key_has_the_digest_of_its_public_file),
		cmocka_unit_test(another_curve_is_no_raw_key),
		cmocka_unit_test(both_ends_know_each_other_by_their_raw_keys),
		cmocka_unit_test(handshakes_by_raw_keys_complete_on_a_bad_network),
		cmocka_unit_test(one_server_takes_all_three_kinds_side_by_side),
		cmocka_unit_test(a_server_may_get_a_raw_key_lose_it_and_get_another),
		cmocka_unit_test(a_raw_key_that_nobody_knows_gets_no_session),
		cmocka_unit_test(who_asks_for_the_other_kind_is_refused),
		cmocka_unit_test(a_client_that_shows_a_raw_key_for_a_certificate_is_refused),
		cmocka_unit_test(a_server_that_shows_a_raw_key_for_a_certificate_is_refused),
		cmocka_unit_test(a_raw_key_without_what_it_needs_cannot_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
