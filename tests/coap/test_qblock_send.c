/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A body that goes out in sets (RFC 9177 sections 7.2 and 10). Times are in ms, the pause is 2500. */
#include "coap/qblock_send.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAUSE ((msec)2500)

/* What leaves at this moment, as numbers in a row; those asked for count from 1000. */
static unsigned take(struct coap_qblock_send *s, msec now, uint32_t *ret)
{
	unsigned count = 0;
	bool is_repair;
	while (coap_qblock_send_next(s, now, &ret[count], &is_repair)) {
		ret[count] += is_repair ? 1000 : 0;
		count++;
	}
	return count;
}

static void ask(struct coap_qblock_send *s, const uint32_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		coap_qblock_send_asked(s, numbers[i]);
	coap_qblock_send_ask_ended(s);
}

/* Section 10.1.1. */
static void a_body_of_one_set_leaves_at_once(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[64];
	(void)state;
	coap_qblock_send_init(&s, 4, 0, 10, PAUSE);
	assert_int_equal(take(&s, 100, out), 4);
	assert_true(coap_qblock_send_is_over(&s));
	assert_int_equal(coap_qblock_send_deadline(&s), NEVER);
}

static void without_a_word_from_the_receiver_there_is_a_pause_behind_each_set(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[64];
	(void)state;
	coap_qblock_send_init(&s, 25, 0, 10, PAUSE);
	assert_int_equal(take(&s, 100, out), 10);
	assert_int_equal(coap_qblock_send_deadline(&s), 2600);
	assert_int_equal(take(&s, 2599, out), 0);
	assert_int_equal(take(&s, 2600, out), 10);
	assert_int_equal(out[0], 10);
	assert_int_equal(take(&s, 5100, out), 5);
	assert_int_equal(out[4], 24);
	assert_true(coap_qblock_send_is_over(&s));
}

/* Section 10.1.2. */
static void the_next_set_leaves_at_once_when_the_receiver_has_the_last(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[64];
	(void)state;
	coap_qblock_send_init(&s, 25, 0, 10, PAUSE);
	(void)take(&s, 100, out);
	coap_qblock_send_continued(&s, 10);
	assert_int_equal(coap_qblock_send_deadline(&s), 0);
	assert_int_equal(take(&s, 150, out), 10);
	coap_qblock_send_continued(&s, 10); /* late, of the set before */
	assert_int_equal(take(&s, 160, out), 0);
	coap_qblock_send_continued(&s, 20);
	assert_int_equal(take(&s, 170, out), 5);
}

/* Section 10.1.3: 1 and 9 are missing when 10 and 11 have left; they go before 12. */
static void what_was_asked_for_goes_before_the_rest_of_the_set(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[64];
	uint32_t number;
	bool is_repair;
	static const uint32_t missing[] = {1, 9};
	(void)state;
	coap_qblock_send_init(&s, 13, 0, 10, PAUSE);
	(void)take(&s, 0, out);
	assert_true(coap_qblock_send_next(&s, 2500, &number, &is_repair));
	assert_true(coap_qblock_send_next(&s, 2500, &number, &is_repair));
	ask(&s, missing, 2);
	assert_int_equal(take(&s, 2510, out), 3);
	assert_int_equal(out[0], 1001);
	assert_int_equal(out[1], 1009);
	assert_int_equal(out[2], 12);
}

/* Section 7.2: retransmitted before going into another NON_TIMEOUT_RANDOM delay. */
static void a_repair_between_two_sets_begins_the_pause_anew(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[64];
	static const uint32_t missing[] = {3};
	(void)state;
	coap_qblock_send_init(&s, 25, 0, 10, PAUSE);
	(void)take(&s, 0, out);
	ask(&s, missing, 1);
	assert_int_equal(take(&s, 2000, out), 1);
	assert_int_equal(coap_qblock_send_deadline(&s), 4500);
	assert_int_equal(take(&s, 4499, out), 0);
	assert_int_equal(take(&s, 4500, out), 10);
}

static void more_than_a_set_of_repairs_leaves_with_a_pause_between(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[200], missing[25];
	(void)state;
	coap_qblock_send_init(&s, 100, 100, 10, PAUSE);
	for (uint32_t i = 0; i < 25; i++)
		missing[i] = 2 * i;
	ask(&s, missing, 25);
	assert_int_equal(take(&s, 0, out), 10);
	assert_int_equal(coap_qblock_send_deadline(&s), PAUSE);
	assert_int_equal(take(&s, PAUSE, out), 10);
	assert_int_equal(out[0], 1020);
	ask(&s, missing, 1); /* the receiver asks again: it is there */
	assert_int_equal(take(&s, PAUSE + 1, out), 6);
	assert_true(coap_qblock_send_is_over(&s));
}

static void a_block_waits_once_however_often_it_is_asked_for(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[200];
	static const uint32_t missing[] = {3, 3, 4, 3, 77, UINT32_MAX};
	(void)state;
	coap_qblock_send_init(&s, 77, 77, 10, PAUSE);
	ask(&s, missing, 6);
	assert_int_equal(take(&s, 0, out), 2);
}

static void what_has_not_left_yet_cannot_be_missing(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[200];
	static const uint32_t missing[] = {10, 11};
	(void)state;
	coap_qblock_send_init(&s, 25, 0, 10, PAUSE);
	(void)take(&s, 0, out);
	ask(&s, missing, 2);
	assert_int_equal(take(&s, 1, out), 0);
}

static void a_list_that_is_too_long_is_cut(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[200], missing[100];
	(void)state;
	coap_qblock_send_init(&s, 100, 100, 200, PAUSE);
	for (uint32_t i = 0; i < 100; i++)
		missing[i] = i;
	ask(&s, missing, 100);
	assert_int_equal(take(&s, 0, out), COAP_QBLOCK_REPAIRS_MAX);
}

static void without_a_pause_the_whole_body_leaves_at_once(void **state)
{
	struct coap_qblock_send s;
	uint32_t out[200];
	(void)state;
	coap_qblock_send_init(&s, 35, 0, 10, 0);
	assert_int_equal(take(&s, 0, out), 35);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_one_set_leaves_at_once),
		cmocka_unit_test(without_a_word_from_the_receiver_there_is_a_pause_behind_each_set),
		cmocka_unit_test(the_next_set_leaves_at_once_when_the_receiver_has_the_last),
		cmocka_unit_test(what_was_asked_for_goes_before_the_rest_of_the_set),
		cmocka_unit_test(a_repair_between_two_sets_begins_the_pause_anew),
		cmocka_unit_test(more_than_a_set_of_repairs_leaves_with_a_pause_between),
		cmocka_unit_test(a_block_waits_once_however_often_it_is_asked_for),
		cmocka_unit_test(what_has_not_left_yet_cannot_be_missing),
		cmocka_unit_test(a_list_that_is_too_long_is_cut),
		cmocka_unit_test(without_a_pause_the_whole_body_leaves_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
