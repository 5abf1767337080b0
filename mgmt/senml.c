/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/senml.h"

/* Whole numbers stay whole where 64 bits hold the sum. */
static void add_base_value(const struct value *base, struct value *value)
{
	int64_t sum;
	double a, b;
	if (base->type == VALUE_INTEGER && value->type == VALUE_INTEGER &&
		!__builtin_add_overflow(base->integer, value->integer, &sum))
		*value = value_integer(sum);
	else if (value_number(base, &a) && value_number(value, &b))
		*value = value_float(a + b);
}

static void take_base(struct senml_base *base, const struct senml_fields *fields)
{
	if (fields->has_base_name)
		base->name = fields->base_name;
	if (fields->has_base_time) {
		base->time_s = fields->base_time_s;
		base->has_time = true;
	}
	if (fields->has_base_unit)
		base->unit = fields->base_unit;
	if (fields->has_base_value)
		base->value = fields->base_value;
}

bool senml_resolve(struct senml_base *base, const struct senml_fields *fields, struct record *ret)
{
	uint8_t text[PATH_PREFIX_MAX + PATH_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	struct record record = {.value = fields->value};
	take_base(base, fields);
	write_bytes(&w, base->name);
	if (fields->has_name)
		write_bytes(&w, fields->name);
	struct bytes name = base->may_have_prefix ? path_without_prefix(writer_bytes(&w)) : writer_bytes(&w);
	if (w.failed || !path_parse(name, &record.path))
		return false;
	record.has_time = base->has_time || fields->has_time;
	record.time_s = (base->has_time ? base->time_s : 0) + (fields->has_time ? fields->time_s : 0);
	record.unit = fields->has_unit ? fields->unit : base->unit;
	add_base_value(&base->value, &record.value);
	*ret = record;
	return value_is_utf8(record.unit);
}

size_t senml_count(const struct record *records, size_t count, enum senml_none none)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (none != SENML_NONE_LEFT_OUT || records[i].value.type != VALUE_NONE)
			n++;
	return n;
}

struct bytes senml_base_name(struct bytes prefix, struct path base, struct path first, uint8_t text[SENML_NAME_BYTES])
{
	struct writer w = writer_of(text, SENML_NAME_BYTES);
	write_bytes(&w, prefix);
	if (base.depth > 0)
		path_write(&w, base);
	if (base.depth > 0 && first.depth > base.depth)
		write_u8(&w, '/');
	return writer_bytes(&w);
}

/* The base name ends in a slash when something follows it, so the name begins without one. */
struct bytes senml_name(struct path base, struct path path, uint8_t text[SENML_NAME_BYTES])
{
	struct writer w = writer_of(text, SENML_NAME_BYTES);
	if (base.depth == 0) {
		path_write(&w, path);
		return writer_bytes(&w);
	}
	for (uint8_t i = base.depth; i < path.depth; i++) {
		if (i > base.depth)
			write_u8(&w, '/');
		write_decimal(&w, path.ids[i]);
	}
	return writer_bytes(&w);
}
