/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may come, and what proves the server: files that the configuration names (edge).
 *
 * The file of pre-shared keys has one line for each device, `identity:hexadecimal key:endpoint name`; the name may be
 * left off when it is the identity. The one of raw public keys (RFC 7250) has `SHA-256 of the key in
 * hexadecimal:endpoint name`, where the key is its SubjectPublicKeyInfo in DER. In both, empty lines and lines that
 * begin with # are skipped. A certificate under the CA is welcome under the name it carries, its SAN URI or common
 * name. Files that hold secrets must not be readable by others than their owner. A line that cannot be read is an
 * error: a typing mistake must not lock a device out quietly. */
#pragma once

#include "dtls/credential_table.h"
#include "mgmt/trust.h"
#include "server/settings.h"

struct credential_files {
	struct dtls_credential_table table;
	struct dtls_own_certificate own; /* empty spans when the server has none */
	uint8_t *pem[4];
	void *storage;                     /* of the table */
	uint32_t psk_count, raw_key_count; /* lines read */
	uint64_t *numbers;                 /* of the lines, sorted; NULL until they are asked for */
};

/* Reads everything. False with a message of one line that names file and line. */
bool credential_files_load(const struct settings *settings, uint64_t seed, struct credential_files *ret,
	char message[SETTINGS_MESSAGE_BYTES]);
/* Whether a pre-shared or raw key that was welcome under this number (struct dtls_principal) still stands in its file:
 * same identity, key and name. Sorts them when it is asked first. */
bool credential_files_knows(struct credential_files *c, uint64_t number);
/* The whole of a file of up to 256 KiB, which the caller frees; NULL with a message. A secret must not be readable by
 * others. */
uint8_t *credential_files_read(
	const char *path, bool is_secret, struct bytes *ret, char message[SETTINGS_MESSAGE_BYTES]);
/* Accepts a zeroed object. */
void credential_files_done(struct credential_files *c);

/* The trust anchors; false with a message when the file is not good. */
bool credential_files_load_anchors(
	const struct settings *settings, struct trust_anchors *ret, char message[SETTINGS_MESSAGE_BYTES]);
