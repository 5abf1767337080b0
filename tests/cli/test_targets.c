/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The addresses one after the other; after the first four, an ellipsis and the last. */
static const char *listed(const char *text)
{
	static char out[512];
	struct writer w = writer_of(out, sizeof out - 1);
	struct targets t;
	struct address a;
	const char *reason;
	uint64_t count = 0;
	assert_true(targets_parse(bytes_of_text(text), 5683, &t, &reason));
	for (; count < 4 && targets_next(&t, &a); count++) {
		write_text(&w, count == 0 ? "" : " ");
		address_write(&w, &a);
	}
	if (targets_next(&t, &a)) {
		while (targets_next(&t, &a))
			;
		write_text(&w, " ... ");
		address_write(&w, &a);
	}
	assert_false(w.failed);
	out[writer_bytes(&w).len] = '\0';
	return out;
}

static const char *reason_for(const char *text)
{
	struct targets t;
	const char *reason = NULL;
	assert_false(targets_parse(bytes_of_text(text), 5683, &t, &reason));
	return reason;
}

static void single_addresses_have_the_default_port_or_their_own(void **state)
{
	(void)state;
	assert_string_equal(listed("192.0.2.7"), "192.0.2.7:5683");
	assert_string_equal(listed("192.0.2.7:61616"), "192.0.2.7:61616");
	assert_string_equal(listed("2001:db8::7"), "[2001:db8::7]:5683");
	assert_string_equal(listed("[2001:db8::7]"), "[2001:db8::7]:5683");
	assert_string_equal(listed("[2001:db8::7]:1"), "[2001:db8::7]:1");
	assert_string_equal(listed("fe80::1%2"), "[fe80::1%2]:5683");
}

static void networks_are_counted_through(void **state)
{
	(void)state;
	assert_string_equal(listed("192.0.2.9/30"), "192.0.2.9:5683 192.0.2.10:5683");
	assert_string_equal(listed("192.0.2.9/31"), "192.0.2.8:5683 192.0.2.9:5683");
	assert_string_equal(listed("192.0.2.9/32"), "192.0.2.9:5683");
	assert_string_equal(listed("192.0.2.0/24"),
		"192.0.2.1:5683 192.0.2.2:5683 192.0.2.3:5683 192.0.2.4:5683 ... 192.0.2.254:5683");
	assert_string_equal(listed("[2001:db8::/127]:9"), "[2001:db8::]:9 [2001:db8::1]:9");
	assert_string_equal(listed("2001:db8::ff/126"),
		"[2001:db8::fc]:5683 [2001:db8::fd]:5683 [2001:db8::fe]:5683 [2001:db8::ff]:5683");
}

static void ranges_go_from_one_to_another(void **state)
{
	(void)state;
	assert_string_equal(
		listed("192.0.2.254-192.0.3.1"), "192.0.2.254:5683 192.0.2.255:5683 192.0.3.0:5683 192.0.3.1:5683");
	assert_string_equal(listed("192.0.2.7-8"), "192.0.2.7:5683 192.0.2.8:5683");
	assert_string_equal(listed("192.0.2.7-7"), "192.0.2.7:5683");
	assert_string_equal(listed("2001:db8::7-2001:db8::8"), "[2001:db8::7]:5683 [2001:db8::8]:5683");
}

static void every_address_is_asked_at_one_port_before_the_next(void **state)
{
	(void)state;
	assert_string_equal(
		listed("192.0.2.7-8:5683-5684"), "192.0.2.7:5683 192.0.2.8:5683 192.0.2.7:5684 192.0.2.8:5684");
	assert_string_equal(listed("192.0.2.7:65534-65535"), "192.0.2.7:65534 192.0.2.7:65535");
}

static void the_largest_network_is_not_longer_than_its_number(void **state)
{
	struct targets t;
	const char *reason;
	(void)state;
	assert_true(targets_parse(bytes_of_text("0.0.0.0/0"), 5683, &t, &reason));
	assert_int_equal(t.addresses, (UINT64_C(1) << 32) - 2);
	assert_true(targets_parse(bytes_of_text("2001:db8::/96"), 5683, &t, &reason));
	assert_int_equal(t.addresses, UINT64_C(1) << 32);
}

static void what_cannot_be_read_has_a_reason(void **state)
{
	static const char *const addresses[] = {"", "host", "192.0.2", "[2001:db8::1", "[2001:db8::1]5", "/24", "[]",
		"192.0.2.1-", "-192.0.2.1", "192.0.2.256", "coap://192.0.2.1", "192.0.2.1-host"};
	static const char *const ports[] = {"192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:9-8",
		"192.0.2.1:x", "192.0.2.1:5-", "[2001:db8::1]:"};
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		assert_non_null(strstr(reason_for(addresses[i]), "names are not looked up"));
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		assert_non_null(strstr(reason_for(ports[i]), "port"));
	assert_non_null(strstr(reason_for("192.0.2.0/33"), "prefix"));
	assert_non_null(strstr(reason_for("192.0.2.0/"), "prefix"));
	assert_non_null(strstr(reason_for("2001:db8::/95"), "2^32"));
	assert_non_null(strstr(reason_for("2001:db8::-2001:db8::1:0:0"), "2^32"));
	assert_non_null(strstr(reason_for("192.0.2.9-8"), "behind"));
	assert_non_null(strstr(reason_for("192.0.2.9-2001:db8::1"), "behind"));
	assert_non_null(strstr(reason_for("224.0.1.187"), "group"));
	assert_non_null(strstr(reason_for("ff02::fd"), "group"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_addresses_have_the_default_port_or_their_own),
		cmocka_unit_test(networks_are_counted_through),
		cmocka_unit_test(ranges_go_from_one_to_another),
		cmocka_unit_test(every_address_is_asked_at_one_port_before_the_next),
		cmocka_unit_test(the_largest_network_is_not_longer_than_its_number),
		cmocka_unit_test(what_cannot_be_read_has_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
