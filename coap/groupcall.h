/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request to a group and its many answers, on the client's side (RFC 7252 section 8, RFC 7390 section 2).
 *
 * The request leaves once, non-confirmable. An answer belongs to it by the token alone, whoever sends it, until the
 * time to wait is over; each sender's first counts. Two kinds of answer are only a beginning, and what follows is asked
 * of their sender alone, by a request of its own that hangs on this one: a first block of several (RFC 7959 section
 * 2.8), and 4.01 with an Echo (RFC 9175 section 2.4). The exchange ends when the time is over and no such request runs
 * any more. */
#pragma once

#include "coap/endpoint_state.h"

/* The request has left with this exchange. */
void coap_groupcall_sent(struct coap_endpoint *e, struct handle h, msec now);
/* Somebody has answered. */
void coap_groupcall_response(struct coap_endpoint *e, struct handle h, const struct coap_remote *from,
	const struct coap_message *m, msec now);
/* A request to a single member has ended. */
void coap_groupcall_member_done(struct coap_endpoint *e, struct handle h, const struct coap_reply *reply, msec now);
/* The deadline has come: true when the exchange is to end. */
bool coap_groupcall_is_over(struct coap_endpoint *e, struct handle h, msec now);
