/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The certificate authority that signs for enrolling devices: a certificate in a file, and a key in another or in a
 * token (PKCS #11), that [enrolment] names (edge). `mgmtctl authority create` makes them. */
#pragma once

#include "pki/authority_wolfcrypt.h"
#include "pki/token_pkcs11.h"
#include "server/credential_files.h"

struct authority_files {
	struct pki_authority authority;
	struct token_pkcs11 *token; /* where its key lies, when authority_key is a PKCS #11 URI; else NULL */
	struct pki_issuer issuer;
	bool is_there;             /* [enrolment] is configured */
	uint8_t *anchors, *server; /* PEM texts that the credentials point to */
};

/* Loads the authority, and makes `credentials` know it: certificates it has signed are welcome, and a server without a
 * certificate of its own gets one in memory, for the host of its public URI. False with a message of one line. Without
 * [enrolment] nothing happens and that is good. `now` is in seconds since 1970. */
bool authority_files_load(struct authority_files *a, const struct settings *settings,
	struct credential_files *credentials, int64_t now, char message[SETTINGS_MESSAGE_BYTES]);
void authority_files_done(struct authority_files *a);
