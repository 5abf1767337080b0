/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bag of certificates without a signature: the "certs-only" SignedData of CMS (RFC 5652 section 5, RFC 7030 section
 * 4.1.3), Content-Format 281 of EST over CoAP. Nothing in it is secret and nothing proven. */
#pragma once

#include "coap/base/bytes.h"

#define PKI_CERTS_MAX 8

/* Writes `count` certificates (DER). False when they do not fit. */
bool pki_certs_only_write(const struct bytes *certificates, uint32_t count, struct writer *w);
/* Finds the certificates, which lie inside `der`. False when it is not such a bag, or holds more than PKI_CERTS_MAX. */
bool pki_certs_only_read(struct bytes der, struct bytes ret_certificates[PKI_CERTS_MAX], uint32_t *ret_count);
