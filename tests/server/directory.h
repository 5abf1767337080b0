/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A directory of its own for a test that needs real files; it goes with all that is in it. */
#pragma once

struct directory {
	char path[64];
};

void directory_make(struct directory *d);
void directory_remove(struct directory *d);
/* The path of a file in it; a static buffer, good for the next four calls. */
const char *directory_file(const struct directory *d, const char *name);
void directory_write(const struct directory *d, const char *name, unsigned mode, const char *text);
