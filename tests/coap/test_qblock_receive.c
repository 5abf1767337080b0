/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A body that arrives with gaps (RFC 9177 sections 7.2 and 10). Times are in ms. */
#include "coap/qblock_receive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BLOCKS_MAX 64

static const struct coap_qblock_parameters defaults = COAP_QBLOCK_PARAMETERS_DEFAULT;

struct bench {
	struct coap_qblock_receive r;
	uint8_t bitmap[BLOCKS_MAX / 8];
	uint64_t size;
};

static void raise(struct bench *b, uint32_t blocks)
{
	memset(b->bitmap, 0xaa, sizeof b->bitmap);
	b->size = (uint64_t)blocks * 16 - 3; /* the last block has 13 bytes */
	coap_qblock_receive_init(&b->r, &defaults, b->bitmap, BLOCKS_MAX);
}

static enum coap_qblock_block give(struct bench *b, uint32_t number, msec now)
{
	uint32_t blocks = (uint32_t)((b->size + 15) / 16);
	bool has_more = number + 1 < blocks;
	return coap_qblock_receive_block(
		&b->r, (struct coap_block){number, has_more, 0}, has_more ? 16 : 13, b->size, now);
}

static void give_all(struct bench *b, uint32_t from, uint32_t end, msec now)
{
	for (uint32_t n = from; n < end; n++)
		assert_int_equal(give(b, n, now), COAP_QBLOCK_NEW);
}

#define assert_nothing(b, now) assert_int_equal(coap_qblock_receive_want(&(b)->r, now), COAP_QBLOCK_NOTHING)

static void assert_missing(struct bench *b, msec now, const uint32_t *numbers, size_t count)
{
	uint32_t number, from = 0;
	assert_int_equal(coap_qblock_receive_want(&b->r, now), COAP_QBLOCK_MISSING);
	for (size_t i = 0; i < count; i++) {
		assert_true(coap_qblock_receive_missing(&b->r, from, &number));
		assert_int_equal(number, numbers[i]);
		from = number + 1;
	}
	assert_false(coap_qblock_receive_missing(&b->r, from, &number));
	assert_nothing(b, now);
}

static void a_body_in_order_is_complete_with_its_last_block(void **state)
{
	struct bench b;
	(void)state;
	raise(&b, 4);
	give_all(&b, 0, 3, 100);
	assert_nothing(&b, 100);
	assert_int_equal(give(&b, 3, 100), COAP_QBLOCK_NEW);
	assert_int_equal(coap_qblock_receive_want(&b.r, 100), COAP_QBLOCK_COMPLETE);
	assert_true(coap_qblock_receive_is_complete(&b.r));
	assert_int_equal(b.r.deadline, NEVER);
}

static void a_whole_set_is_continued_once_also_when_it_came_out_of_order(void **state)
{
	struct bench b;
	(void)state;
	raise(&b, 25);
	give_all(&b, 3, 10, 100);
	assert_nothing(&b, 100);
	give_all(&b, 0, 3, 101);
	assert_int_equal(coap_qblock_receive_want(&b.r, 101), COAP_QBLOCK_CONTINUE);
	assert_int_equal(b.r.whole, 10);
	assert_nothing(&b, 101);
	give_all(&b, 10, 20, 102);
	assert_int_equal(coap_qblock_receive_want(&b.r, 102), COAP_QBLOCK_CONTINUE);
}

/* Section 10.1.3: 1 and 9 are lost, then 10 and with it the start of the next set, of which 11 arrives. */
static void the_first_block_of_the_next_set_asks_for_what_the_earlier_ones_lack(void **state)
{
	static const uint32_t missing[] = {1, 9}, late[] = {10};
	struct bench b;
	(void)state;
	raise(&b, 13);
	assert_int_equal(give(&b, 0, 0), COAP_QBLOCK_NEW);
	give_all(&b, 2, 9, 0);
	assert_nothing(&b, 0);
	assert_int_equal(give(&b, 11, 2500), COAP_QBLOCK_NEW);
	assert_missing(&b, 2500, missing, 2);
	assert_int_equal(give(&b, 1, 2600), COAP_QBLOCK_NEW);
	assert_int_equal(give(&b, 9, 2600), COAP_QBLOCK_NEW);
	assert_int_equal(give(&b, 12, 2600), COAP_QBLOCK_NEW);
	assert_nothing(&b, 6599);
	assert_missing(&b, 6600, late, 1);
	assert_int_equal(give(&b, 10, 6700), COAP_QBLOCK_NEW);
	assert_int_equal(coap_qblock_receive_want(&b.r, 6700), COAP_QBLOCK_COMPLETE);
}

/* Section 10.1.4. */
static void missing_blocks_are_asked_for_after_growing_waits_and_given_up_after_four(void **state)
{
	static const uint32_t missing[] = {1};
	static const msec moments[] = {4000, 12000, 28000, 60000};
	struct bench b;
	(void)state;
	raise(&b, 3);
	assert_int_equal(give(&b, 0, 0), COAP_QBLOCK_NEW);
	assert_int_equal(give(&b, 2, 0), COAP_QBLOCK_NEW);
	for (int i = 0; i < 4; i++) {
		assert_nothing(&b, moments[i] - 1);
		assert_int_equal(b.r.deadline, moments[i]);
		assert_missing(&b, moments[i], missing, 1);
	}
	assert_nothing(&b, 123999);
	assert_int_equal(coap_qblock_receive_want(&b.r, 124000), COAP_QBLOCK_GIVEN_UP);
}

