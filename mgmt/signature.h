/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to hashing and signatures that manifests need. signature_wolfcrypt implements it over wolfCrypt; a
 * simulation may implement it without any cryptography.
 *
 * Who may sign is the port's business: it holds the trust anchors and answers for them as one. */
#pragma once

#include "coap/base/bytes.h"

#define SIGNATURE_BYTES   64 /* ES256: r and s, 32 bytes each; Ed25519: R and S */
#define SIGNATURE_KEY_MAX 64 /* public key: ES256: x and y; Ed25519: 32 bytes */
#define SHA256_BYTES      32

/* The numbers are those of COSE (RFC 9053 section 2). */
enum signature_algorithm {
	SIGNATURE_ES256 = -7, /* ECDSA with SHA-256 over P-256 */
	SIGNATURE_EDDSA = -8, /* over Ed25519 */
};

struct signature_port {
	void *context;
	void (*sha256)(void *context, struct bytes data, uint8_t ret[SHA256_BYTES]);
	/* Whether one of the trust anchors that use `algorithm` made this signature over the message. */
	bool (*verify)(void *context, enum signature_algorithm algorithm, struct bytes message, struct bytes signature);
};

/* One secret key, offline. */
struct signer_port {
	void *context;
	enum signature_algorithm algorithm;
	bool (*sign)(void *context, struct bytes message, uint8_t ret[SIGNATURE_BYTES]);
};

static inline bool signature_algorithm_is_known(int64_t number)
{
	return number == SIGNATURE_ES256 || number == SIGNATURE_EDDSA;
}
