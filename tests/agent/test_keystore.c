/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/keystore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW   INT64_C(1800000000)
#define LATER (NOW + 86400)

static struct keystore_choice choice;

static int set_up(void **state)
{
	(void)state;
	choice = (struct keystore_choice){.current_until = LATER};
	return 0;
}

static enum keystore_slot attempt(bool succeeds, int64_t wall_s)
{
	enum keystore_slot slot = keystore_choose(&choice, wall_s);
	if (succeeds)
		(void)keystore_succeeded(&choice);
	else
		keystore_failed(&choice);
	return slot;
}

static void a_device_fresh_from_the_factory_uses_what_it_came_with(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(attempt(i % 3 == 0, NOW), KEYSTORE_FACTORY);
}

static void the_next_one_becomes_the_one_in_use_when_it_gets_through(void **state)
{
	(void)state;
	choice.has_current = true;
	keystore_added(&choice);
	assert_int_equal(keystore_choose(&choice, NOW), KEYSTORE_NEXT);
	assert_int_equal(keystore_succeeded(&choice), KEYSTORE_PROMOTE);
	assert_int_equal(keystore_choose(&choice, NOW), KEYSTORE_CURRENT);
	assert_int_equal(keystore_succeeded(&choice), KEYSTORE_SAME);
}

static void a_bad_next_one_takes_turns_and_is_thrown_away(void **state)
{
	(void)state;
	choice.has_current = true;
	keystore_added(&choice);
	for (unsigned i = 0; i < KEYSTORE_NEXT_FAILURES_MAX; i++) {
		assert_int_equal(attempt(false, NOW), KEYSTORE_NEXT);
		assert_int_equal(keystore_choose(&choice, NOW), KEYSTORE_CURRENT);
		assert_int_equal(keystore_succeeded(&choice),
			i + 1 < KEYSTORE_NEXT_FAILURES_MAX ? KEYSTORE_SAME : KEYSTORE_DISCARD);
	}
	assert_int_equal(keystore_choose(&choice, NOW), KEYSTORE_CURRENT);
}

/* A server that is down must not cost the device its new certificate. */
static void the_next_one_outlives_a_server_that_is_down(void **state)
{
	(void)state;
	choice.has_current = true;
	keystore_added(&choice);
	for (int i = 0; i < 50; i++)
		(void)attempt(false, NOW);
	assert_true(choice.has_next);
	while (keystore_choose(&choice, NOW) != KEYSTORE_NEXT)
		keystore_failed(&choice);
	assert_int_equal(keystore_succeeded(&choice), KEYSTORE_PROMOTE);
}

static void the_factorys_is_the_way_back_when_the_one_in_use_fails_again_and_again(void **state)
{
	(void)state;
	choice.has_current = true;
	for (unsigned i = 0; i < KEYSTORE_CURRENT_FAILURES_MAX; i++)
		assert_int_equal(attempt(false, NOW), KEYSTORE_CURRENT);
	assert_int_equal(attempt(false, NOW), KEYSTORE_FACTORY);
	assert_int_equal(attempt(false, NOW), KEYSTORE_CURRENT);
	assert_int_equal(attempt(true, NOW), KEYSTORE_FACTORY);
}

static void a_certificate_that_has_run_out_is_not_tried(void **state)
{
	(void)state;
	choice.has_current = true;
	assert_int_equal(attempt(true, LATER), KEYSTORE_CURRENT);
	assert_int_equal(attempt(true, LATER + 1), KEYSTORE_FACTORY);
}

static void a_clock_in_1970_makes_no_certificate_look_expired(void **state)
{
	(void)state;
	choice.has_current = true;
	assert_int_equal(attempt(true, 0), KEYSTORE_CURRENT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_device_fresh_from_the_factory_uses_what_it_came_with),
		TEST(the_next_one_becomes_the_one_in_use_when_it_gets_through),
		TEST(a_bad_next_one_takes_turns_and_is_thrown_away),
		TEST(the_next_one_outlives_a_server_that_is_down),
		TEST(the_factorys_is_the_way_back_when_the_one_in_use_fails_again_and_again),
		TEST(a_certificate_that_has_run_out_is_not_tried),
		TEST(a_clock_in_1970_makes_no_certificate_look_expired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
