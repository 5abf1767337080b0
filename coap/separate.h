/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers that are owed: requests whose handler needs time (RFC 7252 section 5.2.2).
 *
 *     reserve, owe     answered within COAP_ACK_DELAY: piggybacked, removed
 *     ----------> OWED ------------------------------------------------------------->
 *                   | due: the empty ACK is sent                answered      settled, or given up
 *                   +--------------------------> PROMISED ----------> SENT ------------------->
 *
 * The ACK is held back a little, because an answer that is quick after all then needs two messages instead of four.
 * A request that comes again meanwhile is recognised here, safe or not, and gets the empty ACK again (section 4.5). An
 * answer that the application never gives is given up after EXCHANGE_LIFETIME. Storage is the caller's. */
#pragma once

#include "coap/block.h"
#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/prng.h"

/* Well below ACK_TIMEOUT, and longer than a disk takes to make a transaction durable. */
#define COAP_ACK_DELAY ((msec)250)

/* What the response to a request needs to know of the request. */
struct coap_origin {
	struct coap_remote remote;
	struct coap_token token;
	enum coap_code method;
	uint16_t id; /* Message-ID */
	bool is_confirmable;
	bool is_group; /* it was sent to a multicast address */
	bool is_acked; /* its ACK has left already, so the response travels alone */
	bool has_block1, has_block2;
	bool uses_qblock;    /* the block options are Q-Block1 and Q-Block2 (RFC 9177) */
	bool is_part;        /* of a streamed body, with more to come: success is then 2.31 */
	uint8_t no_response; /* RFC 7967 */
	struct coap_block block1, block2;
	uint32_t allowance;  /* how many bytes all answers may have (coap/amplification.h); 0: any number */
	msec echo_age;       /* how long ago, at most, its Echo was made; NEVER without a good one */
	uint32_t resource;   /* element of the application's table */
	uint64_t transfer;   /* key of the body (coap/body.h) */
	uint64_t tagless;    /* the same without the Request-Tag, of requests by Q-Block */
	struct handle dedup; /* where the reply is remembered, or HANDLE_NONE */
	struct handle observer;
};

enum coap_separate_state {
	COAP_SEPARATE_OWED,
	COAP_SEPARATE_PROMISED,
	COAP_SEPARATE_SENT,
};

struct coap_separate {
	struct coap_origin origin;
	enum coap_separate_state state;
	bool is_indexed;
	struct handle pending; /* the confirmable response in flight */
	msec expires;
};

struct coap_separates {
	struct coap_separate *items;
	struct slab slab;
	struct deadlines deadlines;
	struct hash_index ids, remotes;
	struct handle reserved; /* the place of the request being handled, or of the next; HANDLE_NONE for none */
	uint64_t secret;
};

size_t coap_separates_memory(uint32_t capacity);
void coap_separates_init(struct coap_separates *s, void *memory, uint32_t capacity, struct prng *prng);

/* A place for an answer that may have to wait, before the handler is asked; the caller fills in `origin`. There is one
 * at a time, which serves request after request until one is owed an answer. NULL when full. */
struct coap_separate *coap_separate_reserve(struct coap_separates *s, struct handle *ret);
/* The request has been handled: unless its answer is owed, the handle of its place is no longer known. */
void coap_separate_release(struct coap_separates *s);
/* The handler has said that it will answer later: the ACK is due after its delay, `lifetime` bounds the wait, and
 * repetitions of the request are recognised from now on. */
void coap_separate_owe(struct coap_separates *s, struct handle h, msec lifetime, msec now);
/* The empty ACK has left. */
void coap_separate_promised(struct coap_separates *s, struct handle h);
/* The response has left as a confirmable message of its own. */
void coap_separate_sent(struct coap_separates *s, struct handle h, struct handle pending);
/* Ignores a handle that is no longer known. */
void coap_separate_remove(struct coap_separates *s, struct handle h);

/* Whether an answer to the request with this Message-ID is owed or in flight. */
bool coap_separate_find(
	const struct coap_separates *s, const struct coap_remote *remote, uint16_t id, struct handle *ret);
/* One answer owed to this remote; the caller removes it and asks again until false. */
bool coap_separate_find_remote(const struct coap_separates *s, const struct coap_remote *remote, struct handle *ret);
/* NULL when it is no longer known. */
struct coap_separate *coap_separate_get(const struct coap_separates *s, struct handle h);

msec coap_separates_deadline(const struct coap_separates *s);
/* Takes one whose ACK is due (its state is OWED), or that has expired (any other state). Call until false. */
bool coap_separates_due(struct coap_separates *s, msec now, struct handle *ret);
uint32_t coap_separates_count(const struct coap_separates *s);
