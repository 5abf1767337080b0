/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client.h"

#include "coap/flow.h"
#include "coap/groupcall.h"
#include "coap/content_format.h"
#include "coap/outbound.h"
#include "coap/stream.h"
#include "coap/transfer.h"

#define MAX_AGE_DEFAULT_S 60 /* RFC 7252 section 5.10.5 */
#define RENEWAL_DELAY     SECONDS(5)
#define RENEWAL_SPREAD    10000 /* milliseconds */
/* With so many in flight that this many in a row are taken, a reset may be understood wrongly. */
#define GROUP_ID_TRIES 64

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

static struct coap_client_call *call_of(struct coap_endpoint *e, struct handle h)
{
	return &e->calls[h.slot];
}

static bool is_qcall(struct coap_endpoint *e, struct handle h)
{
	return !handle_is_none(call_of(e, h)->qcall);
}

/* ---- the end of an exchange ---- */

/* Gives back all that belongs to the exchange but the body of its response, which the reply function still reads. */
static void release(struct coap_endpoint *e, struct handle h)
{
	struct coap_client_call *call = call_of(e, h);
	struct handle child = call->child;
	coap_retransmit_remove(&e->retransmit, call->pending);
	coap_responders_forget(&e->responders, &call->responders);
	coap_qclient_close(e, h);
	coap_exchange_remove(&e->exchanges, h);
	if (coap_exchange_get(&e->exchanges, child) != NULL) {
		coap_body_close(&e->bodies, call_of(e, child)->assembly);
		release(e, child);
	}
}

static void finish_child(struct coap_endpoint *e, struct handle child, const struct coap_reply *reply, msec now);

/* The one place where an exchange ends with an outcome. */
static void finish(struct coap_endpoint *e, struct handle h, struct coap_reply *reply, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	coap_reply_function *function = call->reply;
	void *context = call->context;
	struct handle assembly = call->assembly;
	reply->exchange = h;
	reply->remote = coap_exchange_get(&e->exchanges, h)->remote;
	reply->was_retransmitted = call->was_retransmitted;
	if (!handle_is_none(call->parent))
		finish_child(e, h, reply, now);
	release(e, h);
	if (function != NULL)
		function(context, e, reply, now);
	coap_body_close(&e->bodies, assembly);
}

static void finish_without_response(struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, msec now)
{
	struct coap_reply reply = {.outcome = outcome, .content_format = COAP_FORMAT_NONE};
	finish(e, h, &reply, now);
}

void coap_client_timed_out(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) == NULL)
		return;
	if (call_of(e, h)->is_group && !coap_groupcall_is_over(e, h, now))
		return;
	e->counters.timeouts++;
	finish_without_response(e, h, COAP_OUTCOME_TIMEOUT, now);
}

void coap_client_pong(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_token *token, msec now)
{
	struct handle h = HANDLE_NONE;
	bool is_found = coap_exchange_find(&e->exchanges, from, coap_token_bytes(token), &h);
	/* Some peers leave the token out; connections keep the order, so any Ping will do. */
	while (!is_found && token->len == 0 && coap_exchange_walk(&e->exchanges, from, &h))
		is_found = call_of(e, h)->is_ping;
	if (is_found && call_of(e, h)->is_ping)
		finish_without_response(e, h, COAP_OUTCOME_RESET, now);
}

/* A reply function may ask the same remote again at once; that exchange is none of those that are lost. */
void coap_client_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	struct handle lane, h;
	if (!coap_exchange_detach(&e->exchanges, remote, &lane))
		return;
	while (coap_exchange_find_detached(&e->exchanges, lane, &h))
		finish_without_response(e, h, COAP_OUTCOME_LOST, now);
}

/* ---- writing a request ---- */

