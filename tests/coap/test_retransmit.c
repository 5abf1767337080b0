/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/retransmit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 4

static const struct coap_patience defaults = {
	.ack_timeout = SECONDS(2), .ack_random_permille = 1500, .max_retransmit = 4};
static const struct coap_patience exact = {.ack_timeout = SECONDS(2), .ack_random_permille = 1000, .max_retransmit = 4};
static const struct handle owner = {7, 1};

struct table {
	struct coap_retransmit t;
	struct prng prng;
	void *memory;
};

static void make(struct table *x)
{
	prng_init_number(&x->prng, 5);
	x->memory = aligned_alloc(64, coap_retransmit_memory(CAPACITY));
	coap_retransmit_init(&x->t, x->memory, CAPACITY, &x->prng);
}

static struct coap_remote remote_of(uint8_t host)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
}

static bool add(
	struct table *x, uint8_t host, uint16_t id, const struct coap_patience *patience, msec now, struct handle *ret)
{
	struct coap_remote remote = remote_of(host);
	uint8_t data[4] = {0x40, 1, (uint8_t)(id >> 8), (uint8_t)id};
	return coap_retransmit_add(&x->t, &remote, id, 3, owner, patience, bytes_of(data, 4), &x->prng, now, ret);
}

/* RFC 7252 section 4.8.2, table 3. */
static void derived_figures_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_int_equal(coap_max_transmit_span(&defaults), SECONDS(45));
	assert_int_equal(coap_max_transmit_wait(&defaults), SECONDS(93));
	assert_int_equal(coap_exchange_lifetime(&defaults), SECONDS(247));
	assert_int_equal(coap_non_lifetime(&defaults), SECONDS(145));
}

static void a_message_is_sent_at_0_2_6_14_30_and_given_up_at_62(void **state)
{
	static const msec moments[] = {2000, 6000, 14000, 30000};
	struct table x;
	struct handle h, due;
	const struct coap_pending *p;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, 10, &exact, 0, &h));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(coap_retransmit_deadline(&x.t), moments[i]);
		assert_int_equal(coap_retransmit_due(&x.t, moments[i] - 1, &due, &p), COAP_DUE_NOTHING);
		assert_int_equal(coap_retransmit_due(&x.t, moments[i], &due, &p), COAP_DUE_AGAIN);
		assert_true(handle_equal(due, h));
		assert_int_equal(p->sent, i + 2);
	}
	assert_int_equal(coap_retransmit_due(&x.t, 62000, &due, &p), COAP_DUE_GIVEN_UP);
	assert_true(p->kind == 3 && handle_equal(p->owner, owner));
	assert_int_equal(coap_retransmit_count(&x.t), 0);
	assert_int_equal(coap_retransmit_deadline(&x.t), NEVER);
	free(x.memory);
}

static void first_timeouts_are_spread_between_two_and_three_seconds(void **state)
{
	struct table x;
	struct handle h;
	msec least = NEVER, most = 0;
	(void)state;
	make(&x);
	for (uint16_t i = 0; i < 300; i++) {
		assert_true(add(&x, 1, i, &defaults, 0, &h));
		msec at = coap_retransmit_deadline(&x.t);
		least = at < least ? at : least;
		most = at > most ? at : most;
		coap_retransmit_remove(&x.t, h);
	}
	assert_in_range(least, 2000, 2020);
	assert_in_range(most, 2980, 3000);
	free(x.memory);
}

static void an_ack_settles_only_what_was_sent_to_that_remote_with_that_id(void **state)
{
	struct table x;
	struct handle h;
	const struct coap_pending *p;
	struct coap_remote one = remote_of(1), two = remote_of(2);
	(void)state;
	make(&x);
	assert_true(add(&x, 1, 10, &defaults, 0, &h));
	assert_true(add(&x, 2, 10, &defaults, 0, &h));
	assert_true(add(&x, 1, 11, &defaults, 0, &h));
	assert_false(coap_retransmit_settle(&x.t, &two, 11, &p));
	assert_true(coap_retransmit_settle(&x.t, &one, 10, &p));
	assert_memory_equal(p->datagram, "\x40\x01\x00\x0a", 4);
	assert_false(coap_retransmit_settle(&x.t, &one, 10, &p));
	assert_true(coap_retransmit_settle(&x.t, &two, 10, &p));
	assert_true(coap_retransmit_settle(&x.t, &one, 11, &p));
	assert_int_equal(coap_retransmit_deadline(&x.t), NEVER);
	free(x.memory);
}

static void a_full_table_refuses_until_one_is_settled(void **state)
{
	struct table x;
	struct handle h, first;
	(void)state;
	make(&x);
	assert_true(add(&x, 1, 0, &defaults, 0, &first));
	for (uint16_t i = 1; i < CAPACITY; i++)
		assert_true(add(&x, 1, i, &defaults, 0, &h));
	assert_false(add(&x, 1, 99, &defaults, 0, &h));
	coap_retransmit_remove(&x.t, first);
	coap_retransmit_remove(&x.t, first); /* once more does nothing */
	assert_true(add(&x, 1, 99, &defaults, 0, &h));
	assert_null(coap_retransmit_get(&x.t, first));
	free(x.memory);
}

static void a_newer_message_takes_the_place_and_keeps_the_count_and_the_timer(void **state)
{
	struct table x;
	struct handle h, due;
	const struct coap_pending *p;
	struct coap_remote one = remote_of(1);
	(void)state;
	make(&x);
	assert_true(add(&x, 1, 10, &exact, 0, &h));
	assert_int_equal(coap_retransmit_due(&x.t, 2000, &due, &p), COAP_DUE_AGAIN);
	coap_retransmit_replace(&x.t, h, 20, bytes_of("newer", 5));
	assert_int_equal(coap_retransmit_deadline(&x.t), 6000);
	assert_int_equal(coap_retransmit_get(&x.t, h)->sent, 2);
	assert_false(coap_retransmit_settle(&x.t, &one, 10, &p));
	assert_true(coap_retransmit_settle(&x.t, &one, 20, &p));
	assert_memory_equal(p->datagram, "newer", 5);
	free(x.memory);
}

/* RFC 7252 section 8.1: whether a Message-ID may be used for a group, whoever the others are in flight to. */
static void a_message_id_in_flight_to_anybody_is_known(void **state)
{
	struct table x;
	struct handle h;
	const struct coap_pending *settled;
	struct coap_remote two = remote_of(2);
	(void)state;
	make(&x);
	assert_false(coap_retransmit_has_id(&x.t, 7));
	assert_true(add(&x, 1, 6, &defaults, 0, &h));
	assert_true(add(&x, 2, 7, &defaults, 0, &h));
	assert_true(coap_retransmit_has_id(&x.t, 6) && coap_retransmit_has_id(&x.t, 7));
	assert_false(coap_retransmit_has_id(&x.t, 8));
	assert_true(coap_retransmit_settle(&x.t, &two, 7, &settled));
	assert_false(coap_retransmit_has_id(&x.t, 7));
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived_figures_are_those_of_the_rfc),
		cmocka_unit_test(a_message_is_sent_at_0_2_6_14_30_and_given_up_at_62),
		cmocka_unit_test(first_timeouts_are_spread_between_two_and_three_seconds),
		cmocka_unit_test(an_ack_settles_only_what_was_sent_to_that_remote_with_that_id),
		cmocka_unit_test(a_full_table_refuses_until_one_is_settled),
		cmocka_unit_test(a_newer_message_takes_the_place_and_keeps_the_count_and_the_timer),
		cmocka_unit_test(a_message_id_in_flight_to_anybody_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
