/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A Write is read whole and checked whole before anything changes; what it changes in the account is durable before the
 * answer. */
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/execute.h"
#include "mgmt/payload.h"

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
	*ret = visit_records(v->o);
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
	enum coap_code code = visit_resolve(o, record->path, &object, &resource);
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
			visit_find_object(o, record->path.ids[0])->write(o->world, record->path.ids[2], &record->value);
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

enum coap_code visit_put(struct visit *v)
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

/* ---- Write-Composite ---- */

enum coap_code visit_write_composite(struct visit *v)
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

/* ---- Execute ---- */

static enum coap_code execute(struct visit *v)
{
	uint16_t format = v->request->content_format;
	if ((v->resource->operations & MODEL_EXECUTE) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	if (format != COAP_FORMAT_NONE && format != COAP_FORMAT_TEXT)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	if (!execute_arguments_are_good(v->request->body))
		return COAP_BAD_REQUEST;
	return v->object->execute(v->o->world, v->resource->id, v->request->body);
}

enum coap_code visit_post(struct visit *v)
{
	if (v->path.depth == 2)
		return write_values(v, false);
	return v->path.depth == 3 ? execute(v) : COAP_METHOD_NOT_ALLOWED;
}
