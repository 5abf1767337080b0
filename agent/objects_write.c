/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A Write is read whole and checked whole before anything changes; what it changes in an account is durable before the
 * answer. */
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/payload.h"

/* ---- Write ---- */

enum coap_code visit_read_body(struct visit *v, struct path base, struct object_records *ret)
{
	struct payload_reader r;
	struct record record;
	*ret = visit_records(v->o);
	if (v->request->content_format == COAP_FORMAT_NONE)
		return COAP_UNSUPPORTED_CONTENT_FORMAT;
	payload_reader_init(&r, v->request->content_format, base, v->request->body, v->o->model, v->request->scratch);
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

static void skip(struct record *record)
{
	record->path.depth = 0;
}

/* Nothing, where something may be nothing: no values of a multiple resource, or one of them taken away. */
static enum coap_code check_absence(const struct model_resource *model)
{
	return model->is_multiple ? COAP_CHANGED : COAP_BAD_REQUEST;
}

static enum coap_code check_value(const struct objects *o, const struct object *object, const struct record *record)
{
	const struct model_resource *model = model_resource(o->model, object->id, record->path.ids[2]);
	if (model == NULL || (record->path.depth > 3 && !model->is_multiple))
		return COAP_METHOD_NOT_ALLOWED;
	if (record->value.type == VALUE_NONE)
		return check_absence(model);
	if (!model_accepts(model, &record->value))
		return COAP_BAD_REQUEST;
	return object->check(o->world, record->path, &record->value);
}

static enum coap_code check_record(const struct objects *o, struct record *record, enum visit_strictness strictness)
{
	const struct object *object;
	const struct object_resource *resource;
	enum coap_code code = COAP_CONTENT;
	if (strictness == VISIT_NEW_INSTANCE) {
		object = visit_find_object(o, record->path.ids[0]);
		resource = visit_find_resource(object, record->path.ids[2]);
	} else {
		code = visit_resolve(o, record->path, &object, &resource);
	}
	bool is_skipped =
		(code == COAP_NOT_FOUND && strictness == VISIT_WHOLE_INSTANCE) ||
		(strictness == VISIT_NEW_INSTANCE && (resource == NULL || (resource->operations & MODEL_WRITE) == 0));
	if (is_skipped) {
		skip(record);
		return COAP_CHANGED;
	}
	if (code != COAP_CONTENT)
		return code;
	if (strictness == VISIT_NAMED && !visit_may(o, record->path, ACCESS_WRITE))
		return COAP_UNAUTHORIZED;
	if (resource == NULL || (resource->operations & MODEL_WRITE) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	return check_value(o, object, record);
}

enum coap_code visit_check_records(
	const struct objects *o, struct object_records *records, enum visit_strictness strictness)
{
	for (size_t i = 0; i < records->count; i++) {
		enum coap_code code = check_record(o, &records->list[i], strictness);
		if (code != COAP_CHANGED)
			return code;
	}
	return COAP_CHANGED;
}

enum coap_code visit_apply_records(struct objects *o, const struct object_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->list[i];
		bool is_empty_list = record->path.depth == 3 && record->value.type == VALUE_NONE;
		if (record->path.depth == 0 || is_empty_list)
			continue;
		const struct object *object = visit_find_object(o, record->path.ids[0]);
		enum coap_code code = object->write(o->world, record->path, &record->value);
		if (code != COAP_CHANGED)
			return code;
	}
	return COAP_CHANGED;
}

/* ---- Replace ---- */

static bool has_record(const struct object_records *records, struct path resource)
{
	for (size_t i = 0; i < records->count; i++)
		if (path_is_within(records->list[i].path, resource))
			return true;
	return false;
}

static struct path resource_path(struct path instance, const struct object_resource *resource)
{
	return path_of_resource(instance.ids[0], instance.ids[1], resource->id);
}

/* Replace and Create need every mandatory resource that can be written. */
bool visit_is_whole(const struct objects *o, const struct object *object, struct path instance,
	const struct object_records *records)
{
	for (size_t i = 0; i < object->resource_count; i++) {
		const struct object_resource *resource = &object->resources[i];
		const struct model_resource *model = model_resource(o->model, object->id, resource->id);
		bool is_needed = (resource->operations & MODEL_WRITE) != 0 && model != NULL && model->is_mandatory;
		if (is_needed && !has_record(records, resource_path(instance, resource)))
			return false;
	}
	return true;
}

/* What the body leaves out goes back to its default, and multiple resources become what the body says. */
static void reset_replaced(struct visit *v, const struct object_records *records)
{
	for (size_t i = 0; i < v->object->resource_count && v->object->reset != NULL; i++) {
		const struct object_resource *resource = &v->object->resources[i];
		struct path at = resource_path(v->path, resource);
		bool is_meant = v->path.depth == 2 || v->resource == resource;
		bool is_kept = has_record(records, at) && !visit_is_multiple(v->o, v->object->id, resource->id);
		if ((resource->operations & MODEL_WRITE) != 0 && is_meant && !is_kept)
			v->object->reset(v->o->world, at);
	}
}

/* ---- making it last ---- */

/* What an operation may change beside the objects' own stores, as it was before. */
struct before {
	struct accounts accounts;
	uint8_t severity;
	uint32_t defer_period_s;
};

static struct before remember(const struct object_world *world)
{
	const struct journal_state *state = &world->deploy->update.state;
	struct before before = {.severity = state->severity, .defer_period_s = state->defer_period_s};
	before.accounts = *world->accounts;
	return before;
}

/* What was written into an account is on the shelf before the answer; if it cannot be, it has not been written. */
static bool keep_accounts(struct objects *o, const struct before *before, msec now)
{
	struct object_world *world = o->world;
	if (!world->has_account_changed)
		return true;
	world->has_account_changed = false;
	if (accounts_store(world->accounts, world->shelf, world->accounts_record) < 0) {
		*world->accounts = before->accounts;
		return false;
	}
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++) {
		const struct account_server *s = &world->accounts->servers[i];
		if (!s->is_there)
			continue;
		register_set_lifetime(world->registrations[i],
			s->lifetime_s == 0 ? world->configured_lifetime_s : s->lifetime_s, now);
		if (s->pmin_s != before->accounts.servers[i].pmin_s || s->pmax_s != before->accounts.servers[i].pmax_s)
			report_set_defaults(&o->reports[i], s->pmin_s, s->pmax_s, now);
	}
	return true;
}

