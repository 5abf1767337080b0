/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qclient.h"

#include "coap/client_call.h"
#include "coap/outbound.h"
#include "coap/path.h"
#include "coap/qclient_body.h"
#include "coap/qclient_request.h"

#include <assert.h>

/* How often room is looked for before the call ends. */
#define ROOM_ATTEMPTS 64
/* So many messages a turn of one call; the deadline stays in the past for the rest. */
#define BLOCKS_A_TURN 256

static struct coap_qcall *get(struct coap_endpoint *e, struct handle exchange)
{
	struct handle h = coap_call_of(e, exchange)->qcall;
	assert(slab_is_valid(&e->qcalls.slab, h));
	return &e->qcalls.items[h.slot];
}

static void arm(struct coap_endpoint *e, struct coap_qcall *q, msec at)
{
	q->deadline = at;
	deadlines_arm(&e->qcalls.deadlines, coap_call_of(e, q->exchange)->qcall.slot, at);
}

/* ---- what is known of peers ---- */

enum coap_qpeer_support coap_qclient_support(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	return coap_qpeer_support(&e->qpeers, remote, now);
}

void coap_qclient_learned(
	struct coap_endpoint *e, const struct coap_remote *remote, enum coap_qpeer_support support, msec now)
{
	coap_qpeer_learned(&e->qpeers, remote, support, now);
}

static void learn(struct coap_endpoint *e, const struct coap_qcall *q, enum coap_qpeer_support support, msec now)
{
	coap_qclient_learned(e, coap_remote_of(e, q->exchange), support, now);
}

/* ---- life ---- */

bool coap_qclient_open(struct coap_endpoint *e, struct handle exchange, const struct coap_call *from, msec now)
{
	struct coap_qcalls *t = &e->qcalls;
	struct coap_client_call *call = coap_call_of(e, exchange);
	const struct coap_remote *remote = coap_remote_of(e, exchange);
	if (from->qblock == COAP_QBLOCK_OFF || from->source != NULL || coap_remote_is_reliable(remote) ||
		call->is_block || call->is_group || t->slab.capacity == 0 ||
		coap_qpeer_support(&e->qpeers, remote, now) == COAP_QPEER_DOES_NOT ||
		!slab_take(&t->slab, &call->qcall))
		return false;
	struct coap_qcall *q = &t->items[call->qcall.slot];
	*q = (struct coap_qcall){.exchange = exchange, .szx = call->block1_szx, .tag = t->next_tag++};
	/* A request with an effect that goes in one message must not be sent twice by our own will. */
	q->is_confirmable = from->qblock == COAP_QBLOCK_CON ||
			    (!coap_code_is_safe(call->method) && !coap_qclient_has_long_body(call, q));
	call->may_get_qblock = true;
	coap_exchange_number(&e->exchanges, exchange);
	coap_exchange_pace(&e->exchanges, exchange, true);
	return true;
}

void coap_qclient_close(struct coap_endpoint *e, struct handle exchange)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	if (!slab_is_valid(&e->qcalls.slab, call->qcall))
		return;
	deadlines_disarm(&e->qcalls.deadlines, call->qcall.slot);
	slab_give(&e->qcalls.slab, call->qcall);
	call->qcall = HANDLE_NONE;
}

/* ---- phases ---- */

static msec patience(const struct coap_endpoint *e, const struct coap_qcall *q)
{
	return e->config.parameters.qblock.non_receive_timeout << q->attempts;
}

/* A confirmable message has its own timer; only the wait for a separate response is without one. */
static void wait_for_response(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	msec most = coap_exchange_lifetime(&coap_call_of(e, q->exchange)->patience);
	bool has_timer = q->is_confirmable || q->phase == COAP_QCALL_PROBING;
	arm(e, q, now + (has_timer ? most : patience(e, q)));
}

/* As many messages are in flight as may be; others', so none of ours tells when there is room. */
static void wait_for_room(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	q->attempts++;
	arm(e, q, now + coap_call_of(e, q->exchange)->patience.ack_timeout);
}

