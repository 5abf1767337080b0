/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handlers/send.h"

#include "server/facts.h"

static enum coap_code code_of(enum payload_verdict verdict)
{
	switch (verdict) {
	case PAYLOAD_GOOD:
		return COAP_CHANGED;
	case PAYLOAD_BAD:
		return COAP_BAD_REQUEST;
	case PAYLOAD_UNSUPPORTED:
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	case PAYLOAD_FULL:
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	}
	return COAP_INTERNAL_SERVER_ERROR;
}

static bool is_senml(uint16_t format)
{
	return format == PAYLOAD_SENML_CBOR || format == PAYLOAD_SENML_JSON;
}

enum coap_answer handlers_send(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	struct arena scratch;
	unsigned facts = 0;
	(void)endpoint;
	if (claiming_is_guest(s, &request->remote)) {
		ret->code = COAP_FORBIDDEN;
		return COAP_ANSWER_NOW;
	}
	if (device == NULL || !device_is_registered(device)) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	if (request->message->code != COAP_POST) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return COAP_ANSWER_NOW;
	}
	if (!is_senml(request->content_format)) {
		ret->code = COAP_UNSUPPORTED_CONTENT_FORMAT;
		return COAP_ANSWER_NOW;
	}
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	enum payload_verdict verdict = facts_read(
		device, request->content_format, PATH_ROOT, request->body, &scratch, server_wall(s, now), &facts);
	ret->code = code_of(verdict);
	conduct_heard(s, device, now);
	if (verdict == PAYLOAD_GOOD)
		conduct_told(s, device, facts, false, now);
	return COAP_ANSWER_NOW;
}
