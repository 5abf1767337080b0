/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two real ends in one world: every suite, every way to be refused, a bad network, a moving and a rebooting device. */
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#define SEEDS             200
#define SEEDS_CERTIFICATE 40

static struct pair_settings a_server(bool uses_cid)
{
	return (struct pair_settings){.is_server = true, .uses_cid = uses_cid, .has_certificate = true};
}

static struct pair_settings a_client(bool uses_cid)
{
	return (struct pair_settings){.uses_cid = uses_cid};
}

static bool echo_works(struct pair_world *w, const struct coap_remote *session, const char *text)
{
	struct pair_end *client = &w->ends[1];
	return pair_send(client, session, text) && (pair_run(w, SECONDS(1)), pair_heard(client, text));
}

static struct dtls_client_credential credential_for(enum dtls_suite suite)
{
	struct dtls_client_credential c = pair_psk();
	if (suite == DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8 || suite == DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256)
		c = pair_certificate(test_device_certificate, test_device_key);
	c.only_suite = (uint16_t)suite;
	return c;
}

static const enum dtls_suite suites[] = {DTLS_SUITE_PSK_AES_128_CCM_8, DTLS_SUITE_PSK_AES_128_GCM_SHA256,
	DTLS_SUITE_ECDHE_PSK_AES_128_GCM_SHA256, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8,
	DTLS_SUITE_ECDHE_ECDSA_AES_128_GCM_SHA256};

static void check_suite(enum dtls_suite suite, bool uses_cid)
{
	struct pair_world *w = pair_world_new(suite);
	struct pair_end *server = pair_end_start(w, 0, a_server(uses_cid));
	struct pair_end *client = pair_end_start(w, 1, a_client(uses_cid));
	struct dtls_client_credential credential = credential_for(suite);
	struct coap_remote session = pair_connect(client, &credential);
	struct dtls_session_info info;

	pair_run(w, 200);
	assert_int_equal(client->seen.established, 1);
	assert_int_equal(server->seen.established, 1);
	assert_int_equal(server->seen.peer.suite, suite);
	assert_true(bytes_equal_text(dtls_principal_name(&server->seen.peer.principal), "urn:dev:ops:32473-device-7"));
	assert_int_equal(server->seen.peer.principal.number, 7);
	assert_int_equal(dtls_handshakes_used(server->dtls) + dtls_handshakes_used(client->dtls), 0);
	assert_true(echo_works(w, &session, "the first"));
	assert_true(echo_works(w, &session, "the second"));
	assert_true(dtls_session_info(server->dtls, server->seen.remote.session, &info));
	assert_int_equal(info.has_cid, uses_cid);
	assert_int_equal(info.suite, suite);
	assert_int_equal(dtls_counters(server->dtls)->dropped_forged, 0);
	pair_world_free(w);
}

static void every_suite_carries_messages_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
		check_suite(suites[i], false);
		check_suite(suites[i], true);
	}
}

static void connection_ids_are_used_only_when_both_ends_want_them(void **state)
{
	(void)state;
	for (int server_wants = 0; server_wants <= 1; server_wants++) {
		struct pair_world *w = pair_world_new(1);
		pair_end_start(w, 0, a_server(server_wants == 1));
		struct pair_end *client = pair_end_start(w, 1, a_client(server_wants == 0));
		struct dtls_client_credential psk = pair_psk();
		struct coap_remote session = pair_connect(client, &psk);
		struct dtls_session_info info;
		pair_run(w, 200);
		assert_true(echo_works(w, &session, "hello"));
		assert_true(dtls_session_info(client->dtls, session.session, &info));
		assert_false(info.has_cid);
		pair_world_free(w);
	}
}

static struct bytes der_of(const char *pem, uint8_t *room, int capacity)
{
	int len = wc_CertPemToDer((const byte *)pem, (int)strlen(pem), room, capacity, CERT_TYPE);
	assert_true(len > 0);
	return bytes_of(room, (size_t)len);
}

static void a_certificate_without_a_uri_is_known_by_its_common_name(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(1);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential c = pair_certificate(test_plain_certificate, test_plain_key);
	pair_connect(client, &c);
	pair_run(w, 200);
	assert_int_equal(server->seen.established, 1);
	assert_true(bytes_equal_text(bytes_of(server->seen.peer.identity, server->seen.peer.identity_len), "device-8"));
	assert_true(bytes_equal_text(dtls_principal_name(&server->seen.peer.principal), "endpoint 8"));
	assert_true(
		bytes_equal_text(bytes_of(client->seen.peer.identity, client->seen.peer.identity_len), "server.test"));
	pair_world_free(w);
}

