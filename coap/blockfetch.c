/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockfetch.h"

#include <assert.h>

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

static void layout(struct coap_blockfetch *f, struct carve *c, uint32_t in_flight_max)
{
	f->capacity = in_flight_max;
	f->flights = carve_take(c, in_flight_max, sizeof *f->flights);
	f->repair = carve_take(c, in_flight_max, sizeof *f->repair);
}

size_t coap_blockfetch_memory(uint32_t in_flight_max)
{
	struct coap_blockfetch f;
	struct carve c = {NULL, 0};
	layout(&f, &c, in_flight_max);
	return c.used;
}

void coap_blockfetch_init(struct coap_blockfetch *f, const struct coap_blockfetch_config *config, msec now)
{
	struct carve c = {config->memory, 0};
	assert(config->bitmap_blocks > 0 && config->in_flight_max > 0 && config->szx <= COAP_BLOCK_SZX_MAX);
	assert(config->etag.len <= sizeof f->etag);
	*f = (struct coap_blockfetch){
		.bitmap = config->bitmap,
		.bitmap_blocks = config->bitmap_blocks,
		.blocks = config->bitmap_blocks,
		.run_max = 1,
		.szx = config->szx,
		.etag_len = (uint8_t)config->etag.len,
	};
	layout(f, &c, config->in_flight_max);
	coap_congestion_init(&f->congestion, config->ack_timeout, now);
	if (config->etag.len > 0)
		memcpy(f->etag, config->etag.data, config->etag.len);
	f->stored = count_stored(f);
	if (config->size > 0 && !learn_size(f, config->size))
		f->is_failed = true;
}

/* ---- flights ---- */

static struct coap_block_flight *flight(const struct coap_blockfetch *f, uint32_t number)
{
	return &f->flights[number % f->capacity];
}

/* Whether this request is still waited for. The numbers may wrap around. */
static bool is_live(const struct coap_blockfetch *f, struct coap_block_ask asked)
{
	return asked.flight - f->flight_first < f->flight_next - f->flight_first && flight(f, asked.flight)->is_live;
}

static void land(struct coap_blockfetch *f, uint32_t number)
{
	flight(f, number)->is_live = false;
	while (f->flight_first != f->flight_next && !flight(f, f->flight_first)->is_live)
		f->flight_first++;
}

/* The first block of a request may have been answered when others have not. Its place stays as long as theirs. */
static bool has_room(const struct coap_blockfetch *f, uint32_t count)
{
	return f->flight_next - f->flight_first + count + f->run_max - 1 <= f->capacity;
}

void coap_blockfetch_set_run(struct coap_blockfetch *f, uint32_t run_max)
{
	uint32_t most = f->capacity / 4;
	f->run_max = run_max < most ? run_max : most > 1 ? most : 1;
}

/* A block is in flight or waits for repair at most once, and nothing new is asked for before repairs: so what waits
 * never is more than what may be in flight. */
static void ask_again(struct coap_blockfetch *f, uint32_t number)
{
	if (f->repair_count < f->capacity)
		f->repair[(f->repair_first + f->repair_count++) % f->capacity] = flight(f, number)->number;
	land(f, number);
}

static void lose(struct coap_blockfetch *f, uint32_t number)
{
	coap_congestion_lost(&f->congestion);
	ask_again(f, number);
}

/* ---- what to ask for ---- */

