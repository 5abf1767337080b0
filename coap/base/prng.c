/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/prng.h"

#include <assert.h>

static uint32_t rotate(uint32_t word, int bits)
{
	return word << bits | word >> (32 - bits);
}

static void quarter_round(uint32_t s[16], int a, int b, int c, int d)
{
	s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b], s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d], s[b] = rotate(s[b] ^ s[c], 7);
}

/* RFC 8439 section 2.3, with a 64-bit counter and a zero nonce. */
static void chacha_block(const uint32_t key[8], uint64_t counter, uint32_t out[16])
{
	uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	memcpy(start + 4, key, 32);
	start[12] = (uint32_t)counter;
	start[13] = (uint32_t)(counter >> 32);
	memcpy(out, start, sizeof start);
	for (int round = 0; round < 10; round++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += start[i];
}

/* The first half of a block becomes the next key, the second half is handed out. */
static void refill(struct prng *p)
{
	uint32_t block[16];
	chacha_block(p->key, p->counter++, block);
	memcpy(p->key, block, 32);
	memcpy(p->pool + 32, block + 8, 32);
	p->left = 32;
}

void prng_init(struct prng *p, const uint8_t seed[PRNG_SEED_BYTES])
{
	memset(p, 0, sizeof *p);
	memcpy(p->key, seed, PRNG_SEED_BYTES);
}

void prng_init_number(struct prng *p, uint64_t number)
{
	uint8_t seed[PRNG_SEED_BYTES] = {0};
	memcpy(seed, &number, sizeof number);
	prng_init(p, seed);
}

void prng_fill(struct prng *p, void *out, size_t len)
{
	uint8_t *at = out;
	while (len > 0) {
		if (p->left == 0)
			refill(p);
		size_t step = len < p->left ? len : p->left;
		uint8_t *from = p->pool + sizeof p->pool - p->left;
		memcpy(at, from, step);
		memset(from, 0, step);
		p->left = (uint8_t)(p->left - step);
		at += step;
		len -= step;
	}
}

uint32_t prng_u32(struct prng *p)
{
	uint32_t value;
	prng_fill(p, &value, sizeof value);
	return value;
}

uint64_t prng_u64(struct prng *p)
{
	uint64_t value;
	prng_fill(p, &value, sizeof value);
	return value;
}

uint32_t prng_below(struct prng *p, uint32_t bound)
{
	assert(bound > 0);
	uint32_t refuse_below = (0u - bound) % bound; /* what would make small results likelier */
	uint32_t value;
	do
		value = prng_u32(p);
	while (value < refuse_below);
	return value % bound;
}