void coap_client_restore_options(const struct coap_client_call *call, struct coap_options *ret)
{
	struct reader r = reader_of(bytes_of(call->options, call->options_len));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

static struct bytes write_request(struct coap_endpoint *e, struct handle h, uint16_t id, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	struct coap_token token = coap_token_of(bytes_of(&x->token, sizeof x->token));
	struct coap_options options;
	struct bytes payload, echo;
	struct writer w = coap_outbound_writer(e, &x->remote);
	enum coap_type type = call->is_nonconfirmable ? COAP_TYPE_NON : COAP_TYPE_CON;
	if (call->is_ping && call->carrier.is_reliable) {
		coap_signal_write_ping(&w, &token);
		return writer_bytes(&w);
	}
	if (call->is_ping) {
		coap_message_write_empty(&w, COAP_TYPE_CON, id);
		return writer_bytes(&w);
	}
	coap_client_restore_options(call, &options);
	if (call->observes || call->is_cancelling)
		coap_options_set_uint(&options, COAP_OPTION_OBSERVE, call->is_cancelling ? 1 : 0);
	if (coap_echo_find(&e->echoes, &x->remote, now, &echo))
		coap_options_set(&options, COAP_OPTION_ECHO, echo);
	payload = coap_transfer_add(call, &options);
	call->body_part = (uint32_t)payload.len;
	coap_message_write(&w, type, call->method, id, &token, &options, payload);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

/* On a connection a request arrives once it has been written, so nothing but its response is waited for. */
static void transmit_reliably(struct coap_endpoint *e, struct handle h, const struct coap_remote *to, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	call->sent_at = now;
	coap_outbound_send(e, to, write_request(e, h, 0, now), now);
	coap_exchange_acked(&e->exchanges, h, msec_after(now, coap_exchange_lifetime(&call->patience)));
}

/* No Message-ID that is in flight to anybody, for a reset would look the same (RFC 7252 section 8.1). */
static void transmit_to_group(struct coap_endpoint *e, struct handle h, const struct coap_remote *to, msec now)
{
	uint16_t id = coap_outbound_next_id(e, to);
	for (int tries = 0; tries < GROUP_ID_TRIES && coap_retransmit_has_id(&e->retransmit, id); tries++)
		id = coap_outbound_next_id(e, to);
	coap_outbound_send(e, to, write_request(e, h, id, now), now);
	coap_groupcall_sent(e, h, now);
}

/* A non-confirmable request is in the table of pending messages too, sent once: so an RST finds it, and its wait ends.
 */
static void transmit(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_remote to = coap_exchange_get(&e->exchanges, h)->remote;
	struct coap_patience patience = call->patience;
	if (coap_remote_is_reliable(&to)) {
		transmit_reliably(e, h, &to, now);
		return;
	}
	if (call->is_group) {
		transmit_to_group(e, h, &to, now);
		return;
	}
	uint16_t id = coap_outbound_next_id(e, &to);
	struct bytes message = write_request(e, h, id, now);
	if (call->is_nonconfirmable)
		patience = (struct coap_patience){.ack_timeout = coap_max_transmit_wait(&call->patience),
			.ack_random_permille = 1000,
			.is_fixed = true};
	call->sent_at = now;
	/* What cannot be written, or finds no room after all, ends like a message that was lost. */
	if (message.len == 0 || !coap_outbound_confirmable(
					e, &to, id, COAP_PENDING_REQUEST, h, &patience, message, now, &call->pending))
		coap_exchange_acked(&e->exchanges, h, msec_after(now, patience.ack_timeout));
}

static bool has_room(const struct coap_endpoint *e)
{
	return coap_retransmit_count(&e->retransmit) < e->config.capacities.pending;
}

/* RFC 7252 section 4.7: PROBING_RATE, of what is sent to somebody who has not answered. */
static bool is_to_be_quiet(struct coap_endpoint *e, struct handle h, msec now)
{
	msec until = coap_peer_quiet_until(&e->peers, &coap_exchange_get(&e->exchanges, h)->remote);
	if (!call_of(e, h)->is_nonconfirmable || until <= now)
		return false;
	coap_exchange_hold(&e->exchanges, h, until);
	return true;
}

/* Sends the exchange's next request, at once or when its turn comes. */
static void start(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_retransmit_remove(&e->retransmit, call_of(e, h)->pending);
	call_of(e, h)->pending = HANDLE_NONE;
	coap_flow_limit(e, &coap_exchange_get(&e->exchanges, h)->remote);
	if (is_to_be_quiet(e, h, now))
		return;
	if (coap_exchange_start(&e->exchanges, h, has_room(e)))
		transmit(e, h, now);
}

void coap_client_ready(struct coap_endpoint *e, msec now)
{
	struct handle h;
	while (has_room(e) && coap_exchange_ready(&e->exchanges, &h))
		if (!is_to_be_quiet(e, h, now))
			transmit(e, h, now);
}

static void start_next_block(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_exchange_renew_token(&e->exchanges, h, &e->prng);
	start(e, h, now);
}

void coap_client_start(struct coap_endpoint *e, struct handle h, msec now)
{
	start(e, h, now);
}

void coap_client_broken(struct coap_endpoint *e, struct handle h, msec now)
{
	finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
}

/* ---- what comes: notifications ---- */

static void deliver_notification(
	struct coap_endpoint *e, struct handle h, const struct coap_reply *from, struct bytes body, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_reply reply = *from;
	reply.outcome = COAP_OUTCOME_NOTIFICATION;
	reply.exchange = h;
	reply.remote = coap_exchange_get(&e->exchanges, h)->remote;
	reply.body = body;
	if (call->reply != NULL)
		call->reply(call->context, e, &reply, now);
}

/* The fetch of a notification's rest has ended. Whatever went wrong, the next notification brings the state again;
 * only a body that can never be taken is an end. */
static void finish_child(struct coap_endpoint *e, struct handle child, const struct coap_reply *reply, msec now)
{
	struct handle parent = call_of(e, child)->parent;
	call_of(e, child)->parent = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, parent) == NULL)
		return;
	if (call_of(e, parent)->is_group) {
		coap_groupcall_member_done(e, parent, reply, now);
		return;
	}
	call_of(e, parent)->child = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		deliver_notification(e, parent, reply, reply->body, now);
	else if (reply->outcome == COAP_OUTCOME_BROKEN)
		finish_without_response(e, parent, COAP_OUTCOME_BROKEN, now);
}

