/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct prng chance;
static struct registration r;
static const struct bytes location[] = {{(const uint8_t *)"rd", 2}, {(const uint8_t *)"5a3f", 4}};

static void begin(uint64_t seed)
{
	static const struct register_config config = {
		.lifetime_s = 300, .connect_timeout_ms = 90000, .retry_first_ms = 2000, .retry_max_ms = 60000};
	prng_init_number(&chance, seed);
	register_init(&r, &config, &chance, 0);
}

static void begin_registered(uint64_t seed)
{
	begin(seed);
	assert_int_equal(register_due(&r, 0), REGISTER_CONNECT);
	register_connected(&r, 100);
	assert_int_equal(register_due(&r, 100), REGISTER_SEND_REGISTER);
	assert_true(register_accepted(&r, location, 2, 200));
	assert_true(register_is_registered(&r));
}

static void it_connects_then_registers_and_keeps_the_location(void **state)
{
	(void)state;
	begin_registered(1);
	assert_int_equal(r.location_count, 2);
	assert_true(bytes_equal_text(register_location(&r, 0), "rd"));
	assert_true(bytes_equal_text(register_location(&r, 1), "5a3f"));
	assert_int_equal(register_location(&r, 2).len, 0);
	assert_int_equal(register_due(&r, 201), REGISTER_WAIT);
}

/* Between (lifetime - margin) less a tenth and lifetime - margin; margin is min(lt/2, 93 s). */
static void the_update_goes_out_before_the_lifetime_ends_and_not_in_step_with_others(void **state)
{
	(void)state;
	msec earliest = NEVER, latest = 0;
	for (uint64_t seed = 0; seed < 200; seed++) {
		begin_registered(seed);
		msec after = register_deadline(&r) - 200;
		earliest = after < earliest ? after : earliest;
		latest = after > latest ? after : latest;
		assert_in_range(after, (300000 - 93000) * 9 / 10, 300000 - 93000);
	}
	assert_true(latest - earliest > 10000);
}

static void a_short_lifetime_is_renewed_at_its_half(void **state)
{
	(void)state;
	begin(1);
	r.lifetime_s = 60;
	(void)register_due(&r, 0);
	register_connected(&r, 0);
	(void)register_due(&r, 0);
	assert_true(register_accepted(&r, location, 2, 0));
	assert_in_range(register_deadline(&r), 27000, 30000);
}

static void a_refused_register_is_tried_again_with_growing_pauses(void **state)
{
	(void)state;
	msec now = 0, least = 2000;
	begin(3);
	(void)register_due(&r, now);
	register_connected(&r, now);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(register_due(&r, now), REGISTER_SEND_REGISTER);
		assert_int_equal(register_due(&r, now), REGISTER_WAIT); /* one at a time */
		register_refused(&r, now);
		msec pause = register_deadline(&r) - now;
		assert_in_range(pause, least, least * 3 / 2);
		assert_int_equal(register_due(&r, now + pause - 1), REGISTER_WAIT);
		now += pause;
		least = least * 2 < 60000 ? least * 2 : 60000;
	}
}

static void success_ends_the_back_off(void **state)
{
	(void)state;
	begin(3);
	(void)register_due(&r, 0);
	register_connected(&r, 0);
	for (int i = 0; i < 5; i++) {
		(void)register_due(&r, register_deadline(&r));
		register_refused(&r, 0);
	}
	(void)register_due(&r, register_deadline(&r));
	assert_true(register_accepted(&r, location, 2, 1000));
	register_disconnected(&r, 2000);
	assert_in_range(register_deadline(&r) - 2000, 2000, 3000);
}

static void a_location_that_cannot_be_kept_counts_as_a_refusal(void **state)
{
	(void)state;
	uint8_t text[REGISTER_LOCATION_MAX] = {0};
	struct bytes too_long = bytes_of(text, sizeof text);
	struct bytes five[] = {location[0], location[0], location[0], location[0], location[0]};
	begin(1);
	(void)register_due(&r, 0);
	register_connected(&r, 0);
	(void)register_due(&r, 0);
	assert_false(register_accepted(&r, &too_long, 1, 0));
	assert_false(register_is_registered(&r));
	(void)register_due(&r, register_deadline(&r));
	assert_false(register_accepted(&r, five, 5, 0));
	(void)register_due(&r, register_deadline(&r));
	assert_false(register_accepted(&r, location, 0, 0));
	assert_int_equal(r.state, REGISTER_REGISTERING);
}

