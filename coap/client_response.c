/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client_response.h"

#include "coap/client_call.h"
#include "coap/client_notification.h"
#include "coap/client_outcome.h"
#include "coap/client_request.h"
#include "coap/content_format.h"
#include "coap/flow.h"
#include "coap/groupcall.h"
#include "coap/outbound.h"
#include "coap/path.h"
#include "coap/qclient.h"
#include "coap/qclient_body.h"
#include "coap/transfer.h"

static const uint16_t understood_numbers[] = {
	COAP_OPTION_CONTENT_FORMAT,
	COAP_OPTION_ETAG,
	COAP_OPTION_OBSERVE,
	COAP_OPTION_BLOCK2,
	COAP_OPTION_BLOCK1,
	COAP_OPTION_MAX_AGE,
	COAP_OPTION_LOCATION_PATH,
	COAP_OPTION_LOCATION_QUERY,
	COAP_OPTION_SIZE1,
	COAP_OPTION_SIZE2,
	COAP_OPTION_ECHO,
};
static const struct coap_option_set understood = {
	understood_numbers, sizeof understood_numbers / sizeof understood_numbers[0], NULL};
/* Of the response to a request that used Q-Block. */
static const uint16_t qblock_numbers[] = {COAP_OPTION_Q_BLOCK1, COAP_OPTION_Q_BLOCK2};
static const struct coap_option_set understood_qblock = {qblock_numbers, 2, &understood};

static bool is_qcall(struct coap_endpoint *e, struct handle h)
{
	return !handle_is_none(coap_call_of(e, h)->qcall);
}

static uint16_t format_of(const struct coap_message *m)
{
	uint32_t value;
	return coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &value) ? (uint16_t)value : COAP_FORMAT_NONE;
}

/* ---- responses nobody waits for, and those that cannot be taken ---- */

static uint64_t recent_key(const struct coap_endpoint *e, const struct coap_remote *from, uint16_t id)
{
	return coap_remote_hash(from, e->secret + id) | 1;
}

/* Whether this confirmable response has been acknowledged before: its ACK was lost. */
static bool was_acknowledged(const struct coap_endpoint *e, uint64_t key)
{
	for (int i = 0; i < COAP_RECENT_MAX; i++)
		if (e->recent[i] == key)
			return true;
	return false;
}

static void acknowledge(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (m->type != COAP_TYPE_CON)
		return;
	e->recent[e->recent_next++ % COAP_RECENT_MAX] = recent_key(e, from, m->id);
	coap_outbound_empty(e, from, COAP_TYPE_ACK, m->id, now);
}

/* What is no longer wanted and comes non-confirmable: a notification (RFC 7641 section 3.6), a body by Q-Block or the
 * question for more of ours (RFC 9177 section 4.3) would come again and again, so its sender is told. */
static bool will_come_again(const struct coap_message *m)
{
	return m->type == COAP_TYPE_NON &&
	       (coap_message_has(m, COAP_OPTION_OBSERVE) || coap_message_has(m, COAP_OPTION_Q_BLOCK2) ||
		       coap_qclient_is_missing_list(m));
}

static void refuse(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (m->type == COAP_TYPE_CON || will_come_again(m))
		coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
}

/* A piggybacked response belongs to the request with the same Message-ID (RFC 7252 section 5.3.2). */
static bool belongs(struct coap_endpoint *e, struct handle h, const struct coap_message *m)
{
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, coap_call_of(e, h)->pending);
	return m->type != COAP_TYPE_ACK || (pending != NULL && pending->id == m->id);
}

static const struct coap_option_set *understood_by(const struct coap_client_call *call)
{
	return call->may_get_qblock ? &understood_qblock : &understood;
}

/* RFC 7252 section 5.4.1. One member's response does not end the request to a group. */
static void reject(struct coap_endpoint *e, struct handle h, const struct coap_remote *from,
	const struct coap_message *m, msec now)
{
	refuse(e, from, m, now);
	if (!coap_call_of(e, h)->is_group)
		coap_client_end(e, h, COAP_OUTCOME_BROKEN, now);
}

/* ---- block by block, or in one message ---- */

static uint64_t round_trip(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, h);
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call->pending);
	if (!call->carrier.is_reliable && (pending == NULL || pending->sent != 1))
		return 0;
	return now > call->sent_at ? (uint64_t)(now - call->sent_at) : 1;
}

