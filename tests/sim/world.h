/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The virtual world: a clock that jumps from event to event, nodes with addresses, and the link between them.
 *
 * A node is three functions: a datagram has arrived, when is something due, the moment has come. The real composers are
 * put behind them unchanged. One seed gives one world; days pass in a moment. */
#pragma once

#include "coap/transport.h"
#include "tests/sim/link.h"

#define WORLD_NODES_MAX 1024

struct world_node {
	struct address address;
	void *context;
	void (*receive)(void *context, const struct address *from, struct bytes datagram, msec now);
	msec (*deadline)(void *context);
	void (*tick)(void *context, msec now);
	/* the world's own */
	struct world *world;
	bool is_present;
};

struct world {
	msec now;
	struct prng prng; /* for whatever else happens by chance */
	struct link link;
	struct world_node *nodes[WORLD_NODES_MAX];
	size_t node_count;
	uint64_t steps;
};

/* The clock starts at a moment that is no round number. */
void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);

/* Puts a node, whose fields are filled in, into the world. It stays the caller's. */
void world_join(struct world *w, struct world_node *node);
/* What is sent to it from now on is lost; it may join again. */
void world_leave(struct world *w, struct world_node *node);
/* The port through which the node sends. */
struct datagram_port world_port(struct world_node *node);

/* Does the next thing that happens, if it happens at `until` at the latest. False when nothing does; the clock then
 * stands at `until`. */
bool world_step(struct world *w, msec until);
/* Lets this span of time pass. */
void world_run(struct world *w, msec span);
/* Lets time pass until `is_true` or the span is over. Says which. */
bool world_run_until(struct world *w, msec span, bool (*is_true)(void *context), void *context);
