/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of responses on their way to the client by Q-Block2 (RFC 9177 section 4.4); of the composer.
 *
 *     request with Q-Block2, long response    taken: the first set leaves
 *     'Continue' (NUM a multiple of           the next set leaves, with the token of the request that began it
 *       MAX_PAYLOADS, M set)
 *     missing blocks (M not set, or within    those leave, with the token of the request that asks for them, and
 *       a set)                                  without Observe (section 4.5)
 *     RST, the association lost               ended
 *
 * A reply is known by its remote and by what was asked for, not by a token. Its body is kept in memory when it came in
 * one piece and there is a place; else the handler makes each block again, and a reply whose ETag has become another
 * one ends. After all has left it stays for NON_PARTIAL_TIMEOUT, so that what was lost can still be asked for, but
 * gives way when its place is needed.
 *
 * The answer to a confirmable request is confirmable as a whole, NSTART messages at a time; else non-confirmable, in
 * sets (coap/qblock_send.h). */
#pragma once

#include "coap/qblock_send.h"
#include "coap/separate.h"

struct coap_endpoint;
struct coap_response;

#define COAP_QREPLY_OPTIONS_MAX_BYTES 128
#define COAP_QREPLY_REQUEST_MAX_BYTES 256

struct coap_qreply {
	struct coap_origin origin; /* of the request that it answers */
	struct coap_token asker;   /* of the latest request for missing blocks */
	struct coap_qblock_send send;
	uint64_t size;
	struct handle body; /* kept; else the handler is asked again */
	uint32_t observe;   /* the same for all blocks */
	bool has_observe, may_make_again;
	bool is_part; /* only what was asked for has left, not the body in its order */
	uint8_t szx;
	uint8_t code;
	uint8_t in_flight; /* confirmable blocks */
	bool has_ids;      /* of the non-confirmable blocks that left last, for an RST: */
	uint16_t first_id, last_id;
	msec expires;
	uint8_t etag_len;
	uint8_t etag[8];
	uint16_t options_len, request_len;
	uint8_t options[COAP_QREPLY_OPTIONS_MAX_BYTES]; /* beside those of the transfer */
	uint8_t request[COAP_QREPLY_REQUEST_MAX_BYTES]; /* to ask the handler again */
};

struct coap_qreplies {
	struct coap_qreply *items;
	struct slab slab;
	struct deadlines deadlines;
};

size_t coap_qreplies_memory(uint32_t capacity);
void coap_qreplies_init(struct coap_qreplies *q, void *memory, uint32_t capacity);

/* Takes a success whose body needs several messages, or a part of it. False when it is none; then it is answered as
 * ever. `r` is used up when taken. */
bool coap_qreply_take(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	struct handle separate, msec now);
/* Whether there is a place for one more. */
bool coap_qreply_has_room(struct coap_endpoint *e, const struct coap_origin *origin);
/* A request that only goes on with a reply: 'Continue', or missing blocks. False when it has to be run. */
bool coap_qreply_goes_on(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_message *m, msec now);
/* The request has come again and must not run twice: the reply is given once more, to its new token. */
bool coap_qreply_repeat(struct coap_endpoint *e, const struct coap_origin *origin, msec now);
/* Whether the Q-Block2 options of a request are well-formed and ascend (section 4.4). */
bool coap_qreply_is_right(const struct coap_message *m);

/* A confirmable block was acknowledged; it was rejected or given up; a non-confirmable message with this ID was
 * rejected, false when it is none of ours. */
void coap_qreply_acked(struct coap_endpoint *e, struct handle h, msec now);
void coap_qreply_ended(struct coap_endpoint *e, struct handle h);
bool coap_qreply_rejected(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id);
void coap_qreply_lost(struct coap_endpoint *e, const struct coap_remote *remote);

/* Whether any body has not left yet; what is only kept to be asked for does not count. */
bool coap_qreplies_are_under_way(const struct coap_qreplies *q);

msec coap_qreply_deadline(const struct coap_endpoint *e);
void coap_qreply_tick(struct coap_endpoint *e, msec now);
