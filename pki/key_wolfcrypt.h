/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Key pairs on P-256, the one curve of this system (RFC 7925 section 4.4), as they lie in files and memory: the DER of
 * an ECPrivateKey (RFC 5915) with its public half. A device makes its own and never shows it. */
#pragma once

#include "pki/pki.h"

#define PKI_KEY_MAX_BYTES 160

struct pki_key {
	uint8_t len;
	uint8_t der[PKI_KEY_MAX_BYTES];
};

static inline struct bytes pki_key_der(const struct pki_key *key)
{
	return bytes_of(key->der, key->len);
}

/* A fresh key. False when the system has no randomness to give. */
bool pki_key_make(struct pki_key *ret);
/* Reads PEM ("EC PRIVATE KEY" or "PRIVATE KEY") or DER. False when it is no private key on P-256. */
bool pki_key_read(struct bytes text, struct pki_key *ret);
/* False when the DER is no private key on P-256. */
bool pki_key_public(const struct pki_key *key, uint8_t ret[PKI_PUBLIC_KEY_BYTES]);
/* As "EC PRIVATE KEY". False when it does not fit. */
bool pki_key_write_pem(const struct pki_key *key, struct writer *w);
void pki_key_wipe(struct pki_key *key);
/* The point of a SubjectPublicKeyInfo (RFC 5480), DER. False when it is none on P-256. */
bool pki_key_point(struct bytes info, uint8_t ret[PKI_PUBLIC_KEY_BYTES]);
