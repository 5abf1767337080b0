/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/backlog.h"

#include <assert.h>

enum format { FORMAT = 1 };

#define IS_UNIX 0x80 /* beside the type of a value on disk */

void backlog_init(struct backlog *b, struct backlog_entry *entries, uint16_t capacity)
{
	assert(capacity <= BACKLOG_ENTRIES_MAX);
	*b = (struct backlog){.entries = entries, .capacity = capacity};
}

/* ---- making room ---- */

static void remove_at(struct backlog *b, uint16_t i)
{
	b->count--;
	memmove(&b->entries[i], &b->entries[i + 1], (size_t)(b->count - i) * sizeof *b->entries);
}

static bool is_of(const struct backlog_entry *e, uint16_t server, struct path path)
{
	return e->server == server && path_equal(e->path, path);
}

static void displace(struct backlog *b, uint16_t i)
{
	if (!b->entries[i].is_open) {
		b->has_changed = true;
		b->displaced++;
	}
	remove_at(b, i);
}

/* Leaves at most `keeps` of this resource. */
static void thin_out(struct backlog *b, uint16_t server, struct path path, uint32_t keeps)
{
	uint32_t count = 0;
	for (uint16_t i = b->count; i-- > 0;)
		if (is_of(&b->entries[i], server, path) && ++count > keeps)
			displace(b, i);
}

/* Keeps the entries for which the filter says so, in their order. */
typedef bool backlog_filter(struct backlog *b, struct backlog_entry *e, uint16_t server, uint64_t limit);

static void keep_if(struct backlog *b, backlog_filter *is_kept, uint16_t server, uint64_t limit)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < b->count; i++)
		if (is_kept(b, &b->entries[i], server, limit))
			b->entries[kept++] = b->entries[i];
	b->count = kept;
}

/* ---- noting ---- */

static bool is_kept_type(enum value_type type)
{
	return value_is_numeric(type) || type == VALUE_BOOLEAN;
}

static void append(struct backlog *b, const struct backlog_entry *e)
{
	struct backlog_entry *place = &b->entries[b->count++];
	*place = *e;
	place->serial = ++b->newest_serial;
	b->has_changed = b->has_changed || !e->is_open;
}

void backlog_add(
	struct backlog *b, uint16_t server, bool is_open, const struct record *record, uint32_t keeps, msec now)
{
	if (b->capacity == 0 || keeps == 0 || !is_kept_type(record->value.type))
		return;
	thin_out(b, server, record->path, keeps - 1);
	if (b->count == b->capacity)
		displace(b, 0);
	append(b,
		&(struct backlog_entry){
			.server = server, .is_open = is_open, .path = record->path, .value = record->value, .at = now});
}

bool backlog_knows(const struct backlog *b, uint16_t server, const struct record *record)
{
	for (uint16_t i = b->count; i-- > 0;)
		if (is_of(&b->entries[i], server, record->path))
			return value_equal(&b->entries[i].value, &record->value);
	return false;
}

/* ---- what became of them ---- */

static bool is_not_arrived(struct backlog *b, struct backlog_entry *e, uint16_t server, uint64_t limit)
{
	(void)b;
	return e->server != server || !e->is_open || e->at > (msec)limit;
}

void backlog_arrived(struct backlog *b, uint16_t server, msec until)
{
	keep_if(b, is_not_arrived, server, (uint64_t)until);
}

void backlog_close(struct backlog *b, uint16_t server)
{
	for (uint16_t i = 0; i < b->count; i++) {
		struct backlog_entry *e = &b->entries[i];
		b->has_changed = b->has_changed || (e->server == server && e->is_open);
		e->is_open = e->is_open && e->server != server;
	}
}

static bool is_others(struct backlog *b, struct backlog_entry *e, uint16_t server, uint64_t limit)
{
	(void)limit;
	b->has_changed = b->has_changed || (e->server == server && !e->is_open);
	return e->server != server;
}

void backlog_forget(struct backlog *b, uint16_t server)
{
	keep_if(b, is_others, server, 0);
}

static bool is_undelivered(struct backlog *b, struct backlog_entry *e, uint16_t server, uint64_t limit)
{
	bool is_delivered = e->server == server && !e->is_open && e->serial <= limit;
	b->has_changed = b->has_changed || is_delivered;
	return !is_delivered;
}

