/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A Register is decided into a draft of the registration that lies with the pending change. Until the store has it, the
 * device keeps the registration it had; when the store refuses, nothing of the draft remains. */
#include "server/handlers/rd.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"
#include "server/label.h"

#include <assert.h>

/* ---- refusing ---- */

static enum coap_answer refuse(struct server *s, const struct device *device, struct bytes claimed, enum coap_code code,
	const char *why, struct coap_response *ret, msec now)
{
	char name[DEVICE_NAME_MAX + 1];
	label_cut(name, sizeof name, device != NULL ? bytes_of_text(device->record.name) : claimed);
	struct note note = {.type = EVENT_REFUSED, .device = name, .detail = why};
	s->counters.refusals++;
	server_note(s, &note, now);
	ret->code = code;
	return COAP_ANSWER_NOW;
}

static enum coap_answer answer(struct coap_response *ret, enum coap_code code)
{
	ret->code = code;
	return COAP_ANSWER_NOW;
}

static enum coap_code code_of(enum registration_verdict verdict)
{
	switch (verdict) {
	case REGISTRATION_GOOD:
		return COAP_CREATED;
	case REGISTRATION_BAD:
	case REGISTRATION_NO_OBJECTS:
		return COAP_BAD_REQUEST;
	case REGISTRATION_VERSION:
		return COAP_PRECONDITION_FAILED;
	case REGISTRATION_FORMAT:
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	case REGISTRATION_TOO_MANY:
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	}
	return COAP_INTERNAL_SERVER_ERROR;
}

static const char *text_of(enum registration_verdict verdict)
{
	switch (verdict) {
	case REGISTRATION_GOOD:
		return "";
	case REGISTRATION_BAD:
		return "malformed registration";
	case REGISTRATION_NO_OBJECTS:
		return "registration without a list of objects";
	case REGISTRATION_VERSION:
		return "not LwM2M 1.x";
	case REGISTRATION_FORMAT:
		return "list of objects not in the link format";
	case REGISTRATION_TOO_MANY:
		return "too many objects";
	}
	return "";
}

/* ---- reading ---- */

static enum registration_verdict read_parameters(
	const struct coap_request *request, struct registration_parameters *ret)
{
	unsigned cursor = 0;
	struct bytes query;
	registration_init(ret);
	while (coap_message_next(request->message, COAP_OPTION_URI_QUERY, &cursor, &query)) {
		enum registration_verdict verdict = registration_read(ret, query);
		if (verdict != REGISTRATION_GOOD)
			return verdict;
	}
	return REGISTRATION_GOOD;
}

static void take_formats(struct registration *r, struct bytes text)
{
	r->format_count = 0;
	while (text.len > 0 && r->format_count < DEVICE_FORMATS_MAX) {
		const uint8_t *space = memchr(text.data, ' ', text.len);
		size_t len = space == NULL ? text.len : (size_t)(space - text.data);
		uint64_t format;
		if (parse_decimal(bytes_first(text, len), UINT16_MAX, &format))
			r->formats[r->format_count++] = (uint16_t)format;
		text = bytes_from(text, len + 1);
	}
}

/* A body without a format is taken for links, as some devices leave it out. */
static enum registration_verdict take_objects(struct registration *r, const struct coap_request *request)
{
	struct registration_objects objects;
	struct registration_object object;
	uint32_t format;
	if (coap_message_uint(request->message, COAP_OPTION_CONTENT_FORMAT, &format) && format != COAP_FORMAT_LINK)
		return REGISTRATION_FORMAT;
	enum registration_verdict verdict = registration_objects_init(&objects, request->body);
	if (verdict != REGISTRATION_GOOD)
		return verdict;
	memset(r->prefix, 0, sizeof r->prefix);
	bytes_copy((uint8_t *)r->prefix, objects.prefix.data, objects.prefix.len);
	r->object_count = 0;
	r->has_more_objects = false;
	while (registration_objects_next(&objects, &object)) {
		if (r->object_count == DEVICE_OBJECTS_MAX) {
			r->has_more_objects = true;
			continue;
		}
		r->objects[r->object_count++] =
			(struct device_object){object.object, object.instance, object.major, object.minor};
	}
	take_formats(r, objects.formats);
	return REGISTRATION_GOOD;
}

