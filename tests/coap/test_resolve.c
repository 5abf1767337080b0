/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void an_address_is_found_at_once_and_nonsense_is_not(void **state)
{
	struct address found, v4 = address_ipv4(192, 0, 2, 7, 5684);
	const char *reason = NULL;
	(void)state;
	assert_true(coap_resolve_name("192.0.2.7", 5684, &found, &reason));
	assert_true(address_equal(&found, &v4));
	assert_true(coap_resolve_name("2001:db8::1", 5684, &found, &reason));
	assert_false(address_is_ipv4(&found));
	assert_int_equal(found.port, 5684);
	assert_null(reason);
	assert_false(coap_resolve_name("a..b", 5684, &found, &reason));
	assert_non_null(reason);
}

static void a_uri_leads_to_its_host_and_port(void **state)
{
	struct address found, v4 = address_ipv4(192, 0, 2, 7, 61616), local = address_ipv4(127, 0, 0, 1, 5683);
	struct coap_uri uri;
	const char *reason;
	(void)state;
	assert_true(coap_uri_parse(bytes_of_text("coap://192.0.2.7:61616/a"), &uri));
	assert_true(coap_resolve_uri(&uri, &found, &reason));
	assert_true(address_equal(&found, &v4));
	assert_true(coap_uri_parse(bytes_of_text("coap://localhost/a"), &uri));
	assert_true(coap_resolve_uri(&uri, &found, &reason));
	assert_true(address_equal(&found, &local) || !address_is_ipv4(&found));
	assert_int_equal(found.port, 5683);
}

static void a_host_too_long_for_a_name_is_not_asked_for(void **state)
{
	char text[400] = "coap://";
	struct address found;
	struct coap_uri uri;
	const char *reason = NULL;
	(void)state;
	memset(text + strlen(text), 'a', 300);
	assert_true(coap_uri_parse(bytes_of_text(text), &uri));
	assert_false(coap_resolve_uri(&uri, &found, &reason));
	assert_string_equal(reason, "this cannot be a name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_found_at_once_and_nonsense_is_not),
		cmocka_unit_test(a_uri_leads_to_its_host_and_port),
		cmocka_unit_test(a_host_too_long_for_a_name_is_not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
