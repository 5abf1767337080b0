/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

#include <stdio.h>

/* EXCHANGE_LIFETIME stands on the assumption that a datagram lives at most MAX_LATENCY, so a repetition may come this
 * long after the first copy at most (RFC 7252 section 4.8.2): retransmissions for 45 s, and what the network adds. */
#define CLOCK_JUMPS_MAX SECONDS(60)

static uint64_t one_of(const uint32_t *values, unsigned count)
{
	return values[draw(0, count - 1)];
}

void trouble_configure(struct node *n)
{
	static const uint32_t block_sizes[] = {16, 64, 64, 256, 1024};
	n->config = peer_config(n->resources, WHATS);
	n->config.capacities = (struct coap_capacities){.exchanges = draw(4, 40),
		.pending = draw(4, 40),
		.duplicates = draw(8, 200),
		.separate = draw(1, 12),
		.observers = draw(1, 8),
		.bodies = draw(1, 6),
		.verified = draw(0, 4),
		.peers = has_peers ? draw(1, NODES_MAX) : 0,
		.qblocks = has_qblock ? draw(0, 6) : 0};
	n->config.capacities.group_answers = has_groups ? draw(1, 4) : 0;
	n->config.capacities.responders = has_groups ? draw(1, 12) : 0;
	n->config.parameters.block_size = (uint16_t)one_of(block_sizes, 5);
	n->config.parameters.body_size_max = draw(200, BODY_MAX);
	n->config.parameters.amplification_max = draw(0, 1) == 0 ? 0 : 3;
	n->config.parameters.nstart = (uint8_t)draw(1, 4);
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct node *n = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	stranger_says(n, from, datagram);
	coap_endpoint_receive(n->peer.endpoint, &remote, datagram, now);
}

void trouble_start_life(struct node *n)
{
	n->life = ++lives;
	n->owed_count = 0;
	peer_join(&n->peer, &world, (uint8_t)(1 + n->index), &n->config);
	n->peer.node.context = n; /* begins with the peer, which its other functions take */
	n->peer.node.receive = receive;
	if (has_groups)
		group_join(n);
}

static void restart(struct node *n)
{
	if (is_talkative)
		printf("%10lld  node %u starts anew\n", (long long)world.now, n->index);
	peer_leave(&n->peer);
	for (unsigned i = 0; i < ask_count; i++)
		asks[i].has_ended |= asks[i].life == n->life;
	trouble_start_life(n);
}

/* What an owner does who has lost his interest. */
static void cancel_one(const struct node *n)
{
	for (unsigned i = 0; i < ask_count; i++) {
		if (asks[i].has_ended || asks[i].life != n->life || draw(0, 2) != 0)
			continue;
		coap_endpoint_cancel(n->peer.endpoint, asks[i].exchange, world.now);
		asks[i].has_ended = true;
		return;
	}
}

static void change_state(struct node *n)
{
	uint32_t longest = n->config.parameters.body_size_max;
	n->state = draw(ID_BYTES, draw(0, 1) == 0 ? 60 : longest);
	coap_endpoint_resource_changed(n->peer.endpoint, &n->resources[WATCH], world.now);
}

static void throw_bytes_at(struct node *n, const struct node *from)
{
	uint8_t bytes[40];
	size_t length = draw(0, sizeof bytes);
	prng_fill(&chance, bytes, sizeof bytes);
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	bytes[1] = draw(0, 1) == 0 ? 0x44 : bytes[1] & 0xbf; /* no request: it might be one that must be counted */
	if (bytes[1] < 0x20)
		bytes[1] = 0;
	n->peer.node.receive(n, &from->peer.node.address, bytes_of(bytes, length), world.now);
}

void trouble_happens(void)
{
	struct node *n = &nodes[draw(0, node_count - 1)], *other = &nodes[draw(0, node_count - 1)];
	uint32_t lot = draw(0, 99);
	if (lot < 60 && n != other && ask_count < ASKS_MAX)
		(void)client_ask(n, other);
	else if (lot < 75)
		change_state(n);
	else if (lot < 80)
		cancel_one(n);
	else if (lot < 84)
		throw_bytes_at(n, other);
	else if (lot < 86)
		restart(n);
	else if (lot < 88)
		link_cut(&world.link, &n->peer.node.address, draw(0, 3) == 0);
	else if (lot < 90)
		world.now += (msec)draw(0, CLOCK_JUMPS_MAX);
}

struct link_quality trouble_network(void)
{
	bool is_slow = draw(0, 4) == 0;
	return (struct link_quality){.delay = draw(0, is_slow ? 20000 : 300),
		.jitter = draw(0, is_slow ? 100000 : 3000),
		.loss_permille = draw(0, 400),
		.repeat_permille = draw(0, 300),
		.repeat_delay = draw(1, is_slow ? 100 : 4000)};
}
