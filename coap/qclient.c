/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/qclient.h"

#include "coap/client_call.h"
#include "coap/content_format.h"
#include "coap/outbound.h"
#include "coap/transfer.h"

#include <assert.h>

/* What a peer said about Q-Block is asked again after this time: it may have been renewed. */
#define SUPPORT_LIFETIME SECONDS(60 * 60)
/* So many messages a turn of one call; the deadline stays in the past for the rest. */
#define BLOCKS_A_TURN 256

static void layout(struct coap_qcalls *q, struct carve *c, uint32_t capacity, uint32_t body_size_max)
{
	q->bitmap_blocks = (body_size_max / 16 + 8) / 8 * 8;
	if (q->bitmap_blocks > COAP_BLOCKS_MAX)
		q->bitmap_blocks = COAP_BLOCKS_MAX;
	slab_carve(&q->slab, c, capacity);
	deadlines_carve(&q->deadlines, c, capacity);
	q->items = carve_take(c, capacity, sizeof *q->items);
	q->bitmaps = carve_take(c, capacity, q->bitmap_blocks / 8);
}

size_t coap_qcalls_memory(uint32_t capacity, uint32_t body_size_max)
{
	struct coap_qcalls q;
	struct carve c = {NULL, 0};
	layout(&q, &c, capacity, body_size_max);
	return c.used;
}

void coap_qcalls_init(
	struct coap_qcalls *q, void *memory, uint32_t capacity, uint32_t body_size_max, uint32_t first_tag)
{
	struct carve c = {memory, 0};
	layout(q, &c, capacity, body_size_max);
	memset(q->peers, 0, sizeof q->peers);
	q->next_tag = first_tag;
}

static struct coap_qcall *get(struct coap_endpoint *e, struct handle exchange)
{
	struct handle h = coap_call_of(e, exchange)->qcall;
	assert(slab_is_valid(&e->qcalls.slab, h));
	return &e->qcalls.items[h.slot];
}

static const struct coap_remote *remote_of(struct coap_endpoint *e, const struct coap_qcall *q)
{
	return &coap_exchange_get(&e->exchanges, q->exchange)->remote;
}

static void arm(struct coap_endpoint *e, struct coap_qcall *q, msec at)
{
	q->deadline = at;
	deadlines_arm(&e->qcalls.deadlines, coap_call_of(e, q->exchange)->qcall.slot, at);
}

/* ---- what is known of peers ---- */

static struct coap_qpeer *peer_of(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	uint64_t hash = coap_remote_hash(remote, e->secret);
	struct coap_qpeer *peer = &e->qcalls.peers[hash % COAP_QPEERS];
	if (peer->hash != hash)
		*peer = (struct coap_qpeer){.hash = hash};
	if (peer->until <= now)
		peer->support = COAP_QPEER_UNKNOWN;
	return peer;
}

enum coap_qpeer_support coap_qclient_support(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	return peer_of(e, remote, now)->support;
}

void coap_qclient_learned(
	struct coap_endpoint *e, const struct coap_remote *remote, enum coap_qpeer_support support, msec now)
{
	struct coap_qpeer *peer = peer_of(e, remote, now);
	peer->support = support;
	peer->until = now + SUPPORT_LIFETIME;
}

static void learn(struct coap_endpoint *e, const struct coap_qcall *q, enum coap_qpeer_support support, msec now)
{
	coap_qclient_learned(e, remote_of(e, q), support, now);
}

/* ---- life ---- */

static bool has_long_body(const struct coap_client_call *call, const struct coap_qcall *q)
{
	return call->body.len > coap_block_size(q->szx);
}

