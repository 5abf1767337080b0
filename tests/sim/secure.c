/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/secure.h"

#include "dtls/crypto_wolfcrypt.h"

#include <stdio.h>
#include <stdlib.h>

#define SESSIONS   32
#define HANDSHAKES 16

/* ---- DTLS ---- */

static struct bytes key(void)
{
	return bytes_of("sixteen bytes, 1", 16);
}

static bool find_psk(void *context, struct bytes identity, struct dtls_psk *ret_key, struct dtls_principal *ret)
{
	(void)context;
	*ret = (struct dtls_principal){.number = 1};
	ret_key->len = (uint8_t)key().len;
	memcpy(ret_key->data, key().data, key().len);
	return dtls_principal_set_name(ret, identity);
}

static void *take_memory(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (memory == NULL)
		abort();
	return memory;
}

void secure_end_open(
	struct secure_end *e, const struct secure_settings *settings, struct datagram_port output, struct prng *prng)
{
	uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = "no cryptography";
	struct dtls_engine_wolfssl_config engine = {.handshakes = HANDSHAKES, .crypto = &e->crypto};
	if (settings->is_server)
		engine.credentials.find_psk = find_psk;
	e->engine = dtls_crypto_wolfcrypt_init(&e->crypto) ? dtls_engine_wolfssl_new(&engine, &reason) : NULL;
	if (e->engine == NULL) {
		fprintf(stderr, "%s\n", reason);
		abort();
	}
	struct dtls_config config = {.sessions = SESSIONS,
		.handshakes = HANDSHAKES,
		.handshakes_per_host = HANDSHAKES,
		.accepts = settings->is_server,
		.uses_cid = true,
		.trusts_moves = settings->trusts_moves,
		.mtu_bytes = settings->mtu_bytes,
		.crypto = e->crypto,
		.engine = dtls_engine_wolfssl_port(e->engine),
		.output = output};
	prng_fill(prng, seed, sizeof seed);
	e->memory = take_memory(dtls_memory(&config));
	e->dtls = dtls_init(e->memory, &config, seed);
}

void secure_end_close(struct secure_end *e)
{
	dtls_done(e->dtls);
	free(e->memory);
	dtls_engine_wolfssl_free(e->engine);
	dtls_crypto_wolfcrypt_done(&e->crypto);
	*e = (struct secure_end){0};
}

bool secure_end_connect(
	struct secure_end *e, const char *name, const struct address *to, msec now, struct coap_remote *ret)
{
	e->credential = (struct dtls_client_credential){
		.kind = DTLS_CREDENTIAL_PSK, .psk_identity = bytes_of_text(name), .psk_key = key()};
	return dtls_connect(e->dtls, to, &e->credential, now, ret);
}

void secure_end_receive(struct secure_end *e, const struct address *from, struct bytes datagram, msec now)
{
	if (datagram.len > sizeof e->datagram)
		abort();
	bytes_copy(e->datagram, datagram.data, datagram.len);
	dtls_receive(e->dtls, from, e->datagram, datagram.len, now);
}

/* ---- CoAP on it ---- */

static void collect(struct secure_peer *p, msec now)
{
	struct dtls_event event;
	while (dtls_next(p->end.dtls, now, &event)) {
		p->other = event.remote;
		switch (event.kind) {
		case DTLS_EVENT_MESSAGE:
			coap_endpoint_receive(p->endpoint, &event.remote, event.message, now);
			break;
		case DTLS_EVENT_ESTABLISHED:
			p->established++;
			break;
		case DTLS_EVENT_CLOSED:
		case DTLS_EVENT_FAILED:
			p->gone++;
			coap_endpoint_lost(p->endpoint, &event.remote, now);
			break;
		}
	}
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct secure_peer *p = context;
	secure_end_receive(&p->end, from, datagram, now);
	collect(p, now);
}

static msec deadline(void *context)
{
	struct secure_peer *p = context;
	return msec_earlier(coap_endpoint_deadline(p->endpoint), dtls_deadline(p->end.dtls));
}

static void tick(void *context, msec now)
{
	struct secure_peer *p = context;
	collect(p, now);
	coap_endpoint_tick(p->endpoint, now);
}

void secure_peer_join(struct secure_peer *p, struct world *w, uint8_t host, const struct secure_settings *settings,
	const struct coap_endpoint_config *config)
{
	struct coap_endpoint_config own = *config;
	uint8_t seed[PRNG_SEED_BYTES];
	*p = (struct secure_peer){.node = {.address = address_ipv4(192, 0, 2, host, 5684),
					  .context = p,
					  .receive = receive,
					  .deadline = deadline,
					  .tick = tick}};
	world_join(w, &p->node);
	secure_end_open(&p->end, settings, world_port(&p->node), &w->prng);
	own.transport = dtls_transport(p->end.dtls);
	prng_fill(&w->prng, seed, sizeof seed);
	p->memory = take_memory(coap_endpoint_memory(&own));
	p->endpoint = coap_endpoint_init(p->memory, &own, seed);
}

void secure_peer_leave(struct secure_peer *p)
{
	world_leave(p->node.world, &p->node);
	free(p->memory);
	secure_end_close(&p->end);
}

void secure_peer_connect(struct secure_peer *p, const struct secure_peer *server)
{
	if (!secure_end_connect(&p->end, "device", &server->node.address, p->node.world->now, &p->other))
		abort();
}
