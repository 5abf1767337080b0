/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/links.h"

/* The first of the marks outside quotes; the length when there is none, SIZE_MAX when a quote is never closed. */
static size_t find_mark(struct bytes text, char mark)
{
	bool is_quoted = false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && text.data[i] == '\\')
			i++;
		else if (!is_quoted && text.data[i] == (uint8_t)mark)
			return i;
	}
	return is_quoted ? SIZE_MAX : text.len;
}

static bool is_attribute_name(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		bool is_mark = c == '<' || c == '>' || c == '"' || c == ',' || c == ';' || c == '=';
		if (c <= ' ' || c >= 0x7f || is_mark)
			return false;
	}
	return name.len > 0;
}

/* Quotes enclose the whole value or are not there. */
static bool strip_quotes(struct bytes *value)
{
	if (value->len == 0 || value->data[0] != '"')
		return value->len == 0 || memchr(value->data, '"', value->len) == NULL;
	if (value->len < 2 || value->data[value->len - 1] != '"')
		return false;
	*value = bytes_of(value->data + 1, value->len - 2);
	for (size_t i = 0; i < value->len; i++) {
		if (value->data[i] == '"')
			return false;
		if (value->data[i] == '\\' && ++i == value->len)
			return false;
	}
	return true;
}

bool links_next_attribute(struct bytes *attributes, struct bytes *ret_name, struct bytes *ret_value)
{
	if (attributes->len == 0 || attributes->data[0] != ';')
		return false;
	struct bytes rest = bytes_from(*attributes, 1);
	size_t len = find_mark(rest, ';');
	if (len == SIZE_MAX)
		return false;
	struct bytes attribute = bytes_first(rest, len);
	size_t equals = find_mark(attribute, '=');
	struct bytes name = bytes_first(attribute, equals);
	struct bytes value = bytes_from(attribute, equals + 1);
	if (!is_attribute_name(name) || !strip_quotes(&value))
		return false;
	*ret_name = name;
	*ret_value = value;
	*attributes = bytes_from(rest, len);
	return true;
}

static bool attributes_are_sound(struct bytes attributes)
{
	struct bytes name, value;
	while (attributes.len > 0)
		if (!links_next_attribute(&attributes, &name, &value))
			return false;
	return true;
}

static bool take_link(struct bytes text, struct link *ret)
{
	const uint8_t *close = text.len == 0 || text.data[0] != '<' ? NULL : memchr(text.data, '>', text.len);
	if (close == NULL)
		return false;
	size_t end = (size_t)(close - text.data);
	ret->target = bytes_of(text.data + 1, end - 1);
	ret->attributes = bytes_from(text, end + 1);
	return attributes_are_sound(ret->attributes);
}

bool links_next(struct links_reader *r, struct link *ret)
{
	if (r->failed || (!r->is_started && r->left.len == 0) || (r->is_started && r->left.len == 0))
		return false;
	struct bytes text = r->left;
	if (r->is_started)
		text = bytes_from(text, 1);
	r->is_started = true;
	/* A comma may stand in a target, so attributes are searched behind the closing bracket. */
	const uint8_t *close = text.len == 0 ? NULL : memchr(text.data, '>', text.len);
	size_t head = close == NULL ? text.len : (size_t)(close - text.data);
	size_t tail = find_mark(bytes_from(text, head), ',');
	if (tail == SIZE_MAX || !take_link(bytes_first(text, head + tail), ret)) {
		r->failed = true;
		return false;
	}
	r->left = bytes_from(text, head + tail);
	return true;
}

bool links_find(const struct link *link, const char *name, struct bytes *ret_value)
{
	struct bytes attributes = link->attributes, found, value;
	while (links_next_attribute(&attributes, &found, &value))
		if (bytes_equal_text(found, name)) {
			*ret_value = value;
			return true;
		}
	return false;
}

/* ---- writing ---- */

void links_write(struct writer *w, struct bytes prefix, struct path path)
{
	if (w->at != w->start)
		write_u8(w, ',');
	write_u8(w, '<');
	write_bytes(w, prefix);
	if (path.depth > 0 || prefix.len == 0)
		path_write(w, path);
	write_u8(w, '>');
}

static void write_name(struct writer *w, const char *name)
{
	write_u8(w, ';');
	write_text(w, name);
	write_u8(w, '=');
}

void links_write_number(struct writer *w, const char *name, uint64_t value)
{
	write_name(w, name);
	write_decimal(w, value);
}

void links_write_quoted(struct writer *w, const char *name, struct bytes value)
{
	write_name(w, name);
	write_u8(w, '"');
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '"' || value.data[i] == '\\')
			write_u8(w, '\\');
		write_u8(w, value.data[i]);
	}
	write_u8(w, '"');
}
