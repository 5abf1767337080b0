/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/inbound.h"

#include "coap/client_response.h"
#include "coap/flow.h"
#include "coap/outbound.h"
#include "coap/path.h"
#include "coap/qclient.h"
#include "coap/serve.h"

static void receive_ack(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id, msec now)
{
	const struct coap_pending *found;
	if (!coap_retransmit_settle(&e->retransmit, from, id, &found))
		return;
	coap_flow_answered(e, found, now);
	struct handle owner = found->owner;
	switch ((enum coap_pending_kind)found->kind) {
	case COAP_PENDING_QCALL:
	case COAP_PENDING_REQUEST:
		coap_client_acked(e, owner, now);
		break;
	case COAP_PENDING_SEPARATE:
		coap_separate_remove(&e->separates, owner);
		break;
	case COAP_PENDING_NOTIFICATION:
		coap_observer_settled(&e->observers, owner, now);
		break;
	case COAP_PENDING_QREPLY:
		coap_qreply_acked(e, owner, now);
		break;
	case COAP_PENDING_PING:
		coap_path_pong(e, found, now);
		break;
	case COAP_PENDING_WITHHELD:
	case COAP_PENDING_LAST_WORD:
		break;
	}
}

/* The answer to a registration is its first notification: who rejects it does not observe (RFC 7641 section 3.6). */
static void reject_separate(struct coap_endpoint *e, struct handle owner)
{
	const struct coap_separate *x = coap_separate_get(&e->separates, owner);
	struct handle observer = x == NULL ? HANDLE_NONE : x->origin.observer;
	coap_separate_remove(&e->separates, owner);
	coap_endpoint_forget_observer(e, observer);
}

/* An RST may also mean a non-confirmable notification, which is in no table of pending messages. */
static void receive_rst(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id, msec now)
{
	const struct coap_pending *found;
	struct handle owner;
	e->counters.resets++;
	if (!coap_retransmit_settle(&e->retransmit, from, id, &found)) {
		if (coap_qclient_find_rejected(e, from, id, &owner))
			coap_client_rejected(e, owner, now);
		else if (coap_qreply_rejected(e, from, id) || coap_qrequest_rejected(e, from, id))
			return;
		if (coap_observer_find_rejected(&e->observers, from, id, &owner))
			coap_endpoint_forget_observer(e, owner);
		return;
	}
	coap_flow_answered(e, found, now);
	owner = found->owner;
	switch ((enum coap_pending_kind)found->kind) {
	case COAP_PENDING_QCALL:
	case COAP_PENDING_REQUEST:
		coap_client_rejected(e, owner, now);
		break;
	case COAP_PENDING_SEPARATE:
		reject_separate(e, owner);
		break;
	case COAP_PENDING_NOTIFICATION:
		coap_endpoint_forget_observer(e, owner);
		break;
	case COAP_PENDING_QREPLY:
		coap_qreply_ended(e, owner);
		break;
	case COAP_PENDING_PING:
		coap_path_pong(e, found, now);
		break;
	case COAP_PENDING_WITHHELD:
	case COAP_PENDING_LAST_WORD:
		break;
	}
}

static void receive_empty(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	switch (m->type) {
	case COAP_TYPE_CON:
		coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
		break;
	case COAP_TYPE_NON:
		break;
	case COAP_TYPE_ACK:
		receive_ack(e, from, m->id, now);
		break;
	case COAP_TYPE_RST:
		receive_rst(e, from, m->id, now);
		break;
	}
}

/* Among more options than can be read there may be a critical one, in a request or a response (RFC 7252 section
 * 5.4.1). A non-confirmable request is rejected in silence. */
static void refuse_options(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (!coap_code_is_request(m->code)) {
		coap_client_unreadable(e, from, m, now);
	} else if (m->type == COAP_TYPE_CON || coap_remote_is_reliable(from)) {
		struct writer w = coap_outbound_writer(e, from);
		coap_message_write(&w, COAP_TYPE_ACK, COAP_BAD_OPTION, m->id, &m->token, NULL, BYTES_NONE);
		coap_outbound_send(e, from, writer_bytes(&w), now);
	}
}

/* Support for long tokens is there, only not for one as long as this, so the request must not be rejected as if it were
 * malformed (RFC 8974 section 2.2.2). A response with such a token answers nothing that was asked. */
static void refuse_token(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	const struct coap_message *m, msec now)
{
	if (!coap_code_is_request(m->code)) {
		if (m->type == COAP_TYPE_CON)
			coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
		return;
	}
	struct writer w = coap_outbound_writer(e, from);
	enum coap_type type = m->type == COAP_TYPE_CON ? COAP_TYPE_ACK : COAP_TYPE_NON;
	uint16_t id = type == COAP_TYPE_ACK ? m->id : coap_outbound_next_id(e, from);
	coap_message_write_refusal(&w, type, COAP_BAD_REQUEST, id, coap_message_long_token(datagram));
	if (!w.failed)
		coap_outbound_send(e, from, writer_bytes(&w), now);
}

static void receive_message(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, msec now)
{
	if (coap_code_is_request(m->code))
		coap_serve_request(e, from, datagram, m, now);
	else if (coap_code_is_empty(m->code))
		receive_empty(e, from, m, now);
	else
		coap_client_response(e, from, m, now);
}

/* The view points into a datagram that its owner takes back. Whoever answers later must not take it for the request. */
static void forget_message(struct coap_endpoint *e)
{
	e->message.code = COAP_EMPTY;
}

void coap_endpoint_receive(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now)
{
	struct coap_message *m = &e->message;
	e->counters.received++;
	e->now = now;
	coap_endpoint_enter(e);
	switch (coap_message_parse(datagram, m)) {
	case COAP_VERDICT_OK:
		receive_message(e, from, datagram, m, now);
		break;
	case COAP_VERDICT_IGNORE:
		e->counters.malformed++;
		break;
	case COAP_VERDICT_MALFORMED:
		e->counters.malformed++;
		if (m->type == COAP_TYPE_CON)
			coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
		break;
	case COAP_VERDICT_FULL:
		e->counters.malformed++;
		refuse_options(e, from, m, now);
		break;
	case COAP_VERDICT_LONG_TOKEN:
		e->counters.malformed++;
		refuse_token(e, from, datagram, m, now);
		break;
	}
	forget_message(e);
	coap_endpoint_leave(e, now);
}

bool coap_inbound_stream(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now)
{
	struct coap_message *m = &e->message;
	e->counters.received++;
	switch (coap_message_parse(datagram, m)) {
	case COAP_VERDICT_OK:
		receive_message(e, from, datagram, m, now);
		forget_message(e);
		return true;
	case COAP_VERDICT_FULL:
		e->counters.malformed++;
		refuse_options(e, from, m, now);
		forget_message(e);
		return true;
	case COAP_VERDICT_IGNORE:
	case COAP_VERDICT_MALFORMED:
	case COAP_VERDICT_LONG_TOKEN: /* our CSM has said how long one may be (RFC 8974 section 2.2.1) */
		break;
	}
	e->counters.malformed++;
	return false;
}

void coap_endpoint_receive_group(
	struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now)
{
	struct coap_message *m = &e->message;
	e->counters.received++;
	coap_endpoint_enter(e);
	if (coap_message_parse(datagram, m) != COAP_VERDICT_OK)
		e->counters.malformed++;
	else if (m->type == COAP_TYPE_NON && coap_code_is_request(m->code))
		coap_serve_group(e, from, datagram, m, now);
	forget_message(e);
	coap_endpoint_leave(e, now);
}
