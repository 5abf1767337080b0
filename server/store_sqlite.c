/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two lists under one lock: batches that wait, and batches that are done, whose memory the loop's thread frees when it
 * takes the outcome. The database belongs to the helper once the first batch is committed. */
#include "server/store_sqlite.h"

#include "server/rows_sqlite.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING_MAX_KIB 65536u

/* A change by value. Releases and registrations are large, so each kind takes what it needs behind the head. */
struct kept {
	struct store_change change; /* its pointers are set when it is applied */
	uint32_t value_len;
	bool has_name;
	char name[DENIAL_KEY_MAX + 1];
	/* the value follows, at a multiple of 8 */
};

struct batch {
	struct batch *next;
	uint64_t ticket, epoch;
	uint8_t *data;
	size_t len, capacity;
	uint32_t count;
	bool ok, has_failed; /* has_failed: a change did not fit */
};

struct list {
	struct batch *first, **end;
};

struct store_sqlite {
	struct store_sqlite_config config;
	sqlite3 *db;
	struct rows rows;
	pthread_t helper;
	pthread_mutex_t lock;
	pthread_cond_t has_work, has_settled;
	struct list waiting, done;
	size_t waiting_bytes;
	bool is_running, is_working, is_closing;
	char reason[ROWS_ERROR_BYTES], told[ROWS_ERROR_BYTES];
	struct batch *open; /* the one being made; the loop's thread alone */
	uint64_t epoch; /* of new batches, from 1; the next begins when a failure is told; the loop's thread alone */
	uint64_t failed_epoch; /* the last one in which a batch has failed; the helper alone */
};

/* ---- lists ---- */

static void list_init(struct list *l)
{
	*l = (struct list){NULL, &l->first};
}

static void list_append(struct list *l, struct batch *b)
{
	b->next = NULL;
	*l->end = b;
	l->end = &b->next;
}

static struct batch *list_take(struct list *l)
{
	struct batch *b = l->first;
	if (b == NULL)
		return NULL;
	l->first = b->next;
	if (l->first == NULL)
		l->end = &l->first;
	return b;
}

static void free_batch(struct batch *b)
{
	if (b != NULL)
		free(b->data);
	free(b);
}

static void free_list(struct list *l)
{
	struct batch *b;
	while ((b = list_take(l)) != NULL)
		free_batch(b);
}

/* ---- making a batch ---- */

static struct bytes value_of(const struct store_change *change)
{
	switch (change->type) {
	case STORE_DEVICE_PUT:
		return bytes_of(change->device, sizeof *change->device);
	case STORE_REGISTRATION_PUT:
		return bytes_of(change->registration, sizeof *change->registration);
	case STORE_RELEASE_PUT:
		return bytes_of(change->release, sizeof *change->release);
	case STORE_ROLLOUT_PUT:
		return bytes_of(change->rollout, sizeof *change->rollout);
	case STORE_ENTRY_PUT:
		return bytes_of(change->entry, sizeof *change->entry);
	case STORE_DENIAL_PUT:
		return bytes_of(change->denial, sizeof *change->denial);
	case STORE_CLAIM_PUT:
		return bytes_of(change->claim, sizeof *change->claim);
	case STORE_KEY_PUT:
		return bytes_of(change->key, sizeof *change->key);
	case STORE_ORDER_PUT:
		return bytes_of(change->order, sizeof *change->order);
	case STORE_EVENT_PUT:
		return bytes_of(change->event, sizeof *change->event);
	case STORE_DEVICE_REMOVE:
	case STORE_REGISTRATION_REMOVE:
	case STORE_RELEASE_REMOVE:
	case STORE_ROLLOUT_REMOVE:
	case STORE_DENIAL_REMOVE:
	case STORE_CLAIM_REMOVE:
	case STORE_KEY_REMOVE:
	case STORE_ORDER_REMOVE:
		break;
	}
	return BYTES_NONE;
}

static size_t rounded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Room for `len` more bytes at the end of the batch; NULL when memory is out. */
static uint8_t *grow(struct batch *b, size_t len)
{
	if (b->capacity - b->len < len) {
		size_t capacity = 2 * b->capacity + len + 1024;
		uint8_t *data = realloc(b->data, capacity);
		if (data == NULL)
			return NULL;
		b->data = data;
		b->capacity = capacity;
	}
	uint8_t *at = b->data + b->len;
	b->len += len;
	return at;
}

