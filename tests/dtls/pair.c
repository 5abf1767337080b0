/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/dtls/pair.h"

#include "dtls/crypto_wolfcrypt.h"
#include "dtls/raw_key_wolfssl.h"
#include "tests/base/hex.h"
#include "tests/dtls/certificates.h"

#include <stdio.h>
#include <stdlib.h>

#define DEVICE_7_KEY "sesame-sesame-se"

struct pair_world *pair_world_new(uint64_t seed)
{
	struct pair_world *w = calloc(1, sizeof *w);
	if (w == NULL)
		abort();
	prng_init_number(&w->chance, seed);
	w->now = SECONDS(1000);
	w->link = (struct pair_link){.delay_min = 10, .delay_max = 10};
	return w;
}

void pair_world_free(struct pair_world *w)
{
	for (int i = 0; i < PAIR_ENDS_MAX; i++)
		pair_end_stop(&w->ends[i]);
	free(w);
}

/* ---- the link ---- */

static void put_in_flight(struct pair_world *w, const struct pair_datagram *datagram, msec at)
{
	for (int i = 0; i < PAIR_IN_FLIGHT_MAX; i++) {
		if (w->in_flight[i].is_used)
			continue;
		w->in_flight[i] = *datagram;
		w->in_flight[i].is_used = true;
		w->in_flight[i].at = at;
		w->in_flight[i].order = w->order++;
		return;
	}
	fprintf(stderr, "the link is full\n");
	abort();
}

static msec some_delay(struct pair_world *w)
{
	msec spread = w->link.delay_max - w->link.delay_min;
	return w->link.delay_min + prng_below(&w->chance, (uint32_t)spread + 1);
}

static void give_to_link(struct pair_world *w, const struct pair_datagram *datagram)
{
	w->sent++;
	w->sent_bytes += datagram->len;
	if (w->sent == (uint64_t)w->link.lose_number || prng_below(&w->chance, 1000) < w->link.loss_permille)
		return;
	put_in_flight(w, datagram, w->now + some_delay(w));
	if (prng_below(&w->chance, 1000) < w->link.repeat_permille)
		put_in_flight(w, datagram, w->now + some_delay(w));
}

static bool send_datagram(void *context, const struct address *to, struct bytes bytes)
{
	struct pair_end *e = context;
	struct pair_datagram datagram = {.from = e->address, .to = *to, .len = bytes.len};
	if (bytes.len > sizeof datagram.data)
		abort();
	memcpy(datagram.data, bytes.data, bytes.len);
	if (e->world->watch == NULL || e->world->watch(e->world, &datagram, e->world->watch_context))
		give_to_link(e->world, &datagram);
	return true;
}

static void inject_at(
	struct pair_world *w, const struct address *from, const struct address *to, struct bytes bytes, msec at)
{
	struct pair_datagram datagram = {.from = *from, .to = *to, .len = bytes.len};
	if (bytes.len > 0)
		memcpy(datagram.data, bytes.data, bytes.len);
	put_in_flight(w, &datagram, at);
}

void pair_inject(struct pair_world *w, const struct address *from, const struct address *to, struct bytes bytes)
{
	inject_at(w, from, to, bytes, w->now);
}

void pair_forward(struct pair_world *w, const struct address *from, const struct address *to, struct bytes bytes)
{
	inject_at(w, from, to, bytes, w->now + w->link.delay_min);
}

/* ---- the ends ---- */

static void remember(struct pair_end *e, const struct dtls_event *event)
{
	struct pair_seen *seen = &e->seen;
	seen->remote = event->remote;
	switch (event->kind) {
	case DTLS_EVENT_MESSAGE:
		seen->messages++;
		seen->message_len = event->message.len;
		memcpy(seen->message, event->message.data, event->message.len);
		return;
	case DTLS_EVENT_ESTABLISHED:
		seen->established++;
		seen->peer = *event->peer;
		return;
	case DTLS_EVENT_CLOSED:
		seen->closed++;
		seen->why_closed = event->closed;
		seen->alert = event->alert;
		return;
	case DTLS_EVENT_FAILED:
		seen->failed++;
		seen->failure = event->failure;
		seen->alert = event->alert;
		return;
	}
}

