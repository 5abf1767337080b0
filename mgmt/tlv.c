/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/tlv.h"

enum tlv_kind { TLV_INSTANCE = 0, TLV_MEMBER = 1, TLV_MULTIPLE = 2, TLV_RESOURCE = 3 };

struct tlv_entry {
	enum tlv_kind kind;
	uint16_t id;
	struct bytes value;
};

/* ---- reading ---- */

static bool read_entry(struct tlv_level *level, struct tlv_entry *ret)
{
	struct reader r = {level->at, level->end, false};
	uint8_t type = read_u8(&r);
	ret->kind = (enum tlv_kind)(type >> 6);
	ret->id = (type & 0x20) != 0 ? read_u16(&r) : read_u8(&r);
	uint8_t length_bytes = type >> 3 & 3;
	uint32_t len = type & 7;
	if (length_bytes == 1)
		len = read_u8(&r);
	else if (length_bytes == 2)
		len = read_u16(&r);
	else if (length_bytes == 3)
		len = read_u24(&r);
	ret->value = read_bytes(&r, len);
	if (r.failed || ret->id > PATH_ID_MAX)
		return false;
	level->at = r.at;
	return true;
}

/* Whether the number is new on its level. Senders write in ascending order, so looking back is rare. */
static bool note_sibling(struct tlv_level *level, const uint8_t *entry, uint16_t id)
{
	struct tlv_entry other;
	struct tlv_level before = {.at = level->start, .end = entry};
	if (++level->count > TLV_SIBLINGS_MAX)
		return false;
	if (id > level->highest) {
		level->highest = id;
		return true;
	}
	while (before.at < before.end)
		if (!read_entry(&before, &other) || other.id == id)
			return false;
	return true;
}

static void enter_level(struct tlv_reader *r, enum tlv_depth depth, struct bytes body)
{
	r->depth = depth;
	r->levels[depth] = (struct tlv_level){.start = body.data,
		.at = body.data,
		.end = body.len == 0 ? body.data : body.data + body.len,
		.highest = -1};
}

static enum tlv_depth depth_of(enum tlv_kind kind)
{
	return kind == TLV_INSTANCE ? TLV_INSTANCES : kind == TLV_MEMBER ? TLV_MEMBERS : TLV_RESOURCES;
}

/* The first entry tells on which level the body begins. What stands above that level comes from the base. */
static bool choose_top(struct tlv_reader *r)
{
	uint8_t depth = r->base.depth;
	struct bytes body = bytes_of(r->levels[0].start, (size_t)(r->levels[0].end - r->levels[0].start));
	enum tlv_depth top = depth == 1 ? TLV_INSTANCES : depth == 4 ? TLV_MEMBERS : TLV_RESOURCES;
	if (body.len > 0)
		top = depth_of((enum tlv_kind)(body.data[0] >> 6));
	if ((top == TLV_INSTANCES && depth > 2) || (top == TLV_MEMBERS && depth < 3))
		return false;
	uint8_t above = (uint8_t)(top + 1);
	r->path = path_cut(r->base, above);
	if (r->path.depth < above) {
		r->path.ids[1] = PATH_ID_NONE;
		r->path.depth = 2;
	}
	r->top = top;
	enter_level(r, top, body);
	return true;
}

void tlv_reader_init(struct tlv_reader *r, struct path base, struct bytes body, const struct model *model)
{
	*r = (struct tlv_reader){.base = base, .model = model};
	enter_level(r, TLV_INSTANCES, body);
	r->failed = base.depth == 0 || !choose_top(r);
}

static bool is_compatible(struct path path, struct path base)
{
	bool is_assigned = base.depth == 1 && path.ids[0] == base.ids[0];
	return is_assigned || path_is_within(path, base) || path_is_within(base, path);
}

static bool read_value(struct tlv_reader *r, struct bytes octets, struct record *ret)
{
	*ret = record_of(r->path, value_none());
	return path_is_within(r->path, r->base) && tlv_decode_value(octets, model_type(r->model, r->path), &ret->value);
}

