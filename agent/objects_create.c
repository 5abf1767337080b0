/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Create and Delete (lwm2m interface section 5), for the objects that let a server do it. Nothing is created before the
 * whole body has been read and checked. */
#include "agent/visit.h"

#include "mgmt/payload.h"

#define CREATED_AT_ONCE_MAX 4

/* The instances a Create names, each once. */
struct newcomers {
	uint16_t ids[CREATED_AT_ONCE_MAX];
	size_t count;
};

static uint16_t first_free(const struct object *object, const struct object_world *world)
{
	uint16_t id = 0;
	while (id < PATH_ID_MAX && object_has_instance(object, world, id))
		id++;
	return id;
}

/* A TLV body that begins with anything but an object instance leaves the number to us (section 7.2); so does an empty
 * one. Other formats carry whole paths. */
static bool leaves_number_to_us(const struct visit *v)
{
	struct bytes body = v->request->body;
	return body.len == 0 || (v->request->content_format == PAYLOAD_TLV && body.data[0] >> 6 != 0);
}

static bool note_newcomer(struct newcomers *n, uint16_t id)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->ids[i] == id)
			return true;
	if (n->count == CREATED_AT_ONCE_MAX)
		return false;
	n->ids[n->count++] = id;
	return true;
}

/* None of them may be there already, and each has to come with all it needs. */
static bool are_welcome(struct visit *v, const struct newcomers *n, const struct object_records *records)
{
	for (size_t i = 0; i < n->count; i++) {
		struct path instance = path_of_instance(v->object->id, n->ids[i]);
		if (object_has_instance(v->object, v->o->world, n->ids[i]) ||
			!visit_is_whole(v->o, v->object, instance, records))
			return false;
	}
	return n->count > 0;
}

static void take_back(struct visit *v, const struct newcomers *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)v->object->remove(v->o->world, path_of_instance(v->object->id, n->ids[i]));
}

/* All of them with all their values, or none. */
static enum coap_code create_all(struct visit *v, const struct newcomers *n, const struct object_records *records)
{
	for (size_t i = 0; i < n->count; i++) {
		enum coap_code code = v->object->create(v->o->world, path_of_instance(v->object->id, n->ids[i]));
		if (code != COAP_CREATED) {
			take_back(v, n, i);
			return code;
		}
	}
	enum coap_code code = visit_apply_records(v->o, records);
	if (code != COAP_CHANGED) {
		take_back(v, n, n->count);
		return code;
	}
	bool is_kept = v->object->settle == NULL || v->object->settle(v->o->world);
	return is_kept ? COAP_CREATED : COAP_INTERNAL_SERVER_ERROR;
}

/* The server must learn which number we chose. */
static void tell_location(struct visit *v, uint16_t id)
{
	struct writer w = arena_writer(v->request->scratch);
	write_decimal(&w, v->object->id);
	struct bytes object = writer_bytes(&w);
	write_decimal(&w, id);
	struct bytes both = writer_bytes(&w);
	arena_keep(v->request->scratch, &w);
	coap_options_add(&v->response->options, COAP_OPTION_LOCATION_PATH, object);
	coap_options_add(&v->response->options, COAP_OPTION_LOCATION_PATH, bytes_from(both, object.len));
}

static void instances_changed(struct visit *v)
{
	v->o->world->has_other_instances = true;
	visit_touch(v->o, path_of_object(v->object->id), v->now);
}

static void keep_access(struct visit *v)
{
	struct object_world *world = v->o->world;
	(void)accounts_store(world->accounts, world->shelf, world->accounts_record);
}

/* With several servers a new instance is its creator's. What cannot be kept follows the rule after a restart. */
static void own(struct visit *v, const struct newcomers *n)
{
	struct accounts *accounts = v->o->world->accounts;
	if (accounts_server_count(accounts) < 2)
		return;
	for (size_t i = 0; i < n->count; i++)
		access_own(&accounts->access, v->object->id, n->ids[i], accounts->servers[v->o->asking].short_id);
	keep_access(v);
}

enum coap_code visit_create(struct visit *v)
{
	struct object_records records;
	struct newcomers newcomers = {.count = 0};
	bool is_ours_to_number = leaves_number_to_us(v);
	struct path base = v->path;
	if (v->object->create == NULL)
		return COAP_METHOD_NOT_ALLOWED;
	if (is_ours_to_number) {
		newcomers = (struct newcomers){{first_free(v->object, v->o->world)}, 1};
		base = path_of_instance(v->object->id, newcomers.ids[0]);
	}
	enum coap_code code = visit_read_body(v, base, &records);
	for (size_t i = 0; i < records.count && code == COAP_CHANGED; i++)
		if (!note_newcomer(&newcomers, records.list[i].path.ids[1]))
			code = COAP_REQUEST_ENTITY_TOO_LARGE;
	if (code == COAP_CHANGED)
		code = visit_check_records(v->o, &records, VISIT_NEW_INSTANCE);
	if (code != COAP_CHANGED)
		return code;
	if (!are_welcome(v, &newcomers, &records))
		return COAP_BAD_REQUEST;
	code = create_all(v, &newcomers, &records);
	if (code != COAP_CREATED)
		return code;
	if (is_ours_to_number)
		tell_location(v, newcomers.ids[0]);
	own(v, &newcomers);
	if (!v->object->is_elsewhere)
		instances_changed(v);
	return COAP_CREATED;
}

/* ---- Delete ---- */

/* LwM2M 1.2 takes single values of a multiple resource away as well. */
static enum coap_code delete_value(struct visit *v)
{
	struct value none = value_none();
	if ((v->resource->operations & MODEL_WRITE) == 0 || !visit_is_multiple(v->o, v->object->id, v->resource->id))
		return COAP_METHOD_NOT_ALLOWED;
	if (!v->object->is_elsewhere && !visit_has_value(v->o, v->path))
		return COAP_NOT_FOUND;
	return v->object->write(v->o->world, v->path, &none) == COAP_CHANGED ? COAP_DELETED : COAP_METHOD_NOT_ALLOWED;
}

static enum coap_code delete_instance(struct visit *v)
{
	if (v->object->remove == NULL)
		return COAP_METHOD_NOT_ALLOWED;
	return v->object->remove(v->o->world, v->path);
}

enum coap_code visit_delete(struct visit *v)
{
	if (v->path.depth != 2 && v->path.depth != 4)
		return v->path.depth == 3 ? COAP_BAD_REQUEST : COAP_METHOD_NOT_ALLOWED;
	bool is_instance = v->path.depth == 2;
	enum coap_code code = is_instance ? delete_instance(v) : delete_value(v);
	if (code != COAP_DELETED || v->object->is_elsewhere)
		return code;
	if (v->object->settle != NULL && !v->object->settle(v->o->world))
		return COAP_INTERNAL_SERVER_ERROR;
	visit_touch(v->o, v->path, v->now);
	for (unsigned i = 0; i < ACCOUNTS_SERVERS_MAX; i++)
		report_forget_attributes(&v->o->reports[i], v->path);
	if (is_instance) {
		access_forget_instance(&v->o->world->accounts->access, v->path.ids[0], v->path.ids[1]);
		if (accounts_server_count(v->o->world->accounts) > 1)
			keep_access(v);
		instances_changed(v);
	}
	return COAP_DELETED;
}
