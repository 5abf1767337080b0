/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asking a server on behalf of clients, and passing on what it says. For the files of the proxy alone. */
#pragma once

#include "coap/proxy_call.h"

/* Why this address must not be reached; NULL when it may. */
const char *coap_proxy_ask_obstacle(const struct coap_proxy *p, const struct address *to);
/* Passes a request on whose options are gathered: to `to`, or to the host of `name` (NULL when the address is known).
 * A renewed registration takes the place of the old one. */
enum coap_answer coap_proxy_ask_pass_on(struct coap_proxy *p, const struct coap_request *request,
	const struct coap_uri *name, const struct coap_remote *to, const struct coap_proxy_route *route,
	const struct coap_options *options, struct coap_response *ret, msec now);
/* What an observer is to be notified of. */
enum coap_answer coap_proxy_ask_latest(
	struct coap_proxy *p, const struct coap_request *request, struct coap_response *ret, msec now);