static void collect(struct pair_end *e)
{
	struct dtls_event event;
	while (dtls_next(e->dtls, e->world->now, &event)) {
		remember(e, &event);
		if (e->echoes && event.kind == DTLS_EVENT_MESSAGE)
			dtls_send(e->dtls, &event.remote, event.message, e->world->now);
	}
}

static void deliver(struct pair_world *w, struct pair_datagram *datagram)
{
	datagram->is_used = false;
	for (int i = 0; i < PAIR_ENDS_MAX; i++) {
		struct pair_end *e = &w->ends[i];
		if (!e->exists || !address_equal(&e->address, &datagram->to))
			continue;
		uint8_t *copy = (uint8_t *)(uintptr_t)exact_copy(bytes_of(datagram->data, datagram->len)).data;
		dtls_receive(e->dtls, &datagram->from, copy, datagram->len, w->now);
		collect(e);
		free(copy);
		return;
	}
}

static struct pair_datagram *next_arrival(struct pair_world *w)
{
	struct pair_datagram *first = NULL;
	for (int i = 0; i < PAIR_IN_FLIGHT_MAX; i++) {
		struct pair_datagram *one = &w->in_flight[i];
		if (one->is_used &&
			(first == NULL || one->at < first->at || (one->at == first->at && one->order < first->order)))
			first = one;
	}
	return first;
}

static struct pair_end *next_due(struct pair_world *w)
{
	struct pair_end *first = NULL;
	for (int i = 0; i < PAIR_ENDS_MAX; i++) {
		struct pair_end *e = &w->ends[i];
		if (e->exists && (first == NULL || dtls_deadline(e->dtls) < dtls_deadline(first->dtls)))
			first = e;
	}
	return first;
}

void pair_run(struct pair_world *w, msec span)
{
	msec end = w->now + span;
	for (;;) {
		struct pair_datagram *arrival = next_arrival(w);
		struct pair_end *due = next_due(w);
		msec arrives = arrival == NULL ? NEVER : arrival->at,
		     deadline = due == NULL ? NEVER : dtls_deadline(due->dtls);
		msec next = msec_earlier(arrives, deadline);
		if (next > end)
			break;
		if (next > w->now)
			w->now = next;
		if (arrives <= deadline)
			deliver(w, arrival);
		else
			collect(due);
	}
	w->now = end;
}

/* The digest of the raw public key that belongs to a private one. */
static struct bytes digest_of(const char *key, uint8_t room[DTLS_RAW_KEY_BYTES])
{
	uint8_t info[RAW_KEY_INFO_MAX_BYTES];
	if (!raw_key_digest(raw_key_info(bytes_of_text(key), info), room))
		abort();
	return bytes_of(room, DTLS_RAW_KEY_BYTES);
}

static void fill_table(struct pair_end *e)
{
	uint32_t text = 8 * DTLS_CREDENTIAL_TEXT_MAX_BYTES;
	if (dtls_credential_table_memory(8, text) > sizeof e->credentials)
		abort();
	dtls_credential_table_init(&e->table, e->credentials, 8, text, 1);
	dtls_credential_table_add(&e->table, bytes_of_text("device-7"), bytes_of_text(DEVICE_7_KEY),
		bytes_of_text("urn:dev:ops:32473-device-7"), 7);
	dtls_credential_table_add(&e->table, bytes_of_text("urn:dev:ops:32473-device-7"), BYTES_NONE,
		bytes_of_text("urn:dev:ops:32473-device-7"), 7);
	dtls_credential_table_add(&e->table, bytes_of_text("device-8"), BYTES_NONE, bytes_of_text("endpoint 8"), 8);
	uint8_t digest[DTLS_RAW_KEY_BYTES];
	dtls_credential_table_add_raw_key(
		&e->table, digest_of(test_device_key, digest), bytes_of_text("urn:dev:ops:32473-device-7"), 7);
}

