/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/notify.h"

#include "coap/answer.h"
#include "coap/describe.h"
#include "coap/forward.h"
#include "coap/outbound.h"
#include "coap/path.h"
#include "coap/serve.h"
#include "coap/stream.h"

/* So many notifications a turn; the deadline stays in the past for the rest. */
#define NOTIFICATIONS_A_TURN 64
/* A connection that takes nothing now is asked again after this; what is told then is the state of that moment. */
#define BUSY_WAIT ((msec)100)

/* The state of the resource as a response to the kept request; 4.06 when it has taken another Content-Format than the
 * client was told (RFC 7641 section 4.2). False when the handler has none to give now. */
static bool ask_again(
	struct coap_endpoint *e, struct handle h, struct coap_origin *origin, struct coap_response *ret, msec now)
{
	const struct coap_observer *observer = coap_observer_get(&e->observers, h);
	struct coap_message m;
	struct coap_request request;
	uint32_t value;
	enum coap_verdict verdict = coap_message_parse(bytes_of(observer->request, observer->request_len), &m);
	if (verdict != COAP_VERDICT_OK)
		return false;
	coap_forward_localise(e, &m);
	*origin = (struct coap_origin){.remote = observer->remote, .token = observer->token, .method = m.code};
	origin->is_acked = true;
	origin->echo_age = NEVER;
	origin->observer = h;
	origin->uses_qblock = coap_message_has(&m, COAP_OPTION_Q_BLOCK2);
	origin->transfer = coap_describe_key(e, &m, 0);
	origin->tagless = coap_describe_key(e, &m, COAP_OPTION_REQUEST_TAG);
	origin->has_block2 =
		coap_message_uint(&m, origin->uses_qblock ? COAP_OPTION_Q_BLOCK2 : COAP_OPTION_BLOCK2, &value) &&
		coap_stream_parse_block(&origin->remote, value, &origin->block2);
	if (!coap_describe_request(e, &m, origin, &request))
		return false;
	request.is_notification = true;
	if (coap_serve_call(e, origin, &request, ret, now) != COAP_ANSWER_NOW)
		return false;
	if (coap_code_is_success(ret->code) && !coap_observer_may_tell_format(&e->observers, h, ret->content_format)) {
		coap_answer_preset(ret);
		ret->code = COAP_NOT_ACCEPTABLE;
	}
	return true;
}

static bool has_room(struct coap_endpoint *e, const struct coap_origin *origin, bool is_confirmable)
{
	return (!is_confirmable || coap_retransmit_count(&e->retransmit) < e->config.capacities.pending) &&
	       (!origin->uses_qblock || coap_qreply_has_room(e, origin));
}

/* Writing an error ends the registration, and nobody waits for what becomes of the message then: so before that, a
 * notification for which there is no room is put off. */
static void send_notification(
	struct coap_endpoint *e, struct handle h, struct coap_origin *origin, struct coap_response *r, msec now)
{
	struct handle pending = HANDLE_NONE;
	bool is_reliable = coap_remote_is_reliable(&origin->remote);
	bool is_confirmable =
		!is_reliable && (!coap_code_is_success(r->code) || coap_observer_must_confirm(&e->observers, h, now) ||
					coap_path_limit(e, &origin->remote) > 0);
	if (!has_room(e, origin, is_confirmable)) {
		coap_observer_changed(&e->observers, h, is_confirmable, msec_after(now, e->patience.ack_timeout));
		return;
	}
	origin->is_confirmable = is_confirmable;
	if (coap_qreply_take(e, origin, r, HANDLE_NONE, now)) {
		if (coap_observer_get(&e->observers, h) != NULL)
			coap_observer_notified(&e->observers, h, 0, HANDLE_NONE, now);
		return;
	}
	uint16_t id = coap_outbound_next_id(e, &origin->remote);
	struct bytes message = coap_answer_write(e, origin, r, is_confirmable ? COAP_TYPE_CON : COAP_TYPE_NON, id, now);
	bool is_gone = coap_observer_get(&e->observers, h) == NULL;
	enum coap_pending_kind kind = is_gone ? COAP_PENDING_LAST_WORD : COAP_PENDING_NOTIFICATION;
	if (!is_confirmable)
		coap_outbound_send(e, &origin->remote, message, now);
	else
		(void)coap_outbound_confirmable(e, &origin->remote, id, kind, h, &e->patience, message, now, &pending);
	if (!is_gone)
		coap_observer_notified(&e->observers, h, id, pending, now);
}

static void notify(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_origin origin;
	struct coap_response r;
	if (!coap_stream_is_ready(e, &coap_observer_get(&e->observers, h)->remote)) {
		coap_observer_changed(&e->observers, h, false, msec_after(now, BUSY_WAIT));
		return;
	}
	bool has_state = ask_again(e, h, &origin, &r, now);
	if (coap_observer_get(&e->observers, h) == NULL)
		return;
	if (has_state)
		send_notification(e, h, &origin, &r, now);
	else
		coap_observer_notified(&e->observers, h, 0, HANDLE_NONE, now);
}

void coap_notify_due(struct coap_endpoint *e, msec now)
{
	struct handle h;
	for (int i = 0; i < NOTIFICATIONS_A_TURN && coap_observers_due(&e->observers, now, &h); i++)
		notify(e, h, now);
}

void coap_notify_refresh(struct coap_endpoint *e, struct handle pending, struct handle observer, msec now)
{
	struct coap_origin origin;
	struct coap_response r;
	const struct coap_observer *x = coap_observer_get(&e->observers, observer);
	if (x == NULL || !x->is_changed || !ask_again(e, observer, &origin, &r, now) || !coap_code_is_success(r.code))
		return;
	if (coap_observer_get(&e->observers, observer) == NULL || coap_retransmit_get(&e->retransmit, pending) == NULL)
		return;
	uint16_t id = coap_outbound_next_id(e, &origin.remote);
	struct bytes message = coap_answer_write(e, &origin, &r, COAP_TYPE_CON, id, now);
	if (message.len == 0 || coap_observer_get(&e->observers, observer) == NULL)
		return;
	coap_retransmit_replace(&e->retransmit, pending, id, message);
	coap_observer_notified(&e->observers, observer, id, pending, now);
}
