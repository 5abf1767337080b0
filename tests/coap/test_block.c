/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RFC 7959 section 2.2; the values of the faults that others had (0xfffff6, 0xffffff) among them. */
static void values_are_read_and_written(void **state)
{
	static const struct {
		uint32_t value, number;
		bool has_more;
		uint32_t size;
		uint64_t offset;
	} cases[] = {
		{0x00, 0, false, 16, 0},
		{0x08, 0, true, 16, 0},
		{0x02, 0, false, 64, 0},
		{0x0a, 0, true, 64, 0},
		{0x32, 3, false, 64, 192},
		{0x0e, 0, true, 1024, 0},
		{0xfe, 15, true, 1024, 15360},
		{0x0106, 16, false, 1024, 16384},
		{0x04f6, 79, false, 1024, 80896},
		{0x01000e, 4096, true, 1024, 4194304},
		{0xfffff6, 1048575, false, 1024, UINT64_C(1073740800)},
		{0xfffff0, 1048575, false, 16, 16777200},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_block b;
		assert_true(coap_block_parse(cases[i].value, &b));
		assert_int_equal(b.number, cases[i].number);
		assert_int_equal(b.has_more, cases[i].has_more);
		assert_int_equal(coap_block_size(b.szx), cases[i].size);
		assert_true(coap_block_offset(b) == cases[i].offset);
		assert_int_equal(coap_block_value(b), cases[i].value);
	}
}

static void reserved_and_overlong_values_are_refused(void **state)
{
	static const uint64_t cases[] = {0x07, 0x0f, 0xffffff, 0xfffff7, 0x1000000, 0xffffffff, UINT64_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_block b;
		assert_false(coap_block_parse(cases[i], &b));
	}
}

static void a_size_gives_the_largest_exponent_within_it(void **state)
{
	static const struct {
		uint32_t size;
		uint8_t szx;
	} cases[] = {{0, 0}, {15, 0}, {16, 0}, {31, 0}, {32, 1}, {1023, 5}, {1024, 6}, {2048, 6}, {UINT32_MAX, 6}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(coap_block_szx_of(cases[i].size), cases[i].szx);
}

static void offsets_have_a_block_up_to_two_to_the_twenty(void **state)
{
	static const struct {
		uint64_t offset;
		uint8_t szx;
		bool exists;
		uint32_t number;
	} cases[] = {
		{0, 6, true, 0},
		{1024, 6, true, 1},
		{1024, 0, true, 64},
		{1000, 6, false, 0},
		{UINT64_C(1073740800), 6, true, 1048575},
		{UINT64_C(1073741824), 6, false, 0},
		{16777216, 0, false, 0},
		{UINT64_C(1) << 63, 6, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_block b = {0, false, 0};
		assert_int_equal(coap_block_at(cases[i].offset, cases[i].szx, &b), cases[i].exists);
		assert_int_equal(b.number, cases[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_and_written),
		cmocka_unit_test(reserved_and_overlong_values_are_refused),
		cmocka_unit_test(a_size_gives_the_largest_exponent_within_it),
		cmocka_unit_test(offsets_have_a_block_up_to_two_to_the_twenty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
