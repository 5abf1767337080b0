/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LAST ((UINT64_C(1) << 48) - 1)

/* One window, in this order: the number, and whether it is fresh; what is fresh is then received. */
static const struct {
	int number_of_case;
	uint64_t number;
	bool is_fresh;
} cases[] = {
	{1, 0, true},
	{2, 0, false},
	{3, 1, true},
	{4, 1, false},
	{5, 9, true},
	{6, 8, true},
	{7, 7, true},
	{8, 7, false},
	{9, 8, false},
	{10, 9, false},
	{11, 70, true},
	{12, 6, false}, /* 64 below the highest: too old to tell */
	{13, 7, false}, /* the oldest that is remembered, and was received */
	{14, 10, true},
	{15, 10, false},
	{16, 134, true}, /* 64 further: everything before is forgotten but for being old */
	{17, 70, false},
	{18, 71, true},
	{19, 133, true},
	{20, 133, false},
	{21, 198, true}, /* 64 further exactly: 134 falls out */
	{22, 134, false},
	{23, 135, true},
	{24, LAST - 1, true},
	{25, LAST, true},
	{26, LAST, false},
	{27, LAST - 1, false},
	{28, LAST - 63, true},
	{29, LAST - 64, false},
	{30, 0, false},
};

static void each_number_is_fresh_once_within_the_window(void **state)
{
	(void)state;
	struct dtls_window w = {0};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (dtls_window_is_fresh(&w, cases[i].number) != cases[i].is_fresh)
			fail_msg("case %d", cases[i].number_of_case);
		if (cases[i].is_fresh)
			dtls_window_mark(&w, cases[i].number);
	}
}

static void a_window_may_begin_at_any_number(void **state)
{
	(void)state;
	struct dtls_window w = {0};
	assert_true(dtls_window_mark(&w, 63));
	for (uint64_t n = 0; n < 63; n++)
		assert_true(dtls_window_is_fresh(&w, n));
	struct dtls_window late = {0};
	dtls_window_mark(&late, 64);
	assert_false(dtls_window_is_fresh(&late, 0));
	assert_true(dtls_window_is_fresh(&late, 1));
}

static void marking_tells_whether_the_number_is_the_newest(void **state)
{
	(void)state;
	struct dtls_window w = {0};
	assert_true(dtls_window_mark(&w, 5));
	assert_false(dtls_window_mark(&w, 3));
	assert_true(dtls_window_mark(&w, 6));
	assert_false(dtls_window_mark(&w, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_number_is_fresh_once_within_the_window),
		cmocka_unit_test(a_window_may_begin_at_any_number),
		cmocka_unit_test(marking_tells_whether_the_number_is_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
