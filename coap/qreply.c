/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qreply.h"

#include "coap/answer.h"
#include "coap/outbound.h"
#include "coap/qreply_content.h"
#include "coap/qrequest.h"

/* So many messages a turn of one reply; the deadline stays in the past for the rest. */
#define BLOCKS_A_TURN 256

static void layout(struct coap_qreplies *q, struct carve *c, uint32_t capacity)
{
	slab_carve(&q->slab, c, capacity);
	deadlines_carve(&q->deadlines, c, capacity);
	q->items = carve_take(c, capacity, sizeof *q->items);
}

size_t coap_qreplies_memory(uint32_t capacity)
{
	struct coap_qreplies q;
	struct carve c = {NULL, 0};
	layout(&q, &c, capacity);
	return c.used;
}

void coap_qreplies_init(struct coap_qreplies *q, void *memory, uint32_t capacity)
{
	struct carve c = {memory, 0};
	layout(q, &c, capacity);
}

/* ---- the table ---- */

static struct coap_qreply *get(struct coap_endpoint *e, struct handle h)
{
	return slab_is_valid(&e->qreplies.slab, h) ? &e->qreplies.items[h.slot] : NULL;
}

static void end(struct coap_endpoint *e, struct handle h)
{
	struct coap_qreply *q = get(e, h);
	if (q == NULL)
		return;
	coap_body_close(&e->bodies, q->body);
	deadlines_disarm(&e->qreplies.deadlines, h.slot);
	slab_give(&e->qreplies.slab, h);
}

/* A request that leaves the Request-Tag out, as those for missing blocks may, means the only body there is. */
static bool is_meant(const struct coap_qreply *q, const struct coap_origin *origin)
{
	return (q->origin.transfer == origin->transfer ||
		       (origin->tagless == origin->transfer && q->origin.tagless == origin->tagless)) &&
	       coap_remote_equal(&q->origin.remote, &origin->remote);
}

static bool find(struct coap_endpoint *e, const struct coap_origin *origin, struct handle *ret)
{
	const struct slab *slab = &e->qreplies.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		if (slab_is_taken(slab, slot) && is_meant(&e->qreplies.items[slot], origin)) {
			*ret = slab_handle(slab, slot);
			return true;
		}
	}
	return false;
}

static void end_one_that_is_over(struct coap_endpoint *e)
{
	const struct slab *slab = &e->qreplies.slab;
	for (uint32_t slot = 0; slot < slab->untouched; slot++) {
		if (slab_is_taken(slab, slot) && coap_qblock_send_is_over(&e->qreplies.items[slot].send)) {
			end(e, slab_handle(slab, slot));
			return;
		}
	}
}

static bool open_place(struct coap_endpoint *e, const struct coap_origin *origin, struct handle *ret)
{
	struct handle old;
	if (find(e, origin, &old))
		end(e, old);
	if (e->qreplies.slab.used == e->qreplies.slab.capacity)
		end_one_that_is_over(e);
	return slab_take(&e->qreplies.slab, ret);
}

static void arm(struct coap_endpoint *e, struct handle h)
{
	const struct coap_qreply *q = get(e, h);
	bool may_send = !q->origin.is_confirmable || q->in_flight < e->config.parameters.nstart;
	msec at = may_send ? coap_qblock_send_deadline(&q->send) : NEVER;
	deadlines_arm(&e->qreplies.deadlines, h.slot, msec_earlier(at, q->expires));
}

bool coap_qreply_has_room(struct coap_endpoint *e, const struct coap_origin *origin)
{
	const struct slab *slab = &e->qreplies.slab;
	struct handle old;
	bool has_room = slab->used < slab->capacity || find(e, origin, &old);
	for (uint32_t slot = 0; !has_room && slot < slab->untouched; slot++)
		has_room = coap_qblock_send_is_over(&e->qreplies.items[slot].send);
	return has_room;
}

/* ---- sending ---- */

static void note_id(struct coap_qreply *q, uint16_t id)
{
	if (!q->has_ids)
		q->first_id = id;
	q->has_ids = true;
	q->last_id = id;
}

