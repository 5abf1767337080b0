/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/history_sqlite.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GATHERED_MAX   8192 /* samples */
#define GATHERED_USUAL 256  /* more than these leave no memory behind */
#define PIECE          4000 /* rows that a transaction takes away of each table */
#define ROOM_TRIES     8
#define PAGE_BYTES     4096
#define APPLICATION_ID 0x46464853 /* "FFHS" */
#define MINUTE_MS      SECONDS(60)
#define HOUR_MS        SECONDS(3600)

struct sample {
	char device[DEVICE_NAME_MAX + 1];
	char path[PATH_TEXT_BYTES + 1]; /* empty: the device is to be forgotten */
	wall_msec at;
	bool is_text;
	uint8_t text_len;
	double number;
	char text[HISTORY_TEXT_MAX];
};

struct batch {
	size_t count;
	struct sample list[GATHERED_MAX];
};

enum statement {
	NEW_SERIES,
	FIND_SERIES,
	FORGET,
	PUT_RAW,
	PUT_MINUTE,
	PUT_HOUR,
	PRUNE_RAW,
	PRUNE_MINUTE,
	PRUNE_HOUR,
	STATEMENTS
};

struct history_sqlite {
	struct history_sqlite_config config;
	sqlite3 *writer, *reader;
	sqlite3_stmt *statements[STATEMENTS];
	sqlite3_stmt *questions[HISTORY_HOUR + 1];

	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	bool is_stopping, is_writing;
	struct batch *gathering, *writing;
	struct history_counts counts;
};

/* ---- the schema ---- */

#define SUMMARY                                                                                       \
	"(series INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, least REAL NOT NULL," \
	" greatest REAL NOT NULL, sum REAL NOT NULL, PRIMARY KEY (series, at)) WITHOUT ROWID;"

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, path TEXT NOT "
	"NULL,"
	" UNIQUE (device, path));"
	"CREATE TABLE IF NOT EXISTS raw (series INTEGER NOT NULL, at INTEGER NOT NULL, number REAL, text TEXT,"
	" PRIMARY KEY (series, at)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS raw_at ON raw (at);"
	"CREATE TABLE IF NOT EXISTS minute " SUMMARY "CREATE INDEX IF NOT EXISTS minute_at ON minute (at);"
	"CREATE TABLE IF NOT EXISTS hour " SUMMARY "CREATE INDEX IF NOT EXISTS hour_at ON hour (at);"
	"DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM raw WHERE series=id) AND NOT EXISTS"
	" (SELECT 1 FROM minute WHERE series=id) AND NOT EXISTS (SELECT 1 FROM hour WHERE series=id);";

#define ADD_TO(table)                                                                                           \
	"INSERT INTO " table " VALUES (?1,?2,1,?3,?3,?3) ON CONFLICT (series, at) DO UPDATE SET count=count+1," \
	" least=min(least,?3), greatest=max(greatest,?3), sum=sum+?3"
#define PRUNE(table)                                                                 \
	"DELETE FROM " table " WHERE (series, at) IN (SELECT series, at FROM " table \
	" WHERE at<?1 ORDER BY at LIMIT ?2)"

static const char *const texts[STATEMENTS] = {
	[NEW_SERIES] = "INSERT OR IGNORE INTO series (device, path) VALUES (?1,?2)",
	[FIND_SERIES] = "SELECT id FROM series WHERE device=?1 AND path=?2",
	[FORGET] = "DELETE FROM series WHERE device=?1",
	[PUT_RAW] = "INSERT OR IGNORE INTO raw VALUES (?1,?2,?3,?4)",
	[PUT_MINUTE] = ADD_TO("minute"),
	[PUT_HOUR] = ADD_TO("hour"),
	[PRUNE_RAW] = PRUNE("raw"),
	[PRUNE_MINUTE] = PRUNE("minute"),
	[PRUNE_HOUR] = PRUNE("hour"),
};

#define ASK(columns, table)                                                                                      \
	"SELECT at, " columns " FROM " table " WHERE series=(SELECT id FROM series WHERE device=?1 AND path=?2)" \
	" AND at>=?3 AND at<?4 ORDER BY at LIMIT ?5"
#define SUMMARY_COLUMNS "count, least, greatest, sum/count, NULL"

static const char *const question_texts[] = {
	[HISTORY_RAW] = ASK("1, number, number, number, text", "raw"),
	[HISTORY_MINUTE] = ASK(SUMMARY_COLUMNS, "minute"),
	[HISTORY_HOUR] = ASK(SUMMARY_COLUMNS, "hour"),
};

