/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/bytes.h"

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	uint8_t difference = 0;
	for (size_t i = 0; i < a.len; i++)
		difference |= (uint8_t)(a.data[i] ^ b.data[i]);
	return difference == 0;
}

void bytes_clear(void *memory, size_t len)
{
	static const uint8_t zeros[512];
	uint8_t *at = memory;
	while (len > 0) {
		size_t part = len < sizeof zeros ? len : sizeof zeros;
		if (memcmp(at, zeros, part) != 0)
			memset(at, 0, part);
		at += part;
		len -= part;
	}
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_up_to_8(const uint8_t *data, size_t len)
{
	uint64_t word = 0;
	bytes_copy((uint8_t *)&word, data, len < 8 ? len : 8);
	return word;
}

/* Multiply-and-fold over 64-bit words, in the manner of the wyhash family. The constants are the first digits of
 * pi's and e's fractional parts, made odd. */
uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
	uint64_t hash = seed ^ 0x243f6a8885a308d3u;
	size_t done = 0;
	for (; b.len - done > 8; done += 8)
		hash = mix(hash ^ load_up_to_8(b.data + done, 8), 0xb7e151628aed2a6bu);
	if (b.len > done)
		hash ^= load_up_to_8(b.data + done, b.len - done);
	return mix(hash ^ b.len, 0xb7e151628aed2a6bu);
}

struct bytes read_bytes(struct reader *r, size_t len)
{
	if (r->failed || reader_left(r) < len) {
		r->failed = true;
		r->at = r->end;
		return BYTES_NONE;
	}
	struct bytes b = {r->at, len};
	if (len > 0)
		r->at += len;
	return b;
}

/* Of a width that the compiler knows it makes a load and a swap. */
static inline __attribute__((always_inline)) uint64_t read_number(struct reader *r, size_t width)
{
	struct bytes b = read_bytes(r, width);
	uint64_t value = 0;
	if (b.len != width)
		return 0;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | b.data[i];
	return value;
}

uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_number(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_number(r, 2);
}

uint32_t read_u24(struct reader *r)
{
	return (uint32_t)read_number(r, 3);
}

uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_number(r, 4);
}

uint64_t read_u48(struct reader *r)
{
	return read_number(r, 6);
}

uint64_t read_u64(struct reader *r)
{
	return read_number(r, 8);
}

void write_bytes(struct writer *w, struct bytes b)
{
	if (w->failed || writer_left(w) < b.len) {
		w->failed = true;
		return;
	}
	bytes_copy(w->at, b.data, b.len);
	w->at += b.len;
}

void write_text(struct writer *w, const char *text)
{
	write_bytes(w, bytes_of_text(text));
}

/* Of a width that the compiler knows it makes a swap and a store. */
static inline __attribute__((always_inline)) void write_number(struct writer *w, uint64_t value, size_t width)
{
	if (w->failed || writer_left(w) < width) {
		w->failed = true;
		return;
	}
	uint8_t *at = w->at;
	for (size_t i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	w->at = at + width;
}

void write_u8(struct writer *w, uint8_t value)
{
	write_number(w, value, 1);
}

void write_u16(struct writer *w, uint16_t value)
{
	write_number(w, value, 2);
}

void write_u24(struct writer *w, uint32_t value)
{
	write_number(w, value, 3);
}

void write_u32(struct writer *w, uint32_t value)
{
	write_number(w, value, 4);
}

void write_u48(struct writer *w, uint64_t value)
{
	write_number(w, value, 6);
}

void write_u64(struct writer *w, uint64_t value)
{
	write_number(w, value, 8);
}

void write_decimal(struct writer *w, uint64_t value)
{
	uint8_t digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	write_bytes(w, bytes_of(digits + at, sizeof digits - at));
}

void write_decimal_signed(struct writer *w, int64_t value)
{
	if (value < 0)
		write_u8(w, '-');
	write_decimal(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void write_hex(struct writer *w, struct bytes b)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < b.len; i++) {
		write_u8(w, (uint8_t)digits[b.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[b.data[i] & 15]);
	}
}

bool parse_decimal(struct bytes text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(text.data[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool parse_hex(struct bytes text, void *out, size_t capacity, size_t *ret_len)
{
	if (text.len % 2 != 0 || text.len / 2 > capacity)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (hex_digit(text.data[i]) < 0)
			return false;
	uint8_t *bytes = out;
	for (size_t i = 0; i < text.len / 2; i++)
		/* NOLINTNEXTLINE: every digit has been looked at above, none is negative */
		bytes[i] = (uint8_t)(hex_digit(text.data[2 * i]) << 4 | hex_digit(text.data[2 * i + 1]));
	*ret_len = text.len / 2;
	return true;
}
