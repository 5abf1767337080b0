/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/asker.h"

/* ---- life ---- */

struct coap_endpoint_config asker_config(void)
{
	struct coap_endpoint_config config = peer_config(NULL, 0);
	config.parameters.body_size_max = 4096;
	config.capacities.qblocks = 2;
	return config;
}

void asker_raise(struct asker *s, const struct coap_endpoint_config *config)
{
	*s = (struct asker){.id = 0x7000};
	for (size_t i = 0; i < sizeof s->content; i++)
		s->content[i] = (uint8_t)(i * 7 + i / 251);
	world_init(&s->world, 7);
	s->world.link.quality.delay = 10;
	peer_join(&s->client, &s->world, 1, config);
	byhand_join(&s->server, &s->world, 2);
}

int asker_ended(const struct asker *s)
{
	int sum = 0;
	for (size_t i = 0; i < sizeof s->outcomes / sizeof s->outcomes[0]; i++)
		sum += i == COAP_OUTCOME_NOTIFICATION ? 0 : s->outcomes[i];
	return sum;
}

void asker_forget(struct asker *s)
{
	memset(s->outcomes, 0, sizeof s->outcomes);
	s->server.count = 0;
	s->server.heard_len = 0;
	s->server.heard[0] = '\0';
}

void asker_strike(struct asker *s)
{
	if (asker_ended(s) == 0)
		coap_endpoint_cancel(s->client.endpoint, s->exchange, s->world.now);
	world_run(&s->world, SECONDS(300));
	assert(asker_ended(s) <= 1);
	assert(coap_endpoint_is_idle(s->client.endpoint));
	peer_leave(&s->client);
	world_done(&s->world);
}

/* ---- the client ---- */

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct asker *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->code = reply->code;
	s->body_len = reply->body.len;
	assert(bytes_equal(reply->body, bytes_of(s->content, reply->body.len)));
}

struct coap_call asker_call(struct asker *s, enum coap_code method, size_t body_len)
{
	return (struct coap_call){.to = {s->server.node.address, HANDLE_NONE},
		.method = method,
		.body = bytes_of(s->content, body_len),
		.reply = on_reply,
		.context = s};
}

void asker_begin(struct asker *s, const struct coap_call *call)
{
	bool has_begun = coap_endpoint_request(s->client.endpoint, call, s->world.now, &s->exchange);
	assert(has_begun);
	world_run(&s->world, 50);
}

/* ---- the server ---- */

void asker_add(struct asker *s, uint16_t option, uint32_t value)
{
	coap_options_add_uint(&s->options, option, value);
}

void asker_add_block(struct asker *s, uint16_t option, uint32_t number, bool has_more, uint8_t szx)
{
	asker_add(s, option, coap_block_value((struct coap_block){number, has_more, szx}));
}

void asker_answer_to(struct asker *s, const struct coap_message *to, enum coap_code code, struct bytes payload)
{
	bool is_confirmable = to->type == COAP_TYPE_CON;
	byhand_tell(&s->server, &s->client, is_confirmable ? COAP_TYPE_ACK : COAP_TYPE_NON, code,
		is_confirmable ? to->id : s->id++, coap_token_bytes(&to->token), &s->options, payload);
	coap_options_clear(&s->options);
}

void asker_answer(struct asker *s, enum coap_code code, struct bytes payload)
{
	struct coap_message latest = byhand_message(&s->server);
	asker_answer_to(s, &latest, code, payload);
}
