/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Own requests: where the application asks (coap_endpoint_request, _ping, _observe_again, _cancel of coap/endpoint.h),
 * and where time and lost remotes reach what it has asked.
 *
 *     request -> client_call -> client_request --+--> ACK: the wait for a separate response
 *                                     ^          +--> client_response -> next block of our body, or of the response's
 *                                     |          |             |         |
 *                                     +----------|-------------|---------+
 *                                                |             +--> client_notification -> reply function, often
 *                                                +--> RST, timeout, loss, response --> client_outcome -> reply
 *                                                                                      function, once
 *
 * Each of them is a file of the composer. */
#pragma once

#include "coap/endpoint_state.h"

/* The request was given up, or its separate response is overdue. Ignores an exchange that has ended. */
void coap_client_timed_out(struct coap_endpoint *e, struct handle h, msec now);
/* The exchange's deadline has come: it waits in vain, or an observation registers again. */
void coap_client_due(struct coap_endpoint *e, struct handle exchange, msec now);
/* All requests to this remote end. */
void coap_client_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now);
