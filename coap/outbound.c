/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/outbound.h"

#include "coap/flow.h"
#include "coap/path.h"
#include "coap/stream.h"

struct writer coap_outbound_writer(struct coap_endpoint *e, const struct coap_remote *to)
{
	const struct coap_transport *t = &e->config.transport;
	if (!coap_remote_is_reliable(to))
		return writer_of(t->room != NULL ? t->room(t->context) : e->buffer, e->message_max);
	/* As a datagram it is at most two bytes longer than as a frame, and the frame is what the peer has limited. */
	return writer_of(e->buffer, coap_stream_carrier(e, to).message_max);
}

/* `pending` is HANDLE_NONE for a message that is not kept. */
static void put(
	struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, struct handle pending, msec now)
{
	if (coap_remote_is_reliable(to)) {
		e->counters.sent += message.len > 0;
		coap_stream_send(e, to, message, now);
		return;
	}
	if (message.len == 0)
		return; /* it did not fit the buffer */
	e->counters.sent++;
	if (!e->config.transport.send(e->config.transport.context, to, message, now))
		coap_path_refused(e, to, message, pending, now);
}

void coap_outbound_send(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now)
{
	put(e, to, message, HANDLE_NONE, now);
}

void coap_outbound_again(struct coap_endpoint *e, struct handle pending, msec now)
{
	const struct coap_pending *p = coap_retransmit_get(&e->retransmit, pending);
	if (p != NULL)
		put(e, &p->remote, bytes_of(p->datagram, p->len), pending, now);
}

void coap_outbound_empty(
	struct coap_endpoint *e, const struct coap_remote *to, enum coap_type type, uint16_t id, msec now)
{
	uint8_t room[COAP_HEADER_BYTES];
	struct writer w = writer_of(room, sizeof room);
	coap_message_write_empty(&w, type, id);
	coap_outbound_send(e, to, writer_bytes(&w), now);
}

bool coap_outbound_confirmable(struct coap_endpoint *e, const struct coap_remote *to, uint16_t id,
	enum coap_pending_kind kind, struct handle owner, const struct coap_patience *patience, struct bytes message,
	msec now, struct handle *ret_pending)
{
	struct coap_patience p = coap_flow_patience(e, to, patience, now);
	struct coap_remote there = coap_path_remote(e, to);
	if (!coap_retransmit_add(
		    &e->retransmit, &there, id, (uint8_t)kind, owner, &p, message, &e->prng, now, ret_pending)) {
		e->counters.refused_full++;
		return false;
	}
	put(e, to, message, *ret_pending, now);
	return true;
}

bool coap_outbound_has_room(const struct coap_endpoint *e)
{
	return coap_retransmit_count(&e->retransmit) < e->config.capacities.pending;
}

uint16_t coap_outbound_next_id(struct coap_endpoint *e, const struct coap_remote *to)
{
	return coap_remote_is_reliable(to) ? 0 : coap_message_ids_next(&e->ids, to);
}
