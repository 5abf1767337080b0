/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Real DTLS in the virtual world, by pre-shared keys: everybody has the same key, and is who he says.
 *
 * A secure peer is a CoAP endpoint on it (as tests/sim/peer.h is on plain UDP), client or server. A node that changes
 * its `node.address` while it runs is what others see when a NAT gives its device another port. */
#pragma once

#include "coap/endpoint.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"
#include "tests/sim/world.h"

#define SECURE_DATAGRAM_MAX_BYTES 2048

struct secure_end {
	struct dtls_crypto crypto;
	struct dtls_engine_wolfssl *engine;
	void *memory;
	struct dtls *dtls;
	struct dtls_client_credential credential; /* of the latest handshake begun */
	uint8_t datagram[SECURE_DATAGRAM_MAX_BYTES];
};

struct secure_settings {
	bool is_server, trusts_moves;
	uint16_t mtu_bytes; /* 0: the usual */
};

void secure_end_open(
	struct secure_end *e, const struct secure_settings *settings, struct datagram_port output, struct prng *prng);
void secure_end_close(struct secure_end *e);
/* As client of this name, which must stay until the handshake has ended. */
bool secure_end_connect(
	struct secure_end *e, const char *name, const struct address *to, msec now, struct coap_remote *ret);
/* Borrows the datagram; dtls_next is to be called afterwards. */
void secure_end_receive(struct secure_end *e, const struct address *from, struct bytes datagram, msec now);

struct secure_peer {
	struct world_node node;
	struct secure_end end;
	struct coap_endpoint *endpoint;
	void *memory;
	struct coap_remote other; /* with whom it spoke last */
	unsigned established, gone;
};

/* Joins as 192.0.2.`host`, port 5684. `transport` is filled in. */
void secure_peer_join(struct secure_peer *p, struct world *w, uint8_t host, const struct secure_settings *settings,
	const struct coap_endpoint_config *config);
void secure_peer_leave(struct secure_peer *p);
/* Begins a handshake; the session is `other`. */
void secure_peer_connect(struct secure_peer *p, const struct secure_peer *server);
