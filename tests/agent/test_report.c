/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define USUAL SECONDS(5)

static struct report_attributes attributes[4];
static struct report_observation observations[3];
static struct report report;
static const struct attributes plain; /* of an observation that came with none */
static const struct handle first = {0, 1}, second = {1, 1}, third = {2, 1}, fourth = {3, 1};

static int fresh(void **state)
{
	(void)state;
	report_init(&report, attributes, 4, observations, 3, USUAL);
	return 0;
}

static struct path at(const char *text)
{
	struct path path;
	assert_true(path_parse(bytes_of_text(text), &path));
	return path;
}

static struct report_value number(int64_t n)
{
	return (struct report_value){.hash = (uint64_t)n, .number = value_integer(n)};
}

static struct report_value whole(uint64_t hash)
{
	return (struct report_value){.hash = hash, .number = value_none()};
}

static void set(const char *path, const char *query, msec now)
{
	struct attributes_change change = {.unset = 0};
	assert_true(attributes_read(&change, bytes_of_text(query)));
	assert_true(report_write_attributes(&report, at(path), &change, now));
}

/* Looks at everything that is due at `now`, with this value; says whether the first observation is to be notified. */
static bool look(struct report_value value, msec now)
{
	uint16_t i;
	bool is_sent = false;
	for (int n = 0; n < 10 && report_due(&report, now, &i); n++)
		is_sent = report_look(&report, i, &value, now) || is_sent;
	if (is_sent)
		report_sent(&report, first, &value, now);
	return is_sent;
}

static void an_unchanged_value_is_looked_at_and_not_told(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	assert_true(report_add(&report, first, at("/3/0"), &plain, &v, 0));
	assert_int_equal(report_deadline(&report), USUAL);
	assert_false(look(v, USUAL));
	assert_int_equal(report_deadline(&report), 2 * USUAL);
}

static void a_changed_value_is_told_at_the_next_look(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_true(look(whole(2), USUAL));
	assert_false(look(whole(2), 2 * USUAL));
}

static void pmin_keeps_a_change_back_and_its_end_tells_the_newest(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	set("/3/0", "pmin=20", 0);
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_int_equal(report_deadline(&report), 20000); /* no look before, it could not be told */
	report_touch(&report, at("/3/0/3"), 3000);
	assert_int_equal(report_deadline(&report), 3000);
	assert_false(look(whole(2), 3000));
	assert_int_equal(report_deadline(&report), 20000);
	assert_true(look(whole(3), 20000));
}

static void pmax_tells_even_what_has_not_changed(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	set("/3", "pmax=12", 0);
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_false(look(v, 5000));
	assert_false(look(v, 10000));
	assert_int_equal(report_deadline(&report), 12000);
	assert_true(look(v, 12000));
}

static void a_number_is_told_when_it_crosses_or_steps(void **state)
{
	(void)state;
	struct report_value v = number(40);
	set("/26250/0/5", "gt=50", 0);
	(void)report_add(&report, first, at("/26250/0/5"), &plain, &v, 0);
	assert_false(look(number(48), 5000));
	assert_true(look(number(51), 10000));
	assert_false(look(number(60), 15000));
	assert_true(look(number(49), 20000));
	set("/26250/0/5", "st=5", 20000);
	assert_false(look(number(46), 25000));
	assert_true(look(number(44), 30000));
}

static void the_nearest_level_wins_and_the_servers_defaults_come_last(void **state)
{
	(void)state;
	report_set_defaults(&report, 3, 300, 0);
	set("/3", "pmin=10", 0);
	set("/3/0/13", "pmin=1", 0);
	assert_int_equal(report_attributes_effective(&report, at("/3/0/13")).pmin_s, 1);
	assert_int_equal(report_attributes_effective(&report, at("/3/0/9")).pmin_s, 10);
	assert_int_equal(report_attributes_effective(&report, at("/4/0")).pmin_s, 3);
	assert_int_equal(report_attributes_effective(&report, at("/3/0/13")).pmax_s, 300);
	set("/3/0/13", "pmin", 0);
	assert_int_equal(report_attributes_effective(&report, at("/3/0/13")).pmin_s, 10);
}

