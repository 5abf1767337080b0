/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/rows_sqlite.h"

#include "mgmt/registration.h"

#include <assert.h>
#include <stdio.h>

#define APPLICATION_ID 0x46696566 /* "Fief" */
#define LIST_BYTES     1024

/* ---- the schema ---- */

/* migrations[n] makes version n + 1 of version n. They are never edited, only added to. */
static const char *const migrations[] = {
	"CREATE TABLE device (name TEXT PRIMARY KEY, tags TEXT NOT NULL, manufacturer TEXT NOT NULL, model TEXT NOT "
	"NULL,"
	"  serial TEXT NOT NULL, version TEXT NOT NULL, first_seen INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE registration (device TEXT PRIMARY KEY REFERENCES device ON DELETE CASCADE, location TEXT NOT "
	"NULL,"
	"  major INTEGER NOT NULL, minor INTEGER NOT NULL, bindings INTEGER NOT NULL, queue_mode INTEGER NOT NULL,"
	"  more_objects INTEGER NOT NULL, lifetime_s INTEGER NOT NULL, registered_at INTEGER NOT NULL,"
	"  renewed_at INTEGER NOT NULL, address TEXT NOT NULL, formats TEXT NOT NULL, objects TEXT NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE TABLE release (name TEXT PRIMARY KEY, version TEXT NOT NULL, description TEXT NOT NULL,"
	"  sequence INTEGER NOT NULL, vendor_id BLOB NOT NULL, class_id BLOB NOT NULL, image BLOB NOT NULL,"
	"  image_size INTEGER NOT NULL, manifest BLOB NOT NULL UNIQUE, added_at INTEGER NOT NULL,"
	"  is_verified INTEGER NOT NULL, envelope BLOB NOT NULL);"
	"CREATE TABLE rollout (number INTEGER PRIMARY KEY, state INTEGER NOT NULL, release TEXT NOT NULL,"
	"  selection TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, waves TEXT NOT NULL,"
	"  failures_allowed INTEGER NOT NULL, failures_in_percent INTEGER NOT NULL, wait_s INTEGER NOT NULL,"
	"  offer_s INTEGER NOT NULL, download_s INTEGER NOT NULL, install_s INTEGER NOT NULL, confirm_s INTEGER NOT "
	"NULL,"
	"  waves_begun INTEGER NOT NULL, failures_forgiven INTEGER NOT NULL, started_at INTEGER NOT NULL,"
	"  changed_at INTEGER NOT NULL);"
	"CREATE TABLE rollout_device (rollout INTEGER NOT NULL REFERENCES rollout ON DELETE CASCADE, device TEXT NOT "
	"NULL,"
	"  wave INTEGER NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL, code INTEGER NOT NULL,"
	"  tries INTEGER NOT NULL, since INTEGER NOT NULL, UNIQUE (rollout, device));"
	"CREATE TABLE event (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, type INTEGER NOT NULL,"
	"  rollout INTEGER NOT NULL, device TEXT NOT NULL, actor TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT "
	"NULL);",
	"CREATE TABLE denial (key TEXT PRIMARY KEY, device TEXT NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL,"
	"  since INTEGER NOT NULL) WITHOUT ROWID;",
	"CREATE TABLE claim (identity TEXT PRIMARY KEY, key BLOB NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,"
	"  made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL) WITHOUT ROWID;",
	"CREATE TABLE request (number INTEGER PRIMARY KEY, device TEXT NOT NULL, actor TEXT NOT NULL,"
	"  kind INTEGER NOT NULL, state INTEGER NOT NULL, end INTEGER NOT NULL, path TEXT NOT NULL,"
	"  location TEXT NOT NULL, tries INTEGER NOT NULL, code INTEGER NOT NULL, format INTEGER NOT NULL,"
	"  made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, begun_at INTEGER NOT NULL, ended_at INTEGER NOT "
	"NULL,"
	"  text BLOB NOT NULL, kept BLOB NOT NULL, result BLOB NOT NULL);"
	"CREATE INDEX request_device ON request (device);"
	"CREATE TRIGGER request_of_device AFTER DELETE ON device BEGIN DELETE FROM request WHERE device=old.name; "
	"END;",
	"CREATE TABLE issued_key (device TEXT PRIMARY KEY, current_mark BLOB NOT NULL, current_key BLOB NOT NULL,"
	"  current_since INTEGER NOT NULL, next_mark BLOB NOT NULL, next_key BLOB NOT NULL,"
	"  next_since INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TRIGGER issued_key_of_device AFTER DELETE ON device BEGIN DELETE FROM issued_key WHERE"
	"  device=old.name; END;",
	"ALTER TABLE registration ADD COLUMN prefix TEXT NOT NULL DEFAULT '';",
	"ALTER TABLE rollout ADD COLUMN delivery INTEGER NOT NULL DEFAULT 0;",
};

