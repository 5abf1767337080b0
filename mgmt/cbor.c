/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libcbor calls one function per kind of item; all of ours store into the item that the context points to. */
#include "mgmt/cbor.h"

#include <cbor.h>
#include <math.h>

#define NESTING_MAX 8

/* ---- one item ---- */

static void item_number(void *context, enum cbor_kind kind, uint64_t number)
{
	struct cbor_item *item = context;
	item->kind = kind;
	item->number = number;
}

static void on_unsigned8(void *context, uint8_t number)
{
	item_number(context, CBOR_UNSIGNED, number);
}

static void on_unsigned16(void *context, uint16_t number)
{
	item_number(context, CBOR_UNSIGNED, number);
}

static void on_unsigned32(void *context, uint32_t number)
{
	item_number(context, CBOR_UNSIGNED, number);
}

static void on_unsigned64(void *context, uint64_t number)
{
	item_number(context, CBOR_UNSIGNED, number);
}

static void on_negative8(void *context, uint8_t number)
{
	item_number(context, CBOR_NEGATIVE, number);
}

static void on_negative16(void *context, uint16_t number)
{
	item_number(context, CBOR_NEGATIVE, number);
}

static void on_negative32(void *context, uint32_t number)
{
	item_number(context, CBOR_NEGATIVE, number);
}

static void on_negative64(void *context, uint64_t number)
{
	item_number(context, CBOR_NEGATIVE, number);
}

static void on_bytes(void *context, cbor_data data, size_t len)
{
	struct cbor_item *item = context;
	item_number(item, CBOR_BYTES, len);
	item->bytes = bytes_of(data, len);
}

static void on_text(void *context, cbor_data data, size_t len)
{
	struct cbor_item *item = context;
	item_number(item, CBOR_TEXT, len);
	item->bytes = bytes_of(data, len);
}

static void item_indefinite(void *context, enum cbor_kind kind)
{
	struct cbor_item *item = context;
	item->kind = kind;
	item->is_indefinite = true;
}

static void on_bytes_start(void *context)
{
	item_indefinite(context, CBOR_BYTES);
}

static void on_text_start(void *context)
{
	item_indefinite(context, CBOR_TEXT);
}

static void on_array_start(void *context)
{
	item_indefinite(context, CBOR_ARRAY);
}

static void on_map_start(void *context)
{
	item_indefinite(context, CBOR_MAP);
}

static void on_array(void *context, size_t count)
{
	item_number(context, CBOR_ARRAY, count);
}

static void on_map(void *context, size_t count)
{
	item_number(context, CBOR_MAP, count);
}

static void on_tag(void *context, uint64_t number)
{
	item_number(context, CBOR_TAG, number);
}

static void on_single(void *context, float real)
{
	struct cbor_item *item = context;
	item->kind = CBOR_FLOAT;
	item->real = (double)real;
}

static void on_double(void *context, double real)
{
	struct cbor_item *item = context;
	item->kind = CBOR_FLOAT;
	item->real = real;
}

static void on_boolean(void *context, bool boolean)
{
	struct cbor_item *item = context;
	item->kind = CBOR_BOOLEAN;
	item->boolean = boolean;
}

static void on_null(void *context)
{
	((struct cbor_item *)context)->kind = CBOR_NULL;
}

static void on_undefined(void *context)
{
	((struct cbor_item *)context)->kind = CBOR_UNDEFINED;
}

static void on_break(void *context)
{
	((struct cbor_item *)context)->kind = CBOR_BREAK;
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_unsigned8,
	.uint16 = on_unsigned16,
	.uint32 = on_unsigned32,
	.uint64 = on_unsigned64,
	.negint8 = on_negative8,
	.negint16 = on_negative16,
	.negint32 = on_negative32,
	.negint64 = on_negative64,
	.byte_string_start = on_bytes_start,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_text_start,
	.indef_array_start = on_array_start,
	.array_start = on_array,
	.indef_map_start = on_map_start,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_single,
	.float4 = on_single,
	.float8 = on_double,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_boolean,
	.indef_break = on_break,
};

/* RFC 8949 section 4.2.1: the argument of the head is no longer than its value needs. */
static bool head_is_shortest(uint8_t head, uint64_t number)
{
	switch (head & 0x1f) {
	case 24:
		return number >= 24;
	case 25:
		return number > UINT8_MAX;
	case 26:
		return number > UINT16_MAX;
	case 27:
		return number > UINT32_MAX;
	default:
		return true;
	}
}

/* Tags of one byte are read here: some versions of libcbor take those without a registered meaning for errors. */
static bool next_short_tag(struct cbor_reader *r, struct cbor_item *item)
{
	if (cbor_left(r) == 0 || *r->at < 0xc0 || *r->at > 0xd7)
		return false;
	item_number(item, CBOR_TAG, *r->at & 0x1f);
	item->is_shortest = true;
	r->at++;
	return true;
}

