/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What peers say to own requests: responses, acknowledgements, rejections. Decides whose it is (RFC 7252 section
 * 5.3.2), whether it is understood, and what follows: the next request of the call, a notification, the end. A response
 * that nobody waits for is rejected when it would come again. */
#pragma once

#include "coap/endpoint_state.h"

/* A response has come, `from` a remote that may never have been asked. */
void coap_client_response(struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, msec now);
/* The same of a response with more options than can be read: its call ends with COAP_OUTCOME_BROKEN. */
void coap_client_unreadable(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now);
/* The request of this exchange was acknowledged, or rejected. Both ignore an exchange that has ended. */
void coap_client_acked(struct coap_endpoint *e, struct handle h, msec now);
void coap_client_rejected(struct coap_endpoint *e, struct handle h, msec now);
/* The answer to a Ping on a connection. */
void coap_client_pong(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_token *token, msec now);
/* Calls by Q-Block whose time has come. */
void coap_client_tick_qblocks(struct coap_endpoint *e, msec now);
