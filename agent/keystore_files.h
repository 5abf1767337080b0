/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Enrolled certificates as files of the state directory (edge): `enrolled.pem` is in use, `enrolled.next.pem` waits for
 * its first association. Each holds the key, its certificate and the authorities, as PEM, with mode 0600; it is written
 * beside its place and moved into it, so that it is whole or not there. `enrolling.pem` is the key of a request that
 * has not been answered yet. A key never leaves these files.
 *
 * Certificates are checked by a clock that is never before the youngest certificate the device has: who got it has seen
 * that moment. */
#pragma once

#include "agent/config.h"
#include "agent/keystore.h"
#include "dtls/credential.h"
#include "pki/key_wolfcrypt.h"

struct keystore_bundle {
	uint8_t *text; /* NULL: not there */
	struct dtls_client_credential credential;
	int64_t from, until;
};

struct keystore_files {
	const struct config *config;
	const struct dtls_client_credential *factory;
	char server_name[CONFIG_TEXT_BYTES]; /* what the server's certificate must name */
	struct keystore_choice choice;
	struct keystore_bundle current, next;
	struct keystore_port port;
	struct pki_key key; /* of the request that is under way; empty when none is */
	size_t request_len;
	uint8_t request[PKI_REQUEST_MAX_BYTES];
};

/* Reads what is there. `config` and `factory` are borrowed for life. A file that cannot be understood is put aside as
 * *.bad and counts as not there: the factory's credential is still good. False with a message when the disk cannot be
 * read. */
bool keystore_files_open(struct keystore_files *k, const struct config *config,
	const struct dtls_client_credential *factory, char message[CONFIG_MESSAGE_BYTES]);
void keystore_files_close(struct keystore_files *k);

/* The credential for the next association; valid until the next call of any function here. */
const struct dtls_client_credential *keystore_files_choose(struct keystore_files *k);
/* What came of it. NULL, or a sentence for the log. */
const char *keystore_files_succeeded(struct keystore_files *k);
void keystore_files_failed(struct keystore_files *k);
