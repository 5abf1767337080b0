/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Responses on their way to the client: which block of the body, which options, and in which kind of message.
 *
 *     request CON, not acknowledged yet      ACK with the request's Message-ID (piggybacked)
 *     request CON, acknowledged              CON of its own (separate)
 *     request NON                            NON of its own
 *
 * A body that does not fit one block is cut (RFC 7959 section 2.4). The rest of it is made again by the handler when
 * the client asks on; after a request that is not a GET the body is kept, as such a request must not run again. */
#pragma once

#include "coap/endpoint_state.h"

/* The endpoint's presets (coap/resource.h). */
void coap_answer_preset(struct coap_response *r);
/* A response that the endpoint gives by itself. */
void coap_answer_code(struct coap_endpoint *e, const struct coap_origin *origin, enum coap_code code, msec now);
/* Sends a response. `separate` is where it was owed, or HANDLE_NONE. `r` is used up. */
void coap_answer_send(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	struct handle separate, msec now);
/* The empty ACK of a request whose answer is owed; what a repetition of it gets from now on. */
void coap_answer_promise(struct coap_endpoint *e, struct handle separate, msec now);
/* Writes the message into the endpoint's buffer, for those who send it themselves. BYTES_NONE when it does not fit. */
struct bytes coap_answer_write(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	enum coap_type type, uint16_t id, msec now);
/* A block of a body that was kept. False when there is none. */
bool coap_answer_from_kept(struct coap_endpoint *e, const struct coap_origin *origin, msec now);
/* What binds the blocks of the response's body together: its ETag, or a hash put into `room` when it has none; of a
 * slice the hash of its size, because nobody has the whole. */
struct bytes coap_answer_etag(const struct coap_response *r, uint64_t *room);
/* The options that follow from the response's fields. */
void coap_answer_add_options(const struct coap_origin *origin, struct coap_response *r);
/* Keeps the reply for a repetition of the request. */
void coap_answer_remember(struct coap_endpoint *e, const struct coap_origin *origin, struct bytes message);
/* Which part of the body the client wants. */
struct coap_block coap_answer_wanted(const struct coap_endpoint *e, const struct coap_origin *origin);
/* The same place in the body, in blocks that are smaller when the response's options leave no room for such ones. */
struct coap_block coap_answer_fitting(const struct coap_endpoint *e, const struct coap_origin *origin,
	const struct coap_response *r, struct coap_block block);
/* How much of the body from there on the message may hold. */
uint32_t coap_answer_slice_size(
	const struct coap_endpoint *e, const struct coap_origin *origin, struct coap_block wanted);
