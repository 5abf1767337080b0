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
