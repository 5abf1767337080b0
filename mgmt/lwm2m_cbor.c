/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/lwm2m_cbor.h"

#include "mgmt/cbor_value.h"

#define RESOURCE_DEPTH 3

void lwm2m_cbor_reader_init(struct lwm2m_cbor_reader *r, struct path base, struct bytes body, struct arena *scratch)
{
	*r = (struct lwm2m_cbor_reader){.cbor = cbor_reader_of(body), .base = base, .scratch = scratch};
}

/* ---- reading ---- */

static bool add_id(struct path *path, const struct cbor_item *item)
{
	return item->kind == CBOR_UNSIGNED && item->number <= PATH_ID_MAX && path_add(path, (uint16_t)item->number);
}

/* A key is one id or an array of at least one. */
static bool read_key(struct lwm2m_cbor_reader *r, const struct cbor_item *key)
{
	struct cbor_item item;
	if (key->kind != CBOR_ARRAY)
		return add_id(&r->path, key);
	for (uint64_t i = 0; key->is_indefinite || i < key->number; i++) {
		if (!cbor_next(&r->cbor, &item))
			return false;
		if (item.kind == CBOR_BREAK)
			return key->is_indefinite && i > 0;
		if (!add_id(&r->path, &item))
			return false;
	}
	return key->number > 0;
}

/* The path of a value, relative ones brought below the base. */
static bool place(const struct lwm2m_cbor_reader *r, struct path *ret)
{
	struct path path = r->base;
	if (r->path.depth >= RESOURCE_DEPTH) {
		*ret = r->path;
		return true;
	}
	if (path.depth == 1) {
		path.ids[1] = PATH_ID_NONE;
		path.depth = 2;
	}
	for (uint8_t i = 0; i < r->path.depth; i++)
		if (!path_add(&path, r->path.ids[i]))
			return false;
	*ret = path;
	return path.depth >= RESOURCE_DEPTH;
}

/* Absolute and relative paths in one body could mean the same resource twice. */
static bool is_of_one_kind(struct lwm2m_cbor_reader *r)
{
	bool is_relative = r->path.depth < RESOURCE_DEPTH, is_first = !r->has_value;
	r->has_value = true;
	if (is_first)
		r->is_relative = is_relative;
	return r->is_relative == is_relative;
}

static bool push(struct lwm2m_cbor_reader *r, const struct cbor_item *map)
{
	if (r->level_count == PATH_DEPTH_MAX || r->path.depth == PATH_DEPTH_MAX)
		return false;
	r->levels[r->level_count++] = (struct lwm2m_cbor_level){map->number, map->is_indefinite, r->path.depth};
	return true;
}

static bool is_empty_map(const struct lwm2m_cbor_reader *r, const struct cbor_item *item)
{
	bool has_break = item->is_indefinite && cbor_left(&r->cbor) > 0 && *r->cbor.at == 0xff;
	return item->kind == CBOR_MAP && (has_break || (!item->is_indefinite && item->number == 0));
}

/* What stands behind a key: a map to go into, or a value. `*ret_is_value` tells which. */
static bool read_entry(struct lwm2m_cbor_reader *r, struct record *ret, bool *ret_is_value)
{
	struct cbor_item item;
	if (!cbor_next(&r->cbor, &item))
		return false;
	struct record record = {.value = value_none()};
	bool is_placed = place(r, &record.path);
	*ret_is_value = false;
	if (item.kind == CBOR_MAP) {
		*ret_is_value = is_placed && record.path.depth == RESOURCE_DEPTH && is_empty_map(r, &item);
		*ret = record;
		return (!*ret_is_value || is_of_one_kind(r)) && push(r, &item);
	}
	if (!is_placed || !is_of_one_kind(r) || !cbor_value_read(&r->cbor, &item, r->scratch, &record.value, &r->full))
		return false;
	*ret_is_value = true;
	*ret = record;
	return record.value.type != VALUE_NONE || record.path.depth == PATH_DEPTH_MAX;
}

