/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/transfer.h"

#include "coap/client_call.h"

#include <assert.h>

/* Header, token, and the options that the endpoint adds: Observe, Block1, Block2, Size1, Request-Tag, Echo, marker. */
#define OVERHEAD_BYTES 84

/* ---- the request ---- */

void coap_transfer_set_body(struct coap_client_call *call, const struct coap_call *from)
{
	call->body = from->body;
	if (from->source != NULL) {
		call->source = *from->source;
		call->body = bytes_of(NULL, from->source->size);
		return;
	}
	call->keeps_body = call->body.len <= sizeof call->room->body;
	if (call->keeps_body && call->body.len > 0)
		memcpy(call->room->body, call->body.data, call->body.len);
}

/* The copy is in the room of the call. */
struct bytes coap_transfer_body(const struct coap_client_call *call)
{
	return call->keeps_body ? bytes_of(call->room->body, call->body.len) : call->body;
}

bool coap_transfer_sends_blocks(const struct coap_client_call *call)
{
	return call->body.len > call->whole_max;
}

static size_t overhead_of(const struct coap_client_call *call)
{
	return OVERHEAD_BYTES + (size_t)call->options_len;
}

/* What comes from a source lies in the call's room on its way, so with BERT it goes one block at a time. */
static uint32_t limit_of(const struct coap_client_call *call, uint32_t max)
{
	uint32_t room = sizeof call->room->body;
	return call->source.give != NULL && max > room ? room : max;
}

/* How much of our body the next message holds at most. */
static uint32_t part_max(const struct coap_client_call *call)
{
	return limit_of(call, coap_carrier_part_max(&call->carrier, call->block1_szx, overhead_of(call)));
}

static void set_size(struct coap_client_call *call, uint8_t szx)
{
	call->block1_szx = szx;
	call->whole_max = limit_of(call, coap_carrier_whole_max(&call->carrier, szx, overhead_of(call)));
}

void coap_transfer_choose_size(struct coap_client_call *call)
{
	set_size(call, call->block1_szx);
	while (call->block1_szx > 0 && !coap_transfer_fits(call))
		set_size(call, call->block1_szx - 1);
}

bool coap_transfer_fits(const struct coap_client_call *call)
{
	uint64_t payload = coap_transfer_sends_blocks(call) ? part_max(call) : call->body.len;
	uint64_t blocks = call->body.len / coap_block_size(call->block1_szx);
	return overhead_of(call) + payload <= call->carrier.message_max && blocks < COAP_BLOCKS_MAX &&
	       call->body.len <= UINT32_MAX;
}

/* A part of our body, which a source writes into the call's room. */
static bool body_part(const struct coap_client_call *call, uint64_t offset, size_t max, msec now, struct bytes *ret)
{
	const struct coap_source *source = &call->source;
	if (source->give == NULL) {
		*ret = bytes_first(bytes_from(coap_transfer_body(call), (size_t)offset), max);
		return true;
	}
	*ret = bytes_of(call->room->body, offset < source->size ? (size_t)(source->size - offset) : 0);
	*ret = bytes_first(*ret, max);
	return source->give(source->context, source->key, offset, call->room->body, ret->len, now);
}

/* The part of our body that goes now. */
static bool add_block1(const struct coap_client_call *call, struct coap_options *o, msec now, struct bytes *ret)
{
	struct coap_block block;
	if (!coap_transfer_sends_blocks(call))
		return body_part(call, 0, call->whole_max, now, ret);
	bool exists = coap_block_at(call->body_done, call->block1_szx, &block);
	assert(exists); /* longer bodies have been refused */
	if (!body_part(call, call->body_done, part_max(call), now, ret))
		return false;
	block.has_more = call->body_done + ret->len < call->body.len;
	coap_options_set_uint(o, COAP_OPTION_BLOCK1, coap_block_value(block));
	coap_options_set_uint(o, COAP_OPTION_REQUEST_TAG, call->request_tag);
	if (block.number == 0)
		coap_options_set_uint(o, COAP_OPTION_SIZE1, (uint32_t)call->body.len);
	return true;
}