#define SCHEMA_VERSION ((int)(sizeof migrations / sizeof *migrations))

static const char *const statements[] = {
	[STORE_DEVICE_PUT] = "INSERT INTO device VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO UPDATE SET tags=?2,"
			     " manufacturer=?3, model=?4, serial=?5, version=?6, first_seen=?7",
	[STORE_DEVICE_REMOVE] = "DELETE FROM device WHERE name=?1",
	[STORE_REGISTRATION_PUT] =
		"INSERT OR REPLACE INTO registration VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
	[STORE_REGISTRATION_REMOVE] = "DELETE FROM registration WHERE device=?1",
	[STORE_RELEASE_PUT] = "INSERT OR REPLACE INTO release VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	[STORE_RELEASE_REMOVE] = "DELETE FROM release WHERE name=?1",
	[STORE_ROLLOUT_PUT] =
		"INSERT INTO rollout VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)"
		" ON CONFLICT DO UPDATE SET state=?2, reason=?6, waves_begun=?15, failures_forgiven=?16,"
		" changed_at=?18",
	[STORE_ROLLOUT_REMOVE] = "DELETE FROM rollout WHERE number=?1",
	[STORE_ENTRY_PUT] =
		"INSERT INTO rollout_device VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT DO UPDATE SET wave=?3,"
		" state=?4, reason=?5, code=?6, tries=?7, since=?8",
	[STORE_DENIAL_PUT] = "INSERT OR REPLACE INTO denial VALUES (?1,?2,?3,?4,?5)",
	[STORE_DENIAL_REMOVE] = "DELETE FROM denial WHERE key=?1",
	[STORE_CLAIM_PUT] = "INSERT OR REPLACE INTO claim VALUES (?1,?2,?3,?4,?5,?6,?7)",
	[STORE_CLAIM_REMOVE] = "DELETE FROM claim WHERE identity=?1",
	/* Of a device that was removed while the batch was on its way nothing is to stay. */
	[STORE_KEY_PUT] = "INSERT OR REPLACE INTO issued_key SELECT ?1,?2,?3,?4,?5,?6,?7"
			  " WHERE EXISTS (SELECT 1 FROM device WHERE name=?1)",
	[STORE_KEY_REMOVE] = "DELETE FROM issued_key WHERE device=?1",
	[STORE_ORDER_PUT] = "INSERT OR REPLACE INTO request SELECT"
			    " ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18"
			    " WHERE EXISTS (SELECT 1 FROM device WHERE name=?2)",
	[STORE_ORDER_REMOVE] = "DELETE FROM request WHERE number=?1",
	[STORE_EVENT_PUT] = "INSERT OR REPLACE INTO event VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
};

static bool run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int64_t pragma(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

bool rows_fail(char error[ROWS_ERROR_BYTES], sqlite3 *db, const char *what)
{
	(void)snprintf(error, ROWS_ERROR_BYTES, "%s: %s", what, sqlite3_errmsg(db));
	return false;
}

static bool migrate(sqlite3 *db, int64_t version)
{
	char mark[64];
	(void)snprintf(
		mark, sizeof mark, "PRAGMA user_version=%d; PRAGMA application_id=%d", SCHEMA_VERSION, APPLICATION_ID);
	if (!run(db, "BEGIN IMMEDIATE"))
		return false;
	for (int64_t i = version; i < SCHEMA_VERSION; i++)
		if (!run(db, migrations[i]))
			return false;
	return run(db, mark) && run(db, "COMMIT");
}

static bool is_sound(sqlite3 *db)
{
	sqlite3_stmt *statement;
	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK)
		return false;
	bool sound = sqlite3_step(statement) == SQLITE_ROW &&
		     strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
	sqlite3_finalize(statement);
	return sound;
}

