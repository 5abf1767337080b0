/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qrequest.h"

#include "coap/answer.h"
#include "coap/content_format.h"
#include "coap/outbound.h"

#include <assert.h>

/* After a refusal for want of room the client waits this long (RFC 7252 section 5.9.3.4). */
#define BUSY_MAX_AGE_S 5

static void layout(struct coap_qrequests *q, struct carve *c, uint32_t capacity, uint32_t body_size_max)
{
	q->bitmap_blocks = (body_size_max / 16 + 8) / 8 * 8;
	if (q->bitmap_blocks > COAP_BLOCKS_MAX)
		q->bitmap_blocks = COAP_BLOCKS_MAX;
	slab_carve(&q->slab, c, capacity);
	deadlines_carve(&q->deadlines, c, capacity);
	q->items = carve_take(c, capacity, sizeof *q->items);
	q->bitmaps = carve_take(c, capacity, q->bitmap_blocks / 8);
}

size_t coap_qrequests_memory(uint32_t capacity, uint32_t body_size_max)
{
	struct coap_qrequests q;
	struct carve c = {NULL, 0};
	layout(&q, &c, capacity, body_size_max);
	return c.used;
}

void coap_qrequests_init(struct coap_qrequests *q, void *memory, uint32_t capacity, uint32_t body_size_max)
{
	struct carve c = {memory, 0};
	layout(q, &c, capacity, body_size_max);
}

/* ---- the table ---- */

static struct coap_qrequest *get(struct coap_endpoint *e, struct handle h)
{
	return slab_is_valid(&e->qrequests.slab, h) ? &e->qrequests.items[h.slot] : NULL;
}

static void end(struct coap_endpoint *e, struct handle h)
{
	struct coap_qrequest *q = get(e, h);
	assert(q != NULL);
	coap_body_close(&e->bodies, q->body);
	deadlines_disarm(&e->qrequests.deadlines, h.slot);
	slab_give(&e->qrequests.slab, h);
}

static bool find(struct coap_endpoint *e, const struct coap_origin *origin, struct handle *ret)
{
	const struct slab *slab = &e->qrequests.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		const struct coap_qrequest *q = &e->qrequests.items[slot];
		if (slab_is_taken(slab, slot) && q->origin.transfer == origin->transfer &&
			coap_remote_equal(&q->origin.remote, &origin->remote)) {
			*ret = slab_handle(slab, slot);
			return true;
		}
	}
	return false;
}

static uint64_t key_of(const struct coap_origin *origin)
{
	return coap_remote_hash(&origin->remote, origin->transfer);
}

static void note_gone(struct coap_qrequests *t, const struct coap_qrequest *q)
{
	if (coap_code_is_idempotent(q->origin.method))
		return;
	t->gone[t->gone_next] = (struct coap_qrequest_gone){key_of(&q->origin), q->expires};
	t->gone_next = (t->gone_next + 1) % COAP_QREQUESTS_GONE_MAX;
}

static bool is_gone(const struct coap_qrequests *t, const struct coap_origin *origin, msec now)
{
	uint64_t key = key_of(origin);
	for (unsigned i = 0; i < COAP_QREQUESTS_GONE_MAX; i++)
		if (t->gone[i].expires > now && t->gone[i].key == key)
			return true;
	return false;
}

static void end_one_answered(struct coap_endpoint *e)
{
	const struct slab *slab = &e->qrequests.slab;
	for (uint32_t slot = 0; slot < slab->untouched; slot++) {
		if (slab_is_taken(slab, slot) && e->qrequests.items[slot].state == COAP_QREQUEST_ANSWERED) {
			note_gone(&e->qrequests, &e->qrequests.items[slot]);
			end(e, slab_handle(slab, slot));
			return;
		}
	}
}

static bool open_place(struct coap_endpoint *e, const struct coap_origin *origin, struct handle *ret)
{
	struct coap_qrequests *t = &e->qrequests;
	struct handle body;
	if (t->slab.used == t->slab.capacity)
		end_one_answered(e);
	if (t->slab.used == t->slab.capacity ||
		!coap_body_open(&e->bodies, COAP_BODY_QREQUEST, &origin->remote, origin->transfer, NEVER, &body))
		return false;
	(void)slab_take(&t->slab, ret);
	struct coap_qrequest *q = &t->items[ret->slot];
	q->state = COAP_QREQUEST_PARTIAL;
	q->origin = *origin;
	q->body = body;
	q->has_id = false;
	q->reply_len = 0;
	coap_qblock_receive_init(&q->receive, &e->config.parameters.qblock,
		t->bitmaps + (size_t)ret->slot * (t->bitmap_blocks / 8), t->bitmap_blocks);
	return true;
}

static void arm(struct coap_endpoint *e, struct handle h)
{
	const struct coap_qrequest *q = get(e, h);
	bool asks = q->state == COAP_QREQUEST_PARTIAL && !q->origin.is_confirmable;
	deadlines_arm(
		&e->qrequests.deadlines, h.slot, asks ? msec_earlier(q->receive.deadline, q->expires) : q->expires);
}

