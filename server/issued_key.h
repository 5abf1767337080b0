/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pre-shared keys that the server has made for a device, in place of the one it came with.
 *
 * A device has up to two of them: the one it uses, and the next one, which it has been given and has not used yet. Its
 * identity is the endpoint name and a mark of chance, "pump-1#0123456789abcdef", so that it leads to the device and to
 * one key. From the moment that a device has used one, no other pre-shared key is good for its name. */
#pragma once

#include "server/registry.h"

#define ISSUED_IDENTITY_MAX (DEVICE_NAME_MAX + 1 + 2 * DEVICE_KEY_MARK_BYTES)

/* What the store keeps, by name. */
struct issued_key_record {
	char name[DEVICE_NAME_MAX + 1];
	struct device_keys keys;
};

/* Fails the writer when there is no room for ISSUED_IDENTITY_MAX. */
void issued_key_write_identity(struct writer *w, struct bytes name, const struct device_key *key);
/* The name and the mark in an identity of this form; false when it is of another. */
bool issued_key_parse_identity(struct bytes identity, struct bytes *ret_name, uint8_t ret_mark[DEVICE_KEY_MARK_BYTES]);

/* The key with this mark; NULL when the device has none such. */
const struct device_key *issued_key_find(const struct device_keys *keys, const uint8_t mark[DEVICE_KEY_MARK_BYTES]);
/* What names a key in a principal (dtls_principal.number): never 0, and never the number of a key from a file. */
#define ISSUED_KEY_NUMBERS (UINT64_C(1) << 63)
uint64_t issued_key_number(const struct device_key *key);
static inline bool issued_key_is_there(const struct device_key *key)
{
	return key->made_at != 0;
}