static void drop_child(struct coap_endpoint *e, struct handle h)
{
	struct handle child = call_of(e, h)->child;
	call_of(e, h)->child = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, child) == NULL)
		return;
	coap_body_close(&e->bodies, call_of(e, child)->assembly);
	release(e, child);
}

/* Without room for the fetch this notification is skipped; the next may find some. */
static void fetch_rest(
	struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_block block, msec now)
{
	struct handle child;
	struct coap_remote remote = coap_exchange_get(&e->exchanges, h)->remote;
	if (!coap_exchange_add(&e->exchanges, &remote, false, &e->prng, &child)) {
		e->counters.refused_full++;
		return;
	}
	struct coap_client_call *call = call_of(e, h), *fetch = call_of(e, child);
	*fetch = *call;
	fetch->reply = NULL;
	fetch->pending = fetch->child = fetch->assembly = HANDLE_NONE;
	fetch->parent = h;
	fetch->observes = fetch->was_retransmitted = false;
	fetch->fetched = 0;
	call->child = child;
	if (coap_transfer_begin(e, child, m, block) == COAP_TRANSFER_ON)
		start_next_block(e, child, now);
	else
		finish_without_response(e, child, COAP_OUTCOME_BROKEN, now);
}

/* RFC 7641 section 3.3.1: some 5 to 15 seconds behind the end of Max-Age, so that not all clients come at once. */
static msec renewal_deadline(
	struct coap_endpoint *e, const struct coap_client_call *call, const struct coap_message *m, msec now)
{
	uint32_t max_age_s = MAX_AGE_DEFAULT_S;
	if (!call->renews)
		return NEVER;
	(void)coap_message_uint(m, COAP_OPTION_MAX_AGE, &max_age_s);
	return msec_after(now, SECONDS((msec)max_age_s) + RENEWAL_DELAY + (msec)(prng_u32(&e->prng) % RENEWAL_SPREAD));
}

static void notified(struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_reply *reply,
	uint32_t sequence, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_block block;
	uint32_t value;
	coap_exchange_observing(&e->exchanges, h, renewal_deadline(e, call, m, now));
	/* The answer to a registration is no notification that others may have overtaken. */
	call->freshness.has_any = call->freshness.has_any && m->type != COAP_TYPE_ACK;
	/* On a connection they come in order, and the value says nothing (RFC 8323 section 7.1). */
	if (!call->carrier.is_reliable && !coap_freshness_accept(&call->freshness, sequence, now))
		return;
	drop_child(e, h);
	if (coap_message_uint(m, COAP_OPTION_BLOCK2, &value) && coap_transfer_parse_block(call, value, &block) &&
		block.has_more)
		fetch_rest(e, h, m, block, now);
	else
		deliver_notification(e, h, reply, m->payload, now);
}

/* ---- what comes: a response ---- */

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

static uint16_t format_of(const struct coap_message *m)
{
	uint32_t value;
	return coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &value) ? (uint16_t)value : COAP_FORMAT_NONE;
}

