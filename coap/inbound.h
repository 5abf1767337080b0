/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The way in: what a datagram is, and who deals with it (RFC 7252 section 4).
 *
 *     not CoAP version 1, shorter than a header    nothing
 *     malformed                                    RST when confirmable, else nothing
 *     more options than a message may have         4.02 to a confirmable request, RST to another confirmable message
 *     CON empty (ping)                             RST
 *     ACK, RST                                     settles the message with its Message-ID; unknown ones are ignored
 *     request                                      coap/serve.h
 *     response                                     coap/client.h; RST when confirmable and nobody waits for it
 *
 * coap_endpoint_receive (coap/endpoint.h) is defined here. */
#pragma once

#include "coap/endpoint_state.h"

/* A message of a connection, in the form of a datagram. False when it is malformed: the connection is to be ended. */
bool coap_inbound_stream(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram, msec now);
