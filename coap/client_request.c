/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client_request.h"

#include "coap/client_call.h"
#include "coap/flow.h"
#include "coap/groupcall.h"
#include "coap/outbound.h"
#include "coap/transfer.h"

/* With so many in flight that this many in a row are taken, a reset may be understood wrongly. */
#define GROUP_ID_TRIES 64

static struct bytes write_request(struct coap_endpoint *e, struct handle h, uint16_t id, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	struct coap_token token = coap_token_of(bytes_of(&x->token, sizeof x->token));
	struct coap_options options;
	const struct coap_remote *remote = coap_remote_of(e, h);
	struct bytes payload, echo;
	struct writer w = coap_outbound_writer(e, remote);
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
	if (coap_echo_find(&e->echoes, remote, now, &echo))
		coap_options_set(&options, COAP_OPTION_ECHO, echo);
	call->is_dry = !coap_transfer_add(call, &options, now, &payload);
	if (call->is_dry)
		return BYTES_NONE;
	call->body_part = (uint32_t)payload.len;
	coap_message_write(&w, type, call->method, id, &token, &options, payload);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

/* On a connection a request arrives once it has been written, so nothing but its response is waited for. */
static void transmit_reliably(struct coap_endpoint *e, struct handle h, const struct coap_remote *to, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
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
	struct coap_client_call *call = coap_call_of(e, h);
	struct coap_remote to = *coap_remote_of(e, h);
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

/* RFC 7252 section 4.7: PROBING_RATE, of what is sent to somebody who has not answered. */
static bool is_to_be_quiet(struct coap_endpoint *e, struct handle h, msec now)
{
	msec until = coap_peer_quiet_until(&e->peers, coap_remote_of(e, h));
	if (!coap_call_of(e, h)->is_nonconfirmable || until <= now)
		return false;
	coap_exchange_hold(&e->exchanges, h, until);
	return true;
}

/* Sends the exchange's next request, at once or when its turn comes. */
void coap_client_start(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_retransmit_remove(&e->retransmit, coap_call_of(e, h)->pending);
	coap_call_of(e, h)->pending = HANDLE_NONE;
	coap_flow_limit(e, coap_remote_of(e, h));
	if (is_to_be_quiet(e, h, now))
		return;
	if (coap_exchange_start(&e->exchanges, h, coap_outbound_has_room(e)))
		transmit(e, h, now);
}

void coap_client_go_on(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_exchange_renew_token(&e->exchanges, h, &e->prng);
	coap_client_start(e, h, now);
}

void coap_client_ready(struct coap_endpoint *e, msec now)
{
	struct handle h;
	while (coap_outbound_has_room(e) && coap_exchange_ready(&e->exchanges, &h))
		if (!is_to_be_quiet(e, h, now))
			transmit(e, h, now);
}
