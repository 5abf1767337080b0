/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a reply by Q-Block2 is made of: kept when it begins, so that each block can be written whenever it is wanted.
 *
 * The body is kept in memory when it came in one piece and there is a place. Else the request is, with which the
 * handler is asked for each part again; when the body has another ETag by then, there are no more blocks of this one
 * (RFC 9177 section 4.4). */
#pragma once

#include "coap/endpoint_state.h"

/* Fills in a new reply, whose body goes in blocks of `block`'s size. False when its blocks could not be written. */
bool coap_qreply_fill(struct coap_endpoint *e, struct coap_qreply *q, const struct coap_origin *origin,
	struct coap_response *r, struct coap_block block, msec now);
/* One block as a message; a repair goes to who asked for it. Empty when it cannot be made any more. Running the handler
 * may have ended the reply. */
struct bytes coap_qreply_write_block(struct coap_endpoint *e, const struct coap_qreply *q, uint32_t number,
	bool is_repair, enum coap_type type, uint16_t id, msec now);
/* Whether the message being handled is the request itself, and not something that came between. */
bool coap_qreply_is_handled_now(const struct coap_endpoint *e, const struct coap_origin *origin);
