/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cutting one block of memory into the tables of a module.
 *
 * A module lays itself out by a row of carve_take calls. With `memory` NULL the same row only counts, which is how
 * the module tells the owner how much it needs; so the size and the layout cannot disagree. Every piece begins on a
 * cache line. */
#pragma once

#include "coap/base/deadline.h"
#include "coap/base/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARVE_ALIGNMENT 64

struct carve {
	uint8_t *memory; /* aligned to CARVE_ALIGNMENT, or NULL to count */
	size_t used;
};

/* Room for `count` elements. A capacity whose size does not fit a size_t is a mistake of the configuration. */
static inline void *carve_take(struct carve *c, size_t count, size_t element)
{
	size_t size, end, at = c->used;
	bool overflows = __builtin_mul_overflow(count, element, &size) || __builtin_add_overflow(at, size, &end) ||
			 end > SIZE_MAX - CARVE_ALIGNMENT;
	assert(!overflows);
	c->used = (end + CARVE_ALIGNMENT - 1) & ~(size_t)(CARVE_ALIGNMENT - 1);
	return c->memory == NULL ? NULL : c->memory + at;
}

/* The two tables of the base that most modules lay beside their items. */
static inline void slab_carve(struct slab *s, struct carve *c, uint32_t capacity)
{
	uint32_t *generations = carve_take(c, capacity, sizeof *generations);
	uint32_t *next = carve_take(c, capacity, sizeof *next);
	if (c->memory != NULL)
		slab_init(s, generations, next, capacity);
}

static inline void deadlines_carve(struct deadlines *d, struct carve *c, uint32_t capacity)
{
	struct deadline_node *nodes = carve_take(c, capacity, sizeof *nodes);
	uint32_t *places = carve_take(c, capacity, sizeof *places);
	if (c->memory != NULL)
		deadlines_init(d, nodes, places, capacity);
}
