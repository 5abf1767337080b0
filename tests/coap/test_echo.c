/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/echo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct coap_remote host(uint8_t number)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, number, 5683), HANDLE_NONE};
}

static void a_value_goes_back_to_its_server_alone_and_not_for_ever(void **state)
{
	struct coap_echoes t = {0};
	struct coap_remote one = host(1), two = host(2), secure = {one.address, {0, 1}};
	struct bytes value;
	(void)state;
	assert_false(coap_echo_find(&t, &one, 0, &value));
	coap_echo_keep(&t, &one, bytes_of("first", 5), 0);
	coap_echo_keep(&t, &one, bytes_of("second", 6), 10);
	assert_true(coap_echo_find(&t, &one, COAP_ECHO_LIFETIME, &value));
	assert_true(bytes_equal_text(value, "second"));
	assert_false(coap_echo_find(&t, &one, COAP_ECHO_LIFETIME + 10, &value));
	assert_false(coap_echo_find(&t, &two, 10, &value));
	assert_false(coap_echo_find(&t, &secure, 10, &value));
	coap_echo_forget(&t, &one);
	assert_false(coap_echo_find(&t, &one, 10, &value));
}

static void a_value_of_a_wrong_length_is_not_kept(void **state)
{
	struct coap_echoes t = {0};
	struct coap_remote one = host(1);
	uint8_t bytes[COAP_ECHO_MAX_BYTES + 1] = {0};
	struct bytes value;
	(void)state;
	coap_echo_keep(&t, &one, BYTES_NONE, 0);
	coap_echo_keep(&t, &one, bytes_of(bytes, sizeof bytes), 0);
	assert_false(coap_echo_find(&t, &one, 1, &value));
	coap_echo_keep(&t, &one, bytes_of(bytes, COAP_ECHO_MAX_BYTES), 0);
	assert_true(coap_echo_find(&t, &one, 1, &value));
	assert_int_equal(value.len, COAP_ECHO_MAX_BYTES);
}

static void with_more_servers_than_places_the_oldest_place_is_taken(void **state)
{
	struct coap_echoes t = {0};
	struct bytes value;
	(void)state;
	for (uint8_t i = 0; i < COAP_ECHOES_MAX + 2; i++) {
		struct coap_remote remote = host(i);
		coap_echo_keep(&t, &remote, bytes_of(&i, 1), 0);
	}
	for (uint8_t i = 0; i < COAP_ECHOES_MAX + 2; i++) {
		struct coap_remote remote = host(i);
		assert_int_equal(coap_echo_find(&t, &remote, 1, &value), i >= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_goes_back_to_its_server_alone_and_not_for_ever),
		cmocka_unit_test(a_value_of_a_wrong_length_is_not_kept),
		cmocka_unit_test(with_more_servers_than_places_the_oldest_place_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
