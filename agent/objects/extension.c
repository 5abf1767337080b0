/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/objects/extension.h"

#include "agent/extensions.h"

static bool next(const struct object_world *world, uint16_t object, uint16_t from, uint16_t *ret)
{
	const struct extension *x = extensions_find(world->extensions, object, NULL);
	bool found = false;
	for (size_t i = 0; x != NULL && i < x->instance_count; i++) {
		struct path at = x->instances[i];
		if (at.ids[0] != object || at.ids[1] < from || (found && at.ids[1] > *ret))
			continue;
		*ret = at.ids[1];
		found = true;
	}
	return found;
}

static void read(const struct object_world *world, struct path at, struct object_records *out)
{
	const struct extension *x = extensions_find(world->extensions, at.ids[0], NULL);
	if (x != NULL && !extensions_is_muted(world->extensions, at.ids[0]))
		extension_values_put(&x->values, at, out);
}

/* ---- what a request asks for ---- */

static struct extension_wish *wish(const struct object_world *world, enum extension_op op, struct path at)
{
	struct extension_wish *w = &world->extensions->wish;
	bool is_new = !w->is_there;
	w->is_there = true;
	if (is_new) {
		w->op = op;
		w->paths[0] = at;
		w->path_count = 1;
	}
	return w;
}

/* Room for all the names of a usual composite; what is beyond shows what is known. */
static bool fetch(struct object_world *world, struct path at)
{
	struct extension_wish *w = &world->extensions->wish;
	if (world->extensions->is_fetched)
		return false;
	for (size_t i = 0; w->is_there && i < w->path_count; i++)
		if (path_is_within(at, w->paths[i]))
			return true;
	if (!w->is_there)
		(void)wish(world, EXTENSION_READ, at);
	else if (w->path_count < EXTENSIONS_FETCHED_MAX)
		w->paths[w->path_count++] = at;
	return true;
}

/* JSON has no word for what is not a number. */
static enum coap_code check(const struct object_world *world, struct path at, const struct value *value)
{
	(void)world;
	(void)at;
	bool is_finite = value->type != VALUE_FLOAT || value->real - value->real == 0;
	return is_finite ? COAP_CHANGED : COAP_BAD_REQUEST;
}

/* What belongs to a Create goes with it. */
static enum coap_code write(struct object_world *world, struct path at, const struct value *value)
{
	struct extension_wish *w = wish(world, EXTENSION_WRITE, at);
	if (w->count == EXTENSIONS_WISH_MAX)
		return COAP_REQUEST_ENTITY_TOO_LARGE;
	w->records[w->count++] = record_of(at, *value);
	return COAP_CHANGED;
}

static void reset(struct object_world *world, struct path at)
{
	wish(world, EXTENSION_WRITE, at)->is_replace = true;
}

static enum coap_code execute(struct object_world *world, struct path at, struct bytes arguments)
{
	wish(world, EXTENSION_EXECUTE, at)->arguments = arguments;
	return COAP_CHANGED;
}

/* One at a time: of two the extension might refuse the second. */
static enum coap_code create(struct object_world *world, struct path at)
{
	if (world->extensions->wish.is_there)
		return COAP_BAD_REQUEST;
	(void)wish(world, EXTENSION_CREATE, at);
	return COAP_CREATED;
}

static enum coap_code remove_instance(struct object_world *world, struct path at)
{
	(void)wish(world, EXTENSION_DELETE, at);
	return COAP_DELETED;
}

struct object object_of_extension(const struct model_object *definition, struct object_resource *resources)
{
	for (size_t i = 0; i < definition->resource_count; i++)
		resources[i] =
			(struct object_resource){definition->resources[i].id, definition->resources[i].operations};
	return (struct object){
		.id = definition->id,
		.version = definition->version,
		.resources = resources,
		.resource_count = definition->resource_count,
		.is_elsewhere = true,
		.next = next,
		.fetch = fetch,
		.read = read,
		.check = check,
		.write = write,
		.reset = reset,
		.execute = execute,
		.create = definition->is_multiple ? create : NULL,
		.remove = definition->is_multiple ? remove_instance : NULL,
	};
}
