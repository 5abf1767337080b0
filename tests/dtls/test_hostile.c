/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server, a device, and somebody who can send anything from any address. */
#include "dtls/cookie.h"
#include "dtls/hello.h"
#include "tests/dtls/certificates.h"
#include "tests/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FLOOD             100000
#define FAILED_HANDSHAKES 3000

struct stage {
	struct pair_world *w;
	struct pair_end *server, *client;
	struct dtls_client_credential psk;
	struct coap_remote session; /* the client's */
};

static struct stage set_up(bool uses_cid)
{
	struct stage s = {.w = pair_world_new(11), .psk = pair_psk()};
	s.server = pair_end_start(
		s.w, 0, (struct pair_settings){.is_server = true, .uses_cid = uses_cid, .has_certificate = true});
	s.client = pair_end_start(s.w, 1, (struct pair_settings){.uses_cid = uses_cid});
	return s;
}

static struct stage set_up_session(bool uses_cid)
{
	struct stage s = set_up(uses_cid);
	s.session = pair_connect(s.client, &s.psk);
	pair_run(s.w, 200);
	assert_int_equal(s.client->seen.established, 1);
	return s;
}

static bool echo_works(struct stage *s, const char *text)
{
	return pair_send(s->client, &s->session, text) && (pair_run(s->w, 100), pair_heard(s->client, text));
}

static bool hold_back(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	(void)w;
	*(struct pair_datagram *)context = *datagram;
	return false;
}

static bool hold_back_with_cookie(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	struct bytes bytes = bytes_of(datagram->data, datagram->len);
	struct dtls_record record;
	struct dtls_hello hello;
	if (!dtls_record_take(&bytes, DTLS_CID_BYTES, &record) || !dtls_hello_is(&record) ||
		!dtls_hello_parse(&record, &hello) || hello.cookie.len == 0)
		return true;
	return hold_back(w, datagram, context);
}

/* The client's ClientHello, the second one when it shall have a cookie. The client stays waiting. */
static struct pair_datagram catch_hello(struct stage *s, bool with_cookie)
{
	struct pair_datagram caught = {0};
	s->w->watch = with_cookie ? hold_back_with_cookie : hold_back;
	s->w->watch_context = &caught;
	s->session = pair_connect(s->client, &s->psk);
	pair_run(s->w, 100);
	s->w->watch = NULL;
	assert_true(caught.len > 60);
	return caught;
}

static void hear(struct stage *s, const struct address *from, struct bytes datagram)
{
	pair_inject(s->w, from, &s->server->address, datagram);
	pair_run(s->w, 0);
}

/* ---- before the cookie ---- */

/* Amplification and memory: past-faults.md, "CoAP as a DDoS amplifier". */
static void a_flood_of_hellos_leaves_nothing_behind(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct pair_datagram hello = catch_hello(&s, false), answer;
	uint64_t asked = 0;
	s.w->watch = hold_back;
	s.w->watch_context = &answer;
	for (uint32_t i = 0; i < FLOOD; i++) {
		struct address from = address_ipv4(198, 51, 100, (uint8_t)i, (uint16_t)(1024 + i / 256));
		struct dtls_event event;
		dtls_receive(s.server->dtls, &from, hello.data, hello.len, s.w->now);
		assert_false(dtls_next(s.server->dtls, s.w->now, &event));
		assert_true(answer.len == DTLS_HELLO_VERIFY_REQUEST_BYTES && answer.len <= hello.len);
		asked++;
	}
	assert_int_equal(dtls_counters(s.server->dtls)->cookies_sent, asked);
	assert_int_equal(dtls_sessions_used(s.server->dtls) + dtls_handshakes_used(s.server->dtls), 0);
	assert_true(dtls_deadline(s.server->dtls) == NEVER);
	pair_world_free(s.w);
}

