/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A folder of object definitions as a model (edge): all *.xml in it, together with the compiled-in ones.
 *
 * Where a file and the compiled-in model define the same version of an object, the file counts; of two files the one
 * whose name comes later. A file that cannot be read is told about and left out, so that one mistake does not take the
 * names of all other objects away. */
#pragma once

#include "mgmt/model.h"

#define MODEL_FILE_BYTES_MAX (4u << 20)

struct model_files;

/* Never NULL but for want of memory. `complain` has one line of reason for each file that is left out, or for the
 * folder; it may be NULL. */
struct model_files *model_files_load(
	const char *folder, void (*complain)(void *context, const char *path, const char *reason), void *context);
/* Valid until model_files_free. */
const struct model *model_files_model(const struct model_files *f);
/* How many definitions came from files. */
size_t model_files_count(const struct model_files *f);
/* Accepts NULL. */
void model_files_free(struct model_files *f);
