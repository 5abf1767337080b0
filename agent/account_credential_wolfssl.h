/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an account that a Bootstrap server has written is to DTLS (edge): keys and certificates lie in it as DER
 * (lwm2m interface section 4), and DTLS wants PEM. */
#pragma once

#include "agent/accounts.h"
#include "dtls/credential.h"

#define ACCOUNT_PEM_BYTES(der) (((der) + 2) / 3 * 4 + 64) /* with the lines around it */

struct account_credential {
	struct dtls_client_credential client; /* points into the account, and into what follows */
	uint8_t certificate[ACCOUNT_PEM_BYTES(ACCOUNT_CERTIFICATE_MAX)],
		anchor[ACCOUNT_PEM_BYTES(ACCOUNT_CERTIFICATE_MAX)];
	uint8_t key[ACCOUNT_PEM_BYTES(ACCOUNT_KEY_MAX)];
	uint8_t server_key[DTLS_RAW_KEY_BYTES];
};

/* Both must stay where they are as long as the credential is used. Keys that are none show in the handshake. */
void account_credential_init(struct account_credential *c, const struct account_security *account);