/* What is no longer wanted and comes non-confirmable: a notification (RFC 7641 section 3.6), a body by Q-Block or the
 * question for more of ours (RFC 9177 section 4.3) would come again and again, so its sender is told. */
static bool will_come_again(const struct coap_message *m)
{
	return m->type == COAP_TYPE_NON &&
	       (coap_message_has(m, COAP_OPTION_OBSERVE) || coap_message_has(m, COAP_OPTION_Q_BLOCK2) ||
		       (m->code == COAP_REQUEST_ENTITY_INCOMPLETE && format_of(m) == COAP_FORMAT_MISSING_BLOCKS));
}

static void refuse(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (m->type == COAP_TYPE_CON || will_come_again(m))
		coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
}

/* A piggybacked response belongs to the request with the same Message-ID (RFC 7252 section 5.3.2). */
static bool belongs(struct coap_endpoint *e, struct handle h, const struct coap_message *m)
{
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call_of(e, h)->pending);
	return m->type != COAP_TYPE_ACK || (pending != NULL && pending->id == m->id);
}

static uint64_t round_trip(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_client_call *call = call_of(e, h);
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

static void deliver_block(struct coap_endpoint *e, struct handle h, const struct coap_reply *from, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_reply reply = *from;
	reply.outcome = COAP_OUTCOME_BLOCK;
	reply.exchange = h;
	reply.remote = coap_exchange_get(&e->exchanges, h)->remote;
	call->responses_left--;
	coap_exchange_acked(&e->exchanges, h, msec_after(now, coap_max_transmit_wait(&call->patience)));
	if (call->reply != NULL)
		call->reply(call->context, e, &reply, now);
}

/* RFC 9175 section 2.3: the latest Echo goes with the next request, and what was refused for want of one is asked once
 * more. Any other response allows for another such repetition. */
static bool must_echo(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct bytes echo;
	bool has_one = coap_message_option(m, COAP_OPTION_ECHO, &echo);
	bool has_echoed = call->has_echoed;
	if (has_one)
		coap_echo_keep(&e->echoes, &coap_exchange_get(&e->exchanges, h)->remote, echo, now);
	call->has_echoed = m->code == COAP_UNAUTHORIZED;
	return has_one && call->has_echoed && !has_echoed;
}

/* Also an intermediary may be told so, in either code (RFC 8516 section 3, RFC 7252 section 5.9.3.4). */
static uint32_t retry_after(const struct coap_message *m)
{
	uint32_t max_age_s = MAX_AGE_DEFAULT_S;
	if (m->code != COAP_TOO_MANY_REQUESTS && m->code != COAP_SERVICE_UNAVAILABLE)
		return 0;
	(void)coap_message_uint(m, COAP_OPTION_MAX_AGE, &max_age_s);
	return max_age_s;
}

static void settle(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	uint32_t sequence;
	struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE,
		.message = m,
		.code = m->code,
		.content_format = format_of(m),
		.body = m->payload,
		.retry_after_s = retry_after(m),
		.round_trip_ms = round_trip(e, h, now)};
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call->pending);
	if (pending != NULL)
		coap_flow_answered(e, pending, now);
	coap_retransmit_remove(&e->retransmit, call->pending);
	call->pending = HANDLE_NONE;
	if (must_echo(e, h, m, now)) {
		start_next_block(e, h, now);
		return;
	}
	if (is_one_of_several(call, m)) {
		deliver_block(e, h, &reply, now);
		return;
	}
	enum coap_transfer_progress progress = coap_transfer_sent(call, m);
	if (progress == COAP_TRANSFER_WHOLE && call->observes && coap_code_is_success(m->code) &&
		coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence)) {
		notified(e, h, m, &reply, sequence, now);
		return;
	}
	if (progress == COAP_TRANSFER_WHOLE)
		progress = coap_transfer_received(e, h, m);
	switch (progress) {
	case COAP_TRANSFER_ON:
		start_next_block(e, h, now);
		break;
	case COAP_TRANSFER_BROKEN:
		finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
		break;
	case COAP_TRANSFER_WHOLE:
		if (!handle_is_none(call->assembly))
			reply.body = coap_body_bytes(&e->bodies, call->assembly);
		else if (call->sink.take != NULL && call->fetched > 0)
			reply.body = BYTES_NONE; /* it went to where the caller wants it */
		finish(e, h, &reply, now);
		break;
	}
}

