/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The demultiplexer. A datagram is walked record by record, and each record goes one of these ways:
 *
 *     ClientHello in the clear      cookie.h; with a good cookie a handshake begins, or goes on
 *     other records of epoch 0      the handshake with that address, if flight.h lets them pass
 *     with connection ID            the session of that name, else the handshake with that address
 *     other protected records       the handshake with that address if it is handshake data, else the session there
 *
 * Nothing unprotected ever touches a session.
 *
 * The last flight: in a full handshake the server speaks last, so a client that missed its Finished sends its own
 * again. The engine is gone by then; the session answers from the 12 bytes it kept, until application data shows that
 * the client has it. The question is authentic (a protected record, fresh in the window), so nobody else can ask. */
#include "dtls/dtls_state.h"
#include "dtls/flight.h"
#include "dtls/hello.h"

#include <assert.h>

/* ---- ClientHellos ---- */

static void send_cookie(struct dtls *d, const struct dtls_hello *hello, msec now)
{
	uint8_t cookie[DTLS_COOKIE_BYTES], datagram[DTLS_HELLO_VERIFY_REQUEST_BYTES];
	if (!dtls_cookie_make(&d->cookies, &d->from, hello, now, cookie))
		return;
	struct writer w = writer_of(datagram, sizeof datagram);
	dtls_hello_write_verify_request(&w, hello, bytes_of(cookie, sizeof cookie));
	assert(!w.failed);
	d->counters.cookies_sent++;
	dtls_output(d, &d->from, writer_bytes(&w));
}

/* Its peer is where it says. A copy of a ClientHello that has led to a session already, late on the way, begins
 * nothing. */
static void hello_proved(struct dtls *d, const struct dtls_record *record, const struct dtls_hello *hello,
	const struct dtls_cookie_peer *peer, msec now)
{
	uint32_t mark = (uint32_t)bytes_hash(hello->random, d->hash_seed);
	const struct dtls_session *s =
		dtls_session_get(&d->sessions, dtls_session_find_by_address(&d->sessions, &d->from));
	if (s != NULL && !s->is_client && s->hello == mark) {
		d->counters.dropped_replayed++;
		return;
	}
	struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &d->from);
	if (h != NULL && h->hello == mark) {
		dtls_negotiate_plain(d, h, record, now);
		return;
	}
	if (h != NULL && h->is_client) { /* both ends want to be the client; ours was first */
		d->counters.dropped_unknown++;
		return;
	}
	if (h != NULL)
		dtls_negotiate_failed(d, h, DTLS_FAILURE_ABANDONED);
	struct dtls_hello_keys keys = dtls_hello_keys(hello);
	h = dtls_negotiate_begin(d, &d->from,
		&(struct dtls_engine_start){.cookie_secret = bytes_of(d->cookies.secret, sizeof d->cookies.secret),
			.cookie_peer = bytes_of(peer->data, sizeof peer->data),
			.takes_certificate = keys.certificate,
			.takes_raw_key = keys.raw_key,
			.prefers_raw_key = keys.prefers_raw_key},
		mark, now);
	if (h == NULL)
		d->counters.dropped_full++;
	else
		dtls_negotiate_plain(d, h, record, now);
}

static void hello_received(struct dtls *d, const struct dtls_record *record, msec now)
{
	struct dtls_hello hello;
	struct dtls_cookie_peer peer;
	if (!d->config.accepts)
		d->counters.dropped_unknown++;
	else if (!dtls_hello_parse(record, &hello))
		d->counters.dropped_malformed++;
	else if (dtls_cookie_verify(&d->cookies, &d->from, &hello, now, &peer))
		hello_proved(d, record, &hello, &peer, now);
	else
		send_cookie(d, &hello, now);
}

/* ---- sessions ---- */

static void message_received(struct dtls *d, struct handle session, struct dtls_session *s, struct bytes text)
{
	s->may_repeat_finished = false;
	if (text.len == 0) /* RFC 5246 section 6.2.1 allows it; to CoAP it would be nothing */
		return;
	d->counters.received++;
	dtls_tell(d, &(struct dtls_event){.kind = DTLS_EVENT_MESSAGE,
			     .remote = {s->address, session},
			     .is_client = s->is_client,
			     .message = text});
}

