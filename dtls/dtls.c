/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The demultiplexer and composer. A datagram is walked record by record, and each record goes one of these ways:
 *
 *     ClientHello in the clear      cookie.h; with a good cookie a handshake begins, or goes on
 *     other records of epoch 0      the handshake with that address, if flight.h lets them pass
 *     with connection ID            the session of that name, else the handshake with that address
 *     other protected records       the handshake with that address if it is handshake data, else the session there
 *
 * Nothing unprotected ever touches a session. When a handshake has ended well its engine slot is freed in the same
 * turn.
 *
 * The last flight: in a full handshake the server speaks last, so a client that missed its Finished sends its own
 * again. The engine is gone by then; the session answers from the 12 bytes it kept, until application data shows that
 * the client has it. The question is authentic (a protected record, fresh in the window), so nobody else can ask. */
#include "dtls/dtls.h"

#include "coap/base/arena.h"
#include "dtls/cookie.h"
#include "dtls/flight.h"
#include "dtls/handshake.h"
#include "dtls/hello.h"
#include "dtls/session.h"

#include <assert.h>

#define EVENTS_MAX              4
#define MTU_DEFAULT_BYTES       1200
#define HANDSHAKE_LIMIT_DEFAULT SECONDS(60)
#define RETRANSMIT_DEFAULT      SECONDS(1)
#define RETRANSMIT_MAX          SECONDS(8)
#define ALERT_LEVEL_WARNING     1
#define ALERT_LEVEL_FATAL       2
#define ALERT_CLOSE_NOTIFY      0
/* An alert in the clear may be forged, so it ends nothing; but it cuts patience down to this. */
#define PATIENCE_AFTER_ALERT SECONDS(10)

struct dtls {
	struct dtls_config config;
	struct dtls_sessions sessions;
	struct dtls_handshakes handshakes;
	struct dtls_cookies cookies;
	struct prng prng;
	uint64_t hash_seed;
	struct dtls_counters counters;
	struct address from; /* of the datagram being walked */
	struct bytes rest;   /* what is left of it */
	struct dtls_event events[EVENTS_MAX];
	uint32_t event_count, event_first;
	struct dtls_engine_result result; /* of the last handshake that ended well */
	uint8_t out[DTLS_MESSAGE_MAX_BYTES + DTLS_RECORD_OVERHEAD_MAX];
};

/* ---- life ---- */

size_t dtls_memory(const struct dtls_config *config)
{
	return (sizeof(struct dtls) + 63) / 64 * 64 + dtls_sessions_memory(config->sessions) +
	       dtls_handshakes_memory(config->handshakes);
}

struct dtls *dtls_init(void *memory, const struct dtls_config *config, const uint8_t seed[PRNG_SEED_BYTES])
{
	struct dtls *d = memory;
	uint8_t *tables = (uint8_t *)memory + (sizeof *d + 63) / 64 * 64;
	memset(d, 0, sizeof *d);
	d->config = *config;
	if (d->config.mtu_bytes == 0)
		d->config.mtu_bytes = MTU_DEFAULT_BYTES;
	if (d->config.handshake_limit == 0)
		d->config.handshake_limit = HANDSHAKE_LIMIT_DEFAULT;
	if (d->config.retransmit_first == 0)
		d->config.retransmit_first = RETRANSMIT_DEFAULT;
	if (d->config.idle_limit == 0)
		d->config.idle_limit = NEVER;
	prng_init(&d->prng, seed);
	d->hash_seed = prng_u64(&d->prng);
	dtls_cookies_init(&d->cookies, &d->config.crypto, &d->prng);
	dtls_sessions_init(&d->sessions, tables, config->sessions, d->hash_seed);
	dtls_handshakes_init(
		&d->handshakes, tables + dtls_sessions_memory(config->sessions), config->handshakes, d->hash_seed);
	return d;
}

void dtls_done(struct dtls *d)
{
	struct dtls_handshake *h;
	while ((h = dtls_handshake_any(&d->handshakes)) != NULL) {
		d->config.engine.end(d->config.engine.context, dtls_handshake_slot(&d->handshakes, h));
		dtls_handshake_remove(&d->handshakes, h);
	}
}

/* ---- events and output ---- */

static void tell(struct dtls *d, const struct dtls_event *event)
{
	assert(d->event_count < EVENTS_MAX);
	d->events[(d->event_first + d->event_count++) % EVENTS_MAX] = *event;
}

static bool take_event(struct dtls *d, struct dtls_event *ret)
{
	if (d->event_count == 0)
		return false;
	*ret = d->events[d->event_first];
	d->event_first = (d->event_first + 1) % EVENTS_MAX;
	d->event_count--;
	return true;
}

