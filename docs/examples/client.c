/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP client: gets a resource, then observes it for some notifications and cancels.
 *
 *     cc client.c $(pkg-config --cflags --libs fieldfare-coap) -o client
 *     ./client coap://127.0.0.1:5683/count 3 */
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "coap/io/udp.h"
#include "coap/uri.h"

#include <stdio.h>
#include <stdlib.h>

struct client {
	struct coap_loop loop;
	struct coap_loop_watch watch;
	struct coap_udp *udp;
	struct coap_endpoint *endpoint;
	struct coap_remote server;
	struct coap_options options;
	struct handle observation;
	int wanted; /* notifications */
	int status;
	bool is_over;
};

static void end(struct client *c, int status)
{
	c->status = status;
	c->is_over = true;
}

/* ---- asking ---- */

static void on_notification(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct client *c = context;
	if (reply->outcome != COAP_OUTCOME_NOTIFICATION) {
		fprintf(stderr, "client: the observation has ended\n");
		end(c, 1);
		return;
	}
	printf("notified: %.*s\n", (int)reply->body.len, (const char *)reply->body.data);
	if (--c->wanted > 0)
		return;
	coap_endpoint_cancel(endpoint, reply->exchange, now);
	end(c, 0);
}

static bool ask(struct client *c, bool observe, coap_reply_function *reply, msec now)
{
	struct coap_call call = {.to = c->server,
		.method = COAP_GET,
		.options = &c->options,
		.observe = observe,
		.reply = reply,
		.context = c};
	return coap_endpoint_request(c->endpoint, &call, now, &c->observation);
}

/* A reply function may ask at once for the next thing. What `reply` holds is borrowed until it returns. */
static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct client *c = context;
	(void)endpoint;
	if (reply->outcome != COAP_OUTCOME_RESPONSE || !coap_code_is_success(reply->code)) {
		fprintf(stderr, "client: no answer, or an error\n");
		end(c, 1);
		return;
	}
	printf("got: %.*s\n", (int)reply->body.len, (const char *)reply->body.data);
	if (!ask(c, true, on_notification, now))
		end(c, 1);
}

/* ---- what the loop asks for ---- */

static msec deadline(void *context)
{
	struct client *c = context;
	return coap_endpoint_deadline(c->endpoint);
}

static void tick(void *context, msec now)
{
	struct client *c = context;
	coap_endpoint_tick(c->endpoint, now);
}

/* When all is said, and the server has acknowledged that nothing more is wanted. */
static void flush(void *context)
{
	struct client *c = context;
	coap_udp_flush(c->udp);
	if (c->is_over && coap_endpoint_is_idle(c->endpoint))
		coap_loop_stop(&c->loop);
}

static void on_readable(void *context, msec now)
{
	struct client *c = context;
	struct coap_udp_datagram d;
	while (coap_udp_next(c->udp, &d)) {
		struct coap_remote from = {.address = d.from};
		coap_endpoint_receive(c->endpoint, &from, bytes_of(d.data, d.len), now);
	}
}

/* ---- start ---- */

static bool make_endpoint(struct client *c)
{
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities =
			{.exchanges = 4, .pending = 4, .duplicates = 4, .separate = 1, .observers = 1, .bodies = 2},
		.transport = coap_udp_transport(c->udp),
	};
	uint8_t seed[PRNG_SEED_BYTES];
	void *memory = aligned_alloc(64, coap_endpoint_memory(&config));
	if (memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	c->endpoint = coap_endpoint_init(memory, &config, seed);
	return true;
}

int main(int argc, char *argv[])
{
	static struct client c;
	static uint8_t values[256]; /* the decoded path and query; as long-lived as the options */
	struct coap_loop_user user = {&c, deadline, tick, flush};
	struct writer room = writer_of(values, sizeof values);
	struct address any = {.port = 0};
	struct coap_uri uri;
	if (argc != 3 || !coap_uri_parse(bytes_of_text(argv[1]), &uri) || !coap_uri_address(&uri, &c.server.address) ||
		!coap_uri_add_options(&uri, &room, &c.options)) {
		fprintf(stderr, "usage: client coap://ADDRESS[:PORT]/PATH NOTIFICATIONS\n");
		return 2;
	}
	c.wanted = atoi(argv[2]);
	if (coap_udp_open(&any, &c.udp) != 0 || coap_loop_init(&c.loop, &user) != 0 || !make_endpoint(&c) ||
		!ask(&c, false, on_reply, coap_loop_read_clock())) {
		fprintf(stderr, "client: it cannot start\n");
		return 1;
	}
	coap_loop_watch(&c.loop, &c.watch, coap_udp_descriptor(c.udp), &c, on_readable);
	coap_loop_run(&c.loop);
	return c.status;
}
