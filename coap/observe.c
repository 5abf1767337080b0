/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/observe.h"

#include <assert.h>

#define NO_SLOT         UINT32_MAX
#define SEQUENCE_MASK   0xffffffu
#define SEQUENCE_HALF   0x800000u
#define FRESHNESS_LIMIT SECONDS(128)

static void layout(struct coap_observers *o, struct carve *c, uint32_t capacity, uint32_t resource_count)
{
	slab_carve(&o->slab, c, capacity);
	deadlines_carve(&o->deadlines, c, capacity);
	hash_index_carve(&o->tokens, c, capacity);
	hash_index_carve(&o->remotes, c, capacity);
	o->by_resource = carve_take(c, resource_count, sizeof *o->by_resource);
	o->items = carve_take(c, capacity, sizeof *o->items);
}

size_t coap_observers_memory(uint32_t capacity, uint32_t resource_count)
{
	struct coap_observers o;
	struct carve c = {NULL, 0};
	layout(&o, &c, capacity, resource_count);
	return c.used;
}

void coap_observers_init(
	struct coap_observers *o, void *memory, uint32_t capacity, uint32_t resource_count, struct prng *prng)
{
	struct carve c = {memory, 0};
	layout(o, &c, capacity, resource_count);
	o->resource_count = resource_count;
	for (uint32_t i = 0; i < resource_count; i++)
		o->by_resource[i] = NO_SLOT;
	o->secret = prng_u64(prng);
}

static struct coap_observer *item(const struct coap_observers *o, struct handle h)
{
	assert(slab_is_valid(&o->slab, h));
	return &o->items[h.slot];
}

const struct coap_observer *coap_observer_get(const struct coap_observers *o, struct handle h)
{
	return slab_is_valid(&o->slab, h) ? &o->items[h.slot] : NULL;
}

static uint64_t remote_hash(const struct coap_observers *o, const struct coap_remote *remote)
{
	return coap_remote_hash(remote, o->secret);
}

static uint64_t token_hash(
	const struct coap_observers *o, const struct coap_remote *remote, const struct coap_token *token)
{
	return coap_remote_hash(remote, bytes_hash(coap_token_bytes(token), o->secret));
}

bool coap_observer_find(const struct coap_observers *o, const struct coap_remote *remote,
	const struct coap_token *token, struct handle *ret)
{
	uint64_t hash = token_hash(o, remote, token);
	for (uint32_t slot = hash_index_first(&o->tokens, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&o->tokens, slot)) {
		const struct coap_observer *x = &o->items[slot];
		if (coap_token_equal(&x->token, token) && coap_remote_equal(&x->remote, remote)) {
			*ret = slab_handle(&o->slab, slot);
			return true;
		}
	}
	return false;
}

bool coap_observer_find_remote(const struct coap_observers *o, const struct coap_remote *remote, struct handle *ret)
{
	uint64_t hash = remote_hash(o, remote);
	for (uint32_t slot = hash_index_first(&o->remotes, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&o->remotes, slot)) {
		if (coap_remote_equal(&o->items[slot].remote, remote)) {
			*ret = slab_handle(&o->slab, slot);
			return true;
		}
	}
	return false;
}

bool coap_observer_find_rejected(
	const struct coap_observers *o, const struct coap_remote *remote, uint16_t id, struct handle *ret)
{
	if (o->slab.used == 0)
		return false;
	uint64_t hash = remote_hash(o, remote);
	for (uint32_t slot = hash_index_first(&o->remotes, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&o->remotes, slot)) {
		const struct coap_observer *x = &o->items[slot];
		if (x->has_last_id && x->last_id == id && coap_remote_equal(&x->remote, remote)) {
			*ret = slab_handle(&o->slab, slot);
			return true;
		}
	}
	return false;
}

static void join_resource(struct coap_observers *o, uint32_t slot, uint32_t resource)
{
	struct coap_observer *x = &o->items[slot];
	x->resource = resource;
	x->previous = NO_SLOT;
	x->next = o->by_resource[resource];
	if (x->next != NO_SLOT)
		o->items[x->next].previous = slot;
	o->by_resource[resource] = slot;
}

static void leave_resource(struct coap_observers *o, uint32_t slot)
{
	struct coap_observer *x = &o->items[slot];
	if (x->next != NO_SLOT)
		o->items[x->next].previous = x->previous;
	if (x->previous != NO_SLOT)
		o->items[x->previous].next = x->next;
	else
		o->by_resource[x->resource] = x->next;
}

static bool add_new(struct coap_observers *o, const struct coap_remote *remote, const struct coap_token *token,
	uint32_t resource, msec now, struct handle *ret)
{
	if (!slab_take(&o->slab, ret))
		return false;
	struct coap_observer *x = &o->items[ret->slot];
	x->remote = *remote;
	x->token = *token;
	x->sequence = (uint32_t)now & SEQUENCE_MASK;
	x->pending = HANDLE_NONE;
	x->paid_until = now;
	x->is_changed = x->wants_confirmable = x->has_last_id = false;
	join_resource(o, ret->slot, resource);
	hash_index_add(&o->tokens, token_hash(o, remote, token), ret->slot);
	hash_index_add(&o->remotes, remote_hash(o, remote), ret->slot);
	return true;
}

