/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The history in an SQLite file of its own (edge): WAL, synchronous=NORMAL, and one helper thread that writes.
 *
 * Samples are gathered for a second and written in one transaction, by the minute and by the hour as well. Each
 * transaction also takes away a piece of what is older than it is to be kept, and, when the file has reached its size,
 * of the oldest there is. What comes faster than it can be written is dropped and counted: a history must not hold the
 * server up, nor fill the disk that the store needs. */
#pragma once

#include "server/history.h"

#define HISTORY_SQLITE_ERROR_BYTES 512

struct history_sqlite;

struct history_sqlite_config {
	const char *path; /* made when it is not there */
	uint32_t raw_hours, minute_days, hour_days;
	uint64_t bytes_max;     /* of the file; 0: the disk's */
	msec gather;            /* how long samples are gathered; a second when 0 */
	wall_msec (*now)(void); /* for what is old; the system's clock when NULL */
};

/* NULL with one line of reason. */
struct history_sqlite *history_sqlite_open(
	const struct history_sqlite_config *config, char ret_error[HISTORY_SQLITE_ERROR_BYTES]);
/* Writes what was gathered and closes. Accepts NULL. */
void history_sqlite_close(struct history_sqlite *h);

struct history_port history_sqlite_port(struct history_sqlite *h);
/* Waits until all that was added before is written; for tests. */
void history_sqlite_settle(struct history_sqlite *h);