/* Asking on for the response's body: the same request without its own body, unless that names what is fetched and fits
 * (RFC 8132 section 2.1). */
static bool add_block2(const struct coap_client_call *call, struct coap_options *o, msec now, struct bytes *ret)
{
	struct coap_block block = {0, false, call->block2_szx};
	(void)coap_block_at(call->fetched, call->block2_szx, &block);
	coap_options_set_uint(o, COAP_OPTION_BLOCK2, coap_block_value(block));
	if (call->method == COAP_FETCH && !coap_transfer_sends_blocks(call))
		return body_part(call, 0, call->whole_max, now, ret);
	if (coap_transfer_sends_blocks(call))
		coap_options_set_uint(o, COAP_OPTION_REQUEST_TAG, call->request_tag);
	*ret = BYTES_NONE;
	return true;
}

bool coap_transfer_add(const struct coap_client_call *call, struct coap_options *o, msec now, struct bytes *ret_payload)
{
	if (call->body_done + call->fetched > 0) /* RFC 7959 section 2.10: with the first block alone */
		coap_options_remove(o, COAP_OPTION_IF_NONE_MATCH);
	if (call->fetched > 0)
		return add_block2(call, o, now, ret_payload);
	bool asks_for_size = call->block2_szx < COAP_BLOCK_SZX_MAX && coap_code_is_safe(call->method);
	if (asks_for_size && !call->is_block && !call->is_cancelling) /* early negotiation, section 2.4 */
		coap_options_set_uint(o, COAP_OPTION_BLOCK2, call->block2_szx);
	return add_block1(call, o, now, ret_payload);
}

/* ---- the response: our body ---- */

/* What the server has found too large: a block, or on a connection a body as a whole. */
static uint32_t size_used(const struct coap_client_call *call)
{
	return coap_transfer_sends_blocks(call) ? coap_block_size(call->block1_szx) : call->body_part;
}

/* RFC 7959 section 2.9.3. */
static enum coap_transfer_progress shrink_body(struct coap_client_call *call, uint8_t szx)
{
	if (call->body.len / coap_block_size(szx) >= COAP_BLOCKS_MAX)
		return COAP_TRANSFER_WHOLE;
	call->block1_szx = szx;
	call->whole_max = coap_block_size(szx);
	call->body_done = 0;
	return COAP_TRANSFER_ON;
}

static enum coap_transfer_progress advance_body(struct coap_client_call *call, struct coap_block block)
{
	uint64_t done = call->body_done + call->body_part;
	struct coap_block next;
	if (block.szx < call->block1_szx)
		call->block1_szx = block.szx;
	if (!coap_block_at(done, call->block1_szx, &next))
		return COAP_TRANSFER_BROKEN;
	call->body_done = done;
	return COAP_TRANSFER_ON;
}

bool coap_transfer_parse_block(const struct coap_client_call *call, uint32_t value, struct coap_block *ret)
{
	return call->carrier.is_reliable ? coap_block_parse_bert(value, ret) : coap_block_parse(value, ret);
}

enum coap_transfer_progress coap_transfer_sent(struct coap_client_call *call, const struct coap_message *m)
{
	struct coap_block block = {0, false, call->block1_szx};
	uint32_t value;
	bool has_block1 = coap_message_uint(m, COAP_OPTION_BLOCK1, &value);
	bool is_last = call->body_done + call->body_part >= call->body.len;
	if (call->fetched > 0 || call->is_cancelling)
		return COAP_TRANSFER_WHOLE;
	if (has_block1 && !coap_transfer_parse_block(call, value, &block))
		return COAP_TRANSFER_BROKEN;
	if (m->code == COAP_REQUEST_ENTITY_TOO_LARGE && has_block1 && call->body_done == 0 &&
		coap_block_size(block.szx) < size_used(call))
		return shrink_body(call, block.szx);
	if (m->code == COAP_CONTINUE)
		return is_last ? COAP_TRANSFER_BROKEN : advance_body(call, block);
	/* A success for a block in between: the server treats each by itself (section 2.3). */
	if (has_block1 && !is_last && coap_code_is_success(m->code))
		return advance_body(call, block);
	return COAP_TRANSFER_WHOLE;
}

