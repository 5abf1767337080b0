/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests that are to go on to somebody else, as the endpoint sees them before a handler does: which resource acts as
 * the proxy, what is for the endpoint itself after all, and which options are no obstacle (RFC 7252 section 5.7). What
 * a proxy does then is coap/proxy.h's; for the files of the composer alone. */
#pragma once

#include "coap/endpoint_state.h"

/* Notes which of the configured resources forward. */
void coap_forward_init(struct coap_endpoint *e);

/* Whether it names its target by Proxy-Uri or Proxy-Scheme. */
bool coap_forward_is_asked(const struct coap_message *m);
/* Rewrites such a request when its target is this endpoint. */
void coap_forward_localise(struct coap_endpoint *e, struct coap_message *m);
/* The resource that takes such requests; false when this endpoint is no proxy (5.05). */
bool coap_forward_resource(const struct coap_endpoint *e, uint32_t *ret);