/* Goes to the next key, out of maps that have ended. False at the end of all and at a fault. */
static bool next_key(struct lwm2m_cbor_reader *r, struct cbor_item *ret)
{
	while (r->level_count > 0) {
		struct lwm2m_cbor_level *level = &r->levels[r->level_count - 1];
		r->path = path_cut(r->path, level->depth);
		if (level->is_indefinite || level->left > 0) {
			if (!cbor_next(&r->cbor, ret)) {
				r->failed = true;
				return false;
			}
			if (!level->is_indefinite || ret->kind != CBOR_BREAK) {
				level->left -= !level->is_indefinite;
				return true;
			}
		}
		r->level_count--;
	}
	r->failed = r->failed || cbor_left(&r->cbor) > 0;
	return false;
}

static bool start(struct lwm2m_cbor_reader *r)
{
	struct cbor_item item;
	r->is_started = true;
	return cbor_next(&r->cbor, &item) && item.kind == CBOR_MAP && push(r, &item);
}

bool lwm2m_cbor_next(struct lwm2m_cbor_reader *r, struct record *ret)
{
	struct cbor_item key;
	bool is_value = false;
	if (!r->failed && !r->is_started)
		r->failed = !start(r);
	while (!is_value && !r->failed && next_key(r, &key))
		r->failed = !read_key(r, &key) || !read_entry(r, ret, &is_value);
	return is_value && !r->failed;
}

/* ---- writing ---- */

/* In order, and none below another, so that groups of neighbours make maps. */
static bool is_a_tree(const struct record *records, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (path_compare(records[i - 1].path, records[i].path) >= 0 ||
			path_is_within(records[i].path, records[i - 1].path))
			return false;
	return true;
}

static void write_leaf(struct writer *w, const struct record *record)
{
	if (record->value.type == VALUE_NONE && record->path.depth == RESOURCE_DEPTH)
		cbor_write_map(w, 0);
	else
		cbor_value_write(w, &record->value);
}

static void write_key(struct writer *w, struct path path, uint8_t from, uint8_t to)
{
	if (to - from > 1)
		cbor_write_array(w, (uint64_t)(to - from));
	for (uint8_t i = from; i < to; i++)
		cbor_write_unsigned(w, path.ids[i]);
}

/* How many of the records share the id at `depth` with the first. */
static size_t group_length(const struct record *records, size_t count, uint8_t depth)
{
	size_t n = 1;
	while (n < count && records[n].path.ids[depth] == records[0].path.ids[depth])
		n++;
	return n;
}

/* Up to where a group's paths are one key. Resource instances always have a map of their own. */
static uint8_t key_end(const struct record *records, size_t count, uint8_t depth)
{
	struct path first = records[0].path, last = records[count - 1].path;
	uint8_t end = depth + 1u > RESOURCE_DEPTH ? PATH_DEPTH_MAX : (uint8_t)(depth + 1);
	while (end < RESOURCE_DEPTH && first.ids[end] == last.ids[end])
		end++;
	return end;
}

/* The records, in ascending order, have the first `depth` ids in common. */
static void write_map(struct writer *w, const struct record *records, size_t count, uint8_t depth)
{
	uint64_t groups = 0;
	for (size_t i = 0; i < count; i += group_length(records + i, count - i, depth))
		groups++;
	cbor_write_map(w, groups);
	for (size_t i = 0; i < count;) {
		size_t n = group_length(records + i, count - i, depth);
		uint8_t end = key_end(records + i, n, depth);
		write_key(w, records[i].path, depth, end);
		if (n == 1 && records[i].path.depth == end)
			write_leaf(w, &records[i]);
		else
			write_map(w, records + i, n, end);
		i += n;
	}
}

void lwm2m_cbor_write(struct writer *w, const struct record *records, size_t count)
{
	uint8_t from = count > 0 && records[0].path.ids[1] == PATH_ID_NONE ? 2 : 0;
	if (is_a_tree(records, count)) {
		write_map(w, records, count, from);
		return;
	}
	cbor_write_map(w, count);
	for (size_t i = 0; i < count; i++) {
		write_key(w, records[i].path, from, records[i].path.depth);
		write_leaf(w, &records[i]);
	}
}