static bool is_lifetime(const struct server *s, uint32_t lifetime_s)
{
	return lifetime_s >= s->config.lifetime_min_s && lifetime_s <= s->config.lifetime_max_s;
}

/* ---- deciding ---- */

/* A location that nobody has: 48 random bits, in hexadecimal. */
static void choose_location(struct server *s, char ret[DEVICE_LOCATION_MAX + 1])
{
	do {
		uint8_t bits[DEVICE_LOCATION_MAX / 2];
		struct writer w = writer_of(ret, DEVICE_LOCATION_MAX);
		prng_fill(&s->prng, bits, sizeof bits);
		write_hex(&w, bytes_of(bits, sizeof bits));
		ret[DEVICE_LOCATION_MAX] = '\0';
	} while (registry_find_location(&s->registry, bytes_of_text(ret)) != NULL);
}

/* Puts device and registration into a batch; COAP_CREATED when they are on their way. */
static enum coap_code persist(struct server *s, const struct device *device, const struct coap_request *request,
	enum pending_kind kind, const struct registration *registration, bool has_changed, msec now)
{
	struct pending *p = pending_begin(s, kind);
	if (p == NULL)
		return COAP_SERVICE_UNAVAILABLE;
	p->device = registry_handle(&s->registry, device);
	p->later = request->later;
	p->remote = request->remote;
	p->registration = *registration;
	p->has_changed = has_changed;
	struct device_record kept = device_record(device);
	struct store_change record = {.type = STORE_DEVICE_PUT, .device = &kept};
	struct store_change change = {.type = STORE_REGISTRATION_PUT, .name = device->record.name};
	change.registration = &p->registration;
	s->ports.store.add(s->ports.store.context, &record);
	s->ports.store.add(s->ports.store.context, &change);
	return pending_commit(s, p, now) ? COAP_CREATED : COAP_SERVICE_UNAVAILABLE;
}

static enum coap_answer wait_or_say(enum coap_code code, struct coap_response *ret)
{
	if (code == COAP_CREATED)
		return COAP_ANSWER_LATER;
	return answer(ret, code);
}

static void fill(struct registration *r, const struct registration_parameters *p, const struct coap_request *request,
	wall_msec wall)
{
	r->major = p->major;
	r->minor = p->minor;
	r->bindings = p->bindings;
	r->has_queue_mode = p->has_queue_mode;
	r->lifetime_s = p->lifetime_s;
	r->registered_at = wall;
	r->renewed_at = wall;
	r->address = request->remote.address;
}

static enum coap_answer register_device(
	struct server *s, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct registration_parameters p;
	struct registration r = {0};
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	enum registration_verdict verdict = read_parameters(request, &p);
	if (device == NULL && s->config.accepts_plain && !coap_remote_is_secure(&request->remote)) {
		server_connected(s, &request->remote, p.endpoint, now);
		device = registry_find_remote(&s->registry, &request->remote);
	}
	if (device == NULL)
		return refuse(s, NULL, p.endpoint, COAP_FORBIDDEN, "association of no known device", ret, now);
	if (p.has_endpoint && !bytes_equal_text(p.endpoint, device->record.name))
		return refuse(s, device, BYTES_NONE, COAP_BAD_REQUEST,
			"endpoint name does not belong to the credential", ret, now);
	p.has_endpoint = true;
	p.endpoint = bytes_of_text(device->record.name);
	if (verdict == REGISTRATION_GOOD)
		verdict = registration_check_register(&p);
	if (verdict == REGISTRATION_GOOD)
		verdict = take_objects(&r, request);
	if (verdict != REGISTRATION_GOOD)
		return refuse(s, device, BYTES_NONE, code_of(verdict), text_of(verdict), ret, now);
	if (!is_lifetime(s, p.lifetime_s))
		return refuse(s, device, BYTES_NONE, COAP_BAD_REQUEST, "lifetime out of limits", ret, now);
	fill(&r, &p, request, server_wall(s, now));
	choose_location(s, r.location);
	return wait_or_say(persist(s, device, request, PENDING_REGISTER, &r, true, now), ret);
}

