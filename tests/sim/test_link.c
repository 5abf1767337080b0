/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct address host(uint8_t number)
{
	return address_ipv4(192, 0, 2, number, 5683);
}

/* Sends one byte with this value from host 1 to host 2. */
static void send_byte(struct link *l, uint8_t value, msec now)
{
	struct address from = host(1), to = host(2);
	link_send(l, &from, &to, bytes_of(&value, 1), now);
}

static int receive_byte(struct link *l, msec now)
{
	struct link_datagram d;
	if (!link_due(l, now, &d))
		return -1;
	int value = d.data[0];
	free(d.data);
	return value;
}

static void a_datagram_arrives_after_the_delay_and_in_order(void **state)
{
	(void)state;
	struct link l;
	link_init(&l, 1);
	l.quality.delay = 25;
	send_byte(&l, 7, 100);
	send_byte(&l, 8, 100);
	assert_int_equal(link_deadline(&l), 125);
	assert_int_equal(receive_byte(&l, 124), -1);
	assert_int_equal(receive_byte(&l, 125), 7);
	assert_int_equal(receive_byte(&l, 125), 8);
	assert_int_equal(link_deadline(&l), NEVER);
	link_done(&l);
}

static void loss_and_repetition_come_as_often_as_asked(void **state)
{
	(void)state;
	struct link l;
	int arrived = 0;
	link_init(&l, 2);
	l.quality = (struct link_quality){.loss_permille = 200, .repeat_permille = 100};
	for (int i = 0; i < 10000; i++)
		send_byte(&l, 1, 0);
	while (receive_byte(&l, 0) >= 0)
		arrived++;
	assert_in_range(l.lost, 1800, 2200);
	assert_in_range(l.repeated, 700, 900);
	assert_int_equal(arrived, 10000 - (int)l.lost + (int)l.repeated);
	link_done(&l);
}

static void jitter_lets_datagrams_overtake_each_other(void **state)
{
	(void)state;
	struct link l;
	int previous = -1, value, overtaken = 0;
	link_init(&l, 3);
	l.quality = (struct link_quality){.delay = 10, .jitter = 50};
	for (int i = 0; i < 100; i++)
		send_byte(&l, (uint8_t)i, i);
	while ((value = receive_byte(&l, 1000)) >= 0) {
		overtaken += value < previous;
		previous = value;
	}
	assert_true(overtaken > 10);
	link_done(&l);
}

static void the_same_seed_gives_the_same_course(void **state)
{
	(void)state;
	uint64_t order[2] = {0, 0};
	for (int run = 0; run < 2; run++) {
		struct link l;
		int value;
		link_init(&l, 4);
		l.quality = (struct link_quality){.jitter = 50, .loss_permille = 300};
		for (int i = 0; i < 50; i++)
			send_byte(&l, (uint8_t)i, i);
		while ((value = receive_byte(&l, 1000)) >= 0)
			order[run] = order[run] * 31 + (uint64_t)value;
		link_done(&l);
	}
	assert_true(order[0] == order[1] && order[0] != 0);
}

static void a_slow_path_carries_one_after_the_other_and_drops_what_waits_too_long(void **state)
{
	(void)state;
	struct link l;
	struct address from = host(1), to = host(2);
	uint8_t kilobyte[1000] = {0};
	struct link_datagram d;
	link_init(&l, 5);
	link_set_quality(&l, &from, &to, &(struct link_quality){.bytes_per_second = 10000, .queue_limit = 150});
	for (int i = 0; i < 4; i++)
		link_send(&l, &from, &to, bytes_of(kilobyte, sizeof kilobyte), 0);
	assert_int_equal(l.lost, 2); /* each takes 101 ms: the third would wait for 202 */
	assert_false(link_due(&l, 100, &d));
	assert_true(link_due(&l, 101, &d));
	free(d.data);
	link_done(&l);
}

static void a_cut_address_neither_sends_nor_receives_until_it_is_let_back(void **state)
{
	(void)state;
	struct link l;
	struct address two = host(2);
	link_init(&l, 6);
	link_cut(&l, &two, true);
	send_byte(&l, 1, 0);
	assert_int_equal(receive_byte(&l, 0), -1);
	link_cut(&l, &two, false);
	send_byte(&l, 2, 0);
	assert_int_equal(receive_byte(&l, 0), 2);
	link_done(&l);
}

static bool second_is_lost(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	(void)context, (void)from, (void)to, (void)datagram, (void)now;
	return number != 2;
}

static void a_filter_loses_exactly_what_it_names(void **state)
{
	(void)state;
	struct link l;
	link_init(&l, 7);
	l.filter = second_is_lost;
	for (uint8_t i = 1; i <= 3; i++)
		send_byte(&l, i, 0);
	assert_int_equal(receive_byte(&l, 0), 1);
	assert_int_equal(receive_byte(&l, 0), 3);
	assert_int_equal(receive_byte(&l, 0), -1);
	link_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_arrives_after_the_delay_and_in_order),
		cmocka_unit_test(loss_and_repetition_come_as_often_as_asked),
		cmocka_unit_test(jitter_lets_datagrams_overtake_each_other),
		cmocka_unit_test(the_same_seed_gives_the_same_course),
		cmocka_unit_test(a_slow_path_carries_one_after_the_other_and_drops_what_waits_too_long),
		cmocka_unit_test(a_cut_address_neither_sends_nor_receives_until_it_is_let_back),
		cmocka_unit_test(a_filter_loses_exactly_what_it_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