bool coap_qclient_open(struct coap_endpoint *e, struct handle exchange, const struct coap_call *from, msec now)
{
	struct coap_qcalls *t = &e->qcalls;
	struct coap_client_call *call = coap_call_of(e, exchange);
	const struct coap_remote *remote = &coap_exchange_get(&e->exchanges, exchange)->remote;
	if (from->qblock == COAP_QBLOCK_OFF || coap_remote_is_reliable(remote) || call->is_block || call->is_group ||
		t->slab.capacity == 0 || peer_of(e, remote, now)->support == COAP_QPEER_DOES_NOT ||
		!slab_take(&t->slab, &call->qcall))
		return false;
	struct coap_qcall *q = &t->items[call->qcall.slot];
	*q = (struct coap_qcall){.exchange = exchange, .szx = call->block1_szx, .tag = t->next_tag++};
	/* A request with an effect that goes in one message must not be sent twice by our own will. */
	q->is_confirmable =
		from->qblock == COAP_QBLOCK_CON || (!coap_code_is_safe(call->method) && !has_long_body(call, q));
	call->may_get_qblock = true;
	coap_exchange_number(&e->exchanges, exchange);
	coap_exchange_pace(&e->exchanges, exchange, true);
	return true;
}

void coap_qclient_close(struct coap_endpoint *e, struct handle exchange)
{
	struct coap_client_call *call = coap_call_of(e, exchange);
	if (!slab_is_valid(&e->qcalls.slab, call->qcall))
		return;
	deadlines_disarm(&e->qcalls.deadlines, call->qcall.slot);
	slab_give(&e->qcalls.slab, call->qcall);
	call->qcall = HANDLE_NONE;
}

/* ---- writing requests ---- */

static void add_options(
	struct coap_endpoint *e, const struct coap_qcall *q, bool observes, msec now, struct coap_options *ret)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct bytes echo;
	coap_client_restore_options(call, ret);
	if (observes && call->observes)
		coap_options_set_uint(ret, COAP_OPTION_OBSERVE, 0);
	if (coap_echo_find(&e->echoes, remote_of(e, q), now, &echo))
		coap_options_set(ret, COAP_OPTION_ECHO, echo);
}

static bool send(struct coap_endpoint *e, struct coap_qcall *q, enum coap_code method, uint32_t number,
	bool is_confirmable, const struct coap_options *options, struct bytes payload, msec now)
{
	struct coap_remote to = *remote_of(e, q);
	struct coap_token token = coap_exchange_token(&e->exchanges, q->exchange, number);
	struct writer w = coap_outbound_writer(e, &to);
	struct handle pending;
	uint16_t id = coap_outbound_next_id(e, &to);
	coap_message_write(&w, is_confirmable ? COAP_TYPE_CON : COAP_TYPE_NON, method, id, &token, options, payload);
	if (w.failed)
		return false;
	q->bytes += writer_bytes(&w).len;
	if (is_confirmable) {
		q->in_flight++;
		return coap_outbound_confirmable(e, &to, id, COAP_PENDING_QCALL, q->exchange,
			&coap_call_of(e, q->exchange)->patience, writer_bytes(&w), now, &pending);
	}
	if (!q->has_ids)
		q->first_id = id;
	q->has_ids = true;
	q->last_id = id;
	coap_outbound_send(e, &to, writer_bytes(&w), now);
	return true;
}

static void add_block(struct coap_options *o, uint16_t option, uint32_t number, bool has_more, uint8_t szx)
{
	coap_options_add_uint(o, option, coap_block_value((struct coap_block){number, has_more, szx}));
}

/* Whether the probe may be the request itself: it gets the response's first block then. */
static bool probes_with_request(const struct coap_client_call *call, const struct coap_qcall *q)
{
	return coap_code_is_safe(call->method) && !has_long_body(call, q);
}

/* Section 4.1: confirmable, for the first block alone, so that nothing but its answer comes. */
static void send_probe(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options, target;
	add_options(e, q, false, now, &options);
	if (probes_with_request(call, q)) {
		add_block(&options, COAP_OPTION_Q_BLOCK2, 0, false, q->szx);
		(void)send(e, q, call->method, q->requests++, true, &options, coap_transfer_body(call), now);
		return;
	}
	coap_options_clear(&target);
	for (unsigned i = 0; i < options.count; i++) {
		struct coap_option o = coap_options_at(&options, i);
		bool is_target = o.number == COAP_OPTION_URI_HOST || o.number == COAP_OPTION_URI_PORT ||
				 o.number == COAP_OPTION_URI_PATH || o.number == COAP_OPTION_URI_QUERY ||
				 o.number == COAP_OPTION_ECHO;
		if (is_target)
			coap_options_add(&target, o.number, o.value);
	}
	add_block(&target, COAP_OPTION_Q_BLOCK2, 0, false, 0);
	(void)send(e, q, COAP_GET, q->requests++, true, &target, BYTES_NONE, now);
}

