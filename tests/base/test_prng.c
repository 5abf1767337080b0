/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/prng.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ChaCha20 with a zero key, nonce and counter: the second half of the first block is what is handed out first
 * (RFC 8439 appendix A.1, test vector 1). */
static void the_stream_is_that_of_chacha20(void **state)
{
	(void)state;
	static const uint8_t zero_seed[PRNG_SEED_BYTES];
	uint8_t expected[32], drawn[32];
	from_hex("da41597c5157488d7724e03fb8d84a37 6a43b8f41518a11cc387b669b2ee6586", expected, sizeof expected);
	struct prng p;
	prng_init(&p, zero_seed);
	prng_fill(&p, drawn, sizeof drawn);
	assert_memory_equal(drawn, expected, sizeof expected);
}

static void the_same_seed_gives_the_same_stream_however_it_is_cut(void **state)
{
	(void)state;
	uint8_t whole[1000], pieces[1000];
	struct prng a, b;
	prng_init_number(&a, 42);
	prng_init_number(&b, 42);
	prng_fill(&a, whole, sizeof whole);
	for (size_t at = 0, step = 0; at < sizeof pieces; at += step) {
		step = step % 67 + 1;
		if (step > sizeof pieces - at)
			step = sizeof pieces - at;
		prng_fill(&b, pieces + at, step);
	}
	assert_memory_equal(whole, pieces, sizeof whole);
}

static void other_seeds_give_other_streams(void **state)
{
	(void)state;
	uint64_t first[100];
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct prng p;
		prng_init_number(&p, seed);
		first[seed] = prng_u64(&p);
		for (uint64_t earlier = 0; earlier < seed; earlier++)
			assert_true(first[earlier] != first[seed]);
	}
}

/* RFC 7252 section 11.4 wants tokens that do not repeat by chance; 10^5 of 64 bits must not (libcoap CVE-2021-34430).
 */
static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void a_hundred_thousand_tokens_have_no_repeat(void **state)
{
	(void)state;
	static uint64_t tokens[100000];
	struct prng p;
	prng_init_number(&p, 1);
	for (size_t i = 0; i < 100000; i++)
		tokens[i] = prng_u64(&p);
	qsort(tokens, 100000, sizeof tokens[0], compare);
	for (size_t i = 1; i < 100000; i++)
		assert_true(tokens[i] != tokens[i - 1]);
}

static void bounded_numbers_are_spread_evenly_below_the_bound(void **state)
{
	(void)state;
	unsigned counts[10] = {0};
	struct prng p;
	prng_init_number(&p, 2);
	for (int i = 0; i < 10000; i++) {
		uint32_t drawn = prng_below(&p, 10);
		assert_true(drawn < 10);
		counts[drawn]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(counts[i], 850, 1150);
	assert_int_equal(prng_below(&p, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(prng_below(&p, 0x80000001u) <= 0x80000000u);
}

static void every_bit_is_set_half_of_the_time(void **state)
{
	(void)state;
	unsigned set[64] = {0};
	struct prng p;
	prng_init_number(&p, 3);
	for (int i = 0; i < 4096; i++) {
		uint64_t drawn = prng_u64(&p);
		for (int bit = 0; bit < 64; bit++)
			set[bit] += (unsigned)(drawn >> bit & 1);
	}
	for (int bit = 0; bit < 64; bit++)
		assert_in_range(set[bit], 1848, 2248);
}

/* Whoever reads the memory later must not learn what was drawn before. */
static void what_was_handed_out_is_no_longer_in_memory(void **state)
{
	(void)state;
	struct prng p;
	uint8_t drawn[8];
	prng_init_number(&p, 4);
	prng_fill(&p, drawn, sizeof drawn);
	const uint8_t *memory = (const uint8_t *)&p;
	for (size_t at = 0; at + sizeof drawn <= sizeof p; at++)
		assert_true(memcmp(memory + at, drawn, sizeof drawn) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_is_that_of_chacha20),
		cmocka_unit_test(the_same_seed_gives_the_same_stream_however_it_is_cut),
		cmocka_unit_test(other_seeds_give_other_streams),
		cmocka_unit_test(a_hundred_thousand_tokens_have_no_repeat),
		cmocka_unit_test(bounded_numbers_are_spread_evenly_below_the_bound),
		cmocka_unit_test(every_bit_is_set_half_of_the_time),
		cmocka_unit_test(what_was_handed_out_is_no_longer_in_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