static bool check(sqlite3 *db, char error[ROWS_ERROR_BYTES], int64_t *ret_version)
{
	int64_t tables = pragma(db, "SELECT count(*) FROM sqlite_master");
	int64_t owner = pragma(db, "PRAGMA application_id");
	*ret_version = pragma(db, "PRAGMA user_version");
	if (tables < 0 || owner < 0 || *ret_version < 0)
		return rows_fail(error, db, "not readable as a database");
	if (tables > 0 && owner != APPLICATION_ID) {
		(void)snprintf(error, ROWS_ERROR_BYTES, "a database, but not one of mgmtd");
		return false;
	}
	if (*ret_version > SCHEMA_VERSION) {
		(void)snprintf(error, ROWS_ERROR_BYTES, "written by a newer mgmtd (schema %lld, this one knows %d)",
			(long long)*ret_version, SCHEMA_VERSION);
		return false;
	}
	if (!is_sound(db)) {
		(void)snprintf(error, ROWS_ERROR_BYTES, "damaged; restore it from a backup");
		return false;
	}
	return true;
}

bool rows_open(struct rows *r, sqlite3 *db, char error[ROWS_ERROR_BYTES])
{
	int64_t version;
	*r = (struct rows){.db = db};
	if (!check(db, error, &version))
		return false;
	if (version < SCHEMA_VERSION && !migrate(db, version))
		return rows_fail(error, db, "cannot be brought up to date");
	for (unsigned i = 0; i <= STORE_EVENT_PUT; i++)
		if (sqlite3_prepare_v3(db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &r->statements[i], NULL) !=
			SQLITE_OK)
			return rows_fail(error, db, "has not the tables it should have");
	return true;
}

void rows_close(struct rows *r)
{
	for (unsigned i = 0; i <= STORE_EVENT_PUT; i++)
		sqlite3_finalize(r->statements[i]);
	*r = (struct rows){0};
}

/* ---- writing: columns are bound in the order of the table ---- */

struct binder {
	sqlite3_stmt *statement;
	int column;
	struct sealing *sealing;
	bool failed;
};

static void bind_number(struct binder *b, int64_t value)
{
	b->failed |= sqlite3_bind_int64(b->statement, ++b->column, value) != SQLITE_OK;
}

static void bind_text(struct binder *b, const char *text)
{
	b->failed |= sqlite3_bind_text(b->statement, ++b->column, text, -1, SQLITE_TRANSIENT) != SQLITE_OK;
}

static void bind_bytes(struct binder *b, const void *data, size_t len)
{
	b->failed |= sqlite3_bind_blob(b->statement, ++b->column, data, (int)len, SQLITE_TRANSIENT) != SQLITE_OK;
}

