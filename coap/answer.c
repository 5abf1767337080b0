/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/answer.h"

#include "coap/amplification.h"
#include "coap/frame.h"
#include "coap/outbound.h"
#include "coap/path.h"
#include "coap/stream.h"

#define KEPT_ETAG_BYTES 4
/* What the endpoint adds by itself: ETag, Observe, Content-Format, Max-Age, Block1, Block2, Size2, the marker. */
#define OWN_OPTIONS_BYTES 48
#define OPTIONS_MAX_BYTES 256
/* What a handler's options may take while its slice still fits, when nothing of them is known yet. */
#define OPTIONS_USUAL_BYTES 32

void coap_answer_preset(struct coap_response *r)
{
	r->code = COAP_INTERNAL_SERVER_ERROR;
	r->content_format = COAP_FORMAT_NONE;
	r->payload = BYTES_NONE;
	r->is_slice = false;
	r->body_size = 0;
	r->etag = BYTES_NONE;
	r->max_age_s = COAP_MAX_AGE_DEFAULT_S;
	coap_options_clear(&r->options);
}

/* Who asks for BERT can take it, whatever his CSM said (RFC 8323 section 6). */
static struct coap_carrier carrier_of(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	struct coap_carrier carrier = coap_stream_carrier(e, &origin->remote);
	if (origin->has_block2 && origin->block2.szx == COAP_BLOCK_SZX_BERT)
		carrier.has_bert = true;
	return carrier;
}

/* Without a wish of the client's the block is as large as we use; the client may ask for less, and we never give more
 * (RFC 7959 section 2.4). */
struct coap_block coap_answer_wanted(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	if (!origin->has_block2 && !coap_remote_is_reliable(&origin->remote))
		return (struct coap_block){0, false, e->szx};
	struct coap_carrier carrier = carrier_of(e, origin);
	uint8_t own = coap_carrier_szx(&carrier, e->szx);
	if (!origin->has_block2)
		return (struct coap_block){0, false, own};
	struct coap_block block = origin->block2;
	if (block.szx > own) {
		uint64_t number = coap_block_offset(block) / coap_block_size(own);
		block.number = number < COAP_BLOCKS_MAX ? (uint32_t)number : COAP_BLOCKS_MAX - 1;
		block.szx = own;
	}
	return block;
}

/* The most that goes into one message: a whole body, unless the client has asked for a block. */
static uint32_t part_max(
	const struct coap_endpoint *e, const struct coap_origin *origin, struct coap_block block, size_t options_bytes)
{
	struct coap_carrier carrier = carrier_of(e, origin);
	size_t overhead = (size_t)COAP_FRAME_HEAD_MAX_BYTES + origin->token.len + OWN_OPTIONS_BYTES + options_bytes;
	return origin->has_block2 ? coap_carrier_part_max(&carrier, block.szx, overhead)
				  : coap_carrier_whole_max(&carrier, e->szx, overhead);
}

uint32_t coap_answer_slice_size(
	const struct coap_endpoint *e, const struct coap_origin *origin, struct coap_block wanted)
{
	if (!coap_remote_is_reliable(&origin->remote))
		return coap_block_size(wanted.szx);
	uint32_t size = part_max(e, origin, wanted, OPTIONS_USUAL_BYTES), unit = coap_block_size(wanted.szx);
	return size > unit ? size : unit;
}

/* ---- cutting the body ---- */

struct bytes coap_answer_etag(const struct coap_response *r, uint64_t *room)
{
	if (r->etag.len > 0)
		return bytes_first(r->etag, 8);
	*room = bytes_hash(r->is_slice ? bytes_of(&r->body_size, sizeof r->body_size) : r->payload, 0);
	return bytes_of(room, KEPT_ETAG_BYTES);
}

