/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/groupcall.h"

#include "coap/client.h"
#include "coap/client_call.h"
#include "coap/client_outcome.h"
#include "coap/client_request.h"
#include "coap/transfer.h"

void coap_groupcall_sent(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_exchange_acked(&e->exchanges, h, msec_after(now, coap_call_of(e, h)->group_wait));
}

static void deliver(struct coap_endpoint *e, struct handle h, const struct coap_reply *from, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, h);
	struct coap_reply reply = *from;
	reply.outcome = COAP_OUTCOME_MEMBER;
	reply.exchange = h;
	if (call->reply != NULL)
		call->reply(call->context, e, &reply, now);
}

/* The request once more, to one member, in whose answer it goes on. */
static bool ask_member(struct coap_endpoint *e, struct handle h, const struct coap_remote *member, struct handle *ret)
{
	struct handle child;
	if (!coap_exchange_add(&e->exchanges, member, false, &e->prng, &child)) {
		e->counters.refused_full++;
		return false;
	}
	struct coap_client_call *call = coap_call_of(e, h), *one = coap_client_copy(e, h, child);
	one->is_group = one->is_nonconfirmable = false;
	one->reply = NULL;
	one->pending = one->child = one->assembly = HANDLE_NONE;
	one->responders = one->members_asked = 0;
	one->parent = h;
	call->members_asked++;
	*ret = child;
	return true;
}

static void ask_with_echo(
	struct coap_endpoint *e, struct handle h, const struct coap_remote *from, struct bytes echo, msec now)
{
	struct handle child;
	if (!ask_member(e, h, from, &child))
		return;
	coap_echo_keep(&e->echoes, from, echo, now);
	coap_call_of(e, child)->echoes = 1;
	coap_client_start(e, child, now);
}

static void fetch_rest(struct coap_endpoint *e, struct handle h, const struct coap_remote *from,
	const struct coap_message *m, struct coap_block block, msec now)
{
	struct handle child;
	if (!ask_member(e, h, from, &child))
		return;
	if (coap_transfer_begin(e, child, m, block) == COAP_TRANSFER_ON)
		coap_client_start(e, child, now);
	else
		coap_client_end(e, child, COAP_OUTCOME_BROKEN, now);
}

static bool is_first_of_blocks(const struct coap_message *m, struct coap_block *ret)
{
	uint32_t value;
	return coap_code_is_success(m->code) && coap_message_uint(m, COAP_OPTION_BLOCK2, &value) &&
	       coap_block_parse(value, ret) && ret->has_more && ret->number == 0;
}

void coap_groupcall_response(struct coap_endpoint *e, struct handle h, const struct coap_remote *from,
	const struct coap_message *m, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	struct coap_block block;
	struct bytes echo;
	uint32_t format;
	if (m->type == COAP_TYPE_ACK || coap_remote_has_session(from))
		return; /* nothing was to be acknowledged, and no session is a member */
	switch (coap_responder_add(
		&e->responders, coap_exchange_get(&e->exchanges, h)->token, from, &call->responders)) {
	case COAP_RESPONDER_KNOWN:
		e->counters.duplicates++;
		return;
	case COAP_RESPONDER_FULL:
		e->counters.refused_full++;
		return;
	case COAP_RESPONDER_NEW:
		break;
	}
	if (m->code == COAP_UNAUTHORIZED && coap_message_option(m, COAP_OPTION_ECHO, &echo)) {
		ask_with_echo(e, h, from, echo, now);
	} else if (is_first_of_blocks(m, &block)) {
		fetch_rest(e, h, from, m, block, now);
	} else {
		bool has_format = coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &format);
		struct coap_reply reply = {.remote = *from,
			.message = m,
			.code = m->code,
			.content_format = has_format ? (uint16_t)format : COAP_FORMAT_NONE,
			.body = m->payload};
		deliver(e, h, &reply, now);
	}
}

void coap_groupcall_member_done(struct coap_endpoint *e, struct handle h, const struct coap_reply *reply, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	call->members_asked--;
	if (reply->outcome == COAP_OUTCOME_RESPONSE)
		deliver(e, h, reply, now);
	if (coap_exchange_get(&e->exchanges, h) != NULL && call->is_over && call->members_asked == 0)
		coap_client_timed_out(e, h, now);
}

/* A member that is asked has until it is given up itself; then it is told by coap_groupcall_member_done. */
bool coap_groupcall_is_over(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	if (call->members_asked == 0)
		return true;
	call->is_over = true;
	coap_exchange_acked(&e->exchanges, h, msec_after(now, coap_exchange_lifetime(&call->patience)));
	return false;
}
