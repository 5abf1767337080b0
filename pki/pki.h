/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificates (RFC 5280, profile of RFC 7925 section 4.4) as far as this system asks: whose, for how long, and which
 * one. P-256 is the one curve. Here are the words, and the port through which a certificate authority is asked; the
 * files beside that end in _wolfcrypt do the work.
 *
 * Times are seconds since 1970, both ends included. */
#pragma once

#include "coap/base/bytes.h"

#define PKI_PUBLIC_KEY_BYTES      65 /* an uncompressed point (RFC 5480 section 2.2) */
#define PKI_SHA256_BYTES          32
#define PKI_SIGNATURE_BYTES       64   /* of ECDSA on P-256: r and s */
#define PKI_FINGERPRINT_BYTES     32   /* SHA-256 of a certificate's DER */
#define PKI_NAME_MAX_BYTES        63   /* a common name as wolfCrypt writes it; RFC 5280 allows one more */
#define PKI_SUBJECT_MAX_BYTES     128  /* a name as it is read */
#define PKI_REQUEST_MAX_BYTES     1024 /* DER */
#define PKI_CERTIFICATE_MAX_BYTES 1536 /* DER */

/* A certification request (PKCS #10, RFC 2986): a public key, and the name its owner wants. */
struct pki_request {
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	uint8_t name_len; /* of the subject's common name; 0 for none */
	char name[PKI_NAME_MAX_BYTES];
};

enum pki_request_verdict {
	PKI_REQUEST_GOOD, /* its signature proves that the owner has the private key */
	PKI_REQUEST_MALFORMED,
	PKI_REQUEST_WRONG_KEY, /* not on P-256 */
	PKI_REQUEST_UNPROVEN,  /* the signature is not by this key */
	PKI_REQUEST_LONG_NAME, /* longer than PKI_NAME_MAX_BYTES */
};

/* For people: "the signature is not by the key". */
const char *pki_request_verdict_text(enum pki_request_verdict verdict);

struct pki_certificate {
	int64_t valid_from, valid_until;
	bool is_authority;   /* may sign others */
	bool has_public_key; /* false: the key is none on P-256 */
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	uint8_t fingerprint[PKI_FINGERPRINT_BYTES];
	uint8_t name_len; /* SAN URI, or the common name where there is none; cut at the end of the array */
	char name[PKI_SUBJECT_MAX_BYTES];
};

static inline struct bytes pki_request_name(const struct pki_request *r)
{
	return bytes_of(r->name, r->name_len);
}

static inline struct bytes pki_certificate_name(const struct pki_certificate *c)
{
	return bytes_of(c->name, c->name_len);
}

/* A private key on P-256 that lies elsewhere: in a token, or a machine of its own. */
struct pki_signer {
	void *context;
	/* Signs the digest of a message (ECDSA, RFC 6979 or not). It may take as long as the key's place needs. False
	 * when that refuses, or is not there. */
	bool (*sign)(void *context, const uint8_t digest[PKI_SHA256_BYTES], uint8_t ret[PKI_SIGNATURE_BYTES]);
};

/* An authority that signs the certificates of devices. Whom to sign for is decided by whoever asks it. */
struct pki_issuer {
	void *context;
	enum pki_request_verdict (*read_request)(void *context, struct bytes der, struct pki_request *ret);
	/* A certificate for a device of this key and name, written to `w`. It never outlives the authority. False when
	 * it cannot be made: the name is too long, the authority has run out, or nothing random is to be had. */
	bool (*issue)(void *context, const struct pki_request *request, struct bytes name, int64_t from, int64_t until,
		struct writer *w);
	bool (*read_certificate)(void *context, struct bytes der, struct pki_certificate *ret);
	struct bytes certificate; /* the authority's own, DER */
};
