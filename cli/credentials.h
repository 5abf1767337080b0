/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What proves somebody, as coapctl and coapd are told on their command lines: a pre-shared key, a certificate with its
 * key and the authorities that the other side must be from, or a raw key and the raw keys that the other side may have.
 */
#pragma once

#include "dtls/credential.h"

#define CREDENTIALS_PEER_KEYS_MAX 16

enum credentials_file {
	CREDENTIALS_CERTIFICATE,
	CREDENTIALS_PRIVATE_KEY,
	CREDENTIALS_CA,
	CREDENTIALS_RAW_KEY,
	CREDENTIALS_FILES,
};

struct credentials {
	struct bytes psk_identity, psk_key;      /* empty: not given */
	struct dtls_own_certificate certificate; /* PEM; empty spans: not given */
	uint8_t key_room[DTLS_PSK_MAX_BYTES + 1];
	uint8_t *texts[CREDENTIALS_FILES];
	uint8_t peer_keys[CREDENTIALS_PEER_KEYS_MAX][DTLS_RAW_KEY_BYTES]; /* digests */
	unsigned peer_key_count;
};

/* What is given stays the caller's, and must stay. */
bool credentials_set_identity(struct credentials *c, const char *text);
/* The key itself: text, or bytes as 0x... */
bool credentials_set_key(struct credentials *c, const char *text);
/* The first line of a file. */
bool credentials_read_key(struct credentials *c, const char *path);
/* NULL, or why not. */
const char *credentials_read(struct credentials *c, enum credentials_file which, const char *path);
/* One more raw public key of the other side: a PEM file, or the SHA-256 of its DER in hexadecimal. NULL, or why not. */
const char *credentials_add_peer_key(struct credentials *c, const char *text);

/* NULL when what is given is whole; else what is missing. `needs` is for when nothing is. */
const char *credentials_fault(const struct credentials *c, const char *needs);
bool credentials_has_psk(const struct credentials *c);
bool credentials_has_certificate(const struct credentials *c);
bool credentials_has_raw_key(const struct credentials *c);
/* For a client, which knows one server; `server_name` as in struct dtls_client_credential. */
struct dtls_client_credential credentials_of_client(const struct credentials *c, struct bytes server_name);
/* Forgets it all, keys first. */
void credentials_wipe(struct credentials *c);
