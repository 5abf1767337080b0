/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/renewal.h"

#include <string.h>

#define DAY           SECONDS(86400)
#define SILENT_FIRST  SECONDS(60)
#define REFUSED_FIRST SECONDS(3600)
#define BUSY_LEAST_S  5
#define BUSY_MOST_S   86400

void renewal_init(struct renewal *r, bool is_on, struct prng *chance)
{
	*r = (struct renewal){.is_on = is_on, .at = NEVER, .chance = chance};
}

/* Up to `most` by chance. */
static msec some_of(struct renewal *r, msec most)
{
	return most <= 0 ? 0 : (msec)prng_below(r->chance, (uint32_t)(most / 1000 + 1)) * 1000;
}

static msec due_after(struct renewal *r, const struct renewal_credential *c, int64_t wall_s)
{
	if (!c->is_enrolled)
		return 0;
	if (wall_s < c->from) /* the clock is wrong */
		return DAY - some_of(r, DAY / 20);
	int64_t life_s = c->until - c->from, left_s = c->from + life_s / 3 * 2 - wall_s;
	return left_s <= 0 ? 0 : SECONDS(left_s) - some_of(r, SECONDS(left_s < life_s / 20 ? left_s : life_s / 20));
}

void renewal_connected(struct renewal *r, const struct renewal_credential *credential, int64_t wall_s, msec now)
{
	if (!r->is_on)
		return;
	r->is_connected = true;
	r->is_asking = false;
	r->at = msec_after(now, due_after(r, credential, wall_s));
	if (r->at < r->not_before)
		r->at = r->not_before;
}

void renewal_disconnected(struct renewal *r)
{
	r->is_connected = false;
	r->is_asking = false;
	r->at = NEVER;
}

msec renewal_deadline(const struct renewal *r)
{
	return r->at;
}

void renewal_trigger(struct renewal *r, msec now)
{
	r->not_before = now;
	if (r->is_connected && !r->is_asking)
		r->at = now;
}

void renewal_postpone(struct renewal *r, msec at)
{
	r->at = at;
}

bool renewal_due(struct renewal *r, msec now)
{
	if (now < r->at)
		return false;
	r->is_asking = true;
	r->at = NEVER;
	return true;
}

/* ---- what came of it ---- */

static void again(struct renewal *r, msec at)
{
	r->is_asking = false;
	r->not_before = at;
	r->at = r->is_connected ? at : NEVER;
}

static void back_off(struct renewal *r, msec first, msec now)
{
	r->backoff = r->backoff < first ? first : r->backoff > DAY / 2 ? DAY : 2 * r->backoff;
	again(r, msec_after(now, r->backoff + some_of(r, r->backoff / 2)));
}

void renewal_done(struct renewal *r, msec now)
{
	r->is_asking = false;
	r->backoff = 0;
	r->not_before = msec_after(now, REFUSED_FIRST);
	r->at = NEVER;
}

void renewal_busy(struct renewal *r, uint32_t max_age_s, msec now)
{
	uint32_t s = max_age_s < BUSY_LEAST_S ? BUSY_LEAST_S : max_age_s > BUSY_MOST_S ? BUSY_MOST_S : max_age_s;
	again(r, msec_after(now, SECONDS(s) + some_of(r, SECONDS(s) / 10)));
}

void renewal_refused(struct renewal *r, msec now)
{
	back_off(r, REFUSED_FIRST, now);
}

void renewal_silent(struct renewal *r, msec now)
{
	back_off(r, SILENT_FIRST, now);
}
