/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of checks is that of lwm2m interface section 15: right (4.01), existence (4.04), operation (4.05), formats
 * (4.15, 4.06), content (4.00). */
#include "agent/objects.h"

#include "coap/content_format.h"
#include "mgmt/attributes.h"
#include "mgmt/payload.h"
#include "mgmt/registration.h"

#define HASH_SEED 0x6c776d326dull /* any: the values are our own */

/* One request on its way through. */
struct visit {
	struct objects *o;
	struct path path;
	const struct object *object;            /* NULL for a composite */
	const struct object_resource *resource; /* NULL above depth 3 */
	struct coap_endpoint *endpoint;
	const struct coap_request *request;
	struct coap_response *response;
	msec now;
};

/* ---- what there is ---- */

static const struct object *find_object(const struct objects *o, uint16_t id)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->table[i]->id == id)
			return o->table[i];
	return NULL;
}

static const struct object_resource *find_resource(const struct object *object, uint16_t id)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if (object->resources[i].id == id)
			return &object->resources[i];
	return NULL;
}

/* COAP_CONTENT when object, instance 0 and resource of the path exist. */
static enum coap_code resolve(const struct objects *o, struct path path, const struct object **object,
	const struct object_resource **resource)
{
	*resource = NULL;
	if (path.ids[0] == MODEL_SECURITY)
		return COAP_UNAUTHORIZED;
	*object = find_object(o, path.ids[0]);
	if (*object == NULL || (path.depth >= 2 && path.ids[1] != 0))
		return COAP_NOT_FOUND;
	if (path.depth < 3)
		return COAP_CONTENT;
	*resource = find_resource(*object, path.ids[2]);
	return *resource == NULL ? COAP_NOT_FOUND : COAP_CONTENT;
}

static bool is_multiple(uint16_t object, uint16_t resource)
{
	const struct model_resource *r = model_resource(&model_core, object, resource);
	return r != NULL && r->is_multiple;
}

/* ---- reading ---- */

static struct object_records records_of(const struct objects *o)
{
	return (struct object_records){.list = o->records, .capacity = OBJECTS_RECORDS_MAX};
}

static void collect_resource(
	const struct objects *o, const struct object *object, uint16_t resource, struct object_records *out)
{
	out->instance = path_of_instance(object->id, 0);
	object->read(o->world, resource, out);
}

static void collect_object(const struct objects *o, const struct object *object, struct object_records *out)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if ((object->resources[i].operations & MODEL_READ) != 0)
			collect_resource(o, object, object->resources[i].id, out);
}

/* Drops what lies behind `from` and is not within `path`. */
static void keep_within(struct object_records *out, size_t from, struct path path)
{
	size_t kept = from;
	for (size_t i = from; i < out->count; i++)
		if (path_is_within(out->list[i].path, path))
			out->list[kept++] = out->list[i];
	out->count = kept;
}

/* All that can be read at or below a path; what does not exist adds nothing. */
static void collect(const struct objects *o, struct path path, struct object_records *out)
{
	const struct object *object;
	const struct object_resource *resource;
	size_t from = out->count;
	if (path.depth == 0) {
		for (size_t i = 0; i < o->count; i++)
			collect_object(o, o->table[i], out);
		return;
	}
	if (resolve(o, path, &object, &resource) != COAP_CONTENT)
		return;
	if (resource == NULL)
		collect_object(o, object, out);
	else if ((resource->operations & MODEL_READ) != 0)
		collect_resource(o, object, resource->id, out);
	keep_within(out, from, path);
}

static enum coap_code encode(struct path base, const struct object_records *records, uint16_t accept,
	struct arena *scratch, struct bytes *ret)
{
	struct writer w = arena_writer(scratch);
	if (records->is_full)
		return COAP_INTERNAL_SERVER_ERROR;
	switch (payload_encode(accept, base, records->list, records->count, &w)) {
	case PAYLOAD_GOOD:
		arena_keep(scratch, &w);
		*ret = writer_bytes(&w);
		return COAP_CONTENT;
	case PAYLOAD_UNSUPPORTED:
		return COAP_NOT_ACCEPTABLE;
	case PAYLOAD_BAD:
	case PAYLOAD_FULL:
		break;
	}
	return COAP_INTERNAL_SERVER_ERROR;
}