/* The request in one message, for the whole of the response. It always has the same token, so that a registration that
 * comes again is known (RFC 7641 section 4.1). */
static void send_whole(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options;
	add_options(e, q, true, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK2, 0, true, q->szx);
	if (call->method != COAP_GET)
		coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, q->tag);
	q->has_ids = false;
	(void)send(e, q, call->method, 0, q->is_confirmable, &options, coap_transfer_body(call), now);
}

static bool send_body_block(struct coap_endpoint *e, struct coap_qcall *q, uint32_t number, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_options options;
	size_t offset = (size_t)number << (q->szx + 4);
	struct bytes part = bytes_first(bytes_from(coap_transfer_body(call), offset), coap_block_size(q->szx));
	add_options(e, q, true, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK1, number, number + 1 < q->send.blocks, q->szx);
	coap_options_add_uint(&options, COAP_OPTION_SIZE1, (uint32_t)call->body.len);
	coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, q->tag);
	return send(e, q, call->method, q->requests++, q->is_confirmable, &options, part, now);
}

/* Asks on for the response's body: without our own body, unless it says what is fetched and fits (RFC 8132
 * section 2.1), and without Observe (section 4.5). */
static void send_on(struct coap_endpoint *e, struct coap_qcall *q, struct coap_options *options, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	bool has_body = call->method == COAP_FETCH && !has_long_body(call, q);
	if (call->method != COAP_GET)
		coap_options_add_uint(options, COAP_OPTION_REQUEST_TAG, q->tag);
	q->has_ids = false;
	if (q->requests == 0)
		q->requests = 1; /* the whole request's own number */
	(void)send(e, q, call->method, q->requests++, false, options, has_body ? coap_transfer_body(call) : BYTES_NONE,
		now);
}

static void send_continue(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	struct coap_options options;
	add_options(e, q, false, now, &options);
	add_block(&options, COAP_OPTION_Q_BLOCK2, q->receive.whole, true, q->receive.szx);
	send_on(e, q, &options, now);
}

/* One option for each block, as many as a set has and the list takes (section 4.4). */
static void send_missing(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	struct coap_options options;
	uint32_t number, from = 0;
	unsigned most = e->config.parameters.qblock.max_payloads;
	add_options(e, q, false, now, &options);
	for (unsigned i = 0; i < most && options.count + 2 < COAP_OPTIONS_MAX &&
			     coap_qblock_receive_missing(&q->receive, from, &number);
		i++) {
		add_block(&options, COAP_OPTION_Q_BLOCK2, number, false, q->receive.szx);
		from = number + 1;
	}
	send_on(e, q, &options, now);
}

/* ---- phases ---- */

static msec patience(const struct coap_endpoint *e, const struct coap_qcall *q)
{
	return e->config.parameters.qblock.non_receive_timeout << q->attempts;
}

/* A confirmable message has its own timer; only the wait for a separate response is without one. */
static void wait_for_response(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	msec most = coap_exchange_lifetime(&coap_call_of(e, q->exchange)->patience);
	bool has_timer = q->is_confirmable || q->phase == COAP_QCALL_PROBING;
	arm(e, q, now + (has_timer ? most : patience(e, q)));
}

static void begin_receiving(struct coap_endpoint *e, struct coap_qcall *q)
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

static void flush(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	uint32_t number;
	bool is_repair;
	for (int i = 0; i < BLOCKS_A_TURN; i++) {
		uint32_t before = q->requests;
		if (q->is_confirmable && q->in_flight >= e->config.parameters.nstart)
			break;
		if (!coap_qblock_send_next(&q->send, now, &number, &is_repair))
			break;
		if (number % q->send.max_payloads == 0 && !is_repair)
			q->set_began = before;
		if (!send_body_block(e, q, number, now))
			break;
	}
	if (q->is_confirmable || coap_qblock_send_is_over(&q->send))
		wait_for_response(e, q, now);
	else
		arm(e, q, coap_qblock_send_deadline(&q->send));
}

