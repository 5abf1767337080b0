/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/values.h"

#include "mgmt/links.h"
#include "mgmt/text.h"
#include "server/http/view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define PATH_TEXT_MAX 256

static bool refuse(char *ret_reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char *ret_reason, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(ret_reason, INTAKE_REASON_BYTES, format, list);
	va_end(list);
	return false;
}

/* ---- reading ---- */

bool values_read_path(
	const struct model *model, const char *text, struct path *ret, char ret_reason[INTAKE_REASON_BYTES])
{
	if (model_parse_path(model, bytes_of_text(text), ret))
		return true;
	return refuse(ret_reason, "\"%.80s\" is no path, or has a name that nobody knows", text);
}

/* The resource's type; false when nobody knows it. */
static bool type_of(const struct model *model, struct path path, enum value_type *ret)
{
	const struct model_resource *r = path.depth < 3 ? NULL : model_resource(model, path.ids[0], path.ids[2]);
	if (r != NULL)
		*ret = r->type;
	return r != NULL;
}

/* A string may stand for what JSON has no type for. */
static struct value value_of_string(struct bytes text, bool is_known, enum value_type type, struct arena *scratch)
{
	struct value value;
	bool has_form = is_known && (type == VALUE_OPAQUE || type == VALUE_OBJLNK || type == VALUE_CORELNK);
	if (has_form && text_decode(text, type, scratch, &value) == TEXT_GOOD)
		return value;
	return value_string(text);
}

static struct bytes string_of(const json_t *json)
{
	return bytes_of(json_string_value(json), json_string_length(json));
}

static bool value_of_json(
	const json_t *json, bool is_known, enum value_type type, struct arena *scratch, struct value *ret)
{
	if (json_is_string(json))
		*ret = value_of_string(string_of(json), is_known, type, scratch);
	else if (json_is_integer(json))
		*ret = value_integer(json_integer_value(json));
	else if (json_is_real(json))
		*ret = value_float(json_real_value(json));
	else if (json_is_boolean(json))
		*ret = value_boolean(json_is_true(json));
	else
		return false;
	return true;
}

/* As people write it: in the form of the type, or what it looks like. */
static struct value value_of_text(struct bytes text, bool is_known, enum value_type type, struct arena *scratch)
{
	struct value value;
	if (is_known && type == VALUE_BOOLEAN && (bytes_equal_text(text, "true") || bytes_equal_text(text, "false")))
		return value_boolean(text.data[0] == 't');
	if (is_known ? text_decode(text, type, scratch, &value) == TEXT_GOOD : text_decode_number(text, &value))
		return value;
	return value_string(text);
}

static bool add(struct values *v, const struct model *model, struct path path, const json_t *item, char *ret_reason)
{
	const json_t *json = json_object_get(item, "value"), *text = json_object_get(item, "text");
	enum value_type type = VALUE_NONE;
	bool is_known = type_of(model, path, &type);
	struct record *record = &v->records[v->count];
	if (v->count == VALUES_MAX)
		return refuse(ret_reason, "more than %d values", VALUES_MAX);
	if ((json == NULL) == (text == NULL))
		return refuse(ret_reason, "a value is either \"value\" or \"text\"");
	*record = record_of(path, value_none());
	if (json_is_string(text))
		record->value = value_of_text(string_of(text), is_known, type, &v->scratch);
	else if (text != NULL)
		return refuse(ret_reason, "text: a string");
	else if (!value_of_json(json, is_known, type, &v->scratch, &record->value))
		return refuse(ret_reason, "value: a string, a number or a boolean");
	v->count++;
	return true;
}

/* "lifetime" below "/1/0". */
static bool path_below(
	const struct model *model, struct path base, const char *text, struct path *ret, char *ret_reason)
{
	char whole[PATH_TEXT_MAX];
	struct writer w = writer_of(whole, sizeof whole - 1);
	if (text[0] == '/')
		return values_read_path(model, text, ret, ret_reason);
	if (base.depth > 0)
		path_write(&w, base);
	write_text(&w, "/");
	write_text(&w, text);
	whole[w.failed ? 0 : writer_bytes(&w).len] = '\0';
	return values_read_path(model, whole, ret, ret_reason);
}

static bool read_list(
	struct values *v, const struct model *model, struct path base, const json_t *list, char *ret_reason)
{
	size_t i;
	json_t *item;
	if (!json_is_array(list))
		return refuse(ret_reason, "values: an array of {\"path\": ..., \"value\": ...}");
	json_array_foreach((json_t *)list, i, item)
	{
		const char *text = json_string_value(json_object_get(item, "path"));
		struct path path;
		if (text == NULL)
			return refuse(ret_reason, "values[%zu]: a path is missing", i);
		if (!path_below(model, base, text, &path, ret_reason) || !add(v, model, path, item, ret_reason))
			return false;
	}
	return true;
}

bool values_read(struct values *v, const struct model *model, const json_t *body, const uint16_t *instance,
	char ret_reason[INTAKE_REASON_BYTES])
{
	const json_t *list = json_object_get(body, "values"), *path = json_object_get(body, "path");
	v->path = PATH_ROOT;
	v->count = 0;
	arena_init(&v->scratch, v->memory, sizeof v->memory);
	if (path != NULL && !json_is_string(path))
		return refuse(ret_reason, "path: a string");
	if (path != NULL && !values_read_path(model, json_string_value(path), &v->path, ret_reason))
		return false;
	struct path base = v->path;
	if (instance != NULL && !path_add(&base, *instance))
		return refuse(ret_reason, "path: an object");
	return list != NULL ? read_list(v, model, base, list, ret_reason) : add(v, model, base, body, ret_reason);
}

