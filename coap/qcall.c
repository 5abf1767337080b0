/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qcall.h"

static void layout(struct coap_qcalls *q, struct carve *c, uint32_t capacity, uint32_t body_size_max)
{
	q->bitmap_blocks = (body_size_max / 16 + 8) / 8 * 8;
	if (q->bitmap_blocks > COAP_BLOCKS_MAX)
		q->bitmap_blocks = COAP_BLOCKS_MAX;
	slab_carve(&q->slab, c, capacity);
	deadlines_carve(&q->deadlines, c, capacity);
	q->items = carve_take(c, capacity, sizeof *q->items);
	q->bitmaps = carve_take(c, capacity, q->bitmap_blocks / 8);
}

size_t coap_qcalls_memory(uint32_t capacity, uint32_t body_size_max)
{
	struct coap_qcalls q;
	struct carve c = {NULL, 0};
	layout(&q, &c, capacity, body_size_max);
	return c.used;
}

void coap_qcalls_init(
	struct coap_qcalls *q, void *memory, uint32_t capacity, uint32_t body_size_max, uint32_t first_tag)
{
	struct carve c = {memory, 0};
	layout(q, &c, capacity, body_size_max);
	q->next_tag = first_tag;
}
