/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store in one SQLite file (edge): WAL, synchronous=FULL, and one helper thread that commits.
 *
 * The loop's thread adds and commits batches into memory; the helper takes all that wait, carries them out in one
 * transaction (group commit), and leaves their outcomes in a row. When a group fails, its batches are tried one by one
 * up to the first that cannot be kept; those behind it fail with it until its outcome was taken. The helper calls
 * `wake`, which must be safe to be called from another thread (ev_async_send is), and the loop's thread takes the
 * outcomes. */
#pragma once

#include "server/sealing.h"
#include "server/store.h"

#define STORE_SQLITE_ERROR_BYTES 512

struct store_sqlite;

struct store_sqlite_config {
	const char *path;         /* of the database file; its directory must exist and be writable */
	uint32_t waiting_max_kib; /* of batches not yet carried out; 0: 65536 */
	uint32_t pages_max;       /* the file's limit in pages of 4 KiB; 0: the disk's */
	void (*wake)(void *context);
	void *wake_context;
};

/* Opens the file, or makes it. NULL with one line of reason in `ret_error`. */
struct store_sqlite *store_sqlite_open(
	const struct store_sqlite_config *config, char ret_error[STORE_SQLITE_ERROR_BYTES]);
/* Carries out what waits, ends the helper and closes the file. Outcomes not taken are lost. Accepts NULL. */
void store_sqlite_close(struct store_sqlite *s);

/* Seals the keys in it from now on (sealing.h); to be called before anything is loaded or committed. `sealing` is the
 * store's alone, in memory of its owner's that outlives it. */
void store_sqlite_seal(struct store_sqlite *s, struct sealing *sealing);

struct store store_sqlite_port(struct store_sqlite *s);
/* Hands everything to the visitor, of the events the newest `events`; before the first commit. */
bool store_sqlite_load(struct store_sqlite *s, const struct store_visitor *visitor, uint32_t events,
	char ret_error[STORE_SQLITE_ERROR_BYTES]);

/* How many rows were passed over as they are sealed under another secret. They stay where they are. */
unsigned store_sqlite_unreadable(const struct store_sqlite *s);

/* The next outcome, in the order of the commits. False when there is none now. */
bool store_sqlite_next(struct store_sqlite *s, uint64_t *ret_ticket, bool *ret_ok);
/* Waits until the helper has nothing left to do; for tests and for shutting down. */
void store_sqlite_settle(struct store_sqlite *s);
/* Why the last batch failed, for the log; "" when none has. Valid until the next call. */
const char *store_sqlite_reason(struct store_sqlite *s);