static void begin_sending(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	const struct coap_qblock_parameters *p = &e->config.parameters.qblock;
	q->phase = COAP_QCALL_SENDING;
	q->attempts = 0;
	q->has_ids = false;
	begin_receiving(e, q);
	if (!has_long_body(call, q)) {
		coap_qblock_send_init(&q->send, 0, 0, p->max_payloads, 0);
		send_whole(e, q, now);
		wait_for_response(e, q, now);
		return;
	}
	coap_qblock_send_init(&q->send, (uint32_t)coap_qblock_count(call->body.len, q->szx), 0, p->max_payloads,
		q->is_confirmable ? 0 : coap_qblock_pause(p, &e->prng));
	flush(e, q, now);
}

static void begin_probing(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	q->phase = COAP_QCALL_PROBING;
	send_probe(e, q, now);
	wait_for_response(e, q, now);
}

/* A confirmable request is its own probe. */
static void begin(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	bool knows = peer_of(e, remote_of(e, q), now)->support == COAP_QPEER_KNOWS;
	if (knows || (q->is_confirmable && probes_with_request(coap_call_of(e, q->exchange), q)))
		begin_sending(e, q, now);
	else
		begin_probing(e, q, now);
}

void coap_qclient_start(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	msec quiet_until = peer_of(e, remote_of(e, q), now)->quiet_until;
	(void)coap_exchange_start(&e->exchanges, exchange, true);
	if (quiet_until > now) {
		q->phase = COAP_QCALL_WAITING;
		arm(e, q, quiet_until);
		return;
	}
	begin(e, q, now);
}

/* ---- responses: our body ---- */

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

static bool is_missing_list(const struct coap_message *m)
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

/* ---- responses: their body ---- */

static void drop_body(struct coap_endpoint *e, struct coap_qcall *q)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	begin_receiving(e, q);
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
	if (handle_is_none(call->assembly) &&
		!coap_body_open(&e->bodies, COAP_BODY_REPLY, remote_of(e, q), key, NEVER, &call->assembly)) {
		e->counters.refused_full++;
		return false;
	}
	coap_body_place(&e->bodies, call->assembly, offset, part);
	return true;
}

/* Tells the server what is missing, or that it may go on. */
static enum coap_qclient_progress speak(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	for (;;) {
		switch (coap_qblock_receive_want(&q->receive, now)) {
		case COAP_QBLOCK_NOTHING:
			arm(e, q, q->receive.deadline);
			return COAP_QCLIENT_ON;
		case COAP_QBLOCK_CONTINUE:
			if (!q->is_confirmable)
				send_continue(e, q, now);
			break;
		case COAP_QBLOCK_MISSING:
			if (!q->is_confirmable)
				send_missing(e, q, now);
			break;
		case COAP_QBLOCK_COMPLETE:
			return COAP_QCLIENT_RESPONSE;
		case COAP_QBLOCK_GIVEN_UP:
			return COAP_QCLIENT_TIMEOUT;
		}
	}
}

/* The body has changed under way, and the server has not kept the old one (section 4.4). Once it is asked for anew. */
static enum coap_qclient_progress restart(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	if (q->has_restarted || !probes_with_request(call, q))
		return COAP_QCLIENT_BROKEN;
	q->has_restarted = true;
	drop_body(e, q);
	begin_sending(e, q, now);
	return COAP_QCLIENT_ON;
}

/* RFC 7641 section 3.4: a notification that is not newer than the latest is dropped. False for such a one. */
static bool is_newer(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	uint32_t sequence;
	if (!call->observes || !coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence))
		return true;
	if (!coap_freshness_accept(&call->freshness, sequence, now))
		return false;
	q->has_sequence = true;
	q->sequence = sequence;
	drop_body(e, q);
	return true;
}

