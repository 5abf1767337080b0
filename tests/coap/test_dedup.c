/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/dedup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 8 /* two places for long replies */

static const struct coap_patience defaults = {
	.ack_timeout = SECONDS(2), .ack_random_permille = 1500, .max_retransmit = 4};

struct table {
	struct coap_dedup d;
	void *memory;
};

static void make(struct table *x)
{
	struct prng prng;
	prng_init_number(&prng, 5);
	x->memory = aligned_alloc(64, coap_dedup_memory(CAPACITY));
	coap_dedup_init(&x->d, x->memory, CAPACITY, &defaults, &prng);
}

static struct coap_remote remote_of(uint8_t host)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, host, 5683), HANDLE_NONE};
}

static bool add(struct table *x, uint8_t host, uint16_t id, bool is_confirmable, msec now, struct handle *ret)
{
	struct coap_remote remote = remote_of(host);
	return coap_dedup_add(&x->d, &remote, id, is_confirmable, now, ret);
}

static bool find(struct table *x, uint8_t host, uint16_t id, msec now, struct bytes *ret)
{
	struct coap_remote remote = remote_of(host);
	return coap_dedup_find(&x->d, &remote, id, now, ret);
}

static void a_repetition_finds_the_reply_of_the_same_remote_and_id(void **state)
{
	struct table x;
	struct handle h;
	struct bytes reply;
	(void)state;
	make(&x);
	assert_false(find(&x, 1, 10, 0, &reply));
	assert_true(add(&x, 1, 10, true, 0, &h));
	assert_true(find(&x, 1, 10, 1, &reply));
	assert_int_equal(reply.len, 0); /* it is still being worked on */
	assert_true(coap_dedup_answered(&x.d, h, bytes_of("reply", 5)));
	assert_true(find(&x, 1, 10, 2, &reply));
	assert_true(bytes_equal_text(reply, "reply"));
	assert_false(find(&x, 2, 10, 2, &reply));
	assert_false(find(&x, 1, 11, 2, &reply));
	free(x.memory);
}

static void secure_remotes_are_told_apart_by_session_and_not_by_address(void **state)
{
	struct table x;
	struct handle h;
	struct bytes reply;
	struct coap_remote one = remote_of(1), moved = remote_of(2);
	(void)state;
	make(&x);
	one.session = moved.session = (struct handle){3, 5};
	assert_true(coap_dedup_add(&x.d, &one, 10, true, 0, &h));
	assert_true(coap_dedup_find(&x.d, &moved, 10, 1, &reply));
	moved.session.generation = 7;
	assert_false(coap_dedup_find(&x.d, &moved, 10, 1, &reply));
	free(x.memory);
}

/* RFC 7252 section 4.8.2. */
static void entries_last_247_seconds_when_confirmable_and_145_when_not(void **state)
{
	static const struct {
		bool is_confirmable;
		msec lifetime;
	} cases[] = {{true, SECONDS(247)}, {false, SECONDS(145)}};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct table x;
		struct handle h;
		struct bytes reply;
		make(&x);
		assert_true(add(&x, 1, 10, cases[i].is_confirmable, 100, &h));
		assert_true(find(&x, 1, 10, 100 + cases[i].lifetime - 1, &reply));
		assert_false(find(&x, 1, 10, 100 + cases[i].lifetime, &reply));
		free(x.memory);
	}
}

static void a_full_table_refuses_until_the_oldest_expires(void **state)
{
	struct table x;
	struct handle h;
	struct bytes reply;
	(void)state;
	make(&x);
	for (uint16_t i = 0; i < CAPACITY; i++)
		assert_true(add(&x, 1, i, true, i * 1000, &h));
	assert_false(add(&x, 1, 99, true, SECONDS(247) - 1, &h));
	assert_true(add(&x, 1, 99, true, SECONDS(247), &h));
	assert_false(find(&x, 1, 0, SECONDS(247), &reply));
	assert_true(find(&x, 1, 1, SECONDS(247), &reply));
	free(x.memory);
}

