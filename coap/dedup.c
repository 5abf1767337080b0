/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/dedup.h"

#include <assert.h>

#define NO_SLOT UINT32_MAX
/* More than one a time, so that the table shrinks; not all at once, so that no request waits for a long clean-up. */
#define EXPIRED_A_TIME 4

enum { QUEUE_CONFIRMABLE, QUEUE_NONCONFIRMABLE };

_Static_assert(sizeof(struct coap_dedup_entry) == 80, "each device that renews its registration costs the server one");

static uint32_t long_capacity(uint32_t capacity)
{
	return capacity / COAP_DEDUP_ENTRIES_A_LONG_REPLY + 1;
}

static void layout(struct coap_dedup *d, struct carve *c, uint32_t capacity)
{
	slab_carve(&d->slab, c, capacity);
	slab_carve(&d->long_slab, c, long_capacity(capacity));
	hash_index_carve(&d->index, c, capacity);
	d->entries = carve_take(c, capacity, sizeof *d->entries);
	d->short_replies = carve_take(c, capacity, sizeof *d->short_replies);
	d->long_replies = carve_take(c, long_capacity(capacity), sizeof *d->long_replies);
}

size_t coap_dedup_memory(uint32_t capacity)
{
	struct coap_dedup d;
	struct carve c = {NULL, 0};
	layout(&d, &c, capacity);
	return c.used;
}

void coap_dedup_init(
	struct coap_dedup *d, void *memory, uint32_t capacity, const struct coap_patience *patience, struct prng *prng)
{
	struct carve c = {memory, 0};
	layout(d, &c, capacity);
	d->secret = prng_u64(prng);
	d->queues[QUEUE_CONFIRMABLE] = (struct coap_dedup_queue){coap_exchange_lifetime(patience), NO_SLOT, NO_SLOT};
	d->queues[QUEUE_NONCONFIRMABLE] = (struct coap_dedup_queue){coap_non_lifetime(patience), NO_SLOT, NO_SLOT};
}

static uint64_t hash_of(const struct coap_dedup *d, const struct coap_remote *remote, uint16_t id)
{
	return coap_remote_hash(remote, d->secret + id);
}

static uint8_t *place_of(const struct coap_dedup *d, struct coap_dedup_entry *e)
{
	if (e->long_place != 0)
		return d->long_replies[e->long_place - 1];
	return e->reply_len <= sizeof e->reply ? e->reply : d->short_replies[e - d->entries];
}

bool coap_dedup_find(
	const struct coap_dedup *d, const struct coap_remote *remote, uint16_t id, msec now, struct bytes *ret_reply)
{
	if (d->slab.used == 0)
		return false;
	uint64_t hash = hash_of(d, remote, id);
	for (uint32_t slot = hash_index_first(&d->index, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&d->index, slot)) {
		struct coap_dedup_entry *e = &d->entries[slot];
		if (e->id == id && e->expires > now && coap_remote_equal(&e->remote, remote)) {
			*ret_reply = bytes_of(place_of(d, e), e->reply_len);
			return true;
		}
	}
	return false;
}

static void drop_long_reply(struct coap_dedup *d, struct coap_dedup_entry *e)
{
	if (e->long_place != 0)
		slab_give(&d->long_slab, slab_handle(&d->long_slab, e->long_place - 1));
	e->long_place = 0;
	e->reply_len = 0;
}

static void remove_oldest(struct coap_dedup *d, struct coap_dedup_queue *q)
{
	uint32_t slot = q->oldest;
	struct coap_dedup_entry *e = &d->entries[slot];
	q->oldest = e->younger;
	if (q->oldest == NO_SLOT)
		q->youngest = NO_SLOT;
	drop_long_reply(d, e);
	hash_index_remove(&d->index, hash_of(d, &e->remote, e->id), slot);
	slab_give(&d->slab, slab_handle(&d->slab, slot));
}

static void expire(struct coap_dedup *d, msec now)
{
	for (int i = 0; i < 2; i++) {
		struct coap_dedup_queue *q = &d->queues[i];
		for (int n = 0; n < EXPIRED_A_TIME && q->oldest != NO_SLOT; n++) {
			if (d->entries[q->oldest].expires > now)
				break;
			remove_oldest(d, q);
		}
	}
}

static void append(struct coap_dedup *d, struct coap_dedup_queue *q, uint32_t slot)
{
	d->entries[slot].younger = NO_SLOT;
	if (q->youngest == NO_SLOT)
		q->oldest = slot;
	else
		d->entries[q->youngest].younger = slot;
	q->youngest = slot;
}

bool coap_dedup_add(struct coap_dedup *d, const struct coap_remote *remote, uint16_t id, bool is_confirmable, msec now,
	struct handle *ret)
{
	struct coap_dedup_queue *queue = &d->queues[is_confirmable ? QUEUE_CONFIRMABLE : QUEUE_NONCONFIRMABLE];
	struct handle h;
	expire(d, now);
	if (!slab_take(&d->slab, &h))
		return false;
	struct coap_dedup_entry *e = &d->entries[h.slot];
	e->remote = *remote;
	e->id = id;
	e->expires = msec_after(now, queue->lifetime);
	e->reply_len = 0;
	e->long_place = 0;
	append(d, queue, h.slot);
	hash_index_add(&d->index, hash_of(d, remote, id), h.slot);
	*ret = h;
	return true;
}

bool coap_dedup_answered(struct coap_dedup *d, struct handle h, struct bytes reply)
{
	if (!slab_is_valid(&d->slab, h))
		return true;
	assert(reply.len <= COAP_DATAGRAM_MAX_BYTES);
	struct coap_dedup_entry *e = &d->entries[h.slot];
	struct handle place = HANDLE_NONE;
	drop_long_reply(d, e);
	if (reply.len > COAP_DEDUP_SHORT_REPLY_BYTES && !slab_take(&d->long_slab, &place))
		return false;
	e->long_place = handle_is_none(place) ? 0 : place.slot + 1;
	e->reply_len = (uint16_t)reply.len;
	if (reply.len > 0)
		memcpy(place_of(d, e), reply.data, reply.len);
	return true;
}

uint32_t coap_dedup_count(const struct coap_dedup *d)
{
	return d->slab.used;
}
