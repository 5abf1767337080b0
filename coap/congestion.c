/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * All shares and counts that need fractions are in 1/1024 (UNIT). Moments are whole milliseconds, which is coarse on a
 * fast path: rounds therefore last at least ROUND_MIN_MS, the pacing gives several packets at once, and a few
 * milliseconds of queue are always allowed. */
#include "coap/congestion.h"

#include <assert.h>

#define UNIT              1024u
#define ROUND_MIN_MS      8
#define SLACK_MS          5  /* of the queue, for a clock of milliseconds */
#define BURST_MS          3  /* of pacing credit that may be saved up */
#define ANSWERS_TO_JUDGE  8  /* whether there is a queue */
#define OUTCOMES_TO_JUDGE 32 /* rate and losses */
#define PLATEAUS          3
#define WINDOW_MIN        4
#define RUNS_IN_WINDOW    4
#define FLOOR_MAX         (UNIT * 3 / 4)
#define MEASURE_EVERY     SECONDS(10)
#define MEASURE_MS        200
#define TIMEOUT_MIN       ((msec)200)
#define TIMEOUT_MAX       SECONDS(60)
#define NARROW_EPOCHS     3
#define PROBES_TO_SILENCE 3
#define BACKOFF_MAX       8
#define PROBES_MAX        4 /* what FLOOR_MAX makes of it */
#define REORDER_MAX       8

/* Gains of the pacing in CRUISE, by round, in 1/1024. */
static const uint32_t gains[] = {1280, 768, 1024, 1024, 1024, 1024, 1024, 1024};

void coap_congestion_init(struct coap_congestion *c, msec initial_timeout, msec now)
{
	assert(initial_timeout > 0);
	*c = (struct coap_congestion){
		.window = (uint64_t)COAP_CONGESTION_WINDOW_FIRST * UNIT,
		.initial_timeout = initial_timeout,
		.may_grow = true,
		.round_began = now,
		.epoch_began = now,
		.round_trip_of_round = NEVER,
		.credit_at = now,
		.heard_at = now,
	};
}

/* ---- the model ---- */

static msec shortest(const struct coap_congestion *c)
{
	return c->round_trip_min > 0 ? c->round_trip_min : 1;
}

/* What must be sent to keep the path full, in packets of 1024 ms: the rate, and what is lost at any speed. */
static uint64_t full_rate(const struct coap_congestion *c)
{
	return c->rate * UNIT / (UNIT - c->floor);
}

/* Packets, in 1/1024, that are in flight in `span` at the full rate. */
static uint64_t carried(const struct coap_congestion *c, msec span)
{
	return full_rate(c) * (uint64_t)span;
}

msec coap_congestion_round_trip(const struct coap_congestion *c)
{
	return (c->round_trip_us + 999) / 1000;
}

/* Hardly any answer takes longer than the smoothed round trip and this: RFC 6298's bound, or what has been seen. */
static msec variation_bound(const struct coap_congestion *c)
{
	int64_t seen = c->lateness_us + c->lateness_us / 2, bound = 4 * c->variation_us;
	return ((seen > bound ? seen : bound) + 999) / 1000;
}

static uint32_t gain(const struct coap_congestion *c)
{
	return gains[c->cycle % (sizeof gains / sizeof gains[0])];
}

/* A quarter of a round trip more than the path holds, so that a loss is found before the window has run dry; more where
 * the round trip varies by itself, but never a second round trip of queue. */
static uint64_t cruise_window(const struct coap_congestion *c)
{
	msec span = shortest(c) + shortest(c) / 4 + variation_bound(c) / 2 + SLACK_MS;
	msec most = 2 * shortest(c) + 2 * SLACK_MS;
	uint64_t window = carried(c, span < most ? span : most);
	return gain(c) > UNIT ? window * gain(c) / UNIT : window;
}

static uint64_t window_of(const struct coap_congestion *c)
{
	uint64_t window = UNIT;
	if (!c->has_answer)
		return window;
	switch (c->phase) {
	case COAP_CONGESTION_START:
		window = c->window;
		break;
	case COAP_CONGESTION_CRUISE:
		window = cruise_window(c);
		break;
	case COAP_CONGESTION_MEASURE:
		window = carried(c, shortest(c)) / 2;
		break;
	case COAP_CONGESTION_SILENT:
		return window;
	}
	return window < WINDOW_MIN * UNIT ? WINDOW_MIN * UNIT : window;
}

uint32_t coap_congestion_window(const struct coap_congestion *c)
{
	uint64_t packets = window_of(c) / UNIT;
	return packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
}

