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

static bool is_for_send(uint16_t format)
{
	return format == PAYLOAD_SENML_CBOR || format == PAYLOAD_SENML_JSON || format == PAYLOAD_LWM2M_CBOR;
}

/* Only objects that the device has registered may be sent (lwm2m interface section 6.1). */
static bool is_registered(
	struct server *s, const struct device *device, const struct coap_request *request, struct arena *scratch)
{
	struct payload_reader r;
	struct record record;
	payload_reader_init(&r, request->content_format, PATH_ROOT, request->body, s->config.model, scratch);
	payload_reader_allow_prefix(&r);
	while (payload_next(&r, &record))
		if (!device_has_object(device, record.path.ids[0]) && !device->registration.has_more_objects)
			return false;
	return true;
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
	if (!is_for_send(request->content_format)) {
		ret->code = COAP_UNSUPPORTED_CONTENT_FORMAT;
		return COAP_ANSWER_NOW;
	}
	arena_init(&scratch, s->scratch, sizeof s->scratch);
	if (!is_registered(s, device, request, &scratch)) {
		ret->code = COAP_NOT_FOUND;
		return COAP_ANSWER_NOW;
	}
	arena_reset(&scratch);
	enum payload_verdict verdict = facts_read(&s->registry, device, request->content_format, PATH_ROOT,
		request->body, &scratch, server_wall(s, now), &facts);
	ret->code = code_of(verdict);
	conduct_heard(s, device, now);
	if (verdict == PAYLOAD_GOOD) {
		conduct_told(s, device, facts, false, now);
		watches_sent(s, device, request->content_format, request->body, now);
	}
	return COAP_ANSWER_NOW;
}