/* ---- showing ---- */

static json_t *text_json(struct bytes text)
{
	json_t *json = json_stringn((const char *)text.data, text.len);
	return json != NULL ? json : json_null();
}

static json_t *written(void (*write)(struct writer *w, const struct value *value), const struct value *value)
{
	char text[2 * VALUES_SCRATCH_BYTES];
	struct writer w = writer_of(text, sizeof text);
	write(&w, value);
	return w.failed ? json_null() : text_json(writer_bytes(&w));
}

static json_t *value_json(const struct value *value)
{
	switch (value->type) {
	case VALUE_STRING:
	case VALUE_CORELNK:
		return text_json(value->bytes);
	case VALUE_INTEGER:
	case VALUE_TIME:
		return json_integer((json_int_t)value->integer);
	case VALUE_UNSIGNED:
		if (value->natural <= INT64_MAX)
			return json_integer((json_int_t)value->natural);
		return json_real((double)value->natural);
	case VALUE_FLOAT: /* NaN and infinity are none of JSON's numbers */
		return isfinite(value->real) ? json_real(value->real) : json_null();
	case VALUE_BOOLEAN:
		return json_boolean(value->boolean);
	case VALUE_OPAQUE:
	case VALUE_OBJLNK:
		return written(text_encode, value);
	case VALUE_NONE:
		break;
	}
	return json_null();
}

/* Path and name; the name is left out where nobody knows one. */
static json_t *place_json(const struct model *model, struct path path)
{
	uint8_t text[PATH_TEXT_MAX + MODEL_NAME_MAX];
	json_t *o = json_object();
	struct writer w = writer_of(text, sizeof text);
	path_write(&w, path);
	json_object_set_new(o, "path", text_json(writer_bytes(&w)));
	if (path.depth == 0 || model_object(model, path.ids[0]) == NULL)
		return o;
	w = writer_of(text, sizeof text);
	model_write_path(&w, model, path);
	json_object_set_new(o, "name", text_json(writer_bytes(&w)));
	return o;
}

static const char *units_of(const struct model *model, struct path path)
{
	const struct model_resource *r = path.depth < 3 ? NULL : model_resource(model, path.ids[0], path.ids[2]);
	return r == NULL ? NULL : r->units;
}

json_t *values_view_place(const struct model *model, struct path path)
{
	json_t *o = place_json(model, path);
	const char *units = units_of(model, path);
	if (units != NULL)
		json_object_set_new(o, "units", view_text(units));
	return o;
}

json_t *values_view(const struct model *model, const struct record *record)
{
	json_t *o = place_json(model, record->path);
	const char *units = units_of(model, record->path);
	json_object_set_new(o, "type", json_string(value_type_name(record->value.type)));
	json_object_set_new(o, "value", value_json(&record->value));
	if (record->unit.len > 0)
		json_object_set_new(o, "units", text_json(record->unit));
	else if (units != NULL)
		json_object_set_new(o, "units", view_text(units));
	if (record->has_time)
		json_object_set_new(o, "time", json_real(record->time_s));
	return o;
}

json_t *values_view_list(const struct model *model, const struct record *records, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, values_view(model, &records[i]));
	return list;
}

static json_t *path_json(struct path path)
{
	uint8_t text[PATH_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	path_write(&w, path);
	return text_json(writer_bytes(&w));
}

json_t *values_view_watch(struct server *s, const struct model *model, const struct server_watch *watch)
{
	const struct record *records;
	json_t *o = json_object(), *paths = json_array();
	const char *state = watch->is_unasked ? "sent" : handle_is_none(watch->exchange) ? "waiting" : "established";
	size_t count = server_watch_names(s, watch, &records);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(paths, path_json(records[i].path));
	if (count == 0 && !watch->is_unasked)
		json_array_append_new(paths, path_json(watch->path));
	json_object_set_new(o, "id", json_integer((json_int_t)watch->number));
	json_object_set_new(o, "paths", paths);
	json_object_set_new(o, "state", json_string(state));
	json_object_set_new(o, "reports", json_integer((json_int_t)watch->reports));
	if (watch->at != 0)
		json_object_set_new(o, "at", view_moment(watch->at));
	count = server_watch_values(s, watch, model, &records);
	json_object_set_new(o, "values", values_view_list(model, records, count));
	return o;
}

static json_t *attributes_json(struct bytes attributes)
{
	json_t *o = json_object();
	struct bytes name, value;
	while (links_next_attribute(&attributes, &name, &value)) {
		double number;
		json_t *json = value_parse_double(value, &number) ? json_real(number) : text_json(value);
		uint64_t whole;
		if (parse_decimal(value, INT64_MAX, &whole)) {
			json_decref(json);
			json = json_integer((json_int_t)whole);
		}
		char key[32];
		struct writer w = writer_of(key, sizeof key - 1);
		write_bytes(&w, name);
		key[w.failed ? 0 : writer_bytes(&w).len] = '\0';
		json_object_set_new(o, key, json);
	}
	return o;
}

json_t *values_view_links(const struct model *model, struct bytes body)
{
	struct links_reader links = links_reader_of(body);
	json_t *list = json_array();
	struct link link;
	while (links_next(&links, &link)) {
		struct path path;
		if (!path_parse(path_without_prefix(link.target), &path)) {
			links.failed = true;
			break;
		}
		json_t *o = place_json(model, path);
		json_object_set_new(o, "attributes", attributes_json(link.attributes));
		json_array_append_new(list, o);
	}
	if (!links.failed)
		return list;
	json_decref(list);
	return NULL;
}
