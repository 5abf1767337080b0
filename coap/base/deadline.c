/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/deadline.h"

#include "coap/base/bytes.h"

#include <assert.h>

void deadlines_init(struct deadlines *d, struct deadline_node *nodes, uint32_t *places, uint32_t capacity)
{
	*d = (struct deadlines){nodes, places, 0, capacity};
	bytes_clear(places, capacity * sizeof *places);
}

static void put(struct deadlines *d, uint32_t place, struct deadline_node node)
{
	d->nodes[place] = node;
	d->places[node.slot] = place + 1;
}

static void sift_up(struct deadlines *d, uint32_t place, struct deadline_node node)
{
	while (place > 0 && node.at < d->nodes[(place - 1) / 2].at) {
		put(d, place, d->nodes[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(d, place, node);
}

static void sift_down(struct deadlines *d, uint32_t place, struct deadline_node node)
{
	for (;;) {
		uint32_t child = 2 * place + 1;
		if (child >= d->count)
			break;
		if (child + 1 < d->count && d->nodes[child + 1].at < d->nodes[child].at)
			child++;
		if (node.at <= d->nodes[child].at)
			break;
		put(d, place, d->nodes[child]);
		place = child;
	}
	put(d, place, node);
}

void deadlines_disarm(struct deadlines *d, uint32_t slot)
{
	assert(slot < d->capacity);
	if (d->places[slot] == 0)
		return;
	uint32_t place = d->places[slot] - 1;
	d->places[slot] = 0;
	struct deadline_node last = d->nodes[--d->count];
	if (place == d->count)
		return;
	if (place > 0 && last.at < d->nodes[(place - 1) / 2].at)
		sift_up(d, place, last);
	else
		sift_down(d, place, last);
}

void deadlines_arm(struct deadlines *d, uint32_t slot, msec at)
{
	deadlines_disarm(d, slot);
	if (at == NEVER)
		return;
	assert(d->count < d->capacity);
	sift_up(d, d->count++, (struct deadline_node){at, slot});
}

msec deadlines_next(const struct deadlines *d)
{
	return d->count == 0 ? NEVER : d->nodes[0].at;
}

msec deadlines_of(const struct deadlines *d, uint32_t slot)
{
	assert(slot < d->capacity);
	return d->places[slot] == 0 ? NEVER : d->nodes[d->places[slot] - 1].at;
}

bool deadlines_due(struct deadlines *d, msec now, uint32_t *ret_slot)
{
	if (d->count == 0 || d->nodes[0].at > now)
		return false;
	*ret_slot = d->nodes[0].slot;
	deadlines_disarm(d, *ret_slot);
	return true;
}
