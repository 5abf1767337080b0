/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockfetch.h"

#include <assert.h>

#define ONE_BLOCK   1024u /* the window's unit is 1/1024 of a block */
#define BACKOFF_MAX 5
/* Losing the few blocks of a small window says little; the window may still double up to here. */
#define THRESHOLD_MIN (16 * ONE_BLOCK)

/* ---- the bitmap ---- */

bool coap_blockfetch_has(const struct coap_blockfetch *f, uint32_t number)
{
	return number < f->bitmap_blocks && (f->bitmap[number >> 3] >> (number & 7) & 1) != 0;
}

static void set_bit(struct coap_blockfetch *f, uint32_t number, bool value)
{
	uint8_t bit = (uint8_t)(1u << (number & 7));
	uint8_t *byte = &f->bitmap[number >> 3];
	*byte = (uint8_t)(value ? *byte | bit : *byte & ~bit);
}

static uint32_t count_stored(const struct coap_blockfetch *f)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < f->blocks; i++)
		count += coap_blockfetch_has(f, i);
	return count;
}

/* Each old block becomes 2^(old - szx) new ones. Goes from the end, so that no bit is overwritten before it is read. */
static bool cut_finer(struct coap_blockfetch *f, uint8_t szx)
{
	uint32_t shift = f->szx - szx;
	uint32_t old_blocks = f->bitmap_blocks, kept = f->bitmap_blocks >> shift;
	for (uint32_t i = kept; i < old_blocks; i++)
		if (coap_blockfetch_has(f, i))
			return false;
	for (uint32_t i = kept << shift; i < old_blocks; i++)
		set_bit(f, i, false);
	for (uint32_t i = kept << shift; i-- > 0;)
		set_bit(f, i, coap_blockfetch_has(f, i >> shift));
	f->szx = szx;
	f->next = 0;
	f->stored = count_stored(f);
	return true;
}

/* ---- life ---- */

static uint64_t blocks_of(const struct coap_blockfetch *f, uint64_t size)
{
	uint64_t block = coap_block_size(f->szx);
	return size == 0 ? 1 : size / block + (size % block != 0);
}

/* False when the bitmap has too few bits for the size. */
static bool learn_size(struct coap_blockfetch *f, uint64_t size)
{
	uint64_t blocks = blocks_of(f, size);
	if (blocks > f->bitmap_blocks || blocks > COAP_BLOCKS_MAX)
		return false;
	f->size = size;
	f->size_is_known = true;
	f->blocks = (uint32_t)blocks;
	f->stored = count_stored(f);
	return true;
}

void coap_blockfetch_init(struct coap_blockfetch *f, const struct coap_blockfetch_config *config)
{
	assert(config->bitmap_blocks > 0 && config->window_max > 0 && config->szx <= COAP_BLOCK_SZX_MAX);
	assert(config->window_max <= COAP_BLOCKFETCH_WINDOW_MAX && config->etag.len <= sizeof f->etag);
	*f = (struct coap_blockfetch){
		.bitmap = config->bitmap,
		.bitmap_blocks = config->bitmap_blocks,
		.blocks = config->bitmap_blocks,
		.szx = config->szx,
		.window_max = config->window_max,
		.window = COAP_BLOCKFETCH_WINDOW_FIRST * ONE_BLOCK,
		.threshold = UINT64_MAX,
		.ack_timeout = config->ack_timeout,
		.etag_len = (uint8_t)config->etag.len,
	};
	if (config->etag.len > 0)
		memcpy(f->etag, config->etag.data, config->etag.len);
	f->stored = count_stored(f);
	if (config->size > 0 && !learn_size(f, config->size))
		f->is_failed = true;
}

/* ---- what to ask for ---- */

static uint32_t window_blocks(const struct coap_blockfetch *f)
{
	uint64_t blocks = f->window / ONE_BLOCK;
	if (!f->is_open)
		return 1;
	return blocks < 1 ? 1 : blocks > f->window_max ? f->window_max : (uint32_t)blocks;
}

static bool take_repair(struct coap_blockfetch *f, uint32_t *ret)
{
	while (f->repair_count > 0) {
		uint32_t number = f->repair[f->repair_first];
		f->repair_first = (f->repair_first + 1) % COAP_BLOCKFETCH_WINDOW_MAX;
		f->repair_count--;
		if (number < f->blocks && !coap_blockfetch_has(f, number)) {
			*ret = number;
			return true;
		}
	}
	return false;
}

