/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Confirmable messages that still wait for their ACK or RST (RFC 7252 section 4.2).
 *
 * Each is sent again after a timeout that starts at random between ACK_TIMEOUT and ACK_TIMEOUT times ACK_RANDOM_FACTOR
 * and doubles every time, until the peer settles it or it has been sent MAX_RETRANSMIT + 1 times and the last timeout
 * has passed too. The table neither sends nor reads a clock: its owner sends what it adds, and asks what is due.
 * What the message was for is the owner's `kind` and `owner`, given back when it settles. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/transport.h"
#include "coap/base/deadline.h"
#include "coap/base/prng.h"
#include "coap/base/slab.h"

/* Largest message kept and sent: 1024 bytes of payload and room for header, token and options (RFC 7252 section 4.6
 * asks to stay within 1152; requests with long paths may need a little more). */
#define COAP_DATAGRAM_MAX_BYTES 1280
#define COAP_MESSAGE_MAX_LEAST  448 /* what an endpoint must be able to send: the longest options, and some payload */

/* How often and how patiently one message is sent. */
struct coap_patience {
	msec ack_timeout;
	uint16_t ack_random_permille; /* at least 1000 */
	uint8_t max_retransmit;       /* 0 sends once and waits one timeout */
	uint16_t backoff_permille;    /* by how much the timeout grows each time; 0 doubles it */
	bool is_fixed;                /* the caller's own wish, not to be changed by what was measured */
};

/* What follows from it (RFC 7252 section 4.8.2). */
#define COAP_MAX_LATENCY SECONDS(100)
msec coap_max_transmit_span(const struct coap_patience *p); /* first to last transmission, 45 s by default */
msec coap_max_transmit_wait(const struct coap_patience *p); /* first transmission to giving up, 93 s */
msec coap_exchange_lifetime(const struct coap_patience *p); /* a confirmable message's ID may return after it, 247 s */
msec coap_non_lifetime(const struct coap_patience *p);      /* the same of a non-confirmable one, 145 s */

struct coap_pending {
	struct coap_remote remote;
	struct handle owner;
	msec timeout; /* the span that is running */
	uint16_t id;  /* Message-ID */
	uint16_t len;
	uint8_t kind; /* what `owner` is a handle of */
	uint8_t sent; /* transmissions so far, at least 1 */
	uint8_t max_retransmit;
	uint16_t backoff_permille;
	msec began; /* the first transmission */
	uint8_t datagram[COAP_DATAGRAM_MAX_BYTES];
};

struct coap_retransmit {
	struct coap_pending *items;
	struct slab slab;
	struct deadlines deadlines;
	struct hash_index index; /* by remote and Message-ID */
	uint64_t secret;
};

enum coap_due {
	COAP_DUE_NOTHING,
	COAP_DUE_AGAIN,    /* to be sent again now */
	COAP_DUE_GIVEN_UP, /* nobody answered; it has left the table */
};

size_t coap_retransmit_memory(uint32_t capacity);
void coap_retransmit_init(struct coap_retransmit *t, void *memory, uint32_t capacity, struct prng *prng);

/* Keeps a copy of `datagram`, at most COAP_DATAGRAM_MAX_BYTES, which the caller sends now. False when full. */
bool coap_retransmit_add(struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id, uint8_t kind,
	struct handle owner, const struct coap_patience *patience, struct bytes datagram, struct prng *prng, msec now,
	struct handle *ret);
/* An ACK or RST has come: takes the message out and says what it was for. False when there is no such message. What
 * is returned is valid until the next add. */
bool coap_retransmit_settle(
	struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id, const struct coap_pending **ret);
/* Stops sending it. A handle whose message has left the table is ignored. */
void coap_retransmit_remove(struct coap_retransmit *t, struct handle h);
/* Puts a newer message in the place of one that was due AGAIN; its count of transmissions and its timer run on
 * (RFC 7641 section 4.5.2). */
void coap_retransmit_replace(struct coap_retransmit *t, struct handle h, uint16_t id, struct bytes datagram);

msec coap_retransmit_deadline(const struct coap_retransmit *t);
/* Takes one due message. Call until COAP_DUE_NOTHING. What is returned is valid until the next add. */
enum coap_due coap_retransmit_due(
	struct coap_retransmit *t, msec now, struct handle *ret_handle, const struct coap_pending **ret);

/* Whether a message with this Message-ID is in flight to anybody. It looks at all of them. */
bool coap_retransmit_has_id(const struct coap_retransmit *t, uint16_t id);
/* The message behind a handle; NULL when it has left the table. */
const struct coap_pending *coap_retransmit_get(const struct coap_retransmit *t, struct handle h);
uint32_t coap_retransmit_count(const struct coap_retransmit *t);