/* The same for a block: all of a body have one sequence number, and one ETag. */
static bool is_fresh(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	uint32_t sequence;
	if (q->has_sequence && coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence) && q->sequence == sequence)
		return has_same_etag(q, m);
	return is_newer(e, q, m, now);
}

static bool observes_still(const struct coap_endpoint *e, const struct coap_qcall *q)
{
	return e->calls[q->exchange.slot].observes && q->has_sequence;
}

static enum coap_qclient_progress take_block(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, struct coap_block block, msec now)
{
	uint32_t size;
	if (q->phase == COAP_QCALL_OBSERVING && !q->receive.is_open && !coap_message_has(m, COAP_OPTION_OBSERVE))
		return COAP_QCLIENT_ON; /* late, of a body that is whole already */
	if (!coap_message_uint(m, COAP_OPTION_SIZE2, &size) || block.szx > q->szx)
		return COAP_QCLIENT_BROKEN;
	if (!is_fresh(e, q, m, now))
		return COAP_QCLIENT_ON;
	if (!q->receive.is_open)
		pin_etag(q, m);
	else if (!has_same_etag(q, m))
		return observes_still(e, q) ? COAP_QCLIENT_ON : restart(e, q, now);
	q->phase = q->phase == COAP_QCALL_OBSERVING ? COAP_QCALL_OBSERVING : COAP_QCALL_RECEIVING;
	switch (coap_qblock_receive_block(&q->receive, block, m->payload.len, size, now)) {
	case COAP_QBLOCK_NEW:
		if (!put(e, q, coap_block_offset(block), m->payload))
			return COAP_QCLIENT_BROKEN;
		return speak(e, q, now);
	case COAP_QBLOCK_REPEATED:
		return COAP_QCLIENT_ON;
	case COAP_QBLOCK_BROKEN:
	case COAP_QBLOCK_TOO_LONG:
		break;
	}
	return COAP_QCLIENT_BROKEN;
}

/* The body of this notification, or of the one response, is there. */
static enum coap_qclient_progress tell(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	uint32_t sequence;
	if (!coap_call_of(e, q->exchange)->observes || !coap_code_is_success(m->code))
		return COAP_QCLIENT_RESPONSE;
	if (!q->has_sequence && !coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence))
		return COAP_QCLIENT_RESPONSE; /* it cannot be observed */
	q->phase = COAP_QCALL_OBSERVING;
	q->attempts = 0;
	arm(e, q, NEVER);
	return COAP_QCLIENT_NOTIFICATION;
}

/* ---- responses ---- */

static enum coap_qclient_progress after_probe(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct coap_block block = {0, false, 0};
	uint32_t value;
	bool has_block = coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value) && coap_block_parse(value, &block);
	if (m->code == COAP_BAD_OPTION || coap_message_has(m, COAP_OPTION_BLOCK2)) {
		learn(e, q, COAP_QPEER_DOES_NOT, now);
		return COAP_QCLIENT_FALL_BACK;
	}
	/* Who answers anything else has understood the option, for it is critical. */
	learn(e, q, COAP_QPEER_KNOWS, now);
	/* A response that comes later leaves as a whole, and its last block may be here before the first. */
	bool is_alone = !has_block || (block.number == 0 && !block.has_more);
	bool is_the_response = probes_with_request(call, q) && !call->observes && is_alone;
	if (is_the_response || (probes_with_request(call, q) && coap_code_is_error(m->code)))
		return COAP_QCLIENT_RESPONSE;
	begin_sending(e, q, now);
	return COAP_QCLIENT_ON;
}

/* RFC 9175 section 2.3: what was refused for want of an Echo begins once more. */
static bool must_echo(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = coap_call_of(e, q->exchange);
	struct bytes echo;
	bool had_one = call->has_echoed;
	if (!coap_message_option(m, COAP_OPTION_ECHO, &echo))
		return false;
	coap_echo_keep(&e->echoes, remote_of(e, q), echo, now);
	if (m->code != COAP_UNAUTHORIZED)
		return false;
	call->has_echoed = true;
	return !had_one;
}

/* False for the answer to a message that has been answered already. The probe and the request may have the same token,
 * so a late answer to the one, a wanted Echo for instance, must not count for the other. */
