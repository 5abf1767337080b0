/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request has come: is it new, whom does it concern, is its body complete, and what does the handler say.
 *
 * Verdicts in the order in which they are found, for confirmable requests (non-confirmable ones that are refused for a
 * critical option are dropped silently, RFC 7252 section 5.4.1):
 *
 *     seen before                             the same reply again, nothing runs
 *     unknown critical option                 4.02
 *     Proxy-Uri, Proxy-Scheme                 5.05
 *     path unknown                            4.04
 *     method unknown                          4.05
 *     Block2 or Block1 with exponent 7, a block with more to come that is not full    4.00
 *     an Echo is needed and not there         4.01 with one
 *     first block missing, or a gap           4.08
 *     body above body_size_max                4.13 with Size1
 *     no place left for it                    5.03 with Max-Age */
#pragma once

#include "coap/endpoint_state.h"

void coap_serve_request(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, msec now);

/* The same of one that was sent to a multicast address, and is non-confirmable. */
void coap_serve_group(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, msec now);

/* Calls the handler of a resource. `body` is what it gets; the fields of `request` that do not follow from the message
 * are the caller's to set before. */
enum coap_answer coap_serve_call(struct coap_endpoint *e, const struct coap_origin *origin,
	struct coap_request *request, struct coap_response *ret, msec now);