static bool value_of(
	struct path path, const struct object_records *records, struct arena *scratch, struct report_value *ret)
{
	struct bytes payload;
	struct arena rest = *scratch; /* what is encoded for its hash alone need not be kept */
	if (encode(path, records, PAYLOAD_SENML_CBOR, &rest, &payload) != COAP_CONTENT)
		return false;
	bool is_number = records->count == 1 && path.depth >= 3 && value_is_numeric(records->list[0].value.type);
	ret->hash = bytes_hash(payload, HASH_SEED);
	ret->number = is_number ? records->list[0].value : value_none();
	return true;
}

bool objects_value(struct objects *o, struct path path, struct arena *scratch, struct report_value *ret)
{
	struct object_records records = records_of(o);
	collect(o, path, &records);
	return value_of(path, &records, scratch, ret);
}

static void note_observation(struct visit *v, const struct object_records *records)
{
	struct report_value value;
	if (handle_is_none(v->request->observer))
		return;
	bool is_kept = value_of(v->path, records, v->request->scratch, &value);
	if (is_kept && v->request->is_notification)
		report_sent(v->o->report, v->request->observer, &value, v->now);
	else if (is_kept)
		is_kept = report_add(v->o->report, v->request->observer, v->path, &value, v->now);
	if (!is_kept) /* the answer goes out without Observe: it is a plain Read then (RFC 7641 section 4.1) */
		coap_endpoint_forget_observer(v->endpoint, v->request->observer);
}

