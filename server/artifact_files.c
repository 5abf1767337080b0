/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop's thread owns the uploads until `finish`, then the helper owns the file until its outcome is taken. Reading
 * keeps a few descriptors open, the least recently used one making room. */
#include "server/artifact_files.h"

#include "mgmt/signature_wolfcrypt.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE_USUAL (UINT64_C(1) << 30)
#define NAME_BYTES     (ARTIFACT_NAME_BYTES + 1)
#define UPLOAD_NAME    24

enum upload_state { UPLOAD_FREE, UPLOAD_OPEN, UPLOAD_FINISHING, UPLOAD_DONE };

struct upload {
	enum upload_state state;
	uint32_t generation;
	int file;
	char name[UPLOAD_NAME]; /* in tmp/ */
	uint64_t size, expected;
	bool has_digest;
	uint8_t wanted[SHA256_BYTES];
	struct sha256_stream hash;
	struct artifact_outcome outcome;
	uint64_t order; /* of the finish */
};

struct reading {
	int file; /* -1: free */
	uint64_t used;
	struct artifact artifact;
};

struct artifact_files {
	struct artifact_files_config config;
	int directory, temporary;
	struct upload uploads[ARTIFACT_FILES_UPLOADS_MAX];
	struct reading readings[ARTIFACT_FILES_OPEN_MAX];
	uint64_t clock, finished;
	pthread_t helper;
	pthread_mutex_t lock;
	pthread_cond_t has_work, has_settled;
	bool is_running, is_closing;
};

static void write_file_name(const uint8_t digest[SHA256_BYTES], char ret[NAME_BYTES])
{
	struct writer w = writer_of(ret, ARTIFACT_NAME_BYTES);
	artifact_write_name(&w, digest);
	ret[ARTIFACT_NAME_BYTES] = '\0';
}

