/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The composer seen from above: its life, its events, its time and its sessions. What arrives is in inbound.c. */
#include "dtls/dtls_state.h"

#include <assert.h>

#define HANDSHAKE_LIMIT_DEFAULT SECONDS(60)
#define RETRANSMIT_DEFAULT      SECONDS(1)

/* ---- life ---- */

size_t dtls_memory(const struct dtls_config *config)
{
	return (sizeof(struct dtls) + 63) / 64 * 64 + dtls_sessions_memory(config->sessions) +
	       dtls_handshakes_memory(config->handshakes);
}

/* Names of sessions must not come again when a new process begins with the same key. */
static void begin_names(struct dtls *d)
{
	uint8_t key[DTLS_CID_KEY_BYTES];
	prng_fill(&d->prng, key, sizeof key);
	if (d->config.cid_key != NULL)
		memcpy(key, d->config.cid_key, sizeof key);
	dtls_sessions_set_cid(&d->sessions, d->config.worker, key);
	slab_begin_at(&d->sessions.slab, prng_u32(&d->prng));
}

struct dtls *dtls_init(void *memory, const struct dtls_config *config, const uint8_t seed[PRNG_SEED_BYTES])
{
	struct dtls *d = memory;
	uint8_t *tables = (uint8_t *)memory + (sizeof *d + 63) / 64 * 64;
	assert(config->sessions <= DTLS_CID_SLOTS);
	memset(d, 0, sizeof *d);
	d->config = *config;
	if (d->config.mtu_bytes == 0)
		d->config.mtu_bytes = dtls_datagram_max(DTLS_LINK_MTU_DEFAULT);
	if (d->config.handshakes_per_host == 0)
		d->config.handshakes_per_host = (d->config.handshakes + 1) / 2;
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
	begin_names(d);
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

void dtls_tell(struct dtls *d, const struct dtls_event *event)
{
	assert(d->event_count < DTLS_EVENTS_MAX);
	d->events[(d->event_first + d->event_count++) % DTLS_EVENTS_MAX] = *event;
}

static bool take_event(struct dtls *d, struct dtls_event *ret)
{
	if (d->event_count == 0)
		return false;
	*ret = d->events[d->event_first];
	d->event_first = (d->event_first + 1) % DTLS_EVENTS_MAX;
	d->event_count--;
	return true;
}

bool dtls_output(struct dtls *d, const struct address *to, struct bytes datagram)
{
	return d->config.output.send(d->config.output.context, to, datagram);
}

bool dtls_send_record(struct dtls *d, struct dtls_session *s, enum dtls_content type, struct bytes text)
{
	if (s->write_number > DTLS_RECORD_NUMBER_MAX)
		return false;
	dtls_session_spend(&d->sessions, s);
	struct writer w = writer_of(d->out, sizeof d->out);
	dtls_record_seal(&w,
		&(struct dtls_record_out){.type = type,
			.epoch = 1,
			.number = s->write_number++,
			.cid = dtls_cid_bytes(&s->write_cid),
			.text = text},
		&d->config.crypto, dtls_suite_aead((enum dtls_suite)s->suite), &s->write_key);
	if (w.failed || !dtls_session_spend_credit(s, writer_bytes(&w).len))
		return false;
	return dtls_output(d, &s->address, writer_bytes(&w));
}

void dtls_send_close_notify(struct dtls *d, struct dtls_session *s)
{
	dtls_send_record(
		d, s, DTLS_CONTENT_ALERT, bytes_of((const uint8_t[]){DTLS_ALERT_WARNING, DTLS_ALERT_CLOSE_NOTIFY}, 2));
}

void dtls_close_session(struct dtls *d, struct handle session, enum dtls_closed reason, uint8_t alert)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, session);
	struct dtls_event event = {.kind = DTLS_EVENT_CLOSED,
		.remote = {s->address, session},
		.is_client = s->is_client,
		.closed = reason,
		.alert = alert};
	trace_event(&d->config.trace, "dtls.closed", session.slot, reason, alert);
	dtls_session_give(&d->sessions, session);
	dtls_tell(d, &event);
}

