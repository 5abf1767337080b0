/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a client is told of what a server has answered, or of why it could not be asked (RFC 7252 section 5.7). For the
 * files of the proxy alone. */
#pragma once

#include "coap/proxy_call.h"

/* A response that says nothing yet. */
void coap_proxy_response_preset(struct coap_response *r);
/* `why` is borrowed and becomes the payload; a 5.03 says when to come again. */
void coap_proxy_response_refuse(struct coap_response *ret, enum coap_code code, const char *why);
/* The server's response in the client's terms: Locations below the route's prefix (no route: NULL), and a 5.08 with
 * this proxy's name. What it points to is valid until the proxy writes another. */
void coap_proxy_response_fill(struct coap_proxy *p, const struct coap_proxy_route *route,
	const struct coap_cache_response *from, struct coap_response *ret);
/* The same for every outcome, from a 2.03 for a client who has the body already to 5.04 and 5.02. */
void coap_proxy_response_translate(
	const struct coap_proxy_call *call, const struct coap_cached_answer *answer, struct coap_response *ret);
