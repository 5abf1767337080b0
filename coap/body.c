/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/body.h"

#include <assert.h>

static void layout(struct coap_bodies *b, struct carve *c, uint32_t capacity, uint32_t size_max)
{
	slab_carve(&b->slab, c, capacity);
	deadlines_carve(&b->deadlines, c, capacity);
	b->size_max = size_max;
	b->items = carve_take(c, capacity, sizeof *b->items);
	b->data = carve_take(c, capacity, size_max);
}

size_t coap_bodies_memory(uint32_t capacity, uint32_t size_max)
{
	struct coap_bodies b;
	struct carve c = {NULL, 0};
	layout(&b, &c, capacity, size_max);
	return c.used;
}

void coap_bodies_init(struct coap_bodies *b, void *memory, uint32_t capacity, uint32_t size_max)
{
	struct carve c = {memory, 0};
	layout(b, &c, capacity, size_max);
}

static uint8_t *place(const struct coap_bodies *b, uint32_t slot)
{
	return b->data + (size_t)slot * b->size_max;
}

struct coap_body *coap_body_get(struct coap_bodies *b, struct handle h)
{
	return slab_is_valid(&b->slab, h) ? &b->items[h.slot] : NULL;
}

bool coap_body_find(const struct coap_bodies *b, enum coap_body_kind kind, const struct coap_remote *remote,
	uint64_t key, struct handle *ret)
{
	for (uint32_t slot = 0; b->slab.used > 0 && slot < b->slab.untouched; slot++) {
		const struct coap_body *body = &b->items[slot];
		if (slab_is_taken(&b->slab, slot) && body->kind == kind && body->key == key &&
			coap_remote_equal(&body->remote, remote)) {
			*ret = slab_handle(&b->slab, slot);
			return true;
		}
	}
	return false;
}

void coap_body_close(struct coap_bodies *b, struct handle h)
{
	if (!slab_is_valid(&b->slab, h))
		return;
	deadlines_disarm(&b->deadlines, h.slot);
	slab_give(&b->slab, h);
}

void coap_body_forget(struct coap_bodies *b, const struct coap_remote *remote)
{
	for (uint32_t slot = 0; b->slab.used > 0 && slot < b->slab.untouched; slot++)
		if (slab_is_taken(&b->slab, slot) && coap_remote_equal(&b->items[slot].remote, remote))
			coap_body_close(b, slab_handle(&b->slab, slot));
}

static void close_one_spent(struct coap_bodies *b)
{
	for (uint32_t slot = 0; slot < b->slab.untouched; slot++) {
		if (slab_is_taken(&b->slab, slot) && b->items[slot].is_spent) {
			coap_body_close(b, slab_handle(&b->slab, slot));
			return;
		}
	}
}

bool coap_body_open(struct coap_bodies *b, enum coap_body_kind kind, const struct coap_remote *remote, uint64_t key,
	msec deadline, struct handle *ret)
{
	struct handle h;
	if (coap_body_find(b, kind, remote, key, &h))
		coap_body_close(b, h);
	if (b->slab.used == b->slab.capacity)
		close_one_spent(b);
	if (!slab_take(&b->slab, &h))
		return false;
	b->items[h.slot] = (struct coap_body){.remote = *remote, .key = key, .kind = kind};
	deadlines_arm(&b->deadlines, h.slot, deadline);
	*ret = h;
	return true;
}

static bool is_repetition(const struct coap_body *body, uint64_t offset, struct bytes part)
{
	return body->last_size > 0 && part.len == body->last_size && offset + part.len == body->length;
}

enum coap_body_verdict coap_body_pass(
	struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part, msec deadline)
{
	assert(slab_is_valid(&b->slab, h) && part.len <= UINT32_MAX);
	struct coap_body *body = &b->items[h.slot];
	bool is_next = offset == body->length;
	if (!is_next && !is_repetition(body, offset, part))
		return COAP_BODY_GAP;
	deadlines_arm(&b->deadlines, h.slot, deadline);
	if (!is_next)
		return COAP_BODY_REPEATED;
	body->length += part.len;
	body->last_size = (uint32_t)part.len;
	return COAP_BODY_APPENDED;
}

enum coap_body_verdict coap_body_append(
	struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part, msec deadline)
{
	if (offset > b->size_max || part.len > b->size_max - offset)
		return COAP_BODY_TOO_LARGE;
	enum coap_body_verdict verdict = coap_body_pass(b, h, offset, part, deadline);
	if (verdict == COAP_BODY_APPENDED && part.len > 0)
		memcpy(place(b, h.slot) + offset, part.data, part.len);
	return verdict;
}

void coap_body_place(struct coap_bodies *b, struct handle h, uint64_t offset, struct bytes part)
{
	assert(slab_is_valid(&b->slab, h) && offset <= b->size_max && part.len <= b->size_max - offset);
	struct coap_body *body = &b->items[h.slot];
	if (part.len > 0)
		memcpy(place(b, h.slot) + offset, part.data, part.len);
	if (offset + part.len > body->length)
		body->length = offset + part.len;
}

void coap_body_prolong(struct coap_bodies *b, struct handle h, msec deadline)
{
	assert(slab_is_valid(&b->slab, h));
	deadlines_arm(&b->deadlines, h.slot, deadline);
}

struct bytes coap_body_bytes(const struct coap_bodies *b, struct handle h)
{
	assert(slab_is_valid(&b->slab, h));
	return bytes_of(place(b, h.slot), (size_t)b->items[h.slot].length);
}

msec coap_bodies_deadline(const struct coap_bodies *b)
{
	return deadlines_next(&b->deadlines);
}

void coap_bodies_tick(struct coap_bodies *b, msec now)
{
	uint32_t slot;
	while (deadlines_due(&b->deadlines, now, &slot))
		slab_give(&b->slab, slab_handle(&b->slab, slot));
}

uint32_t coap_bodies_count(const struct coap_bodies *b)
{
	return b->slab.used;
}