/* ---- input and time ---- */

void dtls_receive(struct dtls *d, const struct address *from, uint8_t *datagram, size_t len, msec now)
{
	(void)now; /* dtls_next does the work; what is due before it is done there, too */
	d->from = *from;
	d->rest = bytes_of(datagram, len);
}

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

static void session_expired(struct dtls *d)
{
	struct handle session = dtls_session_oldest(&d->sessions);
	dtls_send_close_notify(d, dtls_session_get(&d->sessions, session));
	d->counters.sessions_expired++;
	dtls_close_session(d, session, DTLS_CLOSED_IDLE, 0);
}

/* Does one thing that is due. False when there is none. */
static bool work(struct dtls *d, msec now)
{
	struct dtls_handshake *h;
	if (d->rest.len > 0)
		dtls_inbound_walk(d, now);
	else if ((h = dtls_handshake_due(&d->handshakes, now)) != NULL)
		dtls_negotiate_due(d, h, now);
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
	struct dtls_handshake *h =
		dtls_negotiate_begin(d, to, &(struct dtls_engine_start){.client = credential}, 0, now);
	if (h == NULL)
		return false;
	*ret = (struct coap_remote){*to, h->session};
	return true;
}

/* Of messages; what a record adds is not theirs. */
static uint32_t allowance(const struct dtls_session *s)
{
	size_t overhead = dtls_record_overhead(dtls_suite_aead((enum dtls_suite)s->suite), s->write_cid.len);
	if (!s->is_unproved)
		return COAP_PATH_FREE;
	return s->credit > overhead ? (uint32_t)(s->credit - overhead) : 0;
}

bool dtls_path(const struct dtls *d, const struct coap_remote *to, struct coap_path_state *ret)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, to->session);
	if (s == NULL || !s->is_established)
		return false;
	*ret = (struct coap_path_state){.address = s->address, .allowance = allowance(s)};
	return true;
}

void dtls_prove(struct dtls *d, const struct coap_remote *remote)
{
	const struct dtls_session *s = dtls_session_get(&d->sessions, remote->session);
	if (s == NULL || !s->is_established || !s->is_unproved || !address_equal(&s->address, &remote->address))
		return;
	d->counters.addresses_proved++;
	dtls_session_prove(&d->sessions, remote->session);
}

bool dtls_send(struct dtls *d, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)now;
	struct dtls_session *s = dtls_session_get(&d->sessions, to->session);
	if (s == NULL || !s->is_established || message.len > DTLS_MESSAGE_MAX_BYTES)
		return false;
	if (message.len > allowance(s)) {
		d->counters.withheld++;
		return false;
	}
	if (!dtls_send_record(d, s, DTLS_CONTENT_APPLICATION, message))
		return false;
	d->counters.sent++;
	return true;
}

static bool send_by_port(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	return dtls_send(context, to, message, now);
}

static bool path_by_port(void *context, const struct coap_remote *to, struct coap_path_state *ret)
{
	return dtls_path(context, to, ret);
}

static void prove_by_port(void *context, const struct coap_remote *remote)
{
	dtls_prove(context, remote);
}

struct coap_transport dtls_transport(struct dtls *d)
{
	return (struct coap_transport){
		.context = d, .send = send_by_port, .path = path_by_port, .prove = prove_by_port};
}

void dtls_close(struct dtls *d, struct handle session, msec now)
{
	(void)now;
	struct dtls_session *s = dtls_session_get(&d->sessions, session);
	if (s == NULL)
		return;
	if (s->is_established) {
		dtls_send_close_notify(d, s);
	} else {
		struct dtls_handshake *h = dtls_handshake_find(&d->handshakes, &s->address);
		assert(h != NULL && handle_equal(h->session, session));
		dtls_negotiate_end(d, h);
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
		.by_raw_key = s->by_raw_key,
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
