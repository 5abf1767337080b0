/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A directory of its own for each test of an edge, gone afterwards. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* "<folder>/<name>", valid until the fourth call after this one. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static inline void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) != 0)
		abort();
}

static inline void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char inner[512];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) >= (int)sizeof inner)
			continue;
		if (unlink(inner) != 0)
			remove_tree(inner);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(path);
}

static inline int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/fieldfare-test-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int remove_folder(void **state)
{
	(void)state;
	remove_tree(folder);
	return 0;
}