static bool output(struct dtls *d, const struct address *to, struct bytes datagram)
{
	return d->config.output.send(d->config.output.context, to, datagram);
}

/* One protected record of a session as a datagram. */
static bool send_record(struct dtls *d, struct dtls_session *s, enum dtls_content type, struct bytes text)
{
	if (s->write_number > DTLS_RECORD_NUMBER_MAX)
		return false;
	struct writer w = writer_of(d->out, sizeof d->out);
	dtls_record_seal(&w,
		&(struct dtls_record_out){.type = type,
			.epoch = 1,
			.number = s->write_number++,
			.cid = dtls_cid_bytes(&s->write_cid),
			.text = text},
		&d->config.crypto, dtls_suite_aead((enum dtls_suite)s->suite), &s->write_key);
	return !w.failed && output(d, &s->address, writer_bytes(&w));
}

static void send_close_notify(struct dtls *d, struct dtls_session *s)
{
	send_record(d, s, DTLS_CONTENT_ALERT, bytes_of((const uint8_t[]){ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY}, 2));
}

static void close_session(struct dtls *d, struct handle session, enum dtls_closed reason, uint8_t alert)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, session);
	struct dtls_event event = {.kind = DTLS_EVENT_CLOSED,
		.remote = {s->address, session},
		.is_client = s->is_client,
		.closed = reason,
		.alert = alert};
	trace_event(&d->config.trace, "dtls.closed", session.slot, reason, alert);
	dtls_session_give(&d->sessions, session);
	tell(d, &event);
}

/* ---- handshakes ---- */

static uint32_t slot_of(const struct dtls *d, const struct dtls_handshake *h)
{
	return dtls_handshake_slot(&d->handshakes, h);
}

/* Sends what the engine has produced for this handshake. False when that was nothing. */
static bool flush(struct dtls *d, const struct dtls_handshake *h)
{
	struct bytes datagram;
	bool any = false;
	while (d->config.engine.take(d->config.engine.context, &datagram)) {
		output(d, &h->address, datagram);
		any = true;
	}
	return any;
}

static void set_timer(struct dtls *d, struct dtls_handshake *h, msec interval, msec now)
{
	h->interval = interval;
	h->retransmit = msec_after(now, interval);
	dtls_handshake_arm(&d->handshakes, h);
}

/* Frees what the handshake held, except its session. */
static void end_handshake(struct dtls *d, struct dtls_handshake *h)
{
	d->config.engine.end(d->config.engine.context, slot_of(d, h));
	dtls_handshake_remove(&d->handshakes, h);
}

static void handshake_failed(struct dtls *d, struct dtls_handshake *h, enum dtls_failure failure)
{
	struct dtls_event event = {.kind = DTLS_EVENT_FAILED,
		.remote = {h->address, h->session},
		.is_client = h->is_client,
		.failure = failure,
		.alert = h->alert};
	trace_event(&d->config.trace, "dtls.handshake_failed", h->session.slot, failure, h->alert);
	d->counters.handshakes_failed++;
	dtls_session_give(&d->sessions, h->session);
	end_handshake(d, h);
	tell(d, &event);
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
	close_session(d, old, DTLS_CLOSED_SUPERSEDED, 0);
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
	tell(d, &(struct dtls_event){.kind = DTLS_EVENT_ESTABLISHED,
			.remote = {h->address, session},
			.is_client = h->is_client,
			.peer = &d->result});
	end_handshake(d, h);
}

