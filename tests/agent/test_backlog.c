/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CAPACITY 8
#define UNIX     INT64_C(1800000000)
#define ALL      UINT32_MAX
#define HOME     1 /* short server ids */
#define OTHER    2

static struct backlog_entry entries[CAPACITY];
static struct backlog b;
static struct record told[CAPACITY];
static size_t told_count;
static uint64_t last;

static const struct path temperature = {{3303, 0, 5700, 0}, 3}, humidity = {{3304, 0, 5700, 0}, 3};

static int fresh(void **state)
{
	(void)state;
	backlog_init(&b, entries, CAPACITY);
	return 0;
}

static void note(uint16_t server, bool is_open, struct path path, int64_t number, msec now)
{
	struct record record = record_of(path, value_integer(number));
	backlog_add(&b, server, is_open, &record, ALL, now);
}

static size_t tell(uint16_t server, msec now, int64_t unix_s)
{
	struct backlog_clock clock = {now, unix_s};
	told_count = backlog_oldest(&b, server, &clock, told, CAPACITY, &last);
	return told_count;
}

static void expect(size_t i, int64_t number, double time_s)
{
	assert_true(i < told_count && told[i].has_time);
	assert_int_equal(told[i].value.integer, number);
	assert_true(told[i].time_s >= time_s - 1e-6 && told[i].time_s <= time_s + 1e-6);
}

static void values_are_told_oldest_first_with_their_moments(void **state)
{
	(void)state;
	note(HOME, false, temperature, 20, 1000);
	note(HOME, false, humidity, 55, 2000);
	note(HOME, false, temperature, 21, 3500);
	assert_int_equal(tell(HOME, 10000, UNIX), 3);
	expect(0, 20, UNIX - 9);
	expect(1, 55, UNIX - 8);
	expect(2, 21, UNIX - 6.5);
	backlog_delivered(&b, HOME, last);
	assert_int_equal(backlog_count(&b, HOME), 0);
}

static void what_comes_while_some_are_delivered_stays(void **state)
{
	(void)state;
	note(HOME, false, temperature, 20, 1000);
	(void)tell(HOME, 1000, UNIX);
	note(HOME, false, temperature, 21, 2000);
	backlog_delivered(&b, HOME, last);
	assert_int_equal(tell(HOME, 2000, UNIX), 1);
	expect(0, 21, UNIX);
}

static void a_full_one_drops_the_oldest_and_counts(void **state)
{
	(void)state;
	for (int i = 0; i < CAPACITY + 3; i++)
		note(HOME, false, temperature, i, i);
	assert_int_equal(tell(HOME, 0, UNIX), CAPACITY);
	assert_int_equal(told[0].value.integer, 3);
	assert_int_equal(b.displaced, 3);
}

static void hqmax_bounds_each_resource_by_itself(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct record record = record_of(temperature, value_integer(i));
		backlog_add(&b, HOME, false, &record, 2, i);
		note(OTHER, false, temperature, i, i);
	}
	note(HOME, false, humidity, 55, 9);
	assert_int_equal(tell(HOME, 0, UNIX), 3);
	assert_int_equal(told[0].value.integer, 3);
	assert_int_equal(told[1].value.integer, 4);
	struct record none = record_of(humidity, value_integer(1));
	backlog_add(&b, HOME, false, &none, 0, 10); /* hqmax=0 */
	assert_int_equal(backlog_count(&b, HOME), 3);
	assert_int_equal(backlog_count(&b, OTHER), 5);
}

static void open_values_are_told_only_when_the_server_did_not_hear_them(void **state)
{
	(void)state;
	note(HOME, true, temperature, 20, 1000);
	note(HOME, true, temperature, 21, 2000);
	note(OTHER, true, temperature, 20, 1000);
	assert_int_equal(tell(HOME, 2000, UNIX), 0);
	backlog_arrived(&b, HOME, 1000);
	assert_int_equal(tell(HOME, 2000, UNIX), 0);
	backlog_close(&b, HOME);
	assert_int_equal(tell(HOME, 2000, UNIX), 1);
	expect(0, 21, UNIX);
	assert_int_equal(backlog_count(&b, OTHER), 0);
	backlog_arrived(&b, HOME, 5000); /* too late for what is closed */
	assert_int_equal(backlog_count(&b, HOME), 1);
}

static void texts_are_no_history(void **state)
{
	(void)state;
	struct record record = record_of(temperature, value_string(bytes_of_text("warm")));
	backlog_add(&b, HOME, false, &record, ALL, 0);
	assert_int_equal(b.count, 0);
}

static void a_value_is_known_by_the_latest_of_its_resource(void **state)
{
	(void)state;
	struct record record = record_of(temperature, value_integer(20));
	assert_false(backlog_knows(&b, HOME, &record));
	note(HOME, false, temperature, 20, 0);
	assert_true(backlog_knows(&b, HOME, &record));
	assert_false(backlog_knows(&b, OTHER, &record));
	note(HOME, false, temperature, 21, 1);
	assert_false(backlog_knows(&b, HOME, &record));
}

static void a_clock_that_is_set_later_corrects_what_was_noted_before(void **state)
{
	(void)state;
	note(HOME, false, temperature, 20, SECONDS(10));
	(void)tell(HOME, SECONDS(40), 40); /* 1970 still */
	expect(0, 20, -30);
	(void)tell(HOME, SECONDS(50), UNIX);
	expect(0, 20, UNIX - 40);
}

