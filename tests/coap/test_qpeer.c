/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qpeer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR SECONDS(60 * 60)

static struct coap_qpeers table;

static int empty_table(void **state)
{
	(void)state;
	coap_qpeers_init(&table, 7);
	return 0;
}

static struct coap_remote host(uint16_t port)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, 1, port), HANDLE_NONE};
}

/* A port whose peer falls on the same place as the one with port 1. */
static uint16_t colliding_port(void)
{
	struct coap_remote one = host(1), other;
	uint16_t port = 1;
	do
		other = host(++port);
	while (coap_remote_hash(&other, 7) % COAP_QPEERS != coap_remote_hash(&one, 7) % COAP_QPEERS);
	return port;
}

static void nothing_is_known_of_a_peer_at_first(void **state)
{
	struct coap_remote one = host(1);
	(void)state;
	assert_int_equal(coap_qpeer_support(&table, &one, 0), COAP_QPEER_UNKNOWN);
	assert_int_equal(coap_qpeer_quiet_until(&table, &one), 0);
}

static void what_a_peer_has_shown_counts_for_an_hour(void **state)
{
	struct coap_remote one = host(1), other = host(2);
	(void)state;
	coap_qpeer_learned(&table, &one, COAP_QPEER_DOES_NOT, 1000);
	assert_int_equal(coap_qpeer_support(&table, &one, 1000 + HOUR - 1), COAP_QPEER_DOES_NOT);
	assert_int_equal(coap_qpeer_support(&table, &one, 1000 + HOUR), COAP_QPEER_UNKNOWN);
	assert_int_equal(coap_qpeer_support(&table, &other, 1000), COAP_QPEER_UNKNOWN);
}

static void a_peer_is_left_alone_whatever_it_knows(void **state)
{
	struct coap_remote one = host(1);
	(void)state;
	coap_qpeer_learned(&table, &one, COAP_QPEER_KNOWS, 1000);
	coap_qpeer_hold(&table, &one, 2 * HOUR);
	assert_int_equal(coap_qpeer_quiet_until(&table, &one), 2 * HOUR);
	assert_int_equal(coap_qpeer_support(&table, &one, 1000), COAP_QPEER_KNOWS);
	coap_qpeer_hold(&table, &one, 0);
	assert_int_equal(coap_qpeer_quiet_until(&table, &one), 0);
}

static void a_peer_on_the_same_place_takes_nothing_over(void **state)
{
	struct coap_remote one = host(1), other = host(colliding_port());
	(void)state;
	coap_qpeer_learned(&table, &one, COAP_QPEER_DOES_NOT, 1000);
	coap_qpeer_hold(&table, &one, HOUR);
	assert_int_equal(coap_qpeer_support(&table, &other, 1000), COAP_QPEER_UNKNOWN);
	assert_int_equal(coap_qpeer_quiet_until(&table, &other), 0);
	coap_qpeer_learned(&table, &other, COAP_QPEER_KNOWS, 1000);
	assert_int_equal(coap_qpeer_quiet_until(&table, &other), 0);
	assert_int_equal(coap_qpeer_support(&table, &one, 1000), COAP_QPEER_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_known_of_a_peer_at_first, empty_table),
		cmocka_unit_test_setup(what_a_peer_has_shown_counts_for_an_hour, empty_table),
		cmocka_unit_test_setup(a_peer_is_left_alone_whatever_it_knows, empty_table),
		cmocka_unit_test_setup(a_peer_on_the_same_place_takes_nothing_over, empty_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
