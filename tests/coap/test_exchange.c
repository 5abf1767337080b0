/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 8

struct table {
	struct coap_exchanges t;
	struct prng prng;
	void *memory;
};

static void make(struct table *x, uint32_t nstart)
{
	prng_init_number(&x->prng, 5);
	x->memory = aligned_alloc(64, coap_exchanges_memory(CAPACITY));
	coap_exchanges_init(&x->t, x->memory, CAPACITY, nstart, &x->prng);
}

static struct coap_remote remote_of(uint8_t host)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
}

static struct handle add(struct table *x, uint8_t host, bool is_paced)
{
	struct coap_remote remote = remote_of(host);
	struct handle h;
	assert_true(coap_exchange_add(&x->t, &remote, is_paced, &x->prng, &h));
	return h;
}

static enum coap_exchange_phase phase_of(const struct table *x, struct handle h)
{
	return coap_exchange_get(&x->t, h)->phase;
}

static void a_response_is_matched_by_token_and_remote(void **state)
{
	struct table x;
	struct handle found;
	struct coap_remote one = remote_of(1), two = remote_of(2);
	(void)state;
	make(&x, 1);
	struct handle h = add(&x, 1, false), other = add(&x, 1, false);
	uint64_t token = coap_exchange_get(&x.t, h)->token;
	assert_true(token != coap_exchange_get(&x.t, other)->token);
	assert_true(coap_exchange_find(&x.t, &one, bytes_of(&token, 8), &found));
	assert_true(handle_equal(found, h));
	assert_false(coap_exchange_find(&x.t, &two, bytes_of(&token, 8), &found));
	assert_false(coap_exchange_find(&x.t, &one, bytes_of(&token, 7), &found));
	coap_exchange_renew_token(&x.t, h, &x.prng);
	assert_false(coap_exchange_find(&x.t, &one, bytes_of(&token, 8), &found));
	token = coap_exchange_get(&x.t, h)->token;
	assert_true(coap_exchange_find(&x.t, &one, bytes_of(&token, 8), &found));
	free(x.memory);
}

/* libcoap CVE-2021-34430: tokens that can be guessed. */
static void many_tokens_have_no_repeats_and_two_starts_differ(void **state)
{
	static uint64_t seen[1 << 18];
	struct prng one, two;
	(void)state;
	prng_init_number(&one, 1);
	prng_init_number(&two, 2);
	assert_true(prng_u64(&one) != prng_u64(&two));
	for (int i = 0; i < 100000; i++) {
		uint64_t token = prng_u64(&one), at = token % (1 << 18);
		while (seen[at] != 0 && seen[at] != token)
			at = (at + 1) % (1 << 18);
		assert_true(seen[at] == 0);
		seen[at] = token;
	}
}

static void nstart_holds_for_each_remote_and_turns_go_in_order(void **state)
{
	struct table x;
	struct handle h[4], ready;
	(void)state;
	make(&x, 2);
	for (int i = 0; i < 4; i++) {
		h[i] = add(&x, 1, false);
		assert_int_equal(coap_exchange_start(&x.t, h[i], true), i < 2);
	}
	struct handle elsewhere = add(&x, 2, false);
	assert_true(coap_exchange_start(&x.t, elsewhere, true));
	assert_false(coap_exchange_ready(&x.t, &ready));
	coap_exchange_acked(&x.t, h[1], 500);
	assert_true(coap_exchange_ready(&x.t, &ready));
	assert_true(handle_equal(ready, h[2]));
	assert_int_equal(phase_of(&x, h[2]), COAP_EXCHANGE_SENT);
	assert_false(coap_exchange_ready(&x.t, &ready));
	coap_exchange_remove(&x.t, h[0]);
	coap_exchange_remove(&x.t, h[2]);
	assert_true(coap_exchange_ready(&x.t, &ready));
	assert_true(handle_equal(ready, h[3]));
	assert_false(coap_exchange_ready(&x.t, &ready));
	free(x.memory);
}

