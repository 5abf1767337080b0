/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Counts what happens to it, answers every datagram once, and ticks every second. */
struct clockwork {
	struct world_node node;
	int received, ticked;
	msec next;
};

static void receive(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct clockwork *c = context;
	(void)now;
	c->received++;
	if (datagram.len == 1) {
		struct datagram_port port = world_port(&c->node);
		port.send(port.context, from, bytes_of("xx", 2));
	}
}

static msec deadline(void *context)
{
	struct clockwork *c = context;
	return c->next;
}

static void tick(void *context, msec now)
{
	struct clockwork *c = context;
	c->ticked++;
	c->next = now + SECONDS(1);
}

static void join(struct world *w, struct clockwork *c, uint8_t host)
{
	*c = (struct clockwork){.node = {.address = address_ipv4(10, 0, 0, host, 1),
					.context = c,
					.receive = receive,
					.deadline = deadline,
					.tick = tick}};
	c->next = w->now + SECONDS(1);
	world_join(w, &c->node);
}

static void nodes_tick_at_their_deadlines_and_a_day_passes_in_a_moment(void **state)
{
	(void)state;
	struct world w;
	struct clockwork c;
	world_init(&w, 1);
	join(&w, &c, 1);
	msec begun = w.now;
	world_run(&w, SECONDS(24 * 60 * 60));
	assert_int_equal(c.ticked, 24 * 60 * 60);
	assert_int_equal(w.now - begun, SECONDS(24 * 60 * 60));
	world_done(&w);
}

static void datagrams_pass_between_nodes_and_not_to_one_that_has_left(void **state)
{
	(void)state;
	struct world w;
	struct clockwork one, two;
	world_init(&w, 2);
	join(&w, &one, 1);
	join(&w, &two, 2);
	struct datagram_port port = world_port(&one.node);
	port.send(port.context, &two.node.address, bytes_of("x", 1));
	world_run(&w, 10);
	assert_int_equal(two.received, 1);
	assert_int_equal(one.received, 1);
	world_leave(&w, &two.node);
	port.send(port.context, &two.node.address, bytes_of("x", 1));
	world_run(&w, 10);
	assert_int_equal(two.received, 1);
	world_done(&w);
}

static bool has_ticked_thrice(void *context)
{
	struct clockwork *c = context;
	return c->ticked == 3;
}

static void a_run_stops_when_its_condition_holds(void **state)
{
	(void)state;
	struct world w;
	struct clockwork c;
	world_init(&w, 3);
	join(&w, &c, 1);
	msec begun = w.now;
	assert_true(world_run_until(&w, SECONDS(10), has_ticked_thrice, &c));
	assert_int_equal(w.now - begun, SECONDS(3));
	c.ticked = 4;
	assert_false(world_run_until(&w, SECONDS(5), has_ticked_thrice, &c));
	assert_int_equal(w.now - begun, SECONDS(8));
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_tick_at_their_deadlines_and_a_day_passes_in_a_moment),
		cmocka_unit_test(datagrams_pass_between_nodes_and_not_to_one_that_has_left),
		cmocka_unit_test(a_run_stops_when_its_condition_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
