/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/key_pair.h"

#include "mgmt/cbor.h"

void key_pair_write(struct writer *w, struct bytes identity, struct bytes key)
{
	cbor_write_array(w, 2);
	cbor_write_text(w, identity);
	cbor_write_bytes(w, key);
}

bool key_pair_read(struct bytes body, struct bytes *ret_identity, struct bytes *ret_key)
{
	struct cbor_reader r = cbor_reader_of(body);
	bool is_pair = cbor_read_array(&r) == 2;
	*ret_identity = cbor_read_text(&r);
	*ret_key = cbor_read_bytes(&r);
	cbor_read_end(&r);
	return is_pair && !r.failed && ret_identity->len > 0 && ret_identity->len <= KEY_PAIR_IDENTITY_MAX &&
	       ret_key->len > 0 && ret_key->len <= KEY_PAIR_KEY_MAX;
}