struct pair_end *pair_end_start(struct pair_world *w, int number, struct pair_settings settings)
{
	struct pair_end *e = &w->ends[number];
	const char *reason;
	*e = (struct pair_end){.world = w, .exists = true, .echoes = settings.is_server};
	e->address = address_ipv4(192, 0, 2, (uint8_t)(1 + number), 5684);
	if (!dtls_crypto_wolfcrypt_init(&e->crypto))
		abort();
	fill_table(e);
	uint32_t handshakes = settings.handshakes != 0 ? settings.handshakes : 8;
	struct dtls_engine_wolfssl_config engine = {.handshakes = handshakes, .crypto = &e->crypto};
	if (settings.is_server)
		engine.credentials = dtls_credential_table_port(&e->table);
	if (settings.is_server && settings.has_certificate)
		engine.own = (struct dtls_own_certificate){.chain_pem = bytes_of_text(test_server_certificate),
			.key_pem = bytes_of_text(test_server_key),
			.anchors_pem = bytes_of_text(test_ca_certificate)};
	if (settings.is_server && settings.has_raw_key)
		engine.own.raw_key_pem = bytes_of_text(test_server_key);
	e->engine = dtls_engine_wolfssl_new(&engine, &reason);
	if (e->engine == NULL) {
		fprintf(stderr, "%s\n", reason);
		abort();
	}
	struct dtls_config config = {.sessions = settings.sessions != 0 ? settings.sessions : 8,
		.handshakes = handshakes,
		.accepts = settings.is_server,
		.uses_cid = settings.uses_cid,
		.mtu_bytes = settings.mtu_bytes,
		.cid_key = settings.cid_key,
		.idle_limit = settings.idle_limit,
		.handshake_limit = settings.handshake_limit,
		.crypto = e->crypto,
		.engine = dtls_engine_wolfssl_port(e->engine),
		.output = {e, send_datagram}};
	uint8_t seed[PRNG_SEED_BYTES];
	prng_fill(&w->chance, seed, sizeof seed);
	e->memory = aligned_alloc(64, (dtls_memory(&config) + 63) / 64 * 64);
	if (e->memory == NULL)
		abort();
	e->dtls = dtls_init(e->memory, &config, seed);
	return e;
}

void pair_end_stop(struct pair_end *e)
{
	if (!e->exists)
		return;
	dtls_done(e->dtls);
	free(e->memory);
	dtls_engine_wolfssl_free(e->engine);
	dtls_crypto_wolfcrypt_done(&e->crypto);
	e->exists = false;
}

struct coap_remote pair_connect(struct pair_end *client, const struct dtls_client_credential *credential)
{
	struct coap_remote remote = {0};
	dtls_connect(client->dtls, &client->world->ends[0].address, credential, client->world->now, &remote);
	return remote;
}

bool pair_send(struct pair_end *e, const struct coap_remote *to, const char *text)
{
	return dtls_send(e->dtls, to, bytes_of_text(text), e->world->now);
}

struct dtls_client_credential pair_psk(void)
{
	return (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_PSK,
		.psk_identity = bytes_of_text("device-7"),
		.psk_key = bytes_of_text(DEVICE_7_KEY)};
}

struct dtls_client_credential pair_certificate(const char *certificate, const char *key)
{
	return (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_CERTIFICATE,
		.certificate = {.chain_pem = bytes_of_text(certificate),
			.key_pem = bytes_of_text(key),
			.anchors_pem = bytes_of_text(test_ca_certificate)},
		.server_name = bytes_of_text("server.test")};
}

struct dtls_client_credential pair_raw_key(const char *key)
{
	static uint8_t digest[DTLS_RAW_KEY_BYTES];
	return (struct dtls_client_credential){.kind = DTLS_CREDENTIAL_RAW_KEY,
		.certificate.raw_key_pem = bytes_of_text(key),
		.server_raw_key = digest_of(test_server_key, digest)};
}

bool pair_heard(const struct pair_end *e, const char *text)
{
	return bytes_equal_text(bytes_of(e->seen.message, e->seen.message_len), text);
}
