/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/outbound.h"

#include "coap/flow.h"

#include "coap/stream.h"

struct writer coap_outbound_writer(struct coap_endpoint *e, const struct coap_remote *to)
{
	const struct coap_transport *t = &e->config.transport;
	if (!coap_remote_is_reliable(to))
		return writer_of(t->room != NULL ? t->room(t->context) : e->buffer, COAP_DATAGRAM_MAX_BYTES);
	/* As a datagram it is at most two bytes longer than as a frame, and the frame is what the peer has limited. */
	return writer_of(e->buffer, coap_stream_carrier(e, to).message_max);
}

void coap_outbound_send(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now)
{
	if (coap_remote_is_reliable(to)) {
		e->counters.sent += message.len > 0;
		coap_stream_send(e, to, message, now);
		return;
	}
	if (message.len == 0)
		return; /* it did not fit the buffer */
	e->counters.sent++;
	(void)e->config.transport.send(e->config.transport.context, to, message, now);
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
	if (!coap_retransmit_add(
		    &e->retransmit, to, id, (uint8_t)kind, owner, &p, message, &e->prng, now, ret_pending)) {
		e->counters.refused_full++;
		return false;
	}
	coap_outbound_send(e, to, message, now);
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