/* ---- pacing ---- */

/* START is clocked by the answers, and a single packet needs no pacing. */
static bool is_paced(const struct coap_congestion *c)
{
	return c->phase == COAP_CONGESTION_CRUISE && c->rate > 0;
}

static uint64_t pacing_rate(const struct coap_congestion *c)
{
	return full_rate(c) * gain(c) / UNIT;
}

/* What may be saved up. */
static uint64_t credit_max(const struct coap_congestion *c)
{
	uint64_t most = pacing_rate(c) * BURST_MS;
	return most < WINDOW_MIN * UNIT ? WINDOW_MIN * UNIT : most;
}

static void refill(struct coap_congestion *c, msec now)
{
	if (now > c->credit_at)
		c->credit += pacing_rate(c) * (uint64_t)(now - c->credit_at);
	c->credit_at = now;
	if (c->credit > credit_max(c))
		c->credit = credit_max(c);
}

uint32_t coap_congestion_allowed(struct coap_congestion *c, msec now)
{
	uint32_t window = coap_congestion_window(c);
	if (c->in_flight >= window)
		return 0;
	uint32_t room = window - c->in_flight;
	if (!is_paced(c))
		return room;
	refill(c, now);
	return c->credit / UNIT < room ? (uint32_t)(c->credit / UNIT) : room;
}

uint32_t coap_congestion_run(const struct coap_congestion *c, uint32_t most)
{
	uint64_t run = coap_congestion_window(c) / RUNS_IN_WINDOW;
	if (is_paced(c) && run > credit_max(c) / UNIT)
		run = credit_max(c) / UNIT;
	if (run > most)
		run = most;
	return run > 1 ? (uint32_t)run : 1;
}

msec coap_congestion_deadline(const struct coap_congestion *c, uint32_t count)
{
	uint64_t needed = (uint64_t)count * UNIT;
	if ((uint64_t)c->in_flight + count > coap_congestion_window(c))
		return NEVER;
	if (!is_paced(c) || c->credit >= needed)
		return c->credit_at;
	uint64_t rate = pacing_rate(c) > 0 ? pacing_rate(c) : 1;
	return c->credit_at + (msec)((needed - c->credit + rate - 1) / rate);
}

void coap_congestion_sent(struct coap_congestion *c, msec now, struct coap_congestion_stamp *ret)
{
	if (c->in_flight == 0) {
		c->heard_at = now;
		if (c->epoch_delivered == 0)
			c->round_began = c->epoch_began = now;
	}
	c->in_flight++;
	if (is_paced(c))
		c->credit -= c->credit < UNIT ? c->credit : UNIT;
	*ret = (struct coap_congestion_stamp){now, c->round};
}

void coap_congestion_starved(struct coap_congestion *c)
{
	c->is_limited = true;
}

/* ---- the round trip ---- */

/* RFC 6298 section 2. */
static void smooth(struct coap_congestion *c, msec sample)
{
	int64_t sample_us = sample * 1000;
	if (c->round_trip_us == 0) {
		c->round_trip_us = sample_us;
		c->variation_us = sample_us / 2;
		return;
	}
	c->lateness_us -= c->lateness_us / 64;
	if (sample_us - c->round_trip_us > c->lateness_us)
		c->lateness_us = sample_us - c->round_trip_us;
	int64_t difference = c->round_trip_us > sample_us ? c->round_trip_us - sample_us : sample_us - c->round_trip_us;
	c->variation_us = (3 * c->variation_us + difference) / 4;
	c->round_trip_us = (7 * c->round_trip_us + sample_us) / 8;
}

static void measure(struct coap_congestion *c, msec sample, msec now)
{
	smooth(c, sample);
	if (c->round_trip_min == 0 || sample <= c->round_trip_min) {
		c->round_trip_min = sample;
		c->round_trip_min_at = now;
	}
	if (sample < c->round_trip_of_round)
		c->round_trip_of_round = sample;
}

/* Judged by the quickest of several answers: single ones are late for many reasons. */
static bool has_queue(const struct coap_congestion *c)
{
	msec allowed = c->round_trip_min / 4 > 2 * SLACK_MS ? c->round_trip_min / 4 : 2 * SLACK_MS;
	return c->round_delivered >= ANSWERS_TO_JUDGE && c->round_trip_of_round != NEVER &&
	       c->round_trip_of_round > c->round_trip_min + allowed;
}

