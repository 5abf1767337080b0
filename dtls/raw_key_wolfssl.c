/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/raw_key_wolfssl.h"

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/sha256.h>

#define DER_MAX_BYTES 512

_Static_assert(DTLS_RAW_KEY_BYTES == WC_SHA256_DIGEST_SIZE, "a key is known by its SHA-256");

/* Writes a key whose public half may have to be computed first. */
static struct bytes write_info(ecc_key *key, uint8_t room[RAW_KEY_INFO_MAX_BYTES])
{
	if (wc_ecc_get_curve_id(key->idx) != ECC_SECP256R1)
		return BYTES_NONE;
	if (key->type == ECC_PRIVATEKEY_ONLY && wc_ecc_make_pub(key, NULL) != 0)
		return BYTES_NONE;
	int len = wc_ecc_check_key(key) == 0 ? wc_EccPublicKeyToDer(key, room, RAW_KEY_INFO_MAX_BYTES, 1) : 0;
	return len > 0 ? bytes_of(room, (size_t)len) : BYTES_NONE;
}

struct bytes raw_key_info(struct bytes private_pem, uint8_t room[RAW_KEY_INFO_MAX_BYTES])
{
	uint8_t der[DER_MAX_BYTES];
	ecc_key key;
	word32 index = 0;
	struct bytes info = BYTES_NONE;
	if (private_pem.len == 0 || wc_ecc_init(&key) != 0)
		return BYTES_NONE;
	int len = wc_KeyPemToDer(private_pem.data, (int)private_pem.len, der, sizeof der, NULL);
	if (len > 0 && wc_EccPrivateKeyDecode(der, &index, &key, (word32)len) == 0)
		info = write_info(&key, room);
	wc_ecc_free(&key);
	wc_ForceZero(der, sizeof der);
	return info;
}

bool raw_key_digest(struct bytes info, uint8_t ret[DTLS_RAW_KEY_BYTES])
{
	return info.len > 0 && wc_Sha256Hash(info.data, (word32)info.len, ret) == 0;
}

static bool parse_pem(struct bytes pem, uint8_t ret[DTLS_RAW_KEY_BYTES])
{
	uint8_t der[DER_MAX_BYTES], room[RAW_KEY_INFO_MAX_BYTES];
	ecc_key key;
	word32 index = 0;
	int len = wc_PubKeyPemToDer(pem.data, (int)pem.len, der, sizeof der);
	if (len <= 0 || wc_ecc_init(&key) != 0)
		return false;
	bool is_good = wc_EccPublicKeyDecode(der, &index, &key, (word32)len) == 0 &&
		       raw_key_digest(write_info(&key, room), ret);
	wc_ecc_free(&key);
	return is_good;
}

bool raw_key_parse(struct bytes text, uint8_t ret[DTLS_RAW_KEY_BYTES])
{
	size_t len = 0;
	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.len--;
	if (text.len == (size_t)2 * DTLS_RAW_KEY_BYTES)
		return parse_hex(text, ret, DTLS_RAW_KEY_BYTES, &len) && len == DTLS_RAW_KEY_BYTES;
	return text.len > 0 && parse_pem(text, ret);
}