static enum coap_code read_values(struct visit *v)
{
	struct object_records records = records_of(v->o);
	uint16_t accept = v->request->accept == COAP_FORMAT_NONE ? PAYLOAD_SENML_CBOR : v->request->accept;
	if (v->resource != NULL && (v->resource->operations & MODEL_READ) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	collect(v->o, v->path, &records);
	bool may_be_empty = v->path.depth < 3 || (v->path.depth == 3 && is_multiple(v->path.ids[0], v->path.ids[2]));
	if (records.count == 0 && !may_be_empty)
		return COAP_NOT_FOUND;
	enum coap_code code = encode(v->path, &records, accept, v->request->scratch, &v->response->payload);
	if (code != COAP_CONTENT)
		return code;
	v->response->content_format = accept;
	note_observation(v, &records);
	return COAP_CONTENT;
}

/* ---- Discover ---- */

static void write_resource_link(
	struct visit *v, const struct object_resource *resource, const struct attributes *attributes, struct writer *w)
{
	struct object_records records = records_of(v->o);
	struct path path = path_of_resource(v->object->id, 0, resource->id);
	if ((resource->operations & MODEL_READ) != 0)
		collect_resource(v->o, v->object, resource->id, &records);
	bool is_list = is_multiple(v->object->id, resource->id);
	if ((resource->operations & MODEL_READ) != 0 && records.count == 0 && !is_list)
		return;
	links_write(w, BYTES_NONE, path);
	if (is_list)
		links_write_number(w, "dim", records.count);
	attributes_write(w, attributes);
	if (v->resource == NULL)
		return;
	for (size_t i = 0; i < records.count && is_list; i++) {
		struct attributes own = report_attributes_at(v->o->report, records.list[i].path);
		links_write(w, BYTES_NONE, records.list[i].path);
		attributes_write(w, &own);
	}
}

static void write_links_below(struct visit *v, struct writer *w)
{
	for (size_t i = 0; i < v->object->resource_count; i++) {
		const struct object_resource *resource = &v->object->resources[i];
		struct path path = path_of_resource(v->object->id, 0, resource->id);
		struct attributes own = report_attributes_at(v->o->report, path);
		write_resource_link(v, resource, &own, w);
	}
}

/* Attributes stand where they were set; those that the target inherits stand on it too. */
static enum coap_code discover(struct visit *v)
{
	struct writer w = arena_writer(v->request->scratch);
	struct attributes effective = report_attributes_effective(v->o->report, v->path);
	struct attributes own = report_attributes_at(v->o->report, path_of_instance(v->object->id, 0));
	if (v->path.depth > 3)
		return COAP_METHOD_NOT_ALLOWED;
	if (v->path.depth == 3) {
		write_resource_link(v, v->resource, &effective, &w);
	} else {
		links_write(&w, BYTES_NONE, v->path);
		if (v->path.depth == 1) {
			write_text(&w, ";ver=");
			write_text(&w, v->object->version);
		}
		attributes_write(&w, &effective);
		if (v->path.depth == 1) {
			links_write(&w, BYTES_NONE, path_of_instance(v->object->id, 0));
			attributes_write(&w, &own);
		}
		write_links_below(v, &w);
	}
	if (w.failed)
		return COAP_INTERNAL_SERVER_ERROR;
	arena_keep(v->request->scratch, &w);
	v->response->payload = writer_bytes(&w);
	v->response->content_format = COAP_FORMAT_LINK;
	return COAP_CONTENT;
}

static enum coap_code get(struct visit *v)
{
	return v->request->accept == COAP_FORMAT_LINK ? discover(v) : read_values(v);
}

/* ---- Write-Attributes ---- */

static enum coap_code write_attributes(struct visit *v)
{
	struct attributes_change change = {.unset = 0};
	struct bytes query;
	unsigned cursor = 0, count = 0;
	if (v->resource != NULL && (v->resource->operations & MODEL_READ) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	for (; coap_message_next(v->request->message, COAP_OPTION_URI_QUERY, &cursor, &query); count++)
		if (!attributes_read(&change, query))
			return COAP_BAD_REQUEST;
	enum value_type type = v->resource == NULL ? VALUE_NONE : model_type(&model_core, v->path);
	if (count == 0 || !attributes_check(&change, v->path.depth, type))
		return COAP_BAD_REQUEST;
	bool is_kept = report_write_attributes(v->o->report, v->path, &change, v->now);
	return is_kept ? COAP_CHANGED : COAP_INTERNAL_SERVER_ERROR;
}

/* ---- Write ---- */

static enum coap_code read_body(struct visit *v, struct path base, struct object_records *ret)
{
	struct payload_reader r;
	struct record record;
	*ret = records_of(v->o);
	if (v->request->content_format == COAP_FORMAT_NONE)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	payload_reader_init(&r, v->request->content_format, base, v->request->body, &model_core, v->request->scratch);
	while (payload_next(&r, &record))
		object_put_at(ret, record.path, record.value);
	switch (r.verdict) {
	case PAYLOAD_GOOD:
		return ret->is_full ? COAP_REQUEST_ENTITY_TOO_LARGE : COAP_CHANGED;
	case PAYLOAD_BAD:
		return COAP_BAD_REQUEST;
	case PAYLOAD_UNSUPPORTED:
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	case PAYLOAD_FULL:
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	}
	return COAP_INTERNAL_SERVER_ERROR;
}

/* A value inside an instance whose resource is not there is skipped, as section 5 wants of optional ones; `is_named` is
 * set when the request or a composite named the resource itself. */
static enum coap_code check_record(const struct objects *o, struct record *record, bool is_named)
{
	const struct object *object;
	const struct object_resource *resource;
	enum coap_code code = resolve(o, record->path, &object, &resource);
	if (code == COAP_NOT_FOUND && !is_named) {
		record->path.depth = 0;
		return COAP_CHANGED;
	}
	if (code != COAP_CONTENT)
		return code;
	if (resource == NULL || (resource->operations & MODEL_WRITE) == 0 || record->path.depth > 3)
		return COAP_METHOD_NOT_ALLOWED;
	const struct model_resource *model = model_resource(&model_core, object->id, resource->id);
	if (model == NULL || !model_accepts(model, &record->value))
		return COAP_BAD_REQUEST;
	return object->check(o->world, resource->id, &record->value);
}

static enum coap_code check_records(const struct objects *o, struct object_records *records, bool is_named)
{
	for (size_t i = 0; i < records->count; i++) {
		enum coap_code code = check_record(o, &records->list[i], is_named);
		if (code != COAP_CHANGED)
			return code;
	}
	return COAP_CHANGED;
}

static enum coap_code apply_records(struct objects *o, const struct object_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->list[i];
		if (record->path.depth == 0)
			continue;
		enum coap_code code =
			find_object(o, record->path.ids[0])->write(o->world, record->path.ids[2], &record->value);
		if (code != COAP_CHANGED)
			return code;
	}
	return COAP_CHANGED;
}

static bool has_record(const struct object_records *records, uint16_t resource)
{
	for (size_t i = 0; i < records->count; i++)
		if (records->list[i].path.depth >= 3 && records->list[i].path.ids[2] == resource)
			return true;
	return false;
}

static bool is_left_out(const struct object_resource *resource, const struct object_records *records)
{
	return (resource->operations & MODEL_WRITE) != 0 && !has_record(records, resource->id);
}

/* Replace needs every mandatory resource that can be written. */
static bool is_whole(const struct object *object, const struct object_records *records)
{
	for (size_t i = 0; i < object->resource_count; i++) {
		const struct model_resource *model = model_resource(&model_core, object->id, object->resources[i].id);
		if (is_left_out(&object->resources[i], records) && model != NULL && model->is_mandatory)
			return false;
	}
	return true;
}

static void reset_left_out(struct objects *o, const struct object *object, const struct object_records *records)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if (is_left_out(&object->resources[i], records) && object->reset != NULL)
			object->reset(o->world, object->resources[i].id);
}

