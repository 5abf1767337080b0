/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values that a server should have been told of and was not, with their moments, until it can be told (Notification
 * Storing, /1/x/6, and hqmax; lwm2m interface section 6).
 *
 * An entry is open while the notification that carried its value may have arrived: it is dropped when the server proves
 * that it still hears the device, and closed, that is kept for good, when it does not. Entries lie in the order of
 * their moments. What has no room displaces the oldest of all; with hqmax the oldest of the same resource.
 *
 * Moments are of the monotonic clock, and become Unix time when they leave: a clock that is set later corrects what was
 * noted before. A clock that was never set gives moments relative to now, as SenML has them (RFC 8428 section 4.5.3).
 * Entries that come back from disk have Unix time when the clock was right at that time. When it was not, nobody knows
 * how long the device was off: they keep their distances, and the last moment before is taken for the one after. */
#pragma once

#include "coap/base/msec.h"
#include "mgmt/value.h"

#define BACKLOG_ENTRIES_MAX  4096
#define BACKLOG_ENTRY_BYTES  28
#define BACKLOG_HEAD_BYTES   2
#define BACKLOG_CLOCK_LOWEST INT64_C(1577836800) /* 2020: a clock below that was never set */

struct backlog_entry {
	uint16_t server; /* its short id */
	bool is_open;
	bool is_unix; /* `at` is Unix time in milliseconds, of an earlier run */
	struct path path;
	struct value value; /* a number or boolean */
	msec at;
	uint64_t serial;
};

/* Which Unix time it is at `now`; the clock of a machine that was never told the time counts from 1970. */
struct backlog_clock {
	msec now;
	int64_t unix_s;
};

struct backlog {
	struct backlog_entry *entries;
	uint16_t capacity, count;
	bool has_changed; /* other entries are closed than when it was encoded last */
	uint64_t newest_serial;
	uint64_t displaced; /* closed entries that had to make room */
};

static inline size_t backlog_bytes(uint16_t capacity)
{
	return BACKLOG_HEAD_BYTES + (size_t)capacity * BACKLOG_ENTRY_BYTES;
}

/* Without capacity nothing is kept. */
void backlog_init(struct backlog *b, struct backlog_entry *entries, uint16_t capacity);

/* Notes a value that this server is to know of. At most `keeps` of one resource are kept. A value that is no number or
 * boolean is not noted. */
void backlog_add(
	struct backlog *b, uint16_t server, bool is_open, const struct record *record, uint32_t keeps, msec now);
/* Whether the latest value noted of this resource is the same. */
bool backlog_knows(const struct backlog *b, uint16_t server, const struct record *record);

/* The server has proved to have heard what was sent until then. */
void backlog_arrived(struct backlog *b, uint16_t server, msec until);
/* It has not heard what is open. */
void backlog_close(struct backlog *b, uint16_t server);
void backlog_forget(struct backlog *b, uint16_t server);

/* How many closed ones there are of this server. */
uint16_t backlog_count(const struct backlog *b, uint16_t server);
/* The oldest closed ones as records with times; their number. `*ret_last` is what backlog_delivered wants. */
size_t backlog_oldest(const struct backlog *b, uint16_t server, const struct backlog_clock *clock,
	struct record *records, size_t capacity, uint64_t *ret_last);
/* The server has got them, up to this one. */
void backlog_delivered(struct backlog *b, uint16_t server, uint64_t last);

/* Writes the closed ones. */
void backlog_encode(struct backlog *b, const struct backlog_clock *clock, struct writer *w);
/* Puts what was written before into the empty table; false, and the table empty, when it makes no sense. */
bool backlog_decode(struct backlog *b, const struct backlog_clock *clock, struct bytes record);
