/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/link.h"

#include <stdlib.h>

struct link_path {
	struct address from, to; /* `to` all zero: everything from or to `from` is cut off */
	struct link_quality quality;
	bool has_quality, is_cut;
	msec busy_until;
};

static const struct address nowhere;

void link_init(struct link *l, uint64_t seed)
{
	*l = (struct link){0};
	prng_init_number(&l->prng, seed);
}

void link_done(struct link *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->queue[i].data);
	free(l->queue);
	free(l->paths);
	*l = (struct link){0};
}

static void *grown(void *array, size_t *capacity, size_t count, size_t element)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity == 0 ? 16 : 2 * *capacity;
	array = realloc(array, *capacity * element);
	if (array == NULL)
		abort();
	return array;
}

static struct link_path *path_of(struct link *l, const struct address *from, const struct address *to)
{
	for (size_t i = 0; i < l->path_count; i++)
		if (address_equal(&l->paths[i].from, from) && address_equal(&l->paths[i].to, to))
			return &l->paths[i];
	l->paths = grown(l->paths, &l->path_capacity, l->path_count, sizeof *l->paths);
	l->paths[l->path_count] = (struct link_path){.from = *from, .to = *to};
	return &l->paths[l->path_count++];
}

void link_set_quality(
	struct link *l, const struct address *from, const struct address *to, const struct link_quality *q)
{
	struct link_path *path = path_of(l, from, to);
	path->quality = *q;
	path->has_quality = true;
}

void link_cut(struct link *l, const struct address *address, bool is_cut)
{
	path_of(l, address, &nowhere)->is_cut = is_cut;
}

static bool is_cut(struct link *l, const struct address *address)
{
	for (size_t i = 0; i < l->path_count; i++)
		if (l->paths[i].is_cut && address_equal(&l->paths[i].from, address))
			return true;
	return false;
}

/* ---- the heap ---- */

static bool is_earlier(const struct link_datagram *a, const struct link_datagram *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void push(struct link *l, struct link_datagram d)
{
	l->queue = grown(l->queue, &l->capacity, l->count, sizeof *l->queue);
	size_t place = l->count++;
	while (place > 0 && is_earlier(&d, &l->queue[(place - 1) / 2])) {
		l->queue[place] = l->queue[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	l->queue[place] = d;
}

static struct link_datagram pop(struct link *l)
{
	struct link_datagram first = l->queue[0], last = l->queue[--l->count];
	size_t place = 0, child;
	while ((child = 2 * place + 1) < l->count) {
		if (child + 1 < l->count && is_earlier(&l->queue[child + 1], &l->queue[child]))
			child++;
		if (!is_earlier(&l->queue[child], &last))
			break;
		l->queue[place] = l->queue[child];
		place = child;
	}
	if (l->count > 0)
		l->queue[place] = last;
	return first;
}

/* ---- sending ---- */

static void enqueue(
	struct link *l, const struct address *from, const struct address *to, struct bytes datagram, msec at)
{
	uint8_t *copy = malloc(datagram.len > 0 ? datagram.len : 1);
	if (copy == NULL)
		abort();
	if (datagram.len > 0)
		memcpy(copy, datagram.data, datagram.len);
	push(l, (struct link_datagram){at, l->sent, *from, *to, datagram.len, copy});
}

static bool happens(struct link *l, uint32_t permille)
{
	return permille > 0 && prng_below(&l->prng, 1000) < permille;
}

static msec up_to(struct link *l, msec span)
{
	return span <= 0 ? 0 : (msec)prng_below(&l->prng, (uint32_t)span + 1);
}

/* When the path has carried the datagram; NEVER when its queue is full. */
static msec carried(struct link_path *path, const struct link_quality *q, size_t len, msec now)
{
	if (q->bytes_per_second == 0)
		return now;
	msec start = path->busy_until > now ? path->busy_until : now;
	if (q->queue_limit > 0 && start - now > q->queue_limit)
		return NEVER;
	path->busy_until = start + (msec)((uint64_t)len * 1000 / q->bytes_per_second) + 1;
	return path->busy_until;
}

void link_send(struct link *l, const struct address *from, const struct address *to, struct bytes datagram, msec now)
{
	l->sent++;
	const struct link_path *known =
		path_of(l, from, to); /* only until the filter makes paths, which moves them all */
	const struct link_quality quality = known->has_quality ? known->quality : l->quality, *q = &quality;
	bool is_lost = is_cut(l, from) || is_cut(l, to) || (q->mtu > 0 && datagram.len > q->mtu);
	is_lost = is_lost || (l->filter != NULL && !l->filter(l->filter_context, from, to, datagram, l->sent, now));
	is_lost = happens(l, q->loss_permille) || is_lost;
	msec leaves = is_lost ? NEVER : carried(path_of(l, from, to), q, datagram.len, now);
	if (leaves == NEVER) {
		l->lost++;
		return;
	}
	msec at = leaves + q->delay + up_to(l, q->jitter);
	enqueue(l, from, to, datagram, at);
	if (happens(l, q->repeat_permille)) {
		l->repeated++;
		enqueue(l, from, to, datagram, at + up_to(l, q->repeat_delay));
	}
}

msec link_deadline(const struct link *l)
{
	return l->count == 0 ? NEVER : l->queue[0].at;
}

bool link_due(struct link *l, msec now, struct link_datagram *ret)
{
	if (l->count == 0 || l->queue[0].at > now)
		return false;
	*ret = pop(l);
	return true;
}
