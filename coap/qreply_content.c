/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qreply_content.h"

#include "coap/answer.h"
#include "coap/describe.h"
#include "coap/outbound.h"
#include "coap/serve.h"

/* ---- what is kept ---- */

/* A whole body is kept, so that what was lost is there even when the resource has changed since (section 4.4). */
static void keep(struct coap_endpoint *e, struct coap_qreply *q, const struct coap_response *r)
{
	struct handle h;
	q->body = HANDLE_NONE;
	if (r->is_slice || r->payload.len > e->bodies.size_max ||
		!coap_body_open(&e->bodies, COAP_BODY_QREPLY, &q->origin.remote, q->origin.transfer, NEVER, &h))
		return;
	(void)coap_body_append(&e->bodies, h, 0, r->payload, NEVER);
	q->body = h;
}

bool coap_qreply_is_handled_now(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	return e->message.code == origin->method && e->message.id == origin->id &&
	       coap_token_equal(&e->message.token, &origin->token);
}

static bool keep_observed(struct coap_endpoint *e, struct coap_qreply *q)
{
	const struct coap_observer *observer = coap_observer_get(&e->observers, q->origin.observer);
	if (observer == NULL || observer->request_len > sizeof q->request)
		return false;
	q->request_len = observer->request_len;
	memcpy(q->request, observer->request, observer->request_len);
	return true;
}

/* The request, with which the handler can be asked for another part. */
static bool keep_request(struct coap_endpoint *e, struct coap_qreply *q)
{
	struct writer w = writer_of(q->request, sizeof q->request);
	if (!coap_code_is_safe(q->origin.method) || q->origin.has_block1)
		return false;
	if (!coap_qreply_is_handled_now(e, &q->origin))
		return keep_observed(e, q);
	coap_message_write_view(&w, &e->message);
	q->request_len = (uint16_t)writer_bytes(&w).len;
	return !w.failed;
}

static bool keep_options(struct coap_qreply *q, struct coap_response *r)
{
	struct writer w = writer_of(q->options, sizeof q->options);
	coap_answer_add_options(&q->origin, r);
	coap_options_remove(&r->options, COAP_OPTION_ETAG);
	coap_options_write(&w, &r->options);
	q->options_len = (uint16_t)writer_bytes(&w).len;
	return !w.failed;
}

bool coap_qreply_fill(struct coap_endpoint *e, struct coap_qreply *q, const struct coap_origin *origin,
	struct coap_response *r, struct coap_block block, msec now)
{
	uint64_t hash;
	struct bytes etag = coap_answer_etag(r, &hash);
	memset(q, 0, offsetof(struct coap_qreply, options));
	q->origin = *origin;
	q->asker = origin->token;
	q->size = r->is_slice ? r->body_size : r->payload.len;
	q->szx = block.szx;
	q->code = (uint8_t)r->code;
	q->etag_len = (uint8_t)etag.len;
	if (etag.len > 0)
		memcpy(q->etag, etag.data, etag.len);
	q->has_observe = coap_observer_get(&e->observers, origin->observer) != NULL;
	if (q->has_observe)
		q->observe = coap_observer_next_sequence(&e->observers, origin->observer, now);
	keep(e, q, r);
	q->may_make_again = keep_request(e, q);
	return keep_options(q, r) && (q->may_make_again || !handle_is_none(q->body));
}

/* ---- making a block of it ---- */

/* The handler is asked again for the part that begins at this block. False when the body is another one now. */
static bool make_again(
	struct coap_endpoint *e, const struct coap_qreply *q, struct coap_block block, struct bytes *ret, msec now)
{
	struct coap_origin origin = q->origin;
	struct coap_message m;
	struct coap_request request;
	struct coap_response r;
	uint64_t hash, offset = coap_block_offset(block);
	origin.has_block2 = true;
	origin.block2 = block;
	if (!q->may_make_again || coap_message_parse(bytes_of(q->request, q->request_len), &m) != COAP_VERDICT_OK ||
		!coap_describe_request(e, &m, &origin, &request))
		return false;
	request.is_notification = q->has_observe;
	if (coap_serve_call(e, &origin, &request, &r, now) != COAP_ANSWER_NOW || r.code != q->code)
		return false;
	if ((r.is_slice ? r.body_size : r.payload.len) != q->size ||
		!bytes_equal(coap_answer_etag(&r, &hash), bytes_of(q->etag, q->etag_len)))
		return false;
	*ret = r.is_slice ? r.payload : bytes_from(r.payload, (size_t)offset);
	*ret = bytes_first(*ret, coap_block_size(block.szx));
	return ret->len == coap_block_size(block.szx) || offset + ret->len == q->size;
}

static bool take_part(
	struct coap_endpoint *e, const struct coap_qreply *q, struct coap_block block, struct bytes *ret, msec now)
{
	if (coap_body_get(&e->bodies, q->body) == NULL)
		return make_again(e, q, block, ret, now);
	*ret = bytes_from(coap_body_bytes(&e->bodies, q->body), (size_t)coap_block_offset(block));
	*ret = bytes_first(*ret, coap_block_size(block.szx));
	return true;
}

static void restore_options(const struct coap_qreply *q, struct coap_options *ret)
{
	struct reader r = reader_of(bytes_of(q->options, q->options_len));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

struct bytes coap_qreply_write_block(struct coap_endpoint *e, const struct coap_qreply *q, uint32_t number,
	bool is_repair, enum coap_type type, uint16_t id, msec now)
{
	struct coap_block block = {number, number + 1 < q->send.blocks, q->szx};
	struct coap_options options;
	struct bytes part;
	if (!take_part(e, q, block, &part, now))
		return BYTES_NONE;
	struct writer w = coap_outbound_writer(e, &q->origin.remote);
	restore_options(q, &options);
	coap_options_set(&options, COAP_OPTION_ETAG, bytes_of(q->etag, q->etag_len));
	coap_options_set_uint(&options, COAP_OPTION_Q_BLOCK2, coap_block_value(block));
	coap_options_set_uint(&options, COAP_OPTION_SIZE2, (uint32_t)q->size);
	if (q->has_observe && !is_repair)
		coap_options_set_uint(&options, COAP_OPTION_OBSERVE, q->observe);
	coap_message_write(
		&w, type, (enum coap_code)q->code, id, is_repair ? &q->asker : &q->origin.token, &options, part);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}
