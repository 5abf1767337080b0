/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/siphash.h"

/* The paper's v0 to v3. */
struct state {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static uint64_t read_little(const uint8_t *at, size_t len)
{
	uint64_t word = 0;
	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

static void rounds(struct state *s, int count)
{
	uint64_t *v = s->v;
	while (count-- > 0) {
		v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
		v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
	}
}

static void compress(struct state *s, uint64_t word)
{
	s->v[3] ^= word;
	rounds(s, 2);
	s->v[0] ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_BYTES], struct bytes b)
{
	uint64_t k0 = read_little(key, 8), k1 = read_little(key + 8, 8);
	struct state s = {{k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)}};
	size_t whole = b.len & ~(size_t)7;
	for (size_t at = 0; at < whole; at += 8)
		compress(&s, read_little(b.data + at, 8));
	compress(&s, read_little(b.len > 0 ? b.data + whole : b.data, b.len - whole) | (uint64_t)b.len << 56);
	s.v[2] ^= 0xff;
	rounds(&s, 4);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}
