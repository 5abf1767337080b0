/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 3
#define START    SECONDS(100000)

struct table {
	struct coap_verify v;
	void *memory;
};

static void make(struct table *x, uint32_t capacity)
{
	struct prng prng;
	prng_init_number(&prng, 7);
	x->memory = aligned_alloc(64, coap_verify_memory(capacity));
	coap_verify_init(&x->v, x->memory, capacity, &prng);
}

static struct coap_remote host(uint8_t number)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, number, 5683), HANDLE_NONE};
}

static bool is_good(struct table *x, const struct coap_remote *remote, const uint8_t *value, msec now)
{
	msec age;
	return coap_verify_read(&x->v, remote, bytes_of(value, COAP_VERIFY_ECHO_BYTES), now, &age);
}

static void a_value_is_good_for_its_remote_and_its_time_only(void **state)
{
	struct table x;
	uint8_t value[COAP_VERIFY_ECHO_BYTES];
	struct coap_remote one = host(1), two = host(2), other_port = host(1), secure = {one.address, {3, 1}};
	(void)state;
	make(&x, CAPACITY);
	other_port.address.port++;
	coap_verify_make(&x.v, &one, START, value);
	assert_true(is_good(&x, &one, value, START));
	assert_true(is_good(&x, &one, value, START + COAP_VERIFY_ECHO_LIFETIME - SECONDS(3)));
	assert_false(is_good(&x, &one, value, START + COAP_VERIFY_ECHO_LIFETIME));
	assert_false(is_good(&x, &one, value, START + 256 * 1024)); /* its first byte would be this moment's */
	assert_false(is_good(&x, &one, value, START - SECONDS(2))); /* from the future */
	assert_false(is_good(&x, &two, value, START));
	assert_false(is_good(&x, &other_port, value, START));
	assert_false(is_good(&x, &secure, value, START));
	free(x.memory);
}

static void a_value_with_any_bit_changed_or_of_another_length_is_not_good(void **state)
{
	struct table x;
	uint8_t value[COAP_VERIFY_ECHO_BYTES + 1] = {0};
	struct coap_remote one = host(1);
	msec age;
	(void)state;
	make(&x, CAPACITY);
	coap_verify_make(&x.v, &one, START, value);
	for (unsigned bit = 0; bit < 8 * COAP_VERIFY_ECHO_BYTES; bit++) {
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(is_good(&x, &one, value, START));
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len <= sizeof value; len++)
		assert_int_equal(
			coap_verify_read(&x.v, &one, bytes_of(value, len), START, &age), len == COAP_VERIFY_ECHO_BYTES);
	free(x.memory);
}

static void the_age_is_never_told_too_low(void **state)
{
	struct table x;
	uint8_t value[COAP_VERIFY_ECHO_BYTES];
	struct coap_remote one = host(1);
	(void)state;
	make(&x, CAPACITY);
	for (msec made = START; made < START + 1100; made += 111) {
		coap_verify_make(&x.v, &one, made, value);
		for (msec now = made; now < made + SECONDS(200); now += 777) {
			msec age = 0;
			assert_true(coap_verify_read(&x.v, &one, bytes_of(value, sizeof value), now, &age));
			assert_in_range(age, now - made, now - made + 2048);
		}
	}
	free(x.memory);
}

static void a_value_made_in_the_first_moments_of_the_clock_is_good(void **state)
{
	struct table x;
	uint8_t value[COAP_VERIFY_ECHO_BYTES], late[COAP_VERIFY_ECHO_BYTES] = {0xff};
	struct coap_remote one = host(1);
	(void)state;
	make(&x, CAPACITY);
	coap_verify_make(&x.v, &one, 0, value);
	assert_true(is_good(&x, &one, value, 0));
	assert_false(is_good(&x, &one, late, 0));
	free(x.memory);
}

static void a_confirmed_remote_is_known_until_its_time_is_over(void **state)
{
	struct table x;
	struct coap_remote one = host(1), two = host(2);
	(void)state;
	make(&x, CAPACITY);
	assert_false(coap_verify_knows(&x.v, &one, START));
	coap_verify_confirm(&x.v, &one, START);
	assert_true(coap_verify_knows(&x.v, &one, START + COAP_VERIFY_LIFETIME - 1));
	assert_false(coap_verify_knows(&x.v, &two, START));
	assert_false(coap_verify_knows(&x.v, &one, START + COAP_VERIFY_LIFETIME));
	assert_int_equal(coap_verify_count(&x.v), 0);
	coap_verify_confirm(&x.v, &one, START);
	coap_verify_confirm(&x.v, &one, START + SECONDS(5));
	assert_int_equal(coap_verify_count(&x.v), 1);
	assert_true(coap_verify_knows(&x.v, &one, START + COAP_VERIFY_LIFETIME));
	free(x.memory);
}

static void a_full_table_forgets_the_one_that_was_used_least_of_late(void **state)
{
	struct table x;
	(void)state;
	make(&x, CAPACITY);
	for (uint8_t i = 1; i <= CAPACITY; i++)
		coap_verify_confirm(&x.v, &(struct coap_remote){host(i).address, HANDLE_NONE}, START);
	struct coap_remote one = host(1), two = host(2), three = host(3), four = host(4);
	assert_true(coap_verify_knows(&x.v, &one, START + 1));
	coap_verify_confirm(&x.v, &four, START + 2);
	assert_int_equal(coap_verify_count(&x.v), CAPACITY);
	assert_true(coap_verify_knows(&x.v, &one, START + 3));
	assert_false(coap_verify_knows(&x.v, &two, START + 3));
	assert_true(coap_verify_knows(&x.v, &three, START + 3));
	assert_true(coap_verify_knows(&x.v, &four, START + 3));
	free(x.memory);
}

static void a_table_without_room_knows_nobody_but_still_reads_values(void **state)
{
	struct table x;
	uint8_t value[COAP_VERIFY_ECHO_BYTES];
	struct coap_remote one = host(1);
	(void)state;
	make(&x, 0);
	coap_verify_confirm(&x.v, &one, START);
	assert_false(coap_verify_knows(&x.v, &one, START));
	coap_verify_make(&x.v, &one, START, value);
	assert_true(is_good(&x, &one, value, START));
	free(x.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_good_for_its_remote_and_its_time_only),
		cmocka_unit_test(a_value_with_any_bit_changed_or_of_another_length_is_not_good),
		cmocka_unit_test(the_age_is_never_told_too_low),
		cmocka_unit_test(a_value_made_in_the_first_moments_of_the_clock_is_good),
		cmocka_unit_test(a_confirmed_remote_is_known_until_its_time_is_over),
		cmocka_unit_test(a_full_table_forgets_the_one_that_was_used_least_of_late),
		cmocka_unit_test(a_table_without_room_knows_nobody_but_still_reads_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
