/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of running handshakes: at most one with an address, found by it, with the two moments that matter: when the
 * last flight is to be sent again, and when patience ends. The slot's number is also the engine's.
 *
 * A place here is what a peer with a true address can take from others, by beginning handshakes and never going on. So
 * the table also knows how many run with one host, whatever the port, and which has been left waiting longest. A host
 * is an IPv4 address, or the first 64 bits of an IPv6 address, which is what one subscriber has of those. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/deadline.h"
#include "coap/base/slab.h"

struct dtls_handshake {
	struct address address;
	struct handle session;  /* reserved for the result */
	msec interval;          /* of the retransmission timer, now */
	msec retransmit, limit; /* when the timer runs out; when the handshake must have ended */
	msec heard, sent;       /* when the peer last led it on, and when something was last sent */
	uint32_t older, newer;  /* by `heard`: slot + 1, 0 ends */
	uint32_t hello;         /* a hash of the ClientHello's random (server) */
	uint32_t next;          /* in its bucket, that of its host: slot + 1, 0 ends */
	bool is_client;
	bool saw_protected;   /* a protected record came, but it did not finish the handshake: the keys differ */
	uint16_t next_flight; /* the first message of a new flight has at least this sequence number */
	uint8_t alert;        /* what an unauthenticated alert has said; 0 for none */
	bool was_refused;     /* by such an alert */
};

struct dtls_handshakes {
	struct dtls_handshake *handshakes;
	uint32_t *buckets;
	uint32_t bucket_count;   /* a power of two */
	uint32_t oldest, newest; /* by `heard` */
	uint64_t seed;
	struct slab slab;
	struct deadlines deadlines;
};

size_t dtls_handshakes_memory(uint32_t capacity);
/* `memory` must be aligned to 8 and stays the owner's. */
void dtls_handshakes_init(struct dtls_handshakes *t, void *memory, uint32_t capacity, uint64_t seed);

/* A handshake with an address that has none. NULL when the table is full. Its deadline is not armed yet. */
struct dtls_handshake *dtls_handshake_add(struct dtls_handshakes *t, const struct address *address, msec now);
void dtls_handshake_remove(struct dtls_handshakes *t, struct dtls_handshake *h);

/* NULL when there is none. */
struct dtls_handshake *dtls_handshake_find(const struct dtls_handshakes *t, const struct address *address);
/* The peer has led it on. */
void dtls_handshake_heard(struct dtls_handshakes *t, struct dtls_handshake *h, msec now);
/* How many run as server with the host of this address, and the one of them not heard from for longest, or NULL. */
uint32_t dtls_handshakes_of_host(
	const struct dtls_handshakes *t, const struct address *address, struct dtls_handshake **ret_stalest);
/* The same of all; NULL when none runs as server. */
struct dtls_handshake *dtls_handshakes_stalest(const struct dtls_handshakes *t);
bool dtls_handshakes_are_full(const struct dtls_handshakes *t);
uint32_t dtls_handshake_slot(const struct dtls_handshakes *t, const struct dtls_handshake *h);

/* To be called after `retransmit` or `limit` has been changed. */
void dtls_handshake_arm(struct dtls_handshakes *t, const struct dtls_handshake *h);
msec dtls_handshakes_deadline(const struct dtls_handshakes *t);
/* Takes one that is due; NULL when none is. It is not armed afterwards. */
struct dtls_handshake *dtls_handshake_due(struct dtls_handshakes *t, msec now);
/* Any of those that run; NULL when none does. */
struct dtls_handshake *dtls_handshake_any(const struct dtls_handshakes *t);
