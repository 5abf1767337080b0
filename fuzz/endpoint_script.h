/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two real endpoints in a virtual world, and what a script does with them, two bytes a step. As long as no bytes of
 * others came in between, no POST runs twice, and each body is whole. One script runs at a time. */
#pragma once

#include "tests/sim/peer.h"

#include <assert.h>

static struct world world;
static struct peer client, server;
static struct handle later, asked[256];
static unsigned lost, started, ended;
static bool is_honest;           /* nobody has spoken in another's name yet */
static uint8_t runs[256];        /* of each POST */
static uint8_t bodies[256][500]; /* all bytes the number of the request */

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	bool is_stream = context != NULL;
	(void)endpoint, (void)now;
	if (is_honest && request->body.len > 0) {
		assert(is_stream || request->body.len == sizeof bodies[0]);
		assert(memcmp(request->body.data, bodies[request->body.data[0]], request->body.len) == 0);
		assert(request->message->code != COAP_POST || !request->body_is_last ||
			++runs[request->body.data[0]] == 1);
	}
	ret->code = COAP_CONTENT;
	ret->payload =
		bytes_of(request->scratch->start, request->message->code == COAP_GET ? 300 : request->body.len % 99);
	later = handle_is_none(request->later) ? later : request->later;
	return request->rest_count > 0 ? COAP_ANSWER_LATER : COAP_ANSWER_NOW;
}

static const struct coap_resource resources[] = {
	{.path = "a", .is_subtree = true, .is_observable = true, .handle = handle},
	{.path = "s", .takes_stream = true, .handle = handle, .context = bodies},
};

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	bool *has_ended = context;
	(void)endpoint, (void)now;
	assert(!*has_ended);
	*has_ended = reply->outcome != COAP_OUTCOME_NOTIFICATION;
	ended += *has_ended;
}

static bool passes(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	(void)context, (void)from, (void)to, (void)datagram, (void)now;
	return (lost >> (number & 7) & 1) == 0;
}

static void ask(uint8_t what, bool *has_ended)
{
	static const char *const paths[] = {"a", "a/b", "s", "none"};
	static const enum coap_code methods[] = {COAP_GET, COAP_PUT, COAP_POST, COAP_FETCH};
	struct coap_options options;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(paths[what & 3]));
	struct coap_call call = {.to = peer_remote(&server),
		.method = methods[what >> 2 & 3],
		.options = &options,
		.body = bytes_of(bodies[started], what >> 4 & 1 && what >> 2 & 3 ? sizeof bodies[0] : 0),
		.observe = what >> 5 & 1,
		.is_nonconfirmable = what >> 6 & 1,
		.qblock = what >> 7 == 0  ? COAP_QBLOCK_OFF
			  : what >> 6 & 1 ? COAP_QBLOCK_CON
					  : COAP_QBLOCK_NON,
		.reply = on_reply,
		.context = has_ended};
	*has_ended = false;
	started += coap_endpoint_request(client.endpoint, &call, world.now, &asked[started]);
}

static void speak_for(struct peer *target, const struct coap_remote *from, struct bytes datagram)
{
	is_honest = false;
	coap_endpoint_receive(target->endpoint, from, datagram, world.now);
}

static inline void script_step(struct reader *r, bool has_ended[256])
{
	static const struct coap_response answer = {.code = COAP_CHANGED, .max_age_s = 60};
	uint8_t action = read_u8(r), argument = read_u8(r);
	struct peer *target = action & 8 ? &client : &server, *other = action & 8 ? &server : &client;
	struct coap_remote from = peer_remote(other);
	if ((action & 7) == 0 && started < 256)
		ask(argument, &has_ended[started]);
	else if ((action & 7) == 1)
		world_run(&world, (msec)argument * argument);
	else if ((action & 7) == 2 && reader_left(r) >= argument)
		speak_for(target, &from, read_bytes(r, argument));
	else if ((action & 7) == 3)
		lost = argument;
	else if ((action & 7) == 4)
		coap_endpoint_resource_changed(server.endpoint, &resources[0], world.now);
	else if ((action & 7) == 5)
		(void)coap_endpoint_respond(server.endpoint, later, &answer, world.now);
	else if ((action & 7) == 6)
		coap_endpoint_lost(target->endpoint, &from, world.now);
	else if ((action & 7) == 7)
		world.link.quality = (struct link_quality){.delay = argument,
			.jitter = (msec)(argument & 0x0f) * 500,
			.repeat_permille = argument & 0xf0,
			.repeat_delay = SECONDS(argument & 0x0f)};
}

static inline void script_begin(void)
{
	struct coap_endpoint_config config = peer_config(resources, 2);
	config.parameters.block_size = 64;
	config.parameters.body_size_max = 2048;
	config.capacities.qblocks = 4;
	started = ended = lost = 0;
	is_honest = true;
	later = HANDLE_NONE;
	memset(runs, 0, sizeof runs);
	for (int i = 0; i < 256; i++)
		memset(bodies[i], i, sizeof bodies[i]);
	world_init(&world, 1);
	world.link.filter = passes;
	peer_join(&client, &world, 1, &config);
	peer_join(&server, &world, 2, &config);
}

/* The network heals, and each exchange has ended once; what still observes is lost. */
static inline void script_end(void)
{
	struct coap_remote remote = peer_remote(&server);
	lost = 0;
	world_run(&world, SECONDS(8000));
	coap_endpoint_lost(client.endpoint, &remote, world.now);
	assert(ended == started && coap_endpoint_is_idle(client.endpoint) && coap_endpoint_is_idle(server.endpoint));
	peer_leave(&client);
	peer_leave(&server);
	world_done(&world);
}
