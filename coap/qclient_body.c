/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qclient_body.h"

#include "coap/client_call.h"
#include "coap/content_format.h"
#include "coap/qclient_request.h"

/* ---- ours ---- */

/* The request's number is in the token; a 'Continue' without Q-Block1 counts when it answers one of the latest set. */
static void continued(struct coap_qcall *q, const struct coap_message *m)
{
	uint32_t value, number = coap_exchange_token_number(&m->token);
	struct coap_block block;
	if (coap_message_uint(m, COAP_OPTION_Q_BLOCK1, &value) && coap_block_parse(value, &block))
		coap_qblock_send_continued(&q->send, block.number + 1);
	else if (number >= q->set_began)
		coap_qblock_send_continued(&q->send, q->send.next);
}

bool coap_qclient_is_missing_list(const struct coap_message *m)
{
	uint32_t format;
	return m->code == COAP_REQUEST_ENTITY_INCOMPLETE && coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &format) &&
	       format == COAP_FORMAT_MISSING_BLOCKS;
}

/* A list that does not ascend is dropped silently (section 5). */
static void take_missing(struct coap_qcall *q, const struct coap_message *m)
{
	struct reader r = reader_of(m->payload);
	uint32_t number = UINT32_MAX;
	if (!coap_qblock_missing_is_valid(m->payload))
		return;
	while (coap_qblock_missing_next(&r, &number))
		coap_qblock_send_asked(&q->send, number);
	coap_qblock_send_ask_ended(&q->send);
}

/* RFC 7959 section 2.9.3, to which RFC 9177 section 4.3 refers: smaller blocks are wanted. It is another body then. */
static bool shrinks(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	uint32_t value;
	struct coap_block block;
	if (m->code != COAP_REQUEST_ENTITY_TOO_LARGE || !coap_message_uint(m, COAP_OPTION_Q_BLOCK1, &value) ||
		!coap_block_parse(value, &block) || block.szx >= q->szx ||
		coap_qblock_count(coap_call_of(e, q->exchange)->body.len, block.szx) > COAP_BLOCKS_MAX)
		return false;
	q->szx = block.szx;
	q->tag = e->qcalls.next_tag++;
	return true;
}

enum coap_qclient_body coap_qclient_told_of_body(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	bool is_long = coap_qclient_has_long_body(coap_call_of(e, q->exchange), q);
	if (m->code == COAP_CONTINUE)
		continued(q, m);
	else if (coap_qclient_is_missing_list(m))
		take_missing(q, m);
	else
		return is_long && shrinks(e, q, m) ? COAP_QCLIENT_BODY_ANEW : COAP_QCLIENT_BODY_ANSWERED;
	return COAP_QCLIENT_BODY_GOES_ON;
}

/* ---- theirs ---- */

static void expect_body(struct coap_endpoint *e, struct coap_qcall *q)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	uint32_t slot = call->qcall.slot;
	if (call->sink.take != NULL)
		coap_qblock_receive_init(
			&q->receive, &e->config.parameters.qblock, call->sink.bitmap, call->sink.bitmap_blocks);
	else
		coap_qblock_receive_init(&q->receive, &e->config.parameters.qblock,
			e->qcalls.bitmaps + (size_t)slot * (e->qcalls.bitmap_blocks / 8), e->qcalls.bitmap_blocks);
}

void coap_qclient_drop_body(struct coap_endpoint *e, struct coap_qcall *q)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	expect_body(e, q);
}

static bool has_same_etag(const struct coap_qcall *q, const struct coap_message *m)
{
	struct bytes etag = BYTES_NONE;
	(void)coap_message_option(m, COAP_OPTION_ETAG, &etag);
	return bytes_equal(etag, bytes_of(q->etag, q->etag_len));
}

static void pin_etag(struct coap_qcall *q, const struct coap_message *m)
{
	struct bytes etag = BYTES_NONE;
	(void)coap_message_option(m, COAP_OPTION_ETAG, &etag);
	etag = bytes_first(etag, sizeof q->etag); /* a forwarded one need not be well-formed */
	q->etag_len = (uint8_t)etag.len;
	if (etag.len > 0)
		memcpy(q->etag, etag.data, etag.len);
}

static bool put(struct coap_endpoint *e, struct coap_qcall *q, uint64_t offset, struct bytes part)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	uint64_t key = (uint64_t)q->exchange.slot << 32 | q->exchange.generation;
	if (call->sink.take != NULL)
		return call->sink.take(call->sink.context, offset, part, q->receive.size);
	if (q->receive.size > e->bodies.size_max)
		return false;
	if (handle_is_none(call->assembly) && !coap_body_open(&e->bodies, COAP_BODY_REPLY,
						      coap_remote_of(e, q->exchange), key, NEVER, &call->assembly)) {
		e->counters.refused_full++;
		return false;
	}
	coap_body_place(&e->bodies, call->assembly, offset, part);
	return true;
}

bool coap_qclient_is_newer(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	uint32_t sequence;
	if (!call->observes || !coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence))
		return true;
	if (!coap_freshness_accept(&call->freshness, sequence, now))
		return false;
	q->has_sequence = true;
	q->sequence = sequence;
	coap_qclient_drop_body(e, q);
	return true;
}

/* The same for a block: all of a body have one sequence number, and one ETag. */
static bool is_fresh(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	uint32_t sequence;
	if (q->has_sequence && coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence) && q->sequence == sequence)
		return has_same_etag(q, m);
	return coap_qclient_is_newer(e, q, m, now);
}

static bool observes_still(struct coap_endpoint *e, const struct coap_qcall *q)
{
	return coap_call_of(e, q->exchange)->observes && q->has_sequence;
}

enum coap_qclient_block coap_qclient_take_block(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, struct coap_block block, msec now)
{
	uint32_t size;
	if (q->phase == COAP_QCALL_OBSERVING && !q->receive.is_open && !coap_message_has(m, COAP_OPTION_OBSERVE))
		return COAP_QCLIENT_BLOCK_IGNORED; /* late, of a body that is whole already */
	if (!coap_message_uint(m, COAP_OPTION_SIZE2, &size) || block.szx > q->szx)
		return COAP_QCLIENT_BLOCK_BROKEN;
	if (!is_fresh(e, q, m, now))
		return COAP_QCLIENT_BLOCK_IGNORED;
	if (!q->receive.is_open)
		pin_etag(q, m);
	else if (!has_same_etag(q, m))
		return observes_still(e, q) ? COAP_QCLIENT_BLOCK_IGNORED : COAP_QCLIENT_BLOCK_OTHER;
	q->phase = q->phase == COAP_QCALL_OBSERVING ? COAP_QCALL_OBSERVING : COAP_QCALL_RECEIVING;
	switch (coap_qblock_receive_block(&q->receive, block, m->payload.len, size, now)) {
	case COAP_QBLOCK_NEW:
		if (!put(e, q, coap_block_offset(block), m->payload))
			return COAP_QCLIENT_BLOCK_BROKEN;
		return COAP_QCLIENT_BLOCK_NEW;
	case COAP_QBLOCK_REPEATED:
		return COAP_QCLIENT_BLOCK_IGNORED;
	case COAP_QBLOCK_BROKEN:
	case COAP_QBLOCK_TOO_LONG:
		break;
	}
	return COAP_QCLIENT_BLOCK_BROKEN;
}
