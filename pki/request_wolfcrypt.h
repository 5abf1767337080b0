/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certification requests (PKCS #10, RFC 2986): a public key, the name its owner wants, and a signature that proves that
 * he has the private half. */
#pragma once

#include "pki/key_wolfcrypt.h"

/* Reads a request (DER) and checks its signature. */
enum pki_request_verdict pki_request_read(struct bytes der, struct pki_request *ret);
/* Writes one for a key and a name of 1 to PKI_NAME_MAX_BYTES bytes. False when the key is unusable, or it does not fit.
 */
bool pki_request_write(const struct pki_key *key, struct bytes name, struct writer *w);