/* ---- by Q-Block (RFC 9177) ---- */

/* The call goes on as if Q-Block had never been thought of. */
static void fall_back(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	coap_qclient_close(e, h);
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	call->may_get_qblock = false;
	coap_exchange_pace(&e->exchanges, h, false);
	start_next_block(e, h, now);
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
		finish(e, h, &reply, now);
		break;
	case COAP_QCLIENT_NOTIFICATION:
		coap_exchange_observing(&e->exchanges, h, NEVER);
		deliver_notification(e, h, &reply, coap_qclient_body(e, h, m), now);
		if (coap_exchange_get(&e->exchanges, h) != NULL && !handle_is_none(call_of(e, h)->qcall))
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
		finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
		break;
	case COAP_QCLIENT_TIMEOUT:
		e->counters.timeouts++;
		finish_without_response(e, h, COAP_OUTCOME_TIMEOUT, now);
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

void coap_client_rejected(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) == NULL)
		return;
	if (is_qcall(e, h) && coap_qclient_was_rejected(e, h, now) == COAP_QCLIENT_FALL_BACK)
		fall_back(e, h, now);
	else
		finish_without_response(e, h, COAP_OUTCOME_RESET, now);
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
	if (!call_of(e, h)->is_group)
		finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
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
	bool is_understood = call_of(e, h)->is_forwarded
				     ? coap_message_may_forward(m, understood_by(call_of(e, h)), &offending)
				     : coap_message_recognise(m, understood_by(call_of(e, h)), &offending);
	if (!is_understood) {
		reject(e, h, from, m, now);
		return;
	}
	acknowledge(e, from, m, now);
	if (call_of(e, h)->is_group)
		coap_groupcall_response(e, h, from, m, now);
	else if (is_qcall(e, h))
		follow_qblock(e, h, coap_qclient_response(e, h, m, now), m, now);
	else
		settle(e, h, m, now);
}

void coap_client_acked(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	if (x == NULL)
		return;
	struct coap_client_call *call = call_of(e, h);
	call->pending = HANDLE_NONE;
	if (is_qcall(e, h)) {
		coap_qclient_acked(e, h, now);
		return;
	}
	if (call->is_ping)
		finish_without_response(e, h, COAP_OUTCOME_RESET, now);
	else
		coap_exchange_acked(&e->exchanges, h,
			msec_after(now, call->is_block ? coap_max_transmit_wait(&call->patience)
						       : coap_exchange_lifetime(&call->patience)));
}

/* ---- the application's calls ---- */

static bool copy_options(const struct coap_options *options, struct coap_client_call *call)
{
	struct writer w = writer_of(call->options, sizeof call->options);
	call->options_len = 0;
	if (options == NULL)
		return true;
	coap_options_write(&w, options);
	call->options_len = (uint16_t)writer_bytes(&w).len;
	return !w.failed && !options->failed;
}

static void prepare(struct coap_endpoint *e, const struct coap_call *from, struct coap_client_call *call)
{
	struct bytes value;
	memset(call, 0, offsetof(struct coap_client_call, options_len));
	call->reply = from->reply;
	call->context = from->context;
	coap_transfer_set_body(call, from->body);
	call->method = from->method;
	call->is_nonconfirmable = from->is_nonconfirmable;
	call->is_block = from->is_block;
	call->may_get_qblock = from->is_block && from->options != NULL &&
			       coap_options_find(from->options, COAP_OPTION_Q_BLOCK2, &value);
	call->responses_left = from->is_block && from->responses > 1 ? (uint16_t)(from->responses - 1) : 0;
	call->is_forwarded = from->is_forwarded;
	if (from->sink != NULL)
		call->sink = *from->sink;
	call->observes = from->observe;
	call->renews = from->observe && from->renews;
	call->is_group = from->is_group;
	call->is_nonconfirmable |= from->is_group;
	call->group_wait = from->group_wait > 0
				   ? from->group_wait
				   : msec_after(e->config.parameters.group.leisure, e->patience.ack_timeout);
	call->request_tag = prng_u32(&e->prng); /* no two bodies alike (RFC 9175 section 3.3) */
	call->carrier = coap_stream_carrier(e, &from->to);
	call->block1_szx = call->block2_szx = coap_carrier_szx(&call->carrier, e->szx);
	call->patience = e->patience;
	if (from->ack_timeout > 0)
		call->patience.ack_timeout = from->ack_timeout;
	call->patience.is_fixed = from->ack_timeout > 0 || from->max_retransmit > 0;
	if (from->max_retransmit > 0)
		call->patience.max_retransmit = from->max_retransmit == COAP_SEND_ONCE ? 0 : from->max_retransmit;
	coap_transfer_choose_size(call);
}

