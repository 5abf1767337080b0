/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

#include <stdio.h>

const char *const ask_paths[WHATS] = {"count", "exchange", "store", "made", "whole", "watch"};

static bool brings_body(enum what what, enum coap_code code)
{
	return code == COAP_CONTENT || (code == COAP_CHANGED && what == EXCHANGE);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct ask *ask = context;
	unsigned number = (unsigned)(ask - asks);
	uint64_t id = ask->what == WATCH ? reply->body.len : number;
	size_t length = ask->what == WATCH ? reply->body.len : ask->length;
	(void)endpoint, (void)now;
	if (ask->has_ended)
		broken("ended twice", number);
	if (is_talkative)
		printf("%10lld  reply to %u /%s: outcome %d, code %u.%02u, %zu bytes\n", (long long)world.now, number,
			ask_paths[ask->what], (int)reply->outcome, (unsigned)reply->code >> 5,
			(unsigned)reply->code & 31, reply->body.len);
	if (brings_body(ask->what, reply->code) && !body_is_whole(reply->body, id, length))
		broken("the body that came back is not whole", number);
	if (ask->what == COUNT && reply->code == COAP_CHANGED && ask->run_by == 0)
		broken("told as done, but it never ran", number);
	if (reply->outcome == COAP_OUTCOME_NOTIFICATION || reply->outcome == COAP_OUTCOME_MEMBER)
		return;
	ask->has_ended = true;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		answered++;
	else
		failed++;
}

static enum coap_code method_of(enum what what)
{
	switch (what) {
	case COUNT:
	case EXCHANGE:
		return COAP_POST;
	case STORE:
		return COAP_PUT;
	case MADE:
	case WHOLE:
	case WATCH:
	case WHATS:
		return COAP_GET;
	}
	return COAP_GET;
}

static struct ask *new_ask(const struct node *from)
{
	struct ask *ask = &asks[ask_count++];
	uint32_t longest = from->config.parameters.body_size_max;
	*ask = (struct ask){
		.what = (enum what)draw(0, WHATS - 1), .node = from->index, .life = from->life, .lives = lives};
	ask->length = ask->what == COUNT ? ID_BYTES : draw(ID_BYTES, longest < BODY_MAX ? longest : BODY_MAX);
	if (draw(0, 2) == 0)
		ask->length = draw(ID_BYTES, 100);
	ask->is_observing = ask->what == WATCH;
	body_fill(ask->body, (uint64_t)(ask - asks), 0, ask->length);
	return ask;
}

static void write_options(struct coap_options *o, const struct ask *ask)
{
	char number[12];
	coap_options_clear(o);
	coap_options_add_path(o, COAP_OPTION_URI_PATH, bytes_of_text(ask_paths[ask->what]));
	snprintf(number, sizeof number, "%u", (unsigned)(ask - asks));
	if (method_of(ask->what) == COAP_GET && ask->what != WATCH)
		coap_options_add(o, COAP_OPTION_URI_QUERY, bytes_of_text(number));
}

static enum coap_qblock_use qblock_use(const struct node *from)
{
	if (from->config.capacities.qblocks == 0)
		return COAP_QBLOCK_OFF;
	return (enum coap_qblock_use)draw(COAP_QBLOCK_OFF, COAP_QBLOCK_CON);
}

struct ask *client_ask(struct node *from, const struct node *to)
{
	struct coap_options options;
	struct ask *ask = new_ask(from);
	enum coap_code method = method_of(ask->what);
	write_options(&options, ask);
	struct coap_call call = {.to = peer_remote(&to->peer),
		.method = method,
		.options = &options,
		.body = method == COAP_GET ? BYTES_NONE : bytes_of(ask->body, ask->length),
		.is_nonconfirmable = draw(0, 4) == 0,
		.observe = ask->is_observing,
		.qblock = qblock_use(from),
		.reply = on_reply,
		.context = ask};
	if (has_groups && ask->what == MADE && draw(0, 1) == 0) {
		call.to.address = group_address();
		call.is_group = call.is_nonconfirmable = true;
		call.qblock = COAP_QBLOCK_OFF;
	}
	if (is_talkative)
		printf("%10lld  request %u: node %u asks node %u for /%s, %zu bytes\n", (long long)world.now,
			(unsigned)(ask - asks), from->index, to->index, ask_paths[ask->what], ask->length);
	if (coap_endpoint_request(from->peer.endpoint, &call, world.now, &ask->exchange))
		return ask;
	ask_count--;
	return NULL;
}