static bool is_no_space(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* ---- reading ---- */

static struct reading *find_open(struct artifact_files *a, const uint8_t digest[SHA256_BYTES])
{
	for (unsigned i = 0; i < ARTIFACT_FILES_OPEN_MAX; i++)
		if (a->readings[i].file >= 0 && memcmp(a->readings[i].artifact.digest, digest, SHA256_BYTES) == 0)
			return &a->readings[i];
	return NULL;
}

static void end_reading(struct reading *r)
{
	if (r->file >= 0)
		(void)close(r->file);
	r->file = -1;
}

static struct reading *least_used(struct artifact_files *a)
{
	struct reading *least = &a->readings[0];
	for (unsigned i = 0; i < ARTIFACT_FILES_OPEN_MAX; i++) {
		if (a->readings[i].file < 0)
			return &a->readings[i];
		if (a->readings[i].used < least->used)
			least = &a->readings[i];
	}
	return least;
}

static struct reading *open_artifact(struct artifact_files *a, const uint8_t digest[SHA256_BYTES])
{
	char name[NAME_BYTES];
	struct stat status;
	struct reading *r = find_open(a, digest);
	if (r == NULL) {
		write_file_name(digest, name);
		int file = openat(a->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (file < 0)
			return NULL;
		if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
			(void)close(file);
			return NULL;
		}
		r = least_used(a);
		end_reading(r);
		r->file = file;
		memcpy(r->artifact.digest, digest, SHA256_BYTES);
		r->artifact.size = (uint64_t)status.st_size;
	}
	r->used = ++a->clock;
	return r;
}

static bool find(void *context, const uint8_t digest[SHA256_BYTES], struct artifact *ret)
{
	const struct reading *r = open_artifact(context, digest);
	if (r == NULL)
		return false;
	*ret = r->artifact;
	return true;
}

static int64_t read_at(void *context, const uint8_t digest[SHA256_BYTES], uint64_t offset, void *out, size_t len)
{
	struct reading *r = open_artifact(context, digest);
	size_t got = 0;
	if (r == NULL)
		return -ENOENT;
	while (got < len) {
		ssize_t n = pread(r->file, (uint8_t *)out + got, len - got, (off_t)(offset + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (got < len) /* shorter than when it was opened: the next look finds out how long it is */
		end_reading(r);
	return (int64_t)got;
}

static bool next(void *context, uint64_t *cursor, struct artifact *ret)
{
	struct artifact_files *a = context;
	uint64_t at = 0;
	bool found = false;
	struct dirent *entry;
	int copy = openat(a->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	if (listing == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	while (!found && (entry = readdir(listing)) != NULL) {
		uint8_t digest[SHA256_BYTES];
		if (artifact_parse_name(bytes_of_text(entry->d_name), digest) && at++ == *cursor)
			found = find(a, digest, ret);
	}
	(void)closedir(listing);
	*cursor += found;
	return found;
}

static bool remove_artifact(void *context, const uint8_t digest[SHA256_BYTES])
{
	struct artifact_files *a = context;
	char name[NAME_BYTES];
	struct reading *r = find_open(a, digest);
	if (r != NULL)
		end_reading(r);
	write_file_name(digest, name);
	return unlinkat(a->directory, name, 0) == 0;
}

/* ---- uploading ---- */

static struct upload *get(struct artifact_files *a, struct handle h)
{
	if (h.slot >= ARTIFACT_FILES_UPLOADS_MAX)
		return NULL;
	struct upload *u = &a->uploads[h.slot];
	return u->generation == h.generation && u->state == UPLOAD_OPEN ? u : NULL;
}

/* Gives the upload up and deletes what there is of it. */
static void discard(struct artifact_files *a, struct upload *u)
{
	if (u->file >= 0)
		(void)close(u->file);
	u->file = -1;
	(void)unlinkat(a->temporary, u->name, 0);
}

static enum artifact_result end_with(struct artifact_files *a, struct upload *u, enum artifact_result result)
{
	discard(a, u);
	u->state = UPLOAD_FREE;
	return result;
}

static struct upload *find_free(struct artifact_files *a)
{
	struct upload *found = NULL;
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX && found == NULL; i++)
		if (a->uploads[i].state == UPLOAD_FREE)
			found = &a->uploads[i];
	pthread_mutex_unlock(&a->lock);
	return found;
}

static enum artifact_result begin(void *context, uint64_t size, const uint8_t *digest, struct handle *ret)
{
	struct artifact_files *a = context;
	struct upload *u = find_free(a);
	if (size != UINT64_MAX && size > a->config.max_size)
		return ARTIFACT_TOO_LARGE;
	if (u == NULL)
		return ARTIFACT_BUSY;
	unsigned slot = (unsigned)(u - a->uploads);
	(void)snprintf(u->name, sizeof u->name, "upload-%u", slot);
	u->file = openat(a->temporary, u->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (u->file < 0)
		return is_no_space(errno) ? ARTIFACT_NO_SPACE : ARTIFACT_FAILED;
	/* Told now, a lack of space costs nobody an upload. Not every file system can say. */
	if (size != UINT64_MAX && size > 0 && posix_fallocate(u->file, 0, (off_t)size) == ENOSPC)
		return end_with(a, u, ARTIFACT_NO_SPACE);
	u->generation += 2;
	u->generation |= 1;
	u->state = UPLOAD_OPEN;
	u->size = 0;
	u->expected = size;
	u->has_digest = digest != NULL;
	if (digest != NULL)
		memcpy(u->wanted, digest, SHA256_BYTES);
	sha256_stream_init(&u->hash);
	*ret = (struct handle){slot, u->generation};
	return ARTIFACT_DONE;
}

static bool write_all(int file, struct bytes data)
{
	while (data.len > 0) {
		ssize_t n = write(file, data.data, data.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data = bytes_from(data, (size_t)n);
	}
	return true;
}

static enum artifact_result append(void *context, struct handle upload, struct bytes data)
{
	struct artifact_files *a = context;
	struct upload *u = get(a, upload);
	if (u == NULL)
		return ARTIFACT_UNKNOWN;
	uint64_t limit = u->expected < a->config.max_size ? u->expected : a->config.max_size;
	if (data.len > limit - u->size)
		return end_with(a, u, ARTIFACT_TOO_LARGE);
	if (!write_all(u->file, data))
		return end_with(a, u, is_no_space(errno) ? ARTIFACT_NO_SPACE : ARTIFACT_FAILED);
	sha256_stream_add(&u->hash, data);
	u->size += data.len;
	return ARTIFACT_DONE;
}

static enum artifact_result finish(void *context, struct handle upload, uint64_t ticket)
{
	struct artifact_files *a = context;
	struct upload *u = get(a, upload);
	if (u == NULL)
		return ARTIFACT_UNKNOWN;
	u->outcome = (struct artifact_outcome){.ticket = ticket, .result = ARTIFACT_DONE};
	sha256_stream_end(&u->hash, u->outcome.artifact.digest);
	u->outcome.artifact.size = u->size;
	if (u->size == 0)
		return end_with(a, u, ARTIFACT_EMPTY);
	if (u->has_digest && memcmp(u->wanted, u->outcome.artifact.digest, SHA256_BYTES) != 0)
		return end_with(a, u, ARTIFACT_WRONG_DIGEST);
	pthread_mutex_lock(&a->lock);
	u->state = UPLOAD_FINISHING;
	u->order = ++a->finished;
	pthread_cond_signal(&a->has_work);
	pthread_mutex_unlock(&a->lock);
	return ARTIFACT_DONE;
}

static void cancel(void *context, struct handle upload)
{
	struct artifact_files *a = context;
	struct upload *u = get(a, upload);
	if (u != NULL)
		(void)end_with(a, u, ARTIFACT_DONE);
}

struct artifact_port artifact_files_port(struct artifact_files *a)
{
	return (struct artifact_port){.context = a,
		.find = find,
		.read = read_at,
		.next = next,
		.begin = begin,
		.append = append,
		.finish = finish,
		.cancel = cancel,
		.remove = remove_artifact};
}

/* ---- the helper ---- */

static struct upload *first_in(struct artifact_files *a, enum upload_state state)
{
	struct upload *first = NULL;
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++)
		if (a->uploads[i].state == state && (first == NULL || a->uploads[i].order < first->order))
			first = &a->uploads[i];
	return first;
}

/* What was allocated ahead and not filled goes; what is there becomes an artifact. */
static enum artifact_result make_durable(struct artifact_files *a, struct upload *u)
{
	char name[NAME_BYTES];
	write_file_name(u->outcome.artifact.digest, name);
	bool ok = ftruncate(u->file, (off_t)u->size) == 0 && fchmod(u->file, 0440) == 0 && fsync(u->file) == 0 &&
		  renameat(a->temporary, u->name, a->directory, name) == 0 && fsync(a->directory) == 0;
	int error = errno;
	discard(a, u);
	if (ok)
		return ARTIFACT_DONE;
	return is_no_space(error) ? ARTIFACT_NO_SPACE : ARTIFACT_FAILED;
}

static void *help(void *context)
{
	struct artifact_files *a = context;
	pthread_mutex_lock(&a->lock);
	for (;;) {
		struct upload *u;
		while ((u = first_in(a, UPLOAD_FINISHING)) == NULL && !a->is_closing)
			pthread_cond_wait(&a->has_work, &a->lock);
		if (u == NULL)
			break;
		pthread_mutex_unlock(&a->lock);
		enum artifact_result result = make_durable(a, u);
		pthread_mutex_lock(&a->lock);
		u->outcome.result = result;
		u->state = UPLOAD_DONE;
		pthread_cond_broadcast(&a->has_settled);
		pthread_mutex_unlock(&a->lock);
		if (a->config.wake != NULL)
			a->config.wake(a->config.wake_context);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

bool artifact_files_next(struct artifact_files *a, struct artifact_outcome *ret)
{
	pthread_mutex_lock(&a->lock);
	struct upload *u = first_in(a, UPLOAD_DONE);
	if (u != NULL) {
		*ret = u->outcome;
		u->state = UPLOAD_FREE;
	}
	pthread_mutex_unlock(&a->lock);
	return u != NULL;
}

void artifact_files_settle(struct artifact_files *a)
{
	pthread_mutex_lock(&a->lock);
	while (first_in(a, UPLOAD_FINISHING) != NULL)
		pthread_cond_wait(&a->has_settled, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

/* ---- life ---- */

/* Only names that we make are deleted. */
static void clear_temporary(struct artifact_files *a)
{
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++) {
		char name[UPLOAD_NAME];
		(void)snprintf(name, sizeof name, "upload-%u", i);
		(void)unlinkat(a->temporary, name, 0);
	}
}

static bool open_directories(struct artifact_files *a)
{
	if (mkdir(a->config.path, 0750) != 0 && errno != EEXIST)
		return false;
	a->directory = open(a->config.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->directory < 0)
		return false;
	if (mkdirat(a->directory, "tmp", 0700) != 0 && errno != EEXIST)
		return false;
	a->temporary = openat(a->directory, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return a->temporary >= 0 && faccessat(a->temporary, ".", W_OK, AT_EACCESS) == 0;
}

struct artifact_files *artifact_files_open(
	const struct artifact_files_config *config, char ret_error[ARTIFACT_FILES_ERROR_BYTES])
{
	struct artifact_files *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)snprintf(ret_error, ARTIFACT_FILES_ERROR_BYTES, "%s: out of memory", config->path);
		return NULL;
	}
	a->config = *config;
	a->config.max_size = config->max_size != 0 ? config->max_size : MAX_SIZE_USUAL;
	a->directory = a->temporary = -1;
	for (unsigned i = 0; i < ARTIFACT_FILES_OPEN_MAX; i++)
		a->readings[i].file = -1;
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++)
		a->uploads[i].file = -1;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->has_work, NULL);
	pthread_cond_init(&a->has_settled, NULL);
	bool is_open = open_directories(a);
	if (is_open)
		clear_temporary(a);
	int error = is_open ? pthread_create(&a->helper, NULL, help, a) : errno;
	a->is_running = is_open && error == 0;
	if (a->is_running)
		return a;
	(void)snprintf(ret_error, ARTIFACT_FILES_ERROR_BYTES, "%s: %s", config->path, strerror(error));
	artifact_files_close(a);
	return NULL;
}

void artifact_files_close(struct artifact_files *a)
{
	if (a == NULL)
		return;
	if (a->is_running) {
		pthread_mutex_lock(&a->lock);
		a->is_closing = true;
		pthread_cond_signal(&a->has_work);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->helper, NULL);
	}
	for (unsigned i = 0; i < ARTIFACT_FILES_UPLOADS_MAX; i++)
		if (a->uploads[i].state == UPLOAD_OPEN)
			discard(a, &a->uploads[i]);
	for (unsigned i = 0; i < ARTIFACT_FILES_OPEN_MAX; i++)
		end_reading(&a->readings[i]);
	if (a->temporary >= 0)
		(void)close(a->temporary);
	if (a->directory >= 0)
		(void)close(a->directory);
	pthread_cond_destroy(&a->has_settled);
	pthread_cond_destroy(&a->has_work);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
