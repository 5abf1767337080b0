/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 4200

static bool fail(char *ret_error, const char *what, const char *name)
{
	snprintf(ret_error, FILES_ERROR_BYTES, "%s %.300s: %s", what, name, strerror(errno));
	return false;
}

static bool write_all(int fd, struct bytes content)
{
	while (content.len > 0) {
		ssize_t len = write(fd, content.data, content.len);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		content = bytes_from(content, (size_t)len);
	}
	return fsync(fd) == 0;
}

/* link() refuses what is there, rename() replaces it; both are whole or not at all. */
static bool move_into_place(const char *temporary, const char *name, bool may_replace)
{
	if (may_replace)
		return rename(temporary, name) == 0;
	return link(temporary, name) == 0 && unlink(temporary) == 0;
}

bool files_write(
	const char *name, struct bytes content, unsigned mode, bool may_replace, char ret_error[FILES_ERROR_BYTES])
{
	char temporary[NAME_BYTES];
	int len = snprintf(temporary, sizeof temporary, "%s.new.%ld", name, (long)getpid());
	if (len < 0 || (size_t)len >= sizeof temporary) {
		errno = ENAMETOOLONG;
		return fail(ret_error, "cannot write", name);
	}
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return fail(ret_error, "cannot write", name);
	bool is_written = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, content);
	if (close(fd) != 0 || !is_written || !move_into_place(temporary, name, may_replace)) {
		int reason = errno;
		unlink(temporary);
		errno = reason;
		return fail(ret_error, "cannot write", name);
	}
	return true;
}

bool files_read(const char *name, void *buffer, size_t capacity, struct bytes *ret, char ret_error[FILES_ERROR_BYTES])
{
	FILE *file = fopen(name, "re");
	if (file == NULL)
		return fail(ret_error, "cannot read", name);
	size_t len = fread(buffer, 1, capacity, file);
	bool has_more = len == capacity && fgetc(file) != EOF;
	bool has_failed = ferror(file) != 0;
	fclose(file);
	if (has_failed)
		return fail(ret_error, "cannot read", name);
	if (has_more) {
		snprintf(ret_error, FILES_ERROR_BYTES, "%.300s is longer than %zu bytes", name, capacity);
		return false;
	}
	*ret = bytes_of(buffer, len);
	return true;
}
