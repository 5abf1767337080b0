/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A large download with several blocks in flight (RFC 7959 section 2.4 allows any order of Block2 requests).
 *
 * Blocks are asked for one by one, or several with one request where the peer knows Q-Block2 (RFC 9177). This module
 * says which number to ask for next and when, and keeps in the caller's bitmap which have come; where their bytes go is
 * the caller's business. A bitmap kept on disk resumes a download. coap/blockget.h puts it on an endpoint.
 *
 *     while (coap_blockfetch_may_ask(f, now, &n))  request that many blocks, as coap_blockfetch_next tells them
 *     response:  coap_blockfetch_received          STORE: write the payload at coap_blockfetch_offset, then
 *                                                   coap_blockfetch_stored
 *     no use:    coap_blockfetch_lost               it will be asked for again
 *     deadline:  coap_blockfetch_tick               what is overdue will be asked for again
 *
 * - Until the first response only one block is asked for: it tells size, ETag and the server's block size, which may be
 *   smaller than asked (the bitmap is then cut finer). The ETag is pinned; another one means that the file has changed.
 * - How much is in flight, and how fast, is coap/congestion.h's to say.
 * - Losses are found by what comes: a block is asked for again when the answer to a later request is here and a round
 *   trip with something to spare has passed. Only the last ones of a file, or of a path that has gone, need a timeout.
 *   The answer that comes later still is taken all the same.
 *
 * No clock, no I/O, no memory but the caller's. */
#pragma once

#include "coap/block.h"
#include "coap/carve.h"
#include "coap/congestion.h"
#include "coap/base/bytes.h"
#include "coap/base/msec.h"

/* A block that was asked for. `flight` tells this request from others for the same block. */
struct coap_block_ask {
	uint32_t number, flight;
};

struct coap_block_flight {
	uint32_t number;
	bool is_live; /* neither answered nor lost */
	struct coap_congestion_stamp stamp;
};

struct coap_blockfetch {
	uint8_t *bitmap;        /* bit n & 7 of byte n >> 3: block n is stored */
	uint32_t bitmap_blocks; /* how many bits there are */
	uint64_t size;          /* of the file in bytes; 0 until known */
	uint32_t blocks;        /* number of blocks; of the bitmap until known */
	uint32_t stored;        /* bits that are set below `blocks` */
	uint32_t next;          /* nothing at or behind it has been asked for yet in this run */
	uint32_t run_max;       /* how many blocks one request may ask for; 1, or less than what the caller sets */
	uint8_t szx;
	bool is_open; /* the first response has come */
	bool size_is_known, is_failed;
	uint8_t etag_len;
	uint8_t etag[8];

	struct coap_congestion congestion;
	struct coap_block_flight
		*flights; /* flight n is element n % capacity, from flight_first to before flight_next */
	uint32_t *repair; /* lost blocks, to be asked for again; a ring of as many */
	uint32_t capacity;
	uint32_t flight_first, flight_next;
	uint32_t answered; /* behind the latest flight that was answered */
	uint32_t repair_first, repair_count;
};

struct coap_blockfetch_config {
	uint8_t *bitmap; /* zero for a new download, else what an earlier run left; spare bits for smaller blocks */
	uint32_t bitmap_blocks;
	uint8_t szx;            /* wanted block size; of the bitmap when it is not empty */
	void *memory;           /* coap_blockfetch_memory(in_flight_max), aligned to CARVE_ALIGNMENT */
	uint32_t in_flight_max; /* as many blocks may be on their way; a path holds its rate times its round trip */
	msec ack_timeout;       /* 2 s */
	struct bytes etag;      /* of the file when an earlier run began it; empty for any */
	uint64_t size;          /* likewise; 0 when not known */
};

enum coap_blockfetch_verdict {
	COAP_BLOCKFETCH_STORE,    /* write it, then call stored */
	COAP_BLOCKFETCH_REPEATED, /* has come before */
	COAP_BLOCKFETCH_CHANGED,  /* it is another file now; begin anew with an empty bitmap */
	COAP_BLOCKFETCH_BROKEN,   /* the server contradicts itself, or there are more blocks than the bitmap has bits */
};

size_t coap_blockfetch_memory(uint32_t in_flight_max);
void coap_blockfetch_init(struct coap_blockfetch *f, const struct coap_blockfetch_config *config, msec now);

/* How many blocks one request may ask for, where the peer answers each by itself; at first it is one. */
void coap_blockfetch_set_run(struct coap_blockfetch *f, uint32_t run_max);
/* Whether a request may leave now, and how many blocks it is to ask for; there may be fewer. */
bool coap_blockfetch_may_ask(struct coap_blockfetch *f, msec now, uint32_t *ret_count);
/* The next block to ask for. False when none may be sent now or none is left to ask for. */
bool coap_blockfetch_next(struct coap_blockfetch *f, msec now, struct coap_block_ask *ret);

/* A response has come to the request for `asked`. `block` is its Block2 option (for a response without one: number 0,
 * no more, the size asked for), `size` its Size2 or 0, `round_trip` 0 when it is not known or ambiguous. The block
 * answered, which has another number where the server has made the blocks smaller, is `block->number`. */
enum coap_blockfetch_verdict coap_blockfetch_received(struct coap_blockfetch *f, struct coap_block_ask asked,
	const struct coap_block *block, size_t payload_len, struct bytes etag, uint64_t size, msec round_trip,
	msec now);
/* The bytes of this block are where they belong. */
void coap_blockfetch_stored(struct coap_blockfetch *f, uint32_t number);
/* No response to this request will come, or none that helps came (5.03): the block will be asked for again. */
void coap_blockfetch_lost(struct coap_blockfetch *f, struct coap_block_ask asked, msec now);
/* The server does not understand this request, which says nothing of the path: the block will be asked for again. */
void coap_blockfetch_withdrawn(struct coap_blockfetch *f, struct coap_block_ask asked);
/* The server has no such block. While the size is not known that means the end lies before it; else the fetch fails. */
void coap_blockfetch_refused(struct coap_blockfetch *f, struct coap_block_ask asked, msec now);

/* When something is overdue, or the pacing lets the next request go. */
msec coap_blockfetch_deadline(const struct coap_blockfetch *f);
/* Finds what is overdue. The caller then asks for what is next. */
void coap_blockfetch_tick(struct coap_blockfetch *f, msec now);

/* How long a response may take before nobody needs to wait for it any more. */
msec coap_blockfetch_timeout(const struct coap_blockfetch *f);
bool coap_blockfetch_is_complete(const struct coap_blockfetch *f);
bool coap_blockfetch_is_failed(const struct coap_blockfetch *f);
bool coap_blockfetch_has(const struct coap_blockfetch *f, uint32_t number);
/* Bytes stored so far, for a progress bar. */
uint64_t coap_blockfetch_progress(const struct coap_blockfetch *f);

static inline uint64_t coap_blockfetch_offset(const struct coap_blockfetch *f, uint32_t number)
{
	return (uint64_t)number << (f->szx + 4);
}

/* The value of the Block2 option that asks for this block. */
static inline uint32_t coap_blockfetch_option(const struct coap_blockfetch *f, uint32_t number)
{
	return coap_block_value((struct coap_block){number, false, f->szx});
}