/* RFC 6698 usage 3: whoever has signed it, and whatever it names. */
static void a_server_may_be_known_by_its_very_certificate(void **state)
{
	uint8_t der[2048];
	(void)state;
	struct pair_world *w = pair_world_new(1);
	(void)pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential c = pair_certificate(test_device_certificate, test_device_key);
	c.server_certificate = der_of(test_server_certificate, der, sizeof der);
	c.certificate.anchors_pem = bytes_of_text(test_other_ca_certificate);
	c.server_name = bytes_of_text("other.test");
	pair_connect(client, &c);
	pair_run(w, 200);
	assert_int_equal(client->seen.established, 1);
	der[c.server_certificate.len - 1] ^= 1; /* the last of its signature */
	pair_connect(client, &c);
	pair_run(w, SECONDS(5));
	assert_int_equal(client->seen.established, 1);
	assert_int_equal(client->seen.failure, DTLS_FAILURE_BAD_CERTIFICATE);
	pair_world_free(w);
}

/* ---- refusals, each followed by a handshake that must work (Californium CVE-2020-27222) ---- */

struct refusal {
	const char *what;
	struct dtls_client_credential credential;
	bool server_fails, client_fails;
	enum dtls_failure server_says, client_says;
};

static void check_refusal(const struct refusal *r)
{
	struct pair_world *w = pair_world_new(5);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	pair_connect(client, &r->credential);
	pair_run(w, SECONDS(130));
	if (server->seen.established + client->seen.established != 0 && r->server_fails)
		print_message("%s: established\n", r->what);
	assert_int_equal(server->seen.established, 0);
	if (server->seen.failed != r->server_fails || server->seen.failure != r->server_says ||
		client->seen.failed != r->client_fails || client->seen.failure != r->client_says)
		print_message("%s: server %u %s, client %u %s, alert %u\n", r->what, server->seen.failed,
			dtls_failure_text(server->seen.failure), client->seen.failed,
			dtls_failure_text(client->seen.failure), client->seen.alert);
	assert_int_equal(server->seen.failed, r->server_fails);
	assert_int_equal(server->seen.failure, r->server_says);
	assert_int_equal(client->seen.failed, r->client_fails);
	assert_int_equal(client->seen.failure, r->client_says);
	assert_int_equal(dtls_handshakes_used(server->dtls) + dtls_sessions_used(server->dtls), 0);
	assert_int_equal(dtls_handshakes_used(client->dtls) + dtls_sessions_used(client->dtls), 0);

	struct dtls_client_credential good = pair_psk();
	struct coap_remote session = pair_connect(client, &good);
	pair_run(w, 200);
	assert_true(echo_works(w, &session, "still good"));
	pair_world_free(w);
}

static void whoever_cannot_prove_himself_gets_no_session(void **state)
{
	(void)state;
	struct refusal wrong_key = {"wrong key", pair_psk(), true, true, DTLS_FAILURE_BAD_KEY, DTLS_FAILURE_TIMEOUT};
	wrong_key.credential.psk_key = bytes_of_text("sesame-sesame-sf");
	struct refusal unknown = {
		"unknown identity", pair_psk(), true, true, DTLS_FAILURE_UNKNOWN_IDENTITY, DTLS_FAILURE_REFUSED};
	unknown.credential.psk_identity = bytes_of_text("device-9");
	struct refusal foreign = {"foreign authority", pair_certificate(test_foreign_certificate, test_foreign_key),
		true, true, DTLS_FAILURE_BAD_CERTIFICATE, DTLS_FAILURE_REFUSED};
	struct refusal expired = {"expired", pair_certificate(test_expired_certificate, test_device_key), true, true,
		DTLS_FAILURE_BAD_CERTIFICATE, DTLS_FAILURE_REFUSED};
	struct refusal server_name = {"another server's name",
		pair_certificate(test_device_certificate, test_device_key), true, true, DTLS_FAILURE_REFUSED,
		DTLS_FAILURE_BAD_CERTIFICATE};
	server_name.credential.server_name = bytes_of_text("other.test");
	struct refusal anchors = {"server of a foreign authority",
		pair_certificate(test_device_certificate, test_device_key), true, true, DTLS_FAILURE_REFUSED,
		DTLS_FAILURE_BAD_CERTIFICATE};
	anchors.credential.certificate.anchors_pem = bytes_of_text(test_other_ca_certificate);
	check_refusal(&wrong_key);
	check_refusal(&unknown);
	check_refusal(&foreign);
	check_refusal(&expired);
	check_refusal(&server_name);
	check_refusal(&anchors);
}

