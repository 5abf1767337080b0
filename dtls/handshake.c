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

static uint32_t *bucket_of(const struct dtls_handshakes *t, const struct address *address)
{
	return &t->buckets[address_hash(address, t->seed) & (t->bucket_count - 1)];
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

struct dtls_handshake *dtls_handshake_add(struct dtls_handshakes *t, const struct address *address)
{
	assert(dtls_handshake_find(t, address) == NULL);
	struct handle slot;
	if (!slab_take(&t->slab, &slot))
		return NULL;
	struct dtls_handshake *h = &t->handshakes[slot.slot];
	uint32_t *bucket = bucket_of(t, address);
	*h = (struct dtls_handshake){.address = *address, .next = *bucket, .retransmit = NEVER, .limit = NEVER};
	*bucket = slot.slot + 1;
	return h;
}

void dtls_handshake_remove(struct dtls_handshakes *t, struct dtls_handshake *h)
{
	uint32_t slot = dtls_handshake_slot(t, h);
	uint32_t *place = bucket_of(t, &h->address);
	while (*place != slot + 1)
		place = &t->handshakes[*place - 1].next;
	*place = h->next;
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
