/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/sealing.h"

#define AEAD      DTLS_AEAD_AES_128_GCM
#define TAG_BYTES 16

_Static_assert(SEALING_MORE_BYTES == DTLS_NONCE_BYTES + TAG_BYTES, "nonce and tag");

bool sealing_begin(struct sealing *s, const struct dtls_crypto *crypto, const uint8_t secret[SEALING_SECRET_BYTES],
	const uint8_t seed[PRNG_SEED_BYTES])
{
	uint8_t mac[DTLS_MAC_BYTES];
	struct bytes purpose = bytes_of_text("Fieldfare secrets at rest");
	s->crypto = *crypto;
	prng_init(&s->chance, seed);
	if (!crypto->mac(crypto->context, bytes_of(secret, SEALING_SECRET_BYTES), &purpose, 1, mac))
		return false;
	memcpy(s->key, mac, sizeof s->key);
	return true;
}

void sealing_write(struct sealing *s, struct bytes owner, struct bytes text, struct writer *w)
{
	uint8_t nonce[DTLS_NONCE_BYTES], copy[SEALING_TEXT_MAX], tag[TAG_BYTES];
	prng_fill(&s->chance, nonce, sizeof nonce);
	if (text.len > sizeof copy) {
		w->failed = true;
		return;
	}
	memcpy(copy, text.data, text.len);
	if (!s->crypto.seal(s->crypto.context, AEAD, s->key, nonce, owner, copy, text.len, tag)) {
		w->failed = true;
		return;
	}
	write_bytes(w, bytes_of(nonce, sizeof nonce));
	write_bytes(w, bytes_of(copy, text.len));
	write_bytes(w, bytes_of(tag, sizeof tag));
}

bool sealing_open(const struct sealing *s, struct bytes owner, struct bytes sealed, uint8_t *ret_text, size_t len)
{
	if (sealed.len != len + SEALING_MORE_BYTES)
		return false;
	memcpy(ret_text, sealed.data + DTLS_NONCE_BYTES, len);
	return s->crypto.open(s->crypto.context, AEAD, s->key, sealed.data, owner, ret_text, len,
		sealed.data + DTLS_NONCE_BYTES + len);
}
