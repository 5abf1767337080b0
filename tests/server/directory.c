/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/directory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void directory_make(struct directory *d)
{
	(void)snprintf(d->path, sizeof d->path, "/tmp/fieldfare-test-XXXXXX");
	if (mkdtemp(d->path) == NULL)
		abort();
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void directory_remove(struct directory *d)
{
	(void)nftw(d->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *directory_file(const struct directory *d, const char *name)
{
	static char paths[4][192];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof paths[0], "%s/%s", d->path, name);
	return path;
}

void directory_write(const struct directory *d, const char *name, unsigned mode, const char *text)
{
	const char *path = directory_file(d, name);
	FILE *file = fopen(path, "we");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0)
		abort();
}