/* What was written into the account goes to the journal before the answer; if it cannot, it has not been written. */
static enum coap_code keep_settings(struct objects *o, const struct journal_state *before, msec now)
{
	struct object_world *world = o->world;
	struct journal_state *state = &world->deploy->update.state;
	if (!world->has_server_changed)
		return COAP_CHANGED;
	world->has_server_changed = false;
	if (deploy_store(world->deploy) < 0) {
		state->server = before->server;
		state->severity = before->severity;
		state->defer_period_s = before->defer_period_s;
		return COAP_INTERNAL_SERVER_ERROR;
	}
	uint32_t lifetime_s = state->server.lifetime_s;
	register_set_lifetime(world->registration, lifetime_s == 0 ? world->configured_lifetime_s : lifetime_s, now);
	report_set_defaults(o->report, state->server.pmin_s, state->server.pmax_s, now);
	return COAP_CHANGED;
}

static enum coap_code write_values(struct visit *v, bool is_replace)
{
	struct object_records records;
	struct journal_state before = v->o->world->deploy->update.state;
	enum coap_code code = read_body(v, v->path, &records);
	if (code == COAP_CHANGED)
		code = check_records(v->o, &records, v->path.depth != 2);
	if (code != COAP_CHANGED)
		return code;
	if (is_replace && v->path.depth == 2) {
		if (!is_whole(v->object, &records))
			return COAP_BAD_REQUEST;
		reset_left_out(v->o, v->object, &records);
	}
	code = apply_records(v->o, &records);
	return code == COAP_CHANGED ? keep_settings(v->o, &before, v->now) : code;
}

static enum coap_code put(struct visit *v)
{
	bool is_write = v->request->content_format != COAP_FORMAT_NONE || v->request->body.len > 0;
	if (!is_write)
		return write_attributes(v);
	if (v->path.depth < 2)
		return COAP_METHOD_NOT_ALLOWED;
	if (v->resource != NULL && ((v->resource->operations & MODEL_WRITE) == 0 || v->path.depth > 3))
		return COAP_METHOD_NOT_ALLOWED;
	return write_values(v, true);
}

/* ---- Execute ---- */

static bool is_argument_character(uint8_t c)
{
	return c == 0x21 || (c >= 0x23 && c <= 0x26) || (c >= 0x28 && c <= 0x5b) || (c >= 0x5d && c <= 0x7e);
}

/* digit[='characters'], separated by commas, each digit at most once (lwm2m interface section 5). */
static bool are_arguments(struct bytes text)
{
	unsigned seen = 0;
	struct reader r = reader_of(text);
	while (reader_left(&r) > 0) {
		unsigned digit = (unsigned)read_u8(&r) - '0';
		if (digit > 9 || (seen >> digit & 1) != 0)
			return false;
		seen |= 1u << digit;
		uint8_t next = reader_left(&r) == 0 ? ',' : read_u8(&r);
		if (next == '=') {
			if (read_u8(&r) != '\'')
				return false;
			do
				next = read_u8(&r);
			while (!r.failed && is_argument_character(next));
			if (next != '\'')
				return false;
			next = reader_left(&r) == 0 ? ',' : read_u8(&r);
		}
		if (next != ',' || r.failed)
			return false;
	}
	return text.len == 0 || text.data[text.len - 1] != ',';
}