/* The registration that this request's location names, if it is the sender's own. */
static struct device *find_own(struct server *s, const struct coap_request *request)
{
	struct device *device = registry_find_remote(&s->registry, &request->remote);
	if (request->rest_count != 1 || device == NULL || !device_is_registered(device))
		return NULL;
	return bytes_equal_text(request->rest[0], device->registration.location) ? device : NULL;
}

static bool is_same(const struct registration *a, const struct registration *b)
{
	return a->lifetime_s == b->lifetime_s && a->bindings == b->bindings && a->object_count == b->object_count &&
	       a->format_count == b->format_count && address_equal(&a->address, &b->address) &&
	       memcmp(a->objects, b->objects, sizeof a->objects) == 0 &&
	       memcmp(a->formats, b->formats, sizeof a->formats) == 0 &&
	       memcmp(a->prefix, b->prefix, sizeof a->prefix) == 0;
}

static enum coap_answer update_device(
	struct server *s, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct registration_parameters p;
	struct device *device = find_own(s, request);
	if (device == NULL)
		return answer(ret, COAP_NOT_FOUND);
	struct registration before = device_registration(device), r = before;
	enum registration_verdict verdict = read_parameters(request, &p);
	if (verdict == REGISTRATION_GOOD)
		verdict = registration_check_update(&p);
	if (verdict == REGISTRATION_GOOD && request->body.len > 0) {
		memset(r.objects, 0, sizeof r.objects);
		memset(r.formats, 0, sizeof r.formats);
		verdict = take_objects(&r, request);
	}
	if (verdict != REGISTRATION_GOOD)
		return answer(ret, code_of(verdict));
	if (p.has_lifetime && !is_lifetime(s, p.lifetime_s))
		return answer(ret, COAP_BAD_REQUEST);
	r.lifetime_s = p.has_lifetime ? p.lifetime_s : r.lifetime_s;
	r.bindings = p.has_binding ? p.bindings : r.bindings;
	r.has_queue_mode |= p.has_queue_mode;
	r.address = request->remote.address;
	r.renewed_at = server_wall(s, now);
	bool has_changed = !is_same(&r, &before);
	return wait_or_say(persist(s, device, request, PENDING_UPDATE, &r, has_changed, now), ret);
}

static enum coap_answer deregister_device(
	struct server *s, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct device *device = find_own(s, request);
	if (device == NULL)
		return answer(ret, COAP_NOT_FOUND);
	struct pending *p = pending_begin(s, PENDING_DEREGISTER);
	if (p == NULL)
		return answer(ret, COAP_SERVICE_UNAVAILABLE);
	p->device = registry_handle(&s->registry, device);
	p->later = request->later;
	p->registration = device_registration(device);
	struct store_change change = {.type = STORE_REGISTRATION_REMOVE, .name = device->record.name};
	s->ports.store.add(s->ports.store.context, &change);
	return wait_or_say(pending_commit(s, p, now) ? COAP_CREATED : COAP_SERVICE_UNAVAILABLE, ret);
}

enum coap_answer handlers_rd(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint;
	/* What cannot be answered later must not be persisted either. */
	if (s->is_stopping || handle_is_none(request->later))
		return answer(ret, COAP_SERVICE_UNAVAILABLE);
	if (claiming_is_guest(s, &request->remote))
		return refuse(s, registry_find_remote(&s->registry, &request->remote), BYTES_NONE, COAP_FORBIDDEN,
			"a claim is good for enrolment alone", ret, now);
	if (request->message->code == COAP_POST)
		return request->rest_count == 0 ? register_device(s, request, ret, now)
						: update_device(s, request, ret, now);
	if (request->message->code == COAP_DELETE)
		return deregister_device(s, request, ret, now);
	return answer(ret, COAP_METHOD_NOT_ALLOWED);
}

