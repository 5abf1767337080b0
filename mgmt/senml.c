/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/senml.h"

bool senml_resolve(struct senml_base *base, const struct senml_fields *fields, struct record *ret)
{
	uint8_t text[PATH_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	struct record record = {.value = fields->value};
	if (fields->has_base_name)
		base->name = fields->base_name;
	if (fields->has_base_time) {
		base->time_s = fields->base_time_s;
		base->has_time = true;
	}
	write_bytes(&w, base->name);
	if (fields->has_name)
		write_bytes(&w, fields->name);
	if (w.failed || !path_parse(writer_bytes(&w), &record.path))
		return false;
	record.has_time = base->has_time || fields->has_time;
	record.time_s = (base->has_time ? base->time_s : 0) + (fields->has_time ? fields->time_s : 0);
	*ret = record;
	return true;
}

size_t senml_count(const struct record *records, size_t count, enum senml_none none)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (none != SENML_NONE_LEFT_OUT || records[i].value.type != VALUE_NONE)
			n++;
	return n;
}

struct bytes senml_base_name(struct path base, struct path first, uint8_t *text)
{
	struct writer w = writer_of(text, PATH_TEXT_BYTES + 1);
	if (base.depth == 0)
		return BYTES_NONE;
	path_write(&w, base);
	if (first.depth > base.depth)
		write_u8(&w, '/');
	return writer_bytes(&w);
}

/* The base name ends in a slash when something follows it, so the name begins without one. */
struct bytes senml_name(struct path base, struct path path, uint8_t *text)
{
	struct writer w = writer_of(text, PATH_TEXT_BYTES + 1);
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
