/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_value.h"

#include "coap/content_format.h"
#include "coap/precondition.h"

static void count_change(struct coapd_value *v)
{
	v->version += v->version == UINT32_MAX ? 2 : 1;
}

static bool is_met(const struct coapd_value *v, const struct coap_request *request, struct coap_response *ret)
{
	struct bytes etag = v->exists ? bytes_of(&v->version, sizeof v->version) : BYTES_NONE;
	if (coap_precondition_holds(request, v->exists, etag))
		return true;
	ret->code = COAP_PRECONDITION_FAILED;
	return false;
}

void coapd_value_set_text(struct coapd_value *v, const char *text)
{
	struct bytes b = bytes_first(bytes_of_text(text), COAPD_VALUE_MAX_BYTES);
	memcpy(v->bytes, b.data, b.len);
	v->len = b.len;
	v->format = COAP_FORMAT_TEXT;
	v->exists = true;
	count_change(v);
}

void coapd_value_get(const struct coapd_value *v, const struct coap_request *request, struct coap_response *ret)
{
	uint16_t format = v->exists ? v->format : COAP_FORMAT_TEXT;
	if (!v->exists && v->when_empty == NULL) {
		ret->code = COAP_NOT_FOUND;
	} else if (request->accept != COAP_FORMAT_NONE && request->accept != format) {
		ret->code = COAP_NOT_ACCEPTABLE; /* RFC 7252 section 5.10.4 */
	} else {
		ret->code = COAP_CONTENT;
		ret->content_format = format;
		ret->payload = v->exists ? bytes_of(v->bytes, v->len) : bytes_of_text(v->when_empty);
		if (v->exists)
			ret->etag = bytes_of(&v->version, sizeof v->version);
	}
}

void coapd_value_put(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret)
{
	if (!is_met(v, request, ret))
		return;
	if (request->body.len > COAPD_VALUE_MAX_BYTES) {
		ret->code = COAP_REQUEST_ENTITY_TOO_LARGE;
		return;
	}
	ret->code = v->exists ? COAP_CHANGED : COAP_CREATED;
	if (request->body.len > 0)
		memcpy(v->bytes, request->body.data, request->body.len);
	v->len = request->body.len;
	v->format = request->content_format;
	v->exists = true;
	count_change(v);
}

void coapd_value_delete(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret)
{
	if (!is_met(v, request, ret))
		return;
	v->exists = false;
	ret->code = COAP_DELETED;
}

void coapd_value_serve(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret)
{
	if (request->message->code == COAP_GET)
		coapd_value_get(v, request, ret);
	else if (request->message->code == COAP_PUT || request->message->code == COAP_POST)
		coapd_value_put(v, request, ret);
	else if (request->message->code == COAP_DELETE)
		coapd_value_delete(v, request, ret);
	else
		ret->code = COAP_METHOD_NOT_ALLOWED;
}

enum coap_answer coapd_value_handle(void *value, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)endpoint, (void)now;
	coapd_value_serve(value, request, ret);
	return COAP_ANSWER_NOW;
}
