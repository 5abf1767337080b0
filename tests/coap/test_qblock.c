/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Parameters, sets and lists of missing blocks (RFC 9177 sections 5 and 7.2). */
#include "coap/qblock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct coap_qblock_parameters defaults = COAP_QBLOCK_PARAMETERS_DEFAULT;

/* Section 7.2, table 3. */
static void the_default_times_are_those_of_the_table(void **state)
{
	struct prng prng;
	bool has_low = false, has_high = false;
	(void)state;
	prng_init_number(&prng, 1);
	for (int i = 0; i < 1000; i++) {
		msec pause = coap_qblock_pause(&defaults, &prng);
		assert_true(pause >= 2000 && pause <= 3000);
		has_low |= pause < 2100;
		has_high |= pause > 2900;
	}
	assert_true(has_low && has_high);
	assert_int_equal(coap_qblock_partial_timeout(&defaults), SECONDS(247));
	assert_int_equal(coap_qblock_probing_wait(&defaults, 1000000), SECONDS(247));
}

static void the_wait_for_a_silent_peer_follows_the_probing_rate_up_to_its_limit(void **state)
{
	struct coap_qblock_parameters p = defaults;
	(void)state;
	assert_int_equal(coap_qblock_probing_wait(&p, 30), SECONDS(30));
	assert_int_equal(coap_qblock_probing_wait(&p, UINT64_MAX), SECONDS(247));
	p.probing_bytes_in_s = 1000;
	assert_int_equal(coap_qblock_probing_wait(&p, 30000), SECONDS(30));
	p.non_probing_wait = SECONDS(10);
	assert_int_equal(coap_qblock_probing_wait(&p, 30000), SECONDS(10));
	p.probing_bytes_in_s = 0;
	assert_int_equal(coap_qblock_probing_wait(&p, 5), SECONDS(5));
	p.non_partial_timeout = SECONDS(7);
	assert_int_equal(coap_qblock_partial_timeout(&p), SECONDS(7));
}

static void a_body_has_as_many_blocks_as_it_fills_and_sets_begin_at_multiples(void **state)
{
	(void)state;
	assert_int_equal(coap_qblock_count(0, 6), 1);
	assert_int_equal(coap_qblock_count(1, 6), 1);
	assert_int_equal(coap_qblock_count(1024, 6), 1);
	assert_int_equal(coap_qblock_count(1025, 6), 2);
	assert_int_equal(coap_qblock_count(17, 0), 2);
	assert_int_equal(coap_qblock_set_end(0, 10), 10);
	assert_int_equal(coap_qblock_set_end(9, 10), 10);
	assert_int_equal(coap_qblock_set_end(10, 10), 20);
	assert_int_equal(coap_qblock_set_end(5, 1), 6);
}

static void missing_numbers_are_written_in_the_shortest_form_and_read_back(void **state)
{
	static const uint32_t numbers[] = {0, 23, 24, 255, 256, 65535, 65536, COAP_BLOCKS_MAX - 1};
	static const uint8_t wire[] = {0x00, 0x17, 0x18, 0x18, 0x18, 0xff, 0x19, 0x01, 0x00, 0x19, 0xff, 0xff, 0x1a,
		0x00, 0x01, 0x00, 0x00, 0x1a, 0x00, 0x0f, 0xff, 0xff};
	uint8_t room[sizeof wire];
	struct writer w = writer_of(room, sizeof room);
	uint32_t number = UINT32_MAX;
	(void)state;
	for (size_t i = 0; i < 8; i++)
		coap_qblock_missing_write(&w, numbers[i]);
	assert_false(w.failed);
	assert_int_equal(writer_bytes(&w).len, sizeof wire);
	assert_memory_equal(room, wire, sizeof wire);
	assert_true(coap_qblock_missing_is_valid(writer_bytes(&w)));
	struct reader r = reader_of(writer_bytes(&w));
	for (size_t i = 0; i < 8; i++) {
		assert_true(coap_qblock_missing_next(&r, &number));
		assert_int_equal(number, numbers[i]);
	}
	assert_false(coap_qblock_missing_next(&r, &number));
}

static void a_repeated_number_is_ignored_and_one_that_goes_back_spoils_the_list(void **state)
{
	static const uint8_t repeated[] = {1, 9, 9, 0x18, 9, 12};
	static const uint8_t back[] = {1, 9, 8};
	uint32_t number = UINT32_MAX, seen[4] = {0};
	int count = 0;
	(void)state;
	assert_true(coap_qblock_missing_is_valid(bytes_of(repeated, sizeof repeated)));
	struct reader r = reader_of(bytes_of(repeated, sizeof repeated));
	while (coap_qblock_missing_next(&r, &number))
		seen[count++] = number;
	assert_int_equal(count, 3);
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 9);
	assert_int_equal(seen[2], 12);
	assert_false(coap_qblock_missing_is_valid(bytes_of(back, sizeof back)));
}

static void what_is_no_sequence_of_block_numbers_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"", 0},     /* one number at least */
		{"\x18", 1}, /* cut off */
		{"\x19\x01", 2},
		{"\x1a\x00\x00\x01", 4},
		{"\x1b\x00\x00\x00\x00\x00\x00\x01", 8},
		{"\x1b\x00\x00\x00\x01\x00\x00\x00\x01", 9}, /* above 32 bits */
		{"\x1a\x00\x10\x00\x00", 5},                 /* no block has this number */
		{"\x1c", 1},                                 /* reserved */
		{"\x20", 1},                                 /* negative */
		{"\x81\x01", 2},                             /* an array around them */
		{"\x41\x01", 2},                             /* a string */
		{"\x01\xf6", 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_false(coap_qblock_missing_is_valid(bytes_of(cases[i].bytes, cases[i].len)));
	assert_true(coap_qblock_missing_is_valid(bytes_of("\x1b\0\0\0\0\0\0\0\7", 9)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_times_are_those_of_the_table),
		cmocka_unit_test(the_wait_for_a_silent_peer_follows_the_probing_rate_up_to_its_limit),
		cmocka_unit_test(a_body_has_as_many_blocks_as_it_fills_and_sets_begin_at_multiples),
		cmocka_unit_test(missing_numbers_are_written_in_the_shortest_form_and_read_back),
		cmocka_unit_test(a_repeated_number_is_ignored_and_one_that_goes_back_spoils_the_list),
		cmocka_unit_test(what_is_no_sequence_of_block_numbers_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
