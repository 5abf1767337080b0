/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is asked for is collected as records and encoded at once; an observation keeps a hash of them. */
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/payload.h"

#define HASH_SEED 0x6c776d326dull /* any: the values are our own */

/* ---- reading ---- */

static void collect_resource(const struct objects *o, const struct object *object, uint16_t instance, uint16_t resource,
	struct object_records *out)
{
	out->instance = path_of_instance(object->id, instance);
	object->read(o->world, path_of_resource(object->id, instance, resource), out);
}

static void collect_instance(
	const struct objects *o, const struct object *object, uint16_t instance, struct object_records *out)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if ((object->resources[i].operations & MODEL_READ) != 0)
			collect_resource(o, object, instance, object->resources[i].id, out);
}

static void collect_object(const struct objects *o, const struct object *object, struct object_records *out)
{
	uint16_t instance = 0;
	for (uint32_t from = 0; from <= PATH_ID_MAX; from = instance + 1u) {
		if (!object_next_instance(object, o->world, (uint16_t)from, &instance))
			return;
		if (visit_may(o, path_of_instance(object->id, instance), ACCESS_READ))
			collect_instance(o, object, instance, out);
	}
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
	if (visit_resolve(o, path, &object, &resource) != COAP_CONTENT)
		return;
	if (path.depth >= 2 && !visit_may(o, path, ACCESS_READ))
		return;
	if (path.depth == 1)
		collect_object(o, object, out);
	else if (resource == NULL)
		collect_instance(o, object, path.ids[1], out);
	else if ((resource->operations & MODEL_READ) != 0)
		collect_resource(o, object, path.ids[1], resource->id, out);
	keep_within(out, from, path);
}

bool visit_has_value(const struct objects *o, struct path path)
{
	struct object_records records = visit_records(o);
	collect(o, path, &records);
	return records.count > 0;
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
	enum value_type type = records->count == 1 && path.depth >= 3 ? records->list[0].value.type : VALUE_NONE;
	bool is_number = value_is_numeric(type) || type == VALUE_BOOLEAN;
	ret->hash = bytes_hash(payload, HASH_SEED);
	ret->number = is_number ? records->list[0].value : value_none();
	return true;
}

bool objects_value(struct objects *o, const struct report_observation *observation, struct arena *scratch,
	struct report_value *ret)
{
	struct object_records records = visit_records(o);
	for (uint8_t i = 0; i < observation->name_count; i++)
		collect(o, observation->names[i], &records);
	return value_of(observation->path, &records, scratch, ret);
}

size_t objects_collect(struct objects *o, const struct path *paths, size_t count, const struct record **ret)
{
	struct object_records records = visit_records(o);
	for (size_t i = 0; i < count; i++)
		collect(o, paths[i], &records);
	*ret = records.list;
	return records.count;
}

bool objects_write_senml(struct objects *o, const struct path *paths, size_t count, struct writer *w)
{
	struct object_records records = visit_records(o);
	for (size_t i = 0; i < count; i++)
		collect(o, paths[i], &records);
	return records.count > 0 && !records.is_full &&
	       payload_encode(PAYLOAD_SENML_CBOR, PATH_ROOT, records.list, records.count, w) == PAYLOAD_GOOD;
}

/* LwM2M 1.2: attributes that hold for this observation alone stand in the query of its request. False when they are
 * wrong, or not known: then the request is refused (interface section 6). */
static bool read_own_attributes(const struct visit *v, struct attributes *ret)
{
	struct attributes_change change = {.unset = 0};
	struct bytes query;
	unsigned cursor = 0, count = 0;
	for (; coap_message_next(v->request->message, COAP_OPTION_URI_QUERY, &cursor, &query); count++)
		if (!attributes_read(&change, query))
			return false;
	*ret = change.values;
	bool is_composite = v->path.depth == 0; /* has no levels, so only what is for all of them */
	enum value_type type = v->resource == NULL ? VALUE_NONE : model_type(v->o->model, v->path);
	return count == 0 || (change.unset == 0 && attributes_check(&change, is_composite ? 1 : v->path.depth, type));
}

