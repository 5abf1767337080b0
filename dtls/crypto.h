/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to the primitives that the record layer and the cookies need. wolfCrypt implements it
 * (crypto_wolfcrypt.h); a simulation may implement it without any cryptography.
 *
 * Keys are raw bytes and are set up anew for each record: that costs less than 0.1 us where the processor has AES
 * instructions, and saves 336 bytes and more for each idle session. */
#pragma once

#include "coap/base/bytes.h"

#define DTLS_KEY_BYTES     16
#define DTLS_NONCE_BYTES   12
#define DTLS_TAG_MAX_BYTES 16
#define DTLS_MAC_BYTES     32

enum dtls_aead {
	DTLS_AEAD_AES_128_CCM_8, /* RFC 6655: 8 bytes of tag; the one that RFC 7252 section 9.1.3 makes mandatory */
	DTLS_AEAD_AES_128_GCM,   /* RFC 5288: 16 bytes of tag */
};

static inline size_t dtls_aead_tag_bytes(enum dtls_aead aead)
{
	return aead == DTLS_AEAD_AES_128_CCM_8 ? 8 : 16;
}

struct dtls_crypto {
	void *context;
	/* Encrypts `len` bytes of `text` in place and writes dtls_aead_tag_bytes() of tag. False when the library
	 * refuses, which the record layer treats like a datagram that could not be sent. */
	bool (*seal)(void *context, enum dtls_aead aead, const uint8_t key[DTLS_KEY_BYTES],
		const uint8_t nonce[DTLS_NONCE_BYTES], struct bytes additional, uint8_t *text, size_t len,
		uint8_t *tag);
	/* Decrypts in place. False when the tag does not fit; `text` is then undefined. */
	bool (*open)(void *context, enum dtls_aead aead, const uint8_t key[DTLS_KEY_BYTES],
		const uint8_t nonce[DTLS_NONCE_BYTES], struct bytes additional, uint8_t *text, size_t len,
		const uint8_t *tag);
	/* HMAC-SHA-256 (RFC 2104) over the parts one after the other. */
	bool (*mac)(void *context, struct bytes key, const struct bytes *parts, size_t count,
		uint8_t ret_mac[DTLS_MAC_BYTES]);
};
