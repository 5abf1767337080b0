/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handshakes from their beginning to their end: two slots and an engine while they run, timers with patience, and what
 * they leave. When one has ended well its engine slot is freed in the same turn. */
#include "dtls/dtls_state.h"
#include "dtls/flight.h"

#include <assert.h>

#define RETRANSMIT_MAX SECONDS(8)
/* An alert in the clear may be forged, so it ends nothing; but it cuts patience down to this. */
#define PATIENCE_AFTER_ALERT SECONDS(10)
/* Silent for so long, a peer loses its place when there is no other. A flight and its answer, sent once again, cross
 * the slowest links in less. */
#define STALE_AFTER SECONDS(4)

static uint32_t slot_of(const struct dtls *d, const struct dtls_handshake *h)
{
	return dtls_handshake_slot(&d->handshakes, h);
}

/* Whether a flight that begins with this datagram has been sent before: its first message is no newer. */
static bool is_repetition(struct dtls_handshake *h, struct bytes datagram)
{
	uint16_t sequence;
	if (!dtls_flight_sequence(datagram, &sequence))
		return false;
	bool is_new = sequence >= h->next_flight;
	if (is_new)
		h->next_flight = (uint16_t)(sequence + 1);
	return !is_new;
}

/* Sends what the engine has produced for this handshake. True when it leads on.
 *
 * An engine sends its flight again whenever something old or incomplete arrives (RFC 6347 section 4.2.4). Where one
 * message of a flight never gets through, as on a path that swallows what is large, both ends would do so in turn, as
 * fast as the path is, until patience ends. So between repetitions that the peer causes lies half a timeout. */
static bool flush(struct dtls *d, struct dtls_handshake *h, bool is_timer, msec now)
{
	struct bytes datagram;
	bool any = false, is_repeated = false, is_held_back = false;
	while (d->config.engine.take(d->config.engine.context, &datagram)) {
		if (!any) {
			is_repeated = is_repetition(h, datagram);
			is_held_back = is_repeated && !is_timer && now - h->sent < d->config.retransmit_first / 2;
		}
		any = true;
		if (!is_held_back)
			dtls_output(d, &h->address, datagram);
	}
	if (any && !is_held_back)
		h->sent = now;
	return any && !is_repeated;
}

static void set_timer(struct dtls *d, struct dtls_handshake *h, msec interval, msec now)
{
	h->interval = interval;
	h->retransmit = msec_after(now, interval);
	dtls_handshake_arm(&d->handshakes, h);
}

void dtls_negotiate_end(struct dtls *d, struct dtls_handshake *h)
{
	d->config.engine.end(d->config.engine.context, slot_of(d, h));
	dtls_handshake_remove(&d->handshakes, h);
}

void dtls_negotiate_failed(struct dtls *d, struct dtls_handshake *h, enum dtls_failure failure)
{
	struct dtls_event event = {.kind = DTLS_EVENT_FAILED,
		.remote = {h->address, h->session},
		.is_client = h->is_client,
		.failure = failure,
		.alert = h->alert};
	trace_event(&d->config.trace, "dtls.handshake_failed", h->session.slot, failure, h->alert);
	d->counters.handshakes_failed++;
	dtls_session_give(&d->sessions, h->session);
	dtls_negotiate_end(d, h);
	dtls_tell(d, &event);
}

/* The old session at this address goes, unless its peer can still be found by its connection ID and is somebody else:
 * an address translator may have given the address to another device. */
static void supersede(struct dtls *d, const struct address *address)
{
	struct handle old = dtls_session_find_by_address(&d->sessions, address);
	const struct dtls_session *s = dtls_session_get(&d->sessions, old);
	if (s == NULL || (s->reads_cid && s->principal != d->result.principal.number))
		return;
	d->counters.sessions_superseded++;
	dtls_close_session(d, old, DTLS_CLOSED_SUPERSEDED, 0);
}

static void handshake_done(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *last, msec now)
{
	d->config.engine.result(d->config.engine.context, slot_of(d, h), &d->result);
	supersede(d, &h->address);
	struct handle session = h->session;
	dtls_session_establish(&d->sessions, session, &d->result, now);
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	s->hello = h->hello;
	if (last->epoch == 1)
		dtls_window_mark(&s->window, last->number);
	d->counters.handshakes_done++;
	trace_event(&d->config.trace, "dtls.established", session.slot, d->result.suite, s->reads_cid);
	dtls_tell(d, &(struct dtls_event){.kind = DTLS_EVENT_ESTABLISHED,
			     .remote = {h->address, session},
			     .is_client = h->is_client,
			     .peer = &d->result});
	dtls_negotiate_end(d, h);
}

/* The engine has nothing to say to a client that it shares no suite with, but the RFC has (RFC 5246 section 7.4.1.3).
 * As nothing else was answered, the number of the record that asked is free. */
static void refuse(struct dtls *d, const struct dtls_handshake *h, const struct dtls_record *record)
{
	uint8_t datagram[DTLS_RECORD_HEADER_BYTES + 2];
	struct writer w = writer_of(datagram, sizeof datagram);
	dtls_record_write(
		&w, &(struct dtls_record_out){.type = DTLS_CONTENT_ALERT,
			    .number = record->number,
			    .text = bytes_of((const uint8_t[]){DTLS_ALERT_FATAL, DTLS_ALERT_HANDSHAKE_FAILURE}, 2)});
	assert(!w.failed);
	dtls_output(d, &h->address, writer_bytes(&w));
}