bool cbor_next(struct cbor_reader *r, struct cbor_item *ret)
{
	struct cbor_item item = {.kind = CBOR_UNDEFINED};
	if (r->failed)
		return false;
	if (next_short_tag(r, &item)) {
		*ret = item;
		return true;
	}
	struct cbor_decoder_result result = {.status = CBOR_DECODER_NEDATA};
	if (cbor_left(r) > 0)
		result = cbor_stream_decode(r->at, cbor_left(r), &callbacks, &item);
	if (result.status != CBOR_DECODER_FINISHED || result.read == 0 || result.read > cbor_left(r)) {
		r->failed = true;
		return false;
	}
	item.is_shortest = item.kind == CBOR_FLOAT || head_is_shortest(*r->at, item.number);
	r->at += result.read;
	*ret = item;
	return true;
}

/* ---- skipping and joining ---- */

static bool skip(struct cbor_reader *r, const struct cbor_item *item, unsigned nesting);

static bool skip_next(struct cbor_reader *r, unsigned nesting, bool *ret_was_break)
{
	struct cbor_item item;
	if (!cbor_next(r, &item))
		return false;
	*ret_was_break = item.kind == CBOR_BREAK;
	return *ret_was_break || skip(r, &item, nesting);
}

static bool skip_elements(struct cbor_reader *r, const struct cbor_item *item, unsigned nesting)
{
	/* A count beyond what is left is a lie; this also keeps twice the count from wrapping. */
	uint64_t left = item->number;
	bool was_break = false;
	if (item->kind != CBOR_TAG && !item->is_indefinite && left > cbor_left(r))
		return false;
	if (item->kind == CBOR_MAP)
		left *= 2;
	if (item->kind == CBOR_TAG)
		left = 1;
	for (uint64_t i = 0; item->is_indefinite || i < left; i++) {
		if (!skip_next(r, nesting - 1, &was_break))
			return false;
		if (was_break)
			return item->is_indefinite && (item->kind != CBOR_MAP || i % 2 == 0);
	}
	return true;
}

static bool skip_chunks(struct cbor_reader *r, const struct cbor_item *string)
{
	struct cbor_item chunk;
	while (cbor_next(r, &chunk) && chunk.kind != CBOR_BREAK)
		if (chunk.kind != string->kind || chunk.is_indefinite)
			return false;
	return !r->failed;
}

static bool skip(struct cbor_reader *r, const struct cbor_item *item, unsigned nesting)
{
	switch (item->kind) {
	case CBOR_ARRAY:
	case CBOR_MAP:
	case CBOR_TAG:
		return nesting > 0 && skip_elements(r, item, nesting);
	case CBOR_BYTES:
	case CBOR_TEXT:
		return !item->is_indefinite || skip_chunks(r, item);
	case CBOR_BREAK:
		return false;
	case CBOR_UNSIGNED:
	case CBOR_NEGATIVE:
	case CBOR_FLOAT:
	case CBOR_BOOLEAN:
	case CBOR_NULL:
	case CBOR_UNDEFINED:
		return true;
	}
	return false;
}

bool cbor_skip(struct cbor_reader *r, const struct cbor_item *item)
{
	if (!r->failed && !skip(r, item, NESTING_MAX))
		r->failed = true;
	return !r->failed;
}

bool cbor_string(
	struct cbor_reader *r, const struct cbor_item *item, struct arena *scratch, struct bytes *ret, bool *ret_full)
{
	struct cbor_item chunk;
	if (!item->is_indefinite) {
		*ret = item->bytes;
		return true;
	}
	struct writer w = arena_writer(scratch);
	while (cbor_next(r, &chunk) && chunk.kind != CBOR_BREAK) {
		if (chunk.kind != item->kind || chunk.is_indefinite)
			r->failed = true;
		else
			write_bytes(&w, chunk.bytes);
	}
	if (r->failed || w.failed) {
		*ret_full = w.failed;
		r->failed = true;
		return false;
	}
	arena_keep(scratch, &w);
	*ret = writer_bytes(&w);
	return true;
}

/* ---- strict reading ---- */

static struct cbor_item read_kind(struct cbor_reader *r, enum cbor_kind kind)
{
	struct cbor_item item = {.kind = kind};
	if (!cbor_next(r, &item) || item.kind != kind || item.is_indefinite || !item.is_shortest) {
		r->failed = true;
		return (struct cbor_item){.kind = kind, .bytes = BYTES_NONE};
	}
	return item;
}

uint64_t cbor_read_unsigned(struct cbor_reader *r)
{
	return read_kind(r, CBOR_UNSIGNED).number;
}

int64_t cbor_read_integer(struct cbor_reader *r)
{
	struct cbor_item item = {.kind = CBOR_UNDEFINED};
	bool is_integer = cbor_next(r, &item) && (item.kind == CBOR_UNSIGNED || item.kind == CBOR_NEGATIVE);
	if (!is_integer || !item.is_shortest || item.number > INT64_MAX) {
		r->failed = true;
		return 0;
	}
	return item.kind == CBOR_UNSIGNED ? (int64_t)item.number : -1 - (int64_t)item.number;
}

