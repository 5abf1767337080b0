/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/slotqueue.h"

#include "coap/base/bytes.h"

#define NO_SLOT UINT32_MAX

void coap_slot_queue_carve(struct coap_slot_queue *q, struct carve *c, uint32_t capacity)
{
	q->links = carve_take(c, capacity, sizeof *q->links);
	q->head = q->tail = NO_SLOT;
	if (c->memory != NULL)
		bytes_clear(q->links, capacity * sizeof *q->links);
}

void coap_slot_queue_push(struct coap_slot_queue *q, uint32_t slot)
{
	if (q->links[slot].is_queued)
		return;
	q->links[slot] = (struct coap_slot_queue_link){NO_SLOT, true};
	if (q->head == NO_SLOT)
		q->head = slot;
	else
		q->links[q->tail].next = slot;
	q->tail = slot;
}

bool coap_slot_queue_pop(struct coap_slot_queue *q, uint32_t *ret_slot)
{
	if (q->head == NO_SLOT)
		return false;
	*ret_slot = q->head;
	q->links[q->head].is_queued = false;
	q->head = q->links[q->head].next;
	return true;
}

bool coap_slot_queue_has(const struct coap_slot_queue *q, uint32_t slot)
{
	return q->links[slot].is_queued;
}