void dtls_negotiate_receive(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now)
{
	enum dtls_progress progress = d->config.engine.receive(d->config.engine.context, slot_of(d, h), record->whole);
	bool answered = flush(d, h, false, now);
	h->saw_protected |= record->epoch > 0;
	switch (progress) {
	case DTLS_PROGRESS_WAITING:
		if (answered) {
			dtls_handshake_heard(&d->handshakes, h, now);
			set_timer(d, h, d->config.retransmit_first, now);
		}
		return;
	case DTLS_PROGRESS_DONE:
		handshake_done(d, h, record, now);
		return;
	case DTLS_PROGRESS_FAILED:
		if (!answered && !h->is_client && record->epoch == 0)
			refuse(d, h, record);
		dtls_negotiate_failed(d, h, d->config.engine.failure(d->config.engine.context, slot_of(d, h)));
		return;
	}
}

static void alert_noted(struct dtls *d, struct dtls_handshake *h, uint8_t alert, msec now)
{
	d->counters.dropped_plaintext++;
	h->alert = alert;
	h->was_refused = true;
	h->limit = msec_earlier(h->limit, msec_after(now, PATIENCE_AFTER_ALERT));
	dtls_handshake_arm(&d->handshakes, h);
}

void dtls_negotiate_plain(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now)
{
	uint8_t alert;
	switch (dtls_flight_judge(record, h->is_client, &alert)) {
	case DTLS_PLAIN_GOOD:
		dtls_negotiate_receive(d, h, record, now);
		return;
	case DTLS_PLAIN_ALERT:
		alert_noted(d, h, alert, now);
		return;
	case DTLS_PLAIN_MALFORMED:
		d->counters.dropped_malformed++;
		return;
	}
}

/* What a stranger begins may take the place of what strangers have left lying: a host with too many loses its own
 * stalest, and when all places are taken the stalest of all goes. So who holds places without going on keeps nobody
 * out for longer than a moment. */
static bool has_room_for(struct dtls *d, const struct address *address, msec now)
{
	struct dtls_handshake *stalest;
	if (dtls_handshakes_of_host(&d->handshakes, address, &stalest) < d->config.handshakes_per_host) {
		if (!dtls_handshakes_are_full(&d->handshakes))
			return true;
		stalest = dtls_handshakes_stalest(&d->handshakes);
	}
	if (stalest == NULL || now - stalest->heard < STALE_AFTER)
		return false;
	d->counters.displaced++;
	dtls_negotiate_failed(d, stalest, DTLS_FAILURE_DISPLACED);
	return true;
}

struct dtls_handshake *dtls_negotiate_begin(
	struct dtls *d, const struct address *address, struct dtls_engine_start *start, uint32_t hello, msec now)
{
	struct handle session;
	bool is_client = start->client != NULL;
	if (!is_client && !has_room_for(d, address, now))
		return NULL;
	if (!dtls_session_take(&d->sessions, address, is_client, &session))
		return NULL;
	struct dtls_handshake *h = dtls_handshake_add(&d->handshakes, address, now);
	if (h == NULL) {
		dtls_session_give(&d->sessions, session);
		return NULL;
	}
	uint8_t name[DTLS_CID_BYTES];
	dtls_session_cid(&d->sessions, session, name);
	start->offers_cid = d->config.uses_cid;
	start->cid = is_client ? BYTES_NONE : bytes_of(name, sizeof name);
	start->mtu_bytes = d->config.mtu_bytes;
	if (!d->config.engine.begin(d->config.engine.context, slot_of(d, h), start)) {
		dtls_handshake_remove(&d->handshakes, h);
		dtls_session_give(&d->sessions, session);
		return NULL;
	}
	h->session = session;
	h->is_client = is_client;
	h->hello = hello;
	h->limit = msec_after(now, d->config.handshake_limit);
	set_timer(d, h, d->config.retransmit_first, now);
	d->counters.handshakes_started++;
	flush(d, h, false, now);
	return h;
}

static enum dtls_failure patience_ended(const struct dtls_handshake *h)
{
	if (h->was_refused)
		return DTLS_FAILURE_REFUSED;
	return h->saw_protected ? DTLS_FAILURE_BAD_KEY : DTLS_FAILURE_TIMEOUT;
}

void dtls_negotiate_due(struct dtls *d, struct dtls_handshake *h, msec now)
{
	if (now >= h->limit) {
		dtls_negotiate_failed(d, h, patience_ended(h));
		return;
	}
	enum dtls_progress progress = d->config.engine.retransmit(d->config.engine.context, slot_of(d, h));
	flush(d, h, true, now);
	if (progress == DTLS_PROGRESS_FAILED)
		dtls_negotiate_failed(d, h, DTLS_FAILURE_TIMEOUT);
	else
		set_timer(d, h, msec_earlier(2 * h->interval, RETRANSMIT_MAX), now);
}
