/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The paper's test values: the key is 00 01 .. 0f, and the message of n bytes is 00 01 .. n-1. */
static const struct {
	size_t len;
	uint64_t expected;
} vectors[] = {
	/* 1 */ {0, UINT64_C(0x726fdb47dd0e0e31)},
	/* 2 */ {1, UINT64_C(0x74f839c593dc67fd)},
	/* 3 */ {2, UINT64_C(0x0d6c8009d9a94f5a)},
	/* 4 */ {7, UINT64_C(0xab0200f58b01d137)},
	/* 5 */ {8, UINT64_C(0x93f5f5799a932462)},
	/* 6 */ {15, UINT64_C(0xa129ca6149be45e5)}, /* appendix A of the paper */
};

static void the_values_of_the_paper_come_out(void **state)
{
	uint8_t key[SIPHASH_KEY_BYTES], message[16];
	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = message[i] = i;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		assert_int_equal(siphash(key, bytes_of(message, vectors[i].len)), vectors[i].expected);
}

static void every_bit_of_key_and_message_matters(void **state)
{
	uint8_t key[SIPHASH_KEY_BYTES] = {1, 2, 3}, message[21] = {4, 5, 6};
	uint64_t first = siphash(key, bytes_of(message, sizeof message));
	(void)state;
	for (unsigned bit = 0; bit < 8 * sizeof key; bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(siphash(key, bytes_of(message, sizeof message)), first);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (unsigned bit = 0; bit < 8 * sizeof message; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(siphash(key, bytes_of(message, sizeof message)), first);
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_values_of_the_paper_come_out),
		cmocka_unit_test(every_bit_of_key_and_message_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
