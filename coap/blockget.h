/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The GET of a large body on an endpoint, as fast as the path carries it: coap/blockfetch.h says what to ask for and
 * when, this module asks, reads the answers, and hands each block to whoever keeps it.
 *
 * The first request is an ordinary confirmable one, repeated as long as RFC 7252 has it. Each of the others is sent
 * once and stands for itself; what becomes of its blocks is found out by the fetch.
 *
 * A server that knows Q-Block2 (RFC 9177 section 4.4) is asked for several blocks with one non-confirmable request, up
 * to MAX_PAYLOADS, and answers with a message for each. The first request finds out whether it does, with a Q-Block2
 * option of its own; after 4.02, RST, or an answer without that option the transfer begins anew by Block2, one block a
 * request, and the endpoint remembers it for the next one. A request for a single block is always confirmable, so that
 * a server that knows Q-Block2 no longer is heard to say so. Blocks that were lost are asked for as any others, by
 * their numbers.
 *
 * A server that is busy (5.03, 4.29) is left alone for as long as it says. There is no
 * limit on how long a transfer takes, only on how long nothing at all comes.
 *
 * A block may be the last that `store` wants: it may call coap_blockget_stop, and even _begin for another body.
 *
 * The owner includes coap_blockget_deadline in his own and calls coap_blockget_tick when it has come. `ended` is called
 * once, never from within coap_blockget_begin; afterwards nothing is left in the endpoint. */
#pragma once

#include "coap/blockfetch.h"
#include "coap/endpoint.h"

enum coap_blockget_outcome {
	COAP_BLOCKGET_DONE,
	COAP_BLOCKGET_REFUSED,  /* the server answered with an error that will not go away */
	COAP_BLOCKGET_SILENT,   /* nobody answers, or not any more */
	COAP_BLOCKGET_REJECTED, /* by RST */
	COAP_BLOCKGET_LOST,     /* the association has ended */
	COAP_BLOCKGET_CHANGED,  /* the body is another one now */
	COAP_BLOCKGET_BROKEN,   /* the server contradicts itself, or there are more blocks than the bitmap has bits */
	COAP_BLOCKGET_STORE,    /* `store` said no */
};

struct coap_blockget;

/* One block that was asked for. The request is that of the first of its blocks, the next `count` - 1 are with it. */
struct coap_blockget_slot {
	struct coap_blockget *get;
	struct coap_block_ask ask;
	msec sent_at;
	bool is_by_qblock, is_answered;
	uint8_t count; /* 0 where another's request has asked for it */
	struct handle exchange;
};

struct coap_blockget_config {
	struct coap_endpoint *endpoint;
	struct coap_remote to;
	const struct coap_options *options; /* Uri-Path and the like; must stay */
	uint8_t *bitmap;                    /* these five as in struct coap_blockfetch_config */
	uint32_t bitmap_blocks;
	uint8_t szx;
	struct bytes etag;
	uint64_t size;
	void *memory;           /* coap_blockget_memory(in_flight_max), aligned to CARVE_ALIGNMENT */
	uint32_t in_flight_max; /* exchanges of the endpoint that are used at most */
	bool tries_qblock;      /* by Q-Block2 if the server knows it, which may cost a round trip; never over TCP */
	msec patience;          /* without any answer for so long it ends; NEVER for no limit */
	void *context;
	/* A new block. False ends it all. */
	bool (*store)(void *context, uint32_t number, struct bytes payload, msec now);
	void (*ended)(void *context, enum coap_blockget_outcome outcome, msec now);
};

struct coap_blockget {
	struct coap_blockget_config config;
	struct coap_blockfetch fetch;
	struct coap_blockget_slot *slots; /* of flight n: element n % in_flight_max */
	bool is_running, uses_qblock;
	enum coap_code code; /* of the last error response; 0 when there was none */
	msec heard_at, resumes_at;
	uint32_t repeated; /* blocks that have come although they were there */
};

size_t coap_blockget_memory(uint32_t in_flight_max);
void coap_blockget_begin(struct coap_blockget *g, const struct coap_blockget_config *config, msec now);
/* Ends it without a word. What has been stored stays in the bitmap. */
void coap_blockget_stop(struct coap_blockget *g, msec now);
msec coap_blockget_deadline(const struct coap_blockget *g);
void coap_blockget_tick(struct coap_blockget *g, msec now);
