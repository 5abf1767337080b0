/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/answerer.h"

#include "coap/content_format.h"

/* ---- resources ---- */

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct answerer *s = context;
	(void)now;
	ret->code = s->code;
	ret->payload = bytes_of(s->content, s->content_len);
	if (s->option_len > 0)
		coap_options_add(&ret->options, 2048, bytes_of(s->content, s->option_len));
	if (request->is_notification && s->forgets)
		coap_endpoint_forget_observer(endpoint, request->observer);
	if (request->is_notification && s->answers_later)
		return COAP_ANSWER_LATER;
	if (request->message->code == COAP_GET)
		return COAP_ANSWER_NOW;
	s->executed++;
	s->got_len = request->body.len;
	assert(bytes_equal(request->body, bytes_of(s->content, request->body.len)));
	ret->code = COAP_CHANGED;
	s->later = request->later;
	return s->answers_later ? COAP_ANSWER_LATER : COAP_ANSWER_NOW;
}

static enum coap_answer handle_slices(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct answerer *s = context;
	struct bytes content = bytes_of(s->content, s->content_len);
	(void)endpoint, (void)now;
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = s->content_len;
	ret->payload =
		bytes_first(bytes_from(content, (size_t)request->slice_offset), request->slice_size - s->is_short);
	ret->etag = bytes_of(&s->version, 1);
	return COAP_ANSWER_NOW;
}

/* ---- life ---- */

struct coap_endpoint_config answerer_config(void)
{
	struct coap_endpoint_config config = peer_config(NULL, 0);
	config.parameters.body_size_max = 4096;
	config.capacities.qblocks = 2;
	return config;
}

void answerer_raise(struct answerer *s, const struct coap_endpoint_config *config, size_t content_len)
{
	struct coap_endpoint_config own = *config;
	*s = (struct answerer){.content_len = content_len, .version = 1, .code = COAP_CONTENT};
	for (size_t i = 0; i < sizeof s->content; i++)
		s->content[i] = (uint8_t)(i * 7 + i / 251);
	s->resources[0] =
		(struct coap_resource){.path = "body", .handle = handle_body, .context = s, .is_observable = true};
	s->resources[1] = (struct coap_resource){.path = "slices", .handle = handle_slices, .context = s};
	own.resources = s->resources;
	own.resource_count = sizeof s->resources / sizeof s->resources[0];
	world_init(&s->world, 7);
	s->world.link.quality.delay = 10;
	byhand_join(&s->client, &s->world, 1);
	peer_join(&s->server, &s->world, 2, &own);
}

void answerer_strike(struct answerer *s)
{
	world_run(&s->world, SECONDS(300));
	assert(coap_endpoint_is_idle(s->server.endpoint));
	peer_leave(&s->server);
	world_done(&s->world);
}

/* ---- the client ---- */

void answerer_add(struct answerer *s, uint16_t option, uint32_t value)
{
	coap_options_add_uint(&s->options, option, value);
}

void answerer_add_block(struct answerer *s, uint16_t option, uint32_t number, bool has_more, uint8_t szx)
{
	answerer_add(s, option, coap_block_value((struct coap_block){number, has_more, szx}));
}

void answerer_ask(struct answerer *s, enum coap_type type, enum coap_code method, const char *path, uint16_t id,
	uint8_t token, struct bytes payload)
{
	coap_options_add_path(&s->options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	byhand_tell(&s->client, &s->server, type, method, id, bytes_of(&token, 1), &s->options, payload);
	coap_options_clear(&s->options);
}

void answerer_change(struct answerer *s)
{
	coap_endpoint_resource_changed(s->server.endpoint, &s->resources[0], s->world.now);
	world_run(&s->world, 100);
}

void answerer_respond(struct answerer *s, enum coap_code code, size_t len)
{
	struct coap_response r = {.code = code, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	r.payload = bytes_of(s->content, len);
	bool is_known = coap_endpoint_respond(s->server.endpoint, s->later, &r, s->world.now);
	assert(is_known);
	world_run(&s->world, 100);
}
