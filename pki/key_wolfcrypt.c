/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/key_wolfcrypt.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#define P256_BYTES 32

static bool write_der(ecc_key *ecc, struct pki_key *ret)
{
	int len = wc_EccKeyToDer(ecc, ret->der, sizeof ret->der);
	ret->len = len > 0 ? (uint8_t)len : 0;
	return len > 0;
}

bool pki_key_make(struct pki_key *ret)
{
	WC_RNG rng;
	ecc_key ecc;
	bool is_made = false;
	if (wc_InitRng(&rng) != 0)
		return false;
	if (wc_ecc_init(&ecc) == 0) {
		is_made = wc_ecc_make_key_ex(&rng, P256_BYTES, &ecc, ECC_SECP256R1) == 0 && write_der(&ecc, ret);
		wc_ecc_free(&ecc);
	}
	wc_FreeRng(&rng);
	return is_made;
}

/* The public half is computed where the file leaves it out. */
static bool complete(ecc_key *ecc)
{
	if (wc_ecc_get_curve_id(ecc->idx) != ECC_SECP256R1)
		return false;
	return (ecc->type == ECC_PRIVATEKEY || wc_ecc_make_pub(ecc, NULL) == 0 || ecc->type == ECC_PRIVATEKEY) &&
	       wc_ecc_check_key(ecc) == 0;
}

static bool decode(struct bytes der, ecc_key *ecc)
{
	word32 index = 0;
	if (wc_ecc_init(ecc) != 0)
		return false;
	if (wc_EccPrivateKeyDecode(der.data, &index, ecc, (word32)der.len) == 0 && complete(ecc))
		return true;
	wc_ecc_free(ecc);
	return false;
}

bool pki_key_read(struct bytes text, struct pki_key *ret)
{
	uint8_t der[512];
	ecc_key ecc;
	bool is_pem = text.len > 0 && text.data[0] == '-';
	if (is_pem) {
		int len = wc_KeyPemToDer(text.data, (int)text.len, der, sizeof der, NULL);
		if (len <= 0)
			return false;
		text = bytes_of(der, (size_t)len);
	}
	bool is_good = text.len > 0 && decode(text, &ecc);
	if (is_good) {
		is_good = write_der(&ecc, ret);
		wc_ecc_free(&ecc);
	}
	wc_ForceZero(der, sizeof der);
	return is_good;
}

bool pki_key_public(const struct pki_key *key, uint8_t ret[PKI_PUBLIC_KEY_BYTES])
{
	ecc_key ecc;
	word32 len = PKI_PUBLIC_KEY_BYTES;
	if (!decode(pki_key_der(key), &ecc))
		return false;
	int error = wc_ecc_export_x963(&ecc, ret, &len);
	wc_ecc_free(&ecc);
	return error == 0 && len == PKI_PUBLIC_KEY_BYTES;
}

bool pki_key_point(struct bytes info, uint8_t ret[PKI_PUBLIC_KEY_BYTES])
{
	ecc_key ecc;
	word32 index = 0, len = PKI_PUBLIC_KEY_BYTES;
	if (info.len == 0 || wc_ecc_init(&ecc) != 0)
		return false;
	bool is_good = wc_EccPublicKeyDecode(info.data, &index, &ecc, (word32)info.len) == 0 &&
		       wc_ecc_get_curve_id(ecc.idx) == ECC_SECP256R1 && wc_ecc_check_key(&ecc) == 0 &&
		       wc_ecc_export_x963(&ecc, ret, &len) == 0;
	wc_ecc_free(&ecc);
	return is_good;
}

bool pki_key_write_pem(const struct pki_key *key, struct writer *w)
{
	int len = wc_DerToPem(key->der, key->len, w->at, (word32)writer_left(w), ECC_PRIVATEKEY_TYPE);
	if (len <= 0) {
		w->failed = true;
		return false;
	}
	w->at += len;
	return true;
}

void pki_key_wipe(struct pki_key *key)
{
	wc_ForceZero(key, sizeof *key);
}