static bool take_next(struct coap_blockfetch *f, uint32_t *ret)
{
	while (f->next < f->blocks && coap_blockfetch_has(f, f->next))
		f->next++;
	if (f->next >= f->blocks)
		return false;
	*ret = f->next++;
	return true;
}

bool coap_blockfetch_next(struct coap_blockfetch *f, msec now, uint32_t *ret_number)
{
	if (f->is_failed || coap_blockfetch_is_complete(f) || f->in_flight >= window_blocks(f))
		return false;
	if (!take_repair(f, ret_number) && !take_next(f, ret_number)) {
		/* With every bit set but no size known, the last block is asked for again: its response tells. */
		if (f->size_is_known || f->is_open || f->in_flight > 0)
			return false;
		*ret_number = f->blocks - 1;
	}
	if (f->in_flight == 0 && f->epoch_ends < now)
		f->epoch_ends = now + f->round_trip;
	f->in_flight++;
	return true;
}

/* ---- the round trip and the window ---- */

/* RFC 6298 section 2. */
static void measure(struct coap_blockfetch *f, msec sample)
{
	if (f->round_trip == 0) {
		f->round_trip = f->round_trip_min = sample;
		f->variation = sample / 2;
		return;
	}
	msec difference = f->round_trip > sample ? f->round_trip - sample : sample - f->round_trip;
	f->variation = (3 * f->variation + difference) / 4;
	f->round_trip = (7 * f->round_trip + sample) / 8;
	if (sample < f->round_trip_min)
		f->round_trip_min = sample;
}

msec coap_blockfetch_timeout(const struct coap_blockfetch *f)
{
	msec base = f->ack_timeout;
	if (f->round_trip > 0) {
		base = f->round_trip + (f->variation > 5 ? 4 * f->variation : 20);
		if (base < COAP_BLOCKFETCH_TIMEOUT_MIN)
			base = COAP_BLOCKFETCH_TIMEOUT_MIN;
	}
	base <<= f->backoff;
	return base > COAP_BLOCKFETCH_TIMEOUT_MAX ? COAP_BLOCKFETCH_TIMEOUT_MAX : base;
}

/* A queue shows in the round trip: half as much again as the minimum, and enough for a clock of milliseconds. */
static bool queue_is_building(const struct coap_blockfetch *f)
{
	return f->round_trip > f->round_trip_min + f->round_trip_min / 2 + 10;
}

static bool loses_many(const struct coap_blockfetch *f)
{
	return f->epoch_lost > 2 && f->epoch_lost * 4 > f->epoch_lost + f->epoch_received;
}

/* Once a round trip, and only while losses or delay say so. */
static void judge(struct coap_blockfetch *f, msec now)
{
	if (now < f->epoch_ends)
		return;
	bool is_congested = loses_many(f) || (f->epoch_lost > 0 && queue_is_building(f));
	if (is_congested)
		f->window = f->window * 7 / 10;
	else if (f->epoch_lost > 0)
		f->window = f->window * 63 / 64;
	if (f->window < ONE_BLOCK)
		f->window = ONE_BLOCK;
	if (is_congested || queue_is_building(f))
		f->threshold = f->window;
	f->epoch_lost = f->epoch_received = 0;
	f->epoch_ends = now + f->round_trip;
}

static void grow(struct coap_blockfetch *f)
{
	if (f->window >= (uint64_t)f->window_max * ONE_BLOCK)
		return;
	f->window +=
		f->window < f->threshold ? ONE_BLOCK : (uint64_t)ONE_BLOCK * ONE_BLOCK / f->window + ONE_BLOCK / 16;
}

/* ---- what came ---- */

static bool etag_matches(struct coap_blockfetch *f, struct bytes etag)
{
	if (!f->is_open && f->etag_len == 0 && etag.len <= sizeof f->etag && etag.len > 0) {
		memcpy(f->etag, etag.data, etag.len);
		f->etag_len = (uint8_t)etag.len;
	}
	return bytes_equal(bytes_of(f->etag, f->etag_len), etag);
}

