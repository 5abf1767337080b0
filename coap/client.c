/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client.h"

#include "coap/client_call.h"
#include "coap/client_outcome.h"
#include "coap/client_request.h"
#include "coap/groupcall.h"
#include "coap/qclient.h"
#include "coap/stream.h"
#include "coap/transfer.h"

/* ---- the application's calls ---- */

/* What goes to a group fits one datagram, and there is room to tell its members apart. */
static bool suits_group(const struct coap_endpoint *e, const struct coap_call *from)
{
	return !from->observe && !from->is_block && from->source == NULL && !coap_remote_has_session(&from->to) &&
	       from->body.len <= coap_block_size(e->szx) && e->config.capacities.responders > 0;
}

static bool begin(struct coap_endpoint *e, const struct coap_call *from, bool is_paced, struct handle *ret)
{
	if (!coap_stream_is_ready(e, &from->to) ||
		!coap_exchange_add(&e->exchanges, &from->to, is_paced, &e->prng, ret)) {
		e->counters.refused_full++;
		return false;
	}
	if (coap_client_prepare(e, from, *ret))
		return true;
	coap_exchange_remove(&e->exchanges, *ret);
	return false;
}

bool coap_endpoint_request(struct coap_endpoint *e, const struct coap_call *from, msec now, struct handle *ret_exchange)
{
	struct handle h;
	if ((from->is_group && !suits_group(e, from)) || !begin(e, from, from->is_block || from->is_group, &h))
		return false;
	if (from->is_group)
		coap_exchange_to_group(&e->exchanges, h);
	bool by_qblock = coap_qclient_open(e, h, from, now);
	coap_endpoint_enter(e);
	if (by_qblock)
		coap_qclient_start(e, h, now);
	else
		coap_client_start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

bool coap_endpoint_ping(struct coap_endpoint *e, const struct coap_remote *to, coap_reply_function *reply,
	void *context, msec now, struct handle *ret_exchange)
{
	struct coap_call from = {.to = *to, .reply = reply, .context = context};
	struct handle h;
	if (!begin(e, &from, true, &h))
		return false;
	coap_call_of(e, h)->is_ping = true;
	coap_endpoint_enter(e);
	coap_client_start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

void coap_endpoint_observe_again(struct coap_endpoint *e, struct handle exchange, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL || x->phase != COAP_EXCHANGE_OBSERVING || coap_call_of(e, exchange)->is_cancelling)
		return;
	coap_endpoint_enter(e);
	coap_client_start(e, exchange, now);
	coap_endpoint_leave(e, now);
}

void coap_endpoint_cancel(struct coap_endpoint *e, struct handle exchange, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL)
		return;
	struct coap_client_call *call = coap_call_of(e, exchange);
	bool is_observing = x->phase == COAP_EXCHANGE_OBSERVING;
	coap_endpoint_enter(e);
	if (!handle_is_none(call->qcall)) {
		coap_qclient_close(e, exchange);
		coap_body_close(&e->bodies, call->assembly);
		call->assembly = HANDLE_NONE;
		coap_exchange_pace(&e->exchanges, exchange, false);
	}
	/* A request whose body takes several messages is not made again to cancel: the next notification is answered
	 * with an RST (RFC 7641 section 3.6). */
	if (call->observes && is_observing && !call->is_cancelling && !coap_transfer_sends_blocks(call)) {
		coap_client_drop_child(e, exchange);
		call->reply = NULL;
		call->observes = false;
		call->is_cancelling = true;
		coap_client_start(e, exchange, now);
	} else if (!call->is_cancelling) {
		coap_client_drop(e, exchange);
	}
	coap_endpoint_leave(e, now);
}

/* ---- time, and remotes that are gone ---- */

void coap_client_timed_out(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) == NULL)
		return;
	if (coap_call_of(e, h)->is_group && !coap_groupcall_is_over(e, h, now))
		return;
	e->counters.timeouts++;
	coap_client_end(e, h, coap_call_of(e, h)->is_dry ? COAP_OUTCOME_BROKEN : COAP_OUTCOME_TIMEOUT, now);
}

void coap_client_due(struct coap_endpoint *e, struct handle exchange, msec now)
{
	enum coap_exchange_phase phase = coap_exchange_get(&e->exchanges, exchange)->phase;
	if (phase == COAP_EXCHANGE_OBSERVING || phase == COAP_EXCHANGE_QUEUED)
		coap_client_start(e, exchange, now);
	else
		coap_client_timed_out(e, exchange, now);
}

/* A reply function may ask the same remote again at once; that exchange is none of those that are lost. */
void coap_client_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	struct handle lane, h;
	if (!coap_exchange_detach(&e->exchanges, remote, &lane))
		return;
	while (coap_exchange_find_detached(&e->exchanges, lane, &h))
		coap_client_end(e, h, COAP_OUTCOME_LOST, now);
}
