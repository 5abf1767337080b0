/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The messages of a call by Q-Block: the probe, the whole request, one block of its body, and what asks on for the
 * response's (RFC 9177 sections 4.1, 4.3 and 4.4). What cannot be sent counts as lost on the way. */
#pragma once

#include "coap/endpoint_state.h"

/* Whether the request's body takes several messages. */
bool coap_qclient_has_long_body(const struct coap_client_call *call, const struct coap_qcall *q);
/* Whether the probe may be the request itself: it gets the response's first block then. */
bool coap_qclient_probes_with_request(const struct coap_client_call *call, const struct coap_qcall *q);

void coap_qclient_send_probe(struct coap_endpoint *e, struct coap_qcall *q, msec now);
/* The request in one message. */
void coap_qclient_send_whole(struct coap_endpoint *e, struct coap_qcall *q, msec now);
/* One block of its body. False when it could not be sent. */
bool coap_qclient_send_body_block(struct coap_endpoint *e, struct coap_qcall *q, uint32_t number, msec now);
/* The response's blocks so far have come, and the next may; or the question for those that are missing. */
void coap_qclient_send_continue(struct coap_endpoint *e, struct coap_qcall *q, msec now);
void coap_qclient_send_missing(struct coap_endpoint *e, struct coap_qcall *q, msec now);
