/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/congestion.h"

#include "coap/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- a path in miniature: a bottleneck with a queue, a delay, and losses; time goes by the millisecond ---- */

#define FLOWS     3
#define ON_WAY    20000
#define DELAY_MAX 400

struct parcel {
	msec at;
	int flow;
	bool is_lost;
	struct coap_congestion_stamp stamp;
};

struct path {
	uint32_t packets_per_second, queue_ms, loss_permille;
	msec round_trip;
	struct prng prng;
	double free_at; /* when the bottleneck has sent what it has taken */
	struct parcel parcels[ON_WAY];
	size_t first, count;
	msec longest_queue;
	uint32_t dropped;
};

static struct path path;
static struct coap_congestion flows[FLOWS];
static uint32_t delivered[FLOWS], sent[FLOWS];

static void lay(uint32_t packets_per_second, msec round_trip, uint32_t queue_ms, uint32_t loss_permille)
{
	memset(&path, 0, sizeof path);
	memset(delivered, 0, sizeof delivered);
	memset(sent, 0, sizeof sent);
	path.packets_per_second = packets_per_second;
	path.round_trip = round_trip;
	path.queue_ms = queue_ms;
	path.loss_permille = loss_permille;
	prng_init_number(&path.prng, 7);
}

/* A packet that is lost shows as such a quarter round trip after its answer would have come. */
static void send_one(int flow, msec now)
{
	struct parcel *p = &path.parcels[(path.first + path.count) % ON_WAY];
	double queue;
	assert_true(path.count < ON_WAY);
	if (path.free_at < (double)now)
		path.free_at = (double)now;
	queue = path.free_at - (double)now;
	*p = (struct parcel){.flow = flow, .is_lost = prng_below(&path.prng, 1000) < path.loss_permille};
	if (queue > path.queue_ms) {
		p->is_lost = true;
		path.dropped++;
	} else if (!p->is_lost) {
		path.free_at += 1000.0 / path.packets_per_second;
		if ((msec)queue > path.longest_queue)
			path.longest_queue = (msec)queue;
	}
	p->at = (msec)path.free_at + path.round_trip;
	coap_congestion_sent(&flows[flow], now, &p->stamp);
	sent[flow]++;
	path.count++;
}

static void arrive(msec now)
{
	while (path.count > 0 && path.parcels[path.first].at <= now) {
		struct parcel p = path.parcels[path.first];
		path.first = (path.first + 1) % ON_WAY;
		path.count--;
		if (p.is_lost) {
			coap_congestion_lost(&flows[p.flow]);
			continue;
		}
		delivered[p.flow]++;
		coap_congestion_delivered(&flows[p.flow], &p.stamp, now - p.stamp.sent_at, now);
	}
}

/* Flow i begins at `begins[i]`. What was counted before `counted` is forgotten. */
static void run(int count, const msec *begins, msec counted, msec ends)
{
	for (int i = 0; i < count; i++)
		coap_congestion_init(&flows[i], SECONDS(2), begins[i]);
	for (msec now = 0; now < ends; now++) {
		if (now == counted) {
			memset(delivered, 0, sizeof delivered);
			memset(sent, 0, sizeof sent);
			path.longest_queue = 0;
			path.dropped = 0;
		}
		arrive(now);
		for (int i = 0; i < count; i++)
			while (now >= begins[i] && coap_congestion_may_send(&flows[i], now))
				send_one(i, now);
	}
}

static void run_one(msec counted, msec ends)
{
	msec begins = 1;
	run(1, &begins, counted, ends);
}

/* ---- the path is filled ---- */

