/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct user {
	struct coap_loop loop;
	msec due, began;
	msec ticked[8];
	int ticks, flushes, reads;
	msec steps[8]; /* how far the next deadline lies after each tick */
	int pipe[2];
};

static msec deadline(void *context)
{
	struct user *u = context;
	return u->due;
}

static void tick(void *context, msec now)
{
	struct user *u = context;
	u->ticked[u->ticks] = now;
	u->due = u->steps[u->ticks] == 0 ? NEVER : now + u->steps[u->ticks];
	u->ticks++;
	if (u->due == NEVER)
		coap_loop_stop(&u->loop);
}

static void flush(void *context)
{
	struct user *u = context;
	u->flushes++;
}

static void start(struct user *u)
{
	struct coap_loop_user functions = {u, deadline, tick, flush};
	assert_int_equal(coap_loop_init(&u->loop, &functions), 0);
	u->began = coap_loop_read_clock();
}

static void ticks_come_at_their_deadlines_and_each_turn_flushes(void **state)
{
	struct user u = {.steps = {30, 10, 0}};
	(void)state;
	start(&u);
	u.due = u.began + 20;
	coap_loop_run(&u.loop);
	assert_int_equal(u.ticks, 3);
	assert_in_range(u.ticked[0] - u.began, 20, 500);
	assert_in_range(u.ticked[1] - u.ticked[0], 30, 500);
	assert_in_range(u.ticked[2] - u.ticked[1], 10, 500);
	assert_true(u.flushes >= 3);
	coap_loop_done(&u.loop);
}

static void a_deadline_in_the_past_is_due_at_once(void **state)
{
	struct user u = {.due = -5};
	(void)state;
	start(&u);
	coap_loop_run(&u.loop);
	assert_int_equal(u.ticks, 1);
	coap_loop_done(&u.loop);
}

static void on_readable(void *context, msec now)
{
	struct user *u = context;
	char c;
	assert_int_equal(read(u->pipe[0], &c, 1), 1);
	u->reads++;
	if (c == 'n')
		u->due = now + 10; /* nearer than the timer that is armed */
	if (c == 'f')
		u->due = now + 150; /* farther */
}

static void a_descriptor_wakes_the_loop_and_may_bring_the_deadline_nearer(void **state)
{
	struct user u = {.steps = {0}};
	struct coap_loop_watch watch;
	(void)state;
	start(&u);
	u.due = u.began + SECONDS(100);
	assert_int_equal(pipe(u.pipe), 0);
	assert_int_equal(write(u.pipe[1], "an", 2), 2);
	coap_loop_watch(&u.loop, &watch, u.pipe[0], &u, on_readable);
	coap_loop_run(&u.loop);
	assert_int_equal(u.reads, 2);
	assert_int_equal(u.ticks, 1);
	assert_in_range(u.ticked[0] - u.began, 10, 5000);
	coap_loop_unwatch(&watch);
	coap_loop_done(&u.loop);
	(void)close(u.pipe[0]);
	(void)close(u.pipe[1]);
}

/* How many turns it takes to hear that the deadline has moved from 40 ms to 150 ms, and to get there. */
static int turns_of_a_deadline_that_moves_away(bool saves_wakeups)
{
	struct user u = {.steps = {0}};
	struct coap_loop_watch watch;
	start(&u);
	if (saves_wakeups)
		coap_loop_save_wakeups(&u.loop);
	u.due = u.began + 40;
	assert_int_equal(pipe(u.pipe), 0);
	assert_int_equal(write(u.pipe[1], "f", 1), 1);
	coap_loop_watch(&u.loop, &watch, u.pipe[0], &u, on_readable);
	coap_loop_run(&u.loop);
	assert_int_equal(u.ticks, 1);
	assert_in_range(u.ticked[0] - u.began, 150, 5000);
	coap_loop_unwatch(&watch);
	coap_loop_done(&u.loop);
	(void)close(u.pipe[0]);
	(void)close(u.pipe[1]);
	return u.flushes;
}

static void who_saves_wakeups_is_not_woken_by_a_deadline_that_has_moved_away(void **state)
{
	(void)state;
	int frugal = turns_of_a_deadline_that_moves_away(true), usual = turns_of_a_deadline_that_moves_away(false);
	assert_int_equal(usual - frugal, 1);
}

static void two_seeds_differ(void **state)
{
	uint64_t one = 0, two = 0;
	(void)state;
	assert_int_equal(coap_loop_seed(&one, sizeof one), 0);
	assert_int_equal(coap_loop_seed(&two, sizeof two), 0);
	assert_true(one != two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_come_at_their_deadlines_and_each_turn_flushes),
		cmocka_unit_test(a_deadline_in_the_past_is_due_at_once),
		cmocka_unit_test(a_descriptor_wakes_the_loop_and_may_bring_the_deadline_nearer),
		cmocka_unit_test(who_saves_wakeups_is_not_woken_by_a_deadline_that_has_moved_away),
		cmocka_unit_test(two_seeds_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