static bool keep(struct batch *b, const struct store_change *change)
{
	struct bytes value = value_of(change);
	struct kept kept = {.change = *change, .value_len = (uint32_t)value.len, .has_name = change->name != NULL};
	if (kept.has_name) {
		struct bytes name = bytes_of_text(change->name);
		assert(name.len < sizeof kept.name);
		memcpy(kept.name, name.data, name.len);
	}
	uint8_t *at = grow(b, rounded(sizeof kept) + rounded(value.len));
	if (at == NULL)
		return false;
	memcpy(at, &kept, sizeof kept);
	if (value.len > 0)
		memcpy(at + rounded(sizeof kept), value.data, value.len);
	b->count++;
	return true;
}

static void add(void *context, const struct store_change *change)
{
	struct store_sqlite *s = context;
	if (s->open == NULL)
		s->open = calloc(1, sizeof *s->open);
	if (s->open != NULL && !keep(s->open, change))
		s->open->has_failed = true;
}

static bool submit(struct store_sqlite *s, struct batch *b)
{
	pthread_mutex_lock(&s->lock);
	bool fits = s->waiting_bytes + b->len <= (size_t)s->config.waiting_max_kib * 1024;
	if (fits) {
		s->waiting_bytes += b->len;
		list_append(&s->waiting, b);
		pthread_cond_signal(&s->has_work);
	} else {
		(void)snprintf(s->reason, sizeof s->reason, "too much waits to be written");
	}
	pthread_mutex_unlock(&s->lock);
	return fits;
}

static bool commit(void *context, uint64_t ticket, msec now)
{
	struct store_sqlite *s = context;
	struct batch *b = s->open != NULL ? s->open : calloc(1, sizeof *b);
	(void)now;
	s->open = NULL;
	if (b == NULL)
		return false;
	b->ticket = ticket;
	b->epoch = s->epoch;
	if (!b->has_failed && submit(s, b))
		return true;
	free_batch(b);
	return false;
}

/* ---- the helper ---- */

static void point_to(struct store_change *change, const struct kept *kept, const void *value)
{
	*change = kept->change;
	change->name = kept->has_name ? kept->name : NULL;
	/* All members of the union are pointers to the value. */
	if (kept->value_len > 0)
		change->device = value;
}

static bool apply(struct store_sqlite *s, const struct batch *b)
{
	const uint8_t *at = b->data;
	for (uint32_t i = 0; i < b->count; i++) {
		const struct kept *kept = (const void *)at;
		struct store_change change;
		at += rounded(sizeof *kept);
		point_to(&change, kept, at);
		at += rounded(kept->value_len);
		if (!rows_apply(&s->rows, &change))
			return false;
	}
	return true;
}

static bool run(struct store_sqlite *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Remembers why and takes the transaction back; some errors have taken it back already. */
static bool give_up(struct store_sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	(void)snprintf(s->reason, sizeof s->reason, "%s", sqlite3_errmsg(s->db));
	pthread_mutex_unlock(&s->lock);
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)run(s, "ROLLBACK");
	return false;
}

/* Carries out the batches from `first` up to, not including, `end` in one transaction. */
static bool transact(struct store_sqlite *s, const struct batch *first, const struct batch *end)
{
	if (!run(s, "BEGIN IMMEDIATE"))
		return give_up(s);
	for (const struct batch *b = first; b != end; b = b->next)
		if (!apply(s, b))
			return give_up(s);
	return run(s, "COMMIT") ? true : give_up(s);
}

/* Whether a batch before it has failed and the loop did not know yet when it committed this one. */
static bool is_behind_failure(const struct store_sqlite *s, const struct batch *b)
{
	return b->epoch <= s->failed_epoch;
}

static void carry_out(struct store_sqlite *s, struct batch *group)
{
	while (group != NULL && is_behind_failure(s, group)) /* `ok` is false from its making */
		group = group->next;
	bool ok = group != NULL && transact(s, group, NULL);
	for (struct batch *b = group; b != NULL; b = b->next) {
		b->ok = ok || (group->next != NULL && !is_behind_failure(s, b) && transact(s, b, b->next));
		if (!b->ok && !is_behind_failure(s, b))
			s->failed_epoch = b->epoch;
	}
}

static struct batch *take_group(struct store_sqlite *s)
{
	struct batch *group = s->waiting.first;
	list_init(&s->waiting);
	s->waiting_bytes = 0;
	return group;
}

static void hand_over(struct store_sqlite *s, struct batch *group)
{
	while (group != NULL) {
		struct batch *next = group->next;
		list_append(&s->done, group);
		group = next;
	}
}

static void *help(void *context)
{
	struct store_sqlite *s = context;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->waiting.first == NULL && !s->is_closing)
			pthread_cond_wait(&s->has_work, &s->lock);
		if (s->waiting.first == NULL)
			break;
		struct batch *group = take_group(s);
		s->is_working = true;
		pthread_mutex_unlock(&s->lock);
		carry_out(s, group);
		pthread_mutex_lock(&s->lock);
		hand_over(s, group);
		s->is_working = false;
		pthread_cond_broadcast(&s->has_settled);
		pthread_mutex_unlock(&s->lock);
		if (s->config.wake != NULL)
			s->config.wake(s->config.wake_context);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- life ---- */

