/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What fits a message, on datagrams and on connections: RFC 7959 section 2.2, RFC 8323 section 6. */
#include "coap/carrier.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct coap_carrier datagrams = {.message_max = 1280};
static const struct coap_carrier plain = {.is_reliable = true, .message_max = 1152};
static const struct coap_carrier bert = {.is_reliable = true, .has_bert = true, .message_max = 8192 + 512};
static const struct coap_carrier narrow = {.is_reliable = true, .message_max = 128};

static void datagrams_carry_a_block_as_long_as_it_fits(void **state)
{
	(void)state;
	assert_int_equal(coap_carrier_szx(&datagrams, 6), 6);
	assert_int_equal(coap_carrier_whole_max(&datagrams, 6, 200), 1024);
	assert_int_equal(coap_carrier_fitting_szx(&datagrams, 6, 256), 6);
	assert_int_equal(coap_carrier_fitting_szx(&datagrams, 6, 257), 5);
	assert_int_equal(coap_carrier_fitting_szx(&datagrams, 6, 1000), 4);
	assert_int_equal(coap_carrier_part_max(&datagrams, 2, 0), 64);
}

static void a_connection_carries_a_whole_body_as_far_as_the_peer_takes_it(void **state)
{
	(void)state;
	assert_int_equal(coap_carrier_whole_max(&plain, 6, 60), 1092);
	assert_int_equal(coap_carrier_whole_max(&bert, 6, 60), 8192 + 452);
	assert_int_equal(coap_carrier_whole_max(&bert, 3, 60), 128); /* somebody wants small blocks */
	assert_int_equal(coap_carrier_room(&narrow, 200), 0);
}

static void blocks_shrink_until_they_fit(void **state)
{
	(void)state;
	assert_int_equal(coap_carrier_fitting_szx(&plain, 6, 128), 6);
	assert_int_equal(coap_carrier_fitting_szx(&plain, 6, 129), 5);
	assert_int_equal(coap_carrier_fitting_szx(&narrow, 6, 60), 2);
	assert_int_equal(coap_carrier_fitting_szx(&narrow, 0, 127), 0); /* there is nothing smaller */
}

static void bert_fills_the_message_with_whole_kilobytes(void **state)
{
	(void)state;
	assert_int_equal(coap_carrier_szx(&bert, 6), COAP_BLOCK_SZX_BERT);
	assert_int_equal(coap_carrier_szx(&bert, 4), 4);
	assert_int_equal(coap_carrier_szx(&plain, 6), 6);
	assert_int_equal(coap_carrier_part_max(&bert, COAP_BLOCK_SZX_BERT, 512), 8192);
	assert_int_equal(coap_carrier_part_max(&bert, COAP_BLOCK_SZX_BERT, 513), 7168);
	assert_int_equal(coap_carrier_part_max(&plain, COAP_BLOCK_SZX_BERT, 60), 1024);
	assert_int_equal(coap_carrier_part_max(&bert, 6, 0), 1024);
}

/* Figure 13: three blocks of 3072, 5120 and 4711 bytes. */
static void bert_numbers_count_in_kilobytes(void **state)
{
	struct coap_block b;
	(void)state;
	assert_false(coap_block_parse(0x0f, &b));
	assert_true(coap_block_parse_bert(3 << 4 | 8 | 7, &b));
	assert_int_equal(coap_block_offset(b), 3072);
	assert_true(
		b.has_more && coap_block_is_full(b, 5120) && !coap_block_is_full(b, 5121) && !coap_block_is_full(b, 0));
	assert_true(coap_block_at(3072 + 5120, COAP_BLOCK_SZX_BERT, &b));
	assert_int_equal(b.number, 8);
	assert_int_equal(coap_block_value(b), 8 << 4 | 7);
	assert_false(coap_block_at(1000, COAP_BLOCK_SZX_BERT, &b));
	assert_false(coap_block_parse_bert(0x1000000, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_carry_a_block_as_long_as_it_fits),
		cmocka_unit_test(a_connection_carries_a_whole_body_as_far_as_the_peer_takes_it),
		cmocka_unit_test(blocks_shrink_until_they_fit),
		cmocka_unit_test(bert_fills_the_message_with_whole_kilobytes),
		cmocka_unit_test(bert_numbers_count_in_kilobytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
