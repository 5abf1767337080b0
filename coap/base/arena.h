/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scratch memory for the work on one datagram: a bump pointer over the owner's buffer, reset when the work is done. */
#pragma once

#include "coap/base/bytes.h"

struct arena {
	uint8_t *start;
	size_t used, capacity;
};

static inline void arena_init(struct arena *a, void *buffer, size_t capacity)
{
	*a = (struct arena){buffer, 0, capacity};
}

static inline void arena_reset(struct arena *a)
{
	a->used = 0;
}

/* Room for `len` bytes at an address that is a multiple of 8; NULL when it does not fit. */
static inline void *arena_take(struct arena *a, size_t len)
{
	size_t aligned = (a->used + 7) & ~(size_t)7;
	if (aligned > a->capacity || a->capacity - aligned < len)
		return NULL;
	a->used = aligned + len;
	return a->start + aligned;
}

/* A writer over all that is left; arena_keep afterwards claims what was written. */
static inline struct writer arena_writer(struct arena *a)
{
	size_t aligned = (a->used + 7) & ~(size_t)7;
	if (aligned > a->capacity)
		aligned = a->capacity;
	return writer_of(a->start + aligned, a->capacity - aligned);
}

static inline void arena_keep(struct arena *a, const struct writer *w)
{
	a->used = (size_t)(w->at - a->start);
}
