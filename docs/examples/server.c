/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP server with one resource, /count: a number that grows every half second and may be observed, and set by PUT.
 *
 *     cc server.c $(pkg-config --cflags --libs fieldfare-coap) -o server
 *     ./server 5683 */
#include "coap/content_format.h"
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "coap/io/udp.h"

#include <stdio.h>
#include <stdlib.h>

#define INTERVAL ((msec)500)

struct server {
	struct coap_loop loop;
	struct coap_loop_watch watch;
	struct coap_udp *udp;
	struct coap_endpoint *endpoint;
	struct coap_resource resource;
	uint64_t count;
	msec next;
};

/* What a handler needs for its answer it takes from the request's scratch memory, which lasts until the answer has been
 * written. */
static enum coap_answer handle_count(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	if (request->message->code == COAP_PUT) {
		bool is_number = parse_decimal(request->body, UINT64_MAX, &s->count);
		ret->code = is_number ? COAP_CHANGED : COAP_BAD_REQUEST;
		coap_endpoint_resource_changed(endpoint, &s->resource, now);
	} else if (request->message->code == COAP_GET) {
		struct writer w = arena_writer(request->scratch);
		write_decimal(&w, s->count);
		arena_keep(request->scratch, &w);
		ret->code = COAP_CONTENT;
		ret->content_format = COAP_FORMAT_TEXT;
		ret->payload = writer_bytes(&w);
	} else {
		ret->code = COAP_METHOD_NOT_ALLOWED;
	}
	return COAP_ANSWER_NOW;
}

/* ---- what the loop asks for ---- */

static msec deadline(void *context)
{
	struct server *s = context;
	return msec_earlier(s->next, coap_endpoint_deadline(s->endpoint));
}

static void tick(void *context, msec now)
{
	struct server *s = context;
	if (s->next <= now) {
		s->count++;
		s->next = now + INTERVAL;
		coap_endpoint_resource_changed(s->endpoint, &s->resource, now);
	}
	coap_endpoint_tick(s->endpoint, now);
}

static void flush(void *context)
{
	struct server *s = context;
	coap_udp_flush(s->udp);
}

static void on_readable(void *context, msec now)
{
	struct server *s = context;
	struct coap_udp_datagram d;
	while (coap_udp_next(s->udp, &d)) {
		struct coap_remote from = {.address = d.from};
		coap_endpoint_receive(s->endpoint, &from, bytes_of(d.data, d.len), now);
	}
}

/* ---- start ---- */

/* The library takes one block of memory, as large as the capacities make it, and no more later. */
static bool make_endpoint(struct server *s)
{
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities = {.pending = 16, .duplicates = 64, .separate = 4, .observers = 16, .bodies = 2},
		.transport = coap_udp_transport(s->udp),
		.resources = &s->resource,
		.resource_count = 1,
	};
	uint8_t seed[PRNG_SEED_BYTES];
	void *memory = aligned_alloc(64, coap_endpoint_memory(&config));
	if (memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	s->endpoint = coap_endpoint_init(memory, &config, seed);
	return true;
}

int main(int argc, char *argv[])
{
	static struct server s;
	struct coap_loop_user user = {&s, deadline, tick, flush};
	struct address local = address_ipv4(127, 0, 0, 1, argc > 1 ? (uint16_t)atoi(argv[1]) : 5683);
	s.resource = (struct coap_resource){.path = "count",
		.attributes = "rt=\"count\";ct=0",
		.is_observable = true,
		.handle = handle_count,
		.context = &s};
	if (coap_udp_open(&local, &s.udp) != 0 || coap_loop_init(&s.loop, &user) != 0 || !make_endpoint(&s)) {
		fprintf(stderr, "server: it cannot start\n");
		return 1;
	}
	s.next = coap_loop_read_clock() + INTERVAL;
	coap_loop_watch(&s.loop, &s.watch, coap_udp_descriptor(s.udp), &s, on_readable);
	printf("coap://127.0.0.1:%u/count\n", (unsigned)coap_udp_local(s.udp).port);
	fflush(stdout);
	coap_loop_run(&s.loop);
	return 0;
}