static enum coap_code execute(struct visit *v)
{
	uint16_t format = v->request->content_format;
	if ((v->resource->operations & MODEL_EXECUTE) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	if (format != COAP_FORMAT_NONE && format != COAP_FORMAT_TEXT)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (!are_arguments(v->request->body))
		return COAP_BAD_REQUEST;
	return v->object->execute(v->o->world, v->resource->id, v->request->body);
}

static enum coap_code post(struct visit *v)
{
	if (v->path.depth == 2)
		return write_values(v, false);
	return v->path.depth == 3 ? execute(v) : COAP_METHOD_NOT_ALLOWED;
}

/* ---- composites ---- */

static enum coap_code read_composite(struct visit *v)
{
	struct payload_reader r;
	struct record name;
	struct object_records records = records_of(v->o);
	uint16_t accept = v->request->accept == COAP_FORMAT_NONE ? PAYLOAD_SENML_CBOR : v->request->accept;
	bool is_closed = true; /* every name lies in /0 */
	payload_reader_init_names(&r, v->request->content_format, v->request->body, v->request->scratch);
	while (payload_next(&r, &name)) {
		is_closed = is_closed && name.path.depth > 0 && name.path.ids[0] == MODEL_SECURITY;
		collect(v->o, name.path, &records);
	}
	if (r.verdict == PAYLOAD_UNSUPPORTED)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (r.verdict != PAYLOAD_GOOD)
		return COAP_BAD_REQUEST;
	if (is_closed)
		return COAP_UNAUTHORIZED;
	enum coap_code code = encode(PATH_ROOT, &records, accept, v->request->scratch, &v->response->payload);
	if (code == COAP_CONTENT)
		v->response->content_format = accept;
	return code;
}

static enum coap_code write_composite(struct visit *v)
{
	struct object_records records;
	struct journal_state before = v->o->world->deploy->update.state;
	enum coap_code code = read_body(v, PATH_ROOT, &records);
	if (code == COAP_CHANGED)
		code = check_records(v->o, &records, true);
	if (code == COAP_CHANGED)
		code = apply_records(v->o, &records);
	return code == COAP_CHANGED ? keep_settings(v->o, &before, v->now) : code;
}

static enum coap_code handle_root(struct visit *v)
{
	if (v->request->message->code == COAP_FETCH)
		return read_composite(v);
	return v->request->message->code == COAP_IPATCH ? write_composite(v) : COAP_METHOD_NOT_ALLOWED;
}

/* ---- the entry ---- */

static enum coap_code handle(struct visit *v)
{
	if (v->path.depth == 0)
		return handle_root(v);
	enum coap_code code = resolve(v->o, v->path, &v->object, &v->resource);
	if (code != COAP_CONTENT)
		return code;
	if (v->request->message->code == COAP_GET)
		return get(v);
	if (v->request->message->code == COAP_PUT)
		return put(v);
	if (v->request->message->code == COAP_POST)
		return post(v);
	return COAP_METHOD_NOT_ALLOWED;
}

void objects_handle(struct objects *o, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct visit v = {.o = o, .path = path, .endpoint = endpoint, .request = request, .response = ret, .now = now};
	o->world->now = now;
	ret->code = handle(&v);
}

void objects_write_links(const struct objects *o, struct writer *w)
{
	registration_write_root(w, bytes_of_text("60 110 112 11542"));
	for (size_t i = 0; i < o->count; i++) {
		struct reader version = reader_of(bytes_of_text(o->table[i]->version));
		uint8_t major = (uint8_t)(read_u8(&version) - '0');
		(void)read_u8(&version);
		uint8_t minor = (uint8_t)(read_u8(&version) - '0');
		struct registration_object entry = {o->table[i]->id, REGISTRATION_NO_INSTANCE, major, minor};
		registration_write_object(w, &entry);
		entry = (struct registration_object){o->table[i]->id, 0, 0, 0};
		registration_write_object(w, &entry);
	}
}
