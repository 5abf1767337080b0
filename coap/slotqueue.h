/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A queue of slots of some table, first in first out; each is in it once at most. Storage is the caller's. */
#pragma once

#include "coap/carve.h"

struct coap_slot_queue_link {
	uint32_t next; /* behind this one */
	bool is_queued;
};

struct coap_slot_queue {
	struct coap_slot_queue_link *links; /* one for each slot */
	uint32_t head, tail;
};

/* Takes room for the slots of a table of this capacity; empty. */
void coap_slot_queue_carve(struct coap_slot_queue *q, struct carve *c, uint32_t capacity);

/* Ignores a slot that is in it already. */
void coap_slot_queue_push(struct coap_slot_queue *q, uint32_t slot);
/* Takes the first. False when there is none. */
bool coap_slot_queue_pop(struct coap_slot_queue *q, uint32_t *ret_slot);
bool coap_slot_queue_has(const struct coap_slot_queue *q, uint32_t slot);
