/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every state has one moment, `at`, and what is due then:
 *
 *     OFFLINE        connect                       CONNECTING     give the attempt up
 *     REGISTERING    send Register (NEVER: sent)   REGISTERED     send Update
 *     UPDATING       send Update (NEVER: sent)     DEREGISTERING  send De-register (NEVER: sent)
 *
 * Leaving an association needs one more action, CLOSE, which comes before anything else that is due. */
#include "agent/register.h"

#include <assert.h>

#define MAX_TRANSMIT_WAIT_MS SECONDS(93) /* RFC 7252 section 4.8.2 */
#define ANSWER_FIRST_MS      SECONDS(1)
#define USUAL_FAILURES_MAX   5 /* interface section 3.4: resource 17 without a value */

static void enter(struct registration *r, enum register_state state, msec at)
{
	r->state = state;
	r->at = at;
}

/* The wait before the next attempt; the one after it will be twice as long, unless a sequence ends with it. */
static msec next_backoff(struct registration *r)
{
	r->failures++;
	if (r->attempts > 0 && r->failures % r->attempts == 0) {
		r->backoff = r->retry_first;
		return r->sequence_delay;
	}
	msec wait = r->backoff + (msec)prng_below(r->chance, (uint32_t)(r->backoff / 2) + 1);
	r->backoff = r->backoff > r->retry_max / 2 ? r->retry_max : r->backoff * 2;
	return wait;
}

/* When to send the next Update, seen from the success of the last one. */
static msec update_after(struct registration *r)
{
	msec lifetime = SECONDS(r->lifetime_s);
	msec margin = lifetime / 2 < MAX_TRANSMIT_WAIT_MS ? lifetime / 2 : MAX_TRANSMIT_WAIT_MS;
	msec latest = lifetime - margin;
	msec spread = latest / 10 < INT32_MAX ? latest / 10 : INT32_MAX;
	return latest - (msec)prng_below(r->chance, (uint32_t)spread + 1);
}

void register_init(struct registration *r, const struct register_config *config, struct prng *chance, msec now)
{
	assert(config->retry_first_ms > 0 && config->retry_max_ms >= config->retry_first_ms);
	memset(r, 0, sizeof *r);
	r->lifetime_s = config->lifetime_s;
	r->retry_first = config->retry_first_ms;
	r->retry_max = config->retry_max_ms;
	r->connect_timeout = config->connect_timeout_ms;
	r->backoff = config->retry_first_ms;
	r->sequence_delay = config->sequence_delay_ms;
	r->attempts = config->attempts;
	unsigned failures_max = (unsigned)config->attempts * (config->sequences > 0 ? config->sequences : 1u);
	r->failures_max = (uint16_t)(failures_max == 0           ? USUAL_FAILURES_MAX
				     : failures_max > UINT16_MAX ? UINT16_MAX
								 : failures_max);
	r->chance = chance;
	enter(r, REGISTER_OFFLINE, msec_after(now, config->initial_delay_ms));
}

/* ---- leaving an association ---- */

static void go_offline(struct registration *r, msec at)
{
	r->location_count = 0;
	r->location_len = 0;
	if (r->is_stopping)
		enter(r, REGISTER_STOPPED, NEVER);
	else
		enter(r, REGISTER_OFFLINE, at);
}

static void close_and_retry(struct registration *r, msec now)
{
	r->must_close = true;
	go_offline(r, msec_after(now, next_backoff(r)));
}

/* ---- what happened ---- */

void register_connected(struct registration *r, msec now)
{
	if (r->state != REGISTER_CONNECTING)
		return;
	enter(r, REGISTER_REGISTERING, now);
}

void register_disconnected(struct registration *r, msec now)
{
	if (r->state == REGISTER_OFFLINE || r->state == REGISTER_STOPPED)
		return;
	bool was_leaving = r->state == REGISTER_DEREGISTERING;
	go_offline(r, was_leaving ? r->silent_until : msec_after(now, next_backoff(r)));
}

static bool keep_location(struct registration *r, const struct bytes *location, size_t segments)
{
	struct writer w = writer_of(r->location, sizeof r->location);
	if (segments == 0 || segments > REGISTER_LOCATION_SEGMENTS_MAX)
		return false;
	for (size_t i = 0; i < segments; i++) {
		if (location[i].len > UINT8_MAX)
			return false;
		write_u8(&w, (uint8_t)location[i].len);
		write_bytes(&w, location[i]);
	}
	if (w.failed)
		return false;
	r->location_count = (uint8_t)segments;
	r->location_len = (uint8_t)writer_bytes(&w).len;
	return true;
}

bool register_accepted(struct registration *r, const struct bytes *location, size_t segments, msec now)
{
	if (r->state != REGISTER_REGISTERING)
		return true;
	if (!keep_location(r, location, segments)) {
		register_refused(r, now);
		return false;
	}
	r->backoff = r->retry_first;
	r->failures = 0;
	r->was_registered = true;
	r->tells_lifetime = false;
	r->tells_list = false;
	r->must_send = false;
	enter(r, REGISTER_REGISTERED, msec_after(now, update_after(r)));
	return true;
}