static void feed(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now)
{
	enum dtls_progress progress = d->config.engine.receive(d->config.engine.context, slot_of(d, h), record->whole);
	bool answered = flush(d, h);
	h->saw_protected |= record->epoch > 0;
	switch (progress) {
	case DTLS_PROGRESS_WAITING:
		if (answered)
			set_timer(d, h, d->config.retransmit_first, now);
		return;
	case DTLS_PROGRESS_DONE:
		handshake_done(d, h, record, now);
		return;
	case DTLS_PROGRESS_FAILED:
		handshake_failed(d, h, d->config.engine.failure(d->config.engine.context, slot_of(d, h)));
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

static void feed_plain(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now)
{
	uint8_t alert;
	switch (dtls_flight_judge(record, h->is_client, &alert)) {
	case DTLS_PLAIN_GOOD:
		feed(d, h, record, now);
		return;
	case DTLS_PLAIN_ALERT:
		alert_noted(d, h, alert, now);
		return;
	case DTLS_PLAIN_MALFORMED:
		d->counters.dropped_malformed++;
		return;
	}
}

/* Reserves the two slots and starts the engine. NULL, and nothing has changed, when one of the three refuses. */
static struct dtls_handshake *begin(
	struct dtls *d, const struct address *address, struct dtls_engine_start *start, uint32_t hello, msec now)
{
	struct handle session;
	bool is_client = start->client != NULL;
	if (!dtls_session_take(&d->sessions, address, is_client, &session))
		return NULL;
	struct dtls_handshake *h = dtls_handshake_add(&d->handshakes, address);
	if (h == NULL) {
		dtls_session_give(&d->sessions, session);
		return NULL;
	}
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	dtls_cid_draw(&d->prng, s->read_cid);
	start->offers_cid = d->config.uses_cid;
	start->cid = is_client ? BYTES_NONE : bytes_of(s->read_cid, DTLS_CID_BYTES);
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
	return h;
}

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
	output(d, &d->from, writer_bytes(&w));
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
		feed_plain(d, h, record, now);
		return;
	}
	if (h != NULL && h->is_client) { /* both ends want to be the client; ours was first */
		d->counters.dropped_unknown++;
		return;
	}
	if (h != NULL)
		handshake_failed(d, h, DTLS_FAILURE_ABANDONED);
	h = begin(d, &d->from,
		&(struct dtls_engine_start){.cookie_secret = bytes_of(d->cookies.secret, sizeof d->cookies.secret),
			.cookie_peer = bytes_of(peer->data, sizeof peer->data)},
		mark, now);
	if (h == NULL)
		d->counters.dropped_full++;
	else
		feed_plain(d, h, record, now);
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
	tell(d, &(struct dtls_event){.kind = DTLS_EVENT_MESSAGE,
			.remote = {s->address, session},
			.is_client = s->is_client,
			.message = text});
}

static void alert_received(struct dtls *d, struct handle session, struct dtls_session *s, struct bytes text)
{
	if (text.len != 2)
		return;
	uint8_t level = text.data[0], alert = text.data[1];
	if (alert == ALERT_CLOSE_NOTIFY)
		send_close_notify(d, s); /* RFC 5246 section 7.2.1 */
	else if (level != ALERT_LEVEL_FATAL)
		return;
	d->counters.sessions_closed++;
	close_session(d, session, alert == ALERT_CLOSE_NOTIFY ? DTLS_CLOSED_BY_PEER : DTLS_CLOSED_ALERT, alert);
}

static void handshake_in_session(struct dtls *d, struct dtls_session *s, struct bytes text)
{
	if (!s->may_repeat_finished || text.len == 0 || text.data[0] != DTLS_HANDSHAKE_FINISHED)
		return;
	struct writer w = writer_of(d->out, sizeof d->out);
	dtls_flight_write_last(&w, s, &d->config.crypto);
	if (w.failed)
		return;
	d->counters.finished_repeated++;
	output(d, &s->address, writer_bytes(&w));
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
	}
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
		feed_plain(d, h, record, now);
	else
		d->counters.dropped_plaintext++;
}

/* With a handshake running beside an old session, handshake records are the handshake's and the others the session's.
 */
static void protected_received(struct dtls *d, const struct dtls_record *record, msec now)
{
	struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &d->from);
	struct handle session = record->type == DTLS_CONTENT_CID ? dtls_session_find_by_cid(&d->sessions, record->cid)
								 : dtls_session_find_by_address(&d->sessions, &d->from);
	bool is_handshake = record->type == DTLS_CONTENT_HANDSHAKE || record->type == DTLS_CONTENT_CID;
	if (handle_is_none(session) || (h != NULL && record->type == DTLS_CONTENT_HANDSHAKE)) {
		if (h != NULL && is_handshake)
			feed(d, h, record, now);
		else if (h != NULL)
			d->counters.dropped_early++;
		else
			d->counters.dropped_unknown++;
		return;
	}
	session_received(d, session, record, now);
}

void dtls_receive(struct dtls *d, const struct address *from, uint8_t *datagram, size_t len, msec now)
{
	(void)now; /* dtls_next does the work; what is due before it is done there, too */
	d->from = *from;
	d->rest = bytes_of(datagram, len);
}

static void walk_datagram(struct dtls *d, msec now)
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

/* ---- time ---- */

static msec idle_deadline(const struct dtls *d)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, dtls_session_oldest(&d->sessions));
	return s == NULL ? NEVER : msec_after(s->active, d->config.idle_limit);
}

msec dtls_deadline(const struct dtls *d)
{
	if (d->event_count > 0 || d->rest.len > 0)
		return 0;
	return msec_earlier(dtls_handshakes_deadline(&d->handshakes), idle_deadline(d));
}

