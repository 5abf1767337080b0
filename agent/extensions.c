/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extensions.h"

#include "agent/objects/extension.h"
#include "coap/carve.h"

/* ---- life ---- */

/* What is cut from the owner's memory. */
struct parts {
	struct extension *list;
	struct extension_tables *tables;
	struct model_object *merged;
	struct extension_desk *desk;
	struct record *values, *wish;
	uint8_t *text;
};

static size_t lay_out(void *memory, uint8_t count, const struct model *core, struct parts *p)
{
	struct carve c = {memory, 0};
	p->list = carve_take(&c, count, sizeof *p->list);
	p->tables = carve_take(&c, count, sizeof *p->tables);
	p->merged = carve_take(&c, core->object_count + (size_t)count * EXTENSION_OBJECTS_MAX, sizeof *p->merged);
	p->values = carve_take(&c, (size_t)count * EXTENSION_VALUES_MAX, sizeof *p->values);
	p->text = carve_take(&c, count, EXTENSION_TEXT_BYTES);
	p->wish = carve_take(&c, EXTENSIONS_WISH_MAX, sizeof *p->wish);
	p->desk = carve_take(&c, 1, sizeof *p->desk);
	return c.used;
}

size_t extensions_memory(uint8_t count, const struct model *core)
{
	struct parts parts;
	return count == 0 ? 0 : lay_out(NULL, count, core, &parts);
}

void extensions_init(struct extensions *e, void *memory, uint8_t count, const struct model *core, msec patience)
{
	struct parts p;
	*e = (struct extensions){.core = core, .model = *core};
	if (count == 0)
		return;
	(void)lay_out(memory, count, core, &p);
	e->list = p.list;
	e->tables = p.tables;
	e->count = count;
	e->merged = p.merged;
	e->desk = p.desk;
	e->wish.records = p.wish;
	for (uint8_t i = 0; i < count; i++) {
		struct extension_values values;
		extension_values_init(&values, p.values + (size_t)i * EXTENSION_VALUES_MAX, EXTENSION_VALUES_MAX,
			p.text + (size_t)i * EXTENSION_TEXT_BYTES, EXTENSION_TEXT_BYTES);
		extension_init(&e->list[i], &values, patience);
	}
	extensions_changed(e);
}

/* ---- which objects ---- */

#define OSCORE 21

/* Security, Server, Access Control and OSCORE decide who may do what: they are nobody's to serve but the agent's. */
static bool is_of_protocol(uint16_t object)
{
	return object == MODEL_SECURITY || object == MODEL_SERVER || object == MODEL_ACCESS_CONTROL || object == OSCORE;
}

static bool is_own(const struct object *const *own, size_t own_count, uint16_t object)
{
	for (size_t i = 0; i < own_count; i++)
		if (own[i]->id == object)
			return true;
	return false;
}

static bool is_twice(const struct extension_definition *definition, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (definition->objects[i].id == definition->objects[at].id)
			return true;
	return false;
}

enum extension_verdict extensions_check(const struct extensions *e, const struct extension_definition *definition,
	const struct object *const *own, size_t own_count)
{
	if (definition->object_count == 0 || definition->object_count > EXTENSION_OBJECTS_MAX)
		return EXTENSION_TOO_LARGE;
	for (size_t i = 0; i < definition->object_count; i++) {
		const struct model_object *object = &definition->objects[i];
		if (object->resource_count > EXTENSION_RESOURCES_MAX)
			return EXTENSION_TOO_LARGE;
		if (is_of_protocol(object->id) || is_own(own, own_count, object->id) || is_twice(definition, i) ||
			extensions_find(e, object->id, NULL) != NULL)
			return EXTENSION_TAKEN;
	}
	return EXTENSION_ACCEPTED;
}

/* ---- model and tables ---- */

static void insert(struct extensions *e, const struct model_object *object)
{
	size_t at = e->model.object_count++;
	for (; at > 0 && e->merged[at - 1].id > object->id; at--)
		e->merged[at] = e->merged[at - 1];
	e->merged[at] = *object;
}

/* Where the agent's model knows an object that an extension serves, the extension's definition counts. */
static void merge_models(struct extensions *e)
{
	e->model.object_count = 0;
	e->model.objects = e->merged;
	for (size_t i = 0; i < e->core->object_count; i++)
		if (extensions_find(e, e->core->objects[i].id, NULL) == NULL)
			insert(e, &e->core->objects[i]);
	for (uint8_t i = 0; i < e->count; i++)
		for (size_t n = 0; n < e->list[i].definition.object_count; n++)
			insert(e, &e->list[i].definition.objects[n]);
}

void extensions_changed(struct extensions *e)
{
	merge_models(e);
	for (uint8_t i = 0; i < e->count; i++)
		for (size_t n = 0; n < e->list[i].definition.object_count; n++)
			e->tables[i].objects[n] =
				object_of_extension(&e->list[i].definition.objects[n], e->tables[i].resources[n]);
	e->desk->model = &e->model;
}

/* ---- questions ---- */

struct extension *extensions_find(const struct extensions *e, uint16_t object, uint8_t *ret_slot)
{
	for (uint8_t i = 0; i < e->count; i++) {
		if (extension_object(&e->list[i], object) == NULL)
			continue;
		if (ret_slot != NULL)
			*ret_slot = i;
		return &e->list[i];
	}
	return NULL;
}

bool extensions_is_muted(const struct extensions *e, uint16_t object)
{
	uint8_t slot;
	return extensions_find(e, object, &slot) != NULL && (e->muted >> slot & 1) != 0;
}

msec extensions_deadline(const struct extensions *e)
{
	msec at = NEVER;
	for (uint8_t i = 0; i < e->count; i++)
		at = msec_earlier(at, extension_deadline(&e->list[i]));
	return at;
}
