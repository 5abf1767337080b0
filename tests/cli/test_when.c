/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void moments_are_read_in_utc_and_with_offsets(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: no moment */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2023-11-14T22:13:20Z", 1700000000000},
		{"2023-11-14T22:13:20.5Z", 1700000000500},
		{"2023-11-14T22:13:20.0079Z", 1700000000007},
		{"2023-11-14T23:13:20+01:00", 1700000000000},
		{"2023-11-14T21:43:20-00:30", 1700000000000},
		{"2023-11-14T22:13:20", -1},
		{"2023-11-14T22:13:20.Z", -1},
		{"2023-11-14T22:13:20Zx", -1},
		{"2023-13-14T22:13:20Z", -1},
		{"2023-11-14", -1},
		{"yesterday", -1},
		{"", -1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ms = -1;
		bool is_read = when_parse(cases[i].text, &ms);
		if (is_read != (cases[i].ms >= 0) || ms != cases[i].ms)
			fail_msg("%s is %lld", cases[i].text, (long long)ms);
	}
}

static void spans_are_said_in_their_largest_units(void **state)
{
	static const struct {
		int64_t seconds;
		const char *ago, *span;
	} cases[] = {
		{0, "now", "0 s"},
		{1, "1 s ago", "1 s"},
		{119, "119 s ago", "1 min 59 s"},
		{120, "2 min ago", "2 min"},
		{7199, "119 min ago", "1 h 59 min"},
		{7200, "2 h ago", "2 h"},
		{172800, "2 d ago", "2 d"},
		{180000, "2 d ago", "2 d 2 h"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char ago[WHEN_TEXT_BYTES], span[WHEN_TEXT_BYTES];
		when_relative(1000000000, 1000000000 + cases[i].seconds * 1000, ago);
		when_span(cases[i].seconds, span);
		assert_string_equal(ago, cases[i].ago);
		assert_string_equal(span, cases[i].span);
	}
	char ahead[WHEN_TEXT_BYTES];
	when_relative(300000, 0, ahead);
	assert_string_equal(ahead, "in 5 min");
}

static void local_time_leaves_the_date_out_today(void **state)
{
	char text[WHEN_TEXT_BYTES];
	(void)state;
	setenv("TZ", "UTC-2", 1);
	tzset();
	when_both(1700000000000, 1700000060000, text);
	assert_string_equal(text, "00:13:20 (60 s ago)");
	when_local(1700000000000, 1700000000000 + 86400000, text);
	assert_string_equal(text, "2023-11-15 00:13");
}

static void sizes_are_said_in_binary_units(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {10240, "10 KiB"},
		{1073741824, "1.0 GiB"}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[WHEN_TEXT_BYTES];
		when_bytes(cases[i].bytes, text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_read_in_utc_and_with_offsets),
		cmocka_unit_test(spans_are_said_in_their_largest_units),
		cmocka_unit_test(local_time_leaves_the_date_out_today),
		cmocka_unit_test(sizes_are_said_in_binary_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
