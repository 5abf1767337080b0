/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/cid.h"

bool dtls_cid_of(struct bytes name, struct dtls_cid *ret)
{
	if (name.len > DTLS_CID_MAX_BYTES)
		return false;
	*ret = (struct dtls_cid){.len = (uint8_t)name.len};
	if (name.len > 0)
		memcpy(ret->data, name.data, name.len);
	return true;
}

void dtls_cid_draw(struct prng *prng, uint8_t ret_name[DTLS_CID_BYTES])
{
	prng_fill(prng, ret_name, DTLS_CID_BYTES);
}
