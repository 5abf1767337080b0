/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_secure.h"

#include "coap/io/udp.h"
#include "dtls/credential_table.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"

#include <stdio.h>
#include <stdlib.h>

#define HANDSHAKES       256
#define DATAGRAMS_A_TURN 64
#define CREDENTIALS_MAX  (1 + CREDENTIALS_PEER_KEYS_MAX)

struct coapd_secure {
	struct coap_udp *udp;
	struct dtls_crypto crypto;
	bool has_crypto;
	struct dtls_credential_table credentials;
	void *credential_memory;
	struct dtls_engine_wolfssl *engine;
	struct dtls *dtls;
	void *memory;
	struct coap_endpoint *endpoint;
	struct coap_loop_watch watch;
	bool is_verbose;
};

/* Without a key for anybody, suites with pre-shared keys are not offered at all. */
static struct dtls_credentials port_of(struct coapd_secure *s, const struct credentials *c)
{
	struct dtls_credentials port = dtls_credential_table_port(&s->credentials);
	s->credentials.certificates_name_themselves = credentials_has_certificate(c);
	if (!credentials_has_psk(c))
		port.find_psk = NULL;
	return port;
}

static const char *open_dtls(
	struct coapd_secure *s, const struct coapd_secure_config *wanted, const struct credentials *c)
{
	struct dtls_engine_wolfssl_config engine = {
		.handshakes = HANDSHAKES, .credentials = port_of(s, c), .own = c->certificate, .crypto = &s->crypto};
	struct dtls_config config = {.sessions = (uint32_t)wanted->sessions,
		.handshakes = HANDSHAKES,
		.handshakes_per_host = HANDSHAKES, /* tests and measurements come from one */
		.accepts = true,
		.uses_cid = true,
		.mtu_bytes = dtls_datagram_max((uint16_t)wanted->mtu),
		.output = coap_udp_port(s->udp)};
	uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = NULL;
	s->has_crypto = dtls_crypto_wolfcrypt_init(&s->crypto);
	if (!s->has_crypto)
		return "no cryptography";
	s->engine = dtls_engine_wolfssl_new(&engine, &reason);
	if (s->engine == NULL)
		return reason;
	config.crypto = s->crypto;
	config.engine = dtls_engine_wolfssl_port(s->engine);
	s->memory = aligned_alloc(64, (dtls_memory(&config) + 63) / 64 * 64);
	if (s->memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return "no memory";
	s->dtls = dtls_init(s->memory, &config, seed);
	return NULL;
}

/* A raw key names itself, by its digest in hexadecimal. */
static void know_raw_key(struct coapd_secure *s, struct bytes digest)
{
	char name[2 * DTLS_RAW_KEY_BYTES];
	struct writer w = writer_of(name, sizeof name);
	write_hex(&w, digest);
	(void)dtls_credential_table_add_raw_key(&s->credentials, digest, writer_bytes(&w), 0);
}

static bool know_key(struct coapd_secure *s, const struct credentials *c)
{
	uint32_t text = CREDENTIALS_MAX * DTLS_CREDENTIAL_TEXT_MAX_BYTES;
	s->credential_memory = malloc(dtls_credential_table_memory(CREDENTIALS_MAX, text));
	if (s->credential_memory == NULL)
		return false;
	dtls_credential_table_init(&s->credentials, s->credential_memory, CREDENTIALS_MAX, text, 0);
	for (unsigned i = 0; i < c->peer_key_count; i++)
		know_raw_key(s, bytes_of(c->peer_keys[i], DTLS_RAW_KEY_BYTES));
	return !credentials_has_psk(c) || dtls_credential_table_add(&s->credentials, c->psk_identity, c->psk_key,
						  c->psk_identity, 0) == DTLS_CREDENTIAL_ADDED;
}

struct coapd_secure *coapd_secure_open(
	const struct coapd_secure_config *config, const struct credentials *credentials, const char **ret_reason)
{
	struct coapd_secure *s = calloc(1, sizeof *s);
	*ret_reason = "no memory";
	if (s == NULL)
		return NULL;
	s->is_verbose = config->is_verbose;
	if (!know_key(s, credentials))
		*ret_reason = "identity or key too long";
	else if (coap_udp_open(&config->local, &s->udp) != 0)
		*ret_reason = "cannot listen there";
	else
		*ret_reason = open_dtls(s, config, credentials);
	if (*ret_reason == NULL)
		return s;
	coapd_secure_close(s);
	return NULL;
}

void coapd_secure_close(struct coapd_secure *s)
{
	if (s == NULL)
		return;
	if (s->dtls != NULL)
		dtls_done(s->dtls);
	if (s->engine != NULL)
		dtls_engine_wolfssl_free(s->engine);
	if (s->has_crypto)
		dtls_crypto_wolfcrypt_done(&s->crypto);
	coap_udp_close(s->udp);
	free(s->memory);
	free(s->credential_memory);
	free(s);
}

static void tell(const struct dtls_event *e)
{
	char address[ADDRESS_TEXT_BYTES + 1] = "";
	struct writer w = writer_of(address, ADDRESS_TEXT_BYTES);
	address_write(&w, &e->remote.address);
	*w.at = '\0';
	switch (e->kind) {
	case DTLS_EVENT_MESSAGE:
		break;
	case DTLS_EVENT_ESTABLISHED:
		(void)fprintf(stderr, "coapd: session with %s, \"%.*s\", by %s\n", address, e->peer->identity_len,
			(const char *)e->peer->identity, dtls_suite_name(e->peer->suite));
		break;
	case DTLS_EVENT_CLOSED:
		(void)fprintf(stderr, "coapd: end of the session with %s: %s\n", address, dtls_closed_text(e->closed));
		break;
	case DTLS_EVENT_FAILED:
		(void)fprintf(stderr, "coapd: no session with %s: %s\n", address, dtls_failure_text(e->failure));
		break;
	}
}

static void handle_events(struct coapd_secure *s, msec now)
{
	struct dtls_event event;
	while (dtls_next(s->dtls, now, &event)) {
		if (s->is_verbose)
			tell(&event);
		if (event.kind == DTLS_EVENT_MESSAGE)
			coap_endpoint_receive(s->endpoint, &event.remote, event.message, now);
		else if (event.kind == DTLS_EVENT_CLOSED)
			coap_endpoint_lost(s->endpoint, &event.remote, now);
	}
}

static void on_readable(void *context, msec now)
{
	struct coapd_secure *s = context;
	struct coap_udp_datagram d;
	for (int i = 0; i < DATAGRAMS_A_TURN && coap_udp_next(s->udp, &d); i++) {
		dtls_receive(s->dtls, &d.from, d.data, d.len, now);
		handle_events(s, now);
	}
}

void coapd_secure_watch(struct coapd_secure *s, struct coap_loop *loop, struct coap_endpoint *endpoint)
{
	s->endpoint = endpoint;
	coap_loop_watch(loop, &s->watch, coap_udp_descriptor(s->udp), s, on_readable);
}

struct coap_transport coapd_secure_transport(struct coapd_secure *s)
{
	return dtls_transport(s->dtls);
}

msec coapd_secure_deadline(const struct coapd_secure *s)
{
	return dtls_deadline(s->dtls);
}

void coapd_secure_tick(struct coapd_secure *s, msec now)
{
	handle_events(s, now);
}

void coapd_secure_flush(struct coapd_secure *s)
{
	coap_udp_flush(s->udp);
}