static void what_changes_by_events_alone_is_never_sampled(void **state)
{
	(void)state;
	static const uint16_t steady[] = {1, 5};
	struct report_value v = whole(1);
	struct path both[] = {at("/5/0/3"), at("/3/0")};
	report_set_steady(&report, steady, 2);
	(void)report_add(&report, first, at("/5/0"), &plain, &v, 0);
	assert_int_equal(report_deadline(&report), NEVER);
	report_touch(&report, at("/5/0/3"), 100);
	assert_true(look(whole(2), 100));
	assert_int_equal(report_deadline(&report), NEVER);
	set("/5/0", "pmax=60", 100);
	assert_false(look(whole(2), 100));
	assert_int_equal(report_deadline(&report), 100 + SECONDS(60));
	(void)report_add_composite(&report, second, both, 2, &plain, &v, 100);
	assert_int_equal(report_deadline(&report), 100 + USUAL);
}

static void without_a_usual_period_only_what_is_asked_for_wakes(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	report_init(&report, attributes, 4, observations, 3, NEVER);
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_int_equal(report_deadline(&report), NEVER);
	set("/3/0", "pmax=60", 0);
	assert_false(look(whole(1), 0));
	assert_int_equal(report_deadline(&report), SECONDS(60));
	set("/3/0", "epmax=20", 0);
	assert_false(look(whole(1), 0));
	assert_int_equal(report_deadline(&report), SECONDS(20));
	assert_false(look(whole(1), SECONDS(20)));
	assert_int_equal(report_deadline(&report), SECONDS(40));
}

/* Whoever takes a value to be told and cannot send it looks again. */
static void what_could_not_be_sent_is_looked_at_again(void **state)
{
	(void)state;
	uint16_t i;
	struct report_value old = whole(1), new = whole(2);
	report_init(&report, attributes, 4, observations, 3, NEVER);
	(void)report_add(&report, first, at("/3/0"), &plain, &old, 0);
	report_touch(&report, at("/3/0"), 10);
	assert_true(report_due(&report, 10, &i));
	assert_true(report_look(&report, i, &new, 10));
	assert_true(report_deadline(&report) < NEVER);
}

static void an_event_wakes_those_who_watch_it_or_what_contains_it(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	(void)report_add(&report, first, at("/5/0/3"), &plain, &v, 0);
	(void)report_add(&report, second, at("/5"), &plain, &v, 0);
	(void)report_add(&report, third, at("/3/0"), &plain, &v, 0);
	report_touch(&report, at("/5/0"), 100);
	uint16_t i;
	assert_true(report_due(&report, 100, &i));
	assert_true(report_look(&report, i, &(struct report_value){.hash = 2}, 100));
	assert_true(report_due(&report, 100, &i));
	assert_true(report_look(&report, i, &(struct report_value){.hash = 2}, 100));
	assert_false(report_due(&report, 100, &i));
}

static void a_full_table_refuses_and_a_removal_makes_room(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	assert_true(report_add(&report, first, at("/1"), &plain, &v, 0));
	assert_true(report_add(&report, second, at("/3"), &plain, &v, 0));
	assert_true(report_add(&report, third, at("/4"), &plain, &v, 0));
	assert_false(report_add(&report, fourth, at("/5"), &plain, &v, 0));
	assert_true(report_add(&report, first, at("/1"), &plain, &v, 0)); /* the same observer again is no new one */
	report_remove(&report, second);
	report_remove(&report, second);
	assert_true(report_add(&report, fourth, at("/5"), &plain, &v, 0));
	report_clear(&report);
	assert_int_equal(report_deadline(&report), NEVER);
}

