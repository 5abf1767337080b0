/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/peer.h"

#include <stdlib.h>

struct coap_endpoint_config peer_config(const struct coap_resource *resources, uint32_t resource_count)
{
	struct coap_parameters parameters = coap_parameters_default;
	parameters.amplification_max = 0;
	return (struct coap_endpoint_config){
		.parameters = parameters,
		.capacities = {.exchanges = 300,
			.pending = 300,
			.duplicates = 64,
			.separate = 16,
			.observers = 16,
			.bodies = 8},
		.resources = resources,
		.resource_count = resource_count,
	};
}

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct peer *p = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	coap_endpoint_receive(p->endpoint, &remote, datagram, now);
}

static msec deadline(void *context)
{
	struct peer *p = context;
	return coap_endpoint_deadline(p->endpoint);
}

static void tick(void *context, msec now)
{
	struct peer *p = context;
	coap_endpoint_tick(p->endpoint, now);
}

static bool send(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct peer *p = context;
	struct datagram_port port = world_port(&p->node);
	(void)now;
	return port.send(port.context, &to->address, message);
}

void peer_join(struct peer *p, struct world *w, uint8_t host, const struct coap_endpoint_config *config)
{
	struct coap_endpoint_config own = *config;
	uint8_t seed[PRNG_SEED_BYTES];
	*p = (struct peer){.node = {.address = address_ipv4(192, 0, 2, host, 5683),
				   .context = p,
				   .receive = receive,
				   .deadline = deadline,
				   .tick = tick}};
	own.transport = (struct coap_transport){.context = p, .send = send};
	prng_fill(&w->prng, seed, sizeof seed);
	size_t size = coap_endpoint_memory(&own);
	p->memory = aligned_alloc(64, size);
	if (p->memory == NULL)
		abort();
	p->endpoint = coap_endpoint_init(p->memory, &own, seed);
	world_join(w, &p->node);
}

void peer_leave(struct peer *p)
{
	world_leave(p->node.world, &p->node);
	free(p->memory);
	p->memory = NULL;
}

struct coap_remote peer_remote(const struct peer *p)
{
	return (struct coap_remote){p->node.address, HANDLE_NONE};
}
