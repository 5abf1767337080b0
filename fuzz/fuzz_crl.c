/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Revocation lists, and what of certificates is compared with them: whatever is found lies inside the input. */
#include "pki/crl.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_inside(struct bytes part, const uint8_t *data, size_t size)
{
	assert(part.len == 0 || (part.data >= data && part.data + part.len <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	struct pki_crl crl;
	struct bytes serial, issuer;
	if (size > 0)
		memcpy(copy, data, size);
	if (pki_crl_read(bytes_of(copy, size), &crl)) {
		for (struct bytes left = crl.entries; pki_crl_next(&left, &serial);)
			is_inside(serial, copy, size);
		is_inside(crl.signed_part, copy, size);
		is_inside(crl.signature, copy, size);
	}
	if (pki_crl_subject(bytes_of(copy, size), &issuer, &serial)) {
		is_inside(issuer, copy, size);
		is_inside(serial, copy, size);
	}
	if (pki_crl_authority_name(bytes_of(copy, size), &issuer))
		is_inside(issuer, copy, size);
	free(copy);
	return 0;
}
