/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/handshake.h"

#include "coap/base/arena.h"

#include <assert.h>

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t buckets = 1;
	while (buckets < capacity)
		buckets *= 2;
	return buckets;
}

static size_t rounded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

size_t dtls_handshakes_memory(uint32_t capacity)
{
	assert(capacity > 0 && capacity <= UINT32_MAX / 2);
	return rounded(capacity * sizeof(struct dtls_handshake)) + rounded(buckets_for(capacity) * sizeof(uint32_t)) +
	       3 * rounded(capacity * sizeof(uint32_t)) + rounded(capacity * sizeof(struct deadline_node));
}

void dtls_handshakes_init(struct dtls_handshakes *t, void *memory, uint32_t capacity, uint64_t seed)
{
	struct arena arena;
	arena_init(&arena, memory, dtls_handshakes_memory(capacity));
	*t = (struct dtls_handshakes){.bucket_count = buckets_for(capacity), .seed = seed};
	t->handshakes = arena_take(&arena, capacity * sizeof *t->handshakes);
	t->buckets = arena_take(&arena, t->bucket_count * sizeof *t->buckets);
	uint32_t *generations = arena_take(&arena, capacity * sizeof *generations);
	uint32_t *next = arena_take(&arena, capacity * sizeof *next);
	uint32_t *places = arena_take(&arena, capacity * sizeof *places);
	struct deadline_node *nodes = arena_take(&arena, capacity * sizeof *nodes);
	memset(t->buckets, 0, t->bucket_count * sizeof *t->buckets);
	slab_init(&t->slab, generations, next, capacity);
	deadlines_init(&t->deadlines, nodes, places, capacity);
}

static struct address host_of(const struct address *address)
{
	struct address host = {.scope = address->scope};
	memcpy(host.ip, address->ip, address_is_ipv4(address) ? 16 : 8);
	return host;
}

static uint32_t *bucket_of(const struct dtls_handshakes *t, const struct address *address)
{
	struct address host = host_of(address);
	return &t->buckets[address_hash(&host, t->seed) & (t->bucket_count - 1)];
}

struct dtls_handshake *dtls_handshake_find(const struct dtls_handshakes *t, const struct address *address)
{
	uint32_t link = *bucket_of(t, address);
	while (link != 0 && !address_equal(&t->handshakes[link - 1].address, address))
		link = t->handshakes[link - 1].next;
	return link == 0 ? NULL : &t->handshakes[link - 1];
}

uint32_t dtls_handshake_slot(const struct dtls_handshakes *t, const struct dtls_handshake *h)
{
	assert(h >= t->handshakes && h < t->handshakes + t->slab.capacity);
	return (uint32_t)(h - t->handshakes);
}

/* ---- in the order of being heard ---- */

static void join_newest(struct dtls_handshakes *t, struct dtls_handshake *h)
{
	uint32_t link = dtls_handshake_slot(t, h) + 1;
	h->older = t->newest;
	h->newer = 0;
	*(t->newest == 0 ? &t->oldest : &t->handshakes[t->newest - 1].newer) = link;
	t->newest = link;
}

static void leave_order(struct dtls_handshakes *t, const struct dtls_handshake *h)
{
	*(h->older == 0 ? &t->oldest : &t->handshakes[h->older - 1].newer) = h->newer;
	*(h->newer == 0 ? &t->newest : &t->handshakes[h->newer - 1].older) = h->older;
}

void dtls_handshake_heard(struct dtls_handshakes *t, struct dtls_handshake *h, msec now)
{
	leave_order(t, h);
	h->heard = now;
	join_newest(t, h);
}

uint32_t dtls_handshakes_of_host(
	const struct dtls_handshakes *t, const struct address *address, struct dtls_handshake **ret_stalest)
{
	uint32_t count = 0;
	struct address host = host_of(address);
	*ret_stalest = NULL;
	for (uint32_t link = *bucket_of(t, address); link != 0; link = t->handshakes[link - 1].next) {
		struct dtls_handshake *h = &t->handshakes[link - 1];
		struct address other = host_of(&h->address);
		if (h->is_client || !address_equal(&other, &host))
			continue;
		count++;
		if (*ret_stalest == NULL || h->heard < (*ret_stalest)->heard)
			*ret_stalest = h;
	}
	return count;
}

struct dtls_handshake *dtls_handshakes_stalest(const struct dtls_handshakes *t)
{
	uint32_t link = t->oldest;
	while (link != 0 && t->handshakes[link - 1].is_client)
		link = t->handshakes[link - 1].newer;
	return link == 0 ? NULL : &t->handshakes[link - 1];
}

bool dtls_handshakes_are_full(const struct dtls_handshakes *t)
{
	return t->slab.used == t->slab.capacity;
}

/* ---- the table ---- */

struct dtls_handshake *dtls_handshake_add(struct dtls_handshakes *t, const struct address *address, msec now)
{
	assert(dtls_handshake_find(t, address) == NULL);
	struct handle slot;
	if (!slab_take(&t->slab, &slot))
		return NULL;
	struct dtls_handshake *h = &t->handshakes[slot.slot];
	uint32_t *bucket = bucket_of(t, address);
	*h = (struct dtls_handshake){
		.address = *address, .next = *bucket, .retransmit = NEVER, .limit = NEVER, .heard = now};
	*bucket = slot.slot + 1;
	join_newest(t, h);
	return h;
}

void dtls_handshake_remove(struct dtls_handshakes *t, struct dtls_handshake *h)
{
	uint32_t slot = dtls_handshake_slot(t, h);
	uint32_t *place = bucket_of(t, &h->address);
	while (*place != slot + 1)
		place = &t->handshakes[*place - 1].next;
	*place = h->next;
	leave_order(t, h);
	deadlines_disarm(&t->deadlines, slot);
	slab_give(&t->slab, slab_handle(&t->slab, slot));
}

void dtls_handshake_arm(struct dtls_handshakes *t, const struct dtls_handshake *h)
{
	deadlines_arm(&t->deadlines, dtls_handshake_slot(t, h), msec_earlier(h->retransmit, h->limit));
}

msec dtls_handshakes_deadline(const struct dtls_handshakes *t)
{
	return deadlines_next(&t->deadlines);
}

struct dtls_handshake *dtls_handshake_due(struct dtls_handshakes *t, msec now)
{
	uint32_t slot;
	return deadlines_due(&t->deadlines, now, &slot) ? &t->handshakes[slot] : NULL;
}

struct dtls_handshake *dtls_handshake_any(const struct dtls_handshakes *t)
{
	for (uint32_t slot = 0; slot < t->slab.untouched; slot++)
		if (slab_is_taken(&t->slab, slot))
			return &t->handshakes[slot];
	return NULL;
}