struct bytes cbor_read_bytes(struct cbor_reader *r)
{
	return read_kind(r, CBOR_BYTES).bytes;
}

struct bytes cbor_read_text(struct cbor_reader *r)
{
	return read_kind(r, CBOR_TEXT).bytes;
}

uint64_t cbor_read_array(struct cbor_reader *r)
{
	return read_kind(r, CBOR_ARRAY).number;
}

uint64_t cbor_read_map(struct cbor_reader *r)
{
	return read_kind(r, CBOR_MAP).number;
}

uint64_t cbor_read_tag(struct cbor_reader *r)
{
	return read_kind(r, CBOR_TAG).number;
}

void cbor_read_null(struct cbor_reader *r)
{
	read_kind(r, CBOR_NULL);
}

void cbor_read_end(struct cbor_reader *r)
{
	if (cbor_left(r) > 0)
		r->failed = true;
}

/* ---- writing ---- */

static void write_head(struct writer *w, unsigned major, uint64_t number)
{
	uint8_t head = (uint8_t)(major << 5);
	if (number < 24) {
		write_u8(w, (uint8_t)(head | number));
	} else if (number <= UINT8_MAX) {
		write_u8(w, head | 24);
		write_u8(w, (uint8_t)number);
	} else if (number <= UINT16_MAX) {
		write_u8(w, head | 25);
		write_u16(w, (uint16_t)number);
	} else if (number <= UINT32_MAX) {
		write_u8(w, head | 26);
		write_u32(w, (uint32_t)number);
	} else {
		write_u8(w, head | 27);
		write_u64(w, number);
	}
}

void cbor_write_unsigned(struct writer *w, uint64_t number)
{
	write_head(w, 0, number);
}

void cbor_write_integer(struct writer *w, int64_t number)
{
	if (number >= 0)
		write_head(w, 0, (uint64_t)number);
	else
		write_head(w, 1, (uint64_t)(-1 - number));
}

void cbor_write_bytes_head(struct writer *w, uint64_t len)
{
	write_head(w, 2, len);
}

void cbor_write_bytes(struct writer *w, struct bytes bytes)
{
	write_head(w, 2, bytes.len);
	write_bytes(w, bytes);
}

void cbor_write_text(struct writer *w, struct bytes text)
{
	write_head(w, 3, text.len);
	write_bytes(w, text);
}

void cbor_write_array(struct writer *w, uint64_t count)
{
	write_head(w, 4, count);
}

void cbor_write_map(struct writer *w, uint64_t count)
{
	write_head(w, 5, count);
}

void cbor_write_tag(struct writer *w, uint64_t number)
{
	write_head(w, 6, number);
}

void cbor_write_boolean(struct writer *w, bool boolean)
{
	write_u8(w, boolean ? 0xf5 : 0xf4);
}

void cbor_write_null(struct writer *w)
{
	write_u8(w, 0xf6);
}

/* The half of a single (RFC 8949 appendix D read backwards); false when it would lose a bit. */
static bool half_of_single(uint32_t single, uint16_t *ret)
{
	uint32_t sign = single >> 16 & 0x8000, fraction = single & 0x7fffff;
	int exponent = (int)(single >> 23 & 0xff) - 127;
	uint32_t half;
	if (exponent == -127 && fraction == 0) {
		half = 0;
	} else if (exponent == 128 && fraction == 0) {
		half = 0x7c00;
	} else if (exponent >= -14 && exponent <= 15 && (fraction & 0x1fff) == 0) {
		half = (uint32_t)(exponent + 15) << 10 | fraction >> 13;
	} else if (exponent >= -24 && exponent < -14) {
		uint32_t whole = fraction | 0x800000, shift = (uint32_t)(-1 - exponent);
		if ((whole & ((1u << shift) - 1)) != 0)
			return false;
		half = whole >> shift;
	} else {
		return false;
	}
	*ret = (uint16_t)(sign | half);
	return true;
}

void cbor_write_double(struct writer *w, double real)
{
	uint32_t single_bits;
	uint64_t double_bits;
	uint16_t half;
	if (isnan(real)) {
		write_u8(w, 0xf9);
		write_u16(w, 0x7e00);
		return;
	}
	float single = (float)real;
	memcpy(&single_bits, &single, sizeof single_bits);
	memcpy(&double_bits, &real, sizeof double_bits);
	bool is_single = !((double)single < real) && !((double)single > real);
	if (is_single && half_of_single(single_bits, &half)) {
		write_u8(w, 0xf9);
		write_u16(w, half);
	} else if (is_single) {
		write_u8(w, 0xfa);
		write_u32(w, single_bits);
	} else {
		write_u8(w, 0xfb);
		write_u64(w, double_bits);
	}
}