static void enter(struct coap_congestion *c, enum coap_congestion_phase phase, msec now)
{
	c->phase = phase;
	c->credit = 0;
	c->credit_at = now;
	c->cycle = 2;
	if (phase == COAP_CONGESTION_MEASURE)
		c->measure_ends = now + MEASURE_MS + coap_congestion_round_trip(c);
	if (phase == COAP_CONGESTION_START) {
		c->plateaus = 0;
		c->may_grow = true;
		c->rate_best = 0;
	}
}

/* ---- epochs ---- */

static void summarise(struct coap_congestion *c)
{
	uint32_t floor = UNIT;
	c->rate = 0;
	for (int i = 0; i < COAP_CONGESTION_EPOCHS; i++) {
		const struct coap_congestion_epoch *x = &c->epochs[i];
		if (x->has_rate && x->rate > c->rate)
			c->rate = x->rate;
		if (x->has_ended && x->loss < floor)
			floor = x->loss;
	}
	c->floor = floor == UNIT ? 0 : floor > FLOOR_MAX ? FLOOR_MAX : floor;
}

/* An epoch without growth holds the window; if the next ones have none either, the path is full. */
static void judge_start(struct coap_congestion *c, uint64_t rate, msec now)
{
	bool grows = rate > c->rate_best + c->rate_best / 5;
	if (rate > c->rate_best)
		c->rate_best = rate;
	if (c->is_limited)
		return;
	c->plateaus = grows ? 0 : c->plateaus + 1;
	c->may_grow = grows;
	if (c->plateaus == PLATEAUS)
		enter(c, COAP_CONGESTION_CRUISE, now);
}

/* A path that has become narrower shows by a queue and a rate well below the best. Then the older rates are forgotten
 * before their time. */
static void forget_if_narrow(struct coap_congestion *c, uint64_t rate)
{
	bool is_narrow = c->had_queue && !c->is_limited && rate < c->rate - c->rate / 4;
	c->narrow_epochs = is_narrow ? c->narrow_epochs + 1 : 0;
	if (c->narrow_epochs < NARROW_EPOCHS)
		return;
	c->narrow_epochs = 0;
	for (uint32_t i = NARROW_EPOCHS; i < COAP_CONGESTION_EPOCHS; i++)
		c->epochs[(c->epoch + COAP_CONGESTION_EPOCHS - i) % COAP_CONGESTION_EPOCHS].has_rate = false;
	summarise(c);
}

/* While going faster has brought more, it goes faster still. */
static void judge_cruise(struct coap_congestion *c, uint64_t rate, uint64_t best_before, msec now)
{
	forget_if_narrow(c, rate);
	if (gain(c) <= UNIT || rate < best_before + best_before / 10)
		c->cycle++;
	if (now - c->round_trip_min_at > MEASURE_EVERY)
		enter(c, COAP_CONGESTION_MEASURE, now);
}

static void end_epoch(struct coap_congestion *c, msec now)
{
	uint64_t outcomes = c->epoch_delivered + c->epoch_lost, best_before = c->rate;
	uint64_t rate = (uint64_t)c->epoch_delivered * UNIT / (uint64_t)(now - c->epoch_began);
	/* Too little to send can only show a rate that is too low. */
	bool has_rate = (!c->is_limited && c->phase != COAP_CONGESTION_MEASURE) || rate > c->rate;
	c->epochs[c->epoch % COAP_CONGESTION_EPOCHS] = (struct coap_congestion_epoch){
		rate, (uint16_t)((uint64_t)c->epoch_lost * UNIT / outcomes), has_rate, true};
	summarise(c);
	if (c->rate == 0)
		c->rate = best_before;
	switch (c->phase) {
	case COAP_CONGESTION_START:
		judge_start(c, rate, now);
		break;
	case COAP_CONGESTION_CRUISE:
		judge_cruise(c, rate, best_before, now);
		break;
	case COAP_CONGESTION_MEASURE:
	case COAP_CONGESTION_SILENT:
		break;
	}
	c->epoch++;
	c->epoch_began = now;
	c->epoch_delivered = c->epoch_lost = 0;
	c->had_queue = c->is_limited = false;
}

/* ---- rounds ---- */

/* Whatever the round trip is with half a window, it is the shortest now. */
static void end_measure(struct coap_congestion *c, msec now)
{
	if (c->round_trip_of_round != NEVER)
		c->round_trip_min = c->round_trip_of_round;
	c->round_trip_min_at = now;
	enter(c, COAP_CONGESTION_CRUISE, now);
}

