/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The network of the virtual world: datagrams that are late, lost, repeated, overtaken, or cut off.
 *
 * Every ordered pair of addresses is a path with a quality of its own. Chance comes from the link's generator, so one
 * seed gives one course of events. The link knows no clock; its owner (tests/sim/world.h) takes out what has arrived.
 * Being a test tool, it allocates. */
#pragma once

#include "coap/base/address.h"
#include "coap/base/msec.h"
#include "coap/base/prng.h"

/* How a path treats datagrams. All zero is a perfect path without delay. */
struct link_quality {
	msec delay;  /* one way */
	msec jitter; /* up to this much more, evenly; what is sent later may then arrive earlier */
	uint32_t loss_permille;
	uint32_t repeat_permille; /* arrives twice, the second time up to `repeat_delay` later */
	msec repeat_delay;
	uint32_t bytes_per_second; /* 0: no limit; else datagrams wait for each other */
	msec queue_limit;          /* with a rate: what would wait longer is dropped; 0 for no limit */
	uint32_t mtu;              /* larger datagrams are lost; 0 for no limit */
};

struct link_datagram {
	msec at;
	uint64_t order; /* of sending; decides between those of the same moment */
	struct address from, to;
	size_t len;
	uint8_t *data;
};

/* Sees every datagram before chance does. False loses it. `number` counts all datagrams from 1. */
typedef bool link_filter(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now);

struct link_path;

struct link {
	struct prng prng;
	struct link_quality quality; /* of paths that have none of their own */
	struct link_path *paths;
	size_t path_count, path_capacity;
	struct link_datagram *queue; /* a heap by arrival */
	size_t count, capacity;
	link_filter *filter; /* may be NULL */
	void *filter_context;
	uint64_t sent, lost, repeated;
};

void link_init(struct link *l, uint64_t seed);
void link_done(struct link *l);

void link_set_quality(
	struct link *l, const struct address *from, const struct address *to, const struct link_quality *q);
/* Cuts an address off from everybody, or lets it back. What is under way arrives. */
void link_cut(struct link *l, const struct address *address, bool is_cut);

void link_send(struct link *l, const struct address *from, const struct address *to, struct bytes datagram, msec now);

/* When the next datagram arrives; NEVER when none is under way. */
msec link_deadline(const struct link *l);
/* Takes one that has arrived; the caller frees `data`. */
bool link_due(struct link *l, msec now, struct link_datagram *ret);
