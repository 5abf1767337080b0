/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/slab.h"

#include <assert.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

/* Slots from `untouched` on have never been taken, so init need not walk the free list and its pages stay untouched. */
void slab_init(struct slab *s, uint32_t *generations, uint32_t *next, uint32_t capacity)
{
	assert(capacity < NO_SLOT);
	*s = (struct slab){.generations = generations, .next = next, .capacity = capacity, .first_free = NO_SLOT};
}

void slab_begin_at(struct slab *s, uint32_t generation)
{
	s->first_generation = generation & ~UINT32_C(1);
}

bool slab_restore(struct slab *s, struct handle h)
{
	if (h.slot < s->untouched || h.slot >= s->capacity || h.generation % 2 == 0)
		return false;
	while (s->untouched < h.slot) {
		uint32_t slot = s->untouched++;
		s->generations[slot] = s->first_generation;
		s->next[slot] = s->first_free;
		s->first_free = slot;
	}
	s->untouched++;
	s->generations[h.slot] = h.generation;
	s->used++;
	return true;
}

bool slab_take(struct slab *s, struct handle *ret)
{
	uint32_t slot = s->first_free;
	if (slot != NO_SLOT) {
		s->first_free = s->next[slot];
	} else if (s->untouched < s->capacity) {
		slot = s->untouched++;
		s->generations[slot] = s->first_generation;
	} else {
		return false;
	}
	s->generations[slot]++;
	s->used++;
	*ret = (struct handle){slot, s->generations[slot]};
	return true;
}

void slab_give(struct slab *s, struct handle h)
{
	assert(slab_is_valid(s, h));
	s->generations[h.slot]++;
	s->next[h.slot] = s->first_free;
	s->first_free = h.slot;
	s->used--;
}

struct handle slab_renew(struct slab *s, struct handle h)
{
	assert(slab_is_valid(s, h));
	s->generations[h.slot] += 2;
	return (struct handle){h.slot, s->generations[h.slot]};
}

bool slab_is_taken(const struct slab *s, uint32_t slot)
{
	return slot < s->untouched && s->generations[slot] % 2 == 1;
}

bool slab_is_valid(const struct slab *s, struct handle h)
{
	return slab_is_taken(s, h.slot) && s->generations[h.slot] == h.generation;
}

struct handle slab_handle(const struct slab *s, uint32_t slot)
{
	assert(slab_is_taken(s, slot));
	return (struct handle){slot, s->generations[slot]};
}