/* Each remote has one exchange under way and one that waits, and then a turn for it. */
static void a_remote_whose_waiting_exchange_goes_loses_its_turn_alone(void **state)
{
	(void)state;
	for (int gone = 0; gone < 3; gone++) {
		struct table x;
		struct handle first[3], second[3], ready;
		make(&x, 1);
		for (uint8_t i = 0; i < 3; i++) {
			first[i] = add(&x, (uint8_t)(i + 1), false);
			second[i] = add(&x, (uint8_t)(i + 1), false);
			assert_true(coap_exchange_start(&x.t, first[i], true));
			assert_false(coap_exchange_start(&x.t, second[i], true));
		}
		for (int i = 0; i < 3; i++)
			coap_exchange_remove(&x.t, first[i]);
		coap_exchange_remove(&x.t, second[gone]);
		for (int i = 0; i < 3; i++) {
			if (i == gone)
				continue;
			assert_true(coap_exchange_ready(&x.t, &ready));
			assert_true(handle_equal(ready, second[i]));
		}
		assert_false(coap_exchange_ready(&x.t, &ready));
		/* The list is whole: another turn is found. */
		struct handle third = add(&x, 9, false), fourth = add(&x, 9, false);
		assert_true(coap_exchange_start(&x.t, third, true));
		assert_false(coap_exchange_start(&x.t, fourth, true));
		coap_exchange_remove(&x.t, third);
		assert_true(coap_exchange_ready(&x.t, &ready));
		assert_true(handle_equal(ready, fourth));
		free(x.memory);
	}
}

static void the_exchanges_with_a_remote_are_walked_through_to_their_end(void **state)
{
	struct table x;
	struct handle cursor = HANDLE_NONE;
	struct coap_remote one = remote_of(1), three = remote_of(3);
	int count = 0;
	(void)state;
	make(&x, 1);
	add(&x, 1, false);
	add(&x, 2, false);
	add(&x, 1, false);
	while (coap_exchange_walk(&x.t, &one, &cursor)) {
		assert_true(coap_remote_equal(coap_exchange_remote(&x.t, cursor), &one));
		count++;
	}
	assert_int_equal(count, 2);
	cursor = HANDLE_NONE;
	assert_false(coap_exchange_walk(&x.t, &three, &cursor));
	free(x.memory);
}

static void a_new_request_does_not_overtake_those_that_wait(void **state)
{
	struct table x;
	struct handle ready;
	(void)state;
	make(&x, 1);
	struct handle first = add(&x, 1, false), second = add(&x, 1, false), third = add(&x, 1, false);
	assert_true(coap_exchange_start(&x.t, first, true));
	assert_false(coap_exchange_start(&x.t, second, true));
	coap_exchange_remove(&x.t, first);
	assert_false(coap_exchange_start(&x.t, third, true));
	assert_true(coap_exchange_ready(&x.t, &ready));
	assert_true(handle_equal(ready, second));
	free(x.memory);
}

static void a_paced_exchange_needs_no_turn(void **state)
{
	struct table x;
	(void)state;
	make(&x, 1);
	struct handle plain = add(&x, 1, false);
	assert_true(coap_exchange_start(&x.t, plain, true));
	for (int i = 0; i < 5; i++) {
		struct handle paced = add(&x, 1, true);
		assert_true(coap_exchange_start(&x.t, paced, true));
	}
	free(x.memory);
}

static void without_room_for_a_message_requests_wait_and_remotes_take_turns(void **state)
{
	struct table x;
	struct handle h[6], ready;
	(void)state;
	make(&x, 1);
	for (int i = 0; i < 6; i++) {
		h[i] = add(&x, (uint8_t)(i / 2), i == 1);
		assert_false(coap_exchange_start(&x.t, h[i], false));
	}
	for (int i = 0; i < 3; i++) {
		assert_true(coap_exchange_ready(&x.t, &ready));
		assert_true(handle_equal(ready, h[2 * i]));
	}
	assert_false(coap_exchange_ready(&x.t, &ready));
	free(x.memory);
}

