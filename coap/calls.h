/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What own requests are made of, beside their exchanges: whose they are, what they ask for, how far they have come.
 *
 *       begin              fold: it observes, and nothing is under way
 *     --------> a place ------------------------------------------------> folded
 *                 ^  |                                                      |
 *                 |  +-- end            unfold: a notification has come     |
 *                 +--------------------------------------------------------+
 *
 * An observation (RFC 7641) waits for days and does something for a millisecond. While it waits it is folded: of some
 * three hundred bytes thirty-two are left, from which the others follow. That suits plain ones: a short request without
 * a body, over datagrams, with the usual patience, for one of a few callers. Any other keeps its place. Places are as
 * many as exchanges, so there is always one, and those used last are used again, so only as many cost memory as have
 * ever been in use at once.
 *
 * What is in a place stays where it is until it is folded or ended; the owner folds when nobody holds a pointer any
 * more. He notes by `touch` what might be folded then. Storage is the owner's. */
#pragma once

#include "coap/carrier.h"
#include "coap/carve.h"
#include "coap/endpoint.h"
#include "coap/observe.h"
#include "coap/retransmit.h"

#define COAP_CALL_OPTIONS_MAX_BYTES   512
#define COAP_CALL_OPTIONS_SHORT_BYTES 64
#define COAP_CALLS_CALLERS            8  /* different ones among folded calls */
#define COAP_CALLS_TOUCHED            64 /* that are remembered to be folded */
#define COAP_CALL_FOLDED_OPTIONS      12 /* bytes */

/* What few own requests need: a body of their own, and many options. It lies apart from them, so that a place that
 * never had either costs addresses and no memory; a server that observes a hundred thousand devices asks without both.
 */
struct coap_call_room {
	uint8_t body[COAP_BLOCK_SIZE_MAX];
	uint8_t options[COAP_CALL_OPTIONS_MAX_BYTES];
};

/* What belongs to an own request beside its exchange. */
struct coap_client_call {
	coap_reply_function *reply; /* NULL when nobody is to hear: cancelled, or the fetch of a notification's rest */
	void *context;
	struct handle pending;     /* the request in flight */
	struct handle parent;      /* the observation whose notification this fetches the rest of */
	struct handle child;       /* the other way round */
	struct handle assembly;    /* body of the response, when it comes in blocks */
	struct handle qcall;       /* of a call by Q-Block */
	struct coap_sink sink;     /* `take` is NULL without one */
	struct coap_source source; /* `give` is NULL without one */
	struct bytes body;  /* the application's; with keeps_body or a source only its length, and room has it, or a
			     * part of it */
	uint64_t body_done; /* bytes of `body` that the server has */
	uint32_t body_part; /* bytes of `body` in the latest request */
	uint64_t fetched;   /* bytes of the response's body that have come; 0 asks for its beginning */
	msec sent_at;
	msec group_wait;        /* how long answers of a group are collected */
	uint32_t responders;    /* who has answered (coap/responders.h) */
	uint32_t members_asked; /* requests to single members that run now */
	struct coap_patience patience;
	enum coap_code method;
	struct coap_carrier carrier;
	uint32_t whole_max; /* a longer body goes in blocks */
	uint32_t request_tag;
	uint16_t responses_left; /* to this request, beside the one that ends it */
	uint8_t block1_szx, block2_szx;
	uint8_t echoes; /* how often the same was asked with an Echo, in a row */
	bool is_ping, is_nonconfirmable, is_block, observes, is_cancelling, was_retransmitted, has_restarted, is_group,
		is_over, keeps_body, may_get_qblock, is_forwarded, renews,
		is_dry; /* its source has not given what was to go */
	uint8_t etag_len;
	uint8_t etag[8];
	struct coap_freshness freshness;
	/* What follows is not cleared when a call begins. */
	uint16_t options_len;
	uint8_t short_options[COAP_CALL_OPTIONS_SHORT_BYTES]; /* longer ones are in the room */
	struct coap_call_room *room;                          /* of this place */
};

/* One that is folded, or where it is when it is not. Element i goes with exchange i. */
struct coap_folded_call {
	msec fresh_at; /* struct coap_freshness */
	uint32_t sequence;
	uint32_t place; /* + 1; 0: it is folded, and the rest holds; PLACE_ENDED */
	uint8_t caller, method, flags, options_len;
	uint8_t options[COAP_CALL_FOLDED_OPTIONS];
};

struct coap_caller {
	coap_reply_function *reply;
	void *context;
};

struct coap_calls {
	struct coap_client_call *items;
	struct coap_call_room *rooms;
	struct slab places;
	struct coap_folded_call *folded;
	struct coap_caller callers[COAP_CALLS_CALLERS];
	unsigned caller_count;
	uint8_t szx; /* of the blocks of calls that can be folded */
	struct handle touched[COAP_CALLS_TOUCHED];
	unsigned touched_count;
};

/* Takes storage for the calls of `capacity` exchanges from `c`. When `c` only counts, the table is not to be used. */
void coap_calls_carve(struct coap_calls *c, struct carve *carve, uint32_t capacity);

/* A place for the call of this exchange, with its room, and else as its last user has left it. */
struct coap_client_call *coap_calls_begin(struct coap_calls *c, uint32_t exchange);
void coap_calls_end(struct coap_calls *c, uint32_t exchange);
/* NULL when it is folded. */
struct coap_client_call *coap_calls_find(const struct coap_calls *c, uint32_t exchange);

/* ---- folding ---- */

/* False when the call must keep its place. */
bool coap_calls_fold(struct coap_calls *c, uint32_t exchange);
/* Gives a folded call a place again, with its options, and tells in `ret` what it was begun with: reply, context,
 * method, observe, renews, is_nonconfirmable. The owner fills in what follows from that, then calls coap_calls_restore.
 */
struct coap_client_call *coap_calls_unfold(struct coap_calls *c, uint32_t exchange, struct coap_call *ret);
/* Puts back what is left: how fresh the latest notification was, and what has happened so far. */
void coap_calls_restore(const struct coap_calls *c, uint32_t exchange, struct coap_client_call *call);
/* The Observe value of the latest notification, folded or not. */
uint32_t coap_calls_sequence(const struct coap_calls *c, uint32_t exchange);

/* Remembers the exchange for coap_calls_next_touched; one of too many is forgotten, and stays as it is. */
void coap_calls_touch(struct coap_calls *c, struct handle exchange);
/* Takes one of those out. It may have ended since. False when there is none. */
bool coap_calls_next_touched(struct coap_calls *c, struct handle *ret);
