/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A small world for tests of DTLS: ends with a real engine each, joined by a link that loses, repeats and reorders
 * datagrams by chance from one seed, in virtual time. */
#pragma once

#include "dtls/credential_table.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"

#define PAIR_DATAGRAM_MAX  2048
#define PAIR_IN_FLIGHT_MAX 1024
#define PAIR_ENDS_MAX      6

struct pair_datagram {
	bool is_used;
	msec at;
	uint64_t order;
	struct address from, to;
	size_t len;
	uint8_t data[PAIR_DATAGRAM_MAX];
};

struct pair_link {
	uint32_t loss_permille, repeat_permille;
	msec delay_min, delay_max; /* a spread reorders */
	int lose_number;           /* this datagram, counted from 1, is lost; 0: none */
};

/* What an end has been told. */
struct pair_seen {
	uint32_t established, messages, closed, failed;
	struct coap_remote remote; /* of the last event */
	struct dtls_engine_result peer;
	enum dtls_failure failure;
	enum dtls_closed why_closed;
	uint8_t alert;
	size_t message_len;
	uint8_t message[PAIR_DATAGRAM_MAX];
};

struct pair_world;

struct pair_end {
	struct pair_world *world;
	struct address address;
	bool exists, echoes;
	struct dtls_crypto crypto;
	struct dtls_engine_wolfssl *engine;
	struct dtls_credential_table table;
	uint64_t credentials[512];
	void *memory;
	struct dtls *dtls;
	struct pair_seen seen;
};

struct pair_world {
	msec now;
	struct prng chance;
	struct pair_link link;
	uint64_t sent, sent_bytes;
	uint64_t order; /* of the next datagram in flight */
	struct pair_datagram in_flight[PAIR_IN_FLIGHT_MAX];
	struct pair_end ends[PAIR_ENDS_MAX];
	/* Sees each datagram before the link does; false: the link never gets it. May be NULL. */
	bool (*watch)(struct pair_world *w, struct pair_datagram *datagram, void *context);
	void *watch_context;
};

struct pair_world *pair_world_new(uint64_t seed);
void pair_world_free(struct pair_world *w);

struct pair_settings {
	bool is_server, uses_cid, has_certificate, has_raw_key;
	uint32_t sessions, handshakes; /* 8 when 0 */
	uint16_t mtu_bytes;            /* 0: the usual */
	msec idle_limit, handshake_limit;
	const uint8_t *cid_key; /* NULL: drawn */
};

struct pair_end *pair_end_start(struct pair_world *w, int number, struct pair_settings settings);
/* As if the power failed: everything is forgotten and nothing sent. */
void pair_end_stop(struct pair_end *e);

/* The server's address is that of end 0. */
struct coap_remote pair_connect(struct pair_end *client, const struct dtls_client_credential *credential);
bool pair_send(struct pair_end *e, const struct coap_remote *to, const char *text);
void pair_inject(struct pair_world *w, const struct address *from, const struct address *to, struct bytes datagram);
/* The same, but it takes the link's shortest time. */
void pair_forward(struct pair_world *w, const struct address *from, const struct address *to, struct bytes datagram);
void pair_run(struct pair_world *w, msec span);

/* Identity "device-7", whose key every server of this world knows, to any suite. */
struct dtls_client_credential pair_psk(void);
struct dtls_client_credential pair_certificate(const char *certificate, const char *key);
/* That key as a raw public key, for a server with test_server_key as its own. Every server of this world knows the one
 * of test_device_key. */
struct dtls_client_credential pair_raw_key(const char *key);

bool pair_heard(const struct pair_end *e, const char *text);
