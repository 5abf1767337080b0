/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Notifications as the client takes them (RFC 7641 section 3). An exchange that observes stays after its first
 * response. When a notification comes in blocks, its rest is fetched by an exchange of its own, the child, since the
 * requests for it need another token (RFC 7641 section 3.4, RFC 7959 section 2.6); a newer notification ends that
 * fetch. */
#pragma once

#include "coap/endpoint_state.h"

/* `m`, with this value of Observe, has come for an exchange that observes, or now does. `reply` says what is told of
 * it, unless it is late or has more blocks. */
void coap_client_notified(struct coap_endpoint *e, struct handle h, const struct coap_message *m,
	const struct coap_reply *reply, uint32_t sequence, msec now);
