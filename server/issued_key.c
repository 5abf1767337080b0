/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/issued_key.h"

#define SEPARATOR '#'
#define TAIL_LEN  (1 + 2 * DEVICE_KEY_MARK_BYTES)

void issued_key_write_identity(struct writer *w, struct bytes name, const struct device_key *key)
{
	write_bytes(w, name);
	write_u8(w, SEPARATOR);
	write_hex(w, bytes_of(key->mark, sizeof key->mark));
}

bool issued_key_parse_identity(struct bytes identity, struct bytes *ret_name, uint8_t ret_mark[DEVICE_KEY_MARK_BYTES])
{
	size_t len = 0;
	if (identity.len <= TAIL_LEN || identity.len > ISSUED_IDENTITY_MAX)
		return false;
	struct bytes tail = bytes_from(identity, identity.len - TAIL_LEN);
	*ret_name = bytes_first(identity, identity.len - TAIL_LEN);
	return tail.data[0] == SEPARATOR && parse_hex(bytes_from(tail, 1), ret_mark, DEVICE_KEY_MARK_BYTES, &len) &&
	       len == DEVICE_KEY_MARK_BYTES;
}

static bool has_mark(const struct device_key *key, const uint8_t mark[DEVICE_KEY_MARK_BYTES])
{
	return issued_key_is_there(key) && memcmp(key->mark, mark, DEVICE_KEY_MARK_BYTES) == 0;
}

const struct device_key *issued_key_find(const struct device_keys *keys, const uint8_t mark[DEVICE_KEY_MARK_BYTES])
{
	if (has_mark(&keys->current, mark))
		return &keys->current;
	return has_mark(&keys->next, mark) ? &keys->next : NULL;
}

uint64_t issued_key_number(const struct device_key *key)
{
	struct reader r = reader_of(bytes_of(key->mark, sizeof key->mark));
	return read_u64(&r) | ISSUED_KEY_NUMBERS;
}
