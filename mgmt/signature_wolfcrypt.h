/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Hashes, signatures and keys by wolfCrypt (edge): the signature port over a list of trust anchors, the signer over one
 * secret key, a streaming SHA-256 for images, and the making of keys. ECDSA nonces and new keys come from wolfCrypt's
 * generator, which is seeded by the kernel. */
#pragma once

#include "mgmt/trust.h"

/* The port answers for these anchors; they are borrowed for the life of the port. */
struct signature_port signature_wolfcrypt_port(const struct trust_anchors *anchors);
/* Signs with `secret`, borrowed for the life of the port. */
struct signer_port signature_wolfcrypt_signer(const struct trust_key *secret);

/* A fresh pair of keys with the name. False when the library refuses. */
bool signature_wolfcrypt_generate(enum signature_algorithm algorithm, const char *name, struct trust_key *ret_secret,
	struct trust_key *ret_public);
/* The public key that belongs to a secret one. */
bool signature_wolfcrypt_public(const struct trust_key *secret, struct trust_key *ret_public);

/* SHA-256 as a stream, in the caller's storage. */
struct sha256_stream {
	_Alignas(16) uint8_t storage[256];
};

void sha256_stream_init(struct sha256_stream *s);
void sha256_stream_add(struct sha256_stream *s, struct bytes data);
/* The digest of all that was added; the stream is then done. */
void sha256_stream_end(struct sha256_stream *s, uint8_t ret[SHA256_BYTES]);