static bool run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static wall_msec wall_now(const struct history_sqlite *h)
{
	struct timespec t;
	if (h->config.now != NULL)
		return h->config.now();
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (wall_msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- writing, in the helper's thread ---- */

static bool step(sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE;
}

static bool find_series(struct history_sqlite *h, const struct sample *s, int64_t *ret)
{
	sqlite3_stmt *find = h->statements[FIND_SERIES], *make = h->statements[NEW_SERIES];
	for (int i = 0; i < 2; i++) {
		(void)sqlite3_bind_text(find, 1, s->device, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(find, 2, s->path, -1, SQLITE_STATIC);
		bool is_there = sqlite3_step(find) == SQLITE_ROW;
		*ret = is_there ? sqlite3_column_int64(find, 0) : 0;
		(void)sqlite3_reset(find);
		if (is_there)
			return true;
		(void)sqlite3_bind_text(make, 1, s->device, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(make, 2, s->path, -1, SQLITE_STATIC);
		if (!step(make))
			return false;
	}
	return false;
}

static bool add_to(sqlite3_stmt *statement, int64_t series, wall_msec at, double number)
{
	(void)sqlite3_bind_int64(statement, 1, series);
	(void)sqlite3_bind_int64(statement, 2, at);
	(void)sqlite3_bind_double(statement, 3, number);
	return step(statement);
}

/* Its values belong to nobody from then on, and go when they are old. */
static bool forget_device(struct history_sqlite *h, const char *device)
{
	(void)sqlite3_bind_text(h->statements[FORGET], 1, device, -1, SQLITE_STATIC);
	return step(h->statements[FORGET]);
}

static bool put(struct history_sqlite *h, const struct sample *s)
{
	sqlite3_stmt *raw = h->statements[PUT_RAW];
	int64_t series;
	if (s->path[0] == '\0')
		return forget_device(h, s->device);
	if (!find_series(h, s, &series))
		return false;
	(void)sqlite3_bind_int64(raw, 1, series);
	(void)sqlite3_bind_int64(raw, 2, s->at);
	(void)(s->is_text ? sqlite3_bind_null(raw, 3) : sqlite3_bind_double(raw, 3, s->number));
	(void)(s->is_text ? sqlite3_bind_text(raw, 4, s->text, s->text_len, SQLITE_STATIC) : sqlite3_bind_null(raw, 4));
	if (!step(raw))
		return false;
	if (sqlite3_changes(h->writer) == 0 || s->is_text)
		return true; /* it has been here before */
	return add_to(h->statements[PUT_MINUTE], series, s->at - s->at % MINUTE_MS, s->number) &&
	       add_to(h->statements[PUT_HOUR], series, s->at - s->at % HOUR_MS, s->number);
}

/* False when nothing could be taken away. */
static bool prune(struct history_sqlite *h, enum statement which, wall_msec before)
{
	(void)sqlite3_bind_int64(h->statements[which], 1, before);
	(void)sqlite3_bind_int64(h->statements[which], 2, PIECE);
	return step(h->statements[which]) && sqlite3_changes(h->writer) > 0;
}

static void prune_old(struct history_sqlite *h)
{
	wall_msec now = wall_now(h);
	(void)prune(h, PRUNE_RAW, now - HOUR_MS * h->config.raw_hours);
	(void)prune(h, PRUNE_MINUTE, now - 24 * HOUR_MS * h->config.minute_days);
	(void)prune(h, PRUNE_HOUR, now - 24 * HOUR_MS * h->config.hour_days);
}

/* A full file gives up its oldest single values first, then its oldest minutes, then hours. */
static bool make_room(struct history_sqlite *h)
{
	return prune(h, PRUNE_RAW, INT64_MAX) || prune(h, PRUNE_MINUTE, INT64_MAX) || prune(h, PRUNE_HOUR, INT64_MAX);
}

/* SQLITE_OK, or why nothing of the batch was written. */
static int write_all(struct history_sqlite *h, const struct batch *batch)
{
	bool good = run(h->writer, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < batch->count && good; i++)
		good = put(h, &batch->list[i]);
	if (good)
		prune_old(h);
	if (good && run(h->writer, "COMMIT"))
		return SQLITE_OK;
	int why = sqlite3_errcode(h->writer);
	(void)run(h->writer, "ROLLBACK");
	return why == SQLITE_OK ? SQLITE_ERROR : why;
}

static bool write_batch(struct history_sqlite *h, const struct batch *batch)
{
	int result = write_all(h, batch);
	for (int tries = 0; result == SQLITE_FULL && tries < ROOM_TRIES && make_room(h); tries++)
		result = write_all(h, batch);
	return result == SQLITE_OK;
}

static struct batch *take_batch(void)
{
	struct batch *batch = mmap(NULL, sizeof *batch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return batch == MAP_FAILED ? NULL : batch;
}

static void drop_batch(struct batch *batch)
{
	if (batch != NULL)
		(void)munmap(batch, sizeof *batch);
}

/* Called with the lock, which is given back while the disk works. */
static void write_gathered(struct history_sqlite *h)
{
	struct batch *batch = h->gathering;
	h->gathering = h->writing;
	h->writing = batch;
	h->is_writing = true;
	(void)pthread_mutex_unlock(&h->lock);
	bool good = write_batch(h, batch);
	size_t count = batch->count;
	batch->count = 0;
	if (count > GATHERED_USUAL) /* what is empty may as well be fresh pages */
		(void)madvise(batch, sizeof *batch, MADV_DONTNEED);
	(void)pthread_mutex_lock(&h->lock);
	h->counts.kept += good ? count : 0;
	h->counts.lost += good ? 0 : count;
	h->counts.is_failing = !good;
	h->is_writing = false;
	(void)pthread_cond_broadcast(&h->changed);
}

static void gather(struct history_sqlite *h)
{
	struct timespec until;
	msec span = h->config.gather == 0 ? SECONDS(1) : h->config.gather;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += span / 1000;
	until.tv_nsec += span % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!h->is_stopping && h->gathering->count < GATHERED_MAX / 2)
		if (pthread_cond_timedwait(&h->changed, &h->lock, &until) != 0)
			return;
}

static void *work(void *context)
{
	struct history_sqlite *h = context;
	(void)pthread_mutex_lock(&h->lock);
	for (;;) {
		while (!h->is_stopping && h->gathering->count == 0)
			(void)pthread_cond_wait(&h->changed, &h->lock);
		if (h->gathering->count == 0)
			break;
		gather(h);
		write_gathered(h);
	}
	(void)pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* ---- the port, in the loop's thread ---- */

static void copy(struct sample *out, const struct history_sample *in)
{
	struct writer w = writer_of(out->path, PATH_TEXT_BYTES);
	if (in->path.depth > 0)
		path_write(&w, in->path);
	*w.at = '\0';
	(void)snprintf(out->device, sizeof out->device, "%s", in->device);
	out->at = in->at;
	out->is_text = in->is_text;
	out->number = in->number;
	out->text_len = (uint8_t)in->text.len;
	if (in->text.len > 0)
		memcpy(out->text, in->text.data, in->text.len);
}

static void add(void *context, const struct history_sample *sample)
{
	struct history_sqlite *h = context;
	(void)pthread_mutex_lock(&h->lock);
	if (h->gathering->count == GATHERED_MAX)
		h->counts.lost++;
	else
		copy(&h->gathering->list[h->gathering->count++], sample);
	if (h->gathering->count == 1 || h->gathering->count == GATHERED_MAX / 2)
		(void)pthread_cond_broadcast(&h->changed);
	(void)pthread_mutex_unlock(&h->lock);
}

static void forget(void *context, const char *device)
{
	add(context, &(struct history_sample){.device = device, .path = PATH_ROOT});
}

static void take_point(sqlite3_stmt *row, struct history_point *ret)
{
	const void *text = sqlite3_column_text(row, 5);
	int len = text == NULL ? 0 : sqlite3_column_bytes(row, 5);
	*ret = (struct history_point){.at = sqlite3_column_int64(row, 0),
		.count = (uint32_t)sqlite3_column_int64(row, 1),
		.least = sqlite3_column_double(row, 2),
		.greatest = sqlite3_column_double(row, 3),
		.mean = sqlite3_column_double(row, 4),
		.is_text = text != NULL,
		.text_len = (uint8_t)(len < HISTORY_TEXT_MAX ? len : HISTORY_TEXT_MAX)};
	if (len > 0)
		memcpy(ret->text, text, ret->text_len);
}

static bool read_points(
	void *context, const struct history_question *question, struct history_point *points, size_t *ret_count)
{
	struct history_sqlite *h = context;
	sqlite3_stmt *ask = h->questions[question->step];
	char path[PATH_TEXT_BYTES + 1];
	struct writer w = writer_of(path, PATH_TEXT_BYTES);
	int result;
	path_write(&w, question->path);
	*w.at = '\0';
	*ret_count = 0;
	(void)sqlite3_bind_text(ask, 1, question->device, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(ask, 2, path, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(ask, 3, question->since);
	(void)sqlite3_bind_int64(ask, 4, question->until);
	(void)sqlite3_bind_int64(ask, 5, (int64_t)question->limit);
	while ((result = sqlite3_step(ask)) == SQLITE_ROW)
		take_point(ask, &points[(*ret_count)++]);
	(void)sqlite3_reset(ask);
	return result == SQLITE_DONE;
}

static void count(void *context, struct history_counts *ret)
{
	struct history_sqlite *h = context;
	(void)pthread_mutex_lock(&h->lock);
	*ret = h->counts;
	(void)pthread_mutex_unlock(&h->lock);
}

struct history_port history_sqlite_port(struct history_sqlite *h)
{
	return (struct history_port){.context = h, .add = add, .forget = forget, .read = read_points, .count = count};
}

void history_sqlite_settle(struct history_sqlite *h)
{
	(void)pthread_mutex_lock(&h->lock);
	while (h->gathering->count > 0 || h->is_writing)
		(void)pthread_cond_wait(&h->changed, &h->lock);
	(void)pthread_mutex_unlock(&h->lock);
}

/* ---- life ---- */

static bool prepare(struct history_sqlite *h)
{
	bool good = true;
	for (int i = 0; i < STATEMENTS && good; i++)
		good = sqlite3_prepare_v2(h->writer, texts[i], -1, &h->statements[i], NULL) == SQLITE_OK;
	for (int i = 0; i <= HISTORY_HOUR && good; i++)
		good = sqlite3_prepare_v2(h->reader, question_texts[i], -1, &h->questions[i], NULL) == SQLITE_OK;
	return good;
}

static bool is_foreign(sqlite3 *db)
{
	sqlite3_stmt *ask = NULL;
	int64_t id = -1, tables = -1;
	if (sqlite3_prepare_v2(db,
		    "SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id", -1, &ask,
		    NULL) == SQLITE_OK &&
		sqlite3_step(ask) == SQLITE_ROW) {
		id = sqlite3_column_int64(ask, 0);
		tables = sqlite3_column_int64(ask, 1);
	}
	(void)sqlite3_finalize(ask);
	return id != APPLICATION_ID && tables != 0;
}

static const char *open_file(struct history_sqlite *h)
{
	char settings[200];
	int file = open(h->config.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file >= 0)
		(void)close(file);
	if (sqlite3_open_v2(h->config.path, &h->writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return h->writer == NULL ? "out of memory" : sqlite3_errmsg(h->writer);
	(void)sqlite3_busy_timeout(h->writer, 2000);
	if (is_foreign(h->writer))
		return sqlite3_errcode(h->writer) == SQLITE_NOTADB ? sqlite3_errmsg(h->writer) : "no history of mgmtd";
	(void)snprintf(settings, sizeof settings,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA application_id=%d; PRAGMA "
		"max_page_count=%llu",
		APPLICATION_ID,
		(unsigned long long)(h->config.bytes_max == 0 ? UINT32_MAX : h->config.bytes_max / PAGE_BYTES));
	if (!run(h->writer, settings) || !run(h->writer, schema))
		return sqlite3_errmsg(h->writer);
	if (sqlite3_open_v2(h->config.path, &h->reader, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK || !prepare(h))
		return sqlite3_errmsg(h->reader == NULL ? h->writer : h->reader);
	return NULL;
}

static void close_file(struct history_sqlite *h)
{
	for (int i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(h->statements[i]);
	for (int i = 0; i <= HISTORY_HOUR; i++)
		(void)sqlite3_finalize(h->questions[i]);
	(void)sqlite3_close(h->reader);
	(void)sqlite3_close(h->writer);
	drop_batch(h->gathering);
	drop_batch(h->writing);
	free(h);
}

struct history_sqlite *history_sqlite_open(
	const struct history_sqlite_config *config, char ret_error[HISTORY_SQLITE_ERROR_BYTES])
{
	struct history_sqlite *h = calloc(1, sizeof *h);
	const char *why = "out of memory";
	if (h == NULL) {
		(void)snprintf(ret_error, HISTORY_SQLITE_ERROR_BYTES, "%s: %s", config->path, why);
		return NULL;
	}
	h->config = *config;
	h->gathering = take_batch();
	h->writing = take_batch();
	if (h->gathering != NULL && h->writing != NULL)
		why = open_file(h);
	if (why == NULL && (pthread_mutex_init(&h->lock, NULL) != 0 || pthread_cond_init(&h->changed, NULL) != 0 ||
				   pthread_create(&h->thread, NULL, work, h) != 0))
		why = "no thread";
	if (why == NULL)
		return h;
	(void)snprintf(ret_error, HISTORY_SQLITE_ERROR_BYTES, "%s: %s", config->path, why);
	close_file(h);
	return NULL;
}

void history_sqlite_close(struct history_sqlite *h)
{
	if (h == NULL)
		return;
	(void)pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	(void)pthread_cond_broadcast(&h->changed);
	(void)pthread_mutex_unlock(&h->lock);
	(void)pthread_join(h->thread, NULL);
	close_file(h);
}
