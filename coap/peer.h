/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is known of the paths to the peers that we send requests and confirmable messages to: how long answers take, how
 * many messages may wait for one at once, and the transmission parameters that were set for one of them (RFC 7252
 * sections 4.2, 4.7 and 4.8; the arithmetic of RFC 6298 in the way of draft-ietf-core-cocoa).
 *
 * - The timeout follows two estimators. The strong one takes the round trips of messages that were sent once, the weak
 *   one those that were sent up to three times, counted from the first, because nobody can say which was answered. The
 *   weak one counts for a quarter and with its deviation once instead of four times, so that a few losses do not make
 *   the timeout long for good.
 * - Without a measurement the parameters hold as they are. What was measured wears off when nothing has been measured
 *   for a while: short timeouts double, long ones come back halfway to ACK_TIMEOUT.
 * - The backoff varies: a short timeout grows by three, so that it does not spend all its attempts on one bad moment; a
 *   long one by one and a half. However that may be, a message is never sent over a longer time than MAX_TRANSMIT_SPAN;
 *   Message-IDs rely on it.
 * - More than one message waits at once only as a window grows that begins at one, by one for each message that is
 *   answered at once, up to NSTART; a loss halves it, a message given up closes it (RFC 8085 section 3.1).
 * - A non-confirmable message that nobody has answered counts against PROBING_RATE.
 *
 * Peers are found by one look in a hash; when the table is full the one that was least recently needed leaves, unless
 * parameters were set for it. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/retransmit.h"
#include "coap/transport.h"

/* RFC 7252 section 4.8, toward one peer. */
struct coap_transmission {
	msec ack_timeout;                  /* of the first transmission, before anything is measured; 2 s */
	msec ack_timeout_min;              /* and not below this when it is; 200 ms */
	uint16_t ack_random_permille;      /* 1500 */
	uint8_t max_retransmit;            /* 4 */
	uint8_t nstart;                    /* how far the window may grow; 1 */
	uint32_t probing_bytes_per_second; /* PROBING_RATE, 1; 0 for no limit */
};

extern const struct coap_transmission coap_transmission_default;

struct coap_peer {
	struct coap_remote remote;
	uint32_t older, newer;
	bool is_set; /* `transmission` is its own, not the table's */
	struct coap_transmission transmission;
	int64_t strong_us, strong_variation_us; /* RFC 6298; 0 until measured */
	int64_t weak_us, weak_variation_us;
	int64_t timeout_us; /* 0 until measured */
	msec measured_at;
	uint32_t window;  /* messages */
	msec quiet_until; /* PROBING_RATE is used up until then */
};

struct coap_peers {
	struct coap_peer *items;
	struct slab slab;
	struct hash_index index;
	struct coap_transmission transmission; /* of those that have none of their own */
	uint32_t oldest, newest;
	uint64_t secret;
};

size_t coap_peers_memory(uint32_t capacity);
/* A capacity of 0 is allowed: then nothing is known of anybody. `secret` makes the hash hard to guess. */
void coap_peers_init(struct coap_peers *t, void *memory, uint32_t capacity,
	const struct coap_transmission *transmission, uint64_t secret);

/* NULL when nothing is known of this peer. */
struct coap_peer *coap_peer_find(const struct coap_peers *t, const struct coap_remote *remote);
/* Sets the parameters of one peer, or with NULL takes them back. False when there is no room. */
bool coap_peer_set(
	struct coap_peers *t, const struct coap_remote *remote, const struct coap_transmission *transmission);
/* The association is gone. */
void coap_peer_forget(struct coap_peers *t, const struct coap_remote *remote);

/* ---- what happened ---- */

/* A message that was sent `transmissions` times was answered `round_trip` after the first. */
void coap_peer_answered(
	struct coap_peers *t, const struct coap_remote *remote, msec round_trip, uint32_t transmissions, msec now);
/* A message had to be sent again. */
void coap_peer_lost(struct coap_peers *t, const struct coap_remote *remote);
/* A message was given up, confirmable or not, of `len` bytes and begun at `began`. */
void coap_peer_silent(
	struct coap_peers *t, const struct coap_remote *remote, bool is_confirmable, size_t len, msec began);

/* ---- what follows ---- */

/* How patiently a message to this peer is sent now. */
struct coap_patience coap_peer_patience(const struct coap_peers *t, const struct coap_remote *remote, msec now);
/* How many messages may wait for an answer at once. */
uint32_t coap_peer_window(const struct coap_peers *t, const struct coap_remote *remote);
/* When a non-confirmable message may be sent to this peer; in the past when at once. */
msec coap_peer_quiet_until(const struct coap_peers *t, const struct coap_remote *remote);
