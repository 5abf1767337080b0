/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Own requests: writing them, and what comes of them.
 *
 *     request -> (turn) -> transmit --+--> ACK: the wait for a separate response
 *                   ^                 +--> response -> next block of our body, or of the response's -> transmit
 *                   |                 |             -> reply function, once
 *                   +-- queued        +--> RST, timeout, loss -> reply function, once
 *
 * An exchange that observes stays after its first response. When a notification comes in blocks, its rest is fetched by
 * an exchange of its own, the child, since the requests for it need another token (RFC 7641 section 3.4, RFC 7959
 * section 2.6); a newer notification ends that fetch. */
#pragma once

#include "coap/endpoint_state.h"

/* Fills in what belongs to a new exchange. False when the call's messages cannot be written. */
bool coap_client_prepare(struct coap_endpoint *e, const struct coap_call *from, struct handle h);
/* Sends the requests whose turn has come. */
void coap_client_ready(struct coap_endpoint *e, msec now);
/* Sends the request of a new exchange, when its turn comes. */
void coap_client_start(struct coap_endpoint *e, struct handle h, msec now);
/* Ends an exchange with COAP_OUTCOME_BROKEN. */
void coap_client_broken(struct coap_endpoint *e, struct handle h, msec now);
/* A response has come, `from` a remote that may never have been asked. */
void coap_client_response(struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, msec now);
/* The same of a response with more options than can be read: its call ends with COAP_OUTCOME_BROKEN. */
void coap_client_unreadable(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now);
/* The request of this exchange was acknowledged, rejected, given up; or its separate response is overdue. */
void coap_client_acked(struct coap_endpoint *e, struct handle h, msec now);
/* The answer to a Ping on a connection. */
void coap_client_pong(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_token *token, msec now);
void coap_client_rejected(struct coap_endpoint *e, struct handle h, msec now);
void coap_client_timed_out(struct coap_endpoint *e, struct handle h, msec now);
/* The exchange's deadline has come: it waits in vain, or an observation registers again. */
void coap_client_due(struct coap_endpoint *e, struct handle exchange, msec now);
/* Calls by Q-Block whose time has come. */
void coap_client_tick_qblocks(struct coap_endpoint *e, msec now);
/* The caller's options, as they were copied when the exchange began. */
void coap_client_restore_options(const struct coap_client_call *call, struct coap_options *ret);
void coap_client_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now);
