/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockfetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BITS      16384
#define IN_FLIGHT 64

static uint8_t bitmap[BITS / 8];
static _Alignas(CARVE_ALIGNMENT) uint8_t memory[4096];

static void begin(struct coap_blockfetch *f, uint8_t szx, uint32_t bits)
{
	memset(bitmap, 0, sizeof bitmap);
	assert_true(coap_blockfetch_memory(IN_FLIGHT) <= sizeof memory);
	coap_blockfetch_init(f,
		&(struct coap_blockfetch_config){.bitmap = bitmap,
			.bitmap_blocks = bits,
			.szx = szx,
			.memory = memory,
			.in_flight_max = IN_FLIGHT,
			.ack_timeout = SECONDS(2)},
		0);
}

static bool next(struct coap_blockfetch *f, msec now, uint32_t *ret)
{
	struct coap_block_ask ask;
	if (!coap_blockfetch_next(f, now, &ask))
		return false;
	*ret = ask.number;
	return true;
}

/* The latest request for a block. */
static struct coap_block_ask asked_for(const struct coap_blockfetch *f, uint32_t number)
{
	for (uint32_t i = f->flight_next; i-- != f->flight_first;)
		if (f->flights[i % IN_FLIGHT].number == number)
			return (struct coap_block_ask){number, i};
	return (struct coap_block_ask){number, f->flight_first - 1};
}

/* A response to block `number` of a body with `blocks` full blocks. */
static enum coap_blockfetch_verdict answer(struct coap_blockfetch *f, uint32_t number, uint32_t blocks, msec round_trip)
{
	struct coap_block block = {number, number + 1 < blocks, f->szx};
	enum coap_blockfetch_verdict verdict =
		coap_blockfetch_received(f, asked_for(f, number), &block, coap_block_size(f->szx), bytes_of("e", 1),
			(uint64_t)blocks * coap_block_size(f->szx), round_trip, 1000);
	if (verdict == COAP_BLOCKFETCH_STORE)
		coap_blockfetch_stored(f, number);
	return verdict;
}

static void only_one_block_is_asked_for_until_the_first_response(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 99;
	(void)state;
	begin(&f, 6, BITS);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 0);
	assert_false(next(&f, 0, &number));
	assert_int_equal(coap_blockfetch_option(&f, 0), 6);
	assert_int_equal(answer(&f, 0, 100, 50), COAP_BLOCKFETCH_STORE);
	for (uint32_t i = 1; i <= COAP_CONGESTION_WINDOW_FIRST + 1; i++) {
		assert_true(next(&f, 0, &number));
		assert_int_equal(number, i);
	}
	assert_false(next(&f, 0, &number));
}

static void blocks_may_come_in_any_order_and_twice(void **state)
{
	static const uint32_t order[] = {3, 1, 4, 2};
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	answer(&f, 0, 5, 0);
	for (int i = 0; i < 4; i++)
		assert_true(next(&f, 0, &number));
	coap_blockfetch_lost(
		&f, asked_for(&f, 1), 10); /* given up too early: the answer to the second request comes too */
	assert_true(next(&f, 10, &number));
	assert_int_equal(number, 1);
	for (int i = 0; i < 4; i++) {
		assert_false(coap_blockfetch_is_complete(&f));
		assert_int_equal(answer(&f, order[i], 5, 0), COAP_BLOCKFETCH_STORE);
	}
	assert_true(coap_blockfetch_is_complete(&f));
	assert_int_equal(coap_blockfetch_progress(&f), 80);
	assert_false(next(&f, 10, &number));
}

