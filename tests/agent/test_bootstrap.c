/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The moments of a bootstrap. What it does to accounts is in test_accounts, the whole of it in test_agent. */
#include "agent/bootstrap.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct bootstrap b;
static struct prng chance;

static int fresh(void **state)
{
	static const struct bootstrap_config config = {SECONDS(90), SECONDS(2), SECONDS(300)};
	(void)state;
	prng_init_number(&chance, 7);
	bootstrap_init(&b, &config, &chance);
	return 0;
}

static void until_receiving(msec now)
{
	bootstrap_begin(&b, 0, 0, now);
	assert_int_equal(bootstrap_due(&b, now), BOOTSTRAP_CONNECT);
	bootstrap_connected(&b, now);
	assert_int_equal(bootstrap_due(&b, now), BOOTSTRAP_SEND_REQUEST);
	assert_int_equal(bootstrap_due(&b, now), BOOTSTRAP_WAIT);
	bootstrap_accepted(&b, now);
}

static void nothing_happens_unless_it_is_begun(void **state)
{
	(void)state;
	assert_true(bootstrap_deadline(&b) == NEVER);
	bootstrap_connected(&b, 0);
	bootstrap_accepted(&b, 0);
	bootstrap_finished(&b, 0);
	bootstrap_failed(&b, 0);
	bootstrap_disconnected(&b, 0);
	assert_int_equal(bootstrap_due(&b, SECONDS(9999)), BOOTSTRAP_WAIT);
}

static void it_holds_off_first(void **state)
{
	(void)state;
	bootstrap_begin(&b, SECONDS(30), 0, 1000);
	assert_int_equal(bootstrap_due(&b, 30999), BOOTSTRAP_WAIT);
	bootstrap_begin(&b, 0, 0, 30999); /* once is enough */
	assert_true(bootstrap_deadline(&b) == 31000);
	assert_int_equal(bootstrap_due(&b, 31000), BOOTSTRAP_CONNECT);
}

static void an_attempt_that_leads_to_nothing_ends_and_is_repeated(void **state)
{
	(void)state;
	bootstrap_begin(&b, 0, 0, 0);
	assert_int_equal(bootstrap_due(&b, 0), BOOTSTRAP_CONNECT);
	assert_true(bootstrap_deadline(&b) == SECONDS(90));
	assert_int_equal(bootstrap_due(&b, SECONDS(90)), BOOTSTRAP_CLOSE);
	assert_in_range(bootstrap_deadline(&b), SECONDS(92), SECONDS(93));
	assert_int_equal(bootstrap_due(&b, SECONDS(93)), BOOTSTRAP_CONNECT);
	bootstrap_disconnected(&b, SECONDS(94));
	assert_in_range(bootstrap_deadline(&b), SECONDS(98), SECONDS(100));
}

/* EXCHANGE_LIFETIME, begun anew with each operation (interface section 4). */
static void a_server_that_falls_silent_has_failed(void **state)
{
	(void)state;
	until_receiving(0);
	bootstrap_heard(&b, SECONDS(200));
	assert_int_equal(bootstrap_due(&b, SECONDS(446)), BOOTSTRAP_WAIT);
	assert_int_equal(bootstrap_due(&b, SECONDS(447)), BOOTSTRAP_CLOSE);
	assert_int_equal(b.state, BOOTSTRAP_WAITING);
}

static void the_answer_to_finish_leaves_before_the_association_ends(void **state)
{
	(void)state;
	until_receiving(0);
	bootstrap_finished(&b, SECONDS(10));
	bootstrap_failed(&b, SECONDS(10)); /* what has been agreed to stays so */
	assert_int_equal(bootstrap_due(&b, SECONDS(13)), BOOTSTRAP_WAIT);
	assert_int_equal(bootstrap_due(&b, SECONDS(14)), BOOTSTRAP_ADOPT);
	assert_int_equal(b.state, BOOTSTRAP_IDLE);
}

static void it_holds_as_well_when_the_server_ends_the_association(void **state)
{
	(void)state;
	until_receiving(0);
	bootstrap_finished(&b, SECONDS(10));
	bootstrap_disconnected(&b, SECONDS(11));
	assert_int_equal(bootstrap_due(&b, SECONDS(11)), BOOTSTRAP_ADOPT);
}

static void a_refusal_closes_and_waits(void **state)
{
	(void)state;
	until_receiving(0);
	bootstrap_failed(&b, SECONDS(1));
	assert_int_equal(bootstrap_due(&b, SECONDS(1)), BOOTSTRAP_CLOSE);
	assert_int_equal(bootstrap_due(&b, SECONDS(1)), BOOTSTRAP_WAIT);
	assert_int_equal(b.state, BOOTSTRAP_WAITING);
}

static void what_need_not_succeed_is_tried_a_few_times_only(void **state)
{
	msec now = 0;
	(void)state;
	bootstrap_begin(&b, 0, 3, now);
	for (unsigned i = 0; i < 3; i++) {
		now = bootstrap_deadline(&b);
		assert_int_equal(bootstrap_due(&b, now), BOOTSTRAP_CONNECT);
		bootstrap_disconnected(&b, now);
	}
	assert_int_equal(b.state, BOOTSTRAP_IDLE);
}

static void stopping_ends_what_stands(void **state)
{
	(void)state;
	bootstrap_begin(&b, SECONDS(5), 0, 0);
	bootstrap_stop(&b);
	assert_int_equal(bootstrap_due(&b, SECONDS(9)), BOOTSTRAP_WAIT);
	until_receiving(SECONDS(10));
	bootstrap_stop(&b);
	assert_int_equal(bootstrap_due(&b, SECONDS(10)), BOOTSTRAP_CLOSE);
	assert_true(bootstrap_deadline(&b) == NEVER);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_happens_unless_it_is_begun),
		TEST(it_holds_off_first),
		TEST(an_attempt_that_leads_to_nothing_ends_and_is_repeated),
		TEST(a_server_that_falls_silent_has_failed),
		TEST(the_answer_to_finish_leaves_before_the_association_ends),
		TEST(it_holds_as_well_when_the_server_ends_the_association),
		TEST(a_refusal_closes_and_waits),
		TEST(what_need_not_succeed_is_tried_a_few_times_only),
		TEST(stopping_ends_what_stands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