bool coap_client_prepare(struct coap_endpoint *e, const struct coap_call *from, struct handle h)
{
	struct coap_client_call *call = call_of(e, h);
	bool has_options = copy_options(from->options, call);
	prepare(e, from, call);
	return has_options && coap_transfer_fits(call);
}

/* What goes to a group fits one datagram, and there is room to tell its members apart. */
static bool suits_group(const struct coap_endpoint *e, const struct coap_call *from)
{
	return !from->observe && !from->is_block && !coap_remote_has_session(&from->to) &&
	       from->body.len <= coap_block_size(e->szx) && e->config.capacities.responders > 0;
}

bool coap_endpoint_request(struct coap_endpoint *e, const struct coap_call *from, msec now, struct handle *ret_exchange)
{
	struct handle h;
	if (from->is_group && !suits_group(e, from))
		return false;
	if (!coap_stream_is_ready(e, &from->to) ||
		!coap_exchange_add(&e->exchanges, &from->to, from->is_block || from->is_group, &e->prng, &h)) {
		e->counters.refused_full++;
		return false;
	}
	if (!coap_client_prepare(e, from, h)) {
		coap_exchange_remove(&e->exchanges, h);
		return false;
	}
	if (from->is_group)
		coap_exchange_to_group(&e->exchanges, h);
	bool by_qblock = coap_qclient_open(e, h, from, now);
	coap_endpoint_enter(e);
	if (by_qblock)
		coap_qclient_start(e, h, now);
	else
		start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

bool coap_endpoint_ping(struct coap_endpoint *e, const struct coap_remote *to, coap_reply_function *reply,
	void *context, msec now, struct handle *ret_exchange)
{
	struct coap_call from = {.to = *to, .reply = reply, .context = context};
	struct handle h;
	if (!coap_stream_is_ready(e, to) || !coap_exchange_add(&e->exchanges, to, true, &e->prng, &h)) {
		e->counters.refused_full++;
		return false;
	}
	call_of(e, h)->options_len = 0;
	prepare(e, &from, call_of(e, h));
	call_of(e, h)->is_ping = true;
	coap_endpoint_enter(e);
	start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

void coap_endpoint_observe_again(struct coap_endpoint *e, struct handle exchange, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL || x->phase != COAP_EXCHANGE_OBSERVING || call_of(e, exchange)->is_cancelling)
		return;
	coap_endpoint_enter(e);
	start(e, exchange, now);
	coap_endpoint_leave(e, now);
}

void coap_client_due(struct coap_endpoint *e, struct handle exchange, msec now)
{
	enum coap_exchange_phase phase = coap_exchange_get(&e->exchanges, exchange)->phase;
	if (phase == COAP_EXCHANGE_OBSERVING || phase == COAP_EXCHANGE_QUEUED)
		start(e, exchange, now);
	else
		coap_client_timed_out(e, exchange, now);
}

void coap_endpoint_cancel(struct coap_endpoint *e, struct handle exchange, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL)
		return;
	struct coap_client_call *call = call_of(e, exchange);
	bool is_observing = x->phase == COAP_EXCHANGE_OBSERVING;
	coap_endpoint_enter(e);
	if (is_qcall(e, exchange)) {
		coap_qclient_close(e, exchange);
		coap_body_close(&e->bodies, call->assembly);
		call->assembly = HANDLE_NONE;
		coap_exchange_pace(&e->exchanges, exchange, false);
	}
	/* A request whose body takes several messages is not made again to cancel: the next notification is answered
	 * with an RST (RFC 7641 section 3.6). */
	if (call->observes && is_observing && !call->is_cancelling && !coap_transfer_sends_blocks(call)) {
		drop_child(e, exchange);
		call->reply = NULL;
		call->observes = false;
		call->is_cancelling = true;
		start(e, exchange, now);
	} else if (!call->is_cancelling) {
		coap_body_close(&e->bodies, call->assembly);
		release(e, exchange);
	}
	coap_endpoint_leave(e, now);
}
