/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/certificate_wolfcrypt.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/signature.h>

#include <stdlib.h>
#include <time.h>

void pki_fingerprint(struct bytes der, uint8_t ret[PKI_FINGERPRINT_BYTES])
{
	if (wc_Sha256Hash(der.data, (word32)der.len, ret) != 0)
		memset(ret, 0, PKI_FINGERPRINT_BYTES);
}

/* ---- reading ---- */

static bool read_date(const byte *date, int len, int64_t *ret)
{
	const byte *digits;
	byte format;
	int digits_len;
	struct tm tm = {0};
	if (date == NULL || wc_GetDateInfo(date, len, &digits, &format, &digits_len) != 0 ||
		wc_GetDateAsCalendarTime(digits, digits_len, format, &tm) != 0)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static struct bytes name_of(const DecodedCert *cert)
{
	for (const DNS_entry *e = cert->altNames; e != NULL; e = e->next)
		if (e->type == ASN_URI_TYPE)
			return bytes_of(e->name, (size_t)e->len);
	return cert->subjectCN == NULL ? BYTES_NONE : bytes_of(cert->subjectCN, (size_t)cert->subjectCNLen);
}

static bool take(const DecodedCert *cert, struct bytes der, struct pki_certificate *ret)
{
	struct bytes name = bytes_first(name_of(cert), PKI_SUBJECT_MAX_BYTES);
	*ret = (struct pki_certificate){.is_authority = cert->isCA != 0, .name_len = (uint8_t)name.len};
	if (name.len > 0)
		memcpy(ret->name, name.data, name.len);
	ret->has_public_key =
		cert->keyOID == ECDSAk && pki_key_point(bytes_of(cert->publicKey, cert->pubKeySize), ret->public_key);
	pki_fingerprint(der, ret->fingerprint);
	return read_date(cert->beforeDate, cert->beforeDateLen, &ret->valid_from) &&
	       read_date(cert->afterDate, cert->afterDateLen, &ret->valid_until);
}

bool pki_certificate_read(struct bytes der, struct pki_certificate *ret)
{
	DecodedCert *cert = malloc(sizeof *cert);
	bool is_good = false;
	if (cert == NULL || der.len == 0) {
		free(cert);
		return false;
	}
	wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
	is_good = wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0 && take(cert, der, ret);
	wc_FreeDecodedCert(cert);
	free(cert);
	return is_good;
}

static bool has_signed(const struct pki_certificate *issuer, struct bytes text, struct bytes signature)
{
	ecc_key key;
	if (!issuer->is_authority || !issuer->has_public_key || wc_ecc_init(&key) != 0)
		return false;
	bool is_good = wc_ecc_import_x963_ex(issuer->public_key, PKI_PUBLIC_KEY_BYTES, &key, ECC_SECP256R1) == 0 &&
		       wc_SignatureVerify(WC_HASH_TYPE_SHA256, WC_SIGNATURE_TYPE_ECC, text.data, (word32)text.len,
			       signature.data, (word32)signature.len, &key, sizeof key) == 0;
	wc_ecc_free(&key);
	return is_good;
}

static bool is_signature_good(const DecodedCert *cert, const struct pki_certificate *issuer)
{
	return cert->signatureOID == CTC_SHA256wECDSA &&
	       has_signed(issuer, bytes_of(cert->source + cert->certBegin, cert->sigIndex - cert->certBegin),
		       bytes_of(cert->signature, cert->sigLength));
}

bool pki_certificate_is_signed_by(struct bytes der, struct bytes issuer_der)
{
	struct pki_certificate issuer;
	DecodedCert *cert = malloc(sizeof *cert);
	bool is_good = false;
	if (cert != NULL && der.len > 0 && pki_certificate_read(issuer_der, &issuer)) {
		wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
		is_good = wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0 && is_signature_good(cert, &issuer);
		wc_FreeDecodedCert(cert);
	}
	free(cert);
	return is_good;
}

bool pki_crl_is_signed_by(const struct pki_crl *crl, struct bytes issuer_der)
{
	struct pki_certificate issuer;
	struct bytes name;
	return pki_crl_authority_name(issuer_der, &name) && bytes_equal(name, crl->issuer) &&
	       pki_certificate_read(issuer_der, &issuer) && has_signed(&issuer, crl->signed_part, crl->signature);
}

/* ---- PEM ---- */

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

bool pki_certificate_from_pem(struct bytes *left, uint8_t *ret_der, size_t capacity, size_t *ret_len)
{
	const uint8_t *begin = left->len == 0 ? NULL : memmem(left->data, left->len, BEGIN, strlen(BEGIN));
	if (begin == NULL)
		return false;
	struct bytes from = bytes_from(*left, (size_t)(begin - left->data));
	const uint8_t *end = memmem(from.data, from.len, END, strlen(END));
	if (end == NULL)
		return false;
	struct bytes text = bytes_first(from, (size_t)(end - from.data) + strlen(END));
	int len = wc_CertPemToDer(text.data, (int)text.len, ret_der, (int)capacity, CERT_TYPE);
	*left = bytes_from(from, text.len);
	*ret_len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

bool pki_certificate_write_pem(struct bytes der, struct writer *w)
{
	int len = wc_DerToPem(der.data, (word32)der.len, w->at, (word32)writer_left(w), CERT_TYPE);
	if (len <= 0) {
		w->failed = true;
		return false;
	}
	w->at += len;
	return true;
}
