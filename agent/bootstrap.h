/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Getting accounts from a Bootstrap server (lwm2m interface section 4), as far as it is a matter of time:
 *
 *            begin             hold off over          association         2.04 to POST /bs
 *     IDLE --------> WAITING --------------> CONNECTING -------> ASKING ------------------> RECEIVING
 *      ^                ^                        |  failed          |  refused, silent         |      |
 *      |                +---- back-off ----------+------------------+----- 247 s of silence ---+      | Finish
 *      |                                                                                              v
 *      +------------------------------------ ADOPT, a moment later <------------------------------ LEAVING
 *
 * - The association is made for this and ended with it, whatever comes of it.
 * - EXCHANGE_LIFETIME (247 s, RFC 7252 section 4.8.2) begins anew with each operation of the server.
 * - Back-off doubles from first to max, with a random part of up to a half, and begins anew with each beginning.
 * - The answer to Finish needs a moment to leave before the association ends.
 *
 * The module is asked what to do and told what came of it; it sends nothing and knows no accounts. */
#pragma once

#include "coap/base/msec.h"
#include "coap/base/prng.h"

#include <stdbool.h>

enum bootstrap_state {
	BOOTSTRAP_IDLE,
	BOOTSTRAP_WAITING,
	BOOTSTRAP_CONNECTING,
	BOOTSTRAP_ASKING,
	BOOTSTRAP_RECEIVING,
	BOOTSTRAP_LEAVING,
};

enum bootstrap_action {
	BOOTSTRAP_WAIT, /* nothing is due */
	BOOTSTRAP_CONNECT,
	BOOTSTRAP_CLOSE,
	BOOTSTRAP_SEND_REQUEST,
	BOOTSTRAP_ADOPT, /* end the association; the accounts that were received hold from now on */
};

struct bootstrap_config {
	msec connect_timeout_ms;
	msec retry_first_ms, retry_max_ms;
};

struct bootstrap {
	struct bootstrap_config config;
	enum bootstrap_state state;
	msec at; /* when the current state asks for something; NEVER while an answer is awaited */
	msec backoff;
	unsigned tries_left;
	bool has_limit, must_close;
	struct prng *chance;
};

/* IDLE. `chance` is borrowed for life. */
void bootstrap_init(struct bootstrap *b, const struct bootstrap_config *config, struct prng *chance);
/* Begins after `hold_off`, unless it is under way. It is tried `tries` times, or without end when that is 0. */
void bootstrap_begin(struct bootstrap *b, msec hold_off, unsigned tries, msec now);
/* It is not needed any more. */
void bootstrap_stop(struct bootstrap *b);

/* ---- what happened ---- */

void bootstrap_connected(struct bootstrap *b, msec now);
void bootstrap_disconnected(struct bootstrap *b, msec now);
/* The answer to the request. */
void bootstrap_accepted(struct bootstrap *b, msec now);
/* It was refused, or not answered, or what the server did then cannot be used. */
void bootstrap_failed(struct bootstrap *b, msec now);
/* The server has sent an operation. */
void bootstrap_heard(struct bootstrap *b, msec now);
/* Its Finish has been agreed to. */
void bootstrap_finished(struct bootstrap *b, msec now);

/* ---- time ---- */

msec bootstrap_deadline(const struct bootstrap *b);
/* What to do now; call until WAIT. */
enum bootstrap_action bootstrap_due(struct bootstrap *b, msec now);
