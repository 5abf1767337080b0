/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way out: messages are written where the transport wants them, or into the endpoint's one buffer, handed to the
 * transport, and kept for retransmission when confirmable. A message that the transport refuses counts as lost on the
 * way. */
#pragma once

#include "coap/endpoint_state.h"

/* A writer over that place, as long as a message to this remote may be. What is in it is lost when the next message is
 * written, or another one is sent before it. */
struct writer coap_outbound_writer(struct coap_endpoint *e, const struct coap_remote *to);

void coap_outbound_send(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now);
void coap_outbound_empty(
	struct coap_endpoint *e, const struct coap_remote *to, enum coap_type type, uint16_t id, msec now);
/* Sends and expects an ACK. False when the table is full; the message has not been sent then. */
bool coap_outbound_confirmable(struct coap_endpoint *e, const struct coap_remote *to, uint16_t id,
	enum coap_pending_kind kind, struct handle owner, const struct coap_patience *patience, struct bytes message,
	msec now, struct handle *ret_pending);
/* Sends a pending message once more; one that has left the table is ignored. */
void coap_outbound_again(struct coap_endpoint *e, struct handle pending, msec now);
/* Whether there is room for one more that does. */
bool coap_outbound_has_room(const struct coap_endpoint *e);
uint16_t coap_outbound_next_id(struct coap_endpoint *e, const struct coap_remote *to);
