/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/prng.h"
#include "dtls/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 64

struct table {
	struct dtls_sessions sessions;
	void *memory;
};

static int set_up(void **state)
{
	struct table *t = malloc(sizeof *t);
	t->memory = malloc(dtls_sessions_memory(CAPACITY));
	dtls_sessions_init(&t->sessions, t->memory, CAPACITY, 42);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct table *t = *state;
	free(t->memory);
	free(t);
	return 0;
}

static struct address address_number(uint32_t n)
{
	return address_ipv4(10, 0, (uint8_t)(n / 256), (uint8_t)n, 5684);
}

/* A session at address n, found by its connection ID too when `reads_cid`. */
static struct handle established(struct dtls_sessions *t, uint32_t n, bool reads_cid, msec now)
{
	struct address address = address_number(n);
	struct handle h;
	struct dtls_engine_result result = {.suite = DTLS_SUITE_PSK_AES_128_CCM_8, .reads_cid = reads_cid};
	assert_true(dtls_session_take(t, &address, false, &h));
	dtls_session_establish(t, h, &result, now);
	return h;
}

static bool found_at(const struct dtls_sessions *t, uint32_t n, struct handle h)
{
	struct address address = address_number(n);
	return handle_equal(dtls_session_find_by_address(t, &address), h);
}

static bool found_by_name(const struct dtls_sessions *t, struct handle h)
{
	uint8_t cid[DTLS_CID_BYTES];
	dtls_session_cid(t, h, cid);
	return handle_equal(dtls_session_find_by_cid(t, bytes_of(cid, sizeof cid)), h);
}

static void an_idle_session_costs_less_than_200_bytes(void **state)
{
	(void)state;
	print_message("one session: %zu bytes, everything counted: %zu\n", sizeof(struct dtls_session),
		dtls_sessions_bytes_each());
	assert_true(dtls_sessions_bytes_each() <= 200);
}

static void a_session_is_found_only_when_it_is_established(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct address address = address_number(1);
	struct handle h;
	assert_true(dtls_session_take(t, &address, false, &h));
	assert_non_null(dtls_session_get(t, h));
	assert_true(found_at(t, 1, HANDLE_NONE));
	assert_false(found_by_name(t, h));
	assert_true(handle_is_none(dtls_session_oldest(t)));
	dtls_session_give(t, h);
	assert_null(dtls_session_get(t, h));

	h = established(t, 1, true, 5);
	assert_true(found_at(t, 1, h));
	assert_true(found_by_name(t, h));
	assert_true(handle_is_none(dtls_session_find_by_cid(t, bytes_of_text("short"))));
	dtls_session_give(t, h);
	assert_true(found_at(t, 1, HANDLE_NONE));
	assert_false(found_by_name(t, h));
}

static void a_session_without_connection_id_is_not_found_by_one(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	assert_false(found_by_name(t, established(t, 1, false, 5)));
}

static void a_full_table_takes_no_more_until_one_goes(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle handles[CAPACITY], extra;
	struct address address = address_number(999);
	for (uint32_t i = 0; i < CAPACITY; i++)
		handles[i] = established(t, i, true, i);
	assert_false(dtls_session_take(t, &address, false, &extra));
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_true(found_at(t, i, handles[i]) && found_by_name(t, handles[i]));
	for (uint32_t i = 0; i < CAPACITY; i += 2)
		dtls_session_give(t, handles[i]);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_true(found_at(t, i, i % 2 == 0 ? HANDLE_NONE : handles[i]) &&
			    found_by_name(t, handles[i]) == (i % 2 != 0));
	assert_true(dtls_session_take(t, &address, false, &extra));
	assert_int_not_equal(extra.generation, handles[extra.slot].generation);
}

static void a_session_that_moves_is_found_at_its_new_address_alone(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle h = established(t, 1, true, 0);
	struct address there = address_number(2);
	dtls_session_move(t, h, &there);
	assert_true(found_at(t, 1, HANDLE_NONE));
	assert_true(found_at(t, 2, h));
	assert_true(found_by_name(t, h));
}

