/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An endpoint with room for one connection, and a peer that reads orders from a script. */
#pragma once

#include "coap/endpoint.h"

#include <assert.h>
#include <stdlib.h>

struct stage {
	struct coap_connections *connections;
	struct coap_endpoint *endpoint;
	struct coap_remote remote;
	struct coap_resource resource;
	struct handle later;
	msec now;
	void *table, *memory; /* of the connections, of the endpoint */
};

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)endpoint, (void)now;
	*(struct handle *)context = request->later;
	ret->code = COAP_CONTENT;
	ret->payload = request->body;
	return request->message->code == COAP_DELETE ? COAP_ANSWER_LATER : COAP_ANSWER_NOW;
}

static void touch(struct stage *s)
{
	struct handle h;
	coap_endpoint_receive_connections(s->endpoint, s->now);
	while (coap_connection_touched(s->connections, &h))
		;
}

static size_t hear(struct stage *s, struct bytes said)
{
	size_t room;
	uint8_t *at = coap_connection_room(s->connections, s->remote.session, &room);
	size_t len = said.len < room ? said.len : room;
	if (len > 0)
		memcpy(at, said.data, len);
	coap_connection_received(s->connections, s->remote.session, len, s->now);
	touch(s);
	return len;
}

/* Two bits of how much is read, one for an answer, one for a change, four for time. */
static void obey(struct stage *s, unsigned order)
{
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	struct bytes output = coap_connection_output(s->connections, s->remote.session);
	coap_connection_written(s->connections, s->remote.session, bytes_first(output, (order & 3) * 700).len, s->now);
	if ((order & 4) != 0)
		(void)coap_endpoint_respond(s->endpoint, s->later, &r, s->now);
	if ((order & 8) != 0)
		coap_endpoint_resource_changed(s->endpoint, &s->resource, s->now);
	s->now += order >> 4 == 15 ? 10000 : order >> 4;
	coap_endpoint_tick(s->endpoint, s->now);
	assert(coap_endpoint_deadline(s->endpoint) > s->now);
}

static inline void connection_run(struct stage *s, struct bytes script)
{
	bool is_there = coap_connection_accept(s->connections, &(struct address){.port = 1}, s->now, &s->remote);
	assert(is_there);
	while (script.len > 2) { /* an order, an amount, and what the peer says */
		struct bytes said = bytes_first(bytes_from(script, 2), script.data[1]);
		size_t taken = hear(s, said);
		obey(s, script.data[0]);
		script = bytes_from(script, 2 + (taken > 0 ? taken : said.len));
	}
	coap_connection_broken(s->connections, s->remote.session, s->now);
	touch(s);
	assert(coap_connections_count(s->connections) == 0 && coap_endpoint_is_idle(s->endpoint));
}

static inline void connection_raise(struct stage *s)
{
	static const uint8_t seed[PRNG_SEED_BYTES] = {1};
	struct coap_connections_config limits = COAP_CONNECTIONS_DEFAULT;
	*s = (struct stage){.resource = {.path = "", .is_subtree = true, .is_observable = true, .handle = handle}};
	struct coap_endpoint_config config = {.parameters = coap_parameters_default,
		.capacities =
			{.exchanges = 2, .pending = 2, .duplicates = 2, .separate = 2, .observers = 2, .bodies = 2},
		.resources = &s->resource,
		.resource_count = 1};
	limits.capacity = 1;
	limits.message_size_max = 2048;
	config.parameters.body_size_max = 8192;
	s->resource.context = &s->later;
	s->table = aligned_alloc(64, coap_connections_memory(&limits));
	config.connections = s->connections = coap_connections_init(s->table, &limits);
	s->memory = aligned_alloc(64, coap_endpoint_memory(&config));
	s->endpoint = coap_endpoint_init(s->memory, &config, seed);
}

static inline void connection_strike(struct stage *s)
{
	free(s->memory);
	free(s->table);
}
