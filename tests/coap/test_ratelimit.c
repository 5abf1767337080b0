/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct box {
	struct coap_ratelimit r;
	void *memory;
	uint32_t retry_s;
};

static void make(struct box *x, uint32_t peers, uint32_t per_second)
{
	struct prng prng;
	prng_init_number(&prng, 5);
	x->memory = aligned_alloc(64, coap_ratelimit_memory(peers));
	x->retry_s = 77;
	coap_ratelimit_init(&x->r, x->memory, peers, per_second, &prng);
}

static bool take(struct box *x, uint16_t host, uint16_t port, msec now)
{
	struct coap_remote from = {address_ipv4(192, 0, (uint8_t)(host >> 8), (uint8_t)host, port), HANDLE_NONE};
	return coap_ratelimit_take(&x->r, &from, now, &x->retry_s);
}

static void a_burst_passes_and_then_the_rate(void **state)
{
	struct box x;
	(void)state;
	make(&x, 8, 10);
	for (int i = 0; i < 10; i++)
		assert_true(take(&x, 1, 5683, SECONDS(50)));
	assert_false(take(&x, 1, 5683, SECONDS(50)));
	assert_int_equal(x.retry_s, 1);
	assert_false(take(&x, 1, 5683, SECONDS(50) + 99));
	assert_true(take(&x, 1, 5683, SECONDS(50) + 100));
	assert_false(take(&x, 1, 5683, SECONDS(50) + 100));
	int passed = 0;
	for (msec now = SECONDS(51); now < SECONDS(61); now++)
		passed += take(&x, 1, 5683, now);
	assert_in_range(passed, 99, 110);
	free(x.memory);
}

static void a_peer_is_its_address_whatever_the_port_and_none_pays_for_another(void **state)
{
	struct box x;
	(void)state;
	make(&x, 8, 2);
	assert_true(take(&x, 1, 1, 0) && take(&x, 1, 2, 0));
	assert_false(take(&x, 1, 3, 0));
	assert_true(take(&x, 2, 1, 0));
	free(x.memory);
}

static void a_slow_rate_tells_how_long_to_wait(void **state)
{
	struct box x;
	(void)state;
	make(&x, 8, 1);
	assert_true(take(&x, 1, 1, 0));
	assert_false(take(&x, 1, 1, 1));
	assert_int_equal(x.retry_s, 1);
	assert_true(take(&x, 1, 1, SECONDS(1)));
	free(x.memory);
}

static void without_a_rate_everything_passes(void **state)
{
	struct box x;
	(void)state;
	make(&x, 0, 0);
	for (int i = 0; i < 100000; i++)
		assert_true(take(&x, 1, 1, 0));
	assert_int_equal(x.retry_s, 77);
	free(x.memory);
}

/* Strangers do not make the table forget whoever has just used up his allowance. */
static void those_who_used_most_are_forgotten_last(void **state)
{
	struct box x;
	(void)state;
	make(&x, 8, 10);
	for (int i = 0; i < 10; i++)
		(void)take(&x, 1, 1, 1000);
	for (uint16_t host = 2; host < 2000; host++)
		assert_true(take(&x, host, 1, 1000));
	assert_false(take(&x, 1, 1, 1000));
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_passes_and_then_the_rate),
		cmocka_unit_test(a_peer_is_its_address_whatever_the_port_and_none_pays_for_another),
		cmocka_unit_test(a_slow_rate_tells_how_long_to_wait),
		cmocka_unit_test(without_a_rate_everything_passes),
		cmocka_unit_test(those_who_used_most_are_forgotten_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
