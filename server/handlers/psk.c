/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/handlers/psk.h"

#include "coap/content_format.h"
#include "mgmt/key_pair.h"

#define BUSY_S 5

static enum coap_answer refuse(
	struct server *s, const struct device *device, const char *why, struct coap_response *ret, msec now)
{
	struct note note = {.type = EVENT_REFUSED, .device = device == NULL ? "" : device->record.name, .detail = why};
	s->counters.refusals++;
	server_note(s, &note, now);
	ret->code = COAP_FORBIDDEN;
	return COAP_ANSWER_NOW;
}

static enum coap_answer come_again(struct coap_response *ret)
{
	ret->code = COAP_SERVICE_UNAVAILABLE;
	ret->max_age_s = BUSY_S;
	return COAP_ANSWER_NOW;
}

static void tell(struct server *s, const struct device *device, const struct device_key *key, struct coap_response *ret)
{
	uint8_t identity[ISSUED_IDENTITY_MAX];
	struct writer name = writer_of(identity, sizeof identity);
	struct writer w = writer_of(s->scratch, sizeof s->scratch);
	issued_key_write_identity(&name, bytes_of_text(device->record.name), key);
	key_pair_write(&w, writer_bytes(&name), bytes_of(key->key, sizeof key->key));
	ret->code = COAP_CHANGED;
	ret->content_format = COAP_FORMAT_CBOR;
	ret->payload = writer_bytes(&w);
}

static enum coap_answer make(struct server *s, const struct device *device, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct note note = {.type = EVENT_KEY_MADE, .device = device->record.name};
	struct pending *p = pending_begin(s, PENDING_KEY);
	if (p == NULL)
		return come_again(ret);
	struct issued_key_record record = {.keys = device_keys(device)};
	memcpy(record.name, device->record.name, bytes_of_text(device->record.name).len);
	prng_fill(&s->prng, record.keys.next.mark, sizeof record.keys.next.mark);
	prng_fill(&s->prng, record.keys.next.key, sizeof record.keys.next.key);
	record.keys.next.made_at = server_wall(s, now);
	struct store_change change = {.type = STORE_KEY_PUT, .key = &record};
	s->ports.store.add(s->ports.store.context, &change);
	p->device = registry_handle(&s->registry, device);
	p->later = request->later;
	p->keys = record.keys;
	server_note(s, &note, now);
	return pending_commit(s, p, now) ? COAP_ANSWER_LATER : come_again(ret);
}

enum coap_answer handlers_psk(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	const struct device *device = registry_find_remote(&s->registry, &request->remote);
	uint64_t number;
	(void)endpoint;
	if (request->message->code != COAP_POST) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return COAP_ANSWER_NOW;
	}
	if (device == NULL || !rekeying_is_by_key(s, &request->remote, &number))
		return refuse(s, device, "asks for a pre-shared key without having one", ret, now);
	if (claiming_is_guest(s, &request->remote) || !device->is_stored)
		return refuse(s, device, "asks for a pre-shared key before it has registered", ret, now);
	struct device_keys keys = device_keys(device);
	if (issued_key_is_there(&keys.next)) {
		tell(s, device, &keys.next, ret);
		return COAP_ANSWER_NOW;
	}
	if (s->is_stopping || handle_is_none(request->later))
		return come_again(ret);
	return make(s, device, request, ret, now);
}

void handlers_psk_stored(struct server *s, const struct pending *p, bool ok, msec now)
{
	struct coap_response response = {
		.code = COAP_SERVICE_UNAVAILABLE, .content_format = COAP_FORMAT_NONE, .max_age_s = BUSY_S};
	struct device *device = registry_get(&s->registry, p->device);
	if (ok && device != NULL) {
		response.max_age_s = 60;
		registry_keep_keys(&s->registry, device, &p->keys);
		tell(s, device, &p->keys.next, &response);
	}
	(void)coap_endpoint_respond(s->endpoint, p->later, &response, now);
}