/* ---- the store has spoken ---- */

static void respond(struct server *s, const struct pending *p, enum coap_code code, const char *location, msec now)
{
	struct coap_response response = {.code = code, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	if (location != NULL) {
		coap_options_add_text(&response.options, COAP_OPTION_LOCATION_PATH, "rd");
		coap_options_add_text(&response.options, COAP_OPTION_LOCATION_PATH, location);
	}
	(void)coap_endpoint_respond(s->endpoint, p->later, &response, now);
}

static void note_registration(struct server *s, enum event_type type, const struct device *device, msec now)
{
	char detail[EVENT_DETAIL_MAX + 1];
	struct writer w = writer_of(detail, sizeof detail - 1);
	write_text(&w, "lifetime ");
	write_decimal(&w, device->registration.lifetime_s);
	write_text(&w, " s, from ");
	address_write(&w, &device->registration.address);
	label_end(detail, sizeof detail, &w);
	struct note note = {.type = type, .device = device->record.name, .detail = detail};
	server_note(s, &note, now);
}

static void registered(struct server *s, struct device *device, const struct pending *p, msec now)
{
	msec expires_at = msec_after(now, SECONDS(p->registration.lifetime_s));
	s->counters.registers++;
	device->is_stored = true;
	registry_register(&s->registry, device, &p->registration, expires_at);
	device->last_seen = server_wall(s, now);
	note_registration(s, EVENT_REGISTERED, device, now);
	respond(s, p, COAP_CREATED, device->registration.location, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	conduct_follow(s, device, now);
}

static void updated(struct server *s, struct device *device, const struct pending *p, msec now)
{
	msec expires_at = msec_after(now, SECONDS(p->registration.lifetime_s));
	/* A Register that came meanwhile has replaced what this one speaks of. */
	if (memcmp(device->registration.location, p->registration.location, sizeof p->registration.location) != 0) {
		respond(s, p, COAP_NOT_FOUND, NULL, now);
		return;
	}
	s->counters.updates++;
	registry_register(&s->registry, device, &p->registration, expires_at);
	if (p->has_changed)
		note_registration(s, EVENT_UPDATED, device, now);
	respond(s, p, COAP_CHANGED, NULL, now);
	server_update(s, UPDATE_DEVICE, device, 0, now);
	if (device->is_connected && !device->is_announced)
		conduct_follow(s, device, now);
	else
		conduct_heard(s, device, now);
}

static void deregistered(struct server *s, struct device *device, const struct pending *p, msec now)
{
	struct note note = {.type = EVENT_DEREGISTERED, .device = device->record.name};
	s->counters.deregisters++;
	respond(s, p, COAP_DELETED, NULL, now);
	if (memcmp(device->registration.location, p->registration.location, sizeof p->registration.location) != 0)
		return;
	server_note(s, &note, now);
	conduct_forget(s, device, now);
	registry_unregister(&s->registry, device);
	device->is_announced = false;
	server_update(s, UPDATE_DEVICE, device, 0, now);
	campaign_device_event(s, device, ENTRY_EVENT_LOOK, false, now);
}

void handlers_rd_stored(struct server *s, struct pending *p, bool ok, msec now)
{
	struct device *device = registry_get(&s->registry, p->device);
	if (!ok || device == NULL) {
		respond(s, p, COAP_SERVICE_UNAVAILABLE, NULL, now);
		return;
	}
	if (p->kind == PENDING_REGISTER)
		registered(s, device, p, now);
	else if (p->kind == PENDING_UPDATE)
		updated(s, device, p, now);
	else
		deregistered(s, device, p, now);
}
