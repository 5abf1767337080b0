/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/group.h"

static void layout(struct coap_group *g, struct carve *c, uint32_t capacity)
{
	slab_carve(&g->slab, c, capacity);
	deadlines_carve(&g->deadlines, c, capacity);
	g->items = carve_take(c, capacity, sizeof *g->items);
}

size_t coap_group_memory(uint32_t capacity)
{
	struct coap_group g;
	struct carve c = {NULL, 0};
	layout(&g, &c, capacity);
	return c.used;
}

void coap_group_init(struct coap_group *g, void *memory, uint32_t capacity)
{
	struct carve c = {memory, 0};
	layout(g, &c, capacity);
}

msec coap_group_leisure(const struct coap_group_parameters *p, size_t len)
{
	if (p->members == 0 || p->rate_bps == 0)
		return p->leisure;
	return (msec)((uint64_t)len * p->members * 1000 / p->rate_bps);
}

bool coap_group_add(struct coap_group *g, const struct coap_remote *remote, struct bytes datagram, msec at)
{
	struct handle h;
	assert(datagram.len <= COAP_DATAGRAM_MAX_BYTES);
	if (!slab_take(&g->slab, &h))
		return false;
	struct coap_group_answer *x = &g->items[h.slot];
	x->remote = *remote;
	x->len = (uint16_t)datagram.len;
	memcpy(x->datagram, datagram.data, datagram.len);
	deadlines_arm(&g->deadlines, h.slot, at);
	return true;
}

msec coap_group_deadline(const struct coap_group *g)
{
	return deadlines_next(&g->deadlines);
}

bool coap_group_due(struct coap_group *g, msec now, const struct coap_group_answer **ret)
{
	uint32_t slot;
	if (!deadlines_due(&g->deadlines, now, &slot))
		return false;
	slab_give(&g->slab, slab_handle(&g->slab, slot));
	*ret = &g->items[slot];
	return true;
}

uint32_t coap_group_count(const struct coap_group *g)
{
	return g->slab.used;
}
