/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A cursor over CBOR (RFC 8949), one item at a time, on top of libcbor's streaming decoder, and the writer.
 *
 * The reader is sticky: after the first fault it fails for good. cbor_next hands out heads: of an array, its count; of
 * a tag, its number; what is inside follows with the next calls. The cbor_read_ functions are for strict documents
 * (manifests): they take exactly the asked kind, in its shortest form and of definite length. */
#pragma once

#include "coap/base/arena.h"

enum cbor_kind {
	CBOR_UNSIGNED,
	CBOR_NEGATIVE, /* the value is -1 - number */
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_TAG,
	CBOR_FLOAT,
	CBOR_BOOLEAN,
	CBOR_NULL,
	CBOR_UNDEFINED,
	CBOR_BREAK,
};

struct cbor_item {
	enum cbor_kind kind;
	bool is_indefinite; /* BYTES, TEXT, ARRAY, MAP: chunks or elements follow until BREAK */
	bool is_shortest;   /* the head has the shortest form there is */
	bool boolean;
	uint64_t number;    /* UNSIGNED, NEGATIVE, TAG; the count of ARRAY and MAP */
	double real;        /* FLOAT */
	struct bytes bytes; /* BYTES and TEXT of definite length: a view */
};

struct cbor_reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct cbor_reader cbor_reader_of(struct bytes body)
{
	return (struct cbor_reader){body.data, body.len == 0 ? body.data : body.data + body.len, false};
}

static inline size_t cbor_left(const struct cbor_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* The next head; false at the end of the input, which is a fault, and after any fault. */
bool cbor_next(struct cbor_reader *r, struct cbor_item *ret);
/* Skips what belongs to the item just read; nesting is limited to 8. */
bool cbor_skip(struct cbor_reader *r, const struct cbor_item *item);
/* The whole of a text or byte string whose head was just read; chunks are joined in the scratch. `*ret_full` tells that
 * the scratch was too small. */
bool cbor_string(
	struct cbor_reader *r, const struct cbor_item *item, struct arena *scratch, struct bytes *ret, bool *ret_full);

/* ---- strict reading; zero or BYTES_NONE when `failed` ---- */

uint64_t cbor_read_unsigned(struct cbor_reader *r);
int64_t cbor_read_integer(struct cbor_reader *r);
struct bytes cbor_read_bytes(struct cbor_reader *r);
struct bytes cbor_read_text(struct cbor_reader *r);
uint64_t cbor_read_array(struct cbor_reader *r);
uint64_t cbor_read_map(struct cbor_reader *r);
uint64_t cbor_read_tag(struct cbor_reader *r);
void cbor_read_null(struct cbor_reader *r);
/* Sets `failed` unless everything has been read. */
void cbor_read_end(struct cbor_reader *r);

/* ---- writing: deterministic, shortest forms (RFC 8949 section 4.2.1) ---- */

void cbor_write_unsigned(struct writer *w, uint64_t number);
void cbor_write_integer(struct writer *w, int64_t number);
void cbor_write_bytes(struct writer *w, struct bytes bytes);
void cbor_write_text(struct writer *w, struct bytes text);
void cbor_write_array(struct writer *w, uint64_t count);
void cbor_write_map(struct writer *w, uint64_t count);
void cbor_write_tag(struct writer *w, uint64_t number);
void cbor_write_boolean(struct writer *w, bool boolean);
void cbor_write_null(struct writer *w);
/* Half, single or double, whichever is the shortest that is exact. */
void cbor_write_double(struct writer *w, double real);
/* Just the head of a byte string of `len` bytes; the caller writes those. */
void cbor_write_bytes_head(struct writer *w, uint64_t len);
