/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * All files that say who may come and what proves the server, read as one (edge): pre-shared keys, certificates, trust
 * anchors, the authority, revocation lists. They are read anew the same way, whole or not at all: the fresh set is
 * loaded beside the one in use, and takes its place when everything in it was good. */
#pragma once

#include "server/authority_files.h"
#include "server/crl_files.h"

struct trust_files {
	struct credential_files credentials;
	struct authority_files authority;
	struct crl_files crl;
};

/* False with a message of one line that names file and line; nothing is held then. `now` is in seconds since 1970. */
bool trust_files_load(struct trust_files *t, const struct settings *settings, uint64_t seed, int64_t now,
	char message[SETTINGS_MESSAGE_BYTES]);
/* Moves `fresh` in. Ports into `t` stay valid. */
void trust_files_replace(struct trust_files *t, struct trust_files *fresh);
/* Accepts a zeroed object. */
void trust_files_done(struct trust_files *t);