static void something_new_makes_the_waits_short_again(void **state)
{
	static const uint32_t two[] = {1, 2}, one[] = {2};
	struct bench b;
	(void)state;
	raise(&b, 4);
	assert_int_equal(give(&b, 0, 0), COAP_QBLOCK_NEW);
	assert_int_equal(give(&b, 3, 0), COAP_QBLOCK_NEW);
	assert_missing(&b, 4000, two, 2);
	assert_missing(&b, 12000, two, 2);
	assert_int_equal(give(&b, 1, 12500), COAP_QBLOCK_NEW);
	assert_nothing(&b, 16499);
	assert_missing(&b, 16500, one, 1);
}

/* Section 7.2: all of a set has come and was continued, but nothing of the next. */
static void a_set_that_never_came_is_asked_for_as_a_whole(void **state)
{
	static const uint32_t missing[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
	struct bench b;
	(void)state;
	raise(&b, 30);
	give_all(&b, 0, 10, 0);
	assert_int_equal(coap_qblock_receive_want(&b.r, 0), COAP_QBLOCK_CONTINUE);
	assert_missing(&b, 4000, missing, 10);
}

static void the_tail_of_a_set_is_missing_too_when_its_last_blocks_were_lost(void **state)
{
	static const uint32_t missing[] = {2, 3, 4};
	struct bench b;
	(void)state;
	raise(&b, 5);
	give_all(&b, 0, 2, 0);
	assert_missing(&b, 4000, missing, 3);
}

static void a_block_again_changes_nothing(void **state)
{
	struct bench b;
	(void)state;
	raise(&b, 3);
	assert_int_equal(give(&b, 1, 0), COAP_QBLOCK_NEW);
	assert_int_equal(give(&b, 1, 3000), COAP_QBLOCK_REPEATED);
	assert_int_equal(b.r.count, 1);
	assert_int_equal(b.r.deadline, 4000);
}

static void a_block_that_contradicts_the_first_is_broken(void **state)
{
	static const struct {
		struct coap_block block;
		size_t len;
		uint64_t size;
	} cases[] = {
		{{1, true, 0}, 16, 46},  /* another size */
		{{1, true, 1}, 32, 45},  /* another block size */
		{{1, false, 0}, 16, 45}, /* the last, but it is not */
		{{2, true, 0}, 16, 45},  /* not the last, but it is */
		{{1, true, 0}, 15, 45},  /* too short */
		{{2, false, 0}, 12, 45}, /* too short for the size */
		{{2, false, 0}, 14, 45}, /* too long */
		{{3, false, 0}, 0, 45},  /* behind the end */
		{{0xfffff, true, 0}, 16, 45},
	};
	struct bench b;
	(void)state;
	raise(&b, 3);
	assert_int_equal(give(&b, 0, 0), COAP_QBLOCK_NEW);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(coap_qblock_receive_block(&b.r, cases[i].block, cases[i].len, cases[i].size, 0),
			COAP_QBLOCK_BROKEN);
	assert_int_equal(b.r.count, 1);
}

static void a_first_block_that_cannot_be_opens_nothing(void **state)
{
	struct bench b;
	(void)state;
	raise(&b, 3);
	assert_int_equal(
		coap_qblock_receive_block(&b.r, (struct coap_block){0, true, 0}, 15, 45, 0), COAP_QBLOCK_BROKEN);
	assert_false(b.r.is_open);
	assert_nothing(&b, SECONDS(1000));
	assert_int_equal(coap_qblock_receive_block(&b.r, (struct coap_block){0, true, 0}, 16, BLOCKS_MAX * 16 + 1, 0),
		COAP_QBLOCK_TOO_LONG);
	assert_int_equal(coap_qblock_receive_block(&b.r, (struct coap_block){0, true, 0}, 16, UINT64_MAX, 0),
		COAP_QBLOCK_TOO_LONG);
	assert_int_equal(give(&b, 0, 0), COAP_QBLOCK_NEW);
}

static void an_empty_body_is_one_empty_block(void **state)
{
	struct bench b;
	(void)state;
	raise(&b, 1);
	assert_int_equal(coap_qblock_receive_block(&b.r, (struct coap_block){0, false, 0}, 0, 0, 0), COAP_QBLOCK_NEW);
	assert_int_equal(coap_qblock_receive_want(&b.r, 0), COAP_QBLOCK_COMPLETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_in_order_is_complete_with_its_last_block),
		cmocka_unit_test(a_whole_set_is_continued_once_also_when_it_came_out_of_order),
		cmocka_unit_test(the_first_block_of_the_next_set_asks_for_what_the_earlier_ones_lack),
		cmocka_unit_test(missing_blocks_are_asked_for_after_growing_waits_and_given_up_after_four),
		cmocka_unit_test(something_new_makes_the_waits_short_again),
		cmocka_unit_test(a_set_that_never_came_is_asked_for_as_a_whole),
		cmocka_unit_test(the_tail_of_a_set_is_missing_too_when_its_last_blocks_were_lost),
		cmocka_unit_test(a_block_again_changes_nothing),
		cmocka_unit_test(a_block_that_contradicts_the_first_is_broken),
		cmocka_unit_test(a_first_block_that_cannot_be_opens_nothing),
		cmocka_unit_test(an_empty_body_is_one_empty_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
