/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coap_client.h"

#include "coap/io/multicast.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/engine_wolfssl.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_MEMBERS_MAX 1024
#define DATAGRAMS_A_TURN  1024
#define MESSAGE_MAX_BYTES (64 * 1024 + 512) /* over TCP: blocks of 64 KiB */

/* ---- events ---- */

static void handle_event(struct coap_client *c, const struct dtls_event *event, msec now)
{
	switch (event->kind) {
	case DTLS_EVENT_MESSAGE:
		coap_endpoint_receive(c->endpoint, &event->remote, event->message, now);
		break;
	case DTLS_EVENT_ESTABLISHED:
		c->server = event->remote;
		c->suite = event->peer->suite;
		c->is_connected = true;
		c->gives_up = NEVER;
		coap_client_stop(c);
		break;
	case DTLS_EVENT_CLOSED:
		c->failure = dtls_closed_text(event->closed);
		coap_endpoint_lost(c->endpoint, &event->remote, now);
		coap_client_stop(c);
		break;
	case DTLS_EVENT_FAILED:
		c->failure = dtls_failure_text(event->failure);
		coap_client_stop(c);
		break;
	}
}

static void drain(struct coap_client *c, msec now)
{
	struct dtls_event event;
	while (dtls_next(c->dtls, now, &event))
		handle_event(c, &event, now);
}

static void on_readable(void *context, msec now)
{
	struct coap_client *c = context;
	struct coap_udp_datagram d;
	for (int i = 0; i < DATAGRAMS_A_TURN && coap_udp_next(c->udp, &d); i++) {
		if (c->dtls != NULL) {
			dtls_receive(c->dtls, &d.from, d.data, d.len, now);
			drain(c, now);
		} else {
			struct coap_remote from = {d.from, HANDLE_NONE};
			coap_endpoint_receive(c->endpoint, &from, bytes_of(d.data, d.len), now);
		}
	}
}

static msec deadline(void *context)
{
	struct coap_client *c = context;
	msec at = msec_earlier(coap_endpoint_deadline(c->endpoint), c->gives_up);
	if (c->dtls != NULL)
		at = msec_earlier(at, dtls_deadline(c->dtls));
	return c->deadline == NULL ? at : msec_earlier(at, c->deadline(c->context));
}

static void tick(void *context, msec now)
{
	struct coap_client *c = context;
	if (c->dtls != NULL)
		drain(c, now);
	coap_endpoint_tick(c->endpoint, now);
	if (c->gives_up <= now) {
		c->gives_up = NEVER;
		c->failure = c->tcp != NULL ? "not in the time given" : "no secure session in the time given";
		coap_client_stop(c);
	}
	if (c->tick != NULL)
		c->tick(c->context, now);
}

/* Both that the connection is there, when it is waited for, and that it is no more. */
static void look_at_connection(struct coap_client *c)
{
	bool is_over = coap_connection_is_closing(coap_tcp_connections(c->tcp), c->server.session);
	if (is_over && c->failure == NULL) {
		c->failure =
			coap_tcp_error(c->tcp) != 0 ? strerror(coap_tcp_error(c->tcp)) : "the server has closed it";
		coap_client_stop(c);
	} else if (!c->is_connected && coap_connection_is_ready(coap_tcp_connections(c->tcp), c->server.session)) {
		c->is_connected = true;
		c->gives_up = NEVER;
		coap_client_stop(c);
	}
}

static void flush(void *context)
{
	struct coap_client *c = context;
	coap_udp_flush(c->udp);
	if (c->tcp != NULL) {
		coap_tcp_flush(c->tcp);
		look_at_connection(c);
	}
}

/* ---- life ---- */

static uint16_t link_mtu(const struct coap_client_config *wanted)
{
	return wanted->mtu > 0 ? wanted->mtu : DTLS_LINK_MTU_DEFAULT;
}

static const char *open_dtls(struct coap_client *c, uint16_t mtu)
{
	struct dtls_config config = {.sessions = 1,
		.handshakes = 1,
		.uses_cid = true,
		.mtu_bytes = dtls_datagram_max(mtu),
		.output = coap_udp_port(c->udp)};
	struct dtls_engine_wolfssl_config engine = {.handshakes = 1, .crypto = &c->crypto};
	uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = "no memory";
	if (!dtls_crypto_wolfcrypt_init(&c->crypto))
		return "the cryptography cannot be set up";
	c->has_crypto = true;
	c->engine = dtls_engine_wolfssl_new(&engine, &reason);
	if (c->engine == NULL)
		return reason;
	config.crypto = c->crypto;
	config.engine = dtls_engine_wolfssl_port(c->engine);
	c->dtls_memory = aligned_alloc(64, dtls_memory(&config));
	if (c->dtls_memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return "no memory";
	c->dtls = dtls_init(c->dtls_memory, &config, seed);
	return NULL;
}

static const char *open_tcp(struct coap_client *c)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	config.capacity = 1;
	config.message_size_max = MESSAGE_MAX_BYTES;
	return coap_tcp_new(&c->loop, &config, &c->tcp) < 0 ? "no memory" : NULL;
}

