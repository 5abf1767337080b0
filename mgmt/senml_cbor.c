/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/senml_cbor.h"

#include <math.h>

/* Labels of RFC 8428 section 6; object links have a text label, "vlo". */
enum label {
	LABEL_BASE_SUM = -6,
	LABEL_BASE_VALUE = -5,
	LABEL_BASE_UNIT = -4,
	LABEL_BASE_TIME = -3,
	LABEL_BASE_NAME = -2,
	LABEL_BASE_VERSION = -1,
	LABEL_NAME = 0,
	LABEL_UNIT = 1,
	LABEL_VALUE = 2,
	LABEL_STRING = 3,
	LABEL_BOOLEAN = 4,
	LABEL_SUM = 5,
	LABEL_TIME = 6,
	LABEL_UPDATE_TIME = 7,
	LABEL_DATA = 8,
};

#define VERSION_MAX 10

void senml_cbor_reader_init(struct senml_cbor_reader *r, struct bytes body, bool is_etch, struct arena *scratch)
{
	*r = (struct senml_cbor_reader){.cbor = cbor_reader_of(body), .scratch = scratch, .is_etch = is_etch};
}

static bool read_string(
	struct senml_cbor_reader *r, const struct cbor_item *item, enum cbor_kind kind, bool *has, struct bytes *ret)
{
	if (*has || item->kind != kind)
		return false;
	*has = true;
	return cbor_string(&r->cbor, item, r->scratch, ret, &r->full);
}

static bool loose_number(const struct cbor_item *item, struct value *ret)
{
	if (item->kind == CBOR_UNSIGNED)
		*ret = item->number <= INT64_MAX ? value_integer((int64_t)item->number) : value_unsigned(item->number);
	else if (item->kind == CBOR_NEGATIVE && item->number <= INT64_MAX)
		*ret = value_integer(-1 - (int64_t)item->number);
	else if (item->kind == CBOR_FLOAT)
		*ret = value_float(item->real);
	else
		return false;
	return true;
}

static bool read_time(const struct cbor_item *item, bool *has, double *ret)
{
	struct value value;
	if (*has || !loose_number(item, &value) || !value_number(&value, ret))
		return false;
	*has = true;
	return isfinite(*ret);
}

static bool read_number(struct senml_cbor_reader *r, const struct cbor_item *item, struct senml_fields *f)
{
	if (f->has_value)
		return false;
	f->has_value = true;
	f->value = value_none();
	return (r->is_etch && item->kind == CBOR_NULL) || loose_number(item, &f->value);
}

static bool read_base_value(const struct cbor_item *item, struct senml_fields *f)
{
	if (f->has_base_value)
		return false;
	f->has_base_value = true;
	return loose_number(item, &f->base_value);
}

static bool read_boolean(const struct cbor_item *item, struct senml_fields *f)
{
	if (f->has_value || item->kind != CBOR_BOOLEAN)
		return false;
	f->has_value = true;
	f->value = value_boolean(item->boolean);
	return true;
}

static bool read_link(struct senml_cbor_reader *r, const struct cbor_item *item, struct senml_fields *f)
{
	struct bytes text;
	f->value.type = VALUE_OBJLNK;
	return read_string(r, item, CBOR_TEXT, &f->has_value, &text) && value_parse_objlnk(text, &f->value.objlnk);
}

