/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A binary heap of deadlines over the slots of a table, so that "what is due next" is O(1) and arming O(log n).
 *
 * Slots are numbers below `capacity`; each has at most one deadline. The heap keeps, per slot, its place, so a deadline
 * moves or goes without a search. Storage is the owner's: `capacity` nodes and `capacity` places. */
#pragma once

#include "coap/base/msec.h"

#include <stddef.h>

/* Twelve bytes: a fleet has one for each device. */
struct __attribute__((packed, aligned(4))) deadline_node {
	msec at;
	uint32_t slot;
};

struct deadlines {
	struct deadline_node *nodes; /* heap order, `count` of them */
	uint32_t *places;            /* slot -> place + 1; 0 is not armed */
	uint32_t count, capacity;
};

void deadlines_init(struct deadlines *d, struct deadline_node *nodes, uint32_t *places, uint32_t capacity);

/* Sets or moves the slot's deadline; NEVER takes it out. */
void deadlines_arm(struct deadlines *d, uint32_t slot, msec at);
void deadlines_disarm(struct deadlines *d, uint32_t slot);

/* When the next slot is due; NEVER when none is armed. */
msec deadlines_next(const struct deadlines *d);
/* The slot's own deadline; NEVER when it is not armed. */
msec deadlines_of(const struct deadlines *d, uint32_t slot);
/* Takes one slot that is due out of the heap. Call until false. */
bool deadlines_due(struct deadlines *d, msec now, uint32_t *ret_slot);
