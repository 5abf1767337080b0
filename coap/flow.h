/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the endpoint asks what is known of a path, and says what has happened on it; part of the composer. */
#pragma once

#include "coap/endpoint_state.h"

/* A confirmable message is about to leave: what the path says about how patiently, unless the caller has said it. */
struct coap_patience coap_flow_patience(
	const struct coap_endpoint *e, const struct coap_remote *to, const struct coap_patience *patience, msec now);
/* How many exchanges with this remote may be on their way at once, from now on. */
void coap_flow_limit(struct coap_endpoint *e, const struct coap_remote *to);

/* The peer has acknowledged, answered or rejected this message. */
void coap_flow_answered(struct coap_endpoint *e, const struct coap_pending *p, msec now);
/* It is sent again. */
void coap_flow_lost(struct coap_endpoint *e, const struct coap_pending *p);
/* Nobody has answered. */
void coap_flow_silent(struct coap_endpoint *e, const struct coap_pending *p, bool is_confirmable);
