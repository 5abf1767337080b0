/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Credentials kept in memory: PSK identities with their keys and endpoint names, names that a certificate may carry,
 * and raw public keys by their digests. It implements the port struct dtls_credentials.
 *
 * A certificate's name is its SAN URI, or its common name where it has none. With `certificates_name_themselves` every
 * certificate under the anchors is welcome under the name it carries; otherwise that name must be in the table.
 *
 * Keys, identities and names lie one behind the other in one block of text and take the room they need, a name that is
 * the identity none; what is removed is wiped at once, and its room taken again when the end of the block is reached.
 * Storage is the owner's. */
#pragma once

#include "dtls/credential.h"

#define DTLS_CREDENTIAL_HEAD_BYTES 6 /* of text beside key, identity and name; see dtls_credential_table_memory */
/* The most text one credential takes. */
#define DTLS_CREDENTIAL_TEXT_MAX_BYTES \
	(DTLS_CREDENTIAL_HEAD_BYTES + DTLS_PSK_MAX_BYTES + DTLS_IDENTITY_MAX_BYTES + DTLS_NAME_MAX_BYTES)

struct dtls_credential_entry {
	uint64_t number;
	uint32_t next;                     /* in its bucket or in the free list: slot + 1, 0 ends */
	uint32_t at;                       /* where its text begins: head, key, identity, name */
	uint8_t key_len;                   /* 0: the entry binds a certificate's name */
	uint8_t identity_len, name_len;    /* 0: the name is the identity */
	bool is_taken : 1, is_raw_key : 1; /* of a raw key the identity is its digest */
};

struct dtls_credential_table {
	struct dtls_credential_entry *entries;
	uint32_t *buckets; /* slot + 1; 0 is empty */
	uint32_t capacity, used, first_free;
	uint32_t untouched; /* entries from here on have never been taken */
	uint8_t *text;
	uint32_t text_capacity, text_end; /* from there on it is free */
	uint32_t text_used;               /* before the end, what is not wiped */
	uint64_t seed;
	bool certificates_name_themselves;
};

enum dtls_credential_added {
	DTLS_CREDENTIAL_ADDED,
	DTLS_CREDENTIAL_REPLACED, /* the identity was known; its key and name are now these */
	DTLS_CREDENTIAL_FULL,     /* of credentials, or of text; nothing has changed */
	DTLS_CREDENTIAL_TOO_LONG, /* identity, key or name; or an empty identity or name */
};

/* How much memory a table of `capacity` credentials needs whose texts, DTLS_CREDENTIAL_HEAD_BYTES for each counted, are
 * `text` bytes. */
size_t dtls_credential_table_memory(uint32_t capacity, uint32_t text);
/* `memory` must be aligned to 8 and stays the owner's. `seed` is for the hash. */
void dtls_credential_table_init(
	struct dtls_credential_table *t, void *memory, uint32_t capacity, uint32_t text, uint64_t seed);

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
