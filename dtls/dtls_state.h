/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the three files of the composer share: dtls.c (life, time, sessions from above), negotiate.c (handshakes from
 * their beginning to their end) and inbound.c (what arrives). Nobody else includes this. */
#pragma once

#include "dtls/cookie.h"
#include "dtls/dtls.h"
#include "dtls/handshake.h"
#include "dtls/session.h"

#define DTLS_EVENTS_MAX              4 /* one record or one timer never means more */
#define DTLS_ALERT_WARNING           1
#define DTLS_ALERT_FATAL             2
#define DTLS_ALERT_CLOSE_NOTIFY      0
#define DTLS_ALERT_HANDSHAKE_FAILURE 40

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
	struct dtls_event events[DTLS_EVENTS_MAX];
	uint32_t event_count, event_first;
	struct dtls_engine_result result; /* of the last handshake that ended well */
	uint8_t out[DTLS_MESSAGE_MAX_BYTES + DTLS_RECORD_OVERHEAD_MAX];
};

/* ---- dtls.c ---- */

/* Keeps an event for dtls_next. */
void dtls_tell(struct dtls *d, const struct dtls_event *event);
bool dtls_output(struct dtls *d, const struct address *to, struct bytes datagram);
/* One protected record of a session as a datagram. */
bool dtls_send_record(struct dtls *d, struct dtls_session *s, enum dtls_content type, struct bytes text);
void dtls_send_close_notify(struct dtls *d, struct dtls_session *s);
/* Forgets the session and tells so. */
void dtls_close_session(struct dtls *d, struct handle session, enum dtls_closed reason, uint8_t alert);

/* ---- negotiate.c ---- */

/* Reserves the two slots, starts the engine and sends what it says first. NULL, and nothing has changed, when one of
 * the three refuses. `hello` is the mark of the ClientHello, 0 for a client. */
struct dtls_handshake *dtls_negotiate_begin(
	struct dtls *d, const struct address *address, struct dtls_engine_start *start, uint32_t hello, msec now);
/* A protected record for it. */
void dtls_negotiate_receive(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now);
/* A record of epoch 0 for it, which anyone may have sent. */
void dtls_negotiate_plain(struct dtls *d, struct dtls_handshake *h, const struct dtls_record *record, msec now);
void dtls_negotiate_due(struct dtls *d, struct dtls_handshake *h, msec now);
/* Gives back everything, the session's slot too, and tells so. */
void dtls_negotiate_failed(struct dtls *d, struct dtls_handshake *h, enum dtls_failure failure);
/* Frees what the handshake holds, except its session. */
void dtls_negotiate_end(struct dtls *d, struct dtls_handshake *h);

/* ---- inbound.c ---- */

/* Takes the next record off the datagram and does what it asks. */
void dtls_inbound_walk(struct dtls *d, msec now);
