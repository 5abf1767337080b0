/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/msec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_earlier_of_two_is_never_only_when_both_are(void **state)
{
	(void)state;
	assert_true(msec_earlier(1, 2) == 1);
	assert_true(msec_earlier(2, 1) == 1);
	assert_true(msec_earlier(NEVER, 5) == 5);
	assert_true(msec_earlier(5, NEVER) == 5);
	assert_true(msec_earlier(NEVER, NEVER) == NEVER);
}

static void a_span_behind_a_moment_does_not_wrap(void **state)
{
	(void)state;
	static const struct {
		msec moment, span, after;
	} rows[] = {
		{0, 0, 0},
		{10, 5, 15},
		{10, NEVER, NEVER},
		{NEVER, 0, NEVER},
		{NEVER, 1, NEVER},
		{NEVER, NEVER, NEVER},
		{NEVER - 1, 1, NEVER},
		{NEVER - 1, 2, NEVER},
		{NEVER - 2, 1, NEVER - 1},
		{-5, 3, -2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_true(msec_after(rows[i].moment, rows[i].span) == rows[i].after);
}

static void seconds_do_not_wrap_in_32_bits(void **state)
{
	(void)state;
	assert_true(SECONDS(247) == 247000);
	assert_true(SECONDS(10000000) == 10000000000);
	assert_true(SECONDS(UINT32_MAX) == 4294967295000);
	assert_true(SECONDS(1 + 1) == 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earlier_of_two_is_never_only_when_both_are),
		cmocka_unit_test(a_span_behind_a_moment_does_not_wrap),
		cmocka_unit_test(seconds_do_not_wrap_in_32_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
