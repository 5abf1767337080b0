/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/separate.h"

#include <assert.h>

static void layout(struct coap_separates *s, struct carve *c, uint32_t capacity)
{
	slab_carve(&s->slab, c, capacity);
	deadlines_carve(&s->deadlines, c, capacity);
	hash_index_carve(&s->ids, c, capacity);
	hash_index_carve(&s->remotes, c, capacity);
	s->items = carve_take(c, capacity, sizeof *s->items);
}

size_t coap_separates_memory(uint32_t capacity)
{
	struct coap_separates s;
	struct carve c = {NULL, 0};
	layout(&s, &c, capacity);
	return c.used;
}

void coap_separates_init(struct coap_separates *s, void *memory, uint32_t capacity, struct prng *prng)
{
	struct carve c = {memory, 0};
	layout(s, &c, capacity);
	s->reserved = HANDLE_NONE;
	s->secret = prng_u64(prng);
}

static uint64_t id_hash(const struct coap_separates *s, const struct coap_remote *remote, uint16_t id)
{
	return coap_remote_hash(remote, s->secret + 1 + id);
}

static uint64_t remote_hash(const struct coap_separates *s, const struct coap_remote *remote)
{
	return coap_remote_hash(remote, s->secret);
}

struct coap_separate *coap_separate_get(const struct coap_separates *s, struct handle h)
{
	return slab_is_valid(&s->slab, h) ? &s->items[h.slot] : NULL;
}

struct coap_separate *coap_separate_reserve(struct coap_separates *s, struct handle *ret)
{
	if (handle_is_none(s->reserved) && !slab_take(&s->slab, &s->reserved))
		return NULL;
	struct coap_separate *x = &s->items[s->reserved.slot];
	x->state = COAP_SEPARATE_OWED;
	x->is_indexed = false;
	*ret = s->reserved;
	return x;
}

void coap_separate_release(struct coap_separates *s)
{
	if (!handle_is_none(s->reserved))
		s->reserved = slab_renew(&s->slab, s->reserved);
}

void coap_separate_owe(struct coap_separates *s, struct handle h, msec lifetime, msec now)
{
	struct coap_separate *x = coap_separate_get(s, h);
	assert(x != NULL && x->state == COAP_SEPARATE_OWED && !x->is_indexed);
	hash_index_add(&s->ids, id_hash(s, &x->origin.remote, x->origin.id), h.slot);
	hash_index_add(&s->remotes, remote_hash(s, &x->origin.remote), h.slot);
	x->is_indexed = true;
	s->reserved = HANDLE_NONE;
	x->pending = HANDLE_NONE;
	x->expires = msec_after(now, lifetime);
	deadlines_arm(&s->deadlines, h.slot, msec_after(now, COAP_ACK_DELAY));
}

void coap_separate_promised(struct coap_separates *s, struct handle h)
{
	struct coap_separate *x = coap_separate_get(s, h);
	assert(x != NULL && x->state == COAP_SEPARATE_OWED);
	x->state = COAP_SEPARATE_PROMISED;
	x->origin.is_acked = true;
	deadlines_arm(&s->deadlines, h.slot, x->expires);
}

void coap_separate_sent(struct coap_separates *s, struct handle h, struct handle pending)
{
	struct coap_separate *x = coap_separate_get(s, h);
	assert(x != NULL && x->state != COAP_SEPARATE_SENT);
	x->state = COAP_SEPARATE_SENT;
	x->pending = pending;
	deadlines_disarm(&s->deadlines, h.slot);
}

void coap_separate_remove(struct coap_separates *s, struct handle h)
{
	const struct coap_separate *x = coap_separate_get(s, h);
	if (x == NULL)
		return;
	if (x->is_indexed) {
		hash_index_remove(&s->ids, id_hash(s, &x->origin.remote, x->origin.id), h.slot);
		hash_index_remove(&s->remotes, remote_hash(s, &x->origin.remote), h.slot);
		deadlines_disarm(&s->deadlines, h.slot);
	} else {
		s->reserved = HANDLE_NONE; /* it has been answered while it was handled */
	}
	slab_give(&s->slab, h);
}

bool coap_separate_find(
	const struct coap_separates *s, const struct coap_remote *remote, uint16_t id, struct handle *ret)
{
	if (coap_separates_count(s) == 0)
		return false;
	uint64_t hash = id_hash(s, remote, id);
	for (uint32_t slot = hash_index_first(&s->ids, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&s->ids, slot)) {
		const struct coap_origin *origin = &s->items[slot].origin;
		if (origin->id == id && coap_remote_equal(&origin->remote, remote)) {
			*ret = slab_handle(&s->slab, slot);
			return true;
		}
	}
	return false;
}

bool coap_separate_find_remote(const struct coap_separates *s, const struct coap_remote *remote, struct handle *ret)
{
	uint64_t hash = remote_hash(s, remote);
	for (uint32_t slot = hash_index_first(&s->remotes, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&s->remotes, slot)) {
		if (coap_remote_equal(&s->items[slot].origin.remote, remote)) {
			*ret = slab_handle(&s->slab, slot);
			return true;
		}
	}
	return false;
}

msec coap_separates_deadline(const struct coap_separates *s)
{
	return deadlines_next(&s->deadlines);
}

bool coap_separates_due(struct coap_separates *s, msec now, struct handle *ret)
{
	uint32_t slot;
	if (!deadlines_due(&s->deadlines, now, &slot))
		return false;
	*ret = slab_handle(&s->slab, slot);
	return true;
}

uint32_t coap_separates_count(const struct coap_separates *s)
{
	return s->slab.used - (handle_is_none(s->reserved) ? 0 : 1);
}