static bool settle_message(struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m)
{
	const struct coap_pending *found;
	if (m->type != COAP_TYPE_ACK)
		return true;
	if (!coap_retransmit_settle(&e->retransmit, remote_of(e, q), m->id, &found))
		return false;
	if (q->in_flight > 0)
		q->in_flight--;
	return true;
}

static enum coap_qclient_progress while_sending(
	struct coap_endpoint *e, struct coap_qcall *q, const struct coap_message *m, msec now)
{
	if (m->code == COAP_BAD_OPTION && q->is_confirmable && q->requests <= 1) {
		learn(e, q, COAP_QPEER_DOES_NOT, now);
		return COAP_QCLIENT_FALL_BACK;
	}
	if (m->code == COAP_CONTINUE || is_missing_list(m)) {
		if (m->code == COAP_CONTINUE)
			continued(q, m);
		else
			take_missing(q, m);
		flush(e, q, now);
		return COAP_QCLIENT_ON;
	}
	if (has_long_body(coap_call_of(e, q->exchange), q) && shrinks(e, q, m)) {
		begin_sending(e, q, now);
		return COAP_QCLIENT_ON;
	}
	return COAP_QCLIENT_RESPONSE;
}

enum coap_qclient_progress coap_qclient_response(
	struct coap_endpoint *e, struct handle exchange, const struct coap_message *m, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	struct coap_block block;
	uint32_t value;
	if (!settle_message(e, q, m))
		return COAP_QCLIENT_ON;
	q->attempts = 0;
	q->bytes = 0;
	peer_of(e, remote_of(e, q), now)->quiet_until = 0;
	if (q->phase == COAP_QCALL_WAITING)
		return COAP_QCLIENT_ON;
	if (must_echo(e, q, m, now)) {
		begin(e, q, now);
		return COAP_QCLIENT_ON;
	}
	/* The others of a burst that was refused as a whole. */
	if (m->code == COAP_UNAUTHORIZED && coap_message_has(m, COAP_OPTION_ECHO) &&
		coap_exchange_token_number(&m->token) < q->set_began)
		return COAP_QCLIENT_ON;
	if (q->phase == COAP_QCALL_PROBING)
		return after_probe(e, q, m, now);
	if (q->phase == COAP_QCALL_SENDING) {
		enum coap_qclient_progress progress = while_sending(e, q, m, now);
		if (progress != COAP_QCLIENT_RESPONSE)
			return progress;
	}
	if (!coap_code_is_success(m->code))
		return m->code == COAP_REQUEST_ENTITY_INCOMPLETE && is_missing_list(m) ? COAP_QCLIENT_ON
										       : COAP_QCLIENT_RESPONSE;
	if (coap_message_has(m, COAP_OPTION_BLOCK2))
		return COAP_QCLIENT_ORDINARY;
	if (!coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value))
		return is_newer(e, q, m, now) ? tell(e, q, m) : COAP_QCLIENT_ON;
	if (!coap_block_parse(value, &block))
		return COAP_QCLIENT_BROKEN;
	learn(e, q, COAP_QPEER_KNOWS, now);
	enum coap_qclient_progress progress = take_block(e, q, m, block, now);
	return progress == COAP_QCLIENT_RESPONSE ? tell(e, q, m) : progress;
}

struct bytes coap_qclient_body(struct coap_endpoint *e, struct handle exchange, const struct coap_message *m)
{
	struct coap_qcall *q = get(e, exchange);
	struct coap_client_call *call = coap_call_of(e, exchange);
	if (!coap_qblock_receive_is_complete(&q->receive))
		return m->payload;
	return handle_is_none(call->assembly) ? BYTES_NONE : coap_body_bytes(&e->bodies, call->assembly);
}

void coap_qclient_told(struct coap_endpoint *e, struct handle exchange)
{
	drop_body(e, get(e, exchange));
}

/* ---- acknowledgements, rejections, time ---- */

void coap_qclient_acked(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	if (q->in_flight > 0)
		q->in_flight--;
	q->attempts = 0;
	if (q->phase == COAP_QCALL_SENDING && q->is_confirmable)
		flush(e, q, now);
}

