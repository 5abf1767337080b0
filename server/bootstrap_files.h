/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The file of accounts that a Bootstrap server gives devices (edge); bootstrap.h has its form. It holds keys, so it
 * must not be readable by others than its owner, and a line that cannot be read is an error. */
#pragma once

#include "server/bootstrap.h"
#include "server/settings.h"

struct bootstrap_files {
	struct bootstrap_accounts accounts;
	uint8_t *text; /* what the accounts borrow from */
};

/* False with a message of one line that names file and line. */
bool bootstrap_files_load(const char *path, struct bootstrap_files *ret, char message[SETTINGS_MESSAGE_BYTES]);
/* Accepts a zeroed object. */
void bootstrap_files_done(struct bootstrap_files *f);
