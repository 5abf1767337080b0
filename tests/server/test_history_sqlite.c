/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The history on real files. */
#include "server/history_sqlite.h"

#include "tests/server/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define HOUR   SECONDS(3600)
#define MINUTE SECONDS(60)
#define BEGIN  (INT64_C(1800000000000) / HOUR * HOUR)

static struct directory directory;
static struct history_sqlite *history;
static struct history_port port;
static wall_msec wall;
static struct history_point points[HISTORY_POINTS_MAX];
static const struct path temperature = {{3303, 0, 5700}, 3}, state_of_pump = {{10300, 0, 1}, 3};

static wall_msec now(void)
{
	return wall;
}

static void reopen_with(uint64_t bytes_max)
{
	char error[HISTORY_SQLITE_ERROR_BYTES] = "";
	struct history_sqlite_config config = {.path = directory_file(&directory, "history"),
		.raw_hours = 24,
		.minute_days = 30,
		.hour_days = 365,
		.bytes_max = bytes_max,
		.gather = 5,
		.now = now};
	history_sqlite_close(history);
	history = history_sqlite_open(&config, error);
	if (history == NULL)
		fail_msg("%s", error);
	port = history_sqlite_port(history);
}

static int set_up(void **state)
{
	(void)state;
	directory_make(&directory);
	wall = BEGIN;
	reopen_with(0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	history_sqlite_close(history);
	history = NULL;
	directory_remove(&directory);
	return 0;
}

static void tell(const char *device, wall_msec at, double number)
{
	struct history_sample s = {.device = device, .path = temperature, .at = at, .number = number};
	port.add(port.context, &s);
}

static size_t ask(const char *device, enum history_step step, wall_msec since, wall_msec until)
{
	size_t count;
	struct history_question q = {.device = device,
		.path = temperature,
		.since = since,
		.until = until,
		.step = step,
		.limit = HISTORY_POINTS_MAX};
	history_sqlite_settle(history);
	assert_true(port.read(port.context, &q, points, &count));
	return count;
}

static void values_come_back_in_their_order_and_outlive_the_process(void **state)
{
	(void)state;
	tell("a", BEGIN + 2000, 2);
	tell("a", BEGIN + 1000, 1);
	tell("b", BEGIN + 1000, 9);
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + HOUR), 2);
	reopen_with(0);
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + HOUR), 2);
	assert_int_equal(points[0].at, BEGIN + 1000);
	assert_true(points[0].mean == 1 && points[1].mean == 2 && points[0].count == 1);
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN + 1000, BEGIN + 2000), 1); /* until is not in it */
	assert_int_equal(ask("nobody", HISTORY_RAW, BEGIN, BEGIN + HOUR), 0);
}

static void minutes_and_hours_say_how_many_the_least_the_mean_and_the_greatest(void **state)
{
	(void)state;
	for (int i = 0; i < 120; i++)
		tell("a", BEGIN + i * 1000, i);
	assert_int_equal(ask("a", HISTORY_MINUTE, BEGIN, BEGIN + HOUR), 2);
	assert_int_equal(points[1].at, BEGIN + MINUTE);
	assert_int_equal(points[1].count, 60);
	assert_true(points[1].least == 60 && points[1].greatest == 119 && points[1].mean == 89.5);
	assert_int_equal(ask("a", HISTORY_HOUR, BEGIN, BEGIN + HOUR), 1);
	assert_int_equal(points[0].count, 120);
	assert_true(points[0].mean == 59.5);
}

static void the_same_moment_counts_once(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		tell("a", BEGIN + 1000, 7 + i);
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + HOUR), 1);
	assert_true(points[0].mean == 7);
	assert_int_equal(ask("a", HISTORY_HOUR, BEGIN, BEGIN + HOUR), 1);
	assert_int_equal(points[0].count, 1);
}

