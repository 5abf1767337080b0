/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A body that arrives by Q-Block with gaps, as its receiver sees it: which blocks are there, and what the sender is to
 * be told (RFC 9177 sections 4.3, 4.4, 5 and 7.2). The same for requests (Q-Block1, where the receiver tells with 2.31
 * and 4.08) and responses (Q-Block2, where it tells with requests).
 *
 *     a whole set is there, and all before it        CONTINUE   at once
 *     the first block of a later set, with gaps
 *     before that set                                MISSING    at once, those gaps
 *     nothing new for NON_RECEIVE_TIMEOUT            MISSING    all gaps up to the end of the set; of the next set when
 *                                                               there are none; then again after twice the time ...
 *     NON_MAX_RETRANSMIT of those in vain            GIVEN_UP
 *     all is there                                   COMPLETE
 *
 * Size and block size are pinned by the first block; a block that does not fit them is broken. Which blocks have come
 * stands in the caller's bitmap; where their bytes go is the caller's business, as in coap/blockfetch.h. */
#pragma once

#include "coap/qblock.h"

struct coap_qblock_receive {
	uint8_t *bitmap;        /* bit n & 7 of byte n >> 3: block n is there */
	uint32_t bitmap_blocks; /* how many bits there are */
	const struct coap_qblock_parameters *parameters;
	uint64_t size; /* of the body, in bytes */
	uint8_t szx;
	bool is_open;      /* the first block has come */
	uint32_t blocks;   /* of the body */
	uint32_t count;    /* that are there */
	uint32_t whole;    /* all below are there */
	uint32_t behind;   /* behind the highest that is there */
	uint32_t told;     /* the end of the last set that was continued */
	uint32_t looked;   /* gaps below have been asked for when a later set began */
	uint32_t asks;     /* in vain, since something new came */
	uint32_t gaps_end; /* what is missing now is below it; after MISSING */
	msec deadline;     /* when gaps are asked for; NEVER when not open or complete */
};

enum coap_qblock_block {
	COAP_QBLOCK_NEW, /* put its bytes at their offset */
	COAP_QBLOCK_REPEATED,
	COAP_QBLOCK_BROKEN,   /* it contradicts the others, or itself */
	COAP_QBLOCK_TOO_LONG, /* the body has more blocks than the bitmap has bits */
};

enum coap_qblock_want {
	COAP_QBLOCK_NOTHING,
	COAP_QBLOCK_CONTINUE, /* the sender may go on with block `whole` */
	COAP_QBLOCK_MISSING,  /* ask for what coap_qblock_receive_missing tells */
	COAP_QBLOCK_COMPLETE,
	COAP_QBLOCK_GIVEN_UP,
};

/* `parameters` and `bitmap` must stay. The bitmap need not be cleared. */
void coap_qblock_receive_init(struct coap_qblock_receive *r, const struct coap_qblock_parameters *parameters,
	uint8_t *bitmap, uint32_t bitmap_blocks);

/* A block has come. `size` is Size1 or Size2. */
enum coap_qblock_block coap_qblock_receive_block(
	struct coap_qblock_receive *r, struct coap_block block, size_t payload_len, uint64_t size, msec now);
/* What the sender is to be told now; call until NOTHING, after each block and when the deadline has come. COMPLETE and
 * GIVEN_UP are said again and again. After MISSING the next NON_RECEIVE_TIMEOUT runs. */
enum coap_qblock_want coap_qblock_receive_want(struct coap_qblock_receive *r, msec now);
/* Something stood in the way of the latest question and is gone: it is due now, and was no attempt. */
void coap_qblock_receive_hurry(struct coap_qblock_receive *r, msec now);
/* The first gap at or behind `from` among those to ask for now. */
bool coap_qblock_receive_missing(const struct coap_qblock_receive *r, uint32_t from, uint32_t *ret);
bool coap_qblock_receive_has(const struct coap_qblock_receive *r, uint32_t number);
bool coap_qblock_receive_is_complete(const struct coap_qblock_receive *r);
