/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Artifacts as files (edge): one directory, each file named by the SHA-256 of its bytes, uploads beside them in `tmp/`.
 *
 * An upload is written as it comes and hashed on the way. Its end is made durable by a helper thread: fsync, rename to
 * its name, fsync of the directory; so a file under a digest's name is always whole. What a crash leaves in `tmp/` is
 * deleted at the next start, what fails on the way at once. */
#pragma once

#include "server/artifact.h"

#define ARTIFACT_FILES_ERROR_BYTES 512
#define ARTIFACT_FILES_UPLOADS_MAX 8
#define ARTIFACT_FILES_OPEN_MAX    16 /* descriptors kept open for reading */

struct artifact_files;

struct artifact_files_config {
	const char *path;  /* the directory; made when it does not exist */
	uint64_t max_size; /* of one artifact, in bytes; 0: 1 GiB */
	void (*wake)(void *context);
	void *wake_context;
};

/* NULL with one line of reason in `ret_error`. */
struct artifact_files *artifact_files_open(
	const struct artifact_files_config *config, char ret_error[ARTIFACT_FILES_ERROR_BYTES]);
/* Ends the helper after what it has to do; uploads that have not been finished are given up. Accepts NULL. */
void artifact_files_close(struct artifact_files *a);

struct artifact_port artifact_files_port(struct artifact_files *a);

struct artifact_outcome {
	uint64_t ticket;
	enum artifact_result result;
	struct artifact artifact;
};

/* The next outcome of a finish. False when there is none now. */
bool artifact_files_next(struct artifact_files *a, struct artifact_outcome *ret);
/* Waits until the helper has nothing left to do; for tests. */
void artifact_files_settle(struct artifact_files *a);