static void what_the_first_response_teaches(void **state)
{
	static const struct {
		const char *what;
		uint8_t szx, answer_szx;
		uint32_t asked, number;
		bool has_more;
		size_t len;
		uint64_t size2;
		enum coap_blockfetch_verdict verdict;
		bool complete;
	} cases[] = {
		{"a body in one block", 6, 6, 0, 0, false, 10, 0, COAP_BLOCKFETCH_STORE, true},
		{"an empty body", 6, 6, 0, 0, false, 0, 0, COAP_BLOCKFETCH_STORE, true},
		{"more to come, size told", 6, 6, 0, 0, true, 1024, 5000, COAP_BLOCKFETCH_STORE, false},
		{"more to come, size not told", 6, 6, 0, 0, true, 1024, 0, COAP_BLOCKFETCH_STORE, false},
		{"a short block with more to come", 6, 6, 0, 0, true, 1023, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"a block longer than its size", 0, 0, 0, 0, false, 17, 0, COAP_BLOCKFETCH_BROKEN, false},
		{"smaller blocks", 6, 4, 0, 0, true, 256, 5000, COAP_BLOCKFETCH_STORE, false},
		{"larger blocks than asked for", 4, 6, 0, 0, true, 1024, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"another block", 6, 6, 0, 1, true, 1024, 5000, COAP_BLOCKFETCH_BROKEN, false},
		{"more blocks than bits", 0, 0, 0, 0, true, 16, BITS * 16 + 1, COAP_BLOCKFETCH_BROKEN, false},
		{"a size of 2^32", 6, 6, 0, 0, true, 1024, UINT64_C(1) << 32, COAP_BLOCKFETCH_BROKEN, false},
		{"more to come at the size told", 6, 6, 0, 0, true, 1024, 1024, COAP_BLOCKFETCH_BROKEN, false},
		{"as many blocks as bits", 0, 0, 0, 0, true, 16, BITS * 16, COAP_BLOCKFETCH_STORE, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_blockfetch f;
		struct coap_block block = {cases[i].number, cases[i].has_more, cases[i].answer_szx};
		uint32_t number = 0;
		begin(&f, cases[i].szx, BITS);
		assert_true(next(&f, 0, &number));
		enum coap_blockfetch_verdict verdict = coap_blockfetch_received(
			&f, asked_for(&f, number), &block, cases[i].len, BYTES_NONE, cases[i].size2, 0, 5);
		if (verdict == COAP_BLOCKFETCH_STORE)
			coap_blockfetch_stored(&f, block.number);
		if (verdict != cases[i].verdict || coap_blockfetch_is_complete(&f) != cases[i].complete)
			fail_msg("%s: %d", cases[i].what, verdict);
		assert_int_equal(coap_blockfetch_is_failed(&f), verdict != COAP_BLOCKFETCH_STORE);
	}
}

static void another_etag_means_another_file(void **state)
{
	struct coap_blockfetch f;
	struct coap_block block = {1, true, 0};
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	answer(&f, 0, 5, 0);
	assert_true(next(&f, 0, &number));
	assert_int_equal(coap_blockfetch_received(&f, asked_for(&f, 1), &block, 16, bytes_of("f", 1), 0, 0, 5),
		COAP_BLOCKFETCH_CHANGED);
	assert_false(next(&f, 0, &number));
}

static void an_earlier_run_is_resumed_where_it_has_gaps(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 0x17; /* 0, 1, 2 and 4 of 6 */
	coap_blockfetch_init(&f,
		&(struct coap_blockfetch_config){.bitmap = bitmap,
			.bitmap_blocks = BITS,
			.szx = 0,
			.memory = memory,
			.in_flight_max = IN_FLIGHT,
			.ack_timeout = SECONDS(2),
			.etag = bytes_of("e", 1),
			.size = 96},
		0);
	assert_int_equal(coap_blockfetch_progress(&f), 64);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 3);
	assert_int_equal(answer(&f, 3, 6, 0), COAP_BLOCKFETCH_STORE);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 5);
	assert_int_equal(answer(&f, 5, 6, 0), COAP_BLOCKFETCH_STORE);
	assert_true(coap_blockfetch_is_complete(&f));
}

