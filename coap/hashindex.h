/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Finding a slot of a table by a hash: chains of slot numbers, nothing else.
 *
 * The index knows neither keys nor objects. Its owner computes the hash (seeded, where a peer can choose the key),
 * walks the slots of that hash's chain and compares each with what it looks for:
 *
 *     for (uint32_t slot = hash_index_first(&x, hash); slot != HASH_INDEX_END; slot = hash_index_next(&x, slot))
 *
 * A slot is in the index at most once, and leaves it with the hash it came in with. Storage is the owner's. */
#pragma once

#include "coap/carve.h"

#include <stdbool.h>
#include <stdint.h>

#define HASH_INDEX_END UINT32_MAX

struct hash_index {
	uint32_t *heads; /* one per bucket: slot + 1, or 0 */
	uint32_t *next;  /* one per slot, likewise */
	uint32_t mask;   /* buckets - 1; a power of two, at most the capacity and more than half of it */
};

/* Takes its storage for `capacity` slots from `c`. When `c` only counts, the index is not to be used. */
void hash_index_carve(struct hash_index *x, struct carve *c, uint32_t capacity);

void hash_index_add(struct hash_index *x, uint64_t hash, uint32_t slot);
/* The slot must be in the index under this hash. */
void hash_index_remove(struct hash_index *x, uint64_t hash, uint32_t slot);

static inline uint32_t hash_index_first(const struct hash_index *x, uint64_t hash)
{
	return x->heads[hash & x->mask] - 1;
}

static inline uint32_t hash_index_next(const struct hash_index *x, uint32_t slot)
{
	return x->next[slot] - 1;
}
