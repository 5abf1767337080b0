/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/request_wolfcrypt.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <stdlib.h>

_Static_assert(CTC_NAME_SIZE > PKI_NAME_MAX_BYTES, "wolfCrypt ends a name with a zero");

/* ---- reading ---- */

static enum pki_request_verdict take(const DecodedCert *cert, struct pki_request *ret)
{
	*ret = (struct pki_request){0};
	if (cert->keyOID != ECDSAk || !pki_key_point(bytes_of(cert->publicKey, cert->pubKeySize), ret->public_key))
		return PKI_REQUEST_WRONG_KEY;
	if (cert->subjectCNLen > PKI_NAME_MAX_BYTES)
		return PKI_REQUEST_LONG_NAME;
	if (cert->subjectCN != NULL && cert->subjectCNLen > 0) {
		ret->name_len = (uint8_t)cert->subjectCNLen;
		memcpy(ret->name, cert->subjectCN, ret->name_len);
	}
	return PKI_REQUEST_GOOD;
}

/* The key must be whole before the signature is looked at: wolfCrypt tells both faults by numbers of its own. */
enum pki_request_verdict pki_request_read(struct bytes der, struct pki_request *ret)
{
	enum pki_request_verdict verdict = PKI_REQUEST_MALFORMED;
	DecodedCert *cert = malloc(sizeof *cert);
	if (cert == NULL || der.len == 0)
		goto done;
	wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
	if (wc_ParseCert(cert, CERTREQ_TYPE, NO_VERIFY, NULL) == 0)
		verdict = take(cert, ret);
	wc_FreeDecodedCert(cert);
	if (verdict != PKI_REQUEST_GOOD)
		goto done;
	wc_InitDecodedCert(cert, der.data, (word32)der.len, NULL);
	if (wc_ParseCert(cert, CERTREQ_TYPE, VERIFY, NULL) != 0)
		verdict = PKI_REQUEST_UNPROVEN;
	wc_FreeDecodedCert(cert);
done:
	free(cert);
	return verdict;
}

/* ---- writing ---- */

static int make(ecc_key *key, struct bytes name, WC_RNG *rng, struct writer *w)
{
	Cert *cert = malloc(sizeof *cert);
	word32 room = (word32)writer_left(w);
	int len = -1;
	if (cert == NULL)
		return len;
	if (wc_InitCert(cert) == 0) {
		cert->version = 0; /* RFC 2986 section 4.1 */
		memcpy(cert->subject.commonName, name.data, name.len);
		cert->subject.commonName[name.len] = '\0';
		cert->sigType = CTC_SHA256wECDSA;
		len = wc_MakeCertReq(cert, w->at, room, NULL, key);
		if (len > 0)
			len = wc_SignCert(cert->bodySz, cert->sigType, w->at, room, NULL, key, rng);
	}
	free(cert);
	return len;
}

bool pki_request_write(const struct pki_key *key, struct bytes name, struct writer *w)
{
	WC_RNG rng;
	ecc_key ecc;
	word32 index = 0;
	int len = -1;
	if (name.len == 0 || name.len > PKI_NAME_MAX_BYTES || wc_InitRng(&rng) != 0)
		return false;
	if (wc_ecc_init(&ecc) == 0) {
		if (wc_EccPrivateKeyDecode(key->der, &index, &ecc, key->len) == 0)
			len = make(&ecc, name, &rng, w);
		wc_ecc_free(&ecc);
	}
	wc_FreeRng(&rng);
	if (len <= 0)
		return false;
	w->at += len;
	return true;
}
