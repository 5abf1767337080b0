/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/eventlog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define NOON INT64_C(1795521600) /* 2026-11-24T12:00:00Z */

static struct eventlog e;
static uint8_t disk[EVENTLOG_RECORD_BYTES], record[EVENTLOG_RECORD_BYTES];
static size_t disk_len;
static int disk_error;
static unsigned stores;

static int load(void *context, enum shelf_record which, void *buffer, size_t capacity)
{
	(void)context;
	assert_int_equal(which, SHELF_EVENTS);
	assert_true(disk_len <= capacity);
	memcpy(buffer, disk, disk_len);
	return (int)disk_len;
}

static int store(void *context, enum shelf_record which, struct bytes content)
{
	(void)context;
	assert_int_equal(which, SHELF_EVENTS);
	if (disk_error != 0)
		return disk_error;
	stores++;
	memcpy(disk, content.data, content.len);
	disk_len = content.len;
	return 0;
}

static const struct shelf_port shelf = {NULL, load, store};

static int fresh(void **state)
{
	(void)state;
	disk_len = stores = 0;
	disk_error = 0;
	eventlog_init(&e);
	return 0;
}

static void add(const char *event, int64_t at)
{
	eventlog_add(&e, bytes_of_text(event), at);
}

static void expect(const char *text)
{
	if (!bytes_equal_text(eventlog_text(&e), text))
		fail_msg("%.*s instead of %s", (int)e.len, (const char *)e.text, text);
}

static void lines_have_their_moments(void **state)
{
	(void)state;
	add("event=start", 0);
	add("event=registered", NOON);
	add("event=leap", INT64_C(951782399));   /* the last second of 2000-02-28 */
	add("event=leap2", INT64_C(951868799));  /* and of the 29th */
	add("event=later", INT64_C(4107542400)); /* 2100-03-01, after a year without */
	expect("- event=start\n2026-11-24T12:00:00Z event=registered\n2000-02-28T23:59:59Z event=leap\n"
	       "2000-02-29T23:59:59Z event=leap2\n2100-03-01T00:00:00Z event=later\n");
}

static void what_repeats_is_counted(void **state)
{
	(void)state;
	add("event=a", NOON);
	add("event=disconnected", NOON);
	for (int i = 1; i < 12; i++)
		add("event=disconnected", NOON + 60 * i);
	expect("2026-11-24T12:00:00Z event=a\n"
	       "2026-11-24T12:00:00Z event=disconnected times=12 until=2026-11-24T12:11:00Z\n");
	add("event=disconnected2", NOON);
	add("event=disconnected", NOON);
	assert_true(memchr(e.text, '2', e.len) != NULL && e.text[e.len - 1] == '\n');
}

static void the_oldest_lines_go_and_never_half_of_one(void **state)
{
	char event[100];
	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(event, sizeof event, "event=number value=%d %.*s", i, i % 60,
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		add(event, NOON + i);
		if (i % 3 == 0)
			add(event, NOON + i);
		assert_true(e.len <= EVENTLOG_BYTES && e.text[e.len - 1] == '\n' && e.text[0] == '2');
	}
	assert_true(e.len > EVENTLOG_BYTES - 200);
	assert_int_equal(eventlog_status(&e), 2);
}

static void it_is_stopped_emptied_and_started(void **state)
{
	(void)state;
	assert_int_equal(eventlog_status(&e), 0);
	add("event=a", NOON);
	assert_int_equal(eventlog_status(&e), 2);
	eventlog_stop(&e, false);
	add("event=b", NOON);
	assert_int_equal(eventlog_status(&e), 3);
	expect("2026-11-24T12:00:00Z event=a\n");
	eventlog_start(&e, false);
	add("event=a", NOON);
	expect("2026-11-24T12:00:00Z event=a times=2 until=2026-11-24T12:00:00Z\n");
	eventlog_start(&e, true);
	assert_int_equal(eventlog_status(&e), 0);
	eventlog_stop(&e, true);
	assert_int_equal(eventlog_status(&e), 1);
}

static void a_line_that_is_too_long_is_told(void **state)
{
	char event[EVENTLOG_LINE_MAX + 1];
	(void)state;
	memset(event, 'x', sizeof event - 1);
	event[sizeof event - 1] = '\0';
	add(event, NOON);
	assert_int_equal(eventlog_status(&e), 4);
}

static void it_survives_a_restart(void **state)
{
	(void)state;
	add("event=a", NOON);
	add("event=b", NOON);
	eventlog_stop(&e, false);
	assert_int_equal(eventlog_store(&e, &shelf, record, 0), 0);
	eventlog_init(&e);
	eventlog_load(&e, &shelf, record);
	assert_int_equal(eventlog_status(&e), 3);
	expect("2026-11-24T12:00:00Z event=a\n2026-11-24T12:00:00Z event=b\n");
	eventlog_start(&e, false);
	add("event=b", NOON); /* of another run: no repetition */
	expect("2026-11-24T12:00:00Z event=a\n2026-11-24T12:00:00Z event=b\n2026-11-24T12:00:00Z event=b\n");
	disk[8] ^= 1;
	eventlog_init(&e);
	eventlog_load(&e, &shelf, record);
	assert_int_equal(e.len, 0);
}

static void the_disk_is_written_seldom(void **state)
{
	(void)state;
	assert_false(eventlog_is_due(&e, 0));
	add("event=a", NOON);
	assert_true(eventlog_is_due(&e, 0));
	for (msec now = 1000; now < 86400000; now += 1000) {
		if (now % 60000 == 0)
			add(now % 120000 == 0 ? "event=a" : "event=b", NOON + now / 1000);
		if (eventlog_is_due(&e, now))
			assert_int_equal(eventlog_store(&e, &shelf, record, now), 0);
	}
	assert_in_range(stores, 140, 150);
	disk_error = -ENOSPC;
	add("event=full", NOON);
	assert_int_equal(eventlog_store(&e, &shelf, record, 86400000), -ENOSPC);
	assert_int_equal(eventlog_status(&e), 6);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_have_their_moments),
		TEST(what_repeats_is_counted),
		TEST(the_oldest_lines_go_and_never_half_of_one),
		TEST(it_is_stopped_emptied_and_started),
		TEST(a_line_that_is_too_long_is_told),
		TEST(it_survives_a_restart),
		TEST(the_disk_is_written_seldom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