/* The answer to a confirmable request goes with its acknowledgement as long as that has not left. */
static bool send_message(struct coap_endpoint *e, struct handle h, uint32_t number, bool is_repair, msec now)
{
	struct coap_qreply *q = get(e, h);
	struct handle pending;
	bool is_piggybacked = q->origin.is_confirmable && !q->origin.is_acked;
	uint16_t id = is_piggybacked ? q->origin.id : coap_outbound_next_id(e, &q->origin.remote);
	enum coap_type type = is_piggybacked ? COAP_TYPE_ACK : q->origin.is_confirmable ? COAP_TYPE_CON : COAP_TYPE_NON;
	struct coap_remote to = q->origin.remote;
	struct bytes message = coap_qreply_write_block(e, q, number, is_repair, type, id, now);
	if (message.len == 0 || get(e, h) == NULL)
		return false;
	if (type == COAP_TYPE_CON) {
		q->in_flight++;
		return coap_outbound_confirmable(
			e, &to, id, COAP_PENDING_QREPLY, h, &e->patience, message, now, &pending);
	}
	if (is_piggybacked)
		coap_answer_remember(e, &q->origin, message);
	else
		note_id(q, id);
	q->origin.is_acked = true;
	coap_outbound_send(e, &to, message, now);
	return true;
}

/* What cannot be made ends the reply: the body has changed, and a client that asks on gets the new one (section 4.4).
 */
static void flush(struct coap_endpoint *e, struct handle h, msec now)
{
	uint32_t number;
	bool is_repair;
	struct coap_qreply *q = get(e, h);
	if (coap_qblock_send_deadline(&q->send) <= now)
		q->has_ids = false;
	for (int i = 0; i < BLOCKS_A_TURN; i++) {
		q = get(e, h);
		if (q == NULL ||
			(q->origin.is_confirmable && q->origin.is_acked &&
				q->in_flight >= e->config.parameters.nstart) ||
			!coap_qblock_send_next(&q->send, now, &number, &is_repair))
			break;
		if (!send_message(e, h, number, is_repair, now))
			end(e, h);
	}
	if (get(e, h) == NULL)
		return;
	if (coap_qblock_send_is_over(&q->send) && coap_body_get(&e->bodies, q->body) != NULL)
		coap_body_get(&e->bodies, q->body)->is_spent = true;
	arm(e, h);
}

static void prolong(struct coap_endpoint *e, struct coap_qreply *q, msec now)
{
	struct coap_body *body = coap_body_get(&e->bodies, q->body);
	q->expires = msec_after(now, coap_qblock_partial_timeout(&e->config.parameters.qblock));
	if (body != NULL)
		body->is_spent = false;
}

/* ---- what is asked for ---- */

/* Section 4.4: M not set is just this block, M set within a set the rest of the set. */
static void ask_for(struct coap_endpoint *e, struct coap_qreply *q, struct coap_block block)
{
	uint32_t end = block.number + 1;
	if (block.has_more)
		end = coap_qblock_set_end(block.number, e->config.parameters.qblock.max_payloads);
	for (uint32_t n = block.number; n < end && n < q->send.blocks; n++)
		coap_qblock_send_asked(&q->send, n);
}

static void ask_for_all(
	struct coap_endpoint *e, struct coap_qreply *q, const struct coap_origin *origin, const struct coap_message *m)
{
	struct bytes value;
	struct coap_block block;
	uint32_t number;
	unsigned cursor = 0;
	q->asker = origin->token;
	while (coap_message_next(m, COAP_OPTION_Q_BLOCK2, &cursor, &value))
		if (coap_option_decode_uint(value, &number) && coap_block_parse(number, &block))
			ask_for(e, q, block);
	coap_qblock_send_ask_ended(&q->send);
}

