/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One slab and two lists: of each device and of all, both in the order of numbers, since the highest comes last. */
#include "server/orders.h"

#include <assert.h>

void orders_carve(struct orders *o, struct carve *c, uint32_t capacity, uint32_t devices)
{
	o->items = carve_take(c, capacity, sizeof *o->items);
	o->first = carve_take(c, devices, sizeof *o->first);
	slab_carve(&o->slab, c, capacity);
	hash_index_carve(&o->by_number, c, capacity);
	deadlines_carve(&o->deadlines, c, capacity);
	if (c->memory != NULL)
		bytes_clear(o->first, devices * sizeof *o->first);
	o->oldest = o->newest = 0;
	o->newest_number = 0;
}

static struct order *at(const struct orders *o, uint32_t link)
{
	return link == 0 ? NULL : &o->items[link - 1];
}

static uint32_t slot_of(const struct orders *o, const struct order *order)
{
	return (uint32_t)(order - o->items);
}

/* Numbers follow each other, so they spread well as they are; the multiplier serves the upper bits. */
static uint64_t hash_of(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- the table ---- */

static void append_to_device(struct orders *o, struct order *order)
{
	uint32_t *link = &o->first[order->device.slot];
	while (*link != 0)
		link = &o->items[*link - 1].next;
	*link = slot_of(o, order) + 1;
}

struct order *orders_add(struct orders *o, const struct order_record *record, struct handle device)
{
	struct handle handle;
	assert(record->number > o->newest_number);
	if (!slab_take(&o->slab, &handle))
		return NULL;
	struct order *order = &o->items[handle.slot];
	*order = (struct order){.record = *record, .device = device, .older = o->newest};
	if (o->newest == 0)
		o->oldest = handle.slot + 1;
	else
		o->items[o->newest - 1].newer = handle.slot + 1;
	o->newest = handle.slot + 1;
	o->newest_number = record->number;
	append_to_device(o, order);
	hash_index_add(&o->by_number, hash_of(record->number), handle.slot);
	return order;
}

void orders_remove(struct orders *o, struct order *order)
{
	uint32_t slot = slot_of(o, order), *link = &o->first[order->device.slot];
	while (*link != slot + 1) {
		assert(*link != 0);
		link = &o->items[*link - 1].next;
	}
	*link = order->next;
	*(order->older == 0 ? &o->oldest : &o->items[order->older - 1].newer) = order->newer;
	*(order->newer == 0 ? &o->newest : &o->items[order->newer - 1].older) = order->older;
	deadlines_disarm(&o->deadlines, slot);
	hash_index_remove(&o->by_number, hash_of(order->record.number), slot);
	slab_give(&o->slab, slab_handle(&o->slab, slot));
}

void orders_enter(struct orders *o, struct order *order, enum order_state state, msec deadline)
{
	assert(!order_has_ended(order->record.state) || state == order->record.state);
	order->record.state = state;
	deadlines_arm(&o->deadlines, slot_of(o, order), state == ORDER_RUNNING ? NEVER : deadline);
}

/* ---- looking ---- */

struct order *orders_find(const struct orders *o, uint64_t number)
{
	const struct hash_index *index = &o->by_number;
	for (uint32_t i = hash_index_first(index, hash_of(number)); i != HASH_INDEX_END; i = hash_index_next(index, i))
		if (o->items[i].record.number == number)
			return &o->items[i];
	return NULL;
}

struct order *orders_first(const struct orders *o, uint32_t device)
{
	return at(o, o->first[device]);
}

struct order *orders_next(const struct orders *o, const struct order *order)
{
	return at(o, order->next);
}

struct order *orders_oldest(const struct orders *o)
{
	return at(o, o->oldest);
}

struct order *orders_newer(const struct orders *o, const struct order *order)
{
	return at(o, order->newer);
}

struct order *orders_ready(const struct orders *o, uint32_t device)
{
	struct order *order = orders_first(o, device);
	while (order != NULL && order_has_ended(order->record.state))
		order = orders_next(o, order);
	bool is_ready = order != NULL && order->record.state == ORDER_WAITING && !order->is_new;
	return is_ready ? order : NULL;
}

const struct order *orders_before(const struct orders *o, const struct order *order)
{
	const struct order *before = NULL;
	for (const struct order *i = orders_first(o, order->device.slot); i != order; i = orders_next(o, i))
		if (!order_has_ended(i->record.state))
			before = i;
	return before;
}

uint32_t orders_open(const struct orders *o, uint32_t device)
{
	uint32_t count = 0;
	for (const struct order *i = orders_first(o, device); i != NULL; i = orders_next(o, i))
		count += !order_has_ended(i->record.state);
	return count;
}

struct order *orders_oldest_ended(const struct orders *o)
{
	struct order *order = orders_oldest(o);
	while (order != NULL && (!order_has_ended(order->record.state) || order->is_unsaved))
		order = orders_newer(o, order);
	return order;
}

/* ---- time ---- */

msec orders_deadline(const struct orders *o)
{
	return deadlines_next(&o->deadlines);
}

struct order *orders_due(struct orders *o, msec now)
{
	uint32_t slot;
	return deadlines_due(&o->deadlines, now, &slot) ? &o->items[slot] : NULL;
}

/* ---- words ---- */

bool order_has_ended(enum order_state state)
{
	return state != ORDER_WAITING && state != ORDER_RUNNING;
}

bool order_is_safe_twice(enum errand_kind kind)
{
	switch (kind) {
	case ERRAND_READ:
	case ERRAND_DISCOVER:
	case ERRAND_WRITE:
	case ERRAND_UPDATE:
	case ERRAND_ATTRIBUTES:
	case ERRAND_READ_COMPOSITE:
	case ERRAND_WRITE_COMPOSITE:
		return true;
	case ERRAND_EXECUTE:
	case ERRAND_CREATE:
	case ERRAND_DELETE: /* the second time there is nothing to delete, which looks like a failure */
	case ERRAND_KIND_END:
		break;
	}
	return false;
}

const char *order_state_name(enum order_state state)
{
	static const char *const names[ORDER_STATE_END] = {
		"waiting", "running", "done", "failed", "expired", "cancelled", "unknown"};
	return names[state];
}