static void a_client_without_a_common_suite_is_told_so(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(5);
	struct pair_end *server = pair_end_start(w, 0, (struct pair_settings){.is_server = true});
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential c = pair_certificate(test_device_certificate, test_device_key);
	pair_connect(client, &c);
	pair_run(w, SECONDS(12));
	assert_true(server->seen.failed >= 1);
	assert_int_equal(server->seen.failure, DTLS_FAILURE_NO_COMMON_SUITE);
	assert_int_equal(client->seen.failure, DTLS_FAILURE_REFUSED);
	assert_int_equal(client->seen.alert, 40); /* handshake_failure */
	assert_int_equal(dtls_sessions_used(server->dtls) + dtls_handshakes_used(server->dtls), 0);
	pair_world_free(w);
}

static void a_credential_that_cannot_be_used_is_refused_at_once(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(5);
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential mismatched = pair_certificate(test_device_certificate, test_plain_key);
	struct dtls_client_credential no_key = pair_psk(),
				      no_pem = pair_certificate("not a certificate", test_device_key);
	no_key.psk_key = BYTES_NONE;
	assert_true(handle_is_none(pair_connect(client, &mismatched).session));
	assert_true(handle_is_none(pair_connect(client, &no_key).session));
	assert_true(handle_is_none(pair_connect(client, &no_pem).session));
	assert_int_equal(dtls_sessions_used(client->dtls) + dtls_handshakes_used(client->dtls), 0);
	assert_int_equal(w->sent, 0);
	pair_world_free(w);
}

/* ---- a bad network ---- */

static bool completes(
	uint64_t seed, const struct dtls_client_credential *credential, struct pair_link link, bool uses_cid)
{
	struct pair_world *w = pair_world_new(seed);
	struct pair_end *server = pair_end_start(w, 0, a_server(uses_cid));
	struct pair_end *client = pair_end_start(w, 1, a_client(uses_cid));
	w->link = link;
	struct coap_remote session = pair_connect(client, credential);
	pair_run(w, SECONDS(60));
	w->link = (struct pair_link){.delay_min = 10, .delay_max = 10};
	pair_run(w, SECONDS(10));
	bool good = client->seen.established == 1 && server->seen.established >= 1 && server->seen.failed == 0 &&
		    echo_works(w, &session, "after the storm");
	if (!good)
		print_message("seed %llu: client %u established %u failed (%s), server %u established %u failed (%s)\n",
			(unsigned long long)seed, client->seen.established, client->seen.failed,
			dtls_failure_text(client->seen.failure), server->seen.established, server->seen.failed,
			dtls_failure_text(server->seen.failure));
	good = good && dtls_handshakes_used(server->dtls) == 0 && dtls_sessions_used(server->dtls) == 1;
	pair_world_free(w);
	return good;
}

static void handshakes_complete_when_a_fifth_of_the_datagrams_is_lost(void **state)
{
	(void)state;
	struct dtls_client_credential psk = pair_psk(),
				      certificate = credential_for(DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	struct pair_link lossy = {.loss_permille = 200, .delay_min = 10, .delay_max = 60};
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		assert_true(completes(seed, &psk, lossy, seed % 2 == 0));
	for (uint64_t seed = 1; seed <= SEEDS_CERTIFICATE; seed++)
		assert_true(completes(seed, &certificate, lossy, seed % 2 == 0));
}

/* After such a network a wolfSSL object kept beyond its handshake would answer a late Finished with a fatal alert. */
static void handshakes_complete_under_loss_repetition_and_reordering(void **state)
{
	(void)state;
	struct dtls_client_credential psk = pair_psk(),
				      certificate = credential_for(DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	struct pair_link wild = {.loss_permille = 200, .repeat_permille = 200, .delay_min = 1, .delay_max = 1500};
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		assert_true(completes(seed, &psk, wild, seed % 2 == 0));
	for (uint64_t seed = 1; seed <= SEEDS_CERTIFICATE; seed++)
		assert_true(completes(seed, &certificate, wild, seed % 2 == 0));
}

/* TD_COAP_DTLS_03 and _07: each datagram of the handshake lost once. */
static void each_datagram_of_a_handshake_may_be_lost_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
		struct dtls_client_credential credential = credential_for(suites[i]);
		for (int number = 1; number <= 8; number++) {
			struct pair_link link = {.delay_min = 10, .delay_max = 10, .lose_number = number};
			assert_true(completes((uint64_t)number, &credential, link, true));
			assert_true(completes((uint64_t)number, &credential, link, false));
		}
	}
}

