/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/shelf_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *const names[SHELF_COUNT] = {[SHELF_PORTFOLIO] = "portfolio",
	[SHELF_EVENTS] = "events",
	[SHELF_HISTORY] = "history",
	[SHELF_ACCOUNTS] = "accounts",
	[SHELF_KEYS] = "keys"};

static int open_directory(const struct shelf_linux *s)
{
	int fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_whole(int fd, uint8_t *buffer, size_t capacity)
{
	size_t len = 0;
	while (len < capacity) {
		ssize_t n = read(fd, buffer + len, capacity - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (int)len;
}

static int load(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	int directory = open_directory(context);
	if (directory < 0)
		return directory;
	int fd = openat(directory, names[which], O_RDONLY | O_CLOEXEC);
	int status = fd >= 0 ? read_whole(fd, buffer, capacity) : errno == ENOENT ? 0 : -errno;
	if (fd >= 0)
		(void)close(fd);
	(void)close(directory);
	return status;
}

static int write_whole(int fd, struct bytes record)
{
	while (record.len > 0) {
		ssize_t n = write(fd, record.data, record.len);
		if (n < 0 && errno != EINTR)
			return -errno;
		record = bytes_from(record, n < 0 ? 0 : (size_t)n);
	}
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int replace(int directory, const char *name, struct bytes record)
{
	char fresh[32];
	(void)snprintf(fresh, sizeof fresh, "%s.new", name);
	int fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int status = write_whole(fd, record);
	(void)close(fd);
	if (status == 0 && (renameat(directory, fresh, directory, name) < 0 || fsync(directory) < 0))
		status = -errno;
	return status;
}

static int store(void *context, enum shelf_record which, struct bytes record)
{
	int directory = open_directory(context);
	if (directory < 0)
		return directory;
	int status = replace(directory, names[which], record);
	(void)close(directory);
	return status;
}

struct shelf_port shelf_linux_port(struct shelf_linux *s)
{
	return (struct shelf_port){s, load, store};
}
