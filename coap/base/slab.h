/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which slots of a fixed table are taken, and handles that know when their slot has been given to another.
 *
 * A handle is slot and generation in 64 bits. The generation grows when a slot is taken and when it is given back, so a
 * handle that outlived its object is found out instead of reaching a stranger. The table's objects themselves are the
 * owner's array; slot i of the slab is element i. Freed slots are reused last-in first-out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handle {
	uint32_t slot;
	uint32_t generation; /* odd while the slot is taken; 0 is never valid */
};

#define HANDLE_NONE ((struct handle){0, 0})

struct slab {
	uint32_t *generations; /* one per slot */
	uint32_t *next;        /* the free list, one per slot */
	uint32_t capacity, used, first_free, untouched;
	uint32_t first_generation; /* of slots not taken yet; even */
};

void slab_init(struct slab *s, uint32_t *generations, uint32_t *next, uint32_t capacity);

/* Slots that have never been taken begin with this generation, so that handles of an earlier life of the table are told
 * from those of this one. Rounded down to an even number. */
void slab_begin_at(struct slab *s, uint32_t generation);
/* Takes exactly this handle, as it was in an earlier life of the table. Only in ascending order of slots, before
 * anything else was taken. False when the slot is too high or not above the last one, or the generation is of no
 * taken slot. */
bool slab_restore(struct slab *s, struct handle h);

/* False when every slot is taken. */
bool slab_take(struct slab *s, struct handle *ret);
/* The handle must be valid. */
void slab_give(struct slab *s, struct handle h);
/* The same slot for another object, as if it had been given back and taken again. The handle must be valid. */
struct handle slab_renew(struct slab *s, struct handle h);

bool slab_is_valid(const struct slab *s, struct handle h);
bool slab_is_taken(const struct slab *s, uint32_t slot);
/* The handle of a taken slot. */
struct handle slab_handle(const struct slab *s, uint32_t slot);

static inline bool handle_equal(struct handle a, struct handle b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

static inline bool handle_is_none(struct handle h)
{
	return h.generation == 0;
}