/* False when there is none: the call begins when there is. */
static bool has_room_to_begin(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	if (coap_outbound_has_room(e))
		return true;
	q->phase = COAP_QCALL_WAITING;
	wait_for_room(e, q, now);
	return false;
}

static void flush(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	uint32_t number;
	bool is_repair;
	for (int i = 0; i < BLOCKS_A_TURN; i++) {
		uint32_t before = q->requests;
		if (q->is_confirmable && (q->in_flight >= e->config.parameters.nstart || !coap_outbound_has_room(e)))
			break;
		if (!coap_qblock_send_next(&q->send, now, &number, &is_repair))
			break;
		if (number % q->send.max_payloads == 0 && !is_repair)
			q->set_began = before;
		if (!coap_qclient_send_body_block(e, q, number, now))
			break;
	}
	bool is_over = coap_qblock_send_is_over(&q->send);
	if (q->is_confirmable && !is_over && q->in_flight == 0)
		wait_for_room(e, q, now);
	else if (q->is_confirmable || is_over)
		wait_for_response(e, q, now);
	else
		arm(e, q, coap_qblock_send_deadline(&q->send));
}

static void begin_sending(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	const struct coap_qblock_parameters *p = &e->config.parameters.qblock;
	if (q->is_confirmable && !has_room_to_begin(e, q, now))
		return;
	q->phase = COAP_QCALL_SENDING;
	q->attempts = 0;
	q->has_ids = false;
	coap_qclient_drop_body(e, q); /* of a renewal: what is left of a notification */
	if (!coap_qclient_has_long_body(call, q)) {
		coap_qblock_send_init(&q->send, 0, 0, p->max_payloads, 0);
		coap_qclient_send_whole(e, q, now);
		wait_for_response(e, q, now);
		return;
	}
	coap_qblock_send_init(&q->send, (uint32_t)coap_qblock_count(call->body.len, q->szx), 0, p->max_payloads,
		q->is_confirmable ? 0 : coap_qblock_pause(p, &e->prng));
	flush(e, q, now);
}

static void begin_probing(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	if (!has_room_to_begin(e, q, now))
		return;
	q->phase = COAP_QCALL_PROBING;
	coap_qclient_send_probe(e, q, now);
	wait_for_response(e, q, now);
}

/* A confirmable request is its own probe. */
static void begin(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	bool knows = coap_qpeer_support(&e->qpeers, coap_remote_of(e, q->exchange), now) == COAP_QPEER_KNOWS;
	if (knows || (q->is_confirmable && coap_qclient_probes_with_request(coap_call_of(e, q->exchange), q)))
		begin_sending(e, q, now);
	else
		begin_probing(e, q, now);
}

void coap_qclient_start(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	msec quiet_until = coap_qpeer_quiet_until(&e->qpeers, coap_remote_of(e, exchange));
	(void)coap_exchange_start(&e->exchanges, exchange, true);
	if (quiet_until > now) {
		q->phase = COAP_QCALL_WAITING;
		arm(e, q, quiet_until);
		return;
	}
	begin(e, q, now);
}

/* ---- responses: their body ---- */

/* Tells the server what is missing, or that it may go on. */
static enum coap_qclient_progress speak(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	for (;;) {
		switch (coap_qblock_receive_want(&q->receive, now)) {
		case COAP_QBLOCK_NOTHING:
			arm(e, q, q->receive.deadline);
			return COAP_QCLIENT_ON;
		case COAP_QBLOCK_CONTINUE:
			if (!q->is_confirmable)
				coap_qclient_send_continue(e, q, now);
			break;
		case COAP_QBLOCK_MISSING:
			if (!q->is_confirmable)
				coap_qclient_send_missing(e, q, now);
			break;
		case COAP_QBLOCK_COMPLETE:
			return COAP_QCLIENT_RESPONSE;
		case COAP_QBLOCK_GIVEN_UP:
			return COAP_QCLIENT_TIMEOUT;
		}
	}
}

