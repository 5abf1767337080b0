/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The server's records as rows of SQLite tables (edge): the schema with its migrations, one prepared statement per kind
 * of change, and the reading of everything at the start. Lists of formats, objects and waves are kept as short texts,
 * so that the file can be read with any SQLite tool. */
#pragma once

#include "server/sealing.h"
#include "server/store.h"

#include <sqlite3.h>

struct rows {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_EVENT_PUT + 1]; /* by enum store_change_type */
	struct sealing *sealing;                       /* the owner's; NULL: keys are kept as they are */
	unsigned unreadable;                           /* rows passed over as they are sealed under another secret */
};

#define ROWS_ERROR_BYTES 256

/* Brings the schema of an open database up to date and prepares the statements. False with a reason when it is no
 * database of ours, newer than this program, damaged, or cannot be written. */
bool rows_open(struct rows *r, sqlite3 *db, char error[ROWS_ERROR_BYTES]);
/* Accepts a zeroed or half-opened object; the database stays open. */
void rows_close(struct rows *r);
/* Carries one change out, within the caller's transaction. */
bool rows_apply(struct rows *r, const struct store_change *change);
/* Hands everything to the visitor, of the events the newest `events`. */
bool rows_load(struct rows *r, const struct store_visitor *visitor, uint32_t events, char error[ROWS_ERROR_BYTES]);
/* Writes "<what>: <what the database says>"; always false. */
bool rows_fail(char error[ROWS_ERROR_BYTES], sqlite3 *db, const char *what);
