/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/execute.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void arguments_are_digits_with_texts(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {
		{"", true},                    /* 1 */
		{"5", true},                   /* 2 */
		{"2='10.3'", true},            /* 3 */
		{"0='U',3", true},             /* 4 */
		{"0='',1", true},              /* 5 */
		{"0,1,2,3,4,5,6,7,8,9", true}, /* 6 */
		{"5,5", false},                /* 7: each at most once */
		{"5,", false},                 /* 8 */
		{",5", false},                 /* 9 */
		{"a", false},                  /* 10 */
		{"10", false},                 /* 11: names have one digit */
		{"1=", false},                 /* 12 */
		{"1=x", false},                /* 13 */
		{"1='x", false},               /* 14 */
		{"1='x'y", false},             /* 15 */
		{"1='a b'", false},            /* 16: no blank */
		{"1='a\"'", false},            /* 17: no quote */
		{"1='a\\'", false},            /* 18: no backslash */
		{"1='a',", false},             /* 19 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (execute_arguments_are_good(bytes_of_text(rows[i].text)) != rows[i].is_good)
			fail_msg("row %zu", i + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(arguments_are_digits_with_texts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