static bool read_labelled(
	struct senml_cbor_reader *r, int64_t label, const struct cbor_item *item, struct senml_fields *f)
{
	switch (label) {
	case LABEL_BASE_NAME:
		return read_string(r, item, CBOR_TEXT, &f->has_base_name, &f->base_name);
	case LABEL_NAME:
		return read_string(r, item, CBOR_TEXT, &f->has_name, &f->name);
	case LABEL_BASE_UNIT:
		return read_string(r, item, CBOR_TEXT, &f->has_base_unit, &f->base_unit);
	case LABEL_UNIT:
		return read_string(r, item, CBOR_TEXT, &f->has_unit, &f->unit);
	case LABEL_BASE_VALUE:
		return read_base_value(item, f);
	case LABEL_BASE_TIME:
		return read_time(item, &f->has_base_time, &f->base_time_s);
	case LABEL_TIME:
		return read_time(item, &f->has_time, &f->time_s);
	case LABEL_VALUE:
		return read_number(r, item, f);
	case LABEL_BOOLEAN:
		return read_boolean(item, f);
	case LABEL_STRING:
		f->value.type = VALUE_STRING;
		return read_string(r, item, CBOR_TEXT, &f->has_value, &f->value.bytes);
	case LABEL_DATA:
		f->value.type = VALUE_OPAQUE;
		return read_string(r, item, CBOR_BYTES, &f->has_value, &f->value.bytes);
	case LABEL_BASE_VERSION:
		return item->kind == CBOR_UNSIGNED && item->number <= VERSION_MAX;
	case LABEL_BASE_SUM:
	case LABEL_SUM:
		return false;
	default:
		return cbor_skip(&r->cbor, item);
	}
}

/* Unknown labels are skipped, unless they end in "_": those must be understood (RFC 8428 section 4.4). */
static bool read_named(
	struct senml_cbor_reader *r, struct bytes label, const struct cbor_item *item, struct senml_fields *f)
{
	if (bytes_equal_text(label, "vlo"))
		return read_link(r, item, f);
	if (label.len > 0 && label.data[label.len - 1] == '_')
		return false;
	return cbor_skip(&r->cbor, item);
}

static bool read_member(struct senml_cbor_reader *r, const struct cbor_item *label, struct senml_fields *f)
{
	struct cbor_item item;
	struct bytes name;
	if (label->kind == CBOR_TEXT)
		return cbor_string(&r->cbor, label, r->scratch, &name, &r->full) && cbor_next(&r->cbor, &item) &&
		       read_named(r, name, &item, f);
	if ((label->kind != CBOR_UNSIGNED && label->kind != CBOR_NEGATIVE) || label->number > INT32_MAX)
		return false;
	int64_t number = label->kind == CBOR_UNSIGNED ? (int64_t)label->number : -1 - (int64_t)label->number;
	return cbor_next(&r->cbor, &item) && read_labelled(r, number, &item, f);
}

static bool read_record(struct senml_cbor_reader *r, const struct cbor_item *map, struct senml_fields *f)
{
	struct cbor_item label;
	if (map->kind != CBOR_MAP)
		return false;
	for (uint64_t i = 0; map->is_indefinite || i < map->number; i++) {
		if (!cbor_next(&r->cbor, &label))
			return false;
		if (label.kind == CBOR_BREAK)
			return map->is_indefinite;
		if (!read_member(r, &label, f))
			return false;
	}
	return true;
}

static bool start(struct senml_cbor_reader *r)
{
	struct cbor_item array;
	if (!cbor_next(&r->cbor, &array) || array.kind != CBOR_ARRAY)
		return false;
	r->is_started = true;
	r->is_indefinite = array.is_indefinite;
	r->left = array.number;
	return true;
}

/* The head of the next record's map. False at the end, where nothing may follow, and at a fault. */
static bool next_map(struct senml_cbor_reader *r, struct cbor_item *ret)
{
	if (!r->is_started && !start(r)) {
		r->failed = true;
		return false;
	}
	bool is_at_end = !r->is_indefinite && r->left == 0;
	if (!is_at_end && !cbor_next(&r->cbor, ret)) {
		r->failed = true;
		return false;
	}
	if (!is_at_end && r->is_indefinite && ret->kind == CBOR_BREAK) {
		r->is_indefinite = false;
		r->left = 0;
		is_at_end = true;
	}
	if (is_at_end && cbor_left(&r->cbor) > 0)
		r->failed = true;
	return !is_at_end;
}

bool senml_cbor_next(struct senml_cbor_reader *r, struct record *ret, bool *ret_has_value)
{
	struct cbor_item map;
	struct senml_fields fields = {.value = value_none()};
	if (r->failed || !next_map(r, &map))
		return false;
	if (!read_record(r, &map, &fields) || !senml_resolve(&r->base, &fields, ret)) {
		r->failed = true;
		return false;
	}
	if (!r->is_indefinite)
		r->left--;
	*ret_has_value = fields.has_value;
	return true;
}