/* One of several blocks that a request asked for (RFC 9177 section 4.4). An error is the answer to all of them. */
static bool is_one_of_several(const struct coap_client_call *call, const struct coap_message *m)
{
	return call->responses_left > 0 && coap_code_is_success(m->code) && coap_message_has(m, COAP_OPTION_Q_BLOCK2);
}

/* Also an intermediary may be told so, in either code (RFC 8516 section 3, RFC 7252 section 5.9.3.4). */
static uint32_t retry_after(const struct coap_message *m)
{
	uint32_t max_age_s = COAP_MAX_AGE_DEFAULT_S;
	if (m->code != COAP_TOO_MANY_REQUESTS && m->code != COAP_SERVICE_UNAVAILABLE)
		return 0;
	(void)coap_message_uint(m, COAP_OPTION_MAX_AGE, &max_age_s);
	return max_age_s;
}

static void settle_pending(struct coap_endpoint *e, struct coap_client_call *call, msec now)
{
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call->pending);
	if (pending != NULL) {
		coap_flow_answered(e, pending, now);
		coap_path_answered(e, pending);
	}
	coap_retransmit_remove(&e->retransmit, call->pending);
	call->pending = HANDLE_NONE;
}

static void follow(struct coap_endpoint *e, struct handle h, enum coap_transfer_progress progress,
	struct coap_reply *reply, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, h);
	switch (progress) {
	case COAP_TRANSFER_ON:
		coap_client_go_on(e, h, now);
		break;
	case COAP_TRANSFER_BROKEN:
		coap_client_end(e, h, COAP_OUTCOME_BROKEN, now);
		break;
	case COAP_TRANSFER_WHOLE:
		if (!handle_is_none(call->assembly))
			reply->body = coap_body_bytes(&e->bodies, call->assembly);
		else if (call->sink.take != NULL && call->fetched > 0)
			reply->body = BYTES_NONE; /* it went to where the caller wants it */
		coap_client_finish(e, h, reply, now);
		break;
	}
}

static void settle(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	uint32_t sequence;
	struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE,
		.message = m,
		.code = m->code,
		.content_format = format_of(m),
		.body = m->payload,
		.retry_after_s = retry_after(m),
		.round_trip_ms = round_trip(e, h, now)};
	settle_pending(e, call, now);
	if (coap_client_must_echo(e, h, m, false, now)) {
		coap_client_go_on(e, h, now);
		return;
	}
	if (is_one_of_several(call, m)) {
		call->responses_left--;
		coap_exchange_acked(&e->exchanges, h, msec_after(now, coap_max_transmit_wait(&call->patience)));
		coap_client_tell(e, h, COAP_OUTCOME_BLOCK, &reply, now);
		return;
	}
	enum coap_transfer_progress progress = coap_transfer_sent(call, m);
	if (progress == COAP_TRANSFER_WHOLE && call->observes && coap_code_is_success(m->code) &&
		coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence)) {
		coap_client_notified(e, h, m, &reply, sequence, now);
		return;
	}
	if (progress == COAP_TRANSFER_WHOLE)
		progress = coap_transfer_received(e, h, m);
	follow(e, h, progress, &reply, now);
}

/* ---- by Q-Block (RFC 9177) ---- */

/* The call goes on as if Q-Block had never been thought of. */
static void fall_back(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	coap_qclient_close(e, h);
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	call->may_get_qblock = false;
	coap_exchange_pace(&e->exchanges, h, false);
	coap_client_go_on(e, h, now);
}

