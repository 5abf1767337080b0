/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a certificate (RFC 5280) says, as far as this system asks: whose it is, for how long, and which one. Reading
 * one proves nothing; chains are verified in handshakes, and by pki_certificate_is_signed_by. */
#pragma once

#include "pki/crl.h"
#include "pki/key_wolfcrypt.h"

/* False when it cannot be understood. Whether it is valid at any time is not asked. */
bool pki_certificate_read(struct bytes der, struct pki_certificate *ret);
/* Whether `issuer` (DER, an authority) has signed it. Times are not looked at. */
bool pki_certificate_is_signed_by(struct bytes der, struct bytes issuer_der);
/* Whether `issuer` has signed this list, and it is his own. */
bool pki_crl_is_signed_by(const struct pki_crl *crl, struct bytes issuer_der);
void pki_fingerprint(struct bytes der, uint8_t ret[PKI_FINGERPRINT_BYTES]);

/* The first certificate of a PEM text as DER. `*left` is what comes behind it. False when there is none, or it is too
 * long for `capacity`. */
bool pki_certificate_from_pem(struct bytes *left, uint8_t *ret_der, size_t capacity, size_t *ret_len);
/* Appends it as PEM. False when it does not fit. */
bool pki_certificate_write_pem(struct bytes der, struct writer *w);