/* ---- refusing ---- */

static void refuse(struct coap_endpoint *e, const struct coap_origin *origin, enum coap_code code, msec now)
{
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = code;
	if (code == COAP_REQUEST_ENTITY_TOO_LARGE)
		coap_options_add_uint(&r.options, COAP_OPTION_SIZE1, e->config.parameters.body_size_max);
	if (code == COAP_SERVICE_UNAVAILABLE) {
		r.max_age_s = BUSY_MAX_AGE_S;
		e->counters.refused_full++;
	}
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}

/* ---- what the client is told ---- */

/* Section 5: as many as fit a message, and no more than one set. */
static void write_missing(const struct coap_endpoint *e, const struct coap_qblock_receive *r, struct writer *w)
{
	uint32_t number, from = 0;
	for (unsigned i = 0;
		i < e->config.parameters.qblock.max_payloads && coap_qblock_receive_missing(r, from, &number) &&
		writer_left(w) >= COAP_QBLOCK_MISSING_ITEM_BYTES;
		i++) {
		coap_qblock_missing_write(w, number);
		from = number + 1;
	}
}

/* 2.31 and 4.08 are answers to the latest block, though not the last ones. */
static void tell(struct coap_endpoint *e, struct coap_qrequest *q, enum coap_code code, msec now)
{
	struct coap_options options;
	uint8_t room[COAP_BLOCK_SIZE_MAX];
	struct writer w = coap_outbound_writer(e, &q->origin.remote), list = writer_of(room, sizeof room);
	coap_options_clear(&options);
	if (code == COAP_CONTINUE) {
		coap_options_add_uint(&options, COAP_OPTION_Q_BLOCK1, coap_block_value(q->origin.block1));
	} else {
		coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_MISSING_BLOCKS);
		write_missing(e, &q->receive, &list);
	}
	q->last_id = coap_outbound_next_id(e, &q->origin.remote);
	q->has_id = true;
	coap_message_write(&w, COAP_TYPE_NON, code, q->last_id, &q->origin.token, &options, writer_bytes(&list));
	coap_outbound_send(e, &q->origin.remote, writer_bytes(&w), now);
}

/* Whether the body is whole. Confirmable blocks need no words of ours: the client knows which ones were lost. */
static bool speak(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_qrequest *q = get(e, h);
	if (coap_qblock_receive_is_complete(&q->receive))
		return true;
	if (q->origin.is_confirmable)
		return false;
	for (;;) {
		switch (coap_qblock_receive_want(&q->receive, now)) {
		case COAP_QBLOCK_NOTHING:
		case COAP_QBLOCK_COMPLETE:
			return false;
		case COAP_QBLOCK_CONTINUE:
			tell(e, q, COAP_CONTINUE, now);
			break;
		case COAP_QBLOCK_MISSING:
			tell(e, q, COAP_REQUEST_ENTITY_INCOMPLETE, now);
			break;
		case COAP_QBLOCK_GIVEN_UP:
			end(e, h);
			return false;
		}
	}
}

/* ---- a block ---- */

static void acknowledge(struct coap_endpoint *e, struct coap_origin *origin, msec now)
{
	if (origin->is_confirmable && !origin->is_acked)
		coap_outbound_empty(e, &origin->remote, COAP_TYPE_ACK, origin->id, now);
	origin->is_acked = true;
}

/* The answer once more, as one to this block (section 4.3: as if the block was received for the first time). */
static void answer_again(struct coap_endpoint *e, struct coap_qrequest *q, struct coap_origin *origin, msec now)
{
	struct writer w = coap_outbound_writer(e, &origin->remote);
	struct coap_message m;
	if (q->reply_len == 0) {
		if (!coap_qreply_repeat(e, origin, now))
			acknowledge(e, origin, now);
		return;
	}
	enum coap_verdict verdict = coap_message_parse(bytes_of(q->reply, q->reply_len), &m);
	assert(verdict == COAP_VERDICT_OK); /* it is our own */
	m.type = origin->is_confirmable ? COAP_TYPE_ACK : COAP_TYPE_NON;
	m.id = origin->is_confirmable ? origin->id : coap_outbound_next_id(e, &origin->remote);
	m.token = origin->token;
	coap_message_write_view(&w, &m);
	if (!w.failed)
		coap_outbound_send(e, &origin->remote, writer_bytes(&w), now);
}

static bool take_block(struct coap_endpoint *e, struct handle h, struct coap_origin *origin,
	const struct coap_message *m, uint32_t size, msec now)
{
	struct coap_qrequest *q = get(e, h);
	switch (coap_qblock_receive_block(&q->receive, origin->block1, m->payload.len, size, now)) {
	case COAP_QBLOCK_NEW:
		coap_body_place(&e->bodies, q->body, coap_block_offset(origin->block1), m->payload);
		break;
	case COAP_QBLOCK_REPEATED:
		break;
	case COAP_QBLOCK_BROKEN:
		if (!q->receive.is_open)
			end(e, h);
		refuse(e, origin, COAP_BAD_REQUEST, now);
		return false;
	case COAP_QBLOCK_TOO_LONG:
		end(e, h);
		refuse(e, origin, COAP_REQUEST_ENTITY_TOO_LARGE, now);
		return false;
	}
	q->origin = *origin;
	q->expires = msec_after(now, coap_qblock_partial_timeout(&e->config.parameters.qblock));
	return true;
}

