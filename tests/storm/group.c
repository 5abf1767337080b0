/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

/* The link knows one receiver for each address; a copy of what is for the group goes to the ear of each member. */
#define EARS_PORT 10000

struct address group_address(void)
{
	return address_ipv4(224, 0, 1, 187, 5683);
}

static struct address ear_address(unsigned index)
{
	return address_ipv4(224, 0, 1, 187, (uint16_t)(EARS_PORT + index));
}

static void hear(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct node *n = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	stranger_says(n, from, datagram);
	coap_endpoint_receive_group(n->peer.endpoint, &remote, datagram, now);
}

void group_join(struct node *n)
{
	n->ear = (struct world_node){.address = ear_address(n->index), .context = n, .receive = hear};
	world_join(&world, &n->ear);
}

bool group_spread(const struct address *from, const struct address *to, struct bytes datagram, msec now)
{
	struct address all = group_address();
	if (!address_equal(to, &all))
		return false;
	for (unsigned i = 0; i < node_count; i++) {
		struct address ear = ear_address(i);
		if (!address_equal(&nodes[i].peer.node.address, from))
			link_send(&world.link, from, &ear, datagram, now);
	}
	return true;
}