static void an_earlier_run_of_another_file_is_found_out(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 1;
	coap_blockfetch_init(&f,
		&(struct coap_blockfetch_config){.bitmap = bitmap,
			.bitmap_blocks = BITS,
			.szx = 0,
			.memory = memory,
			.in_flight_max = IN_FLIGHT,
			.ack_timeout = SECONDS(2),
			.etag = bytes_of("x", 1)},
		0);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 1);
	assert_int_equal(answer(&f, 1, 6, 0), COAP_BLOCKFETCH_CHANGED);
}

static void smaller_blocks_cut_the_bitmap_finer(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	struct coap_block block = {8, true, 4};
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 0x0b; /* blocks 0, 1 and 3 of 1024 bytes */
	coap_blockfetch_init(&f,
		&(struct coap_blockfetch_config){.bitmap = bitmap,
			.bitmap_blocks = BITS,
			.szx = 6,
			.memory = memory,
			.in_flight_max = IN_FLIGHT,
			.ack_timeout = SECONDS(2)},
		0);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 2);
	assert_int_equal(coap_blockfetch_received(&f, asked_for(&f, 2), &block, 256, BYTES_NONE, 5 * 1024, 0, 0),
		COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 8);
	assert_int_equal(bitmap[0], 0xff);
	assert_int_equal(bitmap[1], 0xf1);
	assert_int_equal(bitmap[2], 0);
	assert_int_equal(coap_blockfetch_progress(&f), 13 * 256);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 9);
}

static void resume_with(struct coap_blockfetch *f, uint32_t bits, uint8_t szx, uint64_t size)
{
	coap_blockfetch_init(f,
		&(struct coap_blockfetch_config){.bitmap = bitmap,
			.bitmap_blocks = bits,
			.szx = szx,
			.memory = memory,
			.in_flight_max = IN_FLIGHT,
			.ack_timeout = SECONDS(2),
			.size = size},
		0);
}

/* Every bit is set, but nobody knows whether the last block was the last. */
static void an_earlier_run_without_a_size_asks_for_the_last_block_again(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	struct coap_block block = {7, false, 0};
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	bitmap[0] = 0xff;
	resume_with(&f, 8, 0, 0);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 7);
	assert_false(next(&f, 0, &number));
	assert_int_equal(coap_blockfetch_received(&f, asked_for(&f, 7), &block, 10, BYTES_NONE, 0, 0, 0),
		COAP_BLOCKFETCH_REPEATED);
	assert_true(coap_blockfetch_is_complete(&f));
	assert_int_equal(coap_blockfetch_deadline(&f), NEVER);
	assert_false(next(&f, 0, &number));
}

static void an_earlier_run_with_more_blocks_than_bits_fails_at_once(void **state)
{
	struct coap_blockfetch f;
	uint32_t number;
	(void)state;
	memset(bitmap, 0, sizeof bitmap);
	resume_with(&f, 8, 0, 8 * 16 + 1);
	assert_true(coap_blockfetch_is_failed(&f));
	assert_false(next(&f, 0, &number));
	assert_int_equal(coap_blockfetch_deadline(&f), NEVER);
}

/* Nine bits hold two blocks of 1024 bytes as eight of 256; what is stored behind has no place any more. */
static void smaller_blocks_for_which_there_are_no_bits_break_the_fetch(void **state)
{
	static const uint8_t stored[] = {0x01, 0x02, 0x04};
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct coap_blockfetch f;
		struct coap_block block = {0, true, 4};
		uint32_t number = 0;
		memset(bitmap, 0, sizeof bitmap);
		bitmap[0] = stored[i];
		bitmap[1] = 1; /* the ninth bit, of a block that does not exist in two */
		if (i < 2)
			bitmap[1] = 0;
		resume_with(&f, 9, 6, 0);
		assert_true(next(&f, 0, &number));
		block.number = number * 4;
		assert_int_equal(coap_blockfetch_received(&f, asked_for(&f, number), &block, 256, BYTES_NONE, 0, 0, 0),
			i < 2 ? COAP_BLOCKFETCH_STORE : COAP_BLOCKFETCH_BROKEN);
	}
}

