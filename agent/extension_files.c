/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFINITION_BYTES_MAX (256u << 10)
#define DEFINITION_SUFFIX    ".xml"
#define SOCKET_SUFFIX        ".socket"

static void say(char why[EXTENSION_WHY_BYTES], const char *what, const char *subject)
{
	(void)snprintf(why, EXTENSION_WHY_BYTES, "%s%s", subject, what);
}

/* ---- trust ---- */

static bool is_ours(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* NULL when it is to be trusted. */
static const char *distrust(uid_t owner, mode_t mode)
{
	if (!is_ours(owner))
		return " belongs to neither root nor the agent's user";
	return (mode & (S_IWGRP | S_IWOTH)) != 0 ? " can be written by others" : NULL;
}

static bool check_folder(const char *folder, char why[EXTENSION_WHY_BYTES])
{
	struct stat s;
	const char *fault;
	if (stat(folder, &s) < 0) {
		say(why, strerror(errno), "");
		return false;
	}
	fault = S_ISDIR(s.st_mode) ? distrust(s.st_uid, s.st_mode) : " is no folder";
	if (fault != NULL)
		say(why, fault, "it");
	return fault == NULL;
}

/* Who may write to a socket may only talk to the program behind it. */
static const char *distrust_program(enum extension_way way, const struct extension_stamp *s)
{
	if (way == EXTENSION_BY_SOCKET)
		return is_ours(s->owner) ? NULL : distrust(s->owner, s->mode);
	const char *fault = distrust(s->owner, s->mode);
	return fault != NULL || (s->mode & S_IXUSR) != 0 ? fault : " is not executable";
}

bool extension_files_check(const struct extension_files *files, char why[EXTENSION_WHY_BYTES])
{
	const char *fault = distrust(files->definition.owner, files->definition.mode);
	if (fault != NULL) {
		say(why, fault, "the definition");
		return false;
	}
	if (files->way == EXTENSION_BY_NOTHING) {
		say(why, "there is neither a program nor a socket for the definition", "");
		return false;
	}
	fault = distrust_program(files->way, &files->program);
	if (fault != NULL)
		say(why, fault, files->way == EXTENSION_BY_SOCKET ? "the socket" : "the program");
	return fault == NULL;
}

/* ---- the folder ---- */

static bool stamp(int folder, const char *name, mode_t type, struct extension_stamp *ret)
{
	struct stat s;
	if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) < 0 || (s.st_mode & S_IFMT) != type)
		return false;
	*ret = (struct extension_stamp){.inode = s.st_ino,
		.size = s.st_size,
		.changed_s = s.st_mtim.tv_sec,
		.changed_ns = s.st_mtim.tv_nsec,
		.mode = s.st_mode,
		.owner = s.st_uid};
	return true;
}

static bool are_stamps_same(const struct extension_stamp *a, const struct extension_stamp *b)
{
	return a->inode == b->inode && a->size == b->size && a->changed_s == b->changed_s &&
	       a->changed_ns == b->changed_ns && a->mode == b->mode && a->owner == b->owner;
}

/* "name.xml" */
static bool take_name(const char *file, char ret[EXTENSION_NAME_MAX + 1])
{
	size_t len = strlen(file), suffix = strlen(DEFINITION_SUFFIX);
	if (file[0] == '.' || len <= suffix || len - suffix > EXTENSION_NAME_MAX ||
		strcmp(file + len - suffix, DEFINITION_SUFFIX) != 0)
		return false;
	memcpy(ret, file, len - suffix);
	ret[len - suffix] = '\0';
	return true;
}

static bool look(int folder, const char *file, struct extension_files *ret)
{
	char socket[EXTENSION_NAME_MAX + sizeof SOCKET_SUFFIX];
	memset(ret, 0, sizeof *ret);
	if (!take_name(file, ret->name) || !stamp(folder, file, S_IFREG, &ret->definition))
		return false;
	(void)snprintf(socket, sizeof socket, "%s%s", ret->name, SOCKET_SUFFIX);
	if (stamp(folder, ret->name, S_IFREG, &ret->program))
		ret->way = EXTENSION_BY_PROGRAM;
	else if (stamp(folder, socket, S_IFSOCK, &ret->program))
		ret->way = EXTENSION_BY_SOCKET;
	return true;
}

bool extension_files_scan(const char *folder, struct extension_files list[EXTENSION_FILES_MAX], size_t *ret_count,
	char why[EXTENSION_WHY_BYTES])
{
	const struct dirent *entry;
	size_t count = 0;
	if (!check_folder(folder, why))
		return false;
	DIR *dir = opendir(folder);
	if (dir == NULL) {
		say(why, strerror(errno), "");
		return false;
	}
	while (count < EXTENSION_FILES_MAX && (entry = readdir(dir)) != NULL)
		count += look(dirfd(dir), entry->d_name, &list[count]);
	(void)closedir(dir);
	*ret_count = count;
	return true;
}

bool extension_files_are_same(const struct extension_files *a, const struct extension_files *b)
{
	return a->way == b->way && strcmp(a->name, b->name) == 0 && are_stamps_same(&a->definition, &b->definition) &&
	       are_stamps_same(&a->program, &b->program);
}

bool extension_files_path(const char *folder, const struct extension_files *files, char ret[EXTENSION_PATH_BYTES])
{
	const char *suffix = files->way == EXTENSION_BY_SOCKET ? SOCKET_SUFFIX : "";
	return snprintf(ret, EXTENSION_PATH_BYTES, "%s/%s%s", folder, files->name, suffix) < EXTENSION_PATH_BYTES;
}

/* ---- the definition ---- */

static ssize_t read_whole(const char *path, uint8_t *data, size_t capacity)
{
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, data + len, capacity - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || len + (size_t)n == capacity) {
			ssize_t status = n < 0 ? -errno : n > 0 ? -EFBIG : (ssize_t)len;
			(void)close(fd);
			return status;
		}
		len += (size_t)n;
	}
}

bool extension_files_read(
	const char *folder, const struct extension_files *files, struct model_list *ret, char why[EXTENSION_WHY_BYTES])
{
	char path[EXTENSION_PATH_BYTES], message[MODEL_EXPAT_MESSAGE_BYTES];
	int len = snprintf(path, sizeof path, "%s/%s%s", folder, files->name, DEFINITION_SUFFIX);
	if (len < 0 || (size_t)len >= sizeof path) {
		say(why, "its path is too long", "");
		return false;
	}
	uint8_t *data = malloc(DEFINITION_BYTES_MAX);
	ssize_t size = data == NULL ? -ENOMEM : read_whole(path, data, DEFINITION_BYTES_MAX);
	bool is_read = size >= 0 && model_expat_read(ret, bytes_of(data, (size_t)size), message);
	if (!is_read)
		say(why, size < 0 ? strerror((int)-size) : message, "the definition: ");
	free(data);
	return is_read;
}