/* ---- the response: its body ---- */

static void pin_etag(struct coap_client_call *call, struct bytes etag)
{
	call->etag_len = (uint8_t)bytes_first(etag, sizeof call->etag).len;
	if (call->etag_len > 0)
		memcpy(call->etag, etag.data, call->etag_len);
}

/* The body has changed under way. What must not run again, or was asked for by a body in blocks of our own, is not
 * asked for again; and a notification's successor brings the new state by itself. */
static enum coap_transfer_progress restart(struct coap_endpoint *e, struct coap_client_call *call)
{
	if (call->has_restarted || !coap_code_is_safe(call->method) || coap_transfer_sends_blocks(call) ||
		!handle_is_none(call->parent))
		return COAP_TRANSFER_BROKEN;
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	call->has_restarted = true;
	call->fetched = 0;
	return COAP_TRANSFER_ON;
}

/* It has no deadline of its own: it goes with the exchange. */
static bool open_assembly(struct coap_endpoint *e, struct handle exchange)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	uint64_t key = (uint64_t)exchange.slot << 32 | exchange.generation;
	const struct coap_remote *remote = coap_exchange_remote(&e->exchanges, exchange);
	if (!handle_is_none(call->assembly) ||
		coap_body_open(&e->bodies, COAP_BODY_REPLY, remote, key, NEVER, &call->assembly))
		return true;
	e->counters.refused_full++;
	return false;
}

/* To where the caller wants the body. */
static bool pass(const struct coap_client_call *call, const struct coap_message *m)
{
	uint32_t size = 0;
	(void)coap_message_uint(m, COAP_OPTION_SIZE2, &size);
	return call->sink.take(call->sink.context, call->fetched, m->payload, size);
}

static enum coap_transfer_progress append(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, struct coap_block block)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	struct coap_block next;
	bool is_full = coap_block_is_full(block, m->payload.len);
	if (coap_block_offset(block) != call->fetched || (block.has_more && !is_full) || block.szx > call->block2_szx)
		return COAP_TRANSFER_BROKEN;
	if (call->sink.take != NULL) {
		if (!pass(call, m))
			return COAP_TRANSFER_BROKEN;
	} else if (!open_assembly(e, exchange) ||
		   coap_body_append(&e->bodies, call->assembly, call->fetched, m->payload, NEVER) != COAP_BODY_APPENDED)
		return COAP_TRANSFER_BROKEN;
	if (!block.has_more)
		return COAP_TRANSFER_WHOLE;
	call->fetched += m->payload.len;
	call->block2_szx = block.szx;
	return coap_block_at(call->fetched, block.szx, &next) ? COAP_TRANSFER_ON : COAP_TRANSFER_BROKEN;
}

enum coap_transfer_progress coap_transfer_begin(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, struct coap_block block)
{
	struct bytes etag = BYTES_NONE;
	(void)coap_message_option(m, COAP_OPTION_ETAG, &etag);
	pin_etag(coap_call_of(e, exchange), etag);
	return append(e, exchange, m, block);
}

enum coap_transfer_progress coap_transfer_received(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	struct coap_block block = {0, false, 0};
	struct bytes etag = BYTES_NONE;
	uint32_t value;
	bool has_block2 = coap_message_uint(m, COAP_OPTION_BLOCK2, &value);
	if (call->is_block || call->is_cancelling)
		return COAP_TRANSFER_WHOLE;
	if (has_block2 && !coap_transfer_parse_block(call, value, &block))
		return COAP_TRANSFER_BROKEN;
	if (call->fetched == 0 && (coap_code_is_error(m->code) || (!block.has_more && block.number == 0)))
		return COAP_TRANSFER_WHOLE;
	if (call->fetched == 0)
		return coap_transfer_begin(e, exchange, m, block);
	if (coap_code_is_error(m->code) || !has_block2)
		return COAP_TRANSFER_BROKEN;
	(void)coap_message_option(m, COAP_OPTION_ETAG, &etag);
	if (!bytes_equal(etag, bytes_of(call->etag, call->etag_len)))
		return restart(e, call);
	return append(e, exchange, m, block);
}