/* Takes one entry of the level the reader is in. True with `*ret_is_record` when it is a value. */
static bool take_entry(struct tlv_reader *r, struct record *ret, bool *ret_is_record)
{
	struct tlv_level *level = &r->levels[r->depth];
	const uint8_t *start = level->at;
	struct tlv_entry entry;
	if (!read_entry(level, &entry) || depth_of(entry.kind) != r->depth || !note_sibling(level, start, entry.id))
		return false;
	r->path = path_cut(r->path, (uint8_t)(r->depth + 1));
	r->path.ids[r->path.depth++] = entry.id;
	if (!is_compatible(r->path, r->base))
		return false;
	*ret_is_record = true;
	switch (entry.kind) {
	case TLV_INSTANCE:
		*ret_is_record = false;
		enter_level(r, TLV_RESOURCES, entry.value);
		return true;
	case TLV_MULTIPLE:
		*ret_is_record = entry.value.len == 0;
		*ret = record_of(r->path, value_none());
		enter_level(r, TLV_MEMBERS, entry.value);
		return !*ret_is_record || path_is_within(r->path, r->base);
	case TLV_MEMBER:
	case TLV_RESOURCE:
		return read_value(r, entry.value, ret);
	}
	return false;
}

bool tlv_next(struct tlv_reader *r, struct record *ret)
{
	bool is_record = false;
	while (!r->failed && !is_record) {
		if (r->levels[r->depth].at < r->levels[r->depth].end)
			r->failed = !take_entry(r, ret, &is_record);
		else if (r->depth == r->top)
			return false;
		else
			r->depth--;
	}
	return !r->failed;
}

/* ---- values ---- */

static bool decode_unsigned(struct bytes octets, uint64_t *ret)
{
	if (octets.len != 1 && octets.len != 2 && octets.len != 4 && octets.len != 8)
		return false;
	*ret = 0;
	for (size_t i = 0; i < octets.len; i++)
		*ret = *ret << 8 | octets.data[i];
	return true;
}

static bool decode_integer(struct bytes octets, int64_t *ret)
{
	uint64_t bits;
	if (!decode_unsigned(octets, &bits))
		return false;
	uint64_t sign = (uint64_t)1 << (octets.len * 8 - 1);
	*ret = (int64_t)((bits ^ sign) - sign);
	return true;
}

static bool decode_float(struct bytes octets, double *ret)
{
	uint64_t bits;
	if (octets.len < 4 || !decode_unsigned(octets, &bits))
		return false;
	if (octets.len == 4) {
		uint32_t single_bits = (uint32_t)bits;
		float single;
		memcpy(&single, &single_bits, sizeof single);
		*ret = (double)single;
	} else {
		memcpy(ret, &bits, sizeof bits);
	}
	return true;
}

bool tlv_decode_value(struct bytes octets, enum value_type type, struct value *ret)
{
	struct value value = {.type = type};
	bool fits = false;
	switch (type) {
	case VALUE_NONE:
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
	case VALUE_OPAQUE:
		value.bytes = octets;
		fits = type == VALUE_OPAQUE || value_is_utf8(octets);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		fits = decode_integer(octets, &value.integer);
		break;
	case VALUE_UNSIGNED:
		fits = decode_unsigned(octets, &value.natural);
		break;
	case VALUE_FLOAT:
		fits = decode_float(octets, &value.real);
		break;
	case VALUE_BOOLEAN:
		fits = octets.len == 1 && octets.data[0] <= 1;
		value.boolean = fits && octets.data[0] == 1;
		break;
	case VALUE_OBJLNK:
		fits = octets.len == 4;
		if (fits)
			value.objlnk = (struct value_link){(uint16_t)(octets.data[0] << 8 | octets.data[1]),
				(uint16_t)(octets.data[2] << 8 | octets.data[3])};
		break;
	}
	if (fits)
		*ret = value;
	return fits;
}

static void write_integer(struct writer *w, int64_t number)
{
	if (number >= INT8_MIN && number <= INT8_MAX)
		write_u8(w, (uint8_t)number);
	else if (number >= INT16_MIN && number <= INT16_MAX)
		write_u16(w, (uint16_t)number);
	else if (number >= INT32_MIN && number <= INT32_MAX)
		write_u32(w, (uint32_t)number);
	else
		write_u64(w, (uint64_t)number);
}

static void write_unsigned(struct writer *w, uint64_t number)
{
	if (number <= UINT8_MAX)
		write_u8(w, (uint8_t)number);
	else if (number <= UINT16_MAX)
		write_u16(w, (uint16_t)number);
	else if (number <= UINT32_MAX)
		write_u32(w, (uint32_t)number);
	else
		write_u64(w, number);
}

static void write_float(struct writer *w, double real)
{
	float single = (float)real;
	if (!((double)single < real) && !((double)single > real)) {
		uint32_t bits;
		memcpy(&bits, &single, sizeof bits);
		write_u32(w, bits);
	} else {
		uint64_t bits;
		memcpy(&bits, &real, sizeof bits);
		write_u64(w, bits);
	}
}

