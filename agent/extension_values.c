/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_values.h"

#include "agent/objects/object.h"

void extension_values_init(
	struct extension_values *v, struct record *list, size_t capacity, uint8_t *text, size_t text_capacity)
{
	*v = (struct extension_values){
		.list = list, .capacity = capacity, .text = text, .text_capacity = text_capacity};
}

void extension_values_clear(struct extension_values *v)
{
	v->count = v->text_len = 0;
}

static bool has_text(const struct value *value)
{
	return value->type == VALUE_STRING || value->type == VALUE_OPAQUE || value->type == VALUE_CORELNK;
}

static size_t text_of(const struct value *value)
{
	return has_text(value) ? value->bytes.len : 0;
}

/* Whether the path is among the records from `from` on. */
static bool is_among(const struct record *records, size_t from, size_t count, struct path path)
{
	for (size_t i = from; i < count; i++)
		if (path_equal(records[i].path, path))
			return true;
	return false;
}

static bool stays(const struct record *known, const struct path *gone, const struct record *records, size_t count)
{
	bool is_gone = gone != NULL && path_is_within(known->path, *gone);
	return !is_gone && !is_among(records, 0, count, known->path);
}

static bool has_room(
	const struct extension_values *v, const struct path *gone, const struct record *records, size_t count)
{
	size_t total = 0, text = 0;
	for (size_t i = 0; i < v->count; i++) {
		if (!stays(&v->list[i], gone, records, count))
			continue;
		total++;
		text += text_of(&v->list[i].value);
	}
	for (size_t i = 0; i < count; i++) {
		if (is_among(records, i + 1, count, records[i].path))
			continue;
		total++;
		text += text_of(&records[i].value);
	}
	return total <= v->capacity && text <= v->text_capacity;
}

static void insert(struct extension_values *v, const struct record *record)
{
	size_t at = v->count++;
	for (; at > 0 && path_compare(v->list[at - 1].path, record->path) > 0; at--)
		v->list[at] = v->list[at - 1];
	v->list[at] = record_of(record->path, record->value);
}

/* Until now some values borrow from the line, and some from places in `text` that are to be used anew. */
static void gather_texts(struct extension_values *v, uint8_t *spare)
{
	v->text_len = 0;
	for (size_t i = 0; i < v->count; i++) {
		struct value *value = &v->list[i].value;
		size_t len = text_of(value);
		if (!has_text(value))
			continue;
		if (len > 0)
			memcpy(spare + v->text_len, value->bytes.data, len);
		value->bytes.data = v->text + v->text_len;
		v->text_len += len;
	}
	if (v->text_len > 0)
		memcpy(v->text, spare, v->text_len);
}

bool extension_values_take(
	struct extension_values *v, const struct path *gone, const struct record *records, size_t count, uint8_t *spare)
{
	size_t kept = 0;
	if (!has_room(v, gone, records, count))
		return false;
	for (size_t i = 0; i < v->count; i++)
		if (stays(&v->list[i], gone, records, count))
			v->list[kept++] = v->list[i];
	v->count = kept;
	for (size_t i = 0; i < count; i++)
		if (!is_among(records, i + 1, count, records[i].path))
			insert(v, &records[i]);
	gather_texts(v, spare);
	return true;
}

/* The texts' places are used anew by the next take. */
void extension_values_forget(struct extension_values *v, struct path path)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->count; i++)
		if (!path_is_within(v->list[i].path, path))
			v->list[kept++] = v->list[i];
	v->count = kept;
}

void extension_values_put(const struct extension_values *v, struct path path, struct object_records *out)
{
	for (size_t i = 0; i < v->count; i++)
		if (path_is_within(v->list[i].path, path))
			object_put_at(out, v->list[i].path, v->list[i].value);
}
