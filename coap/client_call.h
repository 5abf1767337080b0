/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an own request is, as its caller has said it: copied into the place beside its exchange, from which each of its
 * messages is written. */
#pragma once

#include "coap/endpoint_state.h"

/* A folded one is unfolded for it, and folded again when the endpoint is left. Valid until then. */
struct coap_client_call *coap_call_of(struct coap_endpoint *e, struct handle exchange);
/* Folds those that observe and have nothing under way, of all that were touched. */
void coap_client_fold(struct coap_endpoint *e);

static inline const struct coap_remote *coap_remote_of(const struct coap_endpoint *e, struct handle exchange)
{
	return coap_exchange_remote(&e->exchanges, exchange);
}

/* Fills in what belongs to a new exchange. False when the call's messages cannot be written. */
bool coap_client_prepare(struct coap_endpoint *e, const struct coap_call *from, struct handle h);
/* The same request for another exchange; the caller changes what is different. */
struct coap_client_call *coap_client_copy(struct coap_endpoint *e, struct handle from, struct handle to);
/* RFC 9175 section 2.3: the latest Echo goes with the next request, and what was refused for want of one is asked once
 * more. Who has moved meanwhile, and is given another value than the last, asks again, but not for ever. A success
 * allows for as many repetitions anew. `is_late` of the answer to a request that has been asked once more already. */
bool coap_client_must_echo(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, bool is_late, msec now);
/* The caller's options, as they were copied when the exchange began. */
void coap_client_restore_options(const struct coap_client_call *call, struct coap_options *ret);
