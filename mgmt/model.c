/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/model.h"

/* ---- versions ---- */

struct version {
	uint64_t major, minor;
};

static struct version version_of(const struct model_object *object)
{
	struct version v = {1, 0};
	struct bytes text = bytes_of_text(object->version);
	const uint8_t *point = memchr(text.data, '.', text.len);
	size_t len = point == NULL ? text.len : (size_t)(point - text.data);
	(void)parse_decimal(bytes_first(text, len), UINT8_MAX, &v.major);
	(void)parse_decimal(bytes_from(text, len + 1), UINT8_MAX, &v.minor);
	return v;
}

/* How well a version stands in for the wanted one; less is better. */
static uint64_t distance(struct version have, const struct model_choice *want)
{
	if (have.major != want->major)
		return 0x20000 - (have.major << 8 | have.minor);
	return have.minor >= want->minor ? have.minor - want->minor : 256u + want->minor - have.minor;
}

static const struct model_choice *find_choice(const struct model *m, uint16_t object)
{
	for (size_t i = 0; i < m->choice_count; i++)
		if (m->choices[i].object == object)
			return &m->choices[i];
	return NULL;
}

/* Of the versions from `first` on; the last is the newest. */
static const struct model_object *choose(const struct model *m, size_t first)
{
	const struct model_object *best = &m->objects[first];
	const struct model_choice *want = find_choice(m, best->id);
	for (size_t i = first + 1; i < m->object_count && m->objects[i].id == best->id; i++)
		if (want == NULL || distance(version_of(&m->objects[i]), want) < distance(version_of(best), want))
			best = &m->objects[i];
	return best;
}

struct model_choice model_choice_of(uint16_t object, uint8_t minor)
{
	static const struct model_choice with_1_1[] = {{0, 1, 1}, {1, 1, 1}, {3, 1, 1}, {4, 1, 2}};
	static const struct model_choice with_1_2[] = {
		{0, 1, 2}, {1, 1, 2}, {2, 1, 1}, {3, 1, 2}, {4, 1, 3}, {5, 1, 1}, {21, 1, 1}};
	const struct model_choice *table = minor == 1 ? with_1_1 : with_1_2;
	size_t count = minor == 1 ? sizeof with_1_1 / sizeof *with_1_1 : sizeof with_1_2 / sizeof *with_1_2;
	for (size_t i = 0; minor > 0 && i < count; i++)
		if (table[i].object == object)
			return table[i];
	return (struct model_choice){object, 1, 0};
}

/* ---- objects and resources ---- */

const struct model_object *model_object(const struct model *m, uint16_t object)
{
	size_t low = 0, high = m->object_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->objects[middle].id < object)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->object_count && m->objects[low].id == object ? choose(m, low) : NULL;
}

static const struct model_resource *find_resource(const struct model_object *object, uint16_t resource)
{
	size_t low = 0, high = object->resource_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (object->resources[middle].id == resource)
			return &object->resources[middle];
		if (object->resources[middle].id < resource)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct model_resource *model_resource(const struct model *m, uint16_t object, uint16_t resource)
{
	const struct model_object *o = model_object(m, object);
	return o == NULL ? NULL : find_resource(o, resource);
}

enum value_type model_type(const struct model *m, struct path path)
{
	const struct model_resource *r = path.depth < 3 ? NULL : model_resource(m, path.ids[0], path.ids[2]);
	return r == NULL ? VALUE_OPAQUE : r->type;
}

bool model_accepts(const struct model_resource *resource, const struct value *value)
{
	double number;
	if (value->type != resource->type)
		return false;
	if (!resource->has_range)
		return true;
	if (value_number(value, &number))
		return number >= (double)resource->lowest && number <= (double)resource->highest;
	if (value->type != VALUE_STRING && value->type != VALUE_OPAQUE && value->type != VALUE_CORELNK)
		return true;
	return value->bytes.len >= (uint64_t)resource->lowest && value->bytes.len <= (uint64_t)resource->highest;
}

/* ---- names ---- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Letters and digits in lower case, everything between them one hyphen. */
void model_write_name(struct writer *w, const char *name)
{
	bool is_first = true, is_apart = false;
	for (; *name != '\0'; name++) {
		if (!is_word(*name)) {
			is_apart = true;
			continue;
		}
		if (is_apart && !is_first)
			write_u8(w, '-');
		write_u8(w, lower((uint8_t)*name));
		is_first = is_apart = false;
	}
}

static bool is_named(const char *name, struct bytes wanted)
{
	uint8_t text[MODEL_NAME_MAX];
	struct writer w = writer_of(text, sizeof text);
	model_write_name(&w, name);
	struct bytes made = writer_bytes(&w);
	if (w.failed || made.len != wanted.len)
		return false;
	for (size_t i = 0; i < made.len; i++)
		if (made.data[i] != lower(wanted.data[i]))
			return false;
	return true;
}

const struct model_object *model_object_named(const struct model *m, struct bytes name)
{
	for (size_t i = 0; i < m->object_count; i++)
		if (is_named(m->objects[i].name, name))
			return model_object(m, m->objects[i].id);
	return NULL;
}

const struct model_resource *model_resource_named(const struct model_object *object, struct bytes name)
{
	for (size_t i = 0; i < object->resource_count; i++)
		if (is_named(object->resources[i].name, name))
			return &object->resources[i];
	return NULL;
}

static bool add_named(const struct model *m, struct bytes segment, struct path *path)
{
	if (path->depth == 0) {
		const struct model_object *object = model_object_named(m, segment);
		return object != NULL && path_add(path, object->id);
	}
	if (path->depth == 2) {
		const struct model_object *object = model_object(m, path->ids[0]);
		const struct model_resource *resource = object == NULL ? NULL : model_resource_named(object, segment);
		return resource != NULL && path_add(path, resource->id);
	}
	return false;
}

bool model_parse_path(const struct model *m, struct bytes text, struct path *ret)
{
	struct path path = PATH_ROOT;
	if (text.len > 0 && text.data[0] == '/')
		text = bytes_from(text, 1);
	while (text.len > 0) {
		const uint8_t *slash = memchr(text.data, '/', text.len);
		size_t len = slash == NULL ? text.len : (size_t)(slash - text.data);
		struct bytes segment = bytes_first(text, len);
		if (!path_add_segment(&path, segment) && !add_named(m, segment, &path))
			return false;
		if (slash != NULL && len + 1 == text.len)
			return false;
		text = bytes_from(text, len + 1);
	}
	*ret = path;
	return true;
}

void model_write_path(struct writer *w, const struct model *m, struct path path)
{
	const struct model_object *object = path.depth == 0 ? NULL : model_object(m, path.ids[0]);
	const struct model_resource *resource =
		object == NULL || path.depth < 3 ? NULL : find_resource(object, path.ids[2]);
	if (path.depth == 0)
		write_u8(w, '/');
	for (uint8_t i = 0; i < path.depth; i++) {
		if (i > 0)
			write_u8(w, '/');
		if (i == 0 && object != NULL)
			model_write_name(w, object->name);
		else if (i == 2 && resource != NULL)
			model_write_name(w, resource->name);
		else
			write_decimal(w, path.ids[i]);
	}
}
