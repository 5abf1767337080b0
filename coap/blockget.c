/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockget.h"

#include "coap/qclient.h"

#include <assert.h>

/* An answer that comes this many timeouts late is still taken; then its exchange is given back. */
#define TIMEOUTS_TO_WAIT 2
/* RFC 7252 section 5.9.3.4 has Max-Age say when to come again; without it, and at most: */
#define BUSY_MS     SECONDS(2)
#define BUSY_MAX_MS SECONDS(60)
/* MAX_PAYLOADS (RFC 9177 section 7.2): what a server sends of one request without a pause. */
#define RUN_MAX 10

static void layout(struct coap_blockget *g, struct carve *c, uint32_t in_flight_max, void **ret_fetch)
{
	g->slots = carve_take(c, in_flight_max, sizeof *g->slots);
	*ret_fetch = carve_take(c, 1, coap_blockfetch_memory(in_flight_max));
}

size_t coap_blockget_memory(uint32_t in_flight_max)
{
	struct coap_blockget g;
	struct carve c = {NULL, 0};
	void *fetch;
	layout(&g, &c, in_flight_max, &fetch);
	return c.used;
}

/* ---- the end ---- */

void coap_blockget_stop(struct coap_blockget *g, msec now)
{
	if (!g->is_running)
		return;
	g->is_running = false;
	for (uint32_t i = 0; i < g->config.in_flight_max; i++)
		if (!handle_is_none(g->slots[i].exchange))
			coap_endpoint_cancel(g->config.endpoint, g->slots[i].exchange, now);
}

static void end(struct coap_blockget *g, enum coap_blockget_outcome outcome, msec now)
{
	if (!g->is_running)
		return;
	coap_blockget_stop(g, now);
	g->config.ended(g->config.context, outcome, now);
}

/* ---- a request and its blocks ---- */

static struct coap_blockget_slot *slot_of(const struct coap_blockget *g, uint32_t flight)
{
	return &g->slots[flight % g->config.in_flight_max];
}

/* None of them will be answered as wished. They are still there: the first is the first to be taken for another
 * request, which ends this one. */
static void lose_all(struct coap_blockget *g, const struct coap_blockget_slot *first, msec now)
{
	uint32_t flight = first->ask.flight, count = first->count;
	for (uint32_t i = 0; i < count; i++)
		coap_blockfetch_lost(&g->fetch, slot_of(g, flight + i)->ask, now);
}

/* Which block of the request has come. The first of a transfer may have another number, because the server has made the
 * blocks smaller; and what was not asked for at all is told from the first by the fetch. */
static struct coap_blockget_slot *find(
	struct coap_blockget *g, struct coap_blockget_slot *first, struct coap_block block)
{
	for (uint32_t i = 0; i < first->count; i++)
		if (slot_of(g, first->ask.flight + i)->ask.number == block.number)
			return slot_of(g, first->ask.flight + i);
	return first;
}

/* ---- with and without Q-Block2 ---- */

static void use_qblock(struct coap_blockget *g, bool does, msec now)
{
	g->uses_qblock = does;
	coap_qclient_learned(g->config.endpoint, &g->config.to, does ? COAP_QPEER_KNOWS : COAP_QPEER_DOES_NOT, now);
}

static void fall_back(struct coap_blockget *g, const struct coap_blockget_slot *first, msec now)
{
	use_qblock(g, false, now);
	coap_blockfetch_set_run(&g->fetch, 1);
	for (uint32_t i = 0; i < first->count; i++)
		coap_blockfetch_withdrawn(&g->fetch, slot_of(g, first->ask.flight + i)->ask);
}

/* How many blocks there are must be known: what is behind the end is not answered to a request for others too. */
static void learn_from_first(struct coap_blockget *g, const struct coap_message *m, msec now)
{
	if (!g->uses_qblock)
		return;
	use_qblock(g, coap_message_has(m, COAP_OPTION_Q_BLOCK2), now);
	if (g->uses_qblock && g->fetch.size_is_known)
		coap_blockfetch_set_run(&g->fetch, RUN_MAX);
}

/* A server may pass over the option, critical as it is, and answer as if it were not there. Some of these then take a
 * request for the second block by Block2 for one that never began (4.08), so the first is asked for again that way. */
static bool is_passed_over(const struct coap_blockget *g, const struct coap_blockget_slot *first,
	const struct coap_message *m, struct coap_block block)
{
	return !g->fetch.is_open && first->is_by_qblock && block.has_more && !coap_message_has(m, COAP_OPTION_Q_BLOCK2);
}

/* ---- answers ---- */

static bool block_of(const struct coap_message *m, uint8_t szx, struct coap_block *ret)
{
	uint32_t value;
	*ret = (struct coap_block){0, false, szx};
	return (!coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value) &&
		       !coap_message_uint(m, COAP_OPTION_BLOCK2, &value)) ||
	       coap_block_parse(value, ret);
}

