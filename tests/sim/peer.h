/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP endpoint as a node of the virtual world, on plain UDP: the real endpoint, the world's clock and link. */
#pragma once

#include "coap/endpoint.h"
#include "tests/sim/world.h"

struct peer {
	struct world_node node;
	struct coap_endpoint *endpoint;
	void *memory;
};

/* Small tables, default parameters, but long answers to strangers too: what they do not get is a story of its own
 * (tests/coap/test_endpoint_echo.c), and all others would begin with it. `transport` is filled in by peer_join. */
struct coap_endpoint_config peer_config(const struct coap_resource *resources, uint32_t resource_count);

/* Joins as 192.0.2.`host`, port 5683. */
void peer_join(struct peer *p, struct world *w, uint8_t host, const struct coap_endpoint_config *config);
/* Leaves the world and frees the endpoint. */
void peer_leave(struct peer *p);
/* How others address it. */
struct coap_remote peer_remote(const struct peer *p);