/* The body has changed under way, and the server has not kept the old one (section 4.4). Once it is asked for anew. */
static enum coap_qclient_progress restart(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	if (q->has_restarted || !coap_qclient_probes_with_request(call, q))
		return COAP_QCLIENT_BROKEN;
	q->has_restarted = true;
	coap_qclient_drop_body(e, q);
	begin_sending(e, q, now);
	return COAP_QCLIENT_ON;
}

static enum coap_qclient_progress take(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, struct coap_block block, msec now)
{
	switch (coap_qclient_take_block(e, q, m, block, now)) {
	case COAP_QCLIENT_BLOCK_NEW:
		return speak(e, q, now);
	case COAP_QCLIENT_BLOCK_IGNORED:
		return COAP_QCLIENT_ON;
	case COAP_QCLIENT_BLOCK_OTHER:
		return restart(e, q, now);
	case COAP_QCLIENT_BLOCK_BROKEN:
		break;
	}
	return COAP_QCLIENT_BROKEN;
}

/* The body of this notification, or of the one response, is there. */
static enum coap_qclient_progress tell(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	uint32_t sequence;
	if (!coap_call_of(e, q->exchange)->observes || !coap_code_is_success(m->code))
		return COAP_QCLIENT_RESPONSE;
	if (!q->has_sequence && !coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence))
		return COAP_QCLIENT_RESPONSE; /* it cannot be observed */
	q->phase = COAP_QCALL_OBSERVING;
	q->attempts = 0;
	arm(e, q, NEVER);
	return COAP_QCLIENT_NOTIFICATION;
}

/* ---- responses ---- */

static enum coap_qclient_progress after_probe(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_block block = {0, false, 0};
	uint32_t value;
	bool has_block = coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value) && coap_block_parse(value, &block);
	if (m->code == COAP_BAD_OPTION || coap_message_has(m, COAP_OPTION_BLOCK2)) {
		learn(e, q, COAP_QPEER_DOES_NOT, now);
		return COAP_QCLIENT_FALL_BACK;
	}
	/* Who answers anything else has understood the option, for it is critical. */
	learn(e, q, COAP_QPEER_KNOWS, now);
	/* A response that comes later leaves as a whole, and its last block may be here before the first. */
	bool is_alone = !has_block || (block.number == 0 && !block.has_more);
	bool is_the_response = coap_qclient_probes_with_request(call, q) && !call->observes && is_alone;
	if (is_the_response || (coap_qclient_probes_with_request(call, q) && coap_code_is_error(m->code)))
		return COAP_QCLIENT_RESPONSE;
	begin_sending(e, q, now);
	return COAP_QCLIENT_ON;
}

/* A request that is being answered has run, and the server may have forgotten it by now: it must not come again, only
 * the question for the rest of the answer. */
static enum coap_qclient_progress ask_with_echo(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	if (q->phase == COAP_QCALL_RECEIVING) {
		q->set_began = q->requests;
		coap_qblock_receive_hurry(&q->receive, now);
		return speak(e, q, now);
	}
	begin(e, q, now);
	return COAP_QCLIENT_ON;
}

/* The probe's response says that it has come, whether or not its acknowledgement does (RFC 7252 section 5.2.2). */
static void settle_probe(struct coap_endpoint *e, struct coap_qcall *q)
{
	struct handle pending = coap_call_of(e, q->exchange)->pending;
	const struct coap_pending *found = coap_retransmit_get(&e->retransmit, pending);
	if (found == NULL)
		return;
	coap_path_answered(e, found);
	coap_retransmit_remove(&e->retransmit, pending);
	q->in_flight--;
}

/* False for the answer to a message that has been answered already. The probe and the request may have the same token,
 * so a late answer to the one, a wanted Echo for instance, must not count for the other. */
