/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/history.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW INT64_C(1800000000000)

static struct record timed(double seconds)
{
	return (struct record){
		.path = {{3303, 0, 5700}, 3}, .value = value_float(21.5), .has_time = true, .time_s = seconds};
}

static wall_msec moment(double seconds)
{
	struct record r = timed(seconds);
	return history_moment(&r, NOW);
}

/* RFC 8428 section 4.5.3 */
static void a_moment_is_absolute_or_relative(void **state)
{
	(void)state;
	assert_int_equal(moment(1799999990.5), NOW - 9500);
	assert_int_equal(moment(-30), NOW - SECONDS(30));
	assert_int_equal(moment(0), NOW);
}

static void without_a_moment_or_with_one_that_is_no_number_it_is_that_of_arrival(void **state)
{
	(void)state;
	struct record r = timed(0);
	r.has_time = false;
	r.time_s = 1799999990;
	assert_int_equal(history_moment(&r, NOW), NOW);
	assert_int_equal(moment(NAN), NOW);
	assert_int_equal(moment(-INFINITY), NOW);
	assert_int_equal(moment(1e300), NOW);
}

static void a_clock_that_is_wrong_is_put_right_for_the_whole_report(void **state)
{
	(void)state;
	struct history_sample s;
	struct record r = timed(300000000); /* in 1979: it has never been set */
	assert_int_equal(history_shift(NOW - SECONDS(86400), NOW), 0);
	assert_int_equal(history_shift(NOW + SECONDS(30), NOW), 0);
	assert_int_equal(history_shift(NOW + SECONDS(3600), NOW), -SECONDS(3600));
	wall_msec shift = history_shift(history_moment(&r, NOW), NOW);
	assert_true(history_sample_of(&r, "a", NOW, shift, &s) && s.at == NOW);
	r.time_s -= 90;
	assert_true(history_sample_of(&r, "a", NOW, shift, &s) && s.at == NOW - SECONDS(90));
	assert_int_equal(
		history_shift(moment(268435455), NOW), NOW - moment(268435455)); /* relative, and years ahead */
}

static void numbers_booleans_and_short_texts_are_kept(void **state)
{
	(void)state;
	struct history_sample s;
	struct record r = timed(-1);
	char longer[HISTORY_TEXT_MAX + 1] = {0};
	assert_true(history_sample_of(&r, "pump-1", NOW, 0, &s));
	assert_string_equal(s.device, "pump-1");
	assert_true(s.number == 21.5 && !s.is_text && s.at == NOW - 1000);
	r.value = value_integer(-7);
	assert_true(history_sample_of(&r, "a", NOW, 0, &s) && s.number == -7);
	r.value = value_boolean(true);
	assert_true(history_sample_of(&r, "a", NOW, 0, &s) && s.number == 1);
	r.value = value_string(bytes_of_text("open"));
	assert_true(history_sample_of(&r, "a", NOW, 0, &s) && s.is_text && bytes_equal_text(s.text, "open"));
	r.value = value_string(bytes_of(longer, sizeof longer));
	assert_false(history_sample_of(&r, "a", NOW, 0, &s));
	r.value = value_float(NAN);
	assert_false(history_sample_of(&r, "a", NOW, 0, &s));
	r.value = value_none();
	assert_false(history_sample_of(&r, "a", NOW, 0, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moment_is_absolute_or_relative),
		cmocka_unit_test(without_a_moment_or_with_one_that_is_no_number_it_is_that_of_arrival),
		cmocka_unit_test(a_clock_that_is_wrong_is_put_right_for_the_whole_report),
		cmocka_unit_test(numbers_booleans_and_short_texts_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
