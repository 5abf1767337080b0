/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Releases before they are on the server: images as streams, envelopes as files, and the signing of them. */
#pragma once

#include "cli/mgmtctl.h"
#include "mgmt/manifest.h"

#include <stdio.h>

#define RELEASE_FILE_ERROR_BYTES 512

struct image_facts {
	uint8_t digest[SHA256_BYTES];
	uint64_t size;
};

/* Reads the whole file once, never more than a piece of it in memory. */
bool image_facts_of(FILE *image, struct image_facts *ret);

/* What an envelope says: its form and digest are checked, its signature cannot be. The manifest borrows. */
bool release_file_read(struct bytes envelope, struct manifest *ret, char ret_error[RELEASE_FILE_ERROR_BYTES]);
/* The same as the server would show it. */
json_t *release_file_json(struct bytes envelope, char ret_error[RELEASE_FILE_ERROR_BYTES]);

/* The commands that work without a server. */
extern const struct option_spec release_sign_options[];
enum exit_status run_release_sign(struct mgmtctl *m);
extern const struct option_spec release_pack_options[];
enum exit_status run_release_pack(struct mgmtctl *m);