static void what_is_told_but_not_yet_sent_is_not_told_twice_at_once(void **state)
{
	(void)state;
	struct report_value v = whole(1), changed = whole(2);
	uint16_t i;
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_true(report_due(&report, USUAL, &i));
	assert_true(report_look(&report, i, &changed, USUAL));
	assert_false(report_due(&report, USUAL, &i));
	assert_int_equal(report_deadline(&report), 2 * USUAL);
}

static struct attributes own(const char *query)
{
	struct attributes_change change = {.unset = 0};
	struct attributes a = {.set = 0};
	assert_true(attributes_read(&change, bytes_of_text(query)));
	attributes_apply(&a, &change);
	return a;
}

static void what_came_with_an_observation_holds_for_it_alone(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	struct attributes slow = own("pmin=60");
	set("/3/0", "pmin=20", 0);
	(void)report_add(&report, first, at("/3/0"), &slow, &v, 0);
	(void)report_add(&report, second, at("/3/0"), &plain, &v, 0);
	report_touch(&report, at("/3/0"), 1000);
	uint16_t i;
	for (int n = 0; n < 2 && report_due(&report, 1000, &i); n++)
		assert_false(report_look(&report, i, &(struct report_value){.hash = 2}, 1000));
	assert_true(report_due(&report, 20000, &i));
	assert_int_equal(i, 1);
	assert_true(report_look(&report, i, &(struct report_value){.hash = 2}, 20000));
	assert_false(report_due(&report, 59999, &i) && i == 0);
	report_remove(&report, second);
	assert_int_equal(report_deadline(&report), 60000);
}

static void an_edge_of_a_boolean_is_told(void **state)
{
	(void)state;
	struct report_value low = {.hash = 1, .number = value_boolean(false)};
	struct report_value high = {.hash = 2, .number = value_boolean(true)};
	set("/1/0/6", "edge=1", 0);
	(void)report_add(&report, first, at("/1/0/6"), &plain, &high, 0);
	assert_false(look(low, 5000));
	(void)report_add(&report, first, at("/1/0/6"), &plain, &low, 6000);
	assert_true(look(high, 11000));
}

static void con_says_which_notifications_are_confirmable(void **state)
{
	(void)state;
	struct report_value v = whole(1);
	struct attributes never = own("con=0");
	(void)report_add(&report, first, at("/3/0"), &plain, &v, 0);
	assert_false(report_confirms(&report, 0, false));
	assert_true(report_confirms(&report, 0, true));
	set("/3", "con=1", 0);
	assert_true(report_confirms(&report, 0, false));
	set("/3/0", "con=0", 0);
	assert_false(report_confirms(&report, 0, true));
	struct path names[] = {at("/1/0/1"), at("/4/0")};
	set("/4", "con=1", 0);
	(void)report_add_composite(&report, second, names, 2, &plain, &v, 0);
	assert_true(report_confirms(&report, 1, false));
	(void)report_add_composite(&report, second, names, 2, &never, &v, 0);
	assert_false(report_confirms(&report, 1, true));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(an_unchanged_value_is_looked_at_and_not_told),
		TEST(a_changed_value_is_told_at_the_next_look),
		TEST(pmin_keeps_a_change_back_and_its_end_tells_the_newest),
		TEST(pmax_tells_even_what_has_not_changed),
		TEST(a_number_is_told_when_it_crosses_or_steps),
		TEST(the_nearest_level_wins_and_the_servers_defaults_come_last),
		TEST(what_changes_by_events_alone_is_never_sampled),
		TEST(without_a_usual_period_only_what_is_asked_for_wakes),
		TEST(what_could_not_be_sent_is_looked_at_again),
		TEST(an_event_wakes_those_who_watch_it_or_what_contains_it),
		TEST(a_full_table_refuses_and_a_removal_makes_room),
		TEST(what_came_with_an_observation_holds_for_it_alone),
		TEST(an_edge_of_a_boolean_is_told),
		TEST(con_says_which_notifications_are_confirmable),
		TEST(what_is_told_but_not_yet_sent_is_not_told_twice_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
