/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * GET /.well-known/core: the list of resources, made from the application's table (RFC 6690, RFC 7252 section 7.2). */
#pragma once

#include "coap/endpoint_state.h"

/* Writes the links that match the request's queries into the scratch memory. */
void coap_discovery_answer(struct coap_endpoint *e, const struct coap_request *request, struct coap_response *ret);