static void bind_sealed(struct binder *b, struct bytes owner, struct bytes secret)
{
	uint8_t buffer[SEALING_TEXT_MAX + SEALING_MORE_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	if (b->sealing == NULL)
		write_bytes(&w, secret);
	else
		sealing_write(b->sealing, owner, secret, &w);
	b->failed |= w.failed;
	bind_bytes(b, buffer, writer_bytes(&w).len);
}

/* A list that has been written into `buffer`. */
static void bind_list(struct binder *b, const struct writer *w)
{
	struct bytes text = writer_bytes(w);
	assert(!w->failed);
	b->failed |= sqlite3_bind_text(b->statement, ++b->column, (const char *)text.data, (int)text.len,
			     SQLITE_TRANSIENT) != SQLITE_OK;
}

static void write_space(struct writer *w)
{
	if (w->at != w->start)
		write_text(w, " ");
}

static void bind_device(struct binder *b, const struct device_record *d)
{
	bind_text(b, d->name);
	bind_text(b, d->tags);
	bind_text(b, d->manufacturer);
	bind_text(b, d->model);
	bind_text(b, d->serial);
	bind_text(b, d->version);
	bind_number(b, d->first_seen);
}

static void bind_address(struct binder *b, const struct address *address)
{
	uint8_t buffer[ADDRESS_TEXT_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	address_write(&w, address);
	bind_list(b, &w);
}

/* "0 60 110" */
static void bind_formats(struct binder *b, const struct registration *r)
{
	uint8_t buffer[LIST_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	for (unsigned i = 0; i < r->format_count; i++) {
		write_space(&w);
		write_decimal(&w, r->formats[i]);
	}
	bind_list(b, &w);
}

/* "1/0 3/0 5:1.1 5/0" */
static void bind_objects(struct binder *b, const struct registration *r)
{
	uint8_t buffer[LIST_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	for (unsigned i = 0; i < r->object_count; i++) {
		const struct device_object *o = &r->objects[i];
		write_space(&w);
		write_decimal(&w, o->object);
		if (o->instance != REGISTRATION_NO_INSTANCE) {
			write_text(&w, "/");
			write_decimal(&w, o->instance);
		}
		if (o->major != 0 || o->minor != 0) {
			write_text(&w, ":");
			write_decimal(&w, o->major);
			write_text(&w, ".");
			write_decimal(&w, o->minor);
		}
	}
	bind_list(b, &w);
}

static void bind_registration(struct binder *b, const char *device, const struct registration *r)
{
	bind_text(b, device);
	bind_text(b, r->location);
	bind_number(b, r->major);
	bind_number(b, r->minor);
	bind_number(b, r->bindings);
	bind_number(b, r->has_queue_mode);
	bind_number(b, r->has_more_objects);
	bind_number(b, r->lifetime_s);
	bind_number(b, r->registered_at);
	bind_number(b, r->renewed_at);
	bind_address(b, &r->address);
	bind_formats(b, r);
	bind_objects(b, r);
	bind_text(b, r->prefix);
}

static void bind_release(struct binder *b, const struct release *r)
{
	bind_text(b, r->name);
	bind_text(b, r->version);
	bind_text(b, r->description);
	bind_number(b, (int64_t)r->sequence);
	bind_bytes(b, r->vendor_id, sizeof r->vendor_id);
	bind_bytes(b, r->class_id, sizeof r->class_id);
	bind_bytes(b, r->image, sizeof r->image);
	bind_number(b, (int64_t)r->image_size);
	bind_bytes(b, r->manifest, sizeof r->manifest);
	bind_number(b, r->added_at);
	bind_number(b, r->is_verified);
	bind_bytes(b, r->envelope, r->envelope_size);
}

/* "1 10% 50%" */
static void bind_waves(struct binder *b, const struct rollout_plan *plan)
{
	uint8_t buffer[LIST_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	for (unsigned i = 0; i < plan->wave_count; i++) {
		write_space(&w);
		write_decimal(&w, plan->waves[i].size);
		if (plan->waves[i].is_percent)
			write_text(&w, "%");
	}
	bind_list(b, &w);
}

static void bind_rollout(struct binder *b, const struct rollout_record *r)
{
	const struct rollout_plan *plan = &r->plan;
	bind_number(b, r->number);
	bind_number(b, r->state);
	bind_text(b, r->release);
	bind_text(b, r->selection);
	bind_text(b, r->actor);
	bind_text(b, r->reason);
	bind_waves(b, plan);
	bind_number(b, plan->failures_allowed);
	bind_number(b, plan->failures_in_percent);
	bind_number(b, plan->wait_s);
	bind_number(b, plan->offer_s);
	bind_number(b, plan->download_s);
	bind_number(b, plan->install_s);
	bind_number(b, plan->confirm_s);
	bind_number(b, r->waves_begun);
	bind_number(b, r->failures_forgiven);
	bind_number(b, r->started_at);
	bind_number(b, r->changed_at);
	bind_number(b, plan->delivery);
}

static void bind_entry(struct binder *b, const struct rollout_entry_record *e)
{
	bind_number(b, e->rollout);
	bind_text(b, e->device);
	bind_number(b, e->wave);
	bind_number(b, e->state);
	bind_number(b, e->reason);
	bind_number(b, e->code);
	bind_number(b, e->tries);
	bind_number(b, e->since);
}

static void bind_denial(struct binder *b, const struct denial *d)
{
	bind_text(b, d->key);
	bind_text(b, d->device);
	bind_text(b, d->reason);
	bind_text(b, d->actor);
	bind_number(b, d->since);
}

static void bind_claim(struct binder *b, const struct claim *c)
{
	bind_text(b, c->identity);
	bind_sealed(b, bytes_of_text(c->identity), bytes_of(c->key, sizeof c->key));
	bind_text(b, c->name);
	bind_text(b, c->actor);
	bind_number(b, c->made_at);
	bind_number(b, c->expires_at);
	bind_number(b, c->used_at);
}

static void bind_key(struct binder *b, struct bytes name, const struct device_key *key)
{
	bind_bytes(b, key->mark, sizeof key->mark);
	bind_sealed(b, name, bytes_of(key->key, sizeof key->key));
	bind_number(b, key->made_at);
}

static void bind_keys(struct binder *b, const struct issued_key_record *k)
{
	struct bytes name = bytes_of_text(k->name);
	bind_text(b, k->name);
	bind_key(b, name, &k->keys.current);
	bind_key(b, name, &k->keys.next);
}

static void bind_path(struct binder *b, struct path path)
{
	uint8_t buffer[PATH_TEXT_BYTES];
	struct writer w = writer_of(buffer, sizeof buffer);
	path_write(&w, path);
	bind_list(b, &w);
}

static void bind_order(struct binder *b, const struct order_record *o)
{
	bind_number(b, (int64_t)o->number);
	bind_text(b, o->device);
	bind_text(b, o->actor);
	bind_number(b, o->kind);
	bind_number(b, o->state);
	bind_number(b, o->end);
	bind_path(b, o->path);
	bind_path(b, o->location);
	bind_number(b, o->tries);
	bind_number(b, o->code);
	bind_number(b, o->format);
	bind_number(b, o->made_at);
	bind_number(b, o->expires_at);
	bind_number(b, o->begun_at);
	bind_number(b, o->ended_at);
	bind_bytes(b, o->text, o->text_len);
	bind_bytes(b, o->kept, o->kept_len);
	bind_bytes(b, o->result, o->result_len);
}

static void bind_event(struct binder *b, const struct event *e)
{
	bind_number(b, (int64_t)e->number);
	bind_number(b, e->at);
	bind_number(b, e->type);
	bind_number(b, e->rollout);
	bind_text(b, e->device);
	bind_text(b, e->actor);
	bind_text(b, e->detail);
	bind_bytes(b, e->hash, sizeof e->hash);
}

static void bind_change(struct binder *b, const struct store_change *change)
{
	switch (change->type) {
	case STORE_DEVICE_PUT:
		bind_device(b, change->device);
		break;
	case STORE_REGISTRATION_PUT:
		bind_registration(b, change->name, change->registration);
		break;
	case STORE_RELEASE_PUT:
		bind_release(b, change->release);
		break;
	case STORE_ROLLOUT_PUT:
		bind_rollout(b, change->rollout);
		break;
	case STORE_ENTRY_PUT:
		bind_entry(b, change->entry);
		break;
	case STORE_DENIAL_PUT:
		bind_denial(b, change->denial);
		break;
	case STORE_CLAIM_PUT:
		bind_claim(b, change->claim);
		break;
	case STORE_KEY_PUT:
		bind_keys(b, change->key);
		break;
	case STORE_ORDER_PUT:
		bind_order(b, change->order);
		break;
	case STORE_EVENT_PUT:
		bind_event(b, change->event);
		break;
	case STORE_DEVICE_REMOVE:
	case STORE_REGISTRATION_REMOVE:
	case STORE_RELEASE_REMOVE:
	case STORE_DENIAL_REMOVE:
	case STORE_CLAIM_REMOVE:
	case STORE_KEY_REMOVE:
		bind_text(b, change->name);
		break;
	case STORE_ROLLOUT_REMOVE:
	case STORE_ORDER_REMOVE:
		bind_number(b, (int64_t)change->number);
		break;
	}
}

bool rows_apply(struct rows *r, const struct store_change *change)
{
	struct binder b = {.statement = r->statements[change->type], .sealing = r->sealing};
	bind_change(&b, change);
	bool good = !b.failed && sqlite3_step(b.statement) == SQLITE_DONE;
	sqlite3_reset(b.statement);
	sqlite3_clear_bindings(b.statement);
	return good;
}
