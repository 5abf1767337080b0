/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/crypto_wolfcrypt.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <stdlib.h>

static bool seal(void *context, enum dtls_aead aead, const uint8_t key[DTLS_KEY_BYTES],
	const uint8_t nonce[DTLS_NONCE_BYTES], struct bytes additional, uint8_t *text, size_t len, uint8_t *tag)
{
	Aes *aes = context;
	switch (aead) {
	case DTLS_AEAD_AES_128_CCM_8:
		return wc_AesCcmSetKey(aes, key, DTLS_KEY_BYTES) == 0 &&
		       wc_AesCcmEncrypt(aes, text, text, (word32)len, nonce, DTLS_NONCE_BYTES, tag, 8, additional.data,
			       (word32)additional.len) == 0;
	case DTLS_AEAD_AES_128_GCM:
		return wc_AesGcmSetKey(aes, key, DTLS_KEY_BYTES) == 0 &&
		       wc_AesGcmEncrypt(aes, text, text, (word32)len, nonce, DTLS_NONCE_BYTES, tag, 16, additional.data,
			       (word32)additional.len) == 0;
	}
	return false;
}

static bool open_sealed(void *context, enum dtls_aead aead, const uint8_t key[DTLS_KEY_BYTES],
	const uint8_t nonce[DTLS_NONCE_BYTES], struct bytes additional, uint8_t *text, size_t len, const uint8_t *tag)
{
	Aes *aes = context;
	switch (aead) {
	case DTLS_AEAD_AES_128_CCM_8:
		return wc_AesCcmSetKey(aes, key, DTLS_KEY_BYTES) == 0 &&
		       wc_AesCcmDecrypt(aes, text, text, (word32)len, nonce, DTLS_NONCE_BYTES, tag, 8, additional.data,
			       (word32)additional.len) == 0;
	case DTLS_AEAD_AES_128_GCM:
		return wc_AesGcmSetKey(aes, key, DTLS_KEY_BYTES) == 0 &&
		       wc_AesGcmDecrypt(aes, text, text, (word32)len, nonce, DTLS_NONCE_BYTES, tag, 16, additional.data,
			       (word32)additional.len) == 0;
	}
	return false;
}

static bool mac(
	void *context, struct bytes key, const struct bytes *parts, size_t count, uint8_t ret_mac[DTLS_MAC_BYTES])
{
	(void)context;
	Hmac hmac;
	if (wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0)
		return false;
	bool good = wc_HmacSetKey(&hmac, WC_SHA256, key.data, (word32)key.len) == 0;
	for (size_t i = 0; i < count && good; i++)
		good = wc_HmacUpdate(&hmac, parts[i].data, (word32)parts[i].len) == 0;
	good = good && wc_HmacFinal(&hmac, ret_mac) == 0;
	wc_HmacFree(&hmac);
	return good;
}

bool dtls_crypto_wolfcrypt_init(struct dtls_crypto *ret)
{
	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return false;
	/* wolfCrypt's AES object wants 16-byte alignment for its vector code. */
	Aes *aes = aligned_alloc(64, (sizeof *aes + 63) / 64 * 64);
	if (aes == NULL || wc_AesInit(aes, NULL, INVALID_DEVID) != 0) {
		free(aes);
		wolfSSL_Cleanup();
		return false;
	}
	*ret = (struct dtls_crypto){aes, seal, open_sealed, mac};
	return true;
}

void dtls_crypto_wolfcrypt_done(struct dtls_crypto *crypto)
{
	if (crypto->context == NULL)
		return;
	wc_AesFree(crypto->context);
	free(crypto->context);
	crypto->context = NULL;
	wolfSSL_Cleanup();
}
