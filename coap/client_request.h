/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The requests of a call on their way out: whose turn it is (NSTART and PROBING_RATE, RFC 7252 section 4.7), the
 * message, and what is waited for then. Each sending of a block is a request of its own. */
#pragma once

#include "coap/endpoint_state.h"

/* Sends the exchange's request, at once or when its turn comes. */
void coap_client_start(struct coap_endpoint *e, struct handle h, msec now);
/* The next request of the same call, with a token of its own (RFC 7959 section 2.4). */
void coap_client_go_on(struct coap_endpoint *e, struct handle h, msec now);
/* Sends the requests whose turn has come. */
void coap_client_ready(struct coap_endpoint *e, msec now);