static bool take_repair(struct coap_blockfetch *f, uint32_t *ret)
{
	while (f->repair_count > 0) {
		uint32_t number = f->repair[f->repair_first];
		f->repair_first = (f->repair_first + 1) % f->capacity;
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

/* With every bit set but no size known, the last block is asked for again: its response tells. */
static bool take_last(const struct coap_blockfetch *f, uint32_t *ret)
{
	if (f->size_is_known || f->is_open || f->congestion.in_flight > 0)
		return false;
	*ret = f->blocks - 1;
	return true;
}

/* What is left may be less than one request could ask for; that there is nothing is found by _next. */
static uint32_t run(const struct coap_blockfetch *f)
{
	uint32_t left = f->repair_count + (f->next < f->blocks ? f->blocks - f->next : 0);
	uint32_t most = left < f->run_max ? left : f->run_max;
	return coap_congestion_run(&f->congestion, most);
}

bool coap_blockfetch_may_ask(struct coap_blockfetch *f, msec now, uint32_t *ret_count)
{
	*ret_count = run(f);
	if (!has_room(f, *ret_count)) {
		coap_congestion_starved(&f->congestion);
		return false;
	}
	return coap_congestion_allowed(&f->congestion, now) >= *ret_count;
}

bool coap_blockfetch_next(struct coap_blockfetch *f, msec now, struct coap_block_ask *ret)
{
	uint32_t number;
	if (f->is_failed || coap_blockfetch_is_complete(f) || !coap_congestion_may_send(&f->congestion, now))
		return false;
	if (!has_room(f, 1) || (!take_repair(f, &number) && !take_next(f, &number) && !take_last(f, &number))) {
		coap_congestion_starved(&f->congestion);
		return false;
	}
	struct coap_block_flight *x = flight(f, f->flight_next);
	*x = (struct coap_block_flight){.number = number, .is_live = true};
	coap_congestion_sent(&f->congestion, now, &x->stamp);
	*ret = (struct coap_block_ask){number, f->flight_next++};
	return true;
}

/* ---- what is overdue ---- */

/* Those that were sent earlier are due earlier, so the first that is not due ends the search. */
static void lose_overtaken(struct coap_blockfetch *f, msec now)
{
	for (uint32_t i = f->flight_first; (int32_t)(f->answered - i) > 0; i++) {
		if (!flight(f, i)->is_live)
			continue;
		if (coap_congestion_overtaken(&f->congestion, flight(f, i)->stamp.sent_at) > now)
			return;
		lose(f, i);
	}
}

/* Nothing has come for a while. A block is asked for again, or a few; when that has not helped, the path has gone and
 * everything on it. */
static void probe(struct coap_blockfetch *f, msec now)
{
	uint32_t count = coap_congestion_probes(&f->congestion);
	coap_congestion_probed(&f->congestion, now);
	if (f->congestion.phase == COAP_CONGESTION_SILENT)
		count = f->capacity;
	for (; count > 0 && f->flight_first != f->flight_next; count--)
		lose(f, f->flight_first);
}

/* The first request is repeated by its exchange, as RFC 7252 section 4.2 has it. */
static msec probe_deadline(const struct coap_blockfetch *f)
{
	return f->is_open ? coap_congestion_probe(&f->congestion) : NEVER;
}

void coap_blockfetch_tick(struct coap_blockfetch *f, msec now)
{
	lose_overtaken(f, now);
	if (probe_deadline(f) <= now)
		probe(f, now);
}

msec coap_blockfetch_deadline(const struct coap_blockfetch *f)
{
	msec at = probe_deadline(f);
	if (f->is_failed || coap_blockfetch_is_complete(f))
		return NEVER;
	if (f->flight_first != f->flight_next && (int32_t)(f->answered - f->flight_first) > 0)
		at = msec_earlier(
			at, coap_congestion_overtaken(&f->congestion, flight(f, f->flight_first)->stamp.sent_at));
	if (has_room(f, run(f)) && (f->repair_count > 0 || f->next < f->blocks))
		at = msec_earlier(at, coap_congestion_deadline(&f->congestion, run(f)));
	return at;
}

msec coap_blockfetch_timeout(const struct coap_blockfetch *f)
{
	return coap_congestion_timeout(&f->congestion);
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

/* The path has carried it, whatever is in it. */
static void answered(struct coap_blockfetch *f, struct coap_block_ask asked, msec round_trip, msec now)
{
	if (!is_live(f, asked)) {
		coap_congestion_mistaken(&f->congestion);
		return;
	}
	struct coap_congestion_stamp stamp = flight(f, asked.flight)->stamp;
	if ((int32_t)(asked.flight + 1 - f->answered) > 0)
		f->answered = asked.flight + 1;
	land(f, asked.flight);
	coap_congestion_delivered(&f->congestion, &stamp, round_trip, now);
	lose_overtaken(f, now);
}

enum coap_blockfetch_verdict coap_blockfetch_received(struct coap_blockfetch *f, struct coap_block_ask asked,
	const struct coap_block *block, size_t payload_len, struct bytes etag, uint64_t size, msec round_trip, msec now)
{
	answered(f, asked, round_trip, now);
	if (!etag_matches(f, etag)) {
		f->is_failed = true;
		return COAP_BLOCKFETCH_CHANGED;
	}
	bool is_what_was_asked = f->is_open ? block->number == asked.number : opens(f, asked.number, block);
	if (!is_what_was_asked || !agrees(f, block, payload_len, size)) {
		f->is_failed = true;
		return COAP_BLOCKFETCH_BROKEN;
	}
	f->is_open = true;
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

void coap_blockfetch_lost(struct coap_blockfetch *f, struct coap_block_ask asked, msec now)
{
	(void)now;
	if (is_live(f, asked))
		lose(f, asked.flight);
}

void coap_blockfetch_withdrawn(struct coap_blockfetch *f, struct coap_block_ask asked)
{
	if (!is_live(f, asked))
		return;
	coap_congestion_withdrawn(&f->congestion);
	ask_again(f, asked.flight);
}

void coap_blockfetch_refused(struct coap_blockfetch *f, struct coap_block_ask asked, msec now)
{
	answered(f, asked, 0, now);
	if (f->size_is_known ? asked.number < f->blocks : asked.number == 0)
		f->is_failed = true;
	else if (!f->size_is_known && asked.number < f->blocks)
		f->blocks = asked.number;
	if (!f->size_is_known && f->congestion.in_flight == 0 && count_stored(f) == f->blocks)
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
