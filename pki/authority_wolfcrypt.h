/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A small certificate authority: one key on P-256 and its certificate, which sign the certificates of devices and
 * servers (profile of RFC 7925 section 4.4). Whom to sign for is decided by its caller.
 *
 * Validity is the caller's too, in seconds since 1970: this reads no clock. A certificate never outlives its
 * authority. */
#pragma once

#include "pki/certificate_wolfcrypt.h"
#include "pki/request_wolfcrypt.h"

struct pki_authority {
	struct pki_key key;       /* empty with a signer */
	struct pki_signer signer; /* without a function: the key is here */
	size_t certificate_len;
	uint8_t certificate[PKI_CERTIFICATE_MAX_BYTES];
	int64_t valid_from, valid_until;
};

enum pki_usage {
	PKI_USAGE_DEVICE, /* client authentication */
	PKI_USAGE_SERVER, /* server authentication; the name is also a dNSName or an iPAddress */
};

/* NULL when it is good, else what is wrong: the certificate is none, or of no authority, or the key not its. */
const char *pki_authority_open(struct pki_authority *a, struct bytes certificate_pem, struct bytes key_pem);
/* The same for a key that lies elsewhere; it is asked to sign something, to see whether it is the certificate's. */
const char *pki_authority_open_with(
	struct pki_authority *a, struct bytes certificate_pem, const struct pki_signer *signer);
/* A new authority, signed by itself. False when the system has no randomness. */
bool pki_authority_create(struct pki_authority *a, struct bytes name, int64_t from, int64_t until);

/* The same for a key that lies elsewhere, whose public half this is. False as well when the signer refuses. */
bool pki_authority_create_with(struct pki_authority *a, const struct pki_signer *signer,
	const uint8_t public_key[PKI_PUBLIC_KEY_BYTES], struct bytes name, int64_t from, int64_t until);

static inline struct bytes pki_authority_certificate(const struct pki_authority *a)
{
	return bytes_of(a->certificate, a->certificate_len);
}

/* Signs a certificate for `public_key` and `name` (1 to PKI_NAME_MAX_BYTES bytes) with a random serial number of 16
 * bytes. 0 when it cannot, else its length. */
size_t pki_authority_issue(const struct pki_authority *a, const uint8_t public_key[PKI_PUBLIC_KEY_BYTES],
	struct bytes name, enum pki_usage usage, int64_t from, int64_t until,
	uint8_t ret_der[PKI_CERTIFICATE_MAX_BYTES]);

/* The port to it, for devices; `a` must outlive its use. */
struct pki_issuer pki_authority_port(struct pki_authority *a);