/* int-105 */
static void an_update_that_finds_nothing_leads_to_a_register_at_once(void **state)
{
	(void)state;
	begin_registered(1);
	register_trigger(&r, 5000);
	assert_int_equal(register_due(&r, 5000), REGISTER_SEND_UPDATE);
	register_forgotten(&r, 5100);
	assert_int_equal(register_due(&r, 5100), REGISTER_SEND_REGISTER);
}

static void silence_closes_the_association_and_begins_a_new_one(void **state)
{
	(void)state;
	begin_registered(1);
	register_trigger(&r, 5000);
	assert_int_equal(register_due(&r, 5000), REGISTER_SEND_UPDATE);
	register_silent(&r, 98000);
	assert_true(register_deadline(&r) <= 98000);
	assert_int_equal(register_due(&r, 98000), REGISTER_CLOSE);
	assert_int_equal(register_due(&r, 98000), REGISTER_WAIT);
	msec at = register_deadline(&r);
	assert_in_range(at - 98000, 2000, 3000);
	assert_int_equal(register_due(&r, at), REGISTER_CONNECT);
	register_connected(&r, at + 50);
	assert_int_equal(register_due(&r, at + 50), REGISTER_SEND_REGISTER);
}

static void a_handshake_that_never_ends_is_given_up(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(register_due(&r, 0), REGISTER_CONNECT);
	assert_int_equal(register_deadline(&r), 90000);
	assert_int_equal(register_due(&r, 90000), REGISTER_CLOSE);
	assert_int_equal(r.state, REGISTER_OFFLINE);
	assert_true(register_deadline(&r) > 90000);
}

/* int-102 */
static void a_new_lifetime_is_told_at_once_and_only_until_it_has_been_heard(void **state)
{
	(void)state;
	begin_registered(1);
	register_set_lifetime(&r, 600, 1000);
	assert_int_equal(register_due(&r, 1000), REGISTER_SEND_UPDATE);
	assert_true(r.tells_lifetime);
	register_updated(&r, 1100);
	assert_false(r.tells_lifetime);
	assert_in_range(register_deadline(&r) - 1100, (600000 - 93000) * 9 / 10, 600000 - 93000);
	register_set_lifetime(&r, 600, 1200);
	assert_int_equal(register_due(&r, 1200), REGISTER_WAIT);
}

static void a_change_during_an_update_is_told_by_another_one(void **state)
{
	(void)state;
	begin_registered(1);
	register_trigger(&r, 1000);
	assert_int_equal(register_due(&r, 1000), REGISTER_SEND_UPDATE);
	register_set_lifetime(&r, 600, 1050);
	assert_int_equal(register_due(&r, 1050), REGISTER_WAIT);
	register_updated(&r, 1100);
	assert_int_equal(register_due(&r, 1100), REGISTER_SEND_UPDATE);
	assert_true(r.tells_lifetime);
	register_updated(&r, 1200);
	assert_int_equal(register_due(&r, 1200), REGISTER_WAIT);
}

/* int-103 */
static void disable_answers_leaves_is_silent_and_comes_back(void **state)
{
	(void)state;
	begin_registered(1);
	register_disable(&r, 60000, 1000);
	assert_int_equal(register_due(&r, 1999), REGISTER_WAIT);
	assert_int_equal(register_due(&r, 2000), REGISTER_SEND_DEREGISTER);
	register_left(&r, 2100);
	assert_int_equal(register_due(&r, 2100), REGISTER_CLOSE);
	assert_int_equal(register_due(&r, 60999), REGISTER_WAIT);
	assert_int_equal(register_due(&r, 61000), REGISTER_CONNECT);
}

static void stopping_deregisters_and_ends_even_when_the_server_is_silent(void **state)
{
	(void)state;
	begin_registered(1);
	register_stop(&r, 1000);
	assert_int_equal(register_due(&r, 1000), REGISTER_SEND_DEREGISTER);
	register_silent(&r, 9000);
	assert_int_equal(register_due(&r, 9000), REGISTER_CLOSE);
	assert_int_equal(r.state, REGISTER_STOPPED);
	assert_int_equal(register_deadline(&r), NEVER);
}

