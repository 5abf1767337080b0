/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Own requests on their way to a response: tokens, NSTART, and the wait for a separate response (RFC 7252 sections
 * 4.7, 5.2 and 5.3).
 *
 *      add                        start: a turn is free         acked                       observing
 *   -------> QUEUED ------------------------------> SENT ----------------> ACKED -----------------------> OBSERVING
 *               ^        ready: an earlier one has      |   (ACK, or the response)                             |
 *               |        left its turn                  |                                                      |
 *               +---------------------------------------+--- again: the next block of a body ------------------+
 *
 * Tokens are eight bytes that cannot be guessed, and a response counts only from the remote that was asked (section
 * 5.3.2). A remote with exchanges has a lane: NSTART of them at most are SENT, or as many as its owner says, the others
 * wait in order. A paced exchange takes no turn; its owner limits himself. Waiting without end is excluded: what is
 * ACKED has a deadline. The module moves no messages; its owner does what it says. Storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/prng.h"

#define COAP_EXCHANGE_TOKEN_BYTES 8

enum coap_exchange_phase {
	COAP_EXCHANGE_QUEUED,    /* waits for a turn, or has just been added */
	COAP_EXCHANGE_SENT,      /* neither acknowledged nor answered */
	COAP_EXCHANGE_ACKED,     /* a separate response is expected, until the deadline */
	COAP_EXCHANGE_OBSERVING, /* notifications may come, without a deadline */
};

/* Whom it is with stands in its lane: a server keeps one of these for each observation of a device. */
struct coap_exchange {
	uint64_t token; /* the bytes on the wire, as they lie in memory */
	uint32_t lane;
	uint32_t next, previous; /* all exchanges of the lane */
	uint32_t queue_next;     /* those that wait for a turn */
	uint8_t phase;           /* enum coap_exchange_phase */
	bool is_paced;
	bool is_group; /* whoever answers with its token is right (RFC 7252 section 8.2) */
	bool is_numbered;
	bool is_waiting; /* in the lane's queue */
};

/* A remote with exchanges. */
struct coap_lane {
	struct coap_remote remote; /* with the address of the latest exchange */
	uint32_t members;          /* list of exchanges */
	uint32_t queue_head, queue_tail;
	uint16_t turns; /* exchanges in SENT that took one */
	uint16_t limit; /* how many may: NSTART, or what coap_exchange_limit said */
	uint32_t ready_next;
	bool is_ready;    /* in the list of lanes where somebody can go on */
	bool is_detached; /* not to be found by its remote any more */
};

struct coap_exchanges {
	struct coap_exchange *items;
	struct coap_lane *lanes;
	struct slab slab, lane_slab;
	struct deadlines deadlines;
	struct hash_index tokens, remotes;
	uint32_t nstart, ready_head, ready_tail;
	uint32_t observing; /* how many are in OBSERVING */
	uint64_t secret;
};

size_t coap_exchanges_memory(uint32_t capacity);
void coap_exchanges_init(struct coap_exchanges *t, void *memory, uint32_t capacity, uint32_t nstart, struct prng *prng);

/* A new exchange with a new token. False when the table is full. */
bool coap_exchange_add(struct coap_exchanges *t, const struct coap_remote *remote, bool is_paced, struct prng *prng,
	struct handle *ret);
/* An exchange that observes already, under a token of an earlier life. False when the table is full. */
bool coap_exchange_resume(
	struct coap_exchanges *t, const struct coap_remote *remote, uint64_t token, struct handle *ret);
/* It goes to a group: from now on it is found by its token alone. */
void coap_exchange_to_group(struct coap_exchanges *t, struct handle h);
/* From now on so many exchanges with this remote may be SENT at once, as long as it has any. */
void coap_exchange_limit(struct coap_exchanges *t, const struct coap_remote *remote, uint32_t limit);
/* Puts the exchange off: it is QUEUED, without a place in the queue, and due at this moment. */
void coap_exchange_hold(struct coap_exchanges *t, struct handle h, msec until);
/* Wants to send its request: true when it may now (the phase is then SENT); else it waits for its turn. Without
 * `has_room` for a message in flight it waits in any case. */
bool coap_exchange_start(struct coap_exchanges *t, struct handle h, bool has_room);
/* Takes one waiting exchange whose turn has come; it is SENT now. Remotes take turns. Call until false, or until there
 * is no room for a message in flight. */
bool coap_exchange_ready(struct coap_exchanges *t, struct handle *ret);
/* The request has arrived; the response may come until `deadline`. */
void coap_exchange_acked(struct coap_exchanges *t, struct handle h, msec deadline);
/* The response was a notification: the exchange stays. At `deadline` it is due, and still observing then. */
void coap_exchange_observing(struct coap_exchanges *t, struct handle h, msec deadline);
/* The next request of the same exchange gets a token of its own (RFC 7959 section 2.4). */
void coap_exchange_renew_token(struct coap_exchanges *t, struct handle h, struct prng *prng);
/* From now on the exchange takes no turns, or takes turns as others do; it is QUEUED then. */
void coap_exchange_pace(struct coap_exchanges *t, struct handle h, bool is_paced);

/* ---- several requests of one exchange ---- */

/* The last COAP_EXCHANGE_NUMBER_BYTES of this exchange's token number its requests (RFC 9177 section 6), and any number
 * there finds it. Renewing the token ends that. */
#define COAP_EXCHANGE_NUMBER_BYTES 3
void coap_exchange_number(struct coap_exchanges *t, struct handle h);
struct coap_token coap_exchange_token(const struct coap_exchanges *t, struct handle h, uint32_t number);
uint32_t coap_exchange_token_number(const struct coap_token *token);

void coap_exchange_remove(struct coap_exchanges *t, struct handle h);

bool coap_exchange_find(
	const struct coap_exchanges *t, const struct coap_remote *remote, struct bytes token, struct handle *ret);
/* Whether there is any exchange with this remote. */
bool coap_exchange_has_remote(const struct coap_exchanges *t, const struct coap_remote *remote);
/* Walks through the exchanges with a remote: `cursor` starts as HANDLE_NONE. False at the end. */
bool coap_exchange_walk(const struct coap_exchanges *t, const struct coap_remote *remote, struct handle *cursor);
/* The remote is gone: takes its exchanges out of the way, so that new ones with it stay apart from them. False when
 * there are none. */
bool coap_exchange_detach(struct coap_exchanges *t, const struct coap_remote *remote, struct handle *ret_lane);
/* One of those; the caller removes it and asks again until false. */
bool coap_exchange_find_detached(const struct coap_exchanges *t, struct handle lane, struct handle *ret);
/* The exchange behind a handle; NULL when it has ended. */
const struct coap_exchange *coap_exchange_get(const struct coap_exchanges *t, struct handle h);
/* Whom it is with. The handle must be valid. */
const struct coap_remote *coap_exchange_remote(const struct coap_exchanges *t, struct handle h);

msec coap_exchange_deadline(const struct coap_exchanges *t);
/* Takes one exchange whose deadline has passed. Call until false. */
bool coap_exchange_due(struct coap_exchanges *t, msec now, struct handle *ret);
/* How many exchanges wait for something that must come, observations left out. */
uint32_t coap_exchanges_busy(const struct coap_exchanges *t);
