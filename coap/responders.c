/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/responders.h"

static void layout(struct coap_responders *t, struct carve *c, uint32_t capacity)
{
	slab_carve(&t->slab, c, capacity);
	hash_index_carve(&t->index, c, capacity);
	t->items = carve_take(c, capacity, sizeof *t->items);
}

size_t coap_responders_memory(uint32_t capacity)
{
	struct coap_responders t;
	struct carve c = {NULL, 0};
	layout(&t, &c, capacity);
	return c.used;
}

void coap_responders_init(struct coap_responders *t, void *memory, uint32_t capacity, uint64_t secret)
{
	struct carve c = {memory, 0};
	layout(t, &c, capacity);
	t->secret = secret;
}

static uint64_t hash_of(const struct coap_responders *t, uint64_t request, const struct coap_remote *remote)
{
	return coap_remote_hash(remote, t->secret ^ request);
}

static bool is_known(const struct coap_responders *t, uint64_t hash, uint64_t request, const struct coap_remote *remote)
{
	for (uint32_t slot = hash_index_first(&t->index, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&t->index, slot))
		if (t->items[slot].request == request && coap_remote_equal(&t->items[slot].remote, remote))
			return true;
	return false;
}

enum coap_responder_verdict coap_responder_add(
	struct coap_responders *t, uint64_t request, const struct coap_remote *remote, uint32_t *head)
{
	struct handle h;
	uint64_t hash = hash_of(t, request, remote);
	if (is_known(t, hash, request, remote))
		return COAP_RESPONDER_KNOWN;
	if (!slab_take(&t->slab, &h))
		return COAP_RESPONDER_FULL;
	t->items[h.slot] = (struct coap_responder){*remote, request, *head};
	*head = h.slot + 1;
	hash_index_add(&t->index, hash, h.slot);
	return COAP_RESPONDER_NEW;
}

void coap_responders_forget(struct coap_responders *t, uint32_t *head)
{
	while (*head != 0) {
		uint32_t slot = *head - 1;
		const struct coap_responder *x = &t->items[slot];
		*head = x->next;
		hash_index_remove(&t->index, hash_of(t, x->request, &x->remote), slot);
		slab_give(&t->slab, slab_handle(&t->slab, slot));
	}
}

uint32_t coap_responders_count(const struct coap_responders *t)
{
	return t->slab.used;
}
