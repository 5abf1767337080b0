/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Groups on real sockets, in a network that has nothing but loopback. */
#include "coap/io/multicast.h"
#include "tests/coap/own_network.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct address everywhere = {.port = 0};
static bool has_network;

static int move(void **state)
{
	(void)state;
	has_network = own_network(65536);
	return 0;
}

static struct coap_udp *open_at(const struct address *local)
{
	struct coap_udp *u = NULL;
	assert_int_equal(coap_udp_open(local, &u), 0);
	return u;
}

static struct address group_of(const char *text, uint16_t port)
{
	struct address group;
	assert_true(coap_multicast_parse(text, port, &group));
	return group;
}

static void put(struct coap_udp *u, const struct address *to, const char *text)
{
	struct datagram_port port = coap_udp_port(u);
	assert_true(port.send(port.context, to, bytes_of_text(text)));
	coap_udp_flush(u);
}

static bool get(struct coap_udp *u, struct coap_udp_datagram *ret)
{
	struct pollfd p = {.fd = coap_udp_descriptor(u), .events = POLLIN};
	return poll(&p, 1, 2000) == 1 && coap_udp_next(u, ret);
}

/* ---- names ---- */

static void an_interface_is_found_by_its_name_and_by_its_number(void **state)
{
	char number[16];
	uint32_t by_name, by_number;
	(void)state;
	assert_true(coap_multicast_interface("lo", &by_name));
	snprintf(number, sizeof number, "%u", by_name);
	assert_true(coap_multicast_interface(number, &by_number));
	assert_int_equal(by_name, by_number);
	assert_false(coap_multicast_interface("0", &by_name));
	assert_false(coap_multicast_interface("4000000000", &by_name));
	assert_false(coap_multicast_interface("nowhere", &by_name));
	assert_false(coap_multicast_interface("", &by_name));
}

static void a_group_is_a_multicast_address_and_perhaps_an_interface(void **state)
{
	struct address group;
	char wide[200];
	uint32_t lo;
	(void)state;
	assert_true(coap_multicast_interface("lo", &lo));
	assert_true(coap_multicast_parse("224.0.1.187", 5683, &group));
	assert_true(address_is_multicast(&group) && group.port == 5683 && group.scope == 0);
	assert_true(coap_multicast_parse("ff02::fd%lo", 5683, &group));
	assert_true(address_is_multicast(&group) && group.scope == lo);
	assert_false(coap_multicast_parse("192.0.2.1", 5683, &group));
	assert_false(coap_multicast_parse("ff02::fd%nowhere", 5683, &group));
	assert_false(coap_multicast_parse("ff02::", 0, &group) && !address_is_multicast(&group));
	assert_false(coap_multicast_parse("no address", 5683, &group));
	memset(wide, '1', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	assert_false(coap_multicast_parse(wide, 5683, &group));
}

/* ---- members ---- */

/* RFC 7252 section 8.1: a request to a group is known to be one, because it is answered otherwise. By a socket of IPv4
 * and by one for both. */
static void what_is_sent_to_a_group_reaches_its_members_and_is_known_as_such(void **state)
{
	static const struct address locals[] = {{.ip = {[10] = 0xff, [11] = 0xff}}, {.port = 0}};
	(void)state;
	if (!has_network)
		skip();
	for (int i = 0; i < 2; i++) {
		struct coap_udp_datagram d;
		struct coap_udp *member = open_at(&locals[i]), *asker = open_at(&locals[i]);
		struct address group = group_of("224.0.1.187", coap_udp_local(member).port);
		uint32_t lo;
		assert_true(coap_multicast_interface("lo", &lo));
		assert_int_equal(coap_multicast_join(member, &group), 1);
		assert_int_equal(coap_multicast_leave_through(asker, lo), 0);
		put(asker, &group, "all");
		assert_true(get(member, &d));
		assert_true(d.is_group);
		assert_int_equal(d.len, 3);
		/* The answer cannot leave from the group's address. */
		struct address from = d.from;
		put(member, &from, "me");
		assert_true(get(asker, &d));
		assert_false(d.is_group);
		assert_false(address_is_multicast(&d.from));
		coap_udp_close(member);
		coap_udp_close(asker);
	}
}

static void a_socket_of_the_group_alone_takes_nothing_else(void **state)
{
	struct coap_udp_datagram d;
	uint32_t lo;
	(void)state;
	if (!has_network)
		skip();
	struct address group = group_of("224.0.1.187", 0);
	struct coap_udp *member = open_at(&group), *asker = open_at(&everywhere);
	group.port = coap_udp_local(member).port;
	assert_true(coap_multicast_interface("lo", &lo));
	assert_int_equal(coap_multicast_leave_through(asker, lo), 0);
	assert_int_equal(coap_multicast_join(member, &group), 1);
	struct address alone = address_ipv4(127, 0, 0, 1, group.port);
	put(asker, &alone, "you");
	put(asker, &group, "all");
	assert_true(get(member, &d));
	assert_int_equal(d.len, 3);
	assert_memory_equal(d.data, "all", 3);
	assert_true(d.is_group);
	coap_udp_close(member);
	coap_udp_close(asker);
}

static void without_an_interface_all_that_can_do_multicast_are_joined(void **state)
{
	(void)state;
	if (!has_network)
		skip();
	struct coap_udp *u = open_at(&everywhere);
	struct address group = group_of("224.0.1.187", 5683), elsewhere = group;
	assert_int_equal(coap_multicast_join(u, &group), 1);
	assert_int_equal(coap_multicast_join(u, &group), -EADDRINUSE); /* on the one that there is */
	struct address group6 = group_of("ff02::fd%lo", 5683);
	assert_int_equal(coap_multicast_join(u, &group6), 1);
	elsewhere.scope = 4000;
	assert_int_equal(coap_multicast_join(u, &elsewhere), -ENODEV);
	assert_int_equal(coap_multicast_leave_through(u, 4000), -ENODEV);
	coap_udp_close(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_is_found_by_its_name_and_by_its_number),
		cmocka_unit_test(a_group_is_a_multicast_address_and_perhaps_an_interface),
		cmocka_unit_test(what_is_sent_to_a_group_reaches_its_members_and_is_known_as_such),
		cmocka_unit_test(a_socket_of_the_group_alone_takes_nothing_else),
		cmocka_unit_test(without_an_interface_all_that_can_do_multicast_are_joined),
	};
	return cmocka_run_group_tests(tests, move, NULL);
}