/* Writes everything at `stored`, and reads it again by another clock. */
static void restart(struct backlog_clock stored, struct backlog_clock begun)
{
	uint8_t text[BACKLOG_HEAD_BYTES + CAPACITY * BACKLOG_ENTRY_BYTES];
	struct writer w = writer_of(text, sizeof text);
	backlog_encode(&b, &stored, &w);
	assert_false(w.failed);
	assert_false(b.has_changed);
	backlog_init(&b, entries, CAPACITY);
	assert_true(backlog_decode(&b, &begun, writer_bytes(&w)));
}

static void values_survive_a_restart_with_their_moments(void **state)
{
	(void)state;
	struct record real = record_of(humidity, value_float(0.5)), on = record_of(temperature, value_boolean(true));
	note(HOME, false, temperature, -20, 1000);
	backlog_add(&b, HOME, false, &real, ALL, 2000);
	backlog_add(&b, OTHER, false, &on, ALL, 3000);
	note(HOME, true, temperature, 9, 4000); /* not kept */
	assert_true(b.has_changed);
	restart((struct backlog_clock){4000, UNIX}, (struct backlog_clock){500, 7}); /* no clock yet */
	assert_int_equal(tell(HOME, 1500, 8), 2);
	expect(0, -20, UNIX - 3);
	assert_true(value_equal(&told[1].value, &real.value) && path_equal(told[1].path, humidity));
	assert_int_equal(tell(OTHER, 1500, UNIX + 100), 1);
	assert_true(value_equal(&told[0].value, &on.value));
	expect(0, true, UNIX - 1);
}

static void without_a_clock_they_keep_their_distances_over_a_restart(void **state)
{
	(void)state;
	note(HOME, false, temperature, 20, SECONDS(100));
	note(HOME, false, temperature, 21, SECONDS(160));
	restart((struct backlog_clock){SECONDS(170), 170}, (struct backlog_clock){SECONDS(2), 2});
	assert_int_equal(tell(HOME, SECONDS(12), UNIX), 2);
	expect(0, 20, UNIX - 80);
	expect(1, 21, UNIX - 20);
}

static void a_smaller_one_takes_the_newest_over(void **state)
{
	uint8_t text[256];
	struct writer w = writer_of(text, sizeof text);
	struct backlog_clock clock = {0, UNIX};
	(void)state;
	for (int i = 0; i < 5; i++)
		note(HOME, false, temperature, i, i);
	backlog_encode(&b, &clock, &w);
	backlog_init(&b, entries, 2);
	assert_true(backlog_decode(&b, &clock, writer_bytes(&w)));
	assert_int_equal(tell(HOME, 0, UNIX), 2);
	assert_int_equal(told[0].value.integer, 3);
}

static void what_makes_no_sense_is_not_taken_over(void **state)
{
	uint8_t text[256];
	struct writer w = writer_of(text, sizeof text);
	struct backlog_clock clock = {0, UNIX};
	(void)state;
	note(HOME, false, temperature, 20, 0);
	note(HOME, false, temperature, 21, 1);
	backlog_encode(&b, &clock, &w);
	struct bytes good = writer_bytes(&w);
	for (size_t len = 0; len < good.len; len++) {
		bool ends_at_an_entry =
			len >= BACKLOG_HEAD_BYTES && (len - BACKLOG_HEAD_BYTES) % BACKLOG_ENTRY_BYTES == 0;
		backlog_init(&b, entries, CAPACITY);
		assert_int_equal(backlog_decode(&b, &clock, bytes_first(good, len)), ends_at_an_entry);
	}
	text[1] ^= 0x40; /* another format */
	backlog_init(&b, entries, CAPACITY);
	assert_false(backlog_decode(&b, &clock, good));
	assert_int_equal(b.count, 0);
}

static void of_a_server_that_is_gone_nothing_is_left(void **state)
{
	(void)state;
	note(HOME, false, temperature, 20, 0);
	note(OTHER, false, temperature, 21, 0);
	note(HOME, true, temperature, 22, 0);
	backlog_forget(&b, HOME);
	assert_int_equal(b.count, 1);
	assert_int_equal(backlog_count(&b, OTHER), 1);
}

static void without_capacity_nothing_is_kept(void **state)
{
	(void)state;
	backlog_init(&b, NULL, 0);
	note(HOME, false, temperature, 20, 0);
	assert_int_equal(tell(HOME, 0, UNIX), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(values_are_told_oldest_first_with_their_moments),
		TEST(what_comes_while_some_are_delivered_stays),
		TEST(a_full_one_drops_the_oldest_and_counts),
		TEST(hqmax_bounds_each_resource_by_itself),
		TEST(open_values_are_told_only_when_the_server_did_not_hear_them),
		TEST(texts_are_no_history),
		TEST(a_value_is_known_by_the_latest_of_its_resource),
		TEST(a_clock_that_is_set_later_corrects_what_was_noted_before),
		TEST(values_survive_a_restart_with_their_moments),
		TEST(without_a_clock_they_keep_their_distances_over_a_restart),
		TEST(a_smaller_one_takes_the_newest_over),
		TEST(what_makes_no_sense_is_not_taken_over),
		TEST(of_a_server_that_is_gone_nothing_is_left),
		TEST(without_capacity_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