bool coap_qreply_is_right(const struct coap_message *m)
{
	struct bytes value;
	struct coap_block block, previous = {0};
	uint32_t number;
	unsigned cursor = 0, count = 0;
	while (coap_message_next(m, COAP_OPTION_Q_BLOCK2, &cursor, &value)) {
		if (!coap_option_decode_uint(value, &number) || !coap_block_parse(number, &block))
			return false;
		if (count++ > 0 && (block.number <= previous.number || block.szx != previous.szx))
			return false;
		previous = block;
	}
	return true;
}

static bool is_whole(struct coap_block block)
{
	return block.number == 0 && block.has_more;
}

static bool is_continue(const struct coap_endpoint *e, struct coap_block block)
{
	return block.has_more && block.number % e->config.parameters.qblock.max_payloads == 0;
}

/* A client that asked for the blocks of a set wants the rest now. */
static void go_on_from(struct coap_qreply *q, uint32_t number)
{
	coap_qblock_send_init(&q->send, q->send.blocks, number, q->send.max_payloads, q->send.pause);
	q->is_part = false;
}

bool coap_qreply_goes_on(
	struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_message *m, msec now)
{
	struct handle h;
	struct coap_block block = origin->block2;
	/* A confirmable request for the first block alone asks what this is (section 4.1); it gets the latest. */
	bool is_probe = origin->is_confirmable && block.number == 0;
	if (is_whole(block) || is_probe || !find(e, origin, &h))
		return false;
	struct coap_qreply *q = get(e, h);
	if (block.szx != q->szx || block.number >= q->send.blocks)
		return false;
	prolong(e, q, now);
	q->origin.is_confirmable = origin->is_confirmable;
	q->origin.is_acked = false;
	q->origin.id = origin->id;
	q->origin.dedup = origin->dedup;
	if (!is_continue(e, block))
		ask_for_all(e, q, origin, m);
	else if (q->is_part)
		go_on_from(q, block.number);
	else
		coap_qblock_send_continued(&q->send, block.number);
	/* A confirmable request that brings nothing to send at once is acknowledged all the same. */
	if (origin->is_confirmable && coap_qblock_send_deadline(&q->send) > now) {
		coap_outbound_empty(e, &origin->remote, COAP_TYPE_ACK, origin->id, now);
		q->origin.is_acked = true;
	}
	flush(e, h, now);
	return true;
}

bool coap_qreply_repeat(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	struct handle h;
	if (!find(e, origin, &h))
		return false;
	struct coap_qreply *q = get(e, h);
	prolong(e, q, now);
	q->origin.token = origin->token;
	q->origin.id = origin->id;
	q->origin.is_confirmable = origin->is_confirmable;
	q->origin.is_acked = false;
	coap_qblock_send_init(&q->send, q->send.blocks, 0, q->send.max_payloads, q->send.pause);
	flush(e, h, now);
	return true;
}

/* ---- a new reply ---- */

/* Which blocks leave of it: the whole body, what follows from a set on, or only what was asked for. */
static void start(struct coap_endpoint *e, struct handle h, struct coap_block block, msec now)
{
	const struct coap_qblock_parameters *p = &e->config.parameters.qblock;
	struct coap_qreply *q = get(e, h);
	uint32_t blocks = (uint32_t)coap_qblock_count(q->size, q->szx);
	msec pause = q->origin.is_confirmable ? 0 : coap_qblock_pause(p, &e->prng);
	bool is_on = is_continue(e, block);
	q->is_part = !is_on;
	coap_qblock_send_init(&q->send, blocks, is_on ? block.number : blocks, p->max_payloads, pause);
	if (!is_on && coap_qreply_is_handled_now(e, &q->origin) && q->origin.has_block2)
		ask_for_all(e, q, &q->origin, &e->message);
	else if (!is_on) {
		ask_for(e, q, block);
		coap_qblock_send_ask_ended(&q->send);
	}
	flush(e, h, now);
}

static void refuse(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	enum coap_code code, struct handle separate, msec now)
{
	coap_answer_preset(r);
	r->code = code;
	e->counters.refused_full += code == COAP_SERVICE_UNAVAILABLE;
	coap_answer_send(e, origin, r, separate, now);
}