static void whoever_was_heard_last_has_the_address(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle first = established(t, 1, true, 0), second = established(t, 2, true, 0);
	struct address there = address_number(1), back = address_number(3);
	dtls_session_move(t, second, &there);
	assert_true(found_at(t, 1, second));
	assert_true(found_by_name(t, first));
	dtls_session_move(t, first, &back); /* it had no address any more */
	assert_true(found_at(t, 3, first));
	assert_true(found_at(t, 1, second));
	dtls_session_give(t, first);
	dtls_session_give(t, second);
	assert_true(found_at(t, 1, HANDLE_NONE) && found_at(t, 3, HANDLE_NONE));
}

static void the_oldest_is_the_one_not_heard_for_longest(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle a = established(t, 1, true, 10), b = established(t, 2, true, 20), c = established(t, 3, true, 30);
	assert_true(handle_equal(dtls_session_oldest(t), a));
	dtls_session_heard(t, a, 40);
	assert_true(handle_equal(dtls_session_oldest(t), b));
	dtls_session_give(t, b);
	assert_true(handle_equal(dtls_session_oldest(t), c));
	dtls_session_heard(t, c, 50);
	dtls_session_heard(t, c, 60);
	assert_true(handle_equal(dtls_session_oldest(t), a));
	dtls_session_give(t, a);
	dtls_session_give(t, c);
	assert_true(handle_is_none(dtls_session_oldest(t)));
}

/* A session that is given back must not leave its keys in memory. */
static void keys_are_wiped(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	static const struct dtls_session zero;
	struct handle h = established(t, 1, true, 0);
	struct dtls_session *s = dtls_session_get(t, h);
	memset(&s->read_key, 0xaa, sizeof s->read_key);
	dtls_session_give(t, h);
	assert_memory_equal(s, &zero, sizeof zero);
}

/* Many random operations against a plain array. */
static void the_table_agrees_with_a_simple_model(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle at_number[CAPACITY] = {{0, 0}};
	struct prng prng;
	prng_init_number(&prng, 7);
	for (int i = 0; i < 20000; i++) {
		uint32_t n = prng_below(&prng, CAPACITY);
		if (handle_is_none(at_number[n])) {
			at_number[n] = established(t, n, prng_below(&prng, 2) == 0, i);
		} else if (prng_below(&prng, 2) == 0) {
			dtls_session_heard(t, at_number[n], i);
		} else {
			dtls_session_give(t, at_number[n]);
			at_number[n] = HANDLE_NONE;
		}
		assert_true(found_at(t, n, at_number[n]));
	}
}

/* RFC 9175 section 2.4. */
static void to_a_new_address_go_three_times_what_came_from_there_until_it_is_proved(void **state)
{
	struct dtls_sessions *t = &((struct table *)*state)->sessions;
	struct handle h = established(t, 1, true, 0);
	struct dtls_session *s = dtls_session_get(t, h);
	struct address there = address_number(2);
	assert_true(dtls_session_spend_credit(s, 100000)); /* the handshake has proved the first */
	dtls_session_move(t, h, &there);
	assert_false(dtls_session_spend_credit(s, 1));
	dtls_session_credit(s, 50);
	assert_false(dtls_session_spend_credit(s, 151));
	assert_true(dtls_session_spend_credit(s, 100));
	assert_true(dtls_session_spend_credit(s, 50));
	assert_false(dtls_session_spend_credit(s, 1));
	for (int i = 0; i < 100; i++)
		dtls_session_credit(s, 1500); /* more than can be counted is not forgotten, and not more */
	assert_false(dtls_session_spend_credit(s, UINT16_MAX + 1));
	assert_true(dtls_session_spend_credit(s, UINT16_MAX));
	dtls_session_prove(t, h);
	assert_true(dtls_session_spend_credit(s, 100000));
	dtls_session_credit(s, 1500);
	there = address_number(3);
	dtls_session_move(t, h, &there); /* and nothing is taken along */
	assert_false(dtls_session_spend_credit(s, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_session_costs_less_than_200_bytes),
		cmocka_unit_test_setup_teardown(a_session_is_found_only_when_it_is_established, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_session_without_connection_id_is_not_found_by_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_table_takes_no_more_until_one_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_session_that_moves_is_found_at_its_new_address_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_was_heard_last_has_the_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_oldest_is_the_one_not_heard_for_longest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_are_wiped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_table_agrees_with_a_simple_model, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			to_a_new_address_go_three_times_what_came_from_there_until_it_is_proved, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