static void texts_are_kept_as_they_came(void **state)
{
	(void)state;
	size_t count;
	struct history_sample s = {.device = "a",
		.path = state_of_pump,
		.at = BEGIN + 5,
		.is_text = true,
		.text = bytes_of_text("zur\xc3\xbc"
				      "ck")};
	struct history_question q = {.device = "a",
		.path = state_of_pump,
		.since = BEGIN,
		.until = BEGIN + HOUR,
		.step = HISTORY_RAW,
		.limit = 5};
	port.add(port.context, &s);
	history_sqlite_settle(history);
	assert_true(port.read(port.context, &q, points, &count));
	assert_int_equal(count, 1);
	assert_true(points[0].is_text && points[0].text_len == s.text.len);
	assert_memory_equal(points[0].text, s.text.data, s.text.len);
	q.step = HISTORY_HOUR;
	assert_true(port.read(port.context, &q, points, &count));
	assert_int_equal(count, 0);
}

static void a_device_that_is_forgotten_begins_anew(void **state)
{
	(void)state;
	tell("a", BEGIN, 1);
	tell("b", BEGIN, 2);
	port.forget(port.context, "a");
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + HOUR), 0);
	assert_int_equal(ask("b", HISTORY_RAW, BEGIN, BEGIN + HOUR), 1);
	tell("a", BEGIN + 1, 3);
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + HOUR), 1);
	assert_true(points[0].mean == 3);
}

static void what_is_old_goes_single_values_first(void **state)
{
	(void)state;
	tell("a", BEGIN, 1);
	history_sqlite_settle(history);
	wall = BEGIN + 25 * HOUR;
	tell("a", wall, 2);
	assert_int_equal(ask("a", HISTORY_RAW, 0, wall + 1), 1);
	assert_int_equal(ask("a", HISTORY_MINUTE, 0, wall + 1), 2);
	wall = BEGIN + 31 * 24 * HOUR;
	tell("a", wall, 3);
	assert_int_equal(ask("a", HISTORY_MINUTE, 0, wall + 1), 2);
	assert_int_equal(ask("a", HISTORY_HOUR, 0, wall + 1), 3);
	wall = BEGIN + 366 * 24 * HOUR;
	tell("a", wall, 4);
	assert_int_equal(ask("a", HISTORY_HOUR, 0, wall + 1), 3);
}

static void a_full_file_gives_up_the_oldest_and_goes_on(void **state)
{
	(void)state;
	struct stat status;
	struct history_counts counts;
	reopen_with(1 << 20);
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 4000; i++)
			tell("a", BEGIN + (round * 4000 + i) * 10, i);
		history_sqlite_settle(history);
	}
	port.count(port.context, &counts);
	assert_false(counts.is_failing);
	assert_int_equal(counts.kept, 48000);
	assert_int_equal(counts.lost, 0);
	assert_true(ask("a", HISTORY_RAW, BEGIN + 479000, BEGIN + HOUR) > 90); /* the newest are there */
	assert_int_equal(ask("a", HISTORY_RAW, BEGIN, BEGIN + 1000), 0);
	assert_int_equal(stat(directory_file(&directory, "history"), &status), 0);
	assert_true(status.st_size <= 1 << 20);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void what_is_no_history_is_left_alone(void **state)
{
	(void)state;
	char error[HISTORY_SQLITE_ERROR_BYTES] = "";
	directory_write(&directory, "junk", 0600,
		"this is no database, and longer than the head of one would be, by far; "
		"it only has to have more than a hundred bytes");
	struct history_sqlite_config config = {.path = directory_file(&directory, "junk")};
	assert_null(history_sqlite_open(&config, error));
	assert_non_null(strstr(error, "junk: "));
	config.path = directory_file(&directory, "none/history");
	assert_null(history_sqlite_open(&config, error));
	assert_non_null(strstr(error, "unable to open"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(values_come_back_in_their_order_and_outlive_the_process),
		TEST(minutes_and_hours_say_how_many_the_least_the_mean_and_the_greatest),
		TEST(the_same_moment_counts_once),
		TEST(texts_are_kept_as_they_came),
		TEST(a_device_that_is_forgotten_begins_anew),
		TEST(what_is_old_goes_single_values_first),
		TEST(a_full_file_gives_up_the_oldest_and_goes_on),
		TEST(what_is_no_history_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
