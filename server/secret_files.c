/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/secret_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHERS (S_IRWXG | S_IRWXO)

static bool say(char *message, const char *path, const char *what)
{
	(void)snprintf(message, SETTINGS_MESSAGE_BYTES, "%s: %s", path, what);
	return false;
}

static bool make(const char *path, uint8_t secret[SECRET_FILES_BYTES], char error[SETTINGS_MESSAGE_BYTES])
{
	char text[2 * SECRET_FILES_BYTES + 1];
	struct writer w = writer_of(text, sizeof text);
	if (getrandom(secret, SECRET_FILES_BYTES, 0) != SECRET_FILES_BYTES)
		return say(error, path, "no randomness");
	write_hex(&w, bytes_of(secret, SECRET_FILES_BYTES));
	write_u8(&w, '\n');
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (file < 0)
		return say(error, path, strerror(errno));
	bool good = write(file, text, sizeof text) == (ssize_t)sizeof text && fsync(file) == 0;
	if (!good)
		say(error, path, strerror(errno));
	(void)close(file);
	return good;
}

bool secret_files_read(const char *path, uint8_t secret[SECRET_FILES_BYTES], char error[SETTINGS_MESSAGE_BYTES])
{
	char text[2 * SECRET_FILES_BYTES + 2];
	struct stat status;
	size_t len;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 && errno == ENOENT)
		return make(path, secret, error);
	if (file < 0 || fstat(file, &status) != 0) {
		say(error, path, strerror(errno));
		if (file >= 0)
			(void)close(file);
		return false;
	}
	ssize_t n = read(file, text, sizeof text);
	size_t found = n < 0 ? 0 : (size_t)n;
	(void)close(file);
	if ((status.st_mode & OTHERS) != 0)
		return say(error, path, "holds a secret but others than its owner may read it; chmod 600");
	if (found > 0 && found < sizeof text && text[found - 1] == '\n')
		found--;
	if (!parse_hex(bytes_of(text, found), secret, SECRET_FILES_BYTES, &len) || len != SECRET_FILES_BYTES)
		return say(error, path, "not 64 hexadecimal digits");
	return true;
}
