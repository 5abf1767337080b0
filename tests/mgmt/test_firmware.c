/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/firmware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void numbers_of_devices_are_checked(void **state)
{
	(void)state;
	assert_true(firmware_state_is_known(3) && !firmware_state_is_known(4) && !firmware_state_is_known(-1));
	assert_true(firmware_result_is_known(11) && !firmware_result_is_known(12));
	assert_false(firmware_result_is_failure(FIRMWARE_RESULT_SUCCESS));
	assert_false(firmware_result_is_failure(FIRMWARE_RESULT_DEFERRED));
	assert_true(firmware_result_is_failure(FIRMWARE_RESULT_CANCELLED));
	assert_string_equal(firmware_state_name(FIRMWARE_DOWNLOADED), "downloaded");
	assert_string_equal(firmware_result_name(FIRMWARE_RESULT_INTEGRITY), "integrity check failed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_devices_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