static void a_path_is_filled_and_its_queue_stays_short(void **state)
{
	static const struct {
		uint32_t rate;
		msec round_trip;
	} cases[] = {{100, 50}, {1000, 20}, {1000, 200}, {10000, 50}, {20000, 5}, {10000, 200}, {2000, 400}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		lay(cases[i].rate, cases[i].round_trip, 2000, 0);
		run_one(5000, 15000);
		uint32_t share = (uint32_t)((uint64_t)delivered[0] * 100 / ((uint64_t)cases[i].rate * 10));
		if (share < 85 || path.longest_queue > cases[i].round_trip + 50)
			fail_msg("%u packets/s, %d ms: %u %% used, queue %d ms", cases[i].rate,
				(int)cases[i].round_trip, share, (int)path.longest_queue);
	}
}

static void the_first_second_doubles_in_a_round_trip(void **state)
{
	(void)state;
	lay(20000, 100, 200, 0);
	run_one(0, 1001);
	/* 1 + 10 + 20 + 40 ... after nine round trips, and the next 2560 are on their way. */
	assert_in_range(delivered[0], 1 + 10 * 255, 20000);
}

/* ---- losses ---- */

static void losses_of_a_radio_do_not_slow_it_down(void **state)
{
	static const struct {
		uint32_t loss_permille, share;
	} cases[] = {{10, 85}, {20, 85}, {100, 80}, {190, 75}, {400, 55}, {640, 45}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		lay(2000, 50, 500, cases[i].loss_permille);
		run_one(5000, 25000);
		uint32_t share = delivered[0] * 100 / (2000 * 20);
		if (share < cases[i].share)
			fail_msg("%u permille lost: %u %% used", cases[i].loss_permille, share);
	}
}

/* A policer drops what is too much without ever delaying anything: that must not be taken for a radio. */
static void losses_of_a_full_path_are_not_sent_on_top(void **state)
{
	static const uint32_t queues[] = {2, 5, 10};
	(void)state;
	for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
		lay(2000, 50, queues[i], 0);
		run_one(5000, 25000);
		uint32_t share = delivered[0] * 100 / (2000 * 20);
		uint32_t lost = path.dropped * 100 / sent[0];
		if (share < 70 || lost > 20)
			fail_msg("queue of %u ms: %u %% used, %u %% dropped", queues[i], share, lost);
	}
}

/* ---- a change ---- */

static void it_backs_off_when_the_path_becomes_narrow(void **state)
{
	msec begins = 1;
	(void)state;
	lay(10000, 50, 4000, 0);
	coap_congestion_init(&flows[0], SECONDS(2), begins);
	for (msec now = 0; now < 20000; now++) {
		if (now == 5000)
			path.packets_per_second = 1000;
		if (now == 10000)
			path.longest_queue = 0;
		arrive(now);
		while (coap_congestion_may_send(&flows[0], now))
			send_one(0, now);
	}
	assert_in_range(path.longest_queue, 0, 100);
}

/* ---- fairness ---- */

static void flows_share_a_path_fairly(void **state)
{
	static const msec begins[] = {1, 3000, 7000};
	(void)state;
	lay(3000, 50, 500, 0);
	run(3, begins, 30000, 90000);
	uint32_t all = delivered[0] + delivered[1] + delivered[2];
	assert_in_range(all, 3000 * 60 * 85 / 100, 3000 * 60);
	for (int i = 0; i < 3; i++)
		assert_in_range(delivered[i], all / 6, all * 6 / 10);
}

/* ---- silence ---- */

static void before_the_first_answer_one_packet_is_all(void **state)
{
	struct coap_congestion c;
	struct coap_congestion_stamp stamp;
	(void)state;
	coap_congestion_init(&c, SECONDS(2), 0);
	assert_true(coap_congestion_may_send(&c, 0));
	coap_congestion_sent(&c, 0, &stamp);
	assert_false(coap_congestion_may_send(&c, SECONDS(3600)));
	coap_congestion_delivered(&c, &stamp, 40, 40);
	assert_int_equal(coap_congestion_window(&c), COAP_CONGESTION_WINDOW_FIRST + 1);
}

