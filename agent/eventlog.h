/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What has happened on this device, for who cannot come and look: the lines of the agent's log from "info" up, as
 * object 20, Event Log, shows them. Lines of text, the oldest first:
 *
 *     2026-11-24T09:41:29Z event=disconnected reason="no answer to the handshake" times=14 until=2026-11-24T11:02:10Z
 *
 * The time is "-" as long as the clock was not set. A line that is the same as the one before is counted instead of
 * repeated. When there is no room the oldest lines go.
 *
 * On disk it is one record, written as a whole when something has happened and the device is awake anyway: a few times
 * in a row, and then no more often than every EVENTLOG_STORE_EVERY, so a day costs 150 writes of 4 KiB at most, and a
 * day on which nothing happens none. A loss of power loses what came since. */
#pragma once

#include "agent/shelf.h"
#include "coap/base/msec.h"

#define EVENTLOG_BYTES        4096
#define EVENTLOG_LINE_MAX     384
#define EVENTLOG_RECORD_BYTES (SHELF_HEAD_BYTES + 2 + EVENTLOG_BYTES)
#define EVENTLOG_STORES_MAX   6 /* in a row */
#define EVENTLOG_STORE_EVERY  SECONDS(600)

struct eventlog {
	bool is_stopped, has_failed; /* a line was lost for want of room, or could not be stored */
	size_t len;
	size_t last, last_event,
		last_event_end; /* the latest line, and what happened in it; 0 and 0 when it is from disk */
	uint32_t times;
	uint8_t text[EVENTLOG_BYTES];

	bool has_changed;
	unsigned stores_left;
	msec more_at; /* when there is one left more */
};

/* Empty, and running. */
void eventlog_init(struct eventlog *e);
/* One line. `unix_time_s` is 0 when the clock was not set. */
void eventlog_add(struct eventlog *e, struct bytes event, int64_t unix_time_s);
static inline struct bytes eventlog_text(const struct eventlog *e)
{
	return bytes_of(e->text, e->len);
}
/* Resource 4013. */
uint8_t eventlog_status(const struct eventlog *e);
/* Resources 4011 and 4012. */
void eventlog_start(struct eventlog *e, bool empties);
void eventlog_stop(struct eventlog *e, bool empties);

/* ---- on disk ---- */

void eventlog_load(struct eventlog *e, const struct shelf_port *shelf, uint8_t record[EVENTLOG_RECORD_BYTES]);
/* Now, while a few may follow each other; else NEVER: it waits until the device is awake. */
msec eventlog_deadline(const struct eventlog *e);
/* Whether it is to be stored now. */
bool eventlog_is_due(struct eventlog *e, msec now);
/* 0 or -errno. */
int eventlog_store(struct eventlog *e, const struct shelf_port *shelf, uint8_t record[EVENTLOG_RECORD_BYTES], msec now);
