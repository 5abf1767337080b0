/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificate revocation lists (RFC 5280 section 5): which serial numbers an authority has taken back. They are read
 * where they lie; that the authority has signed one is checked by pki_crl_is_signed_by (certificate_wolfcrypt.h).
 *
 * Only complete lists of their own issuer are taken: a critical extension, such as those of delta and indirect lists,
 * makes one unreadable (section 5.2). Times are seconds since 1970. */
#pragma once

#include "coap/base/bytes.h"

struct pki_crl {
	struct bytes signed_part;         /* TBSCertList, with its header */
	struct bytes signature;           /* DER of an ECDSA-Sig-Value, by ecdsa-with-SHA256 */
	struct bytes issuer;              /* Name, with its header */
	int64_t this_update, next_update; /* next_update: 0 when it does not say */
	struct bytes entries;             /* for pki_crl_next */
};

/* The spans point into `der`. False when it is no such list, or not signed by ecdsa-with-SHA256. */
bool pki_crl_read(struct bytes der, struct pki_crl *ret);
/* The next serial number that is taken back; `*left` begins as the list's entries. False at the end. The list has been
 * read as a whole, so nothing in it is malformed. */
bool pki_crl_next(struct bytes *left, struct bytes *ret_serial);

/* What names a certificate in a list: its issuer (Name, with header) and serial number. False when it is none. */
bool pki_crl_subject(struct bytes certificate_der, struct bytes *ret_issuer, struct bytes *ret_serial);
/* An authority's own name as `issuer` has it. False when it is no certificate. */
bool pki_crl_authority_name(struct bytes certificate_der, struct bytes *ret_name);
