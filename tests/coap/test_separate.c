/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/separate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 2

struct table {
	struct coap_separates s;
	void *memory;
};

static void make(struct table *x)
{
	struct prng prng;
	prng_init_number(&prng, 5);
	x->memory = aligned_alloc(64, coap_separates_memory(CAPACITY));
	coap_separates_init(&x->s, x->memory, CAPACITY, &prng);
}

static struct handle owe(struct table *x, uint8_t host, uint16_t id, msec now)
{
	struct handle h;
	struct coap_separate *place = coap_separate_reserve(&x->s, &h);
	assert_non_null(place);
	place->origin = (struct coap_origin){.remote = {address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE}, .id = id};
	coap_separate_owe(&x->s, h, SECONDS(247), now);
	return h;
}

static void a_reserved_place_is_found_only_once_it_is_owed(void **state)
{
	struct table x;
	struct handle h, found;
	(void)state;
	make(&x);
	struct coap_separate *place = coap_separate_reserve(&x.s, &h);
	place->origin = (struct coap_origin){.remote = {address_ipv4(192, 0, 2, 1, 5683), HANDLE_NONE}, .id = 5};
	struct coap_remote remote = place->origin.remote;
	assert_false(coap_separate_find(&x.s, &remote, 5, &found));
	coap_separate_owe(&x.s, h, 1000, 0);
	assert_true(coap_separate_find(&x.s, &remote, 5, &found) && handle_equal(found, h));
	assert_false(coap_separate_find(&x.s, &remote, 6, &found));
	coap_separate_remove(&x.s, h);
	coap_separate_remove(&x.s, h); /* is ignored */
	assert_false(coap_separate_find(&x.s, &remote, 5, &found));
	assert_int_equal(coap_separates_count(&x.s), 0);
	free(x.memory);
}

static void a_place_that_is_not_owed_serves_the_next_request_under_another_handle(void **state)
{
	struct table x;
	struct handle first, second;
	(void)state;
	make(&x);
	assert_non_null(coap_separate_reserve(&x.s, &first));
	assert_non_null(coap_separate_get(&x.s, first));
	assert_int_equal(coap_separates_count(&x.s), 0);
	coap_separate_release(&x.s);
	assert_null(coap_separate_get(&x.s, first));
	assert_non_null(coap_separate_reserve(&x.s, &second));
	assert_int_equal(second.slot, first.slot);
	coap_separate_remove(&x.s, second); /* answered while it is handled */
	coap_separate_release(&x.s);
	assert_null(coap_separate_get(&x.s, second));
	struct handle owed = owe(&x, 1, 5, 0);
	coap_separate_release(&x.s);
	assert_non_null(coap_separate_get(&x.s, owed));
	assert_int_equal(coap_separates_count(&x.s), 1);
	free(x.memory);
}

static void the_ack_is_due_after_its_delay_and_the_wait_ends(void **state)
{
	struct table x;
	struct handle due;
	(void)state;
	make(&x);
	struct handle h = owe(&x, 1, 5, 100);
	assert_int_equal(coap_separates_deadline(&x.s), 100 + COAP_ACK_DELAY);
	assert_true(coap_separates_due(&x.s, 100 + COAP_ACK_DELAY, &due));
	assert_int_equal(coap_separate_get(&x.s, due)->state, COAP_SEPARATE_OWED);
	coap_separate_promised(&x.s, h);
	assert_true(coap_separate_get(&x.s, h)->origin.is_acked);
	assert_int_equal(coap_separates_deadline(&x.s), 100 + SECONDS(247));
	assert_true(coap_separates_due(&x.s, 100 + SECONDS(247), &due));
	assert_int_equal(coap_separate_get(&x.s, due)->state, COAP_SEPARATE_PROMISED);
	free(x.memory);
}

static void a_response_in_flight_has_no_timer_of_its_own(void **state)
{
	struct table x;
	(void)state;
	make(&x);
	struct handle h = owe(&x, 1, 5, 0);
	coap_separate_sent(&x.s, h, (struct handle){4, 1});
	assert_int_equal(coap_separates_deadline(&x.s), NEVER);
	assert_int_equal(coap_separate_get(&x.s, h)->pending.slot, 4);
	free(x.memory);
}

static void a_full_table_has_no_place_and_a_lost_remote_frees_its_own(void **state)
{
	struct table x;
	struct handle h;
	struct coap_remote one = {address_ipv4(192, 0, 2, 1, 5683), HANDLE_NONE};
	(void)state;
	make(&x);
	owe(&x, 1, 5, 0);
	struct handle other = owe(&x, 2, 5, 0);
	assert_null(coap_separate_reserve(&x.s, &h));
	assert_true(coap_separate_find_remote(&x.s, &one, &h));
	coap_separate_remove(&x.s, h);
	assert_false(coap_separate_find_remote(&x.s, &one, &h));
	assert_non_null(coap_separate_get(&x.s, other));
	assert_non_null(coap_separate_reserve(&x.s, &h));
	free(x.memory);
}

/* However their hashes fall. */
static void an_answer_owed_to_each_remote_is_found_and_to_no_other(void **state)
{
	(void)state;
	for (uint8_t host = 1; host < 200; host++) {
		struct table x;
		struct handle h[CAPACITY], found;
		make(&x);
		for (uint8_t i = 0; i < CAPACITY; i++)
			h[i] = owe(&x, (uint8_t)(host + i), 5, 0);
		for (uint8_t i = 0; i <= CAPACITY; i++) {
			struct coap_remote remote = {address_ipv4(192, 0, 2, (uint8_t)(host + i), 5683), HANDLE_NONE};
			assert_int_equal(coap_separate_find_remote(&x.s, &remote, &found), i < CAPACITY);
			assert_true(i == CAPACITY || handle_equal(found, h[i]));
		}
		free(x.memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reserved_place_is_found_only_once_it_is_owed),
		cmocka_unit_test(a_place_that_is_not_owed_serves_the_next_request_under_another_handle),
		cmocka_unit_test(the_ack_is_due_after_its_delay_and_the_wait_ends),
		cmocka_unit_test(a_response_in_flight_has_no_timer_of_its_own),
		cmocka_unit_test(a_full_table_has_no_place_and_a_lost_remote_frees_its_own),
		cmocka_unit_test(an_answer_owed_to_each_remote_is_found_and_to_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
