/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/renewal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DAY_S INT64_C(86400)
#define FROM  INT64_C(1800000000)

static struct prng chance;
static struct renewal renewal;
static const struct renewal_credential factory, certificate = {true, FROM, FROM + 90 * DAY_S};

static int set_up(void **state)
{
	static const uint8_t seed[PRNG_SEED_BYTES] = {7};
	(void)state;
	prng_init(&chance, seed);
	renewal_init(&renewal, true, &chance);
	return 0;
}

static void a_device_without_a_certificate_asks_at_once(void **state)
{
	(void)state;
	assert_true(renewal_deadline(&renewal) == NEVER);
	renewal_connected(&renewal, &factory, FROM, 1000);
	assert_true(renewal_due(&renewal, 1000));
	assert_false(renewal_due(&renewal, 1000)); /* once */
}

static void where_nobody_enrols_nothing_is_ever_due(void **state)
{
	(void)state;
	renewal_init(&renewal, false, &chance);
	renewal_connected(&renewal, &factory, FROM, 1000);
	assert_true(renewal_deadline(&renewal) == NEVER);
}

static void a_certificate_is_renewed_at_two_thirds_of_its_life_by_chance_a_little_earlier(void **state)
{
	msec first = 0;
	bool differs = false;
	(void)state;
	for (int i = 0; i < 50; i++) {
		renewal_connected(&renewal, &certificate, FROM + 10 * DAY_S, 0);
		msec at = renewal_deadline(&renewal);
		assert_in_range(at, SECONDS(50 * DAY_S - 90 * DAY_S / 20), SECONDS(50 * DAY_S));
		differs = differs || (i > 0 && at != first);
		first = at;
	}
	assert_true(differs);
}

static void a_device_that_was_off_at_that_time_asks_at_once(void **state)
{
	(void)state;
	renewal_connected(&renewal, &certificate, FROM + 80 * DAY_S, 5);
	assert_true(renewal_due(&renewal, 5));
}

static void with_a_clock_that_is_wrong_it_asks_after_a_day(void **state)
{
	(void)state;
	renewal_connected(&renewal, &certificate, 12345, 0);
	assert_in_range(renewal_deadline(&renewal), SECONDS(DAY_S - DAY_S / 20), SECONDS(DAY_S));
}

static void refusals_are_tried_again_ever_less_often_up_to_a_day(void **state)
{
	msec now = 0;
	(void)state;
	renewal_connected(&renewal, &factory, FROM, now);
	for (int i = 0; i < 12; i++) {
		msec least = SECONDS(3600) << (i < 5 ? i : 4), most = SECONDS(DAY_S);
		assert_true(renewal_due(&renewal, now));
		renewal_refused(&renewal, now);
		msec wait = renewal_deadline(&renewal) - now;
		assert_in_range(wait, least < most ? least : most, most + most / 2);
		now += wait;
	}
}

/* A device that loses its association again and again must not ask each time. */
static void the_back_off_outlives_the_association(void **state)
{
	(void)state;
	renewal_connected(&renewal, &factory, FROM, 0);
	assert_true(renewal_due(&renewal, 0));
	renewal_silent(&renewal, 0);
	msec at = renewal_deadline(&renewal);
	assert_in_range(at, SECONDS(60), SECONDS(90));
	renewal_disconnected(&renewal);
	assert_true(renewal_deadline(&renewal) == NEVER);
	renewal_connected(&renewal, &factory, FROM, 10);
	assert_int_equal(renewal_deadline(&renewal), at);
}

static void a_busy_server_says_when_to_come_again(void **state)
{
	(void)state;
	renewal_connected(&renewal, &factory, FROM, 0);
	assert_true(renewal_due(&renewal, 0));
	renewal_busy(&renewal, 600, 0);
	assert_in_range(renewal_deadline(&renewal), SECONDS(600), SECONDS(660));
	renewal_busy(&renewal, 0, 0);
	assert_in_range(renewal_deadline(&renewal), SECONDS(5), SECONDS(6));
	renewal_busy(&renewal, UINT32_MAX, 0);
	assert_in_range(renewal_deadline(&renewal), SECONDS(DAY_S), SECONDS(DAY_S) + SECONDS(DAY_S) / 10);
}

/* Should the new certificate be good for nothing, the next one is an hour away at least. */
static void after_a_new_certificate_none_is_asked_for_soon(void **state)
{
	(void)state;
	renewal_connected(&renewal, &factory, FROM, 0);
	assert_true(renewal_due(&renewal, 0));
	renewal_done(&renewal, 0);
	renewal_connected(&renewal, &factory, FROM, 1);
	assert_true(renewal_deadline(&renewal) >= SECONDS(3600));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_device_without_a_certificate_asks_at_once),
		TEST(where_nobody_enrols_nothing_is_ever_due),
		TEST(a_certificate_is_renewed_at_two_thirds_of_its_life_by_chance_a_little_earlier),
		TEST(a_device_that_was_off_at_that_time_asks_at_once),
		TEST(with_a_clock_that_is_wrong_it_asks_after_a_day),
		TEST(refusals_are_tried_again_ever_less_often_up_to_a_day),
		TEST(the_back_off_outlives_the_association),
		TEST(a_busy_server_says_when_to_come_again),
		TEST(after_a_new_certificate_none_is_asked_for_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