static void silence_ends_in_one_packet_at_a_time_and_an_answer_begins_anew(void **state)
{
	struct coap_congestion c;
	struct coap_congestion_stamp stamp;
	(void)state;
	coap_congestion_init(&c, SECONDS(2), 0);
	coap_congestion_sent(&c, 0, &stamp);
	coap_congestion_delivered(&c, &stamp, 100, 100);
	coap_congestion_sent(&c, 100, &stamp);
	assert_int_equal(coap_congestion_probe(&c), 100 + 100 + 4 * 50);
	coap_congestion_probed(&c, 400);
	assert_int_equal(coap_congestion_probe(&c), 400 + 600);
	coap_congestion_probed(&c, 1000);
	coap_congestion_probed(&c, 2200);
	assert_int_equal(c.phase, COAP_CONGESTION_SILENT);
	assert_int_equal(coap_congestion_window(&c), 1);
	for (int i = 0; i < 20; i++)
		coap_congestion_probed(&c, 3000);
	assert_int_equal(coap_congestion_probe(&c), 3000 + SECONDS(60));
	coap_congestion_delivered(&c, &stamp, 0, 4000);
	assert_int_equal(c.phase, COAP_CONGESTION_START);
	assert_in_range(coap_congestion_window(&c), COAP_CONGESTION_WINDOW_FIRST, COAP_CONGESTION_WINDOW_FIRST + 1);
}

static void a_path_that_reorders_is_given_more_time(void **state)
{
	struct coap_congestion c;
	struct coap_congestion_stamp stamp;
	(void)state;
	coap_congestion_init(&c, SECONDS(2), 0);
	for (int i = 0; i < 50; i++) {
		coap_congestion_sent(&c, 0, &stamp);
		coap_congestion_delivered(&c, &stamp, i == 0 ? 60 : 80, 80);
		if (i == 0) /* nothing is known yet about how much the round trip varies */
			assert_int_equal(coap_congestion_overtaken(&c, 1000), 1000 + 60 + 4 * 30);
	}
	msec least = coap_congestion_overtaken(&c, 1000);
	assert_in_range(least, 1000 + 70 + 7, 1000 + 80 + 25);
	coap_congestion_mistaken(&c);
	coap_congestion_mistaken(&c);
	coap_congestion_mistaken(&c);
	assert_true(coap_congestion_overtaken(&c, 1000) > least);
	for (int i = 0; i < 100; i++)
		coap_congestion_mistaken(&c);
	assert_in_range(coap_congestion_overtaken(&c, 1000), 1000 + 70 + 135, 1000 + 80 + 140);
}

/* A user with little to send learns nothing about what the path could carry, and forgets nothing either. */
static void having_nothing_to_send_is_no_measurement(void **state)
{
	(void)state;
	lay(2000, 50, 500, 0);
	run_one(0, 5000);
	uint64_t rate = flows[0].rate;
	for (msec now = 5000; now < 9000; now++) {
		arrive(now);
		if (now % 20 == 0 && coap_congestion_may_send(&flows[0], now))
			send_one(0, now);
		coap_congestion_starved(&flows[0]);
	}
	assert_in_range(flows[0].rate, rate * 8 / 10, rate * 12 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_filled_and_its_queue_stays_short),
		cmocka_unit_test(the_first_second_doubles_in_a_round_trip),
		cmocka_unit_test(losses_of_a_radio_do_not_slow_it_down),
		cmocka_unit_test(losses_of_a_full_path_are_not_sent_on_top),
		cmocka_unit_test(it_backs_off_when_the_path_becomes_narrow),
		cmocka_unit_test(flows_share_a_path_fairly),
		cmocka_unit_test(before_the_first_answer_one_packet_is_all),
		cmocka_unit_test(silence_ends_in_one_packet_at_a_time_and_an_answer_begins_anew),
		cmocka_unit_test(a_path_that_reorders_is_given_more_time),
		cmocka_unit_test(having_nothing_to_send_is_no_measurement),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
