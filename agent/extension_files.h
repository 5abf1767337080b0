/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder of extensions (edge): which there are, whether they may be trusted, and what their definitions say.
 *
 * An extension is a definition, <name>.xml, and beside it either a program, <name>, or a socket on which a program that
 * runs already listens, <name>.socket. What runs as part of the device must come from who administers it: the folder
 * and the files belong to root or to the user that the agent runs as, nobody else may write to them, and a file is a
 * file, not a link to one. */
#pragma once

#include "agent/extension.h"
#include "mgmt/model_expat.h"

#include <sys/types.h>

#define EXTENSION_FILES_MAX  32
#define EXTENSION_PATH_BYTES 320
#define EXTENSION_WHY_BYTES  224

enum extension_way { EXTENSION_BY_NOTHING, EXTENSION_BY_PROGRAM, EXTENSION_BY_SOCKET };

/* By which a file is known to be still the same. */
struct extension_stamp {
	ino_t inode;
	off_t size;
	int64_t changed_s;
	long changed_ns;
	mode_t mode;
	uid_t owner;
};

struct extension_files {
	char name[EXTENSION_NAME_MAX + 1];
	enum extension_way way; /* NOTHING: the definition stands alone */
	struct extension_stamp definition, program;
};

/* All that have a definition, in no order, as many as there is room for. False when the folder cannot be read or may
 * not be trusted: `why` says it. */
bool extension_files_scan(const char *folder, struct extension_files list[EXTENSION_FILES_MAX], size_t *ret_count,
	char why[EXTENSION_WHY_BYTES]);
bool extension_files_are_same(const struct extension_files *a, const struct extension_files *b);
/* Whether they may be used; if not `why` says it. */
bool extension_files_check(const struct extension_files *files, char why[EXTENSION_WHY_BYTES]);
/* Reads the definition into an empty list, for model_list_done afterwards; if it cannot be, `why` says it. */
bool extension_files_read(
	const char *folder, const struct extension_files *files, struct model_list *ret, char why[EXTENSION_WHY_BYTES]);
/* Of the program or the socket. False when the path is too long. */
bool extension_files_path(const char *folder, const struct extension_files *files, char ret[EXTENSION_PATH_BYTES]);
