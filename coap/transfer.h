/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of own requests and of their responses in blocks, as the client sees them (RFC 7959 sections 2.4 and 2.5).
 *
 * A call first gives its body block by block, then takes the response's. Which block is next follows from two counts,
 * `body_done` and `fetched`; each response moves one of them:
 *
 *     2.31, or a success for a block that is not the last    body_done, in blocks as large as the server likes
 *     4.13 with smaller blocks, for the first                once more from the start with those
 *     Block2 with more to come                               fetched; the bytes are put together
 *     another ETag in between                                once more from the start, then it is broken */
#pragma once

#include "coap/endpoint_state.h"

enum coap_transfer_progress {
	COAP_TRANSFER_WHOLE, /* nothing is left to be asked for */
	COAP_TRANSFER_ON,    /* the next request of the call is to be sent, with a token of its own */
	COAP_TRANSFER_BROKEN,
};

/* ---- the request ---- */

/* Keeps a copy of a body that fits one block; else it stays the caller's, or his source's. */
void coap_transfer_set_body(struct coap_client_call *call, const struct coap_call *from);
/* Chooses the largest blocks for our body that the options leave room for. */
void coap_transfer_choose_size(struct coap_client_call *call);
/* Whether the longest message of the call fits, and its body has few enough blocks. */
bool coap_transfer_fits(const struct coap_client_call *call);
/* Whether the body takes several messages. */
bool coap_transfer_sends_blocks(const struct coap_client_call *call);
/* The call's body. */
struct bytes coap_transfer_body(const struct coap_client_call *call);
/* Adds the options that say which block this is, and gives its payload. False when the source does not give it. */
bool coap_transfer_add(
	const struct coap_client_call *call, struct coap_options *o, msec now, struct bytes *ret_payload);

/* ---- the response ---- */

/* Reads a block option of the response. */
bool coap_transfer_parse_block(const struct coap_client_call *call, uint32_t value, struct coap_block *ret);
/* What the response says about our body. */
enum coap_transfer_progress coap_transfer_sent(struct coap_client_call *call, const struct coap_message *m);
/* What it brings of its own. */
enum coap_transfer_progress coap_transfer_received(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m);
/* The first block of a notification: the rest is to be fetched by this call. */
enum coap_transfer_progress coap_transfer_begin(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, struct coap_block block);