static bool keep_journal(struct object_world *world, const struct before *before)
{
	struct journal_state *state = &world->deploy->update.state;
	if (!world->has_journal_changed)
		return true;
	world->has_journal_changed = false;
	if (deploy_store(world->deploy) >= 0)
		return true;
	state->severity = before->severity;
	state->defer_period_s = before->defer_period_s;
	return false;
}

static bool settle(const struct objects *o, const struct object *object)
{
	return object == NULL || object->settle == NULL || object->settle(o->world);
}

/* `object` has been changed by a Replace even when no record is left of it. */
static bool settle_all(const struct objects *o, const struct object *object, const struct object_records *records)
{
	if (!settle(o, object))
		return false;
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->list[i];
		const struct object *other =
			record->path.depth == 0 ? object : visit_find_object(o, record->path.ids[0]);
		if (other != object && !settle(o, other))
			return false;
		object = other;
	}
	return true;
}

void visit_touch(const struct objects *o, struct path path, msec now)
{
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		report_touch(&o->reports[i], path, now);
}

static void touch(const struct objects *o, const struct object *object, const struct object_records *records, msec now)
{
	if (object != NULL)
		visit_touch(o, path_of_object(object->id), now);
	for (size_t i = 0; i < records->count; i++)
		if (records->list[i].path.depth > 0)
			visit_touch(o, records->list[i].path, now);
}

