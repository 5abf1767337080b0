/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

#include <stdio.h>

static unsigned number_in_query(const struct coap_request *request)
{
	struct bytes query;
	unsigned number = 0;
	if (!coap_message_option(request->message, COAP_OPTION_URI_QUERY, &query) || query.len > 4)
		return ASKS_MAX;
	for (size_t i = 0; i < query.len; i++)
		number = number * 10 + query.data[i] - '0';
	return number < ask_count ? number : ASKS_MAX;
}

static uint64_t echo_of(const struct coap_request *request)
{
	struct bytes echo;
	uint64_t number = 0;
	if (!coap_message_option(request->message, COAP_OPTION_ECHO, &echo))
		return 0;
	for (size_t i = 0; i < echo.len; i++)
		number = number << 8 | echo.data[i];
	return number;
}

/* A request that was refused for want of a fresh Echo comes again as another message, with the one it was given, and
 * only who has refused the first remembers it: when the server starts anew between the two, a late copy of the first
 * cannot be told from a request of its own. */
static bool is_forgotten_refusal(const struct node *n, const struct ask *ask, uint64_t echo)
{
	return n->life > ask->lives && ask->ran_with_echo != echo;
}

/* The effect that must not be had twice in one life of the server. */
static void execute(const struct node *n, unsigned ask, const struct coap_request *request)
{
	uint64_t echo = echo_of(request);
	if (is_talkative)
		printf("%10lld  node %u runs %u\n", (long long)world.now, n->index, ask);
	if (asks[ask].run_by == n->life && !is_forgotten_refusal(n, &asks[ask], echo))
		broken("ran twice", ask);
	asks[ask].run_by = n->life;
	asks[ask].ran_with_echo = echo;
	executions++;
}

static void give(const struct coap_request *request, struct coap_response *ret, uint64_t id, size_t length)
{
	uint8_t *body = arena_take(request->scratch, length);
	if (body == NULL) {
		ret->code = COAP_SERVICE_UNAVAILABLE;
		return;
	}
	body_fill(body, id, 0, length);
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(body, length);
}

static enum coap_answer answer_later(struct node *n, const struct coap_request *request, unsigned ask)
{
	if (n->owed_count < sizeof n->owed / sizeof n->owed[0])
		n->owed[n->owed_count++] =
			(struct owed){request->later, n->life, ask, world.now + (msec)draw(0, 60000)};
	return COAP_ANSWER_LATER;
}

static enum coap_answer run_body(struct node *n, const struct coap_request *request, struct coap_response *ret)
{
	uint64_t ask = body_id(request->body);
	if (request->body.len < ID_BYTES || ask >= ask_count || !body_is_whole(request->body, ask, asks[ask].length))
		broken("its body is not whole at the server", ask < ask_count ? (unsigned)ask : 0);
	if (request->message->code == COAP_PUT) {
		ret->code = COAP_CHANGED;
		return COAP_ANSWER_NOW;
	}
	execute(n, (unsigned)ask, request);
	if (draw(0, 3) == 0)
		return answer_later(n, request, (unsigned)ask);
	if (asks[ask].what == EXCHANGE)
		give(request, ret, ask, asks[ask].length);
	ret->code = ret->code == COAP_SERVICE_UNAVAILABLE ? ret->code : COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return run_body(context, request, ret);
	ret->code = COAP_METHOD_NOT_ALLOWED; /* a client finds out whether Q-Block is known (RFC 9177 section 4.1) */
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_made(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	unsigned ask = number_in_query(request);
	(void)context, (void)endpoint, (void)now;
	if (ask == ASKS_MAX) {
		ret->code = COAP_BAD_REQUEST;
		return COAP_ANSWER_NOW;
	}
	size_t length = asks[ask].length, rest = 0;
	if (request->slice_offset < length)
		rest = length - (size_t)request->slice_offset;
	rest = rest < request->slice_size ? rest : request->slice_size;
	uint8_t *part = arena_take(request->scratch, rest);
	body_fill(part, ask, request->slice_offset, rest);
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = length;
	ret->payload = bytes_of(part, rest);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_whole(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	unsigned ask = number_in_query(request);
	struct node *n = context;
	(void)endpoint, (void)now;
	if (ask == ASKS_MAX)
		ret->code = COAP_BAD_REQUEST;
	else if (draw(0, 3) == 0 && request->slice_offset == 0)
		return answer_later(n, request, ask);
	else
		give(request, ret, ask, asks[ask].length);
	return COAP_ANSWER_NOW;
}

/* The state is a body whose number is its length. */
static enum coap_answer handle_watch(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	const struct node *n = context;
	(void)endpoint, (void)now;
	give(request, ret, n->state, (size_t)n->state);
	return COAP_ANSWER_NOW;
}

void server_make_resources(struct node *n)
{
	for (unsigned i = 0; i < WHATS; i++)
		n->resources[i] = (struct coap_resource){.path = ask_paths[i], .handle = handle_body, .context = n};
	n->resources[MADE].handle = handle_made;
	n->resources[MADE].group = COAP_GROUP_TELLS;
	n->resources[WHOLE].handle = handle_whole;
	n->resources[WATCH].handle = handle_watch;
	n->resources[WATCH].is_observable = true;
}

void server_answer_what_is_due(struct node *n)
{
	for (unsigned i = 0; i < n->owed_count; i++) {
		const struct owed o = n->owed[i];
		static uint8_t body[BODY_MAX];
		if (o.at > world.now)
			continue;
		n->owed[i--] = n->owed[--n->owed_count];
		if (o.life != n->life)
			continue;
		struct coap_response r = {.code = asks[o.ask].what == WHOLE ? COAP_CONTENT : COAP_CHANGED,
			.content_format = COAP_FORMAT_NONE,
			.max_age_s = 60};
		body_fill(body, o.ask, 0, asks[o.ask].length);
		if (asks[o.ask].what != COUNT)
			r.payload = bytes_of(body, asks[o.ask].length);
		(void)coap_endpoint_respond(n->peer.endpoint, o.later, &r, world.now);
	}
}