/* TLS-Anvil invalidClientHelloCookie; wolfSSL CVE-2015-6925. */
static void a_wrong_cookie_is_no_cookie(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct pair_datagram hello = catch_hello(&s, true);
	struct bytes bytes = bytes_of(hello.data, hello.len);
	struct dtls_record record;
	struct dtls_hello parsed;
	assert_true(dtls_record_take(&bytes, DTLS_CID_BYTES, &record) && dtls_hello_parse(&record, &parsed));
	size_t cookie_at = (size_t)(parsed.cookie.data - hello.data),
	       random_at = (size_t)(parsed.random.data - hello.data);
	struct address elsewhere = address_ipv4(203, 0, 113, 9, 5684);
	uint64_t cookies = dtls_counters(s.server->dtls)->cookies_sent;

	for (size_t bit = 0; bit < parsed.cookie.len * 8; bit++) {
		hello.data[cookie_at + bit / 8] ^= (uint8_t)(1u << bit % 8);
		hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
		hello.data[cookie_at + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	hear(&s, &elsewhere, bytes_of(hello.data, hello.len)); /* a cookie of another address */
	hello.data[random_at] ^= 1;                            /* of another ClientHello */
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	hello.data[random_at] ^= 1;
	assert_int_equal(dtls_counters(s.server->dtls)->cookies_sent, cookies + parsed.cookie.len * 8 + 2);
	assert_int_equal(dtls_counters(s.server->dtls)->handshakes_started, 0);

	s.w->now += DTLS_COOKIE_SLOT; /* good until the end of the next slot, not of the one after it */
	s.w->now += DTLS_COOKIE_SLOT;
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	assert_int_equal(dtls_counters(s.server->dtls)->handshakes_started, 0);
	pair_world_free(s.w);
}

static bool catch_from_server(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	if (address_equal(&datagram->from, &w->ends[0].address))
		*(struct pair_datagram *)context = *datagram;
	return true;
}

static uint64_t number_of(const struct pair_datagram *datagram)
{
	struct bytes bytes = bytes_of(datagram->data, datagram->len);
	struct dtls_record record;
	assert_true(dtls_record_take(&bytes, DTLS_CID_BYTES, &record));
	return record.number;
}

/* RFC 6347 section 4.2.1: the number of the ClientHello's record is that of the answer. */
static void answers_carry_the_record_number_of_the_hello(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct pair_datagram answer = {0}, hello = catch_hello(&s, false);
	s.w->watch = catch_from_server;
	s.w->watch_context = &answer;
	hello.data[10] = 77;
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	assert_int_equal(number_of(&answer), 77);
	assert_int_equal(answer.data[13], DTLS_HANDSHAKE_HELLO_VERIFY_REQUEST);

	pair_end_stop(s.client);
	pair_run(s.w, 100); /* what is under way must not reach the new client */
	s.client = pair_end_start(s.w, 1, (struct pair_settings){.uses_cid = true});
	hello = catch_hello(&s, true);
	s.w->watch = catch_from_server;
	s.w->watch_context = &answer;
	hello.data[10] = 99;
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	assert_int_equal(answer.data[13], 2); /* ServerHello */
	assert_int_equal(number_of(&answer), 99);
	pair_world_free(s.w);
}

/* ---- full tables ---- */

static void check_full(struct pair_settings settings)
{
	struct pair_world *w = pair_world_new(2);
	struct pair_end *server = pair_end_start(w, 0, settings);
	struct dtls_client_credential psk = pair_psk(), wrong = pair_psk();
	wrong.psk_key = bytes_of_text("0123456789abcdef");
	for (int i = 1; i <= 2; i++) /* a wrong key holds a handshake until patience ends */
		pair_connect(pair_end_start(w, i, (struct pair_settings){.handshake_limit = SECONDS(20)}), &wrong);
	pair_run(w, SECONDS(1));
	assert_int_equal(dtls_handshakes_used(server->dtls), 2);
	struct pair_end *third = pair_end_start(w, 3, (struct pair_settings){.handshake_limit = SECONDS(200)});
	pair_connect(third, &psk);
	pair_run(w, SECONDS(1));
	assert_int_equal(third->seen.established, 0);
	assert_true(dtls_counters(server->dtls)->dropped_full >= 1);
	assert_int_equal(dtls_sessions_used(server->dtls), 2);
	pair_run(w, SECONDS(80)); /* places have become free; the third has kept asking */
	assert_int_equal(third->seen.established, 1);
	assert_int_equal(dtls_sessions_used(server->dtls), 1);
	pair_world_free(w);
}

static void a_full_table_of_handshakes_turns_the_next_one_away_until_there_is_room(void **state)
{
	(void)state;
	check_full((struct pair_settings){.is_server = true, .handshakes = 2});
}

static void a_full_table_of_sessions_does_too(void **state)
{
	(void)state;
	check_full((struct pair_settings){.is_server = true, .sessions = 2});
}

/* One who begins and never goes on: with a wrong key it waits until its patience ends. */
static struct pair_end *squat(struct pair_world *w, int number, struct address address)
{
	static const uint8_t key[] = "0123456789abcdef";
	struct dtls_client_credential wrong = pair_psk();
	wrong.psk_key = bytes_of(key, 16);
	struct pair_end *e = pair_end_start(w, number, (struct pair_settings){.handshake_limit = SECONDS(300)});
	e->address = address;
	pair_connect(e, &wrong);
	pair_run(w, 100);
	return e;
}

static void a_host_with_many_handshakes_keeps_no_other_out_and_loses_its_own_stalest(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(2);
	struct dtls_client_credential psk = pair_psk();
	struct pair_end *server = pair_end_start(w, 0, (struct pair_settings){.is_server = true, .handshakes = 4});
	for (int i = 1; i <= 3; i++)
		squat(w, i, address_ipv4(203, 0, 113, 1, (uint16_t)i));
	assert_int_equal(dtls_handshakes_used(server->dtls), 2); /* half of them */
	assert_true(dtls_counters(server->dtls)->dropped_full > 0);
	struct pair_end *honest = pair_end_start(w, 4, (struct pair_settings){.uses_cid = true});
	pair_connect(honest, &psk);
	pair_run(w, 200);
	assert_int_equal(honest->seen.established, 1);
	struct pair_end *neighbour = pair_end_start(w, 5, (struct pair_settings){.uses_cid = true});
	neighbour->address = address_ipv4(203, 0, 113, 1, 5);
	pair_connect(neighbour, &psk);
	pair_run(w, SECONDS(10));
	assert_int_equal(neighbour->seen.established, 1);
	assert_true(dtls_counters(server->dtls)->displaced > 0);
	assert_true(dtls_handshakes_used(server->dtls) <= 2);
	pair_world_free(w);
}

static void when_all_places_are_taken_the_stalest_gives_way(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(2);
	struct dtls_client_credential psk = pair_psk();
	struct pair_end *server = pair_end_start(w, 0, (struct pair_settings){.is_server = true, .handshakes = 2});
	for (int i = 1; i <= 2; i++)
		squat(w, i, address_ipv4(203, 0, 113, (uint8_t)i, 1));
	assert_int_equal(dtls_handshakes_used(server->dtls), 2);
	struct pair_end *honest = pair_end_start(w, 3, (struct pair_settings){.uses_cid = true});
	pair_connect(honest, &psk);
	pair_run(w, SECONDS(1)); /* so far they might only be slow */
	assert_int_equal(honest->seen.established, 0);
	pair_run(w, SECONDS(8));
	assert_int_equal(honest->seen.established, 1);
	assert_true(dtls_counters(server->dtls)->displaced > 0);
	assert_int_equal(server->seen.failure, DTLS_FAILURE_DISPLACED);
	pair_world_free(w);
}

/* Californium CVE-2022-39368: slots that never came back. */
static void failing_handshakes_give_everything_back(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct dtls_client_credential unknown = pair_psk();
	unknown.psk_identity = bytes_of_text("nobody");
	for (int i = 0; i < FAILED_HANDSHAKES; i++) {
		pair_connect(s.client, &unknown);
		pair_run(s.w, SECONDS(11));
	}
	assert_int_equal(dtls_counters(s.server->dtls)->handshakes_failed, FAILED_HANDSHAKES);
	assert_int_equal(s.client->seen.failed, FAILED_HANDSHAKES);
	s.session = pair_connect(s.client, &s.psk);
	pair_run(s.w, 200);
	assert_true(echo_works(&s, "good"));
	pair_world_free(s.w);
}

/* ---- injected during the handshake ---- */

struct injection {
	const char *what;
	bool to_server, to_client;
	size_t len;
	uint8_t data[64];
};

#define HEADER(type, epoch, number, len) type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, number, 0, len
#define MESSAGE(type, length, sequence)  type, 0, 0, length, 0, sequence, 0, 0, 0, 0, 0, length

static const struct injection injections[] = {
	{"fatal handshake_failure in the clear", true, true, 15, {HEADER(21, 0, 9, 2), 2, 40}},
	{"close_notify in the clear", true, true, 15, {HEADER(21, 0, 9, 2), 1, 0}},
	{"early ChangeCipherSpec", true, true, 14, {HEADER(20, 0, 9, 1), 1}},
	{"ChangeCipherSpec of two bytes", true, true, 15, {HEADER(20, 0, 9, 2), 1, 1}},
	{"empty handshake record", true, true, 13, {HEADER(22, 0, 9, 0)}},
	{"nothing", true, true, 0, {0}},
	{"one byte", true, true, 1, {22}},
	{"twelve bytes", true, true, 12, {HEADER(22, 0, 9, 0)}},
	{"a length beyond the datagram", true, true, 20, {HEADER(22, 0, 9, 200), 16}},
	{"an unknown type", true, true, 14, {HEADER(99, 0, 9, 1), 1}},
	{"TLS's version", true, true, 15, {22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 1}},
	{"application data in the clear", true, true, 15, {HEADER(23, 0, 9, 2), 'h', 'i'}},
	{"ServerHelloDone for the server", true, false, 25, {HEADER(22, 0, 9, 12), MESSAGE(14, 0, 2)}},
	{"HelloVerifyRequest for the server", true, false, 25, {HEADER(22, 0, 9, 12), MESSAGE(3, 0, 1)}},
	{"ClientHello for the client", false, true, 25, {HEADER(22, 0, 9, 12), MESSAGE(1, 0, 1)}},
	{"ClientKeyExchange for the client", false, true, 25, {HEADER(22, 0, 9, 12), MESSAGE(16, 0, 1)}},
	{"a fragment that promises 16 MB", true, true, 26,
		{HEADER(22, 0, 9, 13), 11, 0xff, 0xff, 0xff, 0, 2, 0, 0, 0, 0, 0, 1, 0}},
	{"a fragment beyond its message", true, true, 26,
		{HEADER(22, 0, 9, 13), 11, 0, 0, 9, 0, 2, 0, 0, 9, 0, 0, 1, 0}},
	{"a message longer than its record", true, true, 26, {HEADER(22, 0, 9, 13), MESSAGE(20, 9, 2), 0}},
	{"protected nonsense", true, true, 40, {HEADER(22, 1, 9, 27), 1, 2, 3}},
	{"protected application data", true, true, 40, {HEADER(23, 1, 9, 27), 1, 2, 3}},
	{"a record of epoch 7", true, true, 40, {HEADER(22, 7, 9, 27), 1, 2, 3}},
	{"a record of nobody's name", true, true, 60,
		{25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 39}},
};

/* Sends the injection in both directions after every genuine datagram. */
static bool inject_too(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	(void)datagram;
	const struct injection *injection = context;
	struct bytes bytes = bytes_of(injection->data, injection->len);
	if (injection->to_server)
		pair_inject(w, &w->ends[1].address, &w->ends[0].address, bytes);
	if (injection->to_client)
		pair_inject(w, &w->ends[0].address, &w->ends[1].address, bytes);
	return true;
}

static void check_injection(
	const struct injection *injection, const struct dtls_client_credential *credential, bool uses_cid)
{
	struct stage s = set_up(uses_cid);
	s.w->watch = inject_too;
	s.w->watch_context = (void *)(uintptr_t)injection;
	s.session = pair_connect(s.client, credential);
	pair_run(s.w, 900);
	if (s.client->seen.established != 1)
		print_message("%s: %s / %s\n", injection->what, dtls_failure_text(s.client->seen.failure),
			dtls_failure_text(s.server->seen.failure));
	assert_int_equal(s.client->seen.established, 1);
	assert_int_equal(s.server->seen.established, 1);
	assert_true(echo_works(&s, "through it all"));
	assert_int_equal(s.server->seen.messages, 1);
	assert_int_equal(s.server->seen.closed + s.client->seen.closed, 0);
	assert_int_equal(s.server->seen.failed + s.client->seen.failed, 0);
	pair_world_free(s.w);
}

static void nothing_injected_stops_a_handshake_or_a_session(void **state)
{
	(void)state;
	struct dtls_client_credential psk = pair_psk(),
				      certificate = pair_certificate(test_device_certificate, test_device_key);
	for (size_t i = 0; i < sizeof injections / sizeof injections[0]; i++) {
		check_injection(&injections[i], &psk, false);
		check_injection(&injections[i], &psk, true);
		check_injection(&injections[i], &certificate, true);
	}
}

/* An alert in the clear may be a lie, so it must be waited out; but not for the whole patience. */
static void an_alert_in_the_clear_shortens_the_wait_of_a_client_whom_nobody_answers(void **state)
{
	(void)state;
	struct pair_world *w = pair_world_new(2);
	w->ends[0].address = address_ipv4(192, 0, 2, 1, 5684);
	struct pair_end *client = pair_end_start(w, 1, (struct pair_settings){0});
	struct dtls_client_credential psk = pair_psk();
	pair_connect(client, &psk);
	pair_inject(w, &w->ends[0].address, &client->address, bytes_of(injections[0].data, injections[0].len));
	pair_run(w, SECONDS(9));
	assert_int_equal(client->seen.failed, 0);
	pair_run(w, SECONDS(2));
	assert_int_equal(client->seen.failed, 1);
	assert_int_equal(client->seen.failure, DTLS_FAILURE_REFUSED);
	assert_int_equal(client->seen.alert, 40);
	pair_world_free(w);
}

/* ---- messages left out or swapped (dtls-fuzzer; Californium CVE-2021-34433, wolfSSL CVE-2026-2645) ---- */

struct surgery {
	uint8_t drop, drop_too; /* handshake types that never leave the client */
	bool drops_ccs;
};

/* Sends the client's records one by one, without those to be dropped. */
static bool operate(struct pair_world *w, struct pair_datagram *datagram, void *context)
{
	const struct surgery *surgery = context;
	struct bytes rest = bytes_of(datagram->data, datagram->len);
	struct dtls_record record;
	if (!address_equal(&datagram->from, &w->ends[1].address))
		return true;
	while (dtls_record_take(&rest, DTLS_CID_BYTES, &record)) {
		bool is_dropped = record.type == DTLS_CONTENT_CHANGE_CIPHER_SPEC && surgery->drops_ccs;
		if (record.type == DTLS_CONTENT_HANDSHAKE && record.epoch == 0)
			is_dropped = record.fragment.data[0] == surgery->drop ||
				     record.fragment.data[0] == surgery->drop_too;
		if (!is_dropped)
			pair_inject(w, &datagram->from, &datagram->to, record.whole);
	}
	return false;
}

static void check_surgery(struct surgery surgery)
{
	struct stage s = set_up(true);
	struct dtls_client_credential certificate = pair_certificate(test_device_certificate, test_device_key);
	s.w->watch = operate;
	s.w->watch_context = &surgery;
	pair_connect(s.client, &certificate);
	pair_run(s.w, SECONDS(130));
	assert_int_equal(s.server->seen.established, 0);
	assert_int_equal(s.server->seen.messages, 0);
	assert_int_equal(dtls_sessions_used(s.server->dtls), 0);
	s.w->watch = NULL;
	s.session = pair_connect(s.client, &certificate);
	pair_run(s.w, 300);
	assert_true(echo_works(&s, "whole again"));
	pair_world_free(s.w);
}

static void a_handshake_with_a_message_left_out_never_becomes_a_session(void **state)
{
	(void)state;
	check_surgery((struct surgery){.drop = 15});                 /* CertificateVerify */
	check_surgery((struct surgery){.drop = 11});                 /* Certificate */
	check_surgery((struct surgery){.drop = 11, .drop_too = 15}); /* both */
	check_surgery((struct surgery){.drop = 16});                 /* ClientKeyExchange */
	check_surgery((struct surgery){.drops_ccs = true});
}

/* ---- against a session ---- */

static void a_record_with_any_byte_changed_is_dropped_and_the_session_lives(void **state)
{
	(void)state;
	for (int uses_cid = 0; uses_cid <= 1; uses_cid++) {
		struct stage s = set_up_session(uses_cid);
		struct pair_datagram record;
		s.w->watch = hold_back;
		s.w->watch_context = &record;
		pair_send(s.client, &s.session, "genuine");
		s.w->watch = NULL;
		for (size_t i = 0; i < record.len; i++) {
			record.data[i] ^= 0x40;
			hear(&s, &s.client->address, bytes_of(record.data, record.len));
			record.data[i] ^= 0x40;
			hear(&s, &s.client->address, bytes_of(record.data, i));
		}
		assert_int_equal(s.server->seen.messages, 0);
		assert_true(dtls_counters(s.server->dtls)->dropped_forged > 0);
		hear(&s, &s.client->address, bytes_of(record.data, record.len));
		assert_int_equal(s.server->seen.messages, 1);
		assert_true(echo_works(&s, "alive"));
		pair_world_free(s.w);
	}
}

/* TLS-Anvil sequenceNumberNotDuplicated. */
static void a_repeated_record_is_heard_once(void **state)
{
	(void)state;
	for (int uses_cid = 0; uses_cid <= 1; uses_cid++) {
		struct stage s = set_up_session(uses_cid);
		s.w->link.repeat_permille = 1000;
		assert_true(pair_send(s.client, &s.session, "once"));
		pair_run(s.w, 100);
		assert_int_equal(s.server->seen.messages, 1);
		assert_int_equal(s.client->seen.messages, 1);
		assert_int_equal(dtls_counters(s.server->dtls)->dropped_replayed, 1);
		pair_world_free(s.w);
	}
}

static void a_forged_record_does_not_move_the_window(void **state)
{
	(void)state;
	struct stage s = set_up_session(false);
	uint8_t forged[40] = {HEADER(23, 1, 0, 27)};
	forged[7] = 0xff; /* a number far ahead */
	hear(&s, &s.client->address, bytes_of(forged, sizeof forged));
	assert_int_equal(dtls_counters(s.server->dtls)->dropped_forged, 1);
	assert_true(echo_works(&s, "still in the window"));
	pair_world_free(s.w);
}

/* A late copy of the ClientHello that made the session must not take a slot. */
static void a_late_copy_of_the_hello_begins_nothing(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct pair_datagram hello = catch_hello(&s, true);
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	pair_run(s.w, 300);
	assert_int_equal(s.server->seen.established, 1);
	hear(&s, &s.client->address, bytes_of(hello.data, hello.len));
	assert_int_equal(dtls_handshakes_used(s.server->dtls), 0);
	assert_int_equal(dtls_counters(s.server->dtls)->dropped_replayed, 1);
	assert_true(echo_works(&s, "alive"));
	pair_world_free(s.w);
}

static void several_records_in_one_datagram_are_all_heard(void **state)
{
	(void)state;
	struct stage s = set_up_session(true);
	struct pair_datagram one, two;
	s.server->echoes = false;
	s.w->watch = hold_back;
	s.w->watch_context = &one;
	pair_send(s.client, &s.session, "one");
	s.w->watch_context = &two;
	pair_send(s.client, &s.session, "two");
	s.w->watch = NULL;
	memcpy(one.data + one.len, two.data, two.len);
	memset(one.data + one.len + two.len, 0xee, 5); /* and something that is no record */
	hear(&s, &s.client->address, bytes_of(one.data, one.len + two.len + 5));
	assert_int_equal(s.server->seen.messages, 2);
	assert_true(pair_heard(s.server, "two"));
	assert_int_equal(dtls_counters(s.server->dtls)->dropped_malformed, 1);
	pair_world_free(s.w);
}

static void a_client_does_not_serve(void **state)
{
	(void)state;
	struct stage s = set_up(true);
	struct pair_datagram hello = catch_hello(&s, false);
	uint64_t sent = s.w->sent;
	struct pair_end *other = pair_end_start(s.w, 2, (struct pair_settings){0});
	pair_inject(s.w, &s.client->address, &other->address, bytes_of(hello.data, hello.len));
	pair_run(s.w, 0);
	assert_int_equal(s.w->sent, sent);
	assert_int_equal(dtls_counters(other->dtls)->dropped_unknown, 1);
	pair_world_free(s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_hellos_leaves_nothing_behind),
		cmocka_unit_test(a_wrong_cookie_is_no_cookie),
		cmocka_unit_test(answers_carry_the_record_number_of_the_hello),
		cmocka_unit_test(a_host_with_many_handshakes_keeps_no_other_out_and_loses_its_own_stalest),
		cmocka_unit_test(when_all_places_are_taken_the_stalest_gives_way),
		cmocka_unit_test(a_full_table_of_handshakes_turns_the_next_one_away_until_there_is_room),
		cmocka_unit_test(a_full_table_of_sessions_does_too),
		cmocka_unit_test(failing_handshakes_give_everything_back),
		cmocka_unit_test(nothing_injected_stops_a_handshake_or_a_session),
		cmocka_unit_test(an_alert_in_the_clear_shortens_the_wait_of_a_client_whom_nobody_answers),
		cmocka_unit_test(a_handshake_with_a_message_left_out_never_becomes_a_session),
		cmocka_unit_test(a_record_with_any_byte_changed_is_dropped_and_the_session_lives),
		cmocka_unit_test(a_repeated_record_is_heard_once),
		cmocka_unit_test(a_forged_record_does_not_move_the_window),
		cmocka_unit_test(a_late_copy_of_the_hello_begins_nothing),
		cmocka_unit_test(several_records_in_one_datagram_are_all_heard),
		cmocka_unit_test(a_client_does_not_serve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