/* The ETag binds the blocks of one body together; a body that has none of its own gets its hash. */
static void add_etag(struct coap_response *r, bool is_in_blocks)
{
	uint64_t hash;
	if (r->etag.len > 0) {
		coap_options_set(&r->options, COAP_OPTION_ETAG, bytes_first(r->etag, 8));
	} else if (is_in_blocks && !r->is_slice) {
		hash = bytes_hash(r->payload, 0);
		coap_options_set(&r->options, COAP_OPTION_ETAG, bytes_of(&hash, KEPT_ETAG_BYTES));
	}
}

static void become_error(struct coap_response *r, enum coap_code code)
{
	coap_answer_preset(r);
	r->code = code;
}

/* The wanted part of a whole body, or the slice that the handler gave for it. */
static struct bytes part_of(const struct coap_response *r, uint64_t offset, uint32_t size)
{
	if (r->is_slice)
		return bytes_first(r->payload, size);
	return offset >= r->payload.len ? BYTES_NONE : bytes_first(bytes_from(r->payload, (size_t)offset), size);
}

/* How many bytes the options take that the response has so far. */
static size_t options_bytes(const struct coap_response *r)
{
	uint8_t room[OPTIONS_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (r->options.count == 0)
		return 0;
	coap_options_write(&w, &r->options);
	return w.failed ? sizeof room : writer_bytes(&w).len;
}

static size_t overhead_of(const struct coap_origin *origin, const struct coap_response *r)
{
	return (size_t)COAP_FRAME_HEAD_MAX_BYTES + origin->token.len + OWN_OPTIONS_BYTES + options_bytes(r);
}

struct coap_block coap_answer_fitting(const struct coap_endpoint *e, const struct coap_origin *origin,
	const struct coap_response *r, struct coap_block block)
{
	struct coap_carrier carrier = carrier_of(e, origin);
	uint8_t szx = coap_carrier_fitting_szx(&carrier, block.szx, overhead_of(origin, r));
	uint32_t number = (uint32_t)(coap_block_offset(block) / coap_block_size(szx));
	return (struct coap_block){number, block.has_more, szx};
}

/* The block that goes now, and as much of the body as belongs into it. */
static struct bytes take_block(const struct coap_endpoint *e, const struct coap_origin *origin,
	const struct coap_response *r, uint64_t total, struct coap_block *block)
{
	struct coap_carrier carrier = carrier_of(e, origin);
	*block = coap_answer_fitting(e, origin, r, *block);
	uint64_t offset = coap_block_offset(*block);
	struct bytes part = part_of(r, offset, coap_carrier_part_max(&carrier, block->szx, overhead_of(origin, r)));
	block->has_more = offset + part.len < total;
	if (block->has_more && block->szx == COAP_BLOCK_SZX_BERT)
		part.len -= part.len % COAP_BLOCK_SIZE_MAX;
	return part;
}

/* Whether the body goes into this message as it is. The first question settles nearly all datagrams. */
static bool fits_whole(
	const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, uint64_t total)
{
	if (!coap_remote_is_reliable(&origin->remote) && !origin->has_block2)
		return total <= coap_block_size(e->szx) && r->payload.len == total &&
		       (r->options.count == 0 || total + overhead_of(origin, r) <= e->message_max);
	struct coap_block block = coap_answer_wanted(e, origin);
	if (!coap_remote_is_reliable(&origin->remote))
		block.szx = coap_answer_fitting(e, origin, r, block).szx;
	return total <= part_max(e, origin, block, options_bytes(r)) && r->payload.len == total;
}

/* Leaves the payload that goes into this message, and the block options beside it. */
static void cut(const struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r)
{
	uint64_t total = r->is_slice ? r->body_size : r->payload.len;
	bool is_in_blocks = !fits_whole(e, origin, r, total);
	if (!is_in_blocks && !origin->has_block2) {
		add_etag(r, false);
		return;
	}
	struct coap_block block = coap_answer_wanted(e, origin);
	uint64_t offset = coap_block_offset(block);
	if (offset > 0 && offset >= total) {
		become_error(r, COAP_BAD_REQUEST);
		return;
	}
	struct bytes part = take_block(e, origin, r, total, &block);
	if (block.has_more && !coap_block_is_full(block, part.len)) {
		become_error(r, COAP_INTERNAL_SERVER_ERROR); /* the handler's slice is too short */
		return;
	}
	add_etag(r, is_in_blocks || origin->uses_qblock);
	coap_options_set_uint(
		&r->options, origin->uses_qblock ? COAP_OPTION_Q_BLOCK2 : COAP_OPTION_BLOCK2, coap_block_value(block));
	if (block.number == 0 && total <= UINT32_MAX)
		coap_options_set_uint(&r->options, COAP_OPTION_SIZE2, (uint32_t)total);
	r->payload = part;
}

/* ---- bodies that must not be made again ---- */

static bool is_to_keep(const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r)
{
	return origin->method != COAP_GET && handle_is_none(origin->observer) && coap_code_is_success(r->code) &&
	       !r->is_slice && !fits_whole(e, origin, r, r->payload.len);
}

static bool keep(struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r, msec now)
{
	struct handle h;
	msec deadline = msec_after(now, coap_max_transmit_wait(&e->patience));
	if (r->payload.len > e->bodies.size_max ||
		!coap_body_open(&e->bodies, COAP_BODY_RESPONSE, &origin->remote, origin->transfer, deadline, &h)) {
		e->counters.refused_full++;
		return false;
	}
	struct coap_body *body = coap_body_get(&e->bodies, h);
	uint64_t hash;
	struct bytes etag = coap_answer_etag(r, &hash);
	(void)coap_body_append(&e->bodies, h, 0, r->payload, deadline);
	body->code = (uint8_t)r->code;
	body->content_format = r->content_format;
	body->etag_len = (uint8_t)etag.len;
	memcpy(body->etag, etag.data, etag.len);
	return true;
}

bool coap_answer_from_kept(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	struct handle h;
	if (!coap_body_find(&e->bodies, COAP_BODY_RESPONSE, &origin->remote, origin->transfer, &h))
		return false;
	struct coap_body *body = coap_body_get(&e->bodies, h);
	struct coap_block block = coap_answer_wanted(e, origin);
	coap_body_prolong(&e->bodies, h, msec_after(now, coap_max_transmit_wait(&e->patience)));
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = (enum coap_code)body->code;
	r.content_format = body->content_format;
	r.etag = bytes_of(body->etag, body->etag_len);
	r.payload = part_of(&(struct coap_response){.payload = coap_body_bytes(&e->bodies, h)},
		coap_block_offset(block), coap_answer_slice_size(e, origin, block));
	r.is_slice = true;
	r.body_size = body->length;
	body->is_spent = coap_block_offset(block) + r.payload.len >= body->length;
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
	return true;
}

/* ---- options and messages ---- */

void coap_answer_add_options(const struct coap_origin *origin, struct coap_response *r)
{
	if (r->content_format != COAP_FORMAT_NONE && r->payload.len > 0)
		coap_options_set_uint(&r->options, COAP_OPTION_CONTENT_FORMAT, r->content_format);
	if (r->max_age_s != COAP_MAX_AGE_DEFAULT_S)
		coap_options_set_uint(&r->options, COAP_OPTION_MAX_AGE, r->max_age_s);
	if (origin->has_block1)
		coap_options_set_uint(&r->options, origin->uses_qblock ? COAP_OPTION_Q_BLOCK1 : COAP_OPTION_BLOCK1,
			coap_block_value(origin->block1));
}

/* A success makes the response a notification (RFC 7641 section 4.2); anything else ends the registration. */
static void add_observe(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r, msec now)
{
	if (coap_observer_get(&e->observers, origin->observer) == NULL)
		return;
	if (!coap_code_is_success(r->code)) {
		coap_endpoint_forget_observer(e, origin->observer);
		return;
	}
	coap_observer_told_format(&e->observers, origin->observer, r->content_format);
	coap_options_set_uint(
		&r->options, COAP_OPTION_OBSERVE, coap_observer_next_sequence(&e->observers, origin->observer, now));
}

/* The part of a streamed body has been taken: the client may go on (RFC 7959 section 2.9.1). */
static void turn_into_continue(struct coap_response *r)
{
	become_error(r, COAP_CONTINUE);
}

/* A diagnostic payload may be cut anywhere; it is for people. */
static size_t diagnostic_max(
	const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_response *r)
{
	size_t overhead = overhead_of(origin, r);
	size_t room = overhead < e->message_max ? e->message_max - overhead : 0;
	return room < COAP_BLOCK_SIZE_MAX ? room : COAP_BLOCK_SIZE_MAX;
}

struct bytes coap_answer_write(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	enum coap_type type, uint16_t id, msec now)
{
	struct writer w = coap_outbound_writer(e, &origin->remote);
	if (origin->is_part && coap_code_is_success(r->code))
		turn_into_continue(r);
	if (coap_code_is_success(r->code))
		cut(e, origin, r);
	else
		r->payload = bytes_first(r->payload, diagnostic_max(e, origin, r));
	coap_answer_add_options(origin, r);
	add_observe(e, origin, r, now);
	coap_message_write(&w, type, r->code, id, &origin->token, &r->options, r->payload);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

/* RFC 7967 section 2.1: the client has said which classes of response it does not want. */
static bool is_unwanted(const struct coap_origin *origin, enum coap_code code)
{
	return origin->no_response != 0 && (origin->no_response >> (coap_code_class(code) - 1) & 1) != 0;
}

/* What a member of a group does not say (RFC 7252 sections 8.1 and 8.2): that it cannot help, or that it has nothing. A
 * call for an Echo is said: there is something for who proves his address. */
static bool is_kept_from_group(const struct coap_origin *origin, const struct coap_response *r)
{
	bool is_empty = r->code == COAP_CONTENT && r->payload.len == 0;
	return origin->is_group && (is_empty || !coap_code_is_success(r->code)) && !coap_amplification_is_challenge(r);
}

static void send_at_leisure(struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, msec now)
{
	msec leisure = coap_group_leisure(&e->config.parameters.group, message.len);
	uint32_t bound = leisure < UINT32_MAX ? (uint32_t)leisure + 1 : UINT32_MAX;
	if (message.len > 0 && !coap_group_add(&e->group, to, message, msec_after(now, prng_below(&e->prng, bound))))
		e->counters.refused_full++;
}

/* A reply that is too long for what is left of the table is replaced by one that tells the client that the request has
 * been run, but how it ended can no longer be said. */
void coap_answer_remember(struct coap_endpoint *e, const struct coap_origin *origin, struct bytes message)
{
	uint8_t room[COAP_HEADER_BYTES + COAP_TOKEN_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (handle_is_none(origin->dedup) || !origin->is_confirmable ||
		coap_dedup_answered(&e->dedup, origin->dedup, message))
		return;
	e->counters.refused_full++;
	coap_message_write(&w, COAP_TYPE_ACK, COAP_INTERNAL_SERVER_ERROR, origin->id, &origin->token, NULL, BYTES_NONE);
	(void)coap_dedup_answered(&e->dedup, origin->dedup, writer_bytes(&w));
}

void coap_answer_promise(struct coap_endpoint *e, struct handle separate, msec now)
{
	struct coap_separate *x = coap_separate_get(&e->separates, separate);
	uint8_t room[COAP_HEADER_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (x->origin.is_confirmable) {
		coap_message_write_empty(&w, COAP_TYPE_ACK, x->origin.id);
		(void)coap_dedup_answered(&e->dedup, x->origin.dedup, writer_bytes(&w));
		coap_outbound_send(e, &x->origin.remote, writer_bytes(&w), now);
	}
	if (x->state == COAP_SEPARATE_OWED)
		coap_separate_promised(&e->separates, separate);
}

static void send_nothing(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	struct writer w = coap_outbound_writer(e, &origin->remote);
	if (!origin->is_confirmable || origin->is_acked)
		return;
	coap_message_write_empty(&w, COAP_TYPE_ACK, origin->id);
	coap_answer_remember(e, origin, writer_bytes(&w));
	coap_outbound_send(e, &origin->remote, writer_bytes(&w), now);
}

/* When no place for a confirmable message is left the response goes non-confirmable (RFC 7252 section 5.2.3 leaves the
 * choice to the server), without a second chance. */
static void send_alone(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	struct handle separate, msec now)
{
	struct handle pending;
	uint16_t id = coap_outbound_next_id(e, &origin->remote);
	enum coap_type type = COAP_TYPE_NON;
	if (origin->is_confirmable && coap_outbound_has_room(e) && !coap_amplification_is_challenge(r))
		type = COAP_TYPE_CON;
	struct bytes message = coap_answer_write(e, origin, r, type, id, now);
	coap_qrequest_answered(e, origin, message);
	if (type == COAP_TYPE_NON) {
		if (origin->is_group)
			send_at_leisure(e, &origin->remote, message, now);
		else
			coap_outbound_send(e, &origin->remote, message, now);
		coap_separate_remove(&e->separates, separate);
		return;
	}
	struct coap_patience patience = e->patience;
	uint8_t repetitions = coap_amplification_repetitions(e, origin, message.len, now);
	patience.is_fixed = repetitions < patience.max_retransmit;
	patience.max_retransmit = repetitions;
	if (coap_outbound_confirmable(
		    e, &origin->remote, id, COAP_PENDING_SEPARATE, separate, &patience, message, now, &pending))
		coap_separate_sent(&e->separates, separate, pending);
}

static void send_piggybacked(
	struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r, msec now)
{
	struct bytes message = coap_answer_write(e, origin, r, COAP_TYPE_ACK, origin->id, now);
	coap_outbound_send(e, &origin->remote, message, now);
	coap_answer_remember(e, origin, message);
	coap_qrequest_answered(e, origin, message);
}

/* A handler's options may be too much for one message. */
static void check_size(struct coap_response *r)
{
	uint8_t room[COAP_DATAGRAM_MAX_BYTES - COAP_BLOCK_SIZE_MAX - COAP_HEADER_BYTES - COAP_TOKEN_MAX_BYTES - 32];
	struct writer w = writer_of(room, sizeof room);
	if (r->options.count == 0 && !r->options.failed)
		return;
	coap_options_write(&w, &r->options);
	if (w.failed)
		become_error(r, COAP_INTERNAL_SERVER_ERROR);
}

/* An error to a part of a streamed body ends the transfer. */
static void end_stream(struct coap_endpoint *e, const struct coap_origin *origin)
{
	struct handle h;
	if (coap_body_find(&e->bodies, COAP_BODY_REQUEST, &origin->remote, origin->transfer, &h))
		coap_body_close(&e->bodies, h);
}

void coap_answer_send(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	struct handle separate, msec now)
{
	struct coap_origin smaller;
	check_size(r);
	if (!coap_amplification_fits(e, origin, r, now)) {
		smaller = *origin;
		coap_amplification_shrink(e, &smaller, r, now);
		origin = &smaller;
	}
	if (origin->is_part && !coap_code_is_success(r->code))
		end_stream(e, origin);
	if (is_unwanted(origin, r->code) || is_kept_from_group(origin, r)) {
		send_nothing(e, origin, now);
		coap_separate_remove(&e->separates, separate);
		return;
	}
	if (coap_qreply_take(e, origin, r, separate, now))
		return;
	if (!origin->is_part && is_to_keep(e, origin, r) && !keep(e, origin, r, now))
		become_error(r, COAP_INTERNAL_SERVER_ERROR);
	if (origin->is_confirmable && !origin->is_acked) {
		send_piggybacked(e, origin, r, now);
		coap_separate_remove(&e->separates, separate);
	} else {
		send_alone(e, origin, r, separate, now);
	}
	if (coap_amplification_is_challenge(r))
		coap_path_challenged(e, &origin->remote, now);
}

void coap_answer_code(struct coap_endpoint *e, const struct coap_origin *origin, enum coap_code code, msec now)
{
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = code;
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}
