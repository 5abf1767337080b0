/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Credentials kept in memory: PSK identities with their keys and endpoint names, names that a certificate may carry,
 * and raw public keys by their digests. It implements the port struct dtls_credentials.
 *
 * A certificate's name is its SAN URI, or its common name where it has none. With `certificates_name_themselves` every
 * certificate under the anchors is welcome under the name it carries; otherwise that name must be in the table. */
#pragma once

#include "dtls/credential.h"

struct dtls_credential_entry {
	uint32_t next; /* in its bucket or in the free list: slot + 1, 0 ends */
	uint8_t identity_len, name_len;
	bool is_taken, is_raw_key;
	struct dtls_psk key; /* empty: the entry binds a certificate's name */
	uint64_t number;
	uint8_t identity[DTLS_IDENTITY_MAX_BYTES]; /* of a raw key: its digest */
	uint8_t name[DTLS_NAME_MAX_BYTES];
};

struct dtls_credential_table {
	struct dtls_credential_entry *entries;
	uint32_t *buckets; /* slot + 1; 0 is empty */
	uint32_t capacity, used, untouched, first_free;
	uint64_t seed;
	bool certificates_name_themselves;
};

enum dtls_credential_added {
	DTLS_CREDENTIAL_ADDED,
	DTLS_CREDENTIAL_REPLACED, /* the identity was known; its key and name are now these */
	DTLS_CREDENTIAL_FULL,
	DTLS_CREDENTIAL_TOO_LONG, /* identity, key or name; or an empty identity or name */
};

/* `entries` and `buckets` have `capacity` elements each and stay the owner's. `seed` is for the hash. */
void dtls_credential_table_init(struct dtls_credential_table *t, struct dtls_credential_entry *entries,
	uint32_t *buckets, uint32_t capacity, uint64_t seed);

/* A PSK identity; an empty `key` instead welcomes certificates of that name. `number` comes back in the principal. */
enum dtls_credential_added dtls_credential_table_add(
	struct dtls_credential_table *t, struct bytes identity, struct bytes key, struct bytes name, uint64_t number);
/* A raw public key by its digest, of DTLS_RAW_KEY_BYTES; any other length is DTLS_CREDENTIAL_TOO_LONG. It has nothing
 * to do with identities that happen to be of the same bytes. */
enum dtls_credential_added dtls_credential_table_add_raw_key(
	struct dtls_credential_table *t, struct bytes digest, struct bytes name, uint64_t number);
/* False when the identity is not there. */
bool dtls_credential_table_remove(struct dtls_credential_table *t, struct bytes identity);
bool dtls_credential_table_remove_raw_key(struct dtls_credential_table *t, struct bytes digest);

/* The port; the table must outlive its use. */
struct dtls_credentials dtls_credential_table_port(struct dtls_credential_table *t);