void tlv_encode_value(struct writer *w, const struct value *value)
{
	switch (value->type) {
	case VALUE_NONE:
		break;
	case VALUE_STRING:
	case VALUE_CORELNK:
	case VALUE_OPAQUE:
		write_bytes(w, value->bytes);
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		write_integer(w, value->integer);
		break;
	case VALUE_UNSIGNED:
		write_unsigned(w, value->natural);
		break;
	case VALUE_FLOAT:
		write_float(w, value->real);
		break;
	case VALUE_BOOLEAN:
		write_u8(w, value->boolean);
		break;
	case VALUE_OBJLNK:
		write_u16(w, value->objlnk.object);
		write_u16(w, value->objlnk.instance);
		break;
	}
}

/* ---- writing ---- */

static void write_head(struct writer *w, enum tlv_kind kind, uint16_t id, size_t len)
{
	unsigned type = (unsigned)kind << 6 | (id > UINT8_MAX ? 0x20u : 0);
	type |= len <= 7 ? (unsigned)len : len <= UINT8_MAX ? 0x08u : len <= UINT16_MAX ? 0x10u : 0x18u;
	write_u8(w, (uint8_t)type);
	if (id > UINT8_MAX)
		write_u16(w, id);
	else
		write_u8(w, (uint8_t)id);
	if (len > UINT16_MAX)
		write_u24(w, (uint32_t)len);
	else if (len > UINT8_MAX)
		write_u16(w, (uint16_t)len);
	else if (len > 7)
		write_u8(w, (uint8_t)len);
}

/* The length of a TLV stands before its value and has itself no fixed length. So the value is written first, from
 * `start` on, and moved when its head is known; each byte moves at most twice. */
static void put_head(struct writer *w, uint8_t *start, enum tlv_kind kind, uint16_t id)
{
	uint8_t head[6];
	struct writer h = writer_of(head, sizeof head);
	if (w->failed)
		return;
	size_t len = (size_t)(w->at - start);
	write_head(&h, kind, id, len);
	size_t head_len = writer_bytes(&h).len;
	if (len > 0xffffff || writer_left(w) < head_len) {
		w->failed = true;
		return;
	}
	memmove(start + head_len, start, len);
	memcpy(start, head, head_len);
	w->at += head_len;
}

static void write_value(struct writer *w, enum tlv_kind kind, uint16_t id, const struct value *value)
{
	uint8_t *start = w->at;
	tlv_encode_value(w, value);
	put_head(w, start, kind, id);
}

/* How many records from the first on share its path up to `depth`. */
static size_t count_family(const struct record *records, size_t count, uint8_t depth)
{
	size_t n = 1;
	while (n < count && path_equal(path_cut(records[n].path, depth), path_cut(records[0].path, depth)))
		n++;
	return n;
}

static size_t write_resource(struct writer *w, uint8_t base_depth, const struct record *records, size_t count)
{
	uint16_t id = records[0].path.ids[2];
	if (records[0].path.depth == 3) {
		write_value(
			w, records[0].value.type == VALUE_NONE ? TLV_MULTIPLE : TLV_RESOURCE, id, &records[0].value);
		return 1;
	}
	uint8_t *start = w->at;
	size_t n = count_family(records, count, 3);
	for (size_t i = 0; i < n; i++)
		write_value(w, TLV_MEMBER, records[i].path.ids[3], &records[i].value);
	if (base_depth < PATH_DEPTH_MAX)
		put_head(w, start, TLV_MULTIPLE, id);
	return n;
}

static size_t write_instance(struct writer *w, uint8_t base_depth, const struct record *records, size_t count)
{
	uint8_t *start = w->at;
	size_t n = count_family(records, count, 2);
	for (size_t i = 0; i < n;)
		i += write_resource(w, base_depth, records + i, n - i);
	if (base_depth == 1 && records[0].path.ids[1] != PATH_ID_NONE)
		put_head(w, start, TLV_INSTANCE, records[0].path.ids[1]);
	return n;
}

void tlv_write(struct writer *w, struct path base, const struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].path.depth < 3 || !path_is_within(records[i].path, base) ||
			(i > 0 && path_compare(records[i - 1].path, records[i].path) >= 0))
			w->failed = true;
	for (size_t i = 0; i < count && !w->failed;)
		i += write_instance(w, base.depth, records + i, count - i);
}