/* `names` are those of a composite. */
static enum coap_code note_observation(
	struct visit *v, const struct object_records *records, const struct path *names, size_t count)
{
	struct report_value value;
	struct attributes own;
	struct report *report = objects_report(v->o);
	struct handle observer = v->request->observer;
	if (handle_is_none(observer))
		return COAP_CONTENT;
	if (!v->request->is_notification && !read_own_attributes(v, &own)) {
		v->response->payload = BYTES_NONE;
		v->response->content_format = COAP_FORMAT_NONE;
		return COAP_BAD_REQUEST;
	}
	bool is_kept = value_of(v->path, records, v->request->scratch, &value);
	if (is_kept && v->request->is_notification)
		report_sent(report, observer, &value, v->now);
	else if (is_kept)
		is_kept = names == NULL ? report_add(report, observer, v->path, &own, &value, v->now)
					: report_add_composite(report, observer, names, count, &own, &value, v->now);
	if (!is_kept) /* the answer goes out without Observe: it is a plain Read then (RFC 7641 section 4.1) */
		coap_endpoint_forget_observer(v->endpoint, observer);
	return COAP_CONTENT;
}

static enum coap_code read_values(struct visit *v)
{
	struct object_records records = visit_records(v->o);
	uint16_t accept = v->request->accept == COAP_FORMAT_NONE ? PAYLOAD_SENML_CBOR : v->request->accept;
	if (v->resource != NULL && (v->resource->operations & MODEL_READ) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	collect(v->o, v->path, &records);
	bool may_be_empty =
		v->path.depth < 3 || (v->path.depth == 3 && visit_is_multiple(v->o, v->path.ids[0], v->path.ids[2]));
	if (records.count == 0 && !may_be_empty)
		return COAP_NOT_FOUND;
	enum coap_code code = encode(v->path, &records, accept, v->request->scratch, &v->response->payload);
	if (code != COAP_CONTENT)
		return code;
	v->response->content_format = accept;
	return note_observation(v, &records, NULL, 0);
}

/* ---- Discover ---- */

/* A link for the resource, and below it for each of its values when `levels` lets it. What is readable and has no value
 * now is not there. */
static void write_resource_links(struct visit *v, struct path path, const struct object_resource *resource,
	const struct attributes *attributes, unsigned levels, struct writer *w)
{
	struct object_records records = visit_records(v->o);
	if ((resource->operations & MODEL_READ) != 0)
		collect_resource(v->o, v->object, path.ids[1], resource->id, &records);
	bool is_list = visit_is_multiple(v->o, v->object->id, resource->id);
	if ((resource->operations & MODEL_READ) != 0 && records.count == 0 && !is_list)
		return;
	links_write(w, BYTES_NONE, path);
	if (is_list)
		links_write_number(w, "dim", records.count);
	attributes_write(w, attributes);
	for (size_t i = 0; i < records.count && is_list && levels > 0; i++) {
		struct attributes own = report_attributes_at(objects_report(v->o), records.list[i].path);
		links_write(w, BYTES_NONE, records.list[i].path);
		attributes_write(w, &own);
	}
}

static void write_instance_links(
	struct visit *v, struct path path, const struct attributes *attributes, unsigned levels, struct writer *w)
{
	links_write(w, BYTES_NONE, path);
	attributes_write(w, attributes);
	for (size_t i = 0; i < v->object->resource_count && levels > 0; i++) {
		const struct object_resource *resource = &v->object->resources[i];
		struct path at = path_of_resource(path.ids[0], path.ids[1], resource->id);
		struct attributes own = report_attributes_at(objects_report(v->o), at);
		write_resource_links(v, at, resource, &own, levels - 1, w);
	}
}

static void write_object_links(struct visit *v, const struct attributes *attributes, unsigned levels, struct writer *w)
{
	uint16_t instance = 0;
	links_write(w, BYTES_NONE, v->path);
	write_text(w, ";ver=");
	write_text(w, v->object->version);
	attributes_write(w, attributes);
	for (uint32_t from = 0; from <= PATH_ID_MAX && levels > 0; from = instance + 1u) {
		if (!object_next_instance(v->object, v->o->world, (uint16_t)from, &instance))
			return;
		struct path at = path_of_instance(v->object->id, instance);
		struct attributes own = report_attributes_at(objects_report(v->o), at);
		write_instance_links(v, at, &own, levels - 1, w);
	}
}

/* "depth=0" to "depth=3", of LwM2M 1.2; without it two levels below an object, one below anything else. False when it
 * is something else. */
static bool read_depth(const struct visit *v, unsigned *ret)
{
	struct bytes query, name = bytes_of_text("depth=");
	unsigned cursor = 0;
	*ret = v->path.depth == 1 ? 2 : 1;
	while (coap_message_next(v->request->message, COAP_OPTION_URI_QUERY, &cursor, &query)) {
		uint64_t depth;
		if (!bytes_equal(bytes_first(query, name.len), name))
			continue;
		if (!parse_decimal(bytes_from(query, name.len), 3, &depth))
			return false;
		*ret = (unsigned)depth;
	}
	return true;
}

/* Attributes stand where they were set; those that the target inherits stand on it too. */
static enum coap_code discover(struct visit *v)
{
	struct writer w = arena_writer(v->request->scratch);
	struct attributes effective = report_attributes_effective(objects_report(v->o), v->path);
	unsigned levels;
	if (v->path.depth > 3)
		return COAP_METHOD_NOT_ALLOWED;
	if (!read_depth(v, &levels))
		return COAP_BAD_REQUEST;
	if (v->path.depth == 3)
		write_resource_links(v, v->path, v->resource, &effective, levels, &w);
	else if (v->path.depth == 2)
		write_instance_links(v, v->path, &effective, levels, &w);
	else
		write_object_links(v, &effective, levels, &w);
	if (w.failed)
		return COAP_INTERNAL_SERVER_ERROR;
	arena_keep(v->request->scratch, &w);
	v->response->payload = writer_bytes(&w);
	v->response->content_format = COAP_FORMAT_LINK;
	return COAP_CONTENT;
}

/* ---- what is elsewhere ---- */

/* True when the values have to come first: then the composer asks again when they have. */
static bool fetch(const struct visit *v, struct path path)
{
	const struct object *object;
	const struct object_resource *resource;
	bool is_repeated = v->request->is_notification || v->request->slice_offset > 0;
	if (is_repeated || visit_resolve(v->o, path, &object, &resource) != COAP_CONTENT || object->fetch == NULL)
		return false;
	return (resource == NULL || (resource->operations & MODEL_READ) != 0) && object->fetch(v->o->world, path);
}

static bool fetch_named(const struct visit *v, struct path path)
{
	bool is_fetching = false;
	if (path.depth > 0)
		return fetch(v, path);
	for (size_t i = 0; i < v->o->count; i++)
		is_fetching = fetch(v, path_of_object(v->o->table[i]->id)) || is_fetching;
	return is_fetching;
}

enum coap_code visit_get(struct visit *v)
{
	if (fetch(v, v->path))
		return COAP_EMPTY;
	return v->request->accept == COAP_FORMAT_LINK ? discover(v) : read_values(v);
}

/* ---- Read-Composite ---- */

enum coap_code visit_read_composite(struct visit *v)
{
	struct payload_reader r;
	struct record name;
	struct object_records records = visit_records(v->o);
	uint16_t accept = v->request->accept == COAP_FORMAT_NONE ? PAYLOAD_SENML_CBOR : v->request->accept;
	bool is_fetching = false;
	bool is_closed = true;                     /* every name lies in /0 */
	struct path names[REPORT_NAMES_MAX] = {0}; /* of an observation; those beyond are counted alone */
	size_t count = 0;
	payload_reader_init_names(&r, v->request->content_format, v->request->body, v->request->scratch);
	while (payload_next(&r, &name)) {
		is_closed = is_closed && name.path.depth > 0 && name.path.ids[0] == MODEL_SECURITY;
		is_fetching = fetch_named(v, name.path) || is_fetching;
		collect(v->o, name.path, &records);
		if (count < REPORT_NAMES_MAX)
			names[count] = name.path;
		count++;
	}
	if (r.verdict == PAYLOAD_UNSUPPORTED)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (r.verdict != PAYLOAD_GOOD)
		return COAP_BAD_REQUEST;
	if (is_closed)
		return COAP_UNAUTHORIZED;
	if (is_fetching)
		return COAP_EMPTY;
	enum coap_code code = encode(PATH_ROOT, &records, accept, v->request->scratch, &v->response->payload);
	if (code != COAP_CONTENT)
		return code;
	v->response->content_format = accept;
	return note_observation(v, &records, names, count);
}