/* `m` is NULL when there is no message behind it. */
static void follow_qblock(struct coap_endpoint *e, struct handle h, enum coap_qclient_progress progress,
	const struct coap_message *m, msec now)
{
	struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE, .message = m, .content_format = COAP_FORMAT_NONE};
	if (m != NULL) {
		reply.code = m->code;
		reply.content_format = format_of(m);
	}
	switch (progress) {
	case COAP_QCLIENT_ON:
		break;
	case COAP_QCLIENT_RESPONSE:
		reply.body = coap_qclient_body(e, h, m);
		coap_client_finish(e, h, &reply, now);
		break;
	case COAP_QCLIENT_NOTIFICATION:
		coap_exchange_observing(&e->exchanges, h, NEVER);
		reply.body = coap_qclient_body(e, h, m);
		coap_client_tell(e, h, COAP_OUTCOME_NOTIFICATION, &reply, now);
		if (coap_exchange_get(&e->exchanges, h) != NULL && !handle_is_none(coap_call_of(e, h)->qcall))
			coap_qclient_told(e, h);
		break;
	case COAP_QCLIENT_FALL_BACK:
		fall_back(e, h, now);
		break;
	case COAP_QCLIENT_ORDINARY:
		coap_qclient_close(e, h);
		settle(e, h, m, now);
		break;
	case COAP_QCLIENT_BROKEN:
		coap_client_end(e, h, COAP_OUTCOME_BROKEN, now);
		break;
	case COAP_QCLIENT_TIMEOUT:
		e->counters.timeouts++;
		coap_client_end(e, h, COAP_OUTCOME_TIMEOUT, now);
		break;
	}
}

void coap_client_tick_qblocks(struct coap_endpoint *e, msec now)
{
	struct handle h;
	enum coap_qclient_progress progress;
	while (coap_qclient_due(e, now, &h, &progress))
		follow_qblock(e, h, progress, NULL, now);
}

/* ---- what has come ---- */

void coap_client_response(struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, msec now)
{
	struct handle h;
	uint16_t offending;
	if (!coap_exchange_find(&e->exchanges, from, coap_token_bytes(&m->token), &h)) {
		if (m->type == COAP_TYPE_CON && was_acknowledged(e, recent_key(e, from, m->id)))
			coap_outbound_empty(e, from, COAP_TYPE_ACK, m->id, now);
		else
			refuse(e, from, m, now);
		return;
	}
	if (!is_qcall(e, h) && !belongs(e, h, m))
		return;
	bool is_understood = coap_call_of(e, h)->is_forwarded
				     ? coap_message_may_forward(m, understood_by(coap_call_of(e, h)), &offending)
				     : coap_message_recognise(m, understood_by(coap_call_of(e, h)), &offending);
	if (!is_understood) {
		reject(e, h, from, m, now);
		return;
	}
	acknowledge(e, from, m, now);
	if (coap_call_of(e, h)->is_group)
		coap_groupcall_response(e, h, from, m, now);
	else if (is_qcall(e, h))
		follow_qblock(e, h, coap_qclient_response(e, h, m, now), m, now);
	else
		settle(e, h, m, now);
}

void coap_client_unreadable(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	struct handle h;
	if (!coap_exchange_find(&e->exchanges, from, coap_token_bytes(&m->token), &h))
		refuse(e, from, m, now);
	else if (is_qcall(e, h) || belongs(e, h, m))
		reject(e, h, from, m, now);
}

void coap_client_acked(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	if (x == NULL)
		return;
	struct coap_client_call *call = coap_call_of(e, h);
	call->pending = HANDLE_NONE;
	if (is_qcall(e, h)) {
		coap_qclient_acked(e, h, now);
		return;
	}
	if (call->is_ping)
		coap_client_end(e, h, COAP_OUTCOME_RESET, now);
	else
		coap_exchange_acked(&e->exchanges, h,
			msec_after(now, call->is_block ? coap_max_transmit_wait(&call->patience)
						       : coap_exchange_lifetime(&call->patience)));
}

void coap_client_rejected(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) == NULL)
		return;
	if (is_qcall(e, h) && coap_qclient_was_rejected(e, h, now) == COAP_QCLIENT_FALL_BACK)
		fall_back(e, h, now);
	else
		coap_client_end(e, h, COAP_OUTCOME_RESET, now);
}

void coap_client_pong(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_token *token, msec now)
{
	struct handle h = HANDLE_NONE;
	bool is_found = coap_exchange_find(&e->exchanges, from, coap_token_bytes(token), &h);
	/* Some peers leave the token out; connections keep the order, so any Ping will do. */
	while (!is_found && token->len == 0 && coap_exchange_walk(&e->exchanges, from, &h))
		is_found = coap_call_of(e, h)->is_ping;
	if (is_found && coap_call_of(e, h)->is_ping)
		coap_client_end(e, h, COAP_OUTCOME_RESET, now);
}
