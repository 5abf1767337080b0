/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/session_files.h"

#include "coap/io/loop.h"
#include "server/log.h"
#include "server/secret_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKS_AT       65536 /* a page boundary, however large pages are */
#define MARKS_UNIT     4096
#define PATH_BYTES     (SETTINGS_PATH_BYTES + 32)
#define WRITE_DELAY    ((msec)250) /* from the first change to the first record; bursts are written once */
#define RECORDS_A_TURN 256
#define BOOT_ID        "/proc/sys/kernel/random/boot_id"

struct session_files {
	char path[PATH_BYTES];
	uint32_t slots;
	uint8_t worker;
	struct dtls_crypto crypto;
	uint8_t secret[DTLS_SAVE_SECRET_BYTES];
	uint8_t cid_key[DTLS_CID_KEY_BYTES];
	uint8_t boot[DTLS_SAVE_BOOT_BYTES];

	struct bytes old; /* the file of the start before, mapped; empty without one */
	struct dtls_save old_save;
	struct dtls_save_head old_head;

	int file; /* ours; -1 before it has begun */
	struct dtls_save save;
	uint64_t *marks;
	struct dtls *dtls;
	struct session_files_owner owner;
	msec at;         /* when records are written next; NEVER while nothing has changed */
	bool has_failed; /* the latest write; told once */
};

/* ---- places in the file ---- */

static off_t records_at(uint32_t slots)
{
	size_t marks = (dtls_sessions_marks_bytes(slots) + MARKS_UNIT - 1) / MARKS_UNIT * MARKS_UNIT;
	return (off_t)(MARKS_AT + marks);
}

static off_t record_at(uint32_t slots, uint32_t slot)
{
	return records_at(slots) + (off_t)slot * DTLS_SAVE_RECORD_BYTES;
}

static bool write_at(int file, const void *data, size_t len, off_t at)
{
	ssize_t n;
	do
		n = pwrite(file, data, len, at);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	return n == (ssize_t)len;
}