static void end_round(struct coap_congestion *c, msec now)
{
	c->had_queue |= has_queue(c);
	if (c->phase == COAP_CONGESTION_MEASURE && now >= c->measure_ends)
		end_measure(c, now);
	c->round++;
	c->round_began = now;
	c->round_delivered = 0;
	c->round_trip_of_round = NEVER;
	if (c->epoch_delivered + c->epoch_lost >= OUTCOMES_TO_JUDGE && c->epoch_delivered > 0)
		end_epoch(c, now);
}

/* ---- outcomes ---- */

/* The peer is back after a silence. What was known of the path may not hold any more. */
static void heard(struct coap_congestion *c, msec now)
{
	c->heard_at = now;
	c->probes = 0;
	c->has_answer = true;
	if (c->phase != COAP_CONGESTION_SILENT)
		return;
	for (int i = 0; i < COAP_CONGESTION_EPOCHS; i++)
		c->epochs[i].has_rate = false;
	c->rate = 0;
	c->epoch_began = now;
	c->epoch_delivered = c->epoch_lost = 0;
	c->window = COAP_CONGESTION_WINDOW_FIRST * UNIT;
	enter(c, COAP_CONGESTION_START, now);
}

void coap_congestion_delivered(
	struct coap_congestion *c, const struct coap_congestion_stamp *stamp, msec round_trip, msec now)
{
	assert(c->in_flight > 0);
	heard(c, now);
	if (round_trip > 0)
		measure(c, round_trip, now);
	c->in_flight--;
	c->round_delivered++;
	c->epoch_delivered++;
	/* A queue ends the doubling at once, as soon as there is a rate to go on with. */
	if (c->phase == COAP_CONGESTION_START && c->rate > 0 && has_queue(c))
		enter(c, COAP_CONGESTION_CRUISE, now);
	else if (c->phase == COAP_CONGESTION_START && c->may_grow && !c->is_limited)
		c->window += UNIT;
	if (stamp->round == c->round && now - c->round_began >= ROUND_MIN_MS)
		end_round(c, now);
}

void coap_congestion_lost(struct coap_congestion *c)
{
	assert(c->in_flight > 0);
	c->in_flight--;
	c->epoch_lost++;
}

void coap_congestion_withdrawn(struct coap_congestion *c)
{
	assert(c->in_flight > 0);
	c->in_flight--;
}

void coap_congestion_mistaken(struct coap_congestion *c)
{
	c->epoch_lost -= c->epoch_lost > 0;
	c->epoch_delivered++;
	c->probes = 0;
	if (c->reorder < REORDER_MAX)
		c->reorder++;
}

void coap_congestion_probed(struct coap_congestion *c, msec now)
{
	c->heard_at = now;
	if (c->probes < BACKOFF_MAX * PROBES_MAX)
		c->probes++;
	if (c->probes >= PROBES_TO_SILENCE * coap_congestion_probes(c) && c->has_answer &&
		c->phase != COAP_CONGESTION_SILENT)
		enter(c, COAP_CONGESTION_SILENT, now);
}

/* ---- when something is overdue ---- */

uint32_t coap_congestion_probes(const struct coap_congestion *c)
{
	return (UNIT + UNIT - c->floor - 1) / (UNIT - c->floor);
}

/* As late as answers have come recently, and some more on a path that has been seen to reorder. */
msec coap_congestion_overtaken(const struct coap_congestion *c, msec sent_at)
{
	msec borne = shortest(c) * (1 + (msec)c->reorder) / 4;
	borne = borne > variation_bound(c) ? borne : variation_bound(c);
	return sent_at + coap_congestion_round_trip(c) + (borne > 2 ? borne : 2);
}

static msec patience(const struct coap_congestion *c)
{
	msec bound = variation_bound(c);
	if (c->round_trip_us == 0)
		return c->initial_timeout;
	return coap_congestion_round_trip(c) + (bound > 10 ? bound : 10);
}

static msec backed_off(const struct coap_congestion *c, msec span)
{
	span <<= c->probes / coap_congestion_probes(c);
	return span < TIMEOUT_MAX ? span : TIMEOUT_MAX;
}

msec coap_congestion_probe(const struct coap_congestion *c)
{
	return c->in_flight == 0 ? NEVER : msec_after(c->heard_at, backed_off(c, patience(c)));
}

msec coap_congestion_timeout(const struct coap_congestion *c)
{
	msec span = patience(c);
	return backed_off(c, span < TIMEOUT_MIN ? TIMEOUT_MIN : span);
}
