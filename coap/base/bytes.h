/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Spans of memory, and the two cursors all wire work is done with.
 *
 * A `struct bytes` is borrowed: it is valid until the function that received it returns, unless a header says
 * longer. To keep is to copy. The cursors are sticky: after the first read past the end, or write past the
 * capacity, `failed` is set, reads give zero and writes do nothing; so a parser is a straight line with one check
 * at its end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data; /* may be NULL only when len is 0 */
	size_t len;
};

#define BYTES_NONE ((struct bytes){NULL, 0})

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){data, len};
}

/* The text without its terminating zero. For literals, the length is known to the compiler. */
static inline struct bytes bytes_of_text(const char *text)
{
	size_t len = 0;
	if (__builtin_constant_p(__builtin_strlen(text)))
		return (struct bytes){(const uint8_t *)text, __builtin_strlen(text)};
	while (text[len] != '\0')
		len++;
	return (struct bytes){(const uint8_t *)text, len};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_text(text));
}

/* The part that begins at `offset`; empty when the offset is behind the end. */
static inline struct bytes bytes_from(struct bytes b, size_t offset)
{
	return offset >= b.len ? BYTES_NONE : (struct bytes){b.data + offset, b.len - offset};
}

static inline struct bytes bytes_first(struct bytes b, size_t len)
{
	return (struct bytes){b.data, b.len < len ? b.len : len};
}

/* Compares in a time that depends on the lengths alone; for MACs, tokens and other secrets. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

/* A 64-bit hash (wyhash-like mixing) for hash tables; `seed` keeps peers from choosing collisions. */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

/* Copies what is usually short: up to 16 bytes without a call, and never a byte more than `len` is read or written. */
static inline void bytes_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t head, tail;
	uint32_t head4, tail4;
	if (len > 16) {
		memcpy(to, from, len);
	} else if (len >= 8) { /* two words that overlap */
		memcpy(&head, from, 8);
		memcpy(&tail, from + len - 8, 8);
		memcpy(to, &head, 8);
		memcpy(to + len - 8, &tail, 8);
	} else if (len >= 4) {
		memcpy(&head4, from, 4);
		memcpy(&tail4, from + len - 4, 4);
		memcpy(to, &head4, 4);
		memcpy(to + len - 4, &tail4, 4);
	} else if (len > 0) {
		to[0] = from[0];
		to[len / 2] = from[len / 2];
		to[len - 1] = from[len - 1];
	}
}

/* Makes it zero, and writes only where it is not: what comes fresh from the system is zero, and a large table of which
 * little is ever used then costs addresses and no memory. */
void bytes_clear(void *memory, size_t len);

/* A reader over borrowed bytes. Numbers are big endian. */
struct reader {
	const uint8_t *at, *end;
	bool failed;
};

/* An empty span may lie at NULL, to which C does not allow even zero to be added. */
static inline struct reader reader_of(struct bytes b)
{
	return (struct reader){b.data, b.len > 0 ? b.data + b.len : b.data, false};
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* The next `len` bytes as a view; BYTES_NONE and failed when there are fewer. */
struct bytes read_bytes(struct reader *r, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u24(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u48(struct reader *r);
uint64_t read_u64(struct reader *r);

/* A writer into the caller's buffer. Numbers are big endian. */
struct writer {
	uint8_t *start, *at, *end;
	bool failed;
};

static inline struct writer writer_of(void *buffer, size_t capacity)
{
	uint8_t *start = buffer;
	return (struct writer){start, start, capacity > 0 ? start + capacity : start, false};
}

static inline size_t writer_left(const struct writer *w)
{
	return (size_t)(w->end - w->at);
}

/* What has been written so far; only of use while `failed` is not set. */
static inline struct bytes writer_bytes(const struct writer *w)
{
	return (struct bytes){w->start, (size_t)(w->at - w->start)};
}

void write_bytes(struct writer *w, struct bytes b);
void write_text(struct writer *w, const char *text);
void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u24(struct writer *w, uint32_t value);
void write_u32(struct writer *w, uint32_t value);
void write_u48(struct writer *w, uint64_t value);
void write_u64(struct writer *w, uint64_t value);
/* Decimal digits, no leading zeros. */
void write_decimal(struct writer *w, uint64_t value);
void write_decimal_signed(struct writer *w, int64_t value);
/* Lower-case hexadecimal, two digits a byte. */
void write_hex(struct writer *w, struct bytes b);

/* Reads decimal digits that fill `text` wholly; false on anything else and on overflow past `max`. */
bool parse_decimal(struct bytes text, uint64_t max, uint64_t *ret);
/* Reads hexadecimal that fills `text` wholly into `out` of `capacity` bytes. */
bool parse_hex(struct bytes text, void *out, size_t capacity, size_t *ret_len);
