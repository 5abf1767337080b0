/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qblock_receive.h"

#include <assert.h>

void coap_qblock_receive_init(struct coap_qblock_receive *r, const struct coap_qblock_parameters *parameters,
	uint8_t *bitmap, uint32_t bitmap_blocks)
{
	assert(parameters->max_payloads > 0 && parameters->non_max_retransmit <= 20);
	*r = (struct coap_qblock_receive){
		.bitmap = bitmap, .bitmap_blocks = bitmap_blocks, .parameters = parameters, .deadline = NEVER};
}

bool coap_qblock_receive_has(const struct coap_qblock_receive *r, uint32_t number)
{
	return number < r->blocks && (r->bitmap[number >> 3] >> (number & 7) & 1) != 0;
}

bool coap_qblock_receive_is_complete(const struct coap_qblock_receive *r)
{
	return r->is_open && r->count == r->blocks;
}

/* ---- blocks ---- */

static enum coap_qblock_block open_with(struct coap_qblock_receive *r, struct coap_block block, uint64_t size)
{
	uint64_t blocks = coap_qblock_count(size, block.szx);
	if (blocks > r->bitmap_blocks || blocks > COAP_BLOCKS_MAX)
		return COAP_QBLOCK_TOO_LONG;
	r->blocks = (uint32_t)blocks;
	r->size = size;
	r->szx = block.szx;
	r->is_open = true;
	memset(r->bitmap, 0, (r->blocks + 7) / 8);
	return COAP_QBLOCK_NEW;
}

/* The size says how long each block must be and which is the last (section 4.6). */
static bool fits(const struct coap_qblock_receive *r, struct coap_block block, size_t payload_len, uint64_t size)
{
	uint64_t offset = coap_block_offset(block), left;
	if (block.szx != r->szx || size != r->size || block.number >= r->blocks)
		return false;
	left = r->size - offset;
	return block.has_more == (block.number + 1 < r->blocks) &&
	       payload_len == (block.has_more ? coap_block_size(block.szx) : left);
}

enum coap_qblock_block coap_qblock_receive_block(
	struct coap_qblock_receive *r, struct coap_block block, size_t payload_len, uint64_t size, msec now)
{
	struct coap_qblock_receive first = *r;
	if (!r->is_open) {
		enum coap_qblock_block opened = open_with(&first, block, size);
		if (opened != COAP_QBLOCK_NEW)
			return opened;
	}
	if (!fits(&first, block, payload_len, size))
		return COAP_QBLOCK_BROKEN;
	*r = first;
	if (coap_qblock_receive_has(r, block.number))
		return COAP_QBLOCK_REPEATED;
	r->bitmap[block.number >> 3] |= (uint8_t)(1 << (block.number & 7));
	r->count++;
	r->asks = 0;
	r->deadline = r->count == r->blocks ? NEVER : now + r->parameters->non_receive_timeout;
	if (block.number >= r->behind)
		r->behind = block.number + 1;
	while (coap_qblock_receive_has(r, r->whole))
		r->whole++;
	return COAP_QBLOCK_NEW;
}

/* ---- what to tell ---- */

/* The set of the highest block; or, when everything up to its end is there, the one that has not come at all. */
static uint32_t end_of_gaps(const struct coap_qblock_receive *r)
{
	uint32_t highest = r->whole == r->behind ? r->behind : r->behind - 1;
	uint32_t end = coap_qblock_set_end(highest, r->parameters->max_payloads);
	return end < r->blocks ? end : r->blocks;
}

static enum coap_qblock_want ask(struct coap_qblock_receive *r, uint32_t end, msec now)
{
	r->gaps_end = end;
	r->deadline = now + (r->parameters->non_receive_timeout << r->asks);
	return COAP_QBLOCK_MISSING;
}

/* Whether a block of a later set has come while earlier sets have gaps that were not asked for yet. */
static bool is_overtaken(const struct coap_qblock_receive *r, uint32_t set_begin)
{
	return r->whole < set_begin && r->looked < set_begin;
}

enum coap_qblock_want coap_qblock_receive_want(struct coap_qblock_receive *r, msec now)
{
	uint16_t set = r->parameters->max_payloads;
	if (!r->is_open)
		return COAP_QBLOCK_NOTHING;
	if (r->count == r->blocks)
		return COAP_QBLOCK_COMPLETE;
	uint32_t begin = (r->behind - 1) / set * set;
	if (is_overtaken(r, begin)) {
		r->looked = begin;
		return ask(r, begin, now);
	}
	if (r->whole == r->behind && r->whole % set == 0 && r->told < r->whole) {
		r->told = r->whole;
		return COAP_QBLOCK_CONTINUE;
	}
	if (r->deadline > now)
		return COAP_QBLOCK_NOTHING;
	if (r->asks == r->parameters->non_max_retransmit)
		return COAP_QBLOCK_GIVEN_UP;
	r->asks++;
	return ask(r, end_of_gaps(r), now);
}

void coap_qblock_receive_hurry(struct coap_qblock_receive *r, msec now)
{
	r->asks -= r->asks > 0;
	r->deadline = now;
}

bool coap_qblock_receive_missing(const struct coap_qblock_receive *r, uint32_t from, uint32_t *ret)
{
	for (uint32_t n = from > r->whole ? from : r->whole; n < r->gaps_end; n++) {
		if (!coap_qblock_receive_has(r, n)) {
			*ret = n;
			return true;
		}
	}
	return false;
}
