/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A large download with several blocks in flight (RFC 7959 section 2.4 allows any order of Block2 requests).
 *
 * Blocks are asked for one by one, each as an exchange of its own sent once (coap_endpoint_request with `is_block`,
 * COAP_SEND_ONCE and coap_blockfetch_timeout). This module says which number to ask for next and how many may be on
 * their way, and keeps in the caller's bitmap which have come; where their bytes go is the caller's business. A bitmap
 * kept on disk resumes a download.
 *
 *     while (coap_blockfetch_next(f, now, &number))   request that block
 *     reply:    coap_blockfetch_received              STORE: write the payload at coap_blockfetch_offset, then
 *                                                     coap_blockfetch_stored
 *     timeout:  coap_blockfetch_lost                  it will be asked for again
 *
 * - Until the first response only one block is asked for: it tells size, ETag and the server's block size, which may be
 *   smaller than asked (the bitmap is then cut finer). The ETag is pinned; another one means that the file has changed.
 * - The window begins at COAP_BLOCKFETCH_WINDOW_FIRST and doubles in a round trip until the path shows congestion. A
 *   radio loses blocks without being congested, so a loss alone takes little: the window is cut when the round trip has
 *   grown well above its minimum (a queue is building) or more than one in four is lost; then it grows by one
 *   and a sixteenth of itself a round trip. This replaces NSTART as RFC 7252 section 4.7 allows for endpoints that
 * measure.
 * - The timeout follows the measured round trip (RFC 6298) and doubles as long as nothing arrives. Below ACK_TIMEOUT it
 *   goes only after a measurement, and never below COAP_BLOCKFETCH_TIMEOUT_MIN.
 *
 * No clock, no I/O, no memory but the caller's. */
#pragma once

#include "coap/block.h"
#include "coap/base/bytes.h"
#include "coap/base/msec.h"

#define COAP_BLOCKFETCH_WINDOW_FIRST 4
#define COAP_BLOCKFETCH_WINDOW_MAX   256
#define COAP_BLOCKFETCH_TIMEOUT_MIN  ((msec)200)
#define COAP_BLOCKFETCH_TIMEOUT_MAX  SECONDS(30)

struct coap_blockfetch {
	uint8_t *bitmap;        /* bit n & 7 of byte n >> 3: block n is stored */
	uint32_t bitmap_blocks; /* how many bits there are */
	uint64_t size;          /* of the file in bytes; 0 until known */
	uint32_t blocks;        /* number of blocks; of the bitmap until known */
	uint32_t stored;        /* bits that are set below `blocks` */
	uint32_t next;          /* nothing at or behind it has been asked for yet in this run */
	uint32_t in_flight;
	uint8_t szx;
	bool is_open; /* the first response has come */
	bool size_is_known, is_failed;
	uint8_t etag_len;
	uint8_t etag[8];

	uint32_t repair[COAP_BLOCKFETCH_WINDOW_MAX]; /* lost blocks, to be asked for again; a ring */
	uint32_t repair_first, repair_count;

	uint32_t window_max;
	uint64_t window, threshold;                 /* in 1/1024 of a block */
	msec round_trip, variation, round_trip_min; /* 0 until measured */
	msec ack_timeout;                           /* before anything is measured */
	uint32_t backoff;                           /* doublings of the timeout */
	msec epoch_ends;                            /* the window is judged once a round trip */
	uint32_t epoch_received, epoch_lost;
};

struct coap_blockfetch_config {
	uint8_t *
		bitmap; /* zero for a new download, else what an earlier run left; with spare bits for smaller blocks */
	uint32_t bitmap_blocks;
	uint8_t szx;         /* wanted block size; of the bitmap when it is not empty */
	uint32_t window_max; /* at most COAP_BLOCKFETCH_WINDOW_MAX; 64 suits most */
	msec ack_timeout;    /* 2 s */
	struct bytes etag;   /* of the file when an earlier run began it; empty for any */
	uint64_t size;       /* likewise; 0 when not known */
};

enum coap_blockfetch_verdict {
	COAP_BLOCKFETCH_STORE,    /* write it, then call stored */
	COAP_BLOCKFETCH_REPEATED, /* has come before */
	COAP_BLOCKFETCH_CHANGED,  /* it is another file now; begin anew with an empty bitmap */
	COAP_BLOCKFETCH_BROKEN,   /* the server contradicts itself, or the file has more blocks than the bitmap has bits
				   */
};

void coap_blockfetch_init(struct coap_blockfetch *f, const struct coap_blockfetch_config *config);

/* The next block to ask for. False when none may be sent now or none is left to ask for. */
bool coap_blockfetch_next(struct coap_blockfetch *f, msec now, uint32_t *ret_number);

/* A response has come to the request for `asked`. `block` is its Block2 option (for a response without one: number 0,
 * no more, the size asked for), `size` its Size2 or 0, `round_trip` 0 when it is not known or ambiguous. The block
 * answered, which has another number where the server has made the blocks smaller, is `block->number`. */
enum coap_blockfetch_verdict coap_blockfetch_received(struct coap_blockfetch *f, uint32_t asked,
	const struct coap_block *block, size_t payload_len, struct bytes etag, uint64_t size, msec round_trip,
	msec now);
/* The bytes of this block are where they belong. */
void coap_blockfetch_stored(struct coap_blockfetch *f, uint32_t number);
/* No response to the request for `asked` has come, or none that helps (5.03): it will be asked for again. */
void coap_blockfetch_lost(struct coap_blockfetch *f, uint32_t asked, msec now);
/* The server has no such block. While the size is not known that means the end lies before it; else the fetch fails. */
void coap_blockfetch_refused(struct coap_blockfetch *f, uint32_t asked);

/* How long to wait for a response. */
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