static void what_is_stored_or_withdrawn_twice_counts_once(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	struct coap_block_ask asked = asked_for(&f, 0);
	coap_blockfetch_withdrawn(&f, asked);
	coap_blockfetch_withdrawn(&f, asked);
	assert_true(next(&f, 0, &number));
	assert_int_equal(number, 0);
	assert_false(next(&f, 0, &number));
	assert_int_equal(answer(&f, 0, 6, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 0);
	assert_int_equal(coap_blockfetch_progress(&f), 16);
}

static void without_a_size_the_end_is_found(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	struct coap_block block = {0, true, 0};
	assert_int_equal(
		coap_blockfetch_received(&f, asked_for(&f, 0), &block, 16, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 0);
	for (int i = 1; i <= 4; i++)
		assert_true(next(&f, 0, &number));
	coap_blockfetch_refused(&f, asked_for(&f, 4), 0); /* behind the end */
	coap_blockfetch_refused(&f, asked_for(&f, 3), 0);
	block = (struct coap_block){2, false, 0};
	assert_int_equal(
		coap_blockfetch_received(&f, asked_for(&f, 2), &block, 7, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 2);
	assert_false(coap_blockfetch_is_complete(&f));
	block = (struct coap_block){1, true, 0};
	assert_int_equal(
		coap_blockfetch_received(&f, asked_for(&f, 1), &block, 16, BYTES_NONE, 0, 0, 0), COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 1);
	assert_true(coap_blockfetch_is_complete(&f));
	assert_int_equal(coap_blockfetch_progress(&f), 39);
}

static void a_body_whose_blocks_all_promise_more_and_end_is_a_failure(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	struct coap_block block = {0, true, 0};
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	(void)coap_blockfetch_received(&f, asked_for(&f, 0), &block, 16, BYTES_NONE, 0, 0, 0);
	coap_blockfetch_stored(&f, 0);
	assert_true(next(&f, 0, &number));
	coap_blockfetch_refused(&f, asked_for(&f, 1), 0);
	assert_true(coap_blockfetch_is_failed(&f));
}

static void a_block_that_was_overtaken_is_asked_for_again_a_round_trip_later(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 900, &number));
	answer(&f, 0, 1000, 100);
	for (int i = 0; i < 8; i++)
		assert_true(next(&f, 1000, &number));
	struct coap_block_ask first = asked_for(&f, 1);
	while (next(&f, 1000, &number)) {
	}
	answer(&f, 2, 1000, 100); /* at 1000: nobody knows yet whether the path only reorders */
	while (next(&f, 1000, &number)) {
	}
	assert_in_range(coap_blockfetch_deadline(&f), 1101, 1250); /* two samples leave it uncertain */
	coap_blockfetch_tick(&f, coap_blockfetch_deadline(&f) - 1);
	while (next(&f, coap_blockfetch_deadline(&f) - 1, &number))
		assert_int_not_equal(number, 1);
	msec at = coap_blockfetch_deadline(&f);
	coap_blockfetch_tick(&f, at);
	assert_true(next(&f, at, &number));
	assert_int_equal(number, 1);
	/* The answer to the first request comes after all, and then that to the second. */
	struct coap_block_ask second = asked_for(&f, 1);
	struct coap_block block = {1, true, 0};
	assert_int_equal(coap_blockfetch_received(&f, first, &block, 16, bytes_of("e", 1), 16000, 0, at + 5),
		COAP_BLOCKFETCH_STORE);
	coap_blockfetch_stored(&f, 1);
	assert_int_equal(coap_blockfetch_received(&f, second, &block, 16, bytes_of("e", 1), 16000, 0, at + 90),
		COAP_BLOCKFETCH_REPEATED);
}

/* RFC 7252 section 4.2 gives up after 93 s; here each wait is twice as long as the one before, with one block each. */
static void a_silent_path_is_probed_ever_more_slowly(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0, asked = 0;
	msec now = 1000;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 900, &number));
	answer(&f, 0, 1000, 100);
	while (next(&f, now, &number))
		asked++;
	assert_in_range(asked, COAP_CONGESTION_WINDOW_FIRST, COAP_CONGESTION_WINDOW_FIRST + 1);
	for (asked = 0; now < SECONDS(300); asked++) {
		msec at = coap_blockfetch_deadline(&f);
		assert_true(at > now);
		coap_blockfetch_tick(&f, now = at);
		if (asked >= 2)
			assert_int_equal(f.congestion.phase, COAP_CONGESTION_SILENT);
		assert_true(next(&f, now, &number));
		assert_false(next(&f, now, &number));
	}
	assert_in_range(asked, 8, 16);
	/* One answer, and it goes on. */
	answer(&f, number, 1000, 100);
	assert_int_equal(f.congestion.phase, COAP_CONGESTION_START);
	assert_true(next(&f, now, &number));
	assert_true(next(&f, now, &number));
}

