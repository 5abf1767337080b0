/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/path.h"

bool path_add(struct path *path, uint16_t id)
{
	if (path->depth == PATH_DEPTH_MAX || id > PATH_ID_MAX)
		return false;
	path->ids[path->depth++] = id;
	return true;
}

bool path_add_segment(struct path *path, struct bytes segment)
{
	uint64_t id;
	if (segment.len > 1 && segment.data[0] == '0')
		return false;
	return parse_decimal(segment, PATH_ID_MAX, &id) && path_add(path, (uint16_t)id);
}

bool path_parse(struct bytes text, struct path *ret)
{
	struct path path = PATH_ROOT;
	if (text.len == 0 || text.len > PATH_TEXT_BYTES || text.data[0] != '/')
		return false;
	size_t start = 1;
	while (start < text.len || path.depth > 0) {
		size_t end = start;
		while (end < text.len && text.data[end] != '/')
			end++;
		if (!path_add_segment(&path, bytes_of(text.data + start, end - start)))
			return false;
		if (end == text.len)
			break;
		start = end + 1;
	}
	*ret = path;
	return true;
}

/* ---- alternate paths ---- */

/* Takes "/segment" off the text; empty when the text does not begin with one. */
static struct bytes take_segment(struct bytes *text)
{
	size_t end = 1;
	if (text->len == 0 || text->data[0] != '/')
		return BYTES_NONE;
	while (end < text->len && text->data[end] != '/')
		end++;
	struct bytes segment = bytes_of(text->data + 1, end - 1);
	*text = bytes_from(*text, end);
	return segment;
}

static bool is_number(struct bytes segment)
{
	for (size_t i = 0; i < segment.len; i++)
		if (segment.data[i] < '0' || segment.data[i] > '9')
			return false;
	return true;
}

/* What stands for itself in a URI (RFC 3986 section 2.3), so that nothing has to be decoded. */
static bool is_plain(struct bytes segment)
{
	for (size_t i = 0; i < segment.len; i++) {
		uint8_t c = segment.data[i], letter = c | 0x20;
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_' &&
			c != '~')
			return false;
	}
	return true;
}

bool path_is_prefix(struct bytes text)
{
	bool is_good = text.len > 0 && text.len <= PATH_PREFIX_MAX;
	while (is_good && text.len > 0) {
		struct bytes segment = take_segment(&text);
		is_good = segment.len > 0 && !is_number(segment) && is_plain(segment);
	}
	return is_good;
}

struct bytes path_without_prefix(struct bytes text)
{
	struct bytes rest = text;
	for (;;) {
		struct bytes segment = take_segment(&rest);
		if (is_number(segment))
			return text;
		text = rest;
	}
}

/* ---- writing and comparing ---- */

void path_write(struct writer *w, struct path path)
{
	if (path.depth == 0)
		write_u8(w, '/');
	for (uint8_t i = 0; i < path.depth; i++) {
		write_u8(w, '/');
		write_decimal(w, path.ids[i]);
	}
}

bool path_equal(struct path a, struct path b)
{
	return a.depth == b.depth && path_is_within(a, b);
}

int path_compare(struct path a, struct path b)
{
	for (uint8_t i = 0; i < a.depth && i < b.depth; i++)
		if (a.ids[i] != b.ids[i])
			return a.ids[i] < b.ids[i] ? -1 : 1;
	return (int)a.depth - (int)b.depth;
}

bool path_is_within(struct path path, struct path ancestor)
{
	if (path.depth < ancestor.depth)
		return false;
	for (uint8_t i = 0; i < ancestor.depth; i++)
		if (path.ids[i] != ancestor.ids[i])
			return false;
	return true;
}

struct path path_cut(struct path path, uint8_t depth)
{
	while (path.depth > depth)
		path.ids[--path.depth] = 0;
	return path;
}