void register_refused(struct registration *r, msec now)
{
	if (r->state == REGISTER_REGISTERING)
		enter(r, REGISTER_REGISTERING, msec_after(now, next_backoff(r)));
}

void register_updated(struct registration *r, msec now)
{
	if (r->state != REGISTER_UPDATING)
		return;
	r->backoff = r->retry_first;
	r->tells_lifetime = r->tells_lifetime && r->must_send;
	r->tells_list = r->tells_list && r->must_send;
	enter(r, REGISTER_REGISTERED, r->must_send ? now : msec_after(now, update_after(r)));
	r->must_send = false;
}

void register_forgotten(struct registration *r, msec now)
{
	if (r->state == REGISTER_UPDATING)
		enter(r, REGISTER_REGISTERING, now);
}

void register_silent(struct registration *r, msec now)
{
	switch (r->state) {
	case REGISTER_REGISTERING:
	case REGISTER_REGISTERED:
	case REGISTER_UPDATING:
		close_and_retry(r, now);
		return;
	case REGISTER_DEREGISTERING:
		register_left(r, now);
		return;
	case REGISTER_OFFLINE:
	case REGISTER_CONNECTING:
	case REGISTER_STOPPED:
		return;
	}
}

void register_left(struct registration *r, msec now)
{
	if (r->state != REGISTER_DEREGISTERING)
		return;
	r->must_close = true;
	go_offline(r, r->silent_until > now ? r->silent_until : now);
}

/* ---- what somebody wants ---- */

void register_reconnect(struct registration *r, msec now)
{
	if (r->state != REGISTER_REGISTERING && r->state != REGISTER_REGISTERED && r->state != REGISTER_UPDATING)
		return;
	r->must_close = true;
	go_offline(r, now);
}

void register_trigger(struct registration *r, msec now)
{
	if (r->state == REGISTER_REGISTERED)
		r->at = now;
	else if (r->state == REGISTER_UPDATING)
		r->must_send = true; /* what is on its way does not tell it yet */
}

void register_set_lifetime(struct registration *r, uint32_t lifetime_s, msec now)
{
	if (r->lifetime_s == lifetime_s)
		return;
	r->lifetime_s = lifetime_s;
	r->tells_lifetime = true;
	register_trigger(r, now);
}

void register_list_changed(struct registration *r, msec now)
{
	r->tells_list = true;
	register_trigger(r, now);
}

static void leave(struct registration *r, msec at)
{
	switch (r->state) {
	case REGISTER_REGISTERED:
	case REGISTER_UPDATING:
		enter(r, REGISTER_DEREGISTERING, at);
		return;
	case REGISTER_CONNECTING:
	case REGISTER_REGISTERING:
		r->must_close = true;
		go_offline(r, r->silent_until);
		return;
	case REGISTER_OFFLINE:
		go_offline(r, r->silent_until);
		return;
	case REGISTER_DEREGISTERING:
	case REGISTER_STOPPED:
		return;
	}
}

void register_disable(struct registration *r, msec silence, msec now)
{
	r->silent_until = msec_after(now, silence);
	leave(r, msec_after(now, ANSWER_FIRST_MS));
}

void register_stop(struct registration *r, msec now)
{
	r->is_stopping = true;
	leave(r, now);
}

/* ---- time ---- */

msec register_deadline(const struct registration *r)
{
	return r->must_close ? 0 : r->at;
}

static enum register_action due_in_state(struct registration *r, msec now)
{
	switch (r->state) {
	case REGISTER_OFFLINE:
		enter(r, REGISTER_CONNECTING, msec_after(now, r->connect_timeout));
		return REGISTER_CONNECT;
	case REGISTER_CONNECTING:
		go_offline(r, msec_after(now, next_backoff(r)));
		return REGISTER_CLOSE;
	case REGISTER_REGISTERING:
		r->at = NEVER;
		return REGISTER_SEND_REGISTER;
	case REGISTER_REGISTERED:
	case REGISTER_UPDATING:
		enter(r, REGISTER_UPDATING, NEVER);
		return REGISTER_SEND_UPDATE;
	case REGISTER_DEREGISTERING:
		r->at = NEVER;
		return REGISTER_SEND_DEREGISTER;
	case REGISTER_STOPPED:
		break;
	}
	return REGISTER_WAIT;
}

enum register_action register_due(struct registration *r, msec now)
{
	if (r->must_close) {
		r->must_close = false;
		return REGISTER_CLOSE;
	}
	return r->at <= now ? due_in_state(r, now) : REGISTER_WAIT;
}

/* ---- questions ---- */

bool register_is_registered(const struct registration *r)
{
	return r->state == REGISTER_REGISTERED || r->state == REGISTER_UPDATING;
}

bool register_has_failed(const struct registration *r)
{
	return r->failures >= r->failures_max;
}

struct bytes register_location(const struct registration *r, uint8_t i)
{
	struct reader reader = reader_of(bytes_of(r->location, r->location_len));
	struct bytes segment = BYTES_NONE;
	for (uint8_t n = 0; n <= i && n < r->location_count; n++)
		segment = read_bytes(&reader, read_u8(&reader));
	return i < r->location_count ? segment : BYTES_NONE;
}
