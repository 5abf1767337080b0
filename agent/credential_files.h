/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What proves the device to the server and the server to the device, and who may sign its updates: read from the files
 * that the configuration names (edge). Files that hold secrets must not be readable by others. */
#pragma once

#include "agent/config.h"
#include "dtls/credential.h"
#include "mgmt/trust.h"

#define CREDENTIAL_PEM_BYTES 8192 /* of each file */

struct credential_files {
	struct dtls_client_credential client; /* points into what follows, and into the configuration */
	uint8_t key[DTLS_PSK_MAX_BYTES];
	uint8_t server_key[DTLS_RAW_KEY_BYTES];
	uint8_t *pem[3]; /* certificate, private key, anchors; or raw key, public key; allocated once */
};

/* False with a message of one line that names the file. `peer` must outlive the credential. */
bool credential_files_load(
	const struct config_peer *peer, struct credential_files *ret, char message[CONFIG_MESSAGE_BYTES]);
bool credential_files_load_anchors(
	const struct config *config, struct trust_anchors *ret, char message[CONFIG_MESSAGE_BYTES]);
