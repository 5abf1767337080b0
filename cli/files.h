/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Small files, whole: keys and manifests. They are written beside their place and moved into it, so that a file with
 * the name is always a complete one. Reasons of failure are one line for people. */
#pragma once

#include "coap/base/bytes.h"

#define FILES_ERROR_BYTES 512

/* Without `may_replace`, a file that is there stays as it is and that is the reason. */
bool files_write(
	const char *name, struct bytes content, unsigned mode, bool may_replace, char ret_error[FILES_ERROR_BYTES]);
/* At most `capacity` bytes; a longer file is refused. `ret` borrows the buffer. */
bool files_read(const char *name, void *buffer, size_t capacity, struct bytes *ret, char ret_error[FILES_ERROR_BYTES]);
