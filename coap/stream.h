/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The endpoint's connections (RFC 8323): what they bring, and what the way to a remote allows.
 *
 * A message on a connection is handled like a non-confirmable one, but for what the message layer would do: there are
 * no duplicates, it is never sent again, an unknown critical option is always answered, and notifications come in
 * order. */
#pragma once

#include "coap/endpoint_state.h"
#include "coap/carrier.h"

/* What the way to this remote allows. */
struct coap_carrier coap_stream_carrier(const struct coap_endpoint *e, const struct coap_remote *remote);
/* Whether a message that may wait should leave now; always on datagrams. */
bool coap_stream_is_ready(const struct coap_endpoint *e, const struct coap_remote *remote);
/* Sends on a connection. */
void coap_stream_send(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now);

/* Reads a block option, where exponent 7 has a meaning on connections only. */
static inline bool coap_stream_parse_block(const struct coap_remote *remote, uint32_t value, struct coap_block *ret)
{
	return coap_remote_is_reliable(remote) ? coap_block_parse_bert(value, ret) : coap_block_parse(value, ret);
}

msec coap_stream_deadline(const struct coap_endpoint *e);
void coap_stream_tick(struct coap_endpoint *e, msec now);
/* What has been waiting for answers that have left by now. */
void coap_stream_settle(struct coap_endpoint *e, msec now);
