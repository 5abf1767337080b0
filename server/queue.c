/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One slab of operations; each device's are a list in the order of their adding. A running operation is always the
 * first of its list, and has no deadline of its own any more: its exchange ends by itself. */
#include "server/queue.h"

#include "coap/base/bytes.h"

#include <assert.h>
#include <string.h>

void queue_carve(struct queue *q, struct carve *c, uint32_t capacity, uint32_t devices)
{
	q->items = carve_take(c, capacity, sizeof *q->items);
	q->first = carve_take(c, devices, sizeof *q->first);
	slab_carve(&q->slab, c, capacity);
	deadlines_carve(&q->deadlines, c, capacity);
	if (c->memory != NULL)
		bytes_clear(q->first, devices * sizeof *q->first);
}

static struct queue_item *first_of(const struct queue *q, uint32_t device)
{
	return q->first[device] == 0 ? NULL : &q->items[q->first[device] - 1];
}

static uint32_t slot_of(const struct queue *q, const struct queue_item *item)
{
	return (uint32_t)(item - q->items);
}

/* The link that leads to `slot`. */
static uint32_t *link_to(struct queue *q, uint32_t device, uint32_t slot)
{
	uint32_t *link = &q->first[device];
	while (*link != slot + 1) {
		assert(*link != 0);
		link = &q->items[*link - 1].next;
	}
	return link;
}

static void take_out(struct queue *q, uint32_t slot)
{
	struct queue_item *item = &q->items[slot];
	*link_to(q, item->device, slot) = item->next;
	deadlines_disarm(&q->deadlines, slot);
	slab_give(&q->slab, slab_handle(&q->slab, slot));
}

enum queue_added queue_add(struct queue *q, uint32_t device, enum operation operation, uint32_t purpose, msec deadline)
{
	uint32_t *end = &q->first[device];
	unsigned count = 0;
	struct handle handle;
	for (; *end != 0; end = &q->items[*end - 1].next, count++) {
		struct queue_item *item = &q->items[*end - 1];
		if (!item->is_running && item->operation == operation && item->purpose == purpose)
			return QUEUE_THERE;
	}
	if (count == QUEUE_DEVICE_MAX || !slab_take(&q->slab, &handle))
		return QUEUE_FULL;
	q->items[handle.slot] = (struct queue_item){
		.device = device, .purpose = purpose, .operation = (uint8_t)operation, .deadline = deadline};
	*end = handle.slot + 1;
	deadlines_arm(&q->deadlines, handle.slot, deadline);
	return QUEUE_ADDED;
}

struct queue_item *queue_begin(struct queue *q, uint32_t device)
{
	struct queue_item *item = first_of(q, device);
	if (item == NULL || item->is_running)
		return NULL;
	item->is_running = true;
	if (item->tries < UINT8_MAX)
		item->tries++;
	deadlines_disarm(&q->deadlines, slot_of(q, item));
	return item;
}

const struct queue_item *queue_running(const struct queue *q, uint32_t device)
{
	struct queue_item *item = first_of(q, device);
	return item != NULL && item->is_running ? item : NULL;
}

void queue_done(struct queue *q, uint32_t device)
{
	struct queue_item *item = first_of(q, device);
	assert(item != NULL && item->is_running);
	take_out(q, slot_of(q, item));
}

void queue_retry(struct queue *q, uint32_t device)
{
	struct queue_item *item = first_of(q, device);
	assert(item != NULL && item->is_running);
	item->is_running = false;
	deadlines_arm(&q->deadlines, slot_of(q, item), item->deadline);
}

void queue_clear(struct queue *q, uint32_t device)
{
	while (q->first[device] != 0)
		take_out(q, q->first[device] - 1);
}

void queue_forget(struct queue *q, uint32_t device, uint32_t purpose)
{
	for (uint32_t at = q->first[device]; at != 0;) {
		struct queue_item *item = &q->items[at - 1];
		uint32_t next = item->next;
		if (!item->is_running && item->purpose == purpose)
			take_out(q, at - 1);
		at = next;
	}
}

uint32_t queue_count(const struct queue *q, uint32_t device)
{
	uint32_t count = 0;
	for (uint32_t at = q->first[device]; at != 0; at = q->items[at - 1].next)
		count++;
	return count;
}

msec queue_deadline(const struct queue *q)
{
	return deadlines_next(&q->deadlines);
}

bool queue_due(struct queue *q, msec now, struct queue_item *ret)
{
	uint32_t slot;
	if (!deadlines_due(&q->deadlines, now, &slot))
		return false;
	*ret = q->items[slot];
	take_out(q, slot);
	return true;
}

const char *operation_name(enum operation operation)
{
	switch (operation) {
	case OPERATION_READ_DEVICE:
		return "read-device";
	case OPERATION_SET_HEALTH:
		return "set-health";
	case OPERATION_OBSERVE_HEALTH:
		return "observe-health";
	case OPERATION_OBSERVE_FIRMWARE:
		return "observe-firmware";
	case OPERATION_READ_FIRMWARE:
		return "read-firmware";
	case OPERATION_OFFER:
		return "offer";
	case OPERATION_PUSH:
		return "push";
	case OPERATION_EXECUTE:
		return "execute";
	case OPERATION_RESET:
		return "reset";
	case OPERATION_RESET_PACKAGE:
		return "reset-package";
	case OPERATION_READ_VERSION:
		return "read-version";
	case OPERATION_ERRAND:
		return "errand";
	case OPERATION_WATCH:
		return "watch";
	case OPERATION_END:
		break;
	}
	return "unknown";
}