static enum coap_code keep(struct objects *o, const struct object *object, const struct object_records *records,
	const struct before *before, msec now)
{
	if (!keep_accounts(o, before, now) || !keep_journal(o->world, before) || !settle_all(o, object, records))
		return COAP_INTERNAL_SERVER_ERROR;
	touch(o, object, records, now);
	return COAP_CHANGED;
}

/* ---- Write ---- */

static enum coap_code write_values(struct visit *v, bool is_replace)
{
	struct object_records records;
	struct before before = remember(v->o->world);
	enum coap_code code = visit_read_body(v, v->path, &records);
	if (code == COAP_CHANGED)
		code = visit_check_records(v->o, &records, v->path.depth == 2 ? VISIT_WHOLE_INSTANCE : VISIT_NAMED);
	if (code != COAP_CHANGED)
		return code;
	if (is_replace && v->path.depth == 2 && !visit_is_whole(v->o, v->object, v->path, &records))
		return COAP_BAD_REQUEST;
	bool is_list = v->path.depth == 3 && visit_is_multiple(v->o, v->object->id, v->resource->id);
	if (is_replace && (v->path.depth == 2 || is_list))
		reset_replaced(v, &records);
	code = visit_apply_records(v->o, &records);
	return code == COAP_CHANGED ? keep(v->o, v->object, &records, &before, v->now) : code;
}

enum coap_code visit_put(struct visit *v)
{
	bool is_write = v->request->content_format != COAP_FORMAT_NONE || v->request->body.len > 0;
	if (!is_write)
		return visit_write_attributes(v);
	if (v->path.depth < 2)
		return COAP_METHOD_NOT_ALLOWED;
	if (v->resource != NULL && (v->resource->operations & MODEL_WRITE) == 0)
		return COAP_METHOD_NOT_ALLOWED;
	if (v->path.depth > 3 && v->resource != NULL && !visit_is_multiple(v->o, v->object->id, v->resource->id))
		return COAP_METHOD_NOT_ALLOWED;
	if (v->path.depth > 3 && !v->object->is_elsewhere && !visit_has_value(v->o, v->path))
		return COAP_NOT_FOUND; /* what is not there cannot be the target of a Write (section 5) */
	return write_values(v, true);
}

enum coap_code visit_post(struct visit *v)
{
	if (v->path.depth == 1)
		return visit_create(v);
	if (v->path.depth == 2)
		return write_values(v, false);
	if (v->path.depth > 3)
		return COAP_METHOD_NOT_ALLOWED;
	/* LwM2M 1.2 updates the values of a multiple resource by a POST as well. */
	bool is_update = (v->resource->operations & MODEL_WRITE) != 0 &&
			 v->request->content_format != COAP_FORMAT_NONE &&
			 visit_is_multiple(v->o, v->object->id, v->resource->id);
	return is_update ? write_values(v, false) : visit_execute(v);
}

/* ---- Write-Composite ---- */

/* What is elsewhere may be refused there, so it cannot be one with changes here. */
static bool is_of_one_place(const struct objects *o, const struct object_records *records)
{
	const struct object *first = NULL;
	for (size_t i = 0; i < records->count; i++) {
		const struct object *object = visit_find_object(o, records->list[i].path.ids[0]);
		if (first == NULL)
			first = object;
		if (object != first && (object->is_elsewhere || first->is_elsewhere))
			return false;
	}
	return true;
}

enum coap_code visit_write_composite(struct visit *v)
{
	struct object_records records;
	struct before before = remember(v->o->world);
	enum coap_code code = visit_read_body(v, PATH_ROOT, &records);
	if (code == COAP_CHANGED)
		code = visit_check_records(v->o, &records, VISIT_NAMED);
	if (code == COAP_CHANGED && !is_of_one_place(v->o, &records))
		return COAP_NOT_IMPLEMENTED;
	if (code == COAP_CHANGED)
		code = visit_apply_records(v->o, &records);
	return code == COAP_CHANGED ? keep(v->o, NULL, &records, &before, v->now) : code;
}
