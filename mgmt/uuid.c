/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/uuid.h"

#define SHA1_BYTES       20
#define SHA1_BLOCK_BYTES 64

/* ---- SHA-1 (RFC 3174), of two spans one after the other ---- */

struct sha1 {
	uint32_t state[5];
	uint8_t block[SHA1_BLOCK_BYTES];
	uint64_t len;
};

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

static void sha1_block(struct sha1 *s)
{
	uint32_t words[80], v[5];
	struct reader r = reader_of(bytes_of(s->block, sizeof s->block));
	for (unsigned i = 0; i < 16; i++)
		words[i] = read_u32(&r);
	for (unsigned i = 16; i < 80; i++)
		words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
	memcpy(v, s->state, sizeof v);
	for (unsigned i = 0; i < 80; i++) {
		uint32_t next = rotate(v[0], 5) + mix(i, v[1], v[2], v[3]) + v[4] + words[i];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotate(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (unsigned i = 0; i < 5; i++)
		s->state[i] += v[i];
}

static void sha1_add(struct sha1 *s, struct bytes data)
{
	for (size_t i = 0; i < data.len; i++) {
		s->block[s->len++ % SHA1_BLOCK_BYTES] = data.data[i];
		if (s->len % SHA1_BLOCK_BYTES == 0)
			sha1_block(s);
	}
}

static void sha1_end(struct sha1 *s, uint8_t ret[SHA1_BYTES])
{
	static const uint8_t marker = 0x80, zero = 0;
	uint8_t length[8];
	struct writer w = writer_of(length, sizeof length);
	write_u64(&w, s->len * 8);
	sha1_add(s, bytes_of(&marker, 1));
	while (s->len % SHA1_BLOCK_BYTES != SHA1_BLOCK_BYTES - sizeof length)
		sha1_add(s, bytes_of(&zero, 1));
	sha1_add(s, writer_bytes(&w));
	w = writer_of(ret, SHA1_BYTES);
	for (unsigned i = 0; i < 5; i++)
		write_u32(&w, s->state[i]);
}

/* ---- UUIDs ---- */

void uuid_named(const uint8_t space[UUID_BYTES], struct bytes name, uint8_t ret[UUID_BYTES])
{
	struct sha1 s = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
	uint8_t digest[SHA1_BYTES];
	sha1_add(&s, bytes_of(space, UUID_BYTES));
	sha1_add(&s, name);
	sha1_end(&s, digest);
	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
	memcpy(ret, digest, UUID_BYTES);
}

void uuid_vendor(struct bytes domain, uint8_t ret[UUID_BYTES])
{
	static const uint8_t dns[UUID_BYTES] = {
		0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	uuid_named(dns, domain, ret);
}

void uuid_class(const uint8_t vendor[UUID_BYTES], struct bytes name, uint8_t ret[UUID_BYTES])
{
	uuid_named(vendor, name, ret);
}

static bool is_hyphen_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool uuid_parse(struct bytes text, uint8_t ret[UUID_BYTES])
{
	struct reader r = reader_of(text);
	uint8_t uuid[UUID_BYTES];
	size_t len;
	if (text.len != UUID_TEXT_BYTES)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (is_hyphen_before(i) && read_u8(&r) != '-')
			return false;
		if (!parse_hex(read_bytes(&r, 2), uuid + i, 1, &len))
			return false;
	}
	memcpy(ret, uuid, UUID_BYTES);
	return true;
}

void uuid_write(struct writer *w, const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (is_hyphen_before(i))
			write_u8(w, '-');
		write_hex(w, bytes_of(uuid + i, 1));
	}
}