/* A block is asked for once by each request, and a request for several is never repeated. */
static msec round_trip(const struct coap_blockget_slot *first, const struct coap_reply *reply, msec now)
{
	if (first->count == 1)
		return (msec)reply->round_trip_ms;
	return now > first->sent_at ? now - first->sent_at : 1;
}

static void take_block(
	struct coap_blockget *g, struct coap_blockget_slot *first, const struct coap_reply *reply, msec now)
{
	struct coap_block block;
	bool was_open = g->fetch.is_open;
	struct bytes etag = BYTES_NONE;
	uint32_t size = 0;
	enum coap_blockfetch_verdict verdict = COAP_BLOCKFETCH_BROKEN;
	(void)coap_message_option(reply->message, COAP_OPTION_ETAG, &etag);
	(void)coap_message_uint(reply->message, COAP_OPTION_SIZE2, &size);
	bool is_block = block_of(reply->message, g->fetch.szx, &block);
	if (is_block && is_passed_over(g, first, reply->message, block)) {
		fall_back(g, first, now);
		return;
	}
	if (is_block) {
		struct coap_blockget_slot *slot = find(g, first, block);
		if (slot->is_answered) /* a message that the network has repeated */
			return;
		slot->is_answered = true;
		verdict = coap_blockfetch_received(
			&g->fetch, slot->ask, &block, reply->body.len, etag, size, round_trip(first, reply, now), now);
	}
	if (!was_open && g->fetch.is_open)
		learn_from_first(g, reply->message, now);
	switch (verdict) {
	case COAP_BLOCKFETCH_STORE:
		coap_blockfetch_stored(&g->fetch, block.number);
		if (!g->config.store(g->config.context, block.number, reply->body, now))
			end(g, COAP_BLOCKGET_STORE, now);
		return;
	case COAP_BLOCKFETCH_REPEATED:
		g->repeated++;
		return;
	case COAP_BLOCKFETCH_CHANGED:
		end(g, COAP_BLOCKGET_CHANGED, now);
		return;
	case COAP_BLOCKFETCH_BROKEN:
		end(g, COAP_BLOCKGET_BROKEN, now);
		return;
	}
}

static msec busy_until(const struct coap_message *m, msec now)
{
	uint32_t seconds;
	msec span = coap_message_uint(m, COAP_OPTION_MAX_AGE, &seconds) ? SECONDS(seconds) : BUSY_MS;
	return now + (span < BUSY_MAX_MS ? span : BUSY_MAX_MS);
}

/* An error may only mean that the body ends before this block, as long as its size is not known. */
static void take_error(
	struct coap_blockget *g, const struct coap_blockget_slot *first, const struct coap_reply *reply, msec now)
{
	uint32_t flight = first->ask.flight, count = first->count;
	if (first->is_by_qblock && reply->code == COAP_BAD_OPTION) {
		fall_back(g, first, now);
		return;
	}
	g->code = reply->code;
	if (reply->code == COAP_SERVICE_UNAVAILABLE || reply->code == COAP_TOO_MANY_REQUESTS) {
		g->resumes_at = busy_until(reply->message, now);
		lose_all(g, first, now);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		coap_blockfetch_refused(&g->fetch, slot_of(g, flight + i)->ask, now);
	if (coap_blockfetch_is_failed(&g->fetch))
		end(g, COAP_BLOCKGET_REFUSED, now);
}

static void take_response(
	struct coap_blockget *g, struct coap_blockget_slot *first, const struct coap_reply *reply, msec now)
{
	g->heard_at = now;
	if (coap_code_is_success(reply->code))
		take_block(g, first, reply, now);
	else
		take_error(g, first, reply, now);
	if (coap_blockfetch_is_complete(&g->fetch))
		end(g, COAP_BLOCKGET_DONE, now);
}

static void ask(struct coap_blockget *g, msec now);

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct coap_blockget_slot *slot = context;
	struct coap_blockget *g = slot->get;
	(void)endpoint;
	if (reply->outcome != COAP_OUTCOME_BLOCK)
		slot->exchange = HANDLE_NONE;
	switch (reply->outcome) {
	case COAP_OUTCOME_RESPONSE:
	case COAP_OUTCOME_BLOCK:
		take_response(g, slot, reply, now);
		break;
	case COAP_OUTCOME_TIMEOUT:
		lose_all(g, slot, now);
		if (!g->fetch.is_open)
			end(g, COAP_BLOCKGET_SILENT, now);
		break;
	case COAP_OUTCOME_RESET:
		if (slot->is_by_qblock)
			fall_back(g, slot, now);
		else
			end(g, COAP_BLOCKGET_REJECTED, now);
		break;
	case COAP_OUTCOME_LOST:
		end(g, COAP_BLOCKGET_LOST, now);
		break;
	case COAP_OUTCOME_BROKEN:
		end(g, COAP_BLOCKGET_BROKEN, now);
		break;
	case COAP_OUTCOME_NOTIFICATION:
	case COAP_OUTCOME_MEMBER:
		break;
	}
	ask(g, now);
}

/* ---- questions ---- */

