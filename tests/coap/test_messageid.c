/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/messageid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct coap_remote remote_of(uint16_t number)
{
	return (struct coap_remote){address_ipv4(10, 0, (uint8_t)(number >> 8), (uint8_t)number, 5683), HANDLE_NONE};
}

static void no_id_comes_twice_to_a_remote_within_a_turn_of_the_counter(void **state)
{
	static struct coap_message_ids m;
	static uint8_t seen[8192];
	struct prng prng;
	struct coap_remote one = remote_of(1);
	(void)state;
	prng_init_number(&prng, 3);
	coap_message_ids_init(&m, &prng);
	for (int i = 0; i < 65536; i++) {
		uint16_t id = coap_message_ids_next(&m, &one);
		assert_int_equal(seen[id >> 3] >> (id & 7) & 1, 0);
		seen[id >> 3] |= (uint8_t)(1 << (id & 7));
	}
}

static void remotes_and_starts_begin_with_different_ids(void **state)
{
	static struct coap_message_ids one, two;
	struct prng prng;
	int equal = 0, same_start = 0;
	(void)state;
	prng_init_number(&prng, 3);
	coap_message_ids_init(&one, &prng);
	coap_message_ids_init(&two, &prng);
	uint16_t previous = 0;
	for (uint16_t i = 0; i < 500; i++) {
		struct coap_remote remote = remote_of(i);
		uint16_t id = coap_message_ids_next(&one, &remote);
		equal += id == previous;
		same_start += id == coap_message_ids_next(&two, &remote);
		previous = id;
	}
	assert_true(equal <= 2);
	assert_true(same_start <= 2);
}

static void remotes_that_share_a_counter_keep_their_own_ids_apart(void **state)
{
	static struct coap_message_ids m;
	struct prng prng;
	uint16_t last[2000];
	(void)state;
	prng_init_number(&prng, 9);
	coap_message_ids_init(&m, &prng);
	for (int round = 0; round < 3; round++) {
		for (uint16_t i = 0; i < 2000; i++) { /* about two in each bucket */
			struct coap_remote remote = remote_of(i);
			uint16_t id = coap_message_ids_next(&m, &remote);
			if (round > 0)
				assert_in_range((uint16_t)(id - last[i]), 1, 20);
			last[i] = id;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_id_comes_twice_to_a_remote_within_a_turn_of_the_counter),
		cmocka_unit_test(remotes_and_starts_begin_with_different_ids),
		cmocka_unit_test(remotes_that_share_a_counter_keep_their_own_ids_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