/* How much there was. */
static size_t read_at(int file, void *out, size_t len, off_t at)
{
	ssize_t n;
	do
		n = pread(file, out, len, at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

/* ---- the file before ---- */

static void read_boot(uint8_t boot[DTLS_SAVE_BOOT_BYTES])
{
	char text[64] = "";
	uint64_t half[2];
	int file = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	size_t len = file < 0 ? 0 : read_at(file, text, sizeof text, 0);
	if (file >= 0)
		(void)close(file);
	half[0] = bytes_hash(bytes_of(text, len), 1);
	half[1] = bytes_hash(bytes_of(text, len), 2);
	memcpy(boot, half, sizeof half);
	/* Without the system's word every start counts as another boot. */
	if (len == 0)
		(void)coap_loop_seed(boot, DTLS_SAVE_BOOT_BYTES);
}

static const char *why_useless(const struct session_files *f)
{
	bool is_same_boot = memcmp(f->old_head.boot, f->boot, sizeof f->boot) == 0;
	if (f->old_head.worker != f->worker)
		return "it is of another worker";
	if (!is_same_boot && !f->old_head.is_clean)
		return "the system went down before it was stopped cleanly";
	return NULL;
}

static void forget_old(struct session_files *f)
{
	if (f->old.len > 0)
		(void)munmap((void *)(uintptr_t)f->old.data, f->old.len);
	f->old = BYTES_NONE;
}

static struct bytes map_file(const char *path)
{
	struct stat status;
	void *mapped = MAP_FAILED;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return BYTES_NONE;
	if (fstat(file, &status) == 0 && status.st_size > 0)
		mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	(void)close(file);
	return mapped == MAP_FAILED ? BYTES_NONE : bytes_of(mapped, (size_t)status.st_size);
}

static void open_old(struct session_files *f)
{
	f->old = map_file(f->path);
	if (f->old.len == 0)
		return;
	enum dtls_save_verdict verdict = dtls_save_open(
		&f->old_save, &f->crypto, f->secret, bytes_first(f->old, DTLS_SAVE_HEAD_BYTES), &f->old_head);
	const char *why = verdict == DTLS_SAVE_GOOD ? why_useless(f) : dtls_save_verdict_text(verdict);
	if (why == NULL)
		return;
	log_text(SERVER_LOG_WARNING, "event=sessions-lost file=\"%s\" reason=\"%s\"", f->path, why);
	f->old_head.slots = 0;
	forget_old(f);
}

/* ---- life ---- */

struct session_files *session_files_open(
	const struct session_files_config *config, char ret_error[SETTINGS_MESSAGE_BYTES])
{
	struct session_files *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	(void)snprintf(f->path, sizeof f->path, "%s", config->path);
	f->slots = config->slots;
	f->worker = config->worker;
	f->crypto = config->crypto;
	f->file = -1;
	f->at = NEVER;
	if (!secret_files_read(config->secret_path, f->secret, ret_error) ||
		!dtls_save_cid_key(&f->crypto, f->secret, f->cid_key)) {
		free(f);
		return NULL;
	}
	read_boot(f->boot);
	open_old(f);
	return f;
}

void session_files_close(struct session_files *f)
{
	if (f == NULL)
		return;
	if (f->marks != NULL) {
		dtls_mark_in(f->dtls, NULL);
		(void)munmap(f->marks, (size_t)records_at(f->slots) - MARKS_AT);
	}
	if (f->file >= 0)
		(void)close(f->file);
	forget_old(f);
	explicit_bzero(f, sizeof *f);
	free(f);
}

const uint8_t *session_files_cid_key(const struct session_files *f)
{
	return f->cid_key;
}

/* ---- writing ---- */

/* HANDLE_NONE: nobody is there. */
static bool write_slot(
	struct session_files *f, uint32_t slot, struct handle session, uint16_t reserve, struct bytes note)
{
	uint8_t record[DTLS_SAVE_RECORD_BYTES] = {0};
	if (!handle_is_none(session) && !dtls_save(f->dtls, &f->save, session, reserve, note, record))
		return false;
	if (!write_at(f->file, record, sizeof record, record_at(f->slots, slot)))
		return false;
	dtls_saved(f->dtls, slot, reserve);
	return true;
}

/* At most so many. False when one could not be written. */
static bool write_changed(struct session_files *f, uint32_t most, uint16_t reserve)
{
	struct handle session;
	uint32_t slot;
	while (most-- > 0 && dtls_changed(f->dtls, &slot, &session)) {
		uint8_t note[DTLS_SAVE_NOTE_MAX];
		struct writer w = writer_of(note, sizeof note);
		if (!handle_is_none(session))
			f->owner.note(f->owner.context, session, &w);
		if (!write_slot(f, slot, session, reserve, writer_bytes(&w)))
			return false;
	}
	return true;
}

static bool write_head(struct session_files *f, bool is_clean, msec now, int64_t wall)
{
	uint8_t bytes[DTLS_SAVE_HEAD_BYTES];
	struct dtls_save_head head = {
		.slots = f->slots, .worker = f->worker, .is_clean = is_clean, .now = now, .wall = wall};
	memcpy(head.boot, f->boot, sizeof head.boot);
	return dtls_save_write_head(&f->save, &head, bytes) && write_at(f->file, bytes, sizeof bytes, 0);
}

msec session_files_deadline(const struct session_files *f)
{
	return f->at;
}

void session_files_tick(struct session_files *f, msec now)
{
	if (f->file < 0)
		return;
	if (dtls_changed_count(f->dtls) == 0) {
		f->at = NEVER;
	} else if (f->at == NEVER) {
		f->at = msec_after(now, WRITE_DELAY);
	} else if (now >= f->at) {
		bool good = write_changed(f, RECORDS_A_TURN, DTLS_SESSION_RESERVE);
		if (!good && !f->has_failed)
			log_text(SERVER_LOG_ERROR, "event=sessions-not-written file=\"%s\" reason=\"%s\"", f->path,
				strerror(errno));
		f->has_failed = !good;
		bool has_more = good && dtls_changed_count(f->dtls) > 0;
		f->at = has_more ? now : good ? NEVER : msec_after(now, SECONDS(5));
	}
}

bool session_files_stop(struct session_files *f, msec now, int64_t wall)
{
	if (f->file < 0)
		return false;
	bool good = write_changed(f, UINT32_MAX, 0);
	/* The records first: a head that calls itself clean must not be on the disk before them. */
	good = fsync(f->file) == 0 && good;
	return write_head(f, good, now, wall) && fsync(f->file) == 0 && good;
}

/* ---- starting ---- */

static bool make_file(struct session_files *f, const char *path, msec now, int64_t wall)
{
	uint8_t salt[DTLS_SAVE_SALT_BYTES];
	f->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (f->file < 0)
		return false;
	size_t marks = (size_t)records_at(f->slots) - MARKS_AT;
	errno = posix_fallocate(f->file, 0, records_at(f->slots)); /* a mapped page must have its place on the disk */
	if (errno != 0 || coap_loop_seed(salt, sizeof salt) != 0 ||
		!dtls_save_begin(&f->save, &f->crypto, f->secret, salt) || !write_head(f, false, now, wall))
		return false;
	void *mapped = mmap(NULL, marks, PROT_READ | PROT_WRITE, MAP_SHARED, f->file, MARKS_AT);
	if (mapped == MAP_FAILED)
		return false;
	f->marks = mapped;
	dtls_mark_in(f->dtls, f->marks);
	return true;
}

/* Syncing the directory makes the new name last. */
static bool take_the_place(const struct session_files *f, const char *path)
{
	char folder[PATH_BYTES];
	(void)snprintf(folder, sizeof folder, "%s", f->path);
	char *slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder] = '\0';
	int directory = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fsync(f->file) == 0 && rename(path, f->path) == 0 && directory >= 0 && fsync(directory) == 0;
	if (directory >= 0)
		(void)close(directory);
	return good;
}

/* One record of the file before; the slot's mark is counted with it. */
struct found {
	uint32_t slot;
	bool is_marked;
	enum dtls_save_verdict verdict;
	struct dtls_saved_session saved;
};

/* How far this process's time is ahead of the one in which the file was written. */
static msec shift_of(const struct session_files *f, msec now, int64_t wall)
{
	if (memcmp(f->old_head.boot, f->boot, sizeof f->boot) == 0)
		return 0;
	msec away = wall > f->old_head.wall ? wall - f->old_head.wall : 0;
	return now - f->old_head.now - away;
}

/* Puts a session back and writes it into the new file. False when that cannot be written. */
static bool restore(
	struct session_files *f, const struct found *found, msec shift, msec now, struct session_files_counts *counts)
{
	const struct dtls_saved_session *saved = &found->saved;
	if (found->verdict == DTLS_SAVE_EMPTY)
		return true;
	if (found->is_marked || found->verdict != DTLS_SAVE_GOOD) {
		counts->changed += found->is_marked;
		counts->damaged += !found->is_marked;
		return true;
	}
	if (!f->owner.welcomes(f->owner.context, saved) || !dtls_restore(f->dtls, saved, shift, now)) {
		counts->unwelcome++;
		return true;
	}
	counts->restored++;
	return write_slot(f, found->slot, saved->handle, DTLS_SESSION_RESERVE, bytes_of(saved->note, saved->note_len));
}

/* Tells the owner. */
static void hand_over(struct session_files *f, const struct found *found, msec now, struct session_files_counts *counts)
{
	struct coap_remote remote = {found->saved.session.address, found->saved.handle};
	struct dtls_session_info info;
	bool is_back = !found->is_marked && found->verdict == DTLS_SAVE_GOOD &&
		       dtls_session_info(f->dtls, remote.session, &info);
	if (!is_back ||
		f->owner.restored(f->owner.context, &remote, bytes_of(found->saved.note, found->saved.note_len), now))
		return;
	dtls_close(f->dtls, remote.session, now);
	counts->restored--;
	counts->unwelcome++;
}

/* A slot whose mark is not in the file any more counts as marked. */
static void read_found(const struct session_files *f, uint32_t slot, struct found *ret)
{
	uint64_t marks = UINT64_MAX;
	struct bytes word = bytes_from(f->old, MARKS_AT + slot / 64 * sizeof marks);
	struct bytes record = bytes_from(f->old, (size_t)record_at(f->old_head.slots, slot));
	if (word.len >= sizeof marks)
		memcpy(&marks, word.data, sizeof marks);
	ret->slot = slot;
	ret->is_marked = (marks >> slot % 64 & 1) != 0;
	ret->verdict = dtls_save_read(&f->old_save, slot, bytes_first(record, DTLS_SAVE_RECORD_BYTES), &ret->saved);
}

static bool restore_all(struct session_files *f, msec now, int64_t wall, struct session_files_counts *counts)
{
	struct found found;
	msec shift = shift_of(f, now, wall);
	for (uint32_t slot = 0; slot < f->old_head.slots; slot++) {
		read_found(f, slot, &found);
		if (!restore(f, &found, shift, now, counts))
			return false;
	}
	dtls_restored(f->dtls);
	return true;
}

static void hand_over_all(struct session_files *f, msec now, struct session_files_counts *counts)
{
	struct found found;
	for (uint32_t slot = 0; slot < f->old_head.slots; slot++) {
		read_found(f, slot, &found);
		hand_over(f, &found, now, counts);
	}
}

/* The owner is told last, for he may send at once. */
bool session_files_start(struct session_files *f, struct dtls *d, const struct session_files_owner *owner, msec now,
	int64_t wall, struct session_files_counts *ret, char ret_error[SETTINGS_MESSAGE_BYTES])
{
	char path[PATH_BYTES + 8];
	(void)snprintf(path, sizeof path, "%s.new", f->path);
	*ret = (struct session_files_counts){0};
	f->dtls = d;
	f->owner = *owner;
	if (!make_file(f, path, now, wall) || !restore_all(f, now, wall, ret) || !take_the_place(f, path)) {
		(void)snprintf(ret_error, SETTINGS_MESSAGE_BYTES, "%s: %s", path, strerror(errno));
		return false;
	}
	hand_over_all(f, now, ret);
	forget_old(f);
	return true;
}