static void the_two_lifetimes_expire_side_by_side(void **state)
{
	struct table x;
	struct handle h;
	(void)state;
	make(&x);
	for (uint16_t i = 0; i < CAPACITY; i++)
		assert_true(add(&x, 1, i, i % 2 == 0, 0, &h));
	assert_true(add(&x, 1, 50, true, SECONDS(146), &h));
	assert_int_equal(coap_dedup_count(&x.d), CAPACITY / 2 + 1);
	assert_true(add(&x, 1, 51, true, SECONDS(248), &h));
	assert_int_equal(coap_dedup_count(&x.d), 2);
	free(x.memory);
}

/* Side by side, so that one that is kept where another one is would be found out. */
static void replies_of_every_length_are_given_back(void **state)
{
	struct table x;
	struct handle h[2];
	struct bytes reply;
	(void)state;
	make(&x);
	for (uint16_t i = 0; i < 2; i++)
		assert_true(add(&x, 1, i, true, 0, &h[i]));
	for (size_t len = 0; len <= COAP_DEDUP_SHORT_REPLY_BYTES + 10; len++) {
		uint8_t text[2][COAP_DEDUP_SHORT_REPLY_BYTES + 10];
		for (uint16_t i = 0; i < 2; i++) {
			memset(text[i], (int)(2 * len + i), sizeof text[i]);
			assert_true(coap_dedup_answered(&x.d, h[i], bytes_of(text[i], i == 0 ? len : len / 2)));
		}
		for (uint16_t i = 0; i < 2; i++) {
			assert_true(find(&x, 1, i, 1, &reply));
			assert_true(bytes_equal(reply, bytes_of(text[i], i == 0 ? len : len / 2)));
		}
	}
	free(x.memory);
}

static void long_replies_have_few_places_that_come_back(void **state)
{
	struct table x;
	struct handle h[4];
	struct bytes reply;
	uint8_t wide[COAP_DATAGRAM_MAX_BYTES];
	(void)state;
	make(&x);
	memset(wide, 0x5a, sizeof wide);
	for (uint16_t i = 0; i < 4; i++)
		assert_true(add(&x, 1, i, true, 0, &h[i]));
	assert_true(coap_dedup_answered(&x.d, h[0], bytes_of(wide, sizeof wide)));
	assert_true(coap_dedup_answered(&x.d, h[1], bytes_of(wide, COAP_DEDUP_SHORT_REPLY_BYTES + 1)));
	assert_false(coap_dedup_answered(&x.d, h[2], bytes_of(wide, 200)));
	assert_true(find(&x, 1, 2, 1, &reply));
	assert_int_equal(reply.len, 0);
	assert_true(coap_dedup_answered(&x.d, h[2], bytes_of(wide, COAP_DEDUP_SHORT_REPLY_BYTES)));
	assert_true(find(&x, 1, 0, 1, &reply));
	assert_int_equal(reply.len, sizeof wide);
	assert_memory_equal(reply.data, wide, sizeof wide);
	assert_true(coap_dedup_answered(&x.d, h[0], bytes_of("short", 5))); /* its long place is free again */
	assert_true(coap_dedup_answered(&x.d, h[3], bytes_of(wide, 200)));
	assert_true(coap_dedup_answered(&x.d, HANDLE_NONE, bytes_of("x", 1)));
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repetition_finds_the_reply_of_the_same_remote_and_id),
		cmocka_unit_test(secure_remotes_are_told_apart_by_session_and_not_by_address),
		cmocka_unit_test(entries_last_247_seconds_when_confirmable_and_145_when_not),
		cmocka_unit_test(a_full_table_refuses_until_the_oldest_expires),
		cmocka_unit_test(the_two_lifetimes_expire_side_by_side),
		cmocka_unit_test(replies_of_every_length_are_given_back),
		cmocka_unit_test(long_replies_have_few_places_that_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
