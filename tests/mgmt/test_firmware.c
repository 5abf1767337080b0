/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/firmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* lwm2m interface section 11, row by row: event, then for each state the answer and what it becomes. */
static const struct {
	enum firmware_event event;
	enum firmware_result brought;
	const char
		*outcome[4]; /* answer, state, result of IDLE, DOWNLOADING, DOWNLOADED, UPDATING; they begin with 99 */
} rows[] = {
	{FIRMWARE_PACKAGE_BEGUN, 0, {"204 1 0", "405", "405", "405"}},
	{FIRMWARE_URI_WRITTEN, 0, {"204 1 0", "405", "405", "405"}},
	{FIRMWARE_URI_REFUSED, 7, {"400 0 7", "405", "405", "405"}},
	{FIRMWARE_URI_REFUSED, 9, {"400 0 9", "405", "405", "405"}},
	{FIRMWARE_RESET, 0, {"204 0 0", "204 0 0", "204 0 0", "405"}},
	{FIRMWARE_ARRIVED, 0, {"405", "204 2 0", "405", "405"}},
	{FIRMWARE_DOWNLOAD_FAILED, 4, {"405", "204 0 4", "405", "405"}},
	{FIRMWARE_EXECUTED, 0, {"405", "405", "204 3 0", "405"}},
	{FIRMWARE_DEFERRED, 0, {"405", "405", "204 2 11", "405"}},
	{FIRMWARE_CANCELLED, 0, {"405", "204 0 10", "204 0 10", "405"}},
	{FIRMWARE_INSTALLED, 0, {"405", "405", "405", "204 0 1"}},
	{FIRMWARE_INSTALL_FAILED, 8, {"405", "405", "405", "204 2 8"}},
	{FIRMWARE_IMAGE_UNUSABLE, 5, {"405", "405", "405", "204 0 5"}},
};

static int answer_code(enum firmware_answer answer)
{
	return answer == FIRMWARE_CHANGED ? 204 : answer == FIRMWARE_NOT_ALLOWED ? 405 : 400;
}

static void every_event_meets_every_state_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned s = 0; s < 4; s++) {
			struct firmware f = {(enum firmware_state)s, FIRMWARE_RESULT_NO_MEMORY};
			int code = 0, next = (int)s, result = FIRMWARE_RESULT_NO_MEMORY;
			sscanf(rows[i].outcome[s], "%d %d %d", &code, &next, &result);
			assert_int_equal(answer_code(firmware_step(&f, rows[i].event, rows[i].brought)), code);
			assert_int_equal(f.state, next);
			assert_int_equal(f.result, result);
		}
}

static void a_whole_update_goes_round(void **state)
{
	struct firmware f = {FIRMWARE_IDLE, FIRMWARE_RESULT_FAILED};
	(void)state;
	firmware_step(&f, FIRMWARE_URI_WRITTEN, 0);
	firmware_step(&f, FIRMWARE_ARRIVED, 0);
	firmware_step(&f, FIRMWARE_EXECUTED, 0);
	assert_int_equal(f.state, FIRMWARE_UPDATING);
	assert_int_equal(f.result, FIRMWARE_RESULT_INITIAL);
	firmware_step(&f, FIRMWARE_INSTALLED, 0);
	assert_int_equal(f.state, FIRMWARE_IDLE);
	assert_int_equal(f.result, FIRMWARE_RESULT_SUCCESS);
}

static void numbers_of_devices_are_checked(void **state)
{
	(void)state;
	assert_true(firmware_state_is_known(3) && !firmware_state_is_known(4) && !firmware_state_is_known(-1));
	assert_true(firmware_result_is_known(11) && !firmware_result_is_known(12));
	assert_false(firmware_is_plausible(FIRMWARE_IDLE, FIRMWARE_UPDATING));
	assert_true(firmware_is_plausible(FIRMWARE_UPDATING, FIRMWARE_IDLE));
	assert_true(firmware_is_plausible(FIRMWARE_IDLE, FIRMWARE_DOWNLOADED));
	assert_false(firmware_result_is_failure(FIRMWARE_RESULT_SUCCESS));
	assert_false(firmware_result_is_failure(FIRMWARE_RESULT_DEFERRED));
	assert_true(firmware_result_is_failure(FIRMWARE_RESULT_CANCELLED));
	assert_string_equal(firmware_state_name(FIRMWARE_DOWNLOADED), "downloaded");
	assert_string_equal(firmware_result_name(FIRMWARE_RESULT_INTEGRITY), "integrity check failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_meets_every_state_as_the_table_says),
		cmocka_unit_test(a_whole_update_goes_round),
		cmocka_unit_test(numbers_of_devices_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
