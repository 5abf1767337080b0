/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/bootstrap.h"

#include <assert.h>
#include <string.h>

#define EXCHANGE_LIFETIME_MS SECONDS(247) /* RFC 7252 section 4.8.2 */
#define ANSWER_FIRST_MS      SECONDS(4)   /* and once more, should it be lost */

static void enter(struct bootstrap *b, enum bootstrap_state state, msec at)
{
	b->state = state;
	b->at = at;
}

void bootstrap_init(struct bootstrap *b, const struct bootstrap_config *config, struct prng *chance)
{
	assert(config->retry_first_ms > 0 && config->retry_max_ms >= config->retry_first_ms);
	memset(b, 0, sizeof *b);
	b->config = *config;
	b->chance = chance;
	enter(b, BOOTSTRAP_IDLE, NEVER);
}

void bootstrap_begin(struct bootstrap *b, msec hold_off, unsigned tries, msec now)
{
	if (b->state != BOOTSTRAP_IDLE)
		return;
	b->has_limit = tries > 0;
	b->tries_left = tries;
	b->backoff = b->config.retry_first_ms;
	enter(b, BOOTSTRAP_WAITING, msec_after(now, hold_off));
}

void bootstrap_stop(struct bootstrap *b)
{
	b->must_close = b->must_close || b->state > BOOTSTRAP_WAITING;
	enter(b, BOOTSTRAP_IDLE, NEVER);
}

/* ---- what happened ---- */

static void try_again(struct bootstrap *b, msec now)
{
	msec wait = b->backoff + (msec)prng_below(b->chance, (uint32_t)(b->backoff / 2) + 1);
	b->backoff = b->backoff > b->config.retry_max_ms / 2 ? b->config.retry_max_ms : b->backoff * 2;
	if (b->has_limit && --b->tries_left == 0)
		enter(b, BOOTSTRAP_IDLE, NEVER);
	else
		enter(b, BOOTSTRAP_WAITING, msec_after(now, wait));
}

void bootstrap_connected(struct bootstrap *b, msec now)
{
	if (b->state == BOOTSTRAP_CONNECTING)
		enter(b, BOOTSTRAP_ASKING, now);
}

void bootstrap_disconnected(struct bootstrap *b, msec now)
{
	if (b->state == BOOTSTRAP_LEAVING)
		b->at = now; /* what was agreed holds, whoever ended the association */
	else if (b->state > BOOTSTRAP_WAITING)
		try_again(b, now);
}

void bootstrap_accepted(struct bootstrap *b, msec now)
{
	if (b->state == BOOTSTRAP_ASKING)
		enter(b, BOOTSTRAP_RECEIVING, msec_after(now, EXCHANGE_LIFETIME_MS));
}

void bootstrap_failed(struct bootstrap *b, msec now)
{
	if (b->state != BOOTSTRAP_ASKING && b->state != BOOTSTRAP_RECEIVING)
		return;
	b->must_close = true;
	try_again(b, now);
}

void bootstrap_heard(struct bootstrap *b, msec now)
{
	if (b->state == BOOTSTRAP_RECEIVING)
		b->at = msec_after(now, EXCHANGE_LIFETIME_MS);
}

void bootstrap_finished(struct bootstrap *b, msec now)
{
	if (b->state == BOOTSTRAP_RECEIVING)
		enter(b, BOOTSTRAP_LEAVING, msec_after(now, ANSWER_FIRST_MS));
}

/* ---- time ---- */

msec bootstrap_deadline(const struct bootstrap *b)
{
	return b->must_close ? 0 : b->at;
}

static enum bootstrap_action due_in_state(struct bootstrap *b, msec now)
{
	switch (b->state) {
	case BOOTSTRAP_IDLE:
		break;
	case BOOTSTRAP_WAITING:
		enter(b, BOOTSTRAP_CONNECTING, msec_after(now, b->config.connect_timeout_ms));
		return BOOTSTRAP_CONNECT;
	case BOOTSTRAP_ASKING:
		b->at = NEVER;
		return BOOTSTRAP_SEND_REQUEST;
	case BOOTSTRAP_CONNECTING:
	case BOOTSTRAP_RECEIVING:
		try_again(b, now);
		return BOOTSTRAP_CLOSE;
	case BOOTSTRAP_LEAVING:
		enter(b, BOOTSTRAP_IDLE, NEVER);
		return BOOTSTRAP_ADOPT;
	}
	return BOOTSTRAP_WAIT;
}

enum bootstrap_action bootstrap_due(struct bootstrap *b, msec now)
{
	if (b->must_close) {
		b->must_close = false;
		return BOOTSTRAP_CLOSE;
	}
	return b->at <= now ? due_in_state(b, now) : BOOTSTRAP_WAIT;
}