static bool lose_first_from_server_after_finished(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	int *left = context;
	bool is_server = address_equal(&datagram->from, &w->ends[0].address);
	return !(is_server && datagram->data[0] == DTLS_CONTENT_CHANGE_CIPHER_SPEC && (*left)-- > 0);
}

static void the_last_flight_is_repeated_without_the_engine(void **state)
{
	(void)state;
	for (int uses_cid = 0; uses_cid <= 1; uses_cid++) {
		struct pair_world *w = pair_world_new(9);
		struct pair_end *server = pair_end_start(w, 0, a_server(uses_cid));
		struct pair_end *client = pair_end_start(w, 1, a_client(uses_cid));
		int left = 3;
		w->watch = lose_first_from_server_after_finished;
		w->watch_context = &left;
		struct dtls_client_credential psk = pair_psk();
		struct coap_remote session = pair_connect(client, &psk);
		pair_run(w, 100);
		assert_int_equal(server->seen.established, 1);
		assert_int_equal(client->seen.established, 0);
		pair_run(w, SECONDS(20));
		assert_int_equal(client->seen.established, 1);
		assert_int_equal(dtls_counters(server->dtls)->finished_repeated, 3);
		assert_true(echo_works(w, &session, "at last"));
		pair_world_free(w);
	}
}

/* ---- moving and rebooting ---- */

static void a_session_with_a_connection_id_follows_its_device(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(3);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(client, &psk);
	pair_run(w, 200);
	client->address.port = 40000;
	assert_true(echo_works(w, &session, "from elsewhere"));
	assert_int_equal(server->seen.remote.address.port, 40000);
	assert_int_equal(dtls_counters(server->dtls)->addresses_changed, 1);
	assert_int_equal(server->seen.established, 1);
	pair_world_free(w);
}

static void a_session_without_one_does_not(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(3);
	struct pair_end *server = pair_end_start(w, 0, a_server(false));
	struct pair_end *client = pair_end_start(w, 1, a_client(false));
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(client, &psk);
	pair_run(w, 200);
	client->address.port = 40000;
	assert_false(echo_works(w, &session, "from elsewhere"));
	assert_int_equal(server->seen.messages, 0);
	assert_int_equal(dtls_counters(server->dtls)->dropped_unknown, 1);
	pair_world_free(w);
}

static bool keep_copy(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	(void)w;
	*(struct pair_datagram *)context = *datagram;
	return true;
}

static bool keep_copy_and_hold_back(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	keep_copy(w, datagram, context);
	return false;
}

/* RFC 9146 section 6: only an authentic record newer than all others moves the address. */
static void an_old_or_repeated_record_from_elsewhere_moves_nothing(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(3);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(client, &psk);
	struct pair_datagram held, last;
	struct address elsewhere = address_ipv4(203, 0, 113, 9, 9999);
	pair_run(w, 200);
	server->echoes = false;

	w->watch = keep_copy_and_hold_back;
	w->watch_context = &held;
	pair_send(client, &session, "old");
	w->watch = keep_copy;
	w->watch_context = &last;
	pair_send(client, &session, "new");
	pair_run(w, 100);
	w->watch = NULL;
	pair_inject(w, &elsewhere, &server->address, bytes_of(last.data, last.len)); /* repeated */
	pair_inject(w, &elsewhere, &server->address, bytes_of(held.data, held.len)); /* fresh, but old */
	pair_run(w, 100);
	assert_int_equal(server->seen.messages, 2);
	assert_true(pair_heard(server, "old"));
	assert_int_equal(dtls_counters(server->dtls)->dropped_replayed, 1);
	assert_int_equal(dtls_counters(server->dtls)->addresses_changed, 0);
	assert_true(address_equal(&server->seen.remote.address, &client->address));
	pair_world_free(w);
}

