/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/world.h"

#include <assert.h>
#include <stdlib.h>

#define WORLD_BEGINS 1000003

/* A node whose deadline stays in the past after its tick would hold the clock for ever. */
#define STEPS_AT_ONE_MOMENT_MAX 1000000

void world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){.now = WORLD_BEGINS};
	prng_init_number(&w->prng, seed ^ 0x776f726c64);
	link_init(&w->link, seed);
}

void world_done(struct world *w)
{
	link_done(&w->link);
}

void world_join(struct world *w, struct world_node *node)
{
	node->world = w;
	node->is_present = true;
	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i] == node)
			return;
	assert(w->node_count < WORLD_NODES_MAX);
	w->nodes[w->node_count++] = node;
}

void world_leave(struct world *w, struct world_node *node)
{
	(void)w;
	node->is_present = false;
}

static bool port_send(void *context, const struct address *to, struct bytes datagram)
{
	struct world_node *node = context;
	if (!node->is_present)
		return false;
	link_send(&node->world->link, &node->address, to, datagram, node->world->now);
	return true;
}

struct datagram_port world_port(struct world_node *node)
{
	return (struct datagram_port){node, port_send};
}

static struct world_node *node_at(struct world *w, const struct address *address)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (w->nodes[i]->is_present && address_equal(&w->nodes[i]->address, address))
			return w->nodes[i];
	return NULL;
}

static struct world_node *most_urgent(struct world *w, msec *ret_at)
{
	struct world_node *found = NULL;
	*ret_at = NEVER;
	for (size_t i = 0; i < w->node_count; i++) {
		struct world_node *node = w->nodes[i];
		msec at = node->is_present && node->deadline != NULL ? node->deadline(node->context) : NEVER;
		if (at < *ret_at) {
			*ret_at = at;
			found = node;
		}
	}
	return found;
}

static void deliver(struct world *w)
{
	struct link_datagram d;
	if (!link_due(&w->link, w->now, &d))
		return;
	struct world_node *node = node_at(w, &d.to);
	if (node != NULL)
		node->receive(node->context, &d.from, bytes_of(d.data, d.len), w->now);
	free(d.data);
}

bool world_step(struct world *w, msec until)
{
	msec due, arrives = link_deadline(&w->link);
	struct world_node *node = most_urgent(w, &due);
	msec at = msec_earlier(arrives, due);
	if (at > until) {
		w->now = until > w->now ? until : w->now;
		return false;
	}
	w->steps = at > w->now ? 0 : w->steps + 1;
	assert(w->steps < STEPS_AT_ONE_MOMENT_MAX);
	w->now = at > w->now ? at : w->now;
	if (arrives <= due)
		deliver(w);
	else
		node->tick(node->context, w->now);
	return true;
}

void world_run(struct world *w, msec span)
{
	msec until = w->now + span;
	while (world_step(w, until)) {
	}
}

bool world_run_until(struct world *w, msec span, bool (*is_true)(void *context), void *context)
{
	msec until = w->now + span;
	while (!is_true(context))
		if (!world_step(w, until))
			return is_true(context);
	return true;
}
