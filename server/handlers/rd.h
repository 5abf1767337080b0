/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * /rd: Register, Update and De-register (lwm2m interface section 3). Decide, persist, reply: each answer that grants
 * something leaves when the store has confirmed it; a refusal leaves at once. */
#pragma once

#include "server/composer.h"

/* The resource's handler; the context is the server. */
enum coap_answer handlers_rd(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
/* The store has spoken about a change that /rd made. */
void handlers_rd_stored(struct server *s, struct pending *p, bool ok, msec now);
