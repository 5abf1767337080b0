/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Secrets of others at rest: the keys that the store keeps for devices are sealed in it, so that a copy of the store
 * alone gives nobody away.
 *
 *     nonce (12, of chance) | sealed text | tag (16)
 *
 * AES-128-GCM under a key that comes from the owner's secret (HMAC-SHA-256). What a text belongs to is authenticated
 * with it, so that texts cannot change places. Whoever seals 2^32 texts under one secret comes near to a nonce that
 * comes twice; a fleet does not. */
#pragma once

#include "coap/base/prng.h"
#include "dtls/crypto.h"

#define SEALING_SECRET_BYTES 32
#define SEALING_MORE_BYTES   (12 + 16) /* how much longer it gets */
#define SEALING_TEXT_MAX     256

struct sealing {
	struct dtls_crypto crypto;
	uint8_t key[DTLS_KEY_BYTES];
	struct prng chance;
};

/* False when the library refuses. */
bool sealing_begin(struct sealing *s, const struct dtls_crypto *crypto, const uint8_t secret[SEALING_SECRET_BYTES],
	const uint8_t seed[PRNG_SEED_BYTES]);
/* Writes SEALING_MORE_BYTES more than there are of `text`, at most SEALING_TEXT_MAX. Fails the writer when there is no
 * room, or the library refuses. */
void sealing_write(struct sealing *s, struct bytes owner, struct bytes text, struct writer *w);
/* Opens what belongs to this owner. False when it was sealed under another secret, for another owner, has been altered,
 * or is not as long as this. */
bool sealing_open(const struct sealing *s, struct bytes owner, struct bytes sealed, uint8_t *ret_text, size_t len);