static bool settle_message(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	const struct coap_pending *found;
	if (m->type != COAP_TYPE_ACK && q->phase == COAP_QCALL_PROBING)
		settle_probe(e, q);
	if (m->type != COAP_TYPE_ACK)
		return true;
	if (!coap_retransmit_settle(&e->retransmit, coap_remote_of(e, q->exchange), m->id, &found))
		return false;
	coap_path_answered(e, found);
	if (q->in_flight > 0)
		q->in_flight--;
	return true;
}

static enum coap_qclient_progress while_sending(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	if (m->code == COAP_BAD_OPTION && q->is_confirmable && q->requests <= 1) {
		learn(e, q, COAP_QPEER_DOES_NOT, now);
		return COAP_QCLIENT_FALL_BACK;
	}
	switch (coap_qclient_told_of_body(e, q, m)) {
	case COAP_QCLIENT_BODY_GOES_ON:
		flush(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCLIENT_BODY_ANEW:
		begin_sending(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCLIENT_BODY_ANSWERED:
		break;
	}
	return COAP_QCLIENT_RESPONSE;
}

enum coap_qclient_progress coap_qclient_response(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	struct coap_block block;
	uint32_t value;
	if (!settle_message(e, q, m))
		return COAP_QCLIENT_ON;
	q->attempts = 0;
	q->bytes = 0;
	coap_qpeer_hold(&e->qpeers, coap_remote_of(e, exchange), 0);
	if (q->phase == COAP_QCALL_WAITING)
		return COAP_QCLIENT_ON;
	bool is_late = coap_exchange_token_number(&m->token) < q->set_began;
	if (coap_client_must_echo(e, exchange, m, is_late, now))
		return ask_with_echo(e, q, now);
	/* The others of a burst that was refused as a whole. */
	if (m->code == COAP_UNAUTHORIZED && coap_message_has(m, COAP_OPTION_ECHO) && is_late)
		return COAP_QCLIENT_ON;
	if (q->phase == COAP_QCALL_PROBING)
		return after_probe(e, q, m, now);
	if (q->phase == COAP_QCALL_SENDING) {
		enum coap_qclient_progress progress = while_sending(e, q, m, now);
		if (progress != COAP_QCLIENT_RESPONSE)
			return progress;
	}
	if (!coap_code_is_success(m->code))
		return coap_qclient_is_missing_list(m) ? COAP_QCLIENT_ON : COAP_QCLIENT_RESPONSE;
	if (coap_message_has(m, COAP_OPTION_BLOCK2))
		return COAP_QCLIENT_ORDINARY;
	if (!coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value))
		return coap_qclient_is_newer(e, q, m, now) ? tell(e, q, m) : COAP_QCLIENT_ON;
	if (!coap_block_parse(value, &block))
		return COAP_QCLIENT_BROKEN;
	learn(e, q, COAP_QPEER_KNOWS, now);
	enum coap_qclient_progress progress = take(e, q, m, block, now);
	return progress == COAP_QCLIENT_RESPONSE ? tell(e, q, m) : progress;
}

struct bytes coap_qclient_body(struct coap_endpoint *e, struct handle exchange, const struct coap_message *m)
{
	struct coap_qcall *q = get(e, exchange);
	struct coap_client_call *call = coap_call_of(e, exchange);
	if (!coap_qblock_receive_is_complete(&q->receive))
		return m->payload;
	return handle_is_none(call->assembly) ? BYTES_NONE : coap_body_bytes(&e->bodies, call->assembly);
}

void coap_qclient_told(struct coap_endpoint *e, struct handle exchange)
{
	coap_qclient_drop_body(e, get(e, exchange));
}

/* ---- acknowledgements, rejections, time ---- */

void coap_qclient_acked(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	if (q->in_flight > 0)
		q->in_flight--;
	q->attempts = 0;
	if (q->phase == COAP_QCALL_SENDING && q->is_confirmable)
		flush(e, q, now);
}

enum coap_qclient_progress coap_qclient_was_rejected(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	if (q->phase != COAP_QCALL_PROBING)
		return COAP_QCLIENT_BROKEN;
	learn(e, q, COAP_QPEER_DOES_NOT, now);
	return COAP_QCLIENT_FALL_BACK;
}

bool coap_qclient_find_rejected(
	const struct coap_endpoint *e, const struct coap_remote *from, uint16_t id, struct handle *ret_exchange)
{
	const struct slab *slab = &e->qcalls.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		const struct coap_qcall *q = &e->qcalls.items[slot];
		if (!slab_is_taken(slab, slot) || !q->has_ids ||
			(uint16_t)(id - q->first_id) > (uint16_t)(q->last_id - q->first_id) ||
			!coap_remote_equal(coap_exchange_remote(&e->exchanges, q->exchange), from))
			continue;
		*ret_exchange = q->exchange;
		return true;
	}
	return false;
}

