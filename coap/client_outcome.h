/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an own request comes to: its reply function is told once at its end, and in between of notifications and single
 * blocks. Here alone exchanges end.
 *
 * A notification in blocks and the answer of a group's member may have a request of their own that fetches the rest, a
 * child; when a child ends, what it has brought is told in its parent's name. */
#pragma once

#include "coap/endpoint_state.h"

/* The exchange goes on, and its caller is told of a part of it. The reply function may end it. */
void coap_client_tell(
	struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, const struct coap_reply *from, msec now);
/* The exchange ends with `reply`, whose exchange and remote are filled in. */
void coap_client_finish(struct coap_endpoint *e, struct handle h, struct coap_reply *reply, msec now);
/* The exchange ends without a response. */
void coap_client_end(struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, msec now);
/* The exchange ends, and nobody is told. */
void coap_client_drop(struct coap_endpoint *e, struct handle h);
/* The same of its child, if it has one. */
void coap_client_drop_child(struct coap_endpoint *e, struct handle h);
