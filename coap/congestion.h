/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How much a bulk transfer may have on the path to one peer, and how fast (RFC 7252 section 4.7, RFC 8085 section 3.1).
 *
 * It is a model of the path, not a reflex to losses: radio links lose without being congested. Two things are measured,
 * how fast answers come back at most (the rate) and how long they take at least (the round trip), and what is sent
 * follows from both:
 *
 *     START    the window doubles in a round trip, from COAP_CONGESTION_WINDOW_FIRST on, until a queue shows in the
 *              round trip or the rate has stopped growing
 *     CRUISE   sent at the measured rate, paced, with little more in flight than rate x shortest round trip; one round
 *              in eight a quarter faster, to find out whether there is more, and the next a quarter slower, so that
 *              the queue goes away again
 *     MEASURE  when the shortest round trip has not been seen for ten seconds: half a window for a moment, so that it
 *              can be seen again through the queues of others
 *     SILENT   nothing has come back for several timeouts: one packet at a time, each wait twice as long
 *
 * Losses enter in one place. The rate is what arrives; to keep the path full, more must be sent by as much as is lost
 * whatever the speed. That share is the smallest loss of the recent rounds: a radio's losses are there in the slow
 * rounds too, those of a full or policed path go away with them, and are never sent on top.
 *
 * A packet is one thing sent that is answered: a request and its block, a block and its acknowledgement. The user asks
 * before each (may_send), stamps it (sent), and says what became of it (delivered, lost). He finds losses himself; when
 * one is overdue is answered here (overtaken, probe). No clock, no memory but this. */
#pragma once

#include "coap/base/msec.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 6928's ten segments, after the peer has answered once; before that one packet (NSTART). */
#define COAP_CONGESTION_WINDOW_FIRST 10
#define COAP_CONGESTION_EPOCHS       10 /* for so long what was measured counts */

enum coap_congestion_phase {
	COAP_CONGESTION_START,
	COAP_CONGESTION_CRUISE,
	COAP_CONGESTION_MEASURE,
	COAP_CONGESTION_SILENT,
};

/* Kept with each packet until its end. */
struct coap_congestion_stamp {
	msec sent_at;
	uint32_t round;
};

/* What was measured in one epoch: as many rounds as it takes to say something by count. A round lasts from the first
 * packet sent until one sent in it is answered. */
struct coap_congestion_epoch {
	uint64_t rate; /* packets delivered in 1024 ms */
	uint16_t loss; /* share lost, in 1/1024 */
	bool has_rate;
	bool has_ended;
};

struct coap_congestion {
	enum coap_congestion_phase phase;
	bool has_answer; /* the peer has answered at all */
	uint32_t in_flight;

	int64_t round_trip_us,
		variation_us; /* RFC 6298, finer than samples are for its small gains; 0 until measured */
	int64_t lateness_us;  /* how much longer than the smoothed round trip some took of late; wears off */
	msec round_trip_min, round_trip_min_at;
	msec initial_timeout;
	uint32_t probes;  /* since something was last heard */
	uint32_t reorder; /* how much overtaking is borne, in quarters of the shortest round trip, less one */

	uint64_t window; /* in 1/1024 packets; in START */
	uint32_t plateaus;
	bool may_grow;
	uint64_t rate_best; /* in START */

	uint32_t round;
	msec round_began, round_trip_of_round; /* the shortest; NEVER without */
	uint32_t round_delivered;

	uint32_t epoch;
	msec epoch_began;
	uint32_t epoch_delivered, epoch_lost;
	bool had_queue, is_limited; /* in this epoch: a queue at the end of a round; too little to send */
	struct coap_congestion_epoch epochs[COAP_CONGESTION_EPOCHS];
	uint64_t rate;  /* best of the epochs */
	uint32_t floor; /* smallest loss of the epochs, in 1/1024 */
	uint32_t cycle; /* which gain it is the turn of */
	uint32_t narrow_epochs;

	uint64_t credit; /* of the pacing, in 1/1024 packets */
	msec credit_at, measure_ends;
	msec heard_at; /* the last answer, or the last probe */
};

/* `initial_timeout` is ACK_TIMEOUT: what is waited before anything is measured. */
void coap_congestion_init(struct coap_congestion *c, msec initial_timeout, msec now);

/* How many packets may be sent now. */
uint32_t coap_congestion_allowed(struct coap_congestion *c, msec now);
static inline bool coap_congestion_may_send(struct coap_congestion *c, msec now)
{
	return coap_congestion_allowed(c, now) > 0;
}
/* How many packets, `most` at most, are worth waiting for until they may be sent together: more than one only as far as
 * the others in flight keep the path busy meanwhile, and nothing leaves in larger bursts than it would anyway. */
uint32_t coap_congestion_run(const struct coap_congestion *c, uint32_t most);
void coap_congestion_sent(struct coap_congestion *c, msec now, struct coap_congestion_stamp *ret);
/* More might be sent, but there is nothing to send: what is measured now is not the path. */
void coap_congestion_starved(struct coap_congestion *c);
/* An answer has come. `round_trip` is 0 when it is not known or ambiguous. */
void coap_congestion_delivered(
	struct coap_congestion *c, const struct coap_congestion_stamp *stamp, msec round_trip, msec now);
void coap_congestion_lost(struct coap_congestion *c);
/* As if it had never been sent. */
void coap_congestion_withdrawn(struct coap_congestion *c);
/* The answer to a packet that was taken for lost has come: the path reorders more than was thought. */
void coap_congestion_mistaken(struct coap_congestion *c);
/* A probe has become due: the oldest must be asked again, although nothing says that they were lost. */
void coap_congestion_probed(struct coap_congestion *c, msec now);

/* The smoothed round trip; 0 until measured. */
msec coap_congestion_round_trip(const struct coap_congestion *c);
/* When a packet sent at `sent_at`, behind which others have been answered, is lost. */
msec coap_congestion_overtaken(const struct coap_congestion *c, msec sent_at);
/* When the oldest packet in flight is to be asked for again because nothing has come for so long; NEVER with none. */
msec coap_congestion_probe(const struct coap_congestion *c);
/* How many of them, so that one should arrive: one on most paths, more where more than every second is lost anyway. The
 * waits double after as many. */
uint32_t coap_congestion_probes(const struct coap_congestion *c);
/* How long an answer may take at all (RFC 6298, with backoff). */
msec coap_congestion_timeout(const struct coap_congestion *c);
/* When the pacing lets the next `count` go; NEVER when the window holds them back. `count` as from coap_congestion_run.
 */
msec coap_congestion_deadline(const struct coap_congestion *c, uint32_t count);
/* How many packets may be in flight. */
uint32_t coap_congestion_window(const struct coap_congestion *c);
