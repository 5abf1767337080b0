/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/address.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DEFAULT_PORT 5683

/* What is read, and how it is then written (RFC 5952 section 4). */
static const struct {
	const char *text, *canonical;
} good[] = {
	{"192.0.2.1:5684", "192.0.2.1:5684"},
	{"192.0.2.1", "192.0.2.1:5683"},
	{"0.0.0.0:0", "0.0.0.0:0"},
	{"255.255.255.255:65535", "255.255.255.255:65535"},
	{"[::]:1", "[::]:1"},
	{"[::1]", "[::1]:5683"},
	{"::1", "[::1]:5683"},
	{"::", "[::]:5683"},
	{"1::", "[1::]:5683"},
	{"2001:DB8::0001", "[2001:db8::1]:5683"},
	{"[2001:db8:0:0:1:0:0:1]:7", "[2001:db8::1:0:0:1]:7"},
	{"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:5683"},
	{"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:5683"},
	{"1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:5683"},
	{"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:5683"},
	{"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]:5683"},
	{"[fe80::1%2]:5684", "[fe80::1%2]:5684"},
	{"fe80::1%4294967295", "[fe80::1%4294967295]:5683"},
	{"::ffff:192.0.2.1", "192.0.2.1:5683"},
	{"[::ffff:192.0.2.1]:9", "192.0.2.1:9"},
	{"::ffff:c000:201", "192.0.2.1:5683"},
	{"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:5683"},
	{"1:2:3:4:5:6:1.2.3.4", "[1:2:3:4:5:6:102:304]:5683"},
	{"ff02::fd", "[ff02::fd]:5683"},
};

static const char *const bad[] = {
	"",
	":",
	"[",
	"]",
	"[]",
	"[]:1",
	":::",
	"::1::",
	"1::2::3",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:8::",
	"::1:2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:",
	":1:2:3:4:5:6:7",
	"12345::",
	"g::",
	"1.2.3",
	"1.2.3.4.5",
	"1.2.3.256",
	"1.2.3.",
	".1.2.3",
	"1..2.3",
	"1.2.3.4:",
	"1.2.3.4:65536",
	"1.2.3.4:-1",
	"1.2.3.4:1x",
	"1.2.3.4 ",
	" 1.2.3.4",
	"[::1",
	"::1]",
	"[::1]5683",
	"[::1]:",
	"[::1]:65536",
	"[::1]]",
	"[[::1]]",
	"[::1%]",
	"[::1%x]",
	"[::1%4294967296]",
	"1.2.3.4::",
	"::1.2.3.4:5",
	"::1.2.3",
	"::1.2.3.4.5",
	"1:2:3:4:5:6:7:1.2.3.4",
	"localhost",
	"1.2.3.4%1",
	"[1.2.3.4]",
	"0001.2.3.4",
	"::-1",
	"::+1",
	"::0x1",
	"1.2.3.4:5:6",
};

static void addresses_are_read_and_written_in_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		char text[ADDRESS_TEXT_BYTES];
		struct address address, again;
		struct writer w = writer_of(text, sizeof text);
		if (!address_parse(bytes_of_text(good[i].text), DEFAULT_PORT, &address))
			fail_msg("%s is refused", good[i].text);
		address_write(&w, &address);
		assert_false(w.failed);
		if (!bytes_equal_text(writer_bytes(&w), good[i].canonical))
			fail_msg("%s becomes %.*s", good[i].text, (int)writer_bytes(&w).len, text);
		assert_true(address_parse(writer_bytes(&w), 1, &again));
		assert_true(address_equal(&address, &again));
		assert_true(address_hash(&address, 5) == address_hash(&again, 5));
	}
}

static void texts_that_are_no_addresses_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct address address = address_ipv4(9, 9, 9, 9, 9), before = address;
		struct bytes text = exact_copy(bytes_of_text(bad[i]));
		if (address_parse(text, DEFAULT_PORT, &address))
			fail_msg("\"%s\" is accepted", bad[i]);
		assert_true(address_equal(&address, &before));
		free((void *)text.data);
	}
}

static void no_prefix_of_an_address_reads_beyond_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			struct address address;
			struct bytes text = exact_copy(bytes_of(good[i].text, len));
			(void)!address_parse(text, DEFAULT_PORT, &address);
			free((void *)text.data);
		}
}

static void the_longest_text_fits_into_the_named_size(void **state)
{
	(void)state;
	struct address address = {.scope = UINT32_MAX, .port = UINT16_MAX};
	char text[ADDRESS_TEXT_BYTES];
	struct writer w = writer_of(text, sizeof text);
	memset(address.ip, 0xfe, sizeof address.ip);
	address_write(&w, &address);
	assert_false(w.failed);
}

static void kinds_of_addresses_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_ipv4, is_multicast;
	} rows[] = {
		{"224.0.1.187", true, true},
		{"239.255.255.255", true, true},
		{"223.255.255.255", true, false},
		{"240.0.0.1", true, false},
		{"ff02::fd", false, true},
		{"fe80::1", false, false},
		{"::1", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct address address;
		assert_true(address_parse(bytes_of_text(rows[i].text), 1, &address));
		assert_int_equal(address_is_ipv4(&address), rows[i].is_ipv4);
		assert_int_equal(address_is_multicast(&address), rows[i].is_multicast);
	}
}

static void addresses_differ_by_ip_port_and_scope(void **state)
{
	(void)state;
	struct address a = address_ipv4(10, 0, 0, 1, 5683), b = a;
	assert_true(address_equal(&a, &b));
	b.port++;
	assert_false(address_equal(&a, &b));
	b = a;
	b.scope = 1;
	assert_false(address_equal(&a, &b));
	b = address_ipv4(10, 0, 0, 2, 5683);
	assert_false(address_equal(&a, &b));
	assert_true(address_hash(&a, 5) != address_hash(&b, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written_in_canonical_form),
		cmocka_unit_test(texts_that_are_no_addresses_are_refused),
		cmocka_unit_test(no_prefix_of_an_address_reads_beyond_its_end),
		cmocka_unit_test(the_longest_text_fits_into_the_named_size),
		cmocka_unit_test(kinds_of_addresses_are_told_apart),
		cmocka_unit_test(addresses_differ_by_ip_port_and_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
