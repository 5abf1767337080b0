/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/hashindex.h"

#include "coap/base/bytes.h"

void hash_index_carve(struct hash_index *x, struct carve *c, uint32_t capacity)
{
	assert(capacity < UINT32_C(1) << 31);
	uint32_t buckets = 1;
	while (buckets <= capacity / 2)
		buckets *= 2;
	x->mask = buckets - 1;
	x->heads = carve_take(c, buckets, sizeof *x->heads);
	x->next = carve_take(c, capacity, sizeof *x->next);
	if (x->heads != NULL)
		bytes_clear(x->heads, buckets * sizeof *x->heads);
}

void hash_index_add(struct hash_index *x, uint64_t hash, uint32_t slot)
{
	uint32_t *head = &x->heads[hash & x->mask];
	x->next[slot] = *head;
	*head = slot + 1;
}

void hash_index_remove(struct hash_index *x, uint64_t hash, uint32_t slot)
{
	uint32_t *link = &x->heads[hash & x->mask];
	while (*link != slot + 1) {
		assert(*link != 0);
		link = &x->next[*link - 1];
	}
	*link = x->next[slot];
}
