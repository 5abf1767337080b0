/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A secret of the server in a file of its own (edge): 64 hexadecimal digits that nobody but its owner may read. */
#pragma once

#include "server/settings.h"

#define SECRET_FILES_BYTES 32

/* Reads it, or makes one of chance where there is no such file. False with a line of reason. */
bool secret_files_read(
	const char *path, uint8_t ret_secret[SECRET_FILES_BYTES], char ret_error[SETTINGS_MESSAGE_BYTES]);
