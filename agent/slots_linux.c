/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files are named relative to directories that stay open, so a path is looked up once and a directory that is moved
 * away is not mistaken for another. */
#include "agent/slots_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

_Static_assert(
	PORT_NO_ENTRY == -ENOENT && PORT_NO_MEMORY == -ENOMEM && PORT_TOO_BIG == -EFBIG && PORT_NO_SPACE == -ENOSPC,
	"the core's errnos are those of this system");

static const char *const journal_names[] = {"journal.0", "journal.1", "progress"};

/* ---- life ---- */

static int open_directory(int at, const char *name)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int take_lock(struct slots_linux *s)
{
	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return 0;
}

int slots_linux_open(struct slots_linux *s, const char *state_dir, const char **ret_path)
{
	*s = (struct slots_linux){.lock_fd = -1, .dir_fd = -1, .slots_fd = -1, .write_fd = -1};
	*ret_path = state_dir;
	if ((size_t)snprintf(s->state_dir, sizeof s->state_dir, "%s", state_dir) >= sizeof s->state_dir)
		return -ENAMETOOLONG;
	s->dir_fd = open_directory(AT_FDCWD, state_dir);
	if (s->dir_fd < 0)
		return s->dir_fd;
	*ret_path = "lock";
	int status = take_lock(s);
	if (status < 0)
		return status;
	*ret_path = "slots";
	s->slots_fd = open_directory(s->dir_fd, "slots");
	return s->slots_fd < 0 ? s->slots_fd : 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void slots_linux_close(struct slots_linux *s)
{
	close_one(&s->write_fd);
	close_one(&s->slots_fd);
	close_one(&s->dir_fd);
	close_one(&s->lock_fd);
}

void slots_linux_path(const struct slots_linux *s, enum slot slot, char ret[SLOTS_PATH_BYTES])
{
	(void)snprintf(ret, SLOTS_PATH_BYTES, "%s/slots/%s", s->state_dir, slot_name(slot));
}

/* ---- whole reads and writes ---- */

static int write_all(int fd, uint64_t offset, struct bytes data)
{
	while (data.len > 0) {
		ssize_t n = pwrite(fd, data.data, data.len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data = bytes_from(data, (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

static int read_all(int fd, uint64_t offset, void *buffer, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)buffer + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int)done;
}

/* ---- journal ---- */

static int load(void *context, enum journal_record which, void *buffer, size_t capacity)
{
	const struct slots_linux *s = context;
	struct stat st;
	int fd = openat(s->dir_fd, journal_names[which], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int status = fstat(fd, &st) < 0 ? -errno : 0;
	if (status == 0 && (uint64_t)st.st_size > capacity)
		status = -EFBIG;
	if (status == 0)
		status = read_all(fd, 0, buffer, (size_t)st.st_size);
	(void)close(fd);
	return status;
}

/* The file's name must be durable too, and room for its later versions be reserved while there is some. */
static int make_record(const struct slots_linux *s, enum journal_record which)
{
	int fd = openat(s->dir_fd, journal_names[which], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (which != JOURNAL_PROGRESS)
		(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, JOURNAL_STATE_BYTES_MAX); /* where the file system can */
	if (fsync(s->dir_fd) == 0)
		return fd;
	int error = -errno;
	(void)close(fd);
	return error;
}

static int store(void *context, enum journal_record which, struct bytes record)
{
	const struct slots_linux *s = context;
	int fd = openat(s->dir_fd, journal_names[which], O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		fd = errno == ENOENT ? make_record(s, which) : -errno;
	if (fd < 0)
		return fd;
	int status = write_all(fd, 0, record);
	if (status == 0 && (ftruncate(fd, (off_t)record.len) < 0 || fdatasync(fd) < 0))
		status = -errno;
	(void)close(fd);
	return status;
}

struct journal_port slots_linux_journal(struct slots_linux *s)
{
	return (struct journal_port){s, load, store};
}

/* ---- slots ---- */

/* The file stays open between writes; a sync closes it, because an open one cannot be executed (ETXTBSY). */
static int open_slot(struct slots_linux *s, enum slot slot, int flags)
{
	if (s->write_fd >= 0 && s->write_slot == slot)
		return s->write_fd;
	close_one(&s->write_fd);
	s->write_fd = openat(s->slots_fd, slot_name(slot), O_RDWR | O_CLOEXEC | flags, 0700);
	s->write_slot = slot;
	return s->write_fd < 0 ? -errno : s->write_fd;
}

static bool has_reserve(int fd)
{
	struct statvfs v;
	return fstatvfs(fd, &v) < 0 || (uint64_t)v.f_bavail * v.f_frsize >= SLOTS_RESERVE_BYTES;
}

static int reserve(int fd, uint64_t size)
{
	if (size > INT64_MAX)
		return -EFBIG;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	int error = posix_fallocate(fd, 0, (off_t)size);
	if (error == EFBIG) /* more than the file system can hold is also more than there is */
		error = ENOSPC;
	if (error == 0 && !has_reserve(fd))
		error = ENOSPC;
	if (error != 0 && ftruncate(fd, 0) < 0)
		return -errno;
	return -error;
}

static int prepare(void *context, enum slot slot, uint64_t size, bool keep)
{
	struct slots_linux *s = context;
	struct stat st;
	int fd = open_slot(s, slot, O_CREAT);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (keep && (uint64_t)st.st_size == size)
		return 1;
	int status = size == 0 ? -EINVAL : reserve(fd, size);
	if (status == 0 && (fchmod(fd, 0700) < 0 || fsync(s->slots_fd) < 0))
		status = -errno;
	return status;
}

static int write_slot(void *context, enum slot slot, uint64_t offset, struct bytes data)
{
	int fd = open_slot(context, slot, 0);
	return fd < 0 ? fd : write_all(fd, offset, data);
}

static int sync_slot(void *context, enum slot slot)
{
	struct slots_linux *s = context;
	int fd = open_slot(s, slot, 0);
	if (fd < 0)
		return fd;
	int status = fdatasync(fd) < 0 ? -errno : 0;
	close_one(&s->write_fd);
	return status;
}

static int read_slot(void *context, enum slot slot, uint64_t offset, void *buffer, size_t len)
{
	struct slots_linux *s = context;
	close_one(&s->write_fd);
	int fd = openat(s->slots_fd, slot_name(slot), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int status = read_all(fd, offset, buffer, len);
	(void)close(fd);
	return status;
}

static int discard(void *context, enum slot slot)
{
	struct slots_linux *s = context;
	close_one(&s->write_fd);
	if (unlinkat(s->slots_fd, slot_name(slot), 0) < 0 && errno != ENOENT)
		return -errno;
	return fsync(s->slots_fd) < 0 ? -errno : 0;
}

struct slot_port slots_linux_slots(struct slots_linux *s)
{
	return (struct slot_port){s, prepare, write_slot, sync_slot, read_slot, discard};
}

/* ---- the boot choice ---- */

static int activate(void *context, enum slot slot)
{
	const struct slots_linux *s = context;
	if (unlinkat(s->slots_fd, "active.new", 0) < 0 && errno != ENOENT)
		return -errno;
	if (symlinkat(slot_name(slot), s->slots_fd, "active.new") < 0 || fsync(s->slots_fd) < 0)
		return -errno;
	if (renameat(s->slots_fd, "active.new", s->slots_fd, "active") < 0 || fsync(s->slots_fd) < 0)
		return -errno;
	return 0;
}

static int active(void *context, enum slot *ret)
{
	const struct slots_linux *s = context;
	char name[4];
	ssize_t len = readlinkat(s->slots_fd, "active", name, sizeof name);
	if (len < 0)
		return -errno;
	if (len != 1 || (name[0] != 'a' && name[0] != 'b'))
		return -EINVAL;
	*ret = name[0] == 'a' ? SLOT_A : SLOT_B;
	return 0;
}

struct boot_port slots_linux_boot(struct slots_linux *s)
{
	return (struct boot_port){s, activate, active};
}