static void one_that_waits_can_be_removed_from_anywhere_in_the_queue(void **state)
{
	(void)state;
	for (int removed = 1; removed < 5; removed++) {
		struct table x;
		struct handle h[5], ready;
		make(&x, 1);
		for (int i = 0; i < 5; i++) {
			h[i] = add(&x, 1, false);
			(void)coap_exchange_start(&x.t, h[i], true);
		}
		coap_exchange_remove(&x.t, h[removed]);
		for (int i = 0; i < 5; i++) {
			if (i == removed)
				continue;
			assert_int_equal(phase_of(&x, h[i]), COAP_EXCHANGE_SENT);
			coap_exchange_remove(&x.t, h[i]);
			(void)coap_exchange_ready(&x.t, &ready);
		}
		assert_int_equal(coap_exchanges_busy(&x.t), 0);
		assert_int_equal(x.t.lane_slab.used, 0);
		free(x.memory);
	}
}

static void the_wait_for_a_separate_response_ends(void **state)
{
	struct table x;
	struct handle due;
	(void)state;
	make(&x, 1);
	struct handle h = add(&x, 1, false);
	assert_true(coap_exchange_start(&x.t, h, true));
	assert_int_equal(coap_exchange_deadline(&x.t), NEVER);
	coap_exchange_acked(&x.t, h, 1000);
	assert_int_equal(coap_exchange_deadline(&x.t), 1000);
	assert_false(coap_exchange_due(&x.t, 999, &due));
	assert_true(coap_exchange_due(&x.t, 1000, &due));
	assert_true(handle_equal(due, h));
	coap_exchange_observing(&x.t, h, NEVER);
	assert_int_equal(coap_exchange_deadline(&x.t), NEVER);
	assert_int_equal(coap_exchanges_busy(&x.t), 0);
	free(x.memory);
}

static void all_exchanges_with_a_remote_are_found_when_it_is_lost(void **state)
{
	struct table x;
	struct handle h, lane;
	struct coap_remote one = remote_of(1);
	int count = 0;
	(void)state;
	make(&x, 1);
	for (int i = 0; i < 3; i++)
		(void)coap_exchange_start(&x.t, add(&x, 1, i == 2), true);
	struct handle elsewhere = add(&x, 2, false);
	assert_true(coap_exchange_detach(&x.t, &one, &lane));
	assert_false(coap_exchange_detach(&x.t, &one, &h));
	struct handle anew = add(&x, 1, false); /* with the remote that has come back */
	for (; coap_exchange_find_detached(&x.t, lane, &h); count++)
		coap_exchange_remove(&x.t, h);
	assert_int_equal(count, 3);
	assert_non_null(coap_exchange_get(&x.t, anew));
	assert_non_null(coap_exchange_get(&x.t, elsewhere));
	free(x.memory);
}

static void a_full_table_refuses(void **state)
{
	struct table x;
	struct handle h;
	struct coap_remote one = remote_of(1);
	(void)state;
	make(&x, 1);
	for (uint8_t i = 0; i < CAPACITY; i++)
		add(&x, i, false);
	assert_false(coap_exchange_add(&x.t, &one, false, &x.prng, &h));
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_is_matched_by_token_and_remote),
		cmocka_unit_test(many_tokens_have_no_repeats_and_two_starts_differ),
		cmocka_unit_test(a_remote_whose_waiting_exchange_goes_loses_its_turn_alone),
		cmocka_unit_test(the_exchanges_with_a_remote_are_walked_through_to_their_end),
		cmocka_unit_test(nstart_holds_for_each_remote_and_turns_go_in_order),
		cmocka_unit_test(a_new_request_does_not_overtake_those_that_wait),
		cmocka_unit_test(a_paced_exchange_needs_no_turn),
		cmocka_unit_test(without_room_for_a_message_requests_wait_and_remotes_take_turns),
		cmocka_unit_test(one_that_waits_can_be_removed_from_anywhere_in_the_queue),
		cmocka_unit_test(the_wait_for_a_separate_response_ends),
		cmocka_unit_test(all_exchanges_with_a_remote_are_found_when_it_is_lost),
		cmocka_unit_test(a_full_table_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
