/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_basic.h"

#include "coap/content_format.h"

static void put_test(struct coapd_basic *b, const struct coap_request *request, struct coap_response *ret)
{
	if (request->body.len > COAPD_TEST_MAX_BYTES) {
		ret->code = COAP_REQUEST_ENTITY_TOO_LARGE;
		return;
	}
	ret->code = b->has_test ? COAP_CHANGED : COAP_CREATED;
	if (request->body.len > 0)
		memcpy(b->test, request->body.data, request->body.len);
	b->test_len = request->body.len;
	b->test_format = request->content_format;
	b->has_test = true;
}

static enum coap_answer handle_test(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_basic *b = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET) {
		ret->code = COAP_CONTENT;
		ret->content_format = b->has_test ? b->test_format : COAP_FORMAT_TEXT;
		ret->payload = b->has_test ? bytes_of(b->test, b->test_len) : bytes_of_text("nothing here yet");
	} else if (request->message->code == COAP_PUT || request->message->code == COAP_POST) {
		put_test(b, request, ret);
	} else if (request->message->code == COAP_DELETE) {
		b->has_test = false;
		ret->code = COAP_DELETED;
	} else {
		ret->code = COAP_METHOD_NOT_ALLOWED;
	}
	return COAP_ANSWER_NOW;
}

void coapd_answer_number(const struct coap_request *request, uint64_t number, struct coap_response *ret)
{
	struct writer w = arena_writer(request->scratch);
	write_decimal(&w, number);
	arena_keep(request->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = writer_bytes(&w);
}

static enum coap_answer handle_counter(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_basic *b = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET) {
		coapd_answer_number(request, b->counter, ret);
		return COAP_ANSWER_NOW;
	}
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

void coapd_basic_init(struct coapd_basic *b, struct coapd_table *table)
{
	coapd_table_add(table, (struct coap_resource){.path = "test",
				       .attributes = "rt=\"test\"",
				       .may_repeat = true,
				       .handle = handle_test,
				       .context = b});
	coapd_table_add(
		table, (struct coap_resource){
			       .path = "counter", .attributes = "ct=0", .handle = handle_counter, .context = b});
	coapd_table_add(table, (struct coap_resource){.path = "echo", .may_repeat = true, .handle = handle_echo});
}
