/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 5

static struct dtls_handshakes table;
static void *memory;

static int set_up(void **state)
{
	(void)state;
	memory = malloc(dtls_handshakes_memory(CAPACITY));
	dtls_handshakes_init(&table, memory, CAPACITY, 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static struct address at(uint8_t n)
{
	return address_ipv4(192, 0, 2, n, 5684);
}

static struct dtls_handshake *add(uint8_t n, msec retransmit, msec limit)
{
	struct address address = at(n);
	struct dtls_handshake *h = dtls_handshake_add(&table, &address, 0);
	if (h == NULL)
		return NULL;
	h->retransmit = retransmit;
	h->limit = limit;
	dtls_handshake_arm(&table, h);
	return h;
}

static struct dtls_handshake *find(uint8_t n)
{
	struct address address = at(n);
	return dtls_handshake_find(&table, &address);
}

static void a_handshake_is_found_by_its_address(void **state)
{
	(void)state;
	struct dtls_handshake *one = add(1, NEVER, NEVER), *two = add(2, NEVER, NEVER);
	assert_ptr_equal(find(1), one);
	assert_ptr_equal(find(2), two);
	assert_null(find(3));
	dtls_handshake_remove(&table, one);
	assert_null(find(1));
	assert_ptr_equal(find(2), two);
}

static void a_full_table_says_so_and_takes_again_when_one_has_gone(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		for (uint8_t n = 0; n < CAPACITY; n++)
			assert_non_null(add(n, 1, 2));
		assert_null(add(99, 1, 2));
		dtls_handshake_remove(&table, find(2));
		assert_non_null(add(99, 1, 2));
		struct dtls_handshake *any;
		while ((any = dtls_handshake_any(&table)) != NULL)
			dtls_handshake_remove(&table, any);
		assert_true(dtls_handshakes_deadline(&table) == NEVER);
	}
}

static void the_timer_and_the_limit_are_due_whichever_comes_first(void **state)
{
	(void)state;
	struct dtls_handshake *timer = add(1, 50, 100), *limit = add(2, 300, 60);
	assert_true(dtls_handshakes_deadline(&table) == 50);
	assert_null(dtls_handshake_due(&table, 49));
	assert_ptr_equal(dtls_handshake_due(&table, 50), timer);
	assert_null(dtls_handshake_due(&table, 50));
	timer->retransmit = 200;
	dtls_handshake_arm(&table, timer);
	assert_ptr_equal(dtls_handshake_due(&table, 1000), limit);
	assert_ptr_equal(dtls_handshake_due(&table, 1000), timer);
	assert_null(dtls_handshake_due(&table, 1000));
}

static void a_removed_handshake_is_not_due(void **state)
{
	(void)state;
	dtls_handshake_remove(&table, add(1, 50, 100));
	assert_true(dtls_handshakes_deadline(&table) == NEVER);
	assert_null(dtls_handshake_due(&table, 1000));
}

static struct dtls_handshake *add_from(struct address address, bool is_client, msec now)
{
	struct dtls_handshake *h = dtls_handshake_add(&table, &address, now);
	assert_non_null(h);
	h->is_client = is_client;
	return h;
}

static void handshakes_are_counted_by_host_and_the_one_not_heard_from_for_longest_is_known(void **state)
{
	struct dtls_handshake *stalest;
	struct address here = address_ipv4(192, 0, 2, 1, 9), elsewhere = address_ipv4(192, 0, 2, 2, 9);
	(void)state;
	assert_null(dtls_handshakes_stalest(&table));
	assert_int_equal(dtls_handshakes_of_host(&table, &here, &stalest), 0);
	assert_null(stalest);
	add_from(address_ipv4(192, 0, 2, 1, 7), true, 10); /* a handshake of ours is nobody's burden */
	struct dtls_handshake *first = add_from(address_ipv4(192, 0, 2, 1, 1), false, 20);
	struct dtls_handshake *second = add_from(address_ipv4(192, 0, 2, 1, 2), false, 30);
	struct dtls_handshake *other = add_from(elsewhere, false, 25);
	assert_int_equal(dtls_handshakes_of_host(&table, &here, &stalest), 2);
	assert_ptr_equal(stalest, first);
	assert_int_equal(dtls_handshakes_of_host(&table, &elsewhere, &stalest), 1);
	assert_ptr_equal(stalest, other);
	dtls_handshake_heard(&table, first, 40);
	dtls_handshakes_of_host(&table, &here, &stalest);
	assert_ptr_equal(stalest, second);
	dtls_handshake_heard(&table, other, 50);
	assert_ptr_equal(dtls_handshakes_stalest(&table), second);
	dtls_handshake_remove(&table, second);
	assert_ptr_equal(dtls_handshakes_stalest(&table), first);
	dtls_handshake_remove(&table, first);
	assert_ptr_equal(dtls_handshakes_stalest(&table), other);
	dtls_handshake_remove(&table, other);
	assert_null(dtls_handshakes_stalest(&table));
}

static void addresses_with_the_same_first_64_bits_of_ipv6_are_one_host(void **state)
{
	struct dtls_handshake *stalest;
	struct address one, same, other;
	(void)state;
	assert_true(address_parse(bytes_of_text("[2001:db8:0:1::1]:1"), 0, &one));
	assert_true(address_parse(bytes_of_text("[2001:db8:0:1:ffff::9]:2"), 0, &same));
	assert_true(address_parse(bytes_of_text("[2001:db8:0:2::1]:1"), 0, &other));
	add_from(one, false, 0);
	add_from(same, false, 0);
	assert_int_equal(dtls_handshakes_of_host(&table, &one, &stalest), 2);
	assert_int_equal(dtls_handshakes_of_host(&table, &other, &stalest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_handshake_is_found_by_its_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_table_says_so_and_takes_again_when_one_has_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_timer_and_the_limit_are_due_whichever_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_removed_handshake_is_not_due, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			handshakes_are_counted_by_host_and_the_one_not_heard_from_for_longest_is_known, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			addresses_with_the_same_first_64_bits_of_ipv6_are_one_host, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