/* A group's members may all have long answers, which are fetched at once. */
static void prepare_for_group(struct coap_endpoint_config *config)
{
	config->capacities.responders = config->capacities.bodies = GROUP_MEMBERS_MAX;
	config->parameters.body_size_max = coap_parameters_default.body_size_max;
}

static const char *open_endpoint(struct coap_client *c, const struct coap_client_config *wanted)
{
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities = {.exchanges = 8192 + 64, /* a download's, and a few */
			.pending = 8192 + 64,
			.duplicates = 16,
			.separate = 1,
			.observers = 1,
			.peers = 1,
			.bodies = 2,
			.qblocks = 1},
		.connections = c->tcp != NULL ? coap_tcp_connections(c->tcp) : NULL,
		.transport = c->dtls != NULL ? dtls_transport(c->dtls) : coap_udp_transport(c->udp),
	};
	uint8_t seed[PRNG_SEED_BYTES];
	config.parameters.block_size = wanted->block_size;
	config.parameters.message_max = dtls_message_max(link_mtu(wanted));
	c->block_size = coap_parameters_block_size(&config.parameters);
	config.parameters.body_size_max = 16 * 1024 * 1024; /* pages come on demand */
	if (wanted->is_group)
		prepare_for_group(&config);
	c->endpoint_memory = aligned_alloc(64, coap_endpoint_memory(&config));
	if (c->endpoint_memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return "no memory";
	c->endpoint = coap_endpoint_init(c->endpoint_memory, &config, seed);
	return NULL;
}

static const char *unusable(enum dtls_credential_kind kind)
{
	switch (kind) {
	case DTLS_CREDENTIAL_PSK:
		return "the pre-shared key cannot be used";
	case DTLS_CREDENTIAL_CERTIFICATE:
		return "the certificate cannot be used";
	case DTLS_CREDENTIAL_RAW_KEY:
		return "the raw key cannot be used";
	}
	return "it cannot be used";
}

static const char *connect_to(struct coap_client *c, const struct coap_client_config *config)
{
	if (!dtls_connect(c->dtls, &config->server, &config->credential, coap_client_now(c), &c->server))
		return unusable(config->credential.kind);
	if (config->session_wait > 0)
		c->gives_up = msec_after(coap_loop_read_clock(), config->session_wait);
	coap_client_run(c);
	return c->is_connected ? NULL : c->failure != NULL ? c->failure : "interrupted";
}

static const char *connect_by_tcp(struct coap_client *c, const struct coap_client_config *config)
{
	coap_tcp_serve(c->tcp, c->endpoint);
	int error = coap_tcp_connect(c->tcp, &config->server, coap_loop_read_clock(), &c->server);
	if (error < 0)
		return strerror(-error);
	if (config->session_wait > 0)
		c->gives_up = msec_after(coap_loop_read_clock(), config->session_wait);
	coap_client_run(c);
	return c->is_connected ? NULL : c->failure != NULL ? c->failure : "interrupted";
}

const char *coap_client_open(struct coap_client *c, const struct coap_client_config *config)
{
	struct coap_loop_user user = {c, deadline, tick, flush};
	struct address local = {.port = 0};
	const char *failure = NULL;
	c->gives_up = NEVER;
	int error = coap_loop_init(&c->loop, &user);
	if (error == 0)
		error = coap_udp_open(&local, &c->udp);
	if (error == 0 && config->interface != 0)
		error = coap_multicast_leave_through(c->udp, config->interface);
	if (error < 0)
		return strerror(-error);
	c->server = (struct coap_remote){config->server, HANDLE_NONE};
	if (config->is_group && !address_is_ipv4(&config->server) && config->server.scope == 0)
		c->server.address.scope = config->interface;
	if (config->is_secure)
		failure = open_dtls(c, link_mtu(config));
	else if (config->is_reliable)
		failure = open_tcp(c);
	if (failure == NULL)
		failure = open_endpoint(c, config);
	if (failure != NULL)
		return failure;
	coap_loop_watch(&c->loop, &c->watch, coap_udp_descriptor(c->udp), c, on_readable);
	if (config->is_reliable)
		return connect_by_tcp(c, config);
	return config->is_secure ? connect_to(c, config) : NULL;
}

void coap_client_close(struct coap_client *c)
{
	if (c->dtls != NULL && c->is_connected) {
		dtls_close(c->dtls, c->server.session, coap_client_now(c));
		coap_udp_flush(c->udp);
	}
	if (c->dtls != NULL)
		dtls_done(c->dtls);
	if (c->engine != NULL)
		dtls_engine_wolfssl_free(c->engine);
	if (c->has_crypto)
		dtls_crypto_wolfcrypt_done(&c->crypto);
	coap_udp_close(c->udp);
	coap_tcp_free(c->tcp);
	coap_loop_done(&c->loop);
	free(c->dtls_memory);
	free(c->endpoint_memory);
	memset(c, 0, sizeof *c);
}

void coap_client_run(struct coap_client *c)
{
	coap_loop_run(&c->loop);
}

void coap_client_stop(struct coap_client *c)
{
	coap_loop_stop(&c->loop);
}

msec coap_client_now(const struct coap_client *c)
{
	return coap_loop_now(&c->loop);
}