static bool find_or_open(
	struct coap_endpoint *e, const struct coap_origin *origin, uint32_t size, struct handle *ret, msec now)
{
	if (find(e, origin, ret))
		return true;
	if (is_gone(&e->qrequests, origin, now))
		refuse(e, origin, COAP_REQUEST_ENTITY_INCOMPLETE, now);
	else if (size > e->config.parameters.body_size_max)
		refuse(e, origin, COAP_REQUEST_ENTITY_TOO_LARGE, now);
	else if (!open_place(e, origin, ret))
		refuse(e, origin, COAP_SERVICE_UNAVAILABLE, now);
	else
		return true;
	return false;
}

bool coap_qrequest_receive(struct coap_endpoint *e, struct coap_origin *origin, const struct coap_message *m, msec now,
	struct bytes *ret_body)
{
	struct handle h;
	uint32_t size;
	if (!coap_message_uint(m, COAP_OPTION_SIZE1, &size) || !coap_message_has(m, COAP_OPTION_REQUEST_TAG)) {
		refuse(e, origin, COAP_BAD_REQUEST, now);
		return false;
	}
	if (!find_or_open(e, origin, size, &h, now))
		return false;
	struct coap_qrequest *q = get(e, h);
	if (q->state != COAP_QREQUEST_PARTIAL) {
		if (q->state == COAP_QREQUEST_ANSWERED)
			answer_again(e, q, origin, now);
		else
			acknowledge(e, origin, now);
		return false;
	}
	if (!take_block(e, h, origin, m, size, now))
		return false;
	if (speak(e, h, now)) {
		q->state = COAP_QREQUEST_RUNNING;
		arm(e, h);
		*ret_body = coap_body_bytes(&e->bodies, q->body);
		return true;
	}
	acknowledge(e, origin, now);
	if (get(e, h) != NULL)
		arm(e, h);
	return false;
}

/* ---- the answer ---- */

void coap_qrequest_ran(struct coap_endpoint *e, const struct coap_origin *origin)
{
	struct handle h;
	if (!find(e, origin, &h))
		return;
	coap_body_close(&e->bodies, get(e, h)->body);
	get(e, h)->body = HANDLE_NONE;
}

void coap_qrequest_answered(struct coap_endpoint *e, const struct coap_origin *origin, struct bytes message)
{
	struct handle h;
	if (!origin->uses_qblock || !origin->has_block1 || !find(e, origin, &h))
		return;
	struct coap_qrequest *q = get(e, h);
	if (q->state != COAP_QREQUEST_RUNNING)
		return;
	q->state = COAP_QREQUEST_ANSWERED;
	if (message.len > 0 && message.len <= sizeof q->reply) {
		memcpy(q->reply, message.data, message.len);
		q->reply_len = (uint16_t)message.len;
	}
}

/* ---- the end, and time ---- */

bool coap_qrequest_rejected(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id)
{
	const struct slab *slab = &e->qrequests.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		const struct coap_qrequest *q = &e->qrequests.items[slot];
		if (!slab_is_taken(slab, slot) || q->state != COAP_QREQUEST_PARTIAL || !q->has_id || q->last_id != id ||
			!coap_remote_equal(&q->origin.remote, from))
			continue;
		end(e, slab_handle(slab, slot));
		return true;
	}
	return false;
}

void coap_qrequest_lost(struct coap_endpoint *e, const struct coap_remote *remote)
{
	const struct slab *slab = &e->qrequests.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++)
		if (slab_is_taken(slab, slot) && coap_remote_equal(&e->qrequests.items[slot].origin.remote, remote))
			end(e, slab_handle(slab, slot));
}

bool coap_qrequests_are_under_way(const struct coap_qrequests *q)
{
	for (uint32_t slot = 0; q->slab.used > 0 && slot < q->slab.untouched; slot++)
		if (slab_is_taken(&q->slab, slot) && q->items[slot].state != COAP_QREQUEST_ANSWERED)
			return true;
	return false;
}

msec coap_qrequest_deadline(const struct coap_endpoint *e)
{
	return deadlines_next(&e->qrequests.deadlines);
}

void coap_qrequest_tick(struct coap_endpoint *e, msec now)
{
	uint32_t slot;
	while (deadlines_due(&e->qrequests.deadlines, now, &slot)) {
		struct handle h = slab_handle(&e->qrequests.slab, slot);
		if (e->qrequests.items[slot].expires <= now)
			end(e, h);
		else
			(void)speak(e, h, now);
		if (get(e, h) != NULL)
			arm(e, h);
	}
}