bool coap_observer_add(struct coap_observers *o, const struct coap_remote *remote, const struct coap_token *token,
	uint32_t resource, struct bytes request, msec now, struct handle *ret)
{
	struct handle h;
	assert(resource < o->resource_count);
	if (request.len > COAP_OBSERVER_REQUEST_MAX_BYTES)
		return false;
	if (coap_observer_find(o, remote, token, &h)) {
		leave_resource(o, h.slot);
		join_resource(o, h.slot, resource);
	} else if (!add_new(o, remote, token, resource, now, &h)) {
		return false;
	}
	struct coap_observer *x = &o->items[h.slot];
	x->confirmed = now;
	x->has_format = false;
	x->request_len = (uint16_t)request.len;
	memcpy(x->request, request.data, request.len);
	*ret = h;
	return true;
}

void coap_observer_remove(struct coap_observers *o, struct handle h)
{
	struct coap_observer *x = item(o, h);
	leave_resource(o, h.slot);
	hash_index_remove(&o->tokens, token_hash(o, &x->remote, &x->token), h.slot);
	hash_index_remove(&o->remotes, remote_hash(o, &x->remote), h.slot);
	deadlines_disarm(&o->deadlines, h.slot);
	slab_give(&o->slab, h);
}

/* ---- when a notification may leave ---- */

bool coap_observer_must_confirm(const struct coap_observers *o, struct handle h, msec now)
{
	const struct coap_observer *x = item(o, h);
	if (coap_remote_is_reliable(&x->remote))
		return false; /* the connection confirms by itself (RFC 8323 section 7.2) */
	return x->wants_confirmable || now - x->confirmed >= COAP_OBSERVER_CONFIRM_INTERVAL;
}

/* A burst may be paid for in advance; beyond it the average rate holds. */
static msec allowed_at(const struct coap_observer *x)
{
	return x->paid_until - (COAP_OBSERVER_BURST - 1) * COAP_OBSERVER_NON_INTERVAL;
}

static void schedule(struct coap_observers *o, struct handle h, msec now)
{
	struct coap_observer *x = item(o, h);
	msec at = NEVER;
	if (x->is_changed && handle_is_none(x->pending))
		at = coap_observer_must_confirm(o, h, now) || allowed_at(x) < now ? now : allowed_at(x);
	deadlines_arm(&o->deadlines, h.slot, at);
}

void coap_observer_changed(struct coap_observers *o, struct handle h, bool confirmable, msec now)
{
	if (!slab_is_valid(&o->slab, h))
		return;
	struct coap_observer *x = item(o, h);
	x->is_changed = true;
	x->wants_confirmable = x->wants_confirmable || confirmable;
	schedule(o, h, now);
}

void coap_observers_changed(struct coap_observers *o, uint32_t resource, bool confirmable, msec now)
{
	for (uint32_t slot = o->by_resource[resource]; slot != NO_SLOT; slot = o->items[slot].next)
		coap_observer_changed(o, slab_handle(&o->slab, slot), confirmable, now);
}

void coap_observer_told_format(struct coap_observers *o, struct handle h, uint16_t format)
{
	struct coap_observer *x = item(o, h);
	if (x->has_format)
		return;
	x->format = format;
	x->has_format = true;
}

bool coap_observer_may_tell_format(const struct coap_observers *o, struct handle h, uint16_t format)
{
	const struct coap_observer *x = coap_observer_get(o, h);
	return x == NULL || !x->has_format || x->format == format;
}

/* The clock counts in milliseconds, far below the one step in 30.5 microseconds that section 4.4 allows, and goes on
 * over a restart that forgets the observers. Several notifications within one millisecond are told apart by counting.
 */
uint32_t coap_observer_next_sequence(struct coap_observers *o, struct handle h, msec now)
{
	struct coap_observer *x = item(o, h);
	uint32_t clock = (uint32_t)now & SEQUENCE_MASK;
	uint32_t ahead = (clock - x->sequence) & SEQUENCE_MASK;
	bool is_ahead = ahead != 0 && ahead < SEQUENCE_HALF;
	x->sequence = is_ahead ? clock : (x->sequence + 1) & SEQUENCE_MASK;
	return x->sequence;
}

void coap_observer_notified(struct coap_observers *o, struct handle h, uint16_t id, struct handle pending, msec now)
{
	struct coap_observer *x = item(o, h);
	x->last_id = id;
	x->has_last_id = handle_is_none(pending);
	x->is_changed = x->wants_confirmable = false;
	x->pending = pending;
	if (handle_is_none(pending) && !coap_remote_is_reliable(&x->remote)) /* elsewhere the connection paces */
		x->paid_until = (x->paid_until > now ? x->paid_until : now) + COAP_OBSERVER_NON_INTERVAL;
	schedule(o, h, now);
}

void coap_observer_settled(struct coap_observers *o, struct handle h, msec now)
{
	if (!slab_is_valid(&o->slab, h))
		return;
	struct coap_observer *x = item(o, h);
	x->pending = HANDLE_NONE;
	x->confirmed = now;
	schedule(o, h, now);
}

msec coap_observers_deadline(const struct coap_observers *o)
{
	return deadlines_next(&o->deadlines);
}

bool coap_observers_due(struct coap_observers *o, msec now, struct handle *ret)
{
	uint32_t slot;
	if (!deadlines_due(&o->deadlines, now, &slot))
		return false;
	*ret = slab_handle(&o->slab, slot);
	return true;
}

/* ---- the client's side ---- */

bool coap_freshness_accept(struct coap_freshness *f, uint32_t sequence, msec now)
{
	uint32_t v1 = f->sequence, v2 = sequence;
	bool is_newer = !f->has_any || (v1 < v2 && v2 - v1 < SEQUENCE_HALF) || (v1 > v2 && v1 - v2 > SEQUENCE_HALF) ||
			now > msec_after(f->at, FRESHNESS_LIMIT);
	if (is_newer)
		*f = (struct coap_freshness){sequence, now, true};
	return is_newer;
}