static void no_more_is_in_flight_than_there_is_room_for(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0, asked = 0, answered = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_true(next(&f, 0, &number));
	answer(&f, 0, 10000, 50);
	for (int i = 0; i < 2000; i++) {
		while (next(&f, i, &number))
			asked++;
		assert_in_range(f.congestion.in_flight, 1, IN_FLIGHT);
		answer(&f, ++answered, 10000, 50);
	}
	assert_int_equal(asked - answered, IN_FLIGHT - 1);
}

/* RFC 6298 section 2; below ACK_TIMEOUT only when measured. */
static void the_timeout_follows_the_round_trip(void **state)
{
	struct coap_blockfetch f;
	uint32_t number = 0;
	(void)state;
	begin(&f, 0, BITS);
	assert_int_equal(coap_blockfetch_timeout(&f), 2000);
	assert_true(next(&f, 2000, &number));
	answer(&f, 0, 1000, 1000);
	assert_int_equal(coap_blockfetch_timeout(&f), 3000); /* R + 4 * R/2 */
	for (int i = 0; i < 40; i++) {
		assert_true(next(&f, 3000, &number));
		answer(&f, number, 1000, 30);
	}
	assert_in_range(coap_blockfetch_timeout(&f), 200, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_one_block_is_asked_for_until_the_first_response),
		cmocka_unit_test(blocks_may_come_in_any_order_and_twice),
		cmocka_unit_test(what_the_first_response_teaches),
		cmocka_unit_test(another_etag_means_another_file),
		cmocka_unit_test(an_earlier_run_is_resumed_where_it_has_gaps),
		cmocka_unit_test(an_earlier_run_of_another_file_is_found_out),
		cmocka_unit_test(smaller_blocks_cut_the_bitmap_finer),
		cmocka_unit_test(an_earlier_run_without_a_size_asks_for_the_last_block_again),
		cmocka_unit_test(an_earlier_run_with_more_blocks_than_bits_fails_at_once),
		cmocka_unit_test(smaller_blocks_for_which_there_are_no_bits_break_the_fetch),
		cmocka_unit_test(what_is_stored_or_withdrawn_twice_counts_once),
		cmocka_unit_test(without_a_size_the_end_is_found),
		cmocka_unit_test(a_body_whose_blocks_all_promise_more_and_end_is_a_failure),
		cmocka_unit_test(a_block_that_was_overtaken_is_asked_for_again_a_round_trip_later),
		cmocka_unit_test(a_silent_path_is_probed_ever_more_slowly),
		cmocka_unit_test(no_more_is_in_flight_than_there_is_room_for),
		cmocka_unit_test(the_timeout_follows_the_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
