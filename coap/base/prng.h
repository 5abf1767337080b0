/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Chance as a parameter: a ChaCha20 generator (RFC 8439 block function) that its owner seeds once, from the
 * kernel's randomness in a daemon and from the world's number in a simulation. What it gives is unpredictable to
 * anyone without the seed, so tokens, Message-IDs and cookies may be drawn from it (RFC 7252 section 11.4 names the
 * risk of guessable tokens). After each refill the key is replaced by its own output, so that a later look at
 * the memory does not tell what was drawn before. */
#pragma once

#include "coap/base/bytes.h"

#define PRNG_SEED_BYTES 32

struct prng {
	uint32_t key[8];
	uint64_t counter;
	uint8_t pool[64]; /* the second half holds what is handed out */
	uint8_t left;     /* unused bytes at the end of pool */
};

void prng_init(struct prng *p, const uint8_t seed[PRNG_SEED_BYTES]);
/* For simulations and tests: the seed is the number. */
void prng_init_number(struct prng *p, uint64_t number);

void prng_fill(struct prng *p, void *out, size_t len);
uint32_t prng_u32(struct prng *p);
uint64_t prng_u64(struct prng *p);
/* Evenly from 0 to bound - 1; bound is at least 1. */
uint32_t prng_below(struct prng *p, uint32_t bound);