static void a_rebooted_device_replaces_its_session_only_when_it_has_proved_itself(void **state)
{
	(void)state;
	for (int uses_cid = 0; uses_cid <= 1; uses_cid++) {
		struct pair_world *w = pair_world_new(4);
		struct pair_end *server = pair_end_start(w, 0, a_server(uses_cid));
		struct pair_end *client = pair_end_start(w, 1, a_client(uses_cid));
		struct dtls_client_credential psk = pair_psk();
		pair_connect(client, &psk);
		pair_run(w, 200);
		struct coap_remote old = server->seen.remote;
		pair_end_stop(client);
		client = pair_end_start(w, 1, a_client(uses_cid));
		struct coap_remote session = pair_connect(client, &psk);
		pair_run(w, 45); /* both ClientHellos have come, Finished has not */
		assert_int_equal(server->seen.closed, 0);
		assert_int_equal(dtls_sessions_used(server->dtls), 2);
		pair_run(w, 200);
		assert_int_equal(server->seen.closed, 1);
		assert_int_equal(server->seen.why_closed, DTLS_CLOSED_SUPERSEDED);
		assert_int_equal(server->seen.established, 2);
		assert_false(handle_equal(old.session, server->seen.remote.session));
		assert_int_equal(dtls_sessions_used(server->dtls), 1);
		assert_true(echo_works(w, &session, "reborn"));
		pair_world_free(w);
	}
}

/* The old session goes on while somebody with the wrong key tries from the same address. */
static void a_failed_handshake_leaves_the_old_session_alone(void **state)
{
	(void)state;
	for (int uses_cid = 0; uses_cid <= 1; uses_cid++) {
		struct pair_world *w = pair_world_new(4);
		struct pair_end *server = pair_end_start(w, 0, a_server(uses_cid));
		struct pair_end *client = pair_end_start(w, 1, a_client(uses_cid));
		struct pair_end *intruder = pair_end_start(w, 2, a_client(uses_cid));
		struct dtls_client_credential psk = pair_psk(), wrong = pair_psk();
		wrong.psk_key = bytes_of_text("0123456789abcdef");
		struct coap_remote session = pair_connect(client, &psk);
		pair_run(w, 200);
		struct address home = client->address;
		client->address.port = 1; /* what is sent to the address now reaches the intruder */
		intruder->address = home;
		pair_connect(intruder, &wrong);
		pair_run(w, SECONDS(3));
		intruder->address.port = 2;
		client->address = home;
		assert_int_equal(dtls_handshakes_used(server->dtls), 1);
		assert_true(echo_works(w, &session, "during"));
		pair_run(w, SECONDS(130));
		assert_int_equal(server->seen.established, 1);
		assert_int_equal(server->seen.closed, 0);
		assert_true(echo_works(w, &session, "after"));
		pair_world_free(w);
	}
}

/* ---- ends of sessions ---- */

static void closing_tells_the_peer(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(4);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(client, &psk);
	pair_run(w, 200);
	dtls_close(client->dtls, session.session, w->now);
	pair_run(w, 200);
	assert_int_equal(server->seen.closed, 1);
	assert_int_equal(server->seen.why_closed, DTLS_CLOSED_BY_PEER);
	assert_int_equal(dtls_sessions_used(server->dtls) + dtls_sessions_used(client->dtls), 0);
	assert_false(pair_send(client, &session, "too late"));
	assert_false(dtls_session_info(client->dtls, session.session, &(struct dtls_session_info){0}));
	pair_world_free(w);
}

static void closing_during_the_handshake_gives_everything_back(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(4);
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	w->ends[0].address = address_ipv4(192, 0, 2, 1, 5684);
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(client, &psk);
	assert_false(pair_send(client, &session, "too early"));
	dtls_close(client->dtls, session.session, w->now);
	assert_int_equal(dtls_sessions_used(client->dtls) + dtls_handshakes_used(client->dtls), 0);
	pair_run(w, SECONDS(100));
	assert_int_equal(client->seen.failed, 0);
	pair_world_free(w);
}

