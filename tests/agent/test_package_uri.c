/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/package_uri.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SERVER "coaps://192.0.2.1:5684"

static enum firmware_result judge(const char *uri)
{
	return package_uri_judge(bytes_of_text(uri), bytes_of_text(SERVER));
}

static void a_path_on_our_server_is_fetched(void **state)
{
	(void)state;
	assert_int_equal(judge("coaps://192.0.2.1:5684/m/1"), FIRMWARE_RESULT_INITIAL);
	assert_int_equal(judge("coaps://192.0.2.1/m/1"), FIRMWARE_RESULT_INITIAL); /* the default port */
	assert_int_equal(
		package_uri_judge(bytes_of_text("coap://[2001:db8::1]/m"), bytes_of_text("coap://[2001:db8::1]:5683")),
		FIRMWARE_RESULT_INITIAL);
}

static void whatever_is_not_on_our_server_has_a_result_that_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *uri;
		enum firmware_result result;
	} cases[] = {
		{"coaps://192.0.2.2:5684/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://192.0.2.1:5685/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"coap://192.0.2.1:5684/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://192.0.2.1:5684@evil/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://192.0.2.1:5684.evil/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://192.0.2.1:5684", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://192.0.2.1:5684/", FIRMWARE_RESULT_INVALID_URI},
		{"coaps://", FIRMWARE_RESULT_INVALID_URI},
		{"firmware", FIRMWARE_RESULT_INVALID_URI},
		{"/m/1", FIRMWARE_RESULT_INVALID_URI},
		{"http://192.0.2.1/fw", FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL},
		{"https://192.0.2.1/fw", FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL},
		{"coap+tcp://192.0.2.1/fw", FIRMWARE_RESULT_UNSUPPORTED_PROTOCOL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(judge(cases[i].uri), cases[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_on_our_server_is_fetched),
		cmocka_unit_test(whatever_is_not_on_our_server_has_a_result_that_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
