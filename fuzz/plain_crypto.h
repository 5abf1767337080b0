/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port dtls/crypto.h without cryptography: everything opens, so that what is behind a seal is reached. */
#pragma once

#include "dtls/crypto.h"

static inline bool plain_seal(void *context, enum dtls_aead aead, const uint8_t *key, const uint8_t *nonce,
	struct bytes additional, uint8_t *text, size_t len, uint8_t *tag)
{
	(void)context, (void)aead, (void)key, (void)nonce, (void)additional, (void)text, (void)len, (void)tag;
	return true;
}

static inline bool plain_open(void *context, enum dtls_aead aead, const uint8_t *key, const uint8_t *nonce,
	struct bytes additional, uint8_t *text, size_t len, const uint8_t *tag)
{
	(void)context, (void)aead, (void)key, (void)nonce, (void)additional, (void)text, (void)len, (void)tag;
	return true;
}

static inline bool plain_mac(
	void *context, struct bytes key, const struct bytes *parts, size_t count, uint8_t ret[DTLS_MAC_BYTES])
{
	(void)context, (void)key, (void)parts, (void)count;
	memset(ret, 0, DTLS_MAC_BYTES);
	return true;
}

static const struct dtls_crypto plain_crypto = {.seal = plain_seal, .open = plain_open, .mac = plain_mac};