static bool fail(char error[STORE_SQLITE_ERROR_BYTES], const char *path, const char *why)
{
	(void)snprintf(error, STORE_SQLITE_ERROR_BYTES, "%s: %s", path, why);
	return false;
}

static bool configure(struct store_sqlite *s)
{
	char limit[64];
	(void)snprintf(limit, sizeof limit, "PRAGMA max_page_count=%u", s->config.pages_max);
	return run(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
		      "PRAGMA trusted_schema=OFF; PRAGMA locking_mode=EXCLUSIVE") &&
	       (s->config.pages_max == 0 || run(s, limit));
}

/* The keys of claims are in it, so it is for its owner alone; SQLite gives the files beside it the same mode. What
 * cannot be opened here, the database says more about. */
static void keep_private(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return;
	(void)fchmod(file, 0600);
	(void)close(file);
}

static bool open_database(struct store_sqlite *s, char error[STORE_SQLITE_ERROR_BYTES])
{
	char why[ROWS_ERROR_BYTES];
	const char *path = s->config.path;
	keep_private(path);
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK)
		return fail(error, path, s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db));
	sqlite3_busy_timeout(s->db, 2000);
	if (!configure(s))
		return fail(error, path, sqlite3_errmsg(s->db));
	if (!rows_open(&s->rows, s->db, why))
		return fail(error, path, why);
	return true;
}

struct store_sqlite *store_sqlite_open(
	const struct store_sqlite_config *config, char ret_error[STORE_SQLITE_ERROR_BYTES])
{
	struct store_sqlite *s = calloc(1, sizeof *s);
	if (s == NULL) {
		fail(ret_error, config->path, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->epoch = 1;
	if (s->config.waiting_max_kib == 0)
		s->config.waiting_max_kib = WAITING_MAX_KIB;
	list_init(&s->waiting);
	list_init(&s->done);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->has_work, NULL);
	pthread_cond_init(&s->has_settled, NULL);
	bool is_open = open_database(s, ret_error);
	s->is_running = is_open && pthread_create(&s->helper, NULL, help, s) == 0;
	if (s->is_running)
		return s;
	if (is_open)
		fail(ret_error, config->path, "no thread for it");
	store_sqlite_close(s);
	return NULL;
}

void store_sqlite_close(struct store_sqlite *s)
{
	if (s == NULL)
		return;
	if (s->is_running) {
		pthread_mutex_lock(&s->lock);
		s->is_closing = true;
		pthread_cond_signal(&s->has_work);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->helper, NULL);
	}
	rows_close(&s->rows);
	sqlite3_close(s->db);
	free_list(&s->waiting);
	free_list(&s->done);
	free_batch(s->open);
	pthread_cond_destroy(&s->has_settled);
	pthread_cond_destroy(&s->has_work);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct store store_sqlite_port(struct store_sqlite *s)
{
	return (struct store){.context = s, .add = add, .commit = commit};
}

bool store_sqlite_load(struct store_sqlite *s, const struct store_visitor *visitor, uint32_t events,
	char ret_error[STORE_SQLITE_ERROR_BYTES])
{
	char why[ROWS_ERROR_BYTES];
	store_sqlite_settle(s);
	return rows_load(&s->rows, visitor, events, why) || fail(ret_error, s->config.path, why);
}

/* ---- outcomes ---- */

void store_sqlite_seal(struct store_sqlite *s, struct sealing *sealing)
{
	s->rows.sealing = sealing;
}

unsigned store_sqlite_unreadable(const struct store_sqlite *s)
{
	return s->rows.unreadable;
}

bool store_sqlite_next(struct store_sqlite *s, uint64_t *ret_ticket, bool *ret_ok)
{
	pthread_mutex_lock(&s->lock);
	struct batch *b = list_take(&s->done);
	pthread_mutex_unlock(&s->lock);
	if (b == NULL)
		return false;
	*ret_ticket = b->ticket;
	*ret_ok = b->ok;
	if (!b->ok && b->epoch == s->epoch)
		s->epoch++;
	free_batch(b);
	return true;
}

void store_sqlite_settle(struct store_sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->waiting.first != NULL || s->is_working)
		pthread_cond_wait(&s->has_settled, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

const char *store_sqlite_reason(struct store_sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	memcpy(s->told, s->reason, sizeof s->told);
	pthread_mutex_unlock(&s->lock);
	return s->told;
}