msec coap_qclient_deadline(const struct coap_endpoint *e)
{
	return deadlines_next(&e->qcalls.deadlines);
}

/* Nothing has been heard since all has left. What has no effect, or the same when it is done twice, is sent again: the
 * request, or the last block, to which the server gives its answer again (section 4.3). */
static enum coap_qclient_progress try_again(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	bool may_repeat = call->method != COAP_POST && call->method != COAP_PATCH;
	if (q->is_confirmable || q->attempts == e->config.parameters.qblock.non_max_retransmit)
		return COAP_QCLIENT_TIMEOUT;
	q->attempts++;
	if (!coap_qclient_has_long_body(call, q))
		coap_qclient_send_whole(e, q, now);
	else if (may_repeat)
		(void)coap_qclient_send_body_block(e, q, q->send.blocks - 1, now);
	wait_for_response(e, q, now);
	return COAP_QCLIENT_ON;
}

static enum coap_qclient_progress be_due(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	switch (q->phase) {
	case COAP_QCALL_WAITING:
		if (q->attempts == ROOM_ATTEMPTS)
			return COAP_QCLIENT_TIMEOUT;
		begin(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCALL_PROBING:
		return COAP_QCLIENT_TIMEOUT;
	case COAP_QCALL_SENDING:
		/* What waits for an acknowledgement has had its time: more would wait without an end. */
		if (coap_qblock_send_is_over(&q->send) || (q->is_confirmable && q->in_flight > 0))
			return try_again(e, q, now);
		if (q->attempts == ROOM_ATTEMPTS)
			return COAP_QCLIENT_TIMEOUT;
		flush(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCALL_RECEIVING:
	case COAP_QCALL_OBSERVING:
		return speak(e, q, now);
	}
	return COAP_QCLIENT_ON;
}

/* A peer that did not answer is left alone for a while; a notification that stays in pieces only waits for the next. */
static enum coap_qclient_progress give_up(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	if (q->phase == COAP_QCALL_OBSERVING) {
		coap_qclient_drop_body(e, q);
		arm(e, q, NEVER);
		return COAP_QCLIENT_ON;
	}
	msec wait = coap_qblock_probing_wait(&e->config.parameters.qblock, q->bytes);
	coap_qpeer_hold(&e->qpeers, coap_remote_of(e, q->exchange), now + wait);
	return COAP_QCLIENT_TIMEOUT;
}

bool coap_qclient_due(
	struct coap_endpoint *e, msec now, struct handle *ret_exchange, enum coap_qclient_progress *ret_progress)
{
	uint32_t slot;
	if (!deadlines_due(&e->qcalls.deadlines, now, &slot))
		return false;
	struct coap_qcall *q = &e->qcalls.items[slot];
	*ret_exchange = q->exchange;
	*ret_progress = be_due(e, q, now);
	if (*ret_progress == COAP_QCLIENT_TIMEOUT)
		*ret_progress = give_up(e, q, now);
	return true;
}
