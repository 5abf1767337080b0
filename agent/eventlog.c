/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/eventlog.h"

#define RECORD_VERSION 1
#define MOMENT_BYTES   20 /* "2026-11-24T09:41:29Z" */

/* LogStatus, from the lowest bit. */
#define STATUS_STOPPED  1u
#define STATUS_HAS_DATA 2u
#define STATUS_ERROR    4u

void eventlog_init(struct eventlog *e)
{
	e->is_stopped = e->has_failed = e->has_changed = false;
	e->len = e->last = e->last_event = e->last_event_end = 0;
	e->times = 0;
	e->stores_left = EVENTLOG_STORES_MAX;
	e->more_at = 0;
}

/* ---- moments ---- */

static void write_digits(struct writer *w, int64_t number, int digits)
{
	int64_t power = 1;
	for (int i = 1; i < digits; i++)
		power *= 10;
	for (; power > 0; power /= 10)
		write_u8(w, (uint8_t)('0' + number / power % 10));
}

/* The day of the Gregorian calendar: years begin in March, so that the day that is not always there is the last one. */
static void write_date(struct writer *w, int64_t days)
{
	int64_t era_days = days + 719468, era = era_days / 146097, of_era = era_days % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	int64_t day = of_year - (153 * month + 2) / 5 + 1;
	write_digits(w, year + era * 400 + (month >= 10), 4);
	write_u8(w, '-');
	write_digits(w, month < 10 ? month + 3 : month - 9, 2);
	write_u8(w, '-');
	write_digits(w, day, 2);
}

static void write_moment(struct writer *w, int64_t unix_time_s)
{
	if (unix_time_s <= 0) {
		write_u8(w, '-');
		return;
	}
	int64_t second = unix_time_s % 86400;
	write_date(w, unix_time_s / 86400);
	write_u8(w, 'T');
	write_digits(w, second / 3600, 2);
	write_u8(w, ':');
	write_digits(w, second / 60 % 60, 2);
	write_u8(w, ':');
	write_digits(w, second % 60, 2);
	write_u8(w, 'Z');
}

/* ---- lines ---- */

static void drop_oldest(struct eventlog *e)
{
	const uint8_t *end = memchr(e->text, '\n', e->len);
	size_t gone = end == NULL ? e->len : (size_t)(end - e->text) + 1;
	memmove(e->text, e->text + gone, e->len - gone);
	e->len -= gone;
	bool is_last = gone > e->last;
	e->last = is_last ? 0 : e->last - gone;
	e->last_event = is_last ? 0 : e->last_event - gone;
	e->last_event_end = is_last ? 0 : e->last_event_end - gone;
}

static void append(struct eventlog *e, struct bytes line)
{
	while (sizeof e->text - e->len < line.len)
		drop_oldest(e);
	memcpy(e->text + e->len, line.data, line.len);
	e->len += line.len;
	e->has_changed = true;
}

static bool is_repeated(const struct eventlog *e, struct bytes event)
{
	return e->last_event_end > e->last_event &&
	       bytes_equal(bytes_of(e->text + e->last_event, e->last_event_end - e->last_event), event);
}

/* The line's end is written anew. */
static void count(struct eventlog *e, int64_t unix_time_s)
{
	uint8_t tail[64];
	struct writer w = writer_of(tail, sizeof tail);
	e->times++;
	write_text(&w, " times=");
	write_decimal(&w, e->times);
	write_text(&w, " until=");
	write_moment(&w, unix_time_s);
	write_u8(&w, '\n');
	e->len = e->last_event_end;
	append(e, writer_bytes(&w));
}

void eventlog_add(struct eventlog *e, struct bytes event, int64_t unix_time_s)
{
	uint8_t line[EVENTLOG_LINE_MAX];
	struct writer w = writer_of(line, sizeof line);
	if (e->is_stopped)
		return;
	if (is_repeated(e, event)) {
		count(e, unix_time_s);
		return;
	}
	write_moment(&w, unix_time_s);
	write_u8(&w, ' ');
	size_t before = writer_bytes(&w).len;
	write_bytes(&w, event);
	write_u8(&w, '\n');
	if (w.failed) {
		e->has_failed = true;
		return;
	}
	append(e, writer_bytes(&w));
	e->last = e->len - writer_bytes(&w).len;
	e->last_event = e->last + before;
	e->last_event_end = e->len - 1;
	e->times = 1;
}

uint8_t eventlog_status(const struct eventlog *e)
{
	return (uint8_t)((e->is_stopped ? STATUS_STOPPED : 0) | (e->len > 0 ? STATUS_HAS_DATA : 0) |
			 (e->has_failed ? STATUS_ERROR : 0));
}

static void set_stopped(struct eventlog *e, bool is_stopped, bool empties)
{
	e->is_stopped = is_stopped;
	e->has_changed = true;
	e->has_failed = false;
	if (empties)
		e->len = e->last = e->last_event = e->last_event_end = 0;
}

void eventlog_start(struct eventlog *e, bool empties)
{
	set_stopped(e, false, empties);
}

void eventlog_stop(struct eventlog *e, bool empties)
{
	set_stopped(e, true, empties);
}

/* ---- on disk ---- */

void eventlog_load(struct eventlog *e, const struct shelf_port *shelf, uint8_t record[EVENTLOG_RECORD_BYTES])
{
	struct bytes content = shelf_load(shelf, SHELF_EVENTS, record, EVENTLOG_RECORD_BYTES);
	struct reader r = reader_of(content);
	bool is_known = read_u8(&r) == RECORD_VERSION;
	bool is_stopped = read_u8(&r) != 0;
	struct bytes text = read_bytes(&r, reader_left(&r));
	if (r.failed || !is_known || text.len > sizeof e->text || (text.len > 0 && text.data[text.len - 1] != '\n'))
		return;
	e->is_stopped = is_stopped;
	bytes_copy(e->text, text.data, text.len);
	e->len = text.len;
}

int eventlog_store(struct eventlog *e, const struct shelf_port *shelf, uint8_t record[EVENTLOG_RECORD_BYTES], msec now)
{
	struct writer w = writer_of(record + SHELF_HEAD_BYTES, EVENTLOG_RECORD_BYTES - SHELF_HEAD_BYTES);
	if (!e->has_changed)
		return 0;
	if (e->stores_left == EVENTLOG_STORES_MAX)
		e->more_at = msec_after(now, EVENTLOG_STORE_EVERY);
	e->stores_left -= e->stores_left > 0;
	write_u8(&w, RECORD_VERSION);
	write_u8(&w, e->is_stopped);
	write_bytes(&w, eventlog_text(e));
	int status = shelf_store(shelf, SHELF_EVENTS, record, SHELF_HEAD_BYTES + writer_bytes(&w).len);
	e->has_changed = false;
	e->has_failed |= status < 0;
	return status;
}

msec eventlog_deadline(const struct eventlog *e)
{
	return e->has_changed && e->stores_left > 0 ? 0 : NEVER;
}

bool eventlog_is_due(struct eventlog *e, msec now)
{
	while (e->stores_left < EVENTLOG_STORES_MAX && e->more_at <= now) {
		e->stores_left++;
		e->more_at = msec_after(e->more_at, EVENTLOG_STORE_EVERY);
	}
	return e->has_changed && e->stores_left > 0;
}