/* ---- writing ---- */

static void write_number(struct writer *w, double real)
{
	struct value value = value_float(real), integer;
	if (value_convert(&value, VALUE_INTEGER, &integer))
		cbor_write_integer(w, integer.integer);
	else
		cbor_write_double(w, real);
}

static void write_value(struct writer *w, const struct value *value)
{
	uint8_t text[16];
	struct writer link = writer_of(text, sizeof text);
	switch (value->type) {
	case VALUE_NONE:
		cbor_write_integer(w, LABEL_VALUE);
		cbor_write_null(w);
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
		cbor_write_integer(w, LABEL_STRING);
		cbor_write_text(w, value->bytes);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		cbor_write_integer(w, LABEL_VALUE);
		cbor_write_integer(w, value->integer);
		break;
	case VALUE_UNSIGNED:
		cbor_write_integer(w, LABEL_VALUE);
		cbor_write_unsigned(w, value->natural);
		break;
	case VALUE_FLOAT:
		cbor_write_integer(w, LABEL_VALUE);
		cbor_write_double(w, value->real);
		break;
	case VALUE_BOOLEAN:
		cbor_write_integer(w, LABEL_BOOLEAN);
		cbor_write_boolean(w, value->boolean);
		break;
	case VALUE_OPAQUE:
		cbor_write_integer(w, LABEL_DATA);
		cbor_write_bytes(w, value->bytes);
		break;
	case VALUE_OBJLNK:
		cbor_write_text(w, bytes_of_text("vlo"));
		value_write_objlnk(&link, value->objlnk);
		cbor_write_text(w, writer_bytes(&link));
		break;
	}
}

/* Base fields stand in the first record only. Times are written relative to the first one's. */
struct pack {
	struct bytes prefix;
	struct path base;
	enum senml_none none;
	bool is_first;
	double base_time_s;
};

static void write_record(struct writer *w, struct pack *pack, const struct record *record)
{
	uint8_t base_text[SENML_NAME_BYTES], text[SENML_NAME_BYTES];
	struct bytes base_name =
		pack->is_first ? senml_base_name(pack->prefix, pack->base, record->path, base_text) : BYTES_NONE;
	struct bytes name = senml_name(pack->base, record->path, text);
	bool has_base_time = pack->is_first && record->has_time;
	if (has_base_time)
		pack->base_time_s = record->time_s;
	double time_s = record->has_time ? record->time_s - pack->base_time_s : 0;
	bool has_time = time_s < 0 || time_s > 0;
	bool has_value = record->value.type != VALUE_NONE || pack->none == SENML_NONE_NULL;
	pack->is_first = false;

	cbor_write_map(w, (uint64_t)(base_name.len > 0) + has_base_time + (name.len > 0) + has_time +
				  (record->unit.len > 0) + has_value);
	if (base_name.len > 0) {
		cbor_write_integer(w, LABEL_BASE_NAME);
		cbor_write_text(w, base_name);
	}
	if (has_base_time) {
		cbor_write_integer(w, LABEL_BASE_TIME);
		write_number(w, record->time_s);
	}
	if (name.len > 0) {
		cbor_write_integer(w, LABEL_NAME);
		cbor_write_text(w, name);
	}
	if (has_time) {
		cbor_write_integer(w, LABEL_TIME);
		write_number(w, time_s);
	}
	if (record->unit.len > 0) {
		cbor_write_integer(w, LABEL_UNIT);
		cbor_write_text(w, record->unit);
	}
	if (has_value)
		write_value(w, &record->value);
}

void senml_cbor_write(struct writer *w, struct bytes prefix, struct path base, const struct record *records,
	size_t count, enum senml_none none)
{
	struct pack pack = {.prefix = prefix, .base = base, .none = none, .is_first = true};
	cbor_write_array(w, senml_count(records, count, none));
	for (size_t i = 0; i < count; i++)
		if (none != SENML_NONE_LEFT_OUT || records[i].value.type != VALUE_NONE)
			write_record(w, &pack, &records[i]);
}