/* Size, block size and end of the file, as this block tells them. */
static bool agrees(struct coap_blockfetch *f, const struct coap_block *block, size_t payload_len, uint64_t size)
{
	uint32_t full = coap_block_size(f->szx);
	uint64_t end = coap_block_offset(*block) + payload_len;
	if (block->szx != f->szx || payload_len > full || (block->has_more && payload_len != full))
		return false;
	if (!f->size_is_known && (size > 0 || !block->has_more) && !learn_size(f, block->has_more ? size : end))
		return false;
	if (!f->size_is_known)
		return block->number + 1 < f->bitmap_blocks;
	return block->has_more ? end < f->size : end == f->size;
}

/* The first response settles the block size: the server may make it smaller, then the number counts smaller blocks. */
static bool opens(struct coap_blockfetch *f, uint32_t asked, const struct coap_block *block)
{
	if (block->szx > f->szx)
		return false;
	uint32_t shift = f->szx - block->szx;
	if (block->number != (uint64_t)asked << shift)
		return false;
	if (shift == 0)
		return true;
	return cut_finer(f, block->szx) && (!f->size_is_known || learn_size(f, f->size));
}

enum coap_blockfetch_verdict coap_blockfetch_received(struct coap_blockfetch *f, uint32_t asked,
	const struct coap_block *block, size_t payload_len, struct bytes etag, uint64_t size, msec round_trip, msec now)
{
	assert(f->in_flight > 0);
	f->in_flight--;
	f->epoch_received++;
	f->backoff = 0;
	if (!etag_matches(f, etag)) {
		f->is_failed = true;
		return COAP_BLOCKFETCH_CHANGED;
	}
	bool is_what_was_asked = f->is_open ? block->number == asked : opens(f, asked, block);
	if (!is_what_was_asked || !agrees(f, block, payload_len, size)) {
		f->is_failed = true;
		return COAP_BLOCKFETCH_BROKEN;
	}
	f->is_open = true;
	if (round_trip > 0)
		measure(f, round_trip);
	grow(f);
	judge(f, now);
	return coap_blockfetch_has(f, block->number) ? COAP_BLOCKFETCH_REPEATED : COAP_BLOCKFETCH_STORE;
}

void coap_blockfetch_stored(struct coap_blockfetch *f, uint32_t number)
{
	assert(number < f->bitmap_blocks);
	if (coap_blockfetch_has(f, number))
		return;
	set_bit(f, number, true);
	f->stored++;
}

/* A timeout with nothing received since the last one means that the path has gone; then all wait longer. */
void coap_blockfetch_lost(struct coap_blockfetch *f, uint32_t asked, msec now)
{
	assert(f->in_flight > 0);
	f->in_flight--;
	f->epoch_lost++;
	if (f->repair_count < COAP_BLOCKFETCH_WINDOW_MAX)
		f->repair[(f->repair_first + f->repair_count++) % COAP_BLOCKFETCH_WINDOW_MAX] = asked;
	if (f->epoch_received == 0 && f->in_flight == 0 && f->backoff < BACKOFF_MAX)
		f->backoff++;
	if (f->epoch_received == 0 && f->in_flight == 0 && f->is_open) {
		f->threshold = f->window / 2 > THRESHOLD_MIN ? f->window / 2 : THRESHOLD_MIN;
		f->window = ONE_BLOCK;
	}
	judge(f, now);
}

void coap_blockfetch_refused(struct coap_blockfetch *f, uint32_t asked)
{
	assert(f->in_flight > 0);
	f->in_flight--;
	if (f->size_is_known ? asked < f->blocks : asked == 0)
		f->is_failed = true;
	else if (!f->size_is_known && asked < f->blocks)
		f->blocks = asked;
	if (!f->size_is_known && f->in_flight == 0 && count_stored(f) == f->blocks)
		f->is_failed = true; /* every block said that more would follow, and none does */
}

bool coap_blockfetch_is_complete(const struct coap_blockfetch *f)
{
	return f->size_is_known && f->stored == f->blocks;
}

bool coap_blockfetch_is_failed(const struct coap_blockfetch *f)
{
	return f->is_failed;
}

uint64_t coap_blockfetch_progress(const struct coap_blockfetch *f)
{
	uint64_t bytes = (uint64_t)f->stored << (f->szx + 4);
	return f->size_is_known && bytes > f->size ? f->size : bytes;
}