bool coap_qreply_take(struct coap_endpoint *e, const struct coap_origin *origin, struct coap_response *r,
	struct handle separate, msec now)
{
	struct handle h;
	/* After a request body by Q-Block1 the client takes Q-Block2 too (section 4.1). */
	struct coap_block block =
		origin->has_block2 ? coap_answer_wanted(e, origin) : (struct coap_block){0, true, e->szx};
	block = coap_answer_fitting(e, origin, r, block);
	uint64_t size = r->is_slice ? r->body_size : r->payload.len;
	uint64_t blocks = coap_qblock_count(size, block.szx);
	if (!coap_code_is_success(r->code) || !origin->uses_qblock || (blocks == 1 && block.number == 0))
		return false;
	if (block.number >= blocks || blocks > COAP_BLOCKS_MAX || size > UINT32_MAX) {
		refuse(e, origin, r, block.number >= blocks ? COAP_BAD_REQUEST : COAP_INTERNAL_SERVER_ERROR, separate,
			now);
		return true;
	}
	if (!open_place(e, origin, &h)) {
		refuse(e, origin, r, COAP_SERVICE_UNAVAILABLE, separate, now);
		return true;
	}
	if (!coap_qreply_fill(e, get(e, h), origin, r, block, now)) {
		end(e, h);
		refuse(e, origin, r, COAP_SERVICE_UNAVAILABLE, separate, now);
		return true;
	}
	prolong(e, get(e, h), now);
	coap_separate_remove(&e->separates, separate);
	coap_qrequest_answered(e, origin, BYTES_NONE);
	start(e, h, block, now);
	return true;
}

/* ---- the end, and time ---- */

void coap_qreply_acked(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_qreply *q = get(e, h);
	if (q == NULL)
		return;
	q->in_flight--;
	if (q->in_flight == 0 && coap_qblock_send_is_over(&q->send))
		coap_observer_settled(&e->observers, q->origin.observer, now);
	prolong(e, q, now);
	flush(e, h, now);
}

void coap_qreply_ended(struct coap_endpoint *e, struct handle h)
{
	end(e, h);
}

bool coap_qreply_rejected(struct coap_endpoint *e, const struct coap_remote *from, uint16_t id)
{
	const struct slab *slab = &e->qreplies.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		const struct coap_qreply *q = &e->qreplies.items[slot];
		if (!slab_is_taken(slab, slot) || !q->has_ids || !coap_remote_equal(&q->origin.remote, from) ||
			(uint16_t)(id - q->first_id) > (uint16_t)(q->last_id - q->first_id))
			continue;
		coap_endpoint_forget_observer(e, q->origin.observer);
		end(e, slab_handle(slab, slot));
		return true;
	}
	return false;
}

void coap_qreply_lost(struct coap_endpoint *e, const struct coap_remote *remote)
{
	const struct slab *slab = &e->qreplies.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++)
		if (slab_is_taken(slab, slot) && coap_remote_equal(&e->qreplies.items[slot].origin.remote, remote))
			end(e, slab_handle(slab, slot));
}

bool coap_qreplies_are_under_way(const struct coap_qreplies *q)
{
	for (uint32_t slot = 0; q->slab.used > 0 && slot < q->slab.untouched; slot++) {
		const struct coap_qreply *reply = &q->items[slot];
		if (slab_is_taken(&q->slab, slot) && (!coap_qblock_send_is_over(&reply->send) || reply->in_flight > 0))
			return true;
	}
	return false;
}

msec coap_qreply_deadline(const struct coap_endpoint *e)
{
	return deadlines_next(&e->qreplies.deadlines);
}

void coap_qreply_tick(struct coap_endpoint *e, msec now)
{
	uint32_t slot;
	while (deadlines_due(&e->qreplies.deadlines, now, &slot)) {
		struct handle h = slab_handle(&e->qreplies.slab, slot);
		if (e->qreplies.items[slot].expires <= now)
			end(e, h);
		else
			flush(e, h, now);
	}
}
