/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client_outcome.h"

#include "coap/client_call.h"
#include "coap/content_format.h"
#include "coap/groupcall.h"
#include "coap/qclient.h"

/* Gives back all that belongs to the exchange but the body of its response, which the reply function still reads. */
static void release(struct coap_endpoint *e, struct handle h)
{
	struct coap_client_call *call = coap_call_of(e, h);
	struct handle child = call->child;
	coap_retransmit_remove(&e->retransmit, call->pending);
	coap_responders_forget(&e->responders, &call->responders);
	coap_qclient_close(e, h);
	coap_calls_end(&e->calls, h.slot);
	coap_exchange_remove(&e->exchanges, h);
	if (coap_exchange_get(&e->exchanges, child) != NULL)
		coap_client_drop(e, child);
}

void coap_client_drop(struct coap_endpoint *e, struct handle h)
{
	coap_body_close(&e->bodies, coap_call_of(e, h)->assembly);
	release(e, h);
}

void coap_client_drop_child(struct coap_endpoint *e, struct handle h)
{
	struct handle child = coap_call_of(e, h)->child;
	coap_call_of(e, h)->child = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, child) != NULL)
		coap_client_drop(e, child);
}

void coap_client_tell(
	struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, const struct coap_reply *from, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, h);
	struct coap_reply reply = *from;
	reply.outcome = outcome;
	reply.exchange = h;
	reply.remote = *coap_remote_of(e, h);
	if (call->reply != NULL)
		call->reply(call->context, e, &reply, now);
}

/* The fetch of a notification's rest has ended. Whatever went wrong, the next notification brings the state again;
 * only a body that can never be taken is an end. */
static void finish_child(struct coap_endpoint *e, struct handle child, const struct coap_reply *reply, msec now)
{
	struct handle parent = coap_call_of(e, child)->parent;
	coap_call_of(e, child)->parent = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, parent) == NULL)
		return;
	if (coap_call_of(e, parent)->is_group) {
		coap_groupcall_member_done(e, parent, reply, now);
		return;
	}
	coap_call_of(e, parent)->child = HANDLE_NONE;
	coap_calls_touch(&e->calls, parent);
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		coap_client_tell(e, parent, COAP_OUTCOME_NOTIFICATION, reply, now);
	else if (reply->outcome == COAP_OUTCOME_BROKEN)
		coap_client_end(e, parent, COAP_OUTCOME_BROKEN, now);
}

void coap_client_finish(struct coap_endpoint *e, struct handle h, struct coap_reply *reply, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	coap_reply_function *function = call->reply;
	void *context = call->context;
	struct handle assembly = call->assembly;
	reply->exchange = h;
	reply->remote = *coap_remote_of(e, h);
	reply->was_retransmitted = call->was_retransmitted;
	if (!handle_is_none(call->parent))
		finish_child(e, h, reply, now);
	release(e, h);
	if (function != NULL)
		function(context, e, reply, now);
	coap_body_close(&e->bodies, assembly);
}

void coap_client_end(struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, msec now)
{
	struct coap_reply reply = {.outcome = outcome, .content_format = COAP_FORMAT_NONE};
	coap_client_finish(e, h, &reply, now);
}