enum coap_qclient_progress coap_qclient_was_rejected(struct coap_endpoint *e, struct handle exchange, msec now)
{
	struct coap_qcall *q = get(e, exchange);
	if (q->phase != COAP_QCALL_PROBING)
		return COAP_QCLIENT_BROKEN;
	learn(e, q, COAP_QPEER_DOES_NOT, now);
	return COAP_QCLIENT_FALL_BACK;
}

bool coap_qclient_find_rejected(
	const struct coap_endpoint *e, const struct coap_remote *from, uint16_t id, struct handle *ret_exchange)
{
	const struct slab *slab = &e->qcalls.slab;
	for (uint32_t slot = 0; slab->used > 0 && slot < slab->untouched; slot++) {
		const struct coap_qcall *q = &e->qcalls.items[slot];
		if (!slab_is_taken(slab, slot) || !q->has_ids ||
			(uint16_t)(id - q->first_id) > (uint16_t)(q->last_id - q->first_id) ||
			!coap_remote_equal(&coap_exchange_get(&e->exchanges, q->exchange)->remote, from))
			continue;
		*ret_exchange = q->exchange;
		return true;
	}
	return false;
}

msec coap_qclient_deadline(const struct coap_endpoint *e)
{
	return deadlines_next(&e->qcalls.deadlines);
}

/* Nothing has been heard since all has left. What has no effect, or the same when it is done twice, is sent again: the
 * request, or the last block, to which the server gives its answer again (section 4.3). */
static enum coap_qclient_progress try_again(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	const struct coap_client_call *call = coap_call_of(e, q->exchange);
	bool may_repeat = call->method != COAP_POST && call->method != COAP_PATCH;
	if (q->is_confirmable || q->attempts == e->config.parameters.qblock.non_max_retransmit)
		return COAP_QCLIENT_TIMEOUT;
	q->attempts++;
	if (!has_long_body(call, q))
		send_whole(e, q, now);
	else if (may_repeat)
		(void)send_body_block(e, q, q->send.blocks - 1, now);
	wait_for_response(e, q, now);
	return COAP_QCLIENT_ON;
}

static enum coap_qclient_progress be_due(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	switch (q->phase) {
	case COAP_QCALL_WAITING:
		begin(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCALL_PROBING:
		return COAP_QCLIENT_TIMEOUT;
	case COAP_QCALL_SENDING:
		/* What waits for an acknowledgement has had its time: more would wait without an end. */
		if (coap_qblock_send_is_over(&q->send) || (q->is_confirmable && q->in_flight > 0))
			return try_again(e, q, now);
		flush(e, q, now);
		return COAP_QCLIENT_ON;
	case COAP_QCALL_RECEIVING:
	case COAP_QCALL_OBSERVING:
		return speak(e, q, now);
	}
	return COAP_QCLIENT_ON;
}

/* A peer that did not answer is left alone for a while; a notification that stays in pieces only waits for the next. */
static enum coap_qclient_progress give_up(struct coap_endpoint *e, struct coap_qcall *q, msec now)
{
	if (q->phase == COAP_QCALL_OBSERVING) {
		drop_body(e, q);
		arm(e, q, NEVER);
		return COAP_QCLIENT_ON;
	}
	peer_of(e, remote_of(e, q), now)->quiet_until =
		now + coap_qblock_probing_wait(&e->config.parameters.qblock, q->bytes);
	return COAP_QCLIENT_TIMEOUT;
}

bool coap_qclient_due(
	struct coap_endpoint *e, msec now, struct handle *ret_exchange, enum coap_qclient_progress *ret_progress)
{
	uint32_t slot;
	if (!deadlines_due(&e->qcalls.deadlines, now, &slot))
		return false;
	struct coap_qcall *q = &e->qcalls.items[slot];
	*ret_exchange = q->exchange;
	*ret_progress = be_due(e, q, now);
	if (*ret_progress == COAP_QCLIENT_TIMEOUT)
		*ret_progress = give_up(e, q, now);
	return true;
}