static void alert_received(struct dtls *d, struct handle session, struct dtls_session *s, struct bytes text)
{
	if (text.len != 2)
		return;
	uint8_t level = text.data[0], alert = text.data[1];
	if (alert == DTLS_ALERT_CLOSE_NOTIFY)
		dtls_send_close_notify(d, s); /* RFC 5246 section 7.2.1 */
	else if (level != DTLS_ALERT_FATAL)
		return;
	d->counters.sessions_closed++;
	dtls_close_session(
		d, session, alert == DTLS_ALERT_CLOSE_NOTIFY ? DTLS_CLOSED_BY_PEER : DTLS_CLOSED_ALERT, alert);
}

static void handshake_in_session(struct dtls *d, struct dtls_session *s, struct bytes text)
{
	if (!s->may_repeat_finished || text.len == 0 || text.data[0] != DTLS_HANDSHAKE_FINISHED)
		return;
	dtls_session_spend(&d->sessions, s);
	struct writer w = writer_of(d->out, sizeof d->out);
	dtls_flight_write_last(&w, s, &d->config.crypto);
	if (w.failed || !dtls_session_spend_credit(s, writer_bytes(&w).len))
		return;
	d->counters.finished_repeated++;
	dtls_output(d, &s->address, writer_bytes(&w));
}

static void record_opened(struct dtls *d, struct handle session, uint8_t type, struct bytes text)
{
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	switch (type) {
	case DTLS_CONTENT_APPLICATION:
		message_received(d, session, s, text);
		return;
	case DTLS_CONTENT_ALERT:
		alert_received(d, session, s, text);
		return;
	case DTLS_CONTENT_HANDSHAKE:
		handshake_in_session(d, s, text);
		return;
	default: /* a number from the wire: authentic, but of no use here */
		return;
	}
}

static void session_received(struct dtls *d, struct handle session, const struct dtls_record *record, msec now)
{
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	uint8_t type;
	struct bytes text;
	if (record->epoch != 1 || s->reads_cid != (record->type == DTLS_CONTENT_CID)) {
		d->counters.dropped_unknown++;
		return;
	}
	if (!dtls_window_is_fresh(&s->window, record->number)) {
		d->counters.dropped_replayed++;
		return;
	}
	if (!dtls_record_open(record, &d->config.crypto, dtls_suite_aead((enum dtls_suite)s->suite), &s->read_key,
		    &type, &text)) {
		d->counters.dropped_forged++;
		return;
	}
	bool is_newer = dtls_window_mark(&s->window, record->number);
	dtls_session_heard(&d->sessions, session, now);
	/* RFC 9146 section 6: authentic, and newer than all before; an old record replayed from elsewhere moves
	 * nothing. */
	if (is_newer && !address_equal(&s->address, &d->from)) {
		d->counters.addresses_changed++;
		dtls_session_move(&d->sessions, session, &d->from);
		if (d->config.trusts_moves)
			dtls_session_prove(&d->sessions, session);
	}
	if (s->is_unproved && address_equal(&s->address, &d->from))
		dtls_session_credit(s, record->whole.len);
	record_opened(d, session, type, text);
}

/* ---- the demultiplexer ---- */

static void plain_received(struct dtls *d, const struct dtls_record *record, msec now)
{
	if (dtls_hello_is(record)) {
		hello_received(d, record, now);
		return;
	}
	struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &d->from);
	if (h != NULL && record->type != DTLS_CONTENT_APPLICATION)
		dtls_negotiate_plain(d, h, record, now);
	else
		d->counters.dropped_plaintext++;
}

/* Where a handshake runs beside an old session, handshake records belong to it and the others to the session. */
static void protected_received(struct dtls *d, const struct dtls_record *record, msec now)
{
	struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &d->from);
	struct handle session = record->type == DTLS_CONTENT_CID ? dtls_session_find_by_cid(&d->sessions, record->cid)
								 : dtls_session_find_by_address(&d->sessions, &d->from);
	bool is_handshake = record->type == DTLS_CONTENT_HANDSHAKE || record->type == DTLS_CONTENT_CID;
	if (handle_is_none(session) || (h != NULL && record->type == DTLS_CONTENT_HANDSHAKE)) {
		if (h != NULL && is_handshake)
			dtls_negotiate_receive(d, h, record, now);
		else if (h != NULL)
			d->counters.dropped_early++;
		else
			d->counters.dropped_unknown++;
		return;
	}
	session_received(d, session, record, now);
}

void dtls_inbound_walk(struct dtls *d, msec now)
{
	struct dtls_record record;
	if (!dtls_record_take(&d->rest, DTLS_CID_BYTES, &record)) {
		d->counters.dropped_malformed++;
		d->rest = BYTES_NONE;
	} else if (record.epoch == 0) {
		plain_received(d, &record, now);
	} else {
		protected_received(d, &record, now);
	}
}
