/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of checks is that of lwm2m interface section 15: right (4.01), existence (4.04), operation (4.05), formats
 * (4.15, 4.06), content (4.00). */
#include "agent/visit.h"

#include "coap/content_format.h"
#include "mgmt/registration.h"

/* ---- what there is ---- */

const struct object *visit_find_object(const struct objects *o, uint16_t id)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->table[i]->id == id)
			return o->table[i];
	return NULL;
}

const struct object_resource *visit_find_resource(const struct object *object, uint16_t id)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if (object->resources[i].id == id)
			return &object->resources[i];
	return NULL;
}

enum coap_code visit_resolve(const struct objects *o, struct path path, const struct object **object,
	const struct object_resource **resource)
{
	*resource = NULL;
	if (path.ids[0] == MODEL_SECURITY)
		return COAP_UNAUTHORIZED;
	*object = visit_find_object(o, path.ids[0]);
	if (*object == NULL || (path.depth >= 2 && !object_has_instance(*object, o->world, path.ids[1])))
		return COAP_NOT_FOUND;
	if (path.depth < 3)
		return COAP_CONTENT;
	*resource = visit_find_resource(*object, path.ids[2]);
	return *resource == NULL ? COAP_NOT_FOUND : COAP_CONTENT;
}

bool visit_may(const struct objects *o, struct path path, enum access_right right)
{
	return o->has_all_rights || accounts_allow(o->world->accounts, o->asking, path.ids[0],
					    path.depth >= 2 ? path.ids[1] : ACCESS_ANY, right);
}

/* ---- which operation ---- */

/* Discover needs no right, and an object as a whole shows what may be read of it. */
static bool is_allowed(const struct visit *v)
{
	enum coap_code method = v->request->message->code;
	bool has_body = v->request->content_format != COAP_FORMAT_NONE || v->request->body.len > 0;
	if (method == COAP_GET)
		return v->path.depth < 2 || v->request->accept == COAP_FORMAT_LINK ||
		       visit_may(v->o, v->path, ACCESS_READ);
	if (method == COAP_PUT)
		return v->path.depth < 2 || visit_may(v->o, v->path, has_body ? ACCESS_WRITE : ACCESS_READ);
	if (method == COAP_DELETE)
		return visit_may(v->o, v->path, v->path.depth > 2 ? ACCESS_WRITE : ACCESS_DELETE);
	if (method != COAP_POST)
		return true;
	if (v->path.depth == 1)
		return visit_may(v->o, v->path, ACCESS_CREATE);
	bool is_write = v->resource == NULL || (v->resource->operations & MODEL_EXECUTE) == 0;
	return visit_may(v->o, v->path, is_write ? ACCESS_WRITE : ACCESS_EXECUTE);
}

static enum coap_code handle_root(struct visit *v)
{
	if (v->request->message->code == COAP_FETCH)
		return visit_read_composite(v);
	return v->request->message->code == COAP_IPATCH ? visit_write_composite(v) : COAP_METHOD_NOT_ALLOWED;
}

static enum coap_code handle(struct visit *v)
{
	if (v->path.depth == 0)
		return handle_root(v);
	enum coap_code code = visit_resolve(v->o, v->path, &v->object, &v->resource);
	if (code != COAP_CONTENT)
		return code;
	if (!is_allowed(v))
		return COAP_UNAUTHORIZED;
	if (v->request->message->code == COAP_GET)
		return visit_get(v);
	if (v->request->message->code == COAP_PUT)
		return visit_put(v);
	if (v->request->message->code == COAP_POST)
		return visit_post(v);
	if (v->request->message->code == COAP_DELETE)
		return visit_delete(v);
	return COAP_METHOD_NOT_ALLOWED;
}

void objects_handle(struct objects *o, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct visit v = {.o = o, .path = path, .endpoint = endpoint, .request = request, .response = ret, .now = now};
	o->world->now = now;
	ret->code = handle(&v);
}

/* "</3>;ver=1.1", and a link for each instance. */
static void write_object_links(const struct objects *o, const struct object *object, struct writer *w)
{
	struct reader version = reader_of(bytes_of_text(object->version));
	uint8_t major = (uint8_t)(read_u8(&version) - '0');
	(void)read_u8(&version);
	uint8_t minor = (uint8_t)(read_u8(&version) - '0');
	struct registration_object entry = {object->id, REGISTRATION_NO_INSTANCE, major, minor};
	registration_write_object(w, &entry);
	uint16_t instance = 0;
	for (uint32_t from = 0; from <= PATH_ID_MAX; from = instance + 1u) {
		if (!object_next_instance(object, o->world, (uint16_t)from, &instance))
			return;
		entry = (struct registration_object){object->id, instance, 0, 0};
		registration_write_object(w, &entry);
	}
}

void objects_write_links(const struct objects *o, struct writer *w)
{
	registration_write_root(w, bytes_of_text("60 110 112 11542 11544"));
	for (size_t i = 0; i < o->count; i++)
		write_object_links(o, o->table[i], w);
}