void backlog_delivered(struct backlog *b, uint16_t server, uint64_t last)
{
	keep_if(b, is_undelivered, server, last);
}

/* ---- telling ---- */

static bool is_right(const struct backlog_clock *clock)
{
	return clock->unix_s >= BACKLOG_CLOCK_LOWEST;
}

uint16_t backlog_count(const struct backlog *b, uint16_t server)
{
	uint16_t count = 0;
	for (uint16_t i = 0; i < b->count; i++)
		if (b->entries[i].server == server && !b->entries[i].is_open)
			count++;
	return count;
}

/* Milliseconds of Unix time, or where the clock is wrong of the time until now. */
static msec moment_of(const struct backlog_entry *e, const struct backlog_clock *clock)
{
	if (e->is_unix)
		return e->at;
	return e->at - clock->now + (is_right(clock) ? SECONDS(clock->unix_s) : 0);
}

size_t backlog_oldest(const struct backlog *b, uint16_t server, const struct backlog_clock *clock,
	struct record *records, size_t capacity, uint64_t *ret_last)
{
	size_t count = 0;
	for (uint16_t i = 0; i < b->count && count < capacity; i++) {
		const struct backlog_entry *e = &b->entries[i];
		if (e->server != server || e->is_open)
			continue;
		struct record *r = &records[count++];
		*r = record_of(e->path, e->value);
		r->has_time = true;
		r->time_s = (double)moment_of(e, clock) / 1000;
		*ret_last = e->serial;
	}
	return count;
}

/* ---- on disk ---- */

static uint64_t bits_of(const struct value *value)
{
	uint64_t bits = 0;
	if (value->type == VALUE_BOOLEAN)
		return value->boolean;
	memcpy(&bits, &value->natural, sizeof bits); /* all others are as wide */
	return bits;
}

static struct value value_of(enum value_type type, uint64_t bits)
{
	struct value value = {.type = type};
	if (type == VALUE_BOOLEAN)
		value.boolean = bits != 0;
	else
		memcpy(&value.natural, &bits, sizeof bits);
	return value;
}

static void write_entry(const struct backlog_entry *e, const struct backlog_clock *clock, struct writer *w)
{
	bool is_unix = e->is_unix || is_right(clock);
	write_u16(w, e->server);
	write_u8(w, e->path.depth);
	for (unsigned i = 0; i < PATH_DEPTH_MAX; i++)
		write_u16(w, e->path.ids[i]);
	write_u8(w, (uint8_t)(e->value.type | (is_unix ? IS_UNIX : 0)));
	write_u64(w, bits_of(&e->value));
	write_u64(w, (uint64_t)moment_of(e, clock));
}

void backlog_encode(struct backlog *b, const struct backlog_clock *clock, struct writer *w)
{
	write_u16(w, FORMAT);
	for (uint16_t i = 0; i < b->count; i++)
		if (!b->entries[i].is_open)
			write_entry(&b->entries[i], clock, w);
	b->has_changed = false;
}

static bool read_entry(struct reader *r, const struct backlog_clock *clock, struct backlog_entry *ret)
{
	*ret = (struct backlog_entry){.server = read_u16(r)};
	ret->path.depth = read_u8(r);
	for (unsigned i = 0; i < PATH_DEPTH_MAX; i++)
		ret->path.ids[i] = read_u16(r);
	uint8_t type = read_u8(r);
	ret->is_unix = (type & IS_UNIX) != 0;
	ret->value = value_of((enum value_type)(type & ~IS_UNIX), read_u64(r));
	ret->at = (msec)read_u64(r) + (ret->is_unix ? 0 : clock->now);
	bool has_depth = ret->path.depth == 3 || ret->path.depth == 4;
	return !r->failed && has_depth && is_kept_type(ret->value.type);
}

bool backlog_decode(struct backlog *b, const struct backlog_clock *clock, struct bytes record)
{
	struct reader r = reader_of(record);
	struct backlog_entry e;
	bool is_good = read_u16(&r) == FORMAT;
	while (is_good && reader_left(&r) > 0) {
		is_good = read_entry(&r, clock, &e);
		if (is_good && b->count == b->capacity && b->count > 0)
			displace(b, 0);
		if (is_good && b->count < b->capacity)
			append(b, &e);
	}
	if (!is_good)
		b->count = 0;
	b->has_changed = false;
	return is_good;
}