static void an_idle_session_is_closed_and_a_busy_one_is_not(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(4);
	struct pair_settings settings = a_server(true);
	settings.idle_limit = SECONDS(100);
	struct pair_end *server = pair_end_start(w, 0, settings);
	struct pair_end *busy = pair_end_start(w, 1, a_client(true)), *idle = pair_end_start(w, 2, a_client(true));
	struct dtls_client_credential psk = pair_psk();
	struct coap_remote session = pair_connect(busy, &psk);
	pair_connect(idle, &psk);
	pair_run(w, SECONDS(1));
	for (int i = 0; i < 12; i++) {
		assert_true(echo_works(w, &session, "alive"));
		pair_run(w, SECONDS(9));
	}
	assert_int_equal(server->seen.closed, 1);
	assert_int_equal(server->seen.why_closed, DTLS_CLOSED_IDLE);
	assert_int_equal(idle->seen.why_closed, DTLS_CLOSED_BY_PEER);
	assert_int_equal(idle->seen.closed, 1);
	assert_int_equal(busy->seen.closed, 0);
	assert_int_equal(dtls_sessions_used(server->dtls), 1);
	pair_world_free(w);
}

static void nobody_at_the_other_end_is_a_timeout(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(4);
	w->ends[0].address = address_ipv4(192, 0, 2, 1, 5684);
	struct pair_end *client = pair_end_start(w, 1, a_client(true));
	struct dtls_client_credential psk = pair_psk();
	pair_connect(client, &psk);
	pair_run(w, SECONDS(59));
	assert_int_equal(client->seen.failed, 0);
	pair_run(w, SECONDS(2));
	assert_int_equal(client->seen.failed, 1);
	assert_int_equal(client->seen.failure, DTLS_FAILURE_TIMEOUT);
	assert_int_equal(w->sent, 10); /* ClientHellos at 0, 1, 3, 7, 15, 23, 31, 39, 47 and 55 s */
	pair_world_free(w);
}

static void several_devices_do_not_mix(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(6);
	struct pair_end *server = pair_end_start(w, 0, a_server(true));
	struct coap_remote sessions[PAIR_ENDS_MAX];
	struct dtls_client_credential psk = pair_psk();
	for (int i = 1; i < PAIR_ENDS_MAX; i++)
		sessions[i] = pair_connect(pair_end_start(w, i, a_client(i % 2 == 0)), &psk);
	pair_run(w, 300);
	assert_int_equal(server->seen.established, PAIR_ENDS_MAX - 1);
	for (int i = 1; i < PAIR_ENDS_MAX; i++)
		assert_true(pair_send(&w->ends[i], &sessions[i], (const char[]){(char)('a' + i), '\0'}));
	pair_run(w, 100);
	for (int i = 1; i < PAIR_ENDS_MAX; i++)
		assert_true(pair_heard(&w->ends[i], (const char[]){(char)('a' + i), '\0'}));
	pair_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite_carries_messages_both_ways),
		cmocka_unit_test(connection_ids_are_used_only_when_both_ends_want_them),
		cmocka_unit_test(a_certificate_without_a_uri_is_known_by_its_common_name),
		cmocka_unit_test(a_server_may_be_known_by_its_very_certificate),
		cmocka_unit_test(whoever_cannot_prove_himself_gets_no_session),
		cmocka_unit_test(a_client_without_a_common_suite_is_told_so),
		cmocka_unit_test(a_credential_that_cannot_be_used_is_refused_at_once),
		cmocka_unit_test(handshakes_complete_when_a_fifth_of_the_datagrams_is_lost),
		cmocka_unit_test(handshakes_complete_under_loss_repetition_and_reordering),
		cmocka_unit_test(each_datagram_of_a_handshake_may_be_lost_once),
		cmocka_unit_test(the_last_flight_is_repeated_without_the_engine),
		cmocka_unit_test(a_session_with_a_connection_id_follows_its_device),
		cmocka_unit_test(a_session_without_one_does_not),
		cmocka_unit_test(an_old_or_repeated_record_from_elsewhere_moves_nothing),
		cmocka_unit_test(a_rebooted_device_replaces_its_session_only_when_it_has_proved_itself),
		cmocka_unit_test(a_failed_handshake_leaves_the_old_session_alone),
		cmocka_unit_test(closing_tells_the_peer),
		cmocka_unit_test(closing_during_the_handshake_gives_everything_back),
		cmocka_unit_test(an_idle_session_is_closed_and_a_busy_one_is_not),
		cmocka_unit_test(nobody_at_the_other_end_is_a_timeout),
		cmocka_unit_test(several_devices_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
