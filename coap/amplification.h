/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * No more to a stranger than three times what came from him (RFC 7252 section 11.3, RFC 9175 sections 2.4 and 2.6).
 *
 * A request without security may carry somebody else's address. Until its remote has brought an Echo value back
 * (coap/verify.h), all the bytes that it causes, repetitions included, stay within amplification_max times its own:
 *
 * - An error goes without its diagnostic payload, at most 16 bytes longer than the request.
 * - The answer to a GET or FETCH becomes 4.01 with an Echo value: the request has changed nothing and may come again.
 * - Any other answer goes in blocks as small as needed, as it cannot be undone; if none is small enough the code alone
 *   must do.
 * - A separate answer is repeated only as often as there is room for; the empty ACK counts too.
 * - Observe is answered 4.01 with an Echo value: nobody is notified before he is known.
 *
 * Connections have proven their address in their handshake and are not limited. So have secure sessions, unless they
 * have moved since: then what goes to their new address is limited as well, and counted by the transport. Of their
 * requests only those that are non-confirmable or use Q-Block are treated as a stranger's; see path.h. The cost for a
 * request whose answer is small is a comparison; for others it is one look into the table. */
#pragma once

#include "coap/endpoint_state.h"

#define COAP_ERROR_GROWTH_BYTES 16 /* how much longer than its request an error to a stranger may be */

/* A request of `len` bytes has come: what its origin may cause, and what its Echo option proves. */
void coap_amplification_read(
	struct coap_endpoint *e, const struct coap_message *m, size_t len, struct coap_origin *origin, msec now);
/* Whether its sender is where he says, or nobody asks. */
bool coap_amplification_is_known(struct coap_endpoint *e, const struct coap_origin *origin, msec now);
/* Turns the response into a request to come again with an Echo (section 2.3). */
void coap_amplification_challenge(
	struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *ret, msec now);
/* Whether the response is one. It must never be confirmable: that would be sent again and again (section 2.4). */
bool coap_amplification_is_challenge(const struct coap_response *r);

/* Whether the response may go as it is. */
bool coap_amplification_fits(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, msec now);
/* Makes one small that does not fit; the origin learns of smaller blocks. */
void coap_amplification_shrink(struct coap_endpoint *e, struct coap_origin *origin, struct coap_response *r, msec now);
/* How often a confirmable response of `len` bytes may be repeated. */
uint8_t coap_amplification_repetitions(struct coap_endpoint *e, const struct coap_origin *origin, size_t len, msec now);