/* RFC 9177 section 4.4 has the numbers ascend; repairs go before what is new, in the order in which they were lost. */
static void add_blocks(const struct coap_blockget *g, const struct coap_blockget_slot *first, struct coap_options *o)
{
	uint16_t option = first->is_by_qblock ? COAP_OPTION_Q_BLOCK2 : COAP_OPTION_BLOCK2;
	uint32_t numbers[RUN_MAX], count = 0;
	for (; count < first->count; count++) {
		uint32_t number = slot_of(g, first->ask.flight + count)->ask.number, at = count;
		for (; at > 0 && numbers[at - 1] > number; at--)
			numbers[at] = numbers[at - 1];
		numbers[at] = number;
	}
	for (uint32_t i = 0; i < count; i++)
		coap_options_add_uint(o, option, coap_blockfetch_option(&g->fetch, numbers[i]));
}

/* Before the peer has answered this is RFC 7252 as it stands: one confirmable request, repeated with its patience. */
static bool request(struct coap_blockget *g, struct coap_blockget_slot *first, msec now)
{
	struct coap_options options = *g->config.options;
	add_blocks(g, first, &options);
	struct coap_call call = {.to = g->config.to,
		.method = COAP_GET,
		.options = &options,
		.is_block = true,
		.is_nonconfirmable = first->count > 1,
		.responses = first->count,
		.reply = on_reply,
		.context = first};
	if (g->fetch.is_open) {
		call.ack_timeout = TIMEOUTS_TO_WAIT * coap_blockfetch_timeout(&g->fetch);
		call.max_retransmit = COAP_SEND_ONCE;
	}
	return coap_endpoint_request(g->config.endpoint, &call, now, &first->exchange);
}

static struct coap_blockget_slot *take_slot(struct coap_blockget *g, struct coap_block_ask ask, msec now)
{
	struct coap_blockget_slot *slot = slot_of(g, ask.flight);
	if (!handle_is_none(slot->exchange)) /* of a request that was given up long ago */
		coap_endpoint_cancel(g->config.endpoint, slot->exchange, now);
	*slot = (struct coap_blockget_slot){.get = g, .ask = ask, .sent_at = now, .exchange = HANDLE_NONE};
	return slot;
}

/* The blocks of one request, up to `count`. False when there is none to ask for. */
static bool gather(struct coap_blockget *g, uint32_t count, msec now, struct coap_blockget_slot **ret)
{
	struct coap_block_ask next;
	if (!coap_blockfetch_next(&g->fetch, now, &next))
		return false;
	*ret = take_slot(g, next, now);
	(*ret)->is_by_qblock = g->uses_qblock;
	for ((*ret)->count = 1; (*ret)->count < count && coap_blockfetch_next(&g->fetch, now, &next); (*ret)->count++)
		(void)take_slot(g, next, now);
	return true;
}

/* Without room for the request, or for so many options in it, it is tried later and with one block. */
static void ask(struct coap_blockget *g, msec now)
{
	struct coap_blockget_slot *first;
	uint32_t count;
	while (g->is_running && g->resumes_at <= now && coap_blockfetch_may_ask(&g->fetch, now, &count) &&
		gather(g, count, now, &first)) {
		if (request(g, first, now))
			continue;
		lose_all(g, first, now);
		coap_blockfetch_set_run(&g->fetch, 1);
		g->resumes_at = now + BUSY_MS;
	}
}

void coap_blockget_begin(struct coap_blockget *g, const struct coap_blockget_config *config, msec now)
{
	struct carve c = {config->memory, 0};
	void *memory;
	*g = (struct coap_blockget){.config = *config, .is_running = true, .heard_at = now, .resumes_at = now};
	layout(g, &c, config->in_flight_max, &memory);
	memset(g->slots, 0, config->in_flight_max * sizeof *g->slots);
	g->uses_qblock = config->tries_qblock && !coap_remote_is_reliable(&config->to) &&
			 coap_qclient_support(config->endpoint, &config->to, now) != COAP_QPEER_DOES_NOT;
	coap_blockfetch_init(&g->fetch,
		&(struct coap_blockfetch_config){.bitmap = config->bitmap,
			.bitmap_blocks = config->bitmap_blocks,
			.szx = config->szx,
			.memory = memory,
			.in_flight_max = config->in_flight_max,
			.ack_timeout = coap_parameters_default.ack_timeout,
			.etag = config->etag,
			.size = config->size},
		now);
	ask(g, now);
}

/* ---- time ---- */

msec coap_blockget_deadline(const struct coap_blockget *g)
{
	if (!g->is_running)
		return NEVER;
	msec at = coap_blockfetch_deadline(&g->fetch);
	if (at < g->resumes_at)
		at = g->resumes_at;
	return msec_earlier(at, msec_after(g->heard_at, g->config.patience));
}

void coap_blockget_tick(struct coap_blockget *g, msec now)
{
	if (!g->is_running)
		return;
	coap_blockfetch_tick(&g->fetch, now);
	if (msec_after(g->heard_at, g->config.patience) <= now)
		end(g, COAP_BLOCKGET_SILENT, now);
	ask(g, now);
}
