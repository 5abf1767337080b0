/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_basic.h"

#define FRESH_WITHIN SECONDS(10) /* how old the Echo of a POST to /fresh may be */
#define LOCATION     "location1/location2/location3"

/* RFC 7252 section 5.8.2: the new resource is named with the 2.01. */
static void post_test(struct coapd_basic *b, const struct coap_request *request, struct coap_response *ret)
{
	coapd_value_put(&b->location, request, ret);
	if (ret->code == COAP_CREATED)
		coap_options_add_path(&ret->options, COAP_OPTION_LOCATION_PATH, bytes_of_text(LOCATION));
}

static enum coap_answer handle_test(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_basic *b = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_POST)
		post_test(b, request, ret);
	else
		coapd_value_serve(&b->test, request, ret);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_alternate(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_basic *b = context;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	coapd_value_get(&b->test, request, ret);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_counter(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_basic *b = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET)
		return coapd_answer_number(request, b->counter, ret);
	if (request->message->code != COAP_POST)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	b->counter++;
	return coapd_answer_code(ret, COAP_CHANGED);
}

/* What is asked is the answer: for FETCH, whose request has a body (RFC 8132 section 2), and for POST. */
static enum coap_answer handle_echo(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	if (request->message->code != COAP_FETCH && request->message->code != COAP_POST)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	ret->content_format = request->content_format;
	ret->payload = request->body;
	return coapd_answer_code(ret, request->message->code == COAP_FETCH ? COAP_CONTENT : COAP_CHANGED);
}

static enum coap_answer handle_secure(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	if (!coap_remote_is_secure(&request->remote))
		return coapd_answer_code(ret, COAP_UNAUTHORIZED);
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	return coapd_answer_content(request, COAP_FORMAT_TEXT, bytes_of_text("nobody else can read this"), ret);
}

void coapd_basic_init(struct coapd_basic *b, struct coapd_table *table)
{
	const struct coap_resource rows[] = {
		{.path = "test",
			.attributes = "rt=\"test\"",
			.may_repeat = true,
			.group = COAP_GROUP_TELLS,
			.handle = handle_test,
			.context = b},
		{.path = "alternate",
			.attributes = "rt=\"\";anchor=\"/test\";rel=\"alternate\"",
			.handle = handle_alternate,
			.context = b},
		{.path = LOCATION, .is_hidden = true, .handle = coapd_value_handle, .context = &b->location},
		{.path = "seg1/seg2/seg3", .handle = coapd_value_handle, .context = &b->segments},
		{.path = "counter",
			.attributes = "ct=0",
			.group = COAP_GROUP_OBEYS,
			.handle = handle_counter,
			.context = b},
		{.path = "fresh",
			.attributes = "ct=0",
			.fresh_within = FRESH_WITHIN,
			.handle = handle_counter,
			.context = b},
		{.path = "echo", .may_repeat = true, .handle = handle_echo},
		{.path = "secure", .handle = handle_secure, .context = b},
	};
	b->test.when_empty = "nothing here yet";
	coapd_value_set_text(&b->segments, "three segments lead here");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		(void)coapd_table_add(table, rows[i]);
}