static enum dtls_failure patience_ended(const struct dtls_handshake *h)
{
	if (h->was_refused)
		return DTLS_FAILURE_REFUSED;
	return h->saw_protected ? DTLS_FAILURE_BAD_KEY : DTLS_FAILURE_TIMEOUT;
}

static void handshake_due(struct dtls *d, struct dtls_handshake *h, msec now)
{
	if (now >= h->limit) {
		handshake_failed(d, h, patience_ended(h));
		return;
	}
	enum dtls_progress progress = d->config.engine.retransmit(d->config.engine.context, slot_of(d, h));
	flush(d, h);
	if (progress == DTLS_PROGRESS_FAILED)
		handshake_failed(d, h, DTLS_FAILURE_TIMEOUT);
	else
		set_timer(d, h, msec_earlier(2 * h->interval, RETRANSMIT_MAX), now);
}

static void session_expired(struct dtls *d)
{
	struct handle session = dtls_session_oldest(&d->sessions);
	send_close_notify(d, dtls_session_get(&d->sessions, session));
	d->counters.sessions_expired++;
	close_session(d, session, DTLS_CLOSED_IDLE, 0);
}

/* Does one thing that is due. False when there is none. */
static bool work(struct dtls *d, msec now)
{
	struct dtls_handshake *h;
	if (d->rest.len > 0)
		walk_datagram(d, now);
	else if ((h = dtls_handshake_due(&d->handshakes, now)) != NULL)
		handshake_due(d, h, now);
	else if (idle_deadline(d) <= now)
		session_expired(d);
	else
		return false;
	return true;
}

bool dtls_next(struct dtls *d, msec now, struct dtls_event *ret)
{
	while (!take_event(d, ret))
		if (!work(d, now))
			return false;
	return true;
}

/* ---- sessions, from above ---- */

bool dtls_connect(struct dtls *d, const struct address *to, const struct dtls_client_credential *credential, msec now,
	struct coap_remote *ret)
{
	if (dtls_handshake_find(&d->handshakes, to) != NULL)
		return false;
	struct dtls_handshake *h = begin(d, to, &(struct dtls_engine_start){.client = credential}, 0, now);
	if (h == NULL)
		return false;
	flush(d, h);
	*ret = (struct coap_remote){*to, h->session};
	return true;
}

bool dtls_send(struct dtls *d, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)now;
	struct dtls_session *s = dtls_session_get(&d->sessions, to->session);
	if (s == NULL || !s->is_established || message.len > DTLS_MESSAGE_MAX_BYTES)
		return false;
	if (!send_record(d, s, DTLS_CONTENT_APPLICATION, message))
		return false;
	d->counters.sent++;
	return true;
}

static bool send_by_port(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	return dtls_send(context, to, message, now);
}

struct coap_transport dtls_transport(struct dtls *d)
{
	return (struct coap_transport){d, send_by_port};
}

void dtls_close(struct dtls *d, struct handle session, msec now)
{
	(void)now;
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	if (s == NULL)
		return;
	if (s->is_established) {
		send_close_notify(d, s);
	} else {
		struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &s->address);
		assert(h != NULL && handle_equal(h->session, session));
		end_handshake(d, h);
	}
	d->counters.sessions_closed++;
	dtls_session_give(&d->sessions, session);
}

/* ---- questions ---- */

bool dtls_session_info(const struct dtls *d, struct handle session, struct dtls_session_info *ret)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, session);
	if (s == NULL || !s->is_established)
		return false;
	*ret = (struct dtls_session_info){
		.address = s->address,
		.principal = s->principal,
		.suite = (enum dtls_suite)s->suite,
		.is_client = s->is_client,
		.has_cid = s->reads_cid || s->write_cid.len > 0,
		.active = s->active,
		.sent = s->write_number,
		.highest = s->window.next == 0 ? 0 : s->window.next - 1,
	};
	return true;
}

uint32_t dtls_sessions_used(const struct dtls *d)
{
	return d->sessions.slab.used;
}

uint32_t dtls_handshakes_used(const struct dtls *d)
{
	return d->handshakes.slab.used;
}

const struct dtls_counters *dtls_counters(const struct dtls *d)
{
	return &d->counters;
}

const char *dtls_closed_text(enum dtls_closed reason)
{
	switch (reason) {
	case DTLS_CLOSED_BY_PEER:
		return "closed by the peer";
	case DTLS_CLOSED_ALERT:
		return "fatal alert from the peer";
	case DTLS_CLOSED_IDLE:
		return "idle for too long";
	case DTLS_CLOSED_SUPERSEDED:
		return "superseded by a new session";
	}
	return "unknown reason";
}