static void stopping_before_anything_stands_needs_no_goodbye(void **state)
{
	(void)state;
	begin(1);
	(void)register_due(&r, 0);
	register_stop(&r, 10);
	assert_int_equal(register_due(&r, 10), REGISTER_CLOSE);
	assert_int_equal(r.state, REGISTER_STOPPED);
	begin(1);
	register_stop(&r, 10);
	assert_int_equal(r.state, REGISTER_STOPPED);
	assert_int_equal(register_due(&r, 10), REGISTER_WAIT);
}

static void what_comes_late_changes_nothing(void **state)
{
	(void)state;
	begin(1);
	register_connected(&r, 0);
	register_updated(&r, 0);
	register_forgotten(&r, 0);
	register_refused(&r, 0);
	register_left(&r, 0);
	register_silent(&r, 0);
	assert_int_equal(r.state, REGISTER_OFFLINE);
	assert_int_equal(register_due(&r, 0), REGISTER_CONNECT);
	assert_true(register_accepted(&r, location, 2, 0));
	assert_int_equal(r.state, REGISTER_CONNECTING);
}

/* Interface section 3.4: with five attempts and a timer of 60 s they begin at 0, 60, 180, 420 and 900 s, or by chance
 * up to half of each wait later. */
static void a_server_may_say_how_often_and_how_far_apart_it_is_tried(void **state)
{
	static const struct register_config config = {.lifetime_s = 300,
		.connect_timeout_ms = 90000,
		.retry_first_ms = SECONDS(60),
		.retry_max_ms = SECONDS(86400),
		.initial_delay_ms = SECONDS(7),
		.attempts = 5,
		.sequences = 2,
		.sequence_delay_ms = SECONDS(4000)};
	static const msec waits_s[] = {60, 120, 240, 480, 4000, 60, 120, 240, 480, 4000, 60};
	msec now = 0;
	(void)state;
	prng_init_number(&chance, 3);
	register_init(&r, &config, &chance, now);
	assert_int_equal(register_deadline(&r), SECONDS(7));
	for (unsigned i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
		now = register_deadline(&r);
		assert_int_equal(register_has_failed(&r), i >= 10);
		assert_int_equal(register_due(&r, now), REGISTER_CONNECT);
		register_disconnected(&r, now);
		assert_in_range(register_deadline(&r) - now, SECONDS(waits_s[i]), SECONDS(waits_s[i]) * 3 / 2);
	}
	assert_int_equal(register_due(&r, register_deadline(&r)), REGISTER_CONNECT);
	register_connected(&r, now);
	assert_int_equal(register_due(&r, now), REGISTER_SEND_REGISTER);
	const struct bytes rd = bytes_of_text("x");
	assert_true(register_accepted(&r, &rd, 1, now));
	assert_false(register_has_failed(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_connects_then_registers_and_keeps_the_location),
		cmocka_unit_test(the_update_goes_out_before_the_lifetime_ends_and_not_in_step_with_others),
		cmocka_unit_test(a_short_lifetime_is_renewed_at_its_half),
		cmocka_unit_test(a_refused_register_is_tried_again_with_growing_pauses),
		cmocka_unit_test(success_ends_the_back_off),
		cmocka_unit_test(a_location_that_cannot_be_kept_counts_as_a_refusal),
		cmocka_unit_test(an_update_that_finds_nothing_leads_to_a_register_at_once),
		cmocka_unit_test(silence_closes_the_association_and_begins_a_new_one),
		cmocka_unit_test(a_handshake_that_never_ends_is_given_up),
		cmocka_unit_test(a_new_lifetime_is_told_at_once_and_only_until_it_has_been_heard),
		cmocka_unit_test(a_change_during_an_update_is_told_by_another_one),
		cmocka_unit_test(disable_answers_leaves_is_silent_and_comes_back),
		cmocka_unit_test(stopping_deregisters_and_ends_even_when_the_server_is_silent),
		cmocka_unit_test(stopping_before_anything_stands_needs_no_goodbye),
		cmocka_unit_test(what_comes_late_changes_nothing),
		cmocka_unit_test(a_server_may_say_how_often_and_how_far_apart_it_is_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
