/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/blockget.h"

#include <assert.h>

/* An answer that comes this many timeouts late is still taken; then its exchange is given back. */
#define TIMEOUTS_TO_WAIT 2
/* RFC 7252 section 5.9.3.4 has Max-Age say when to come again; without it, and at most: */
#define BUSY_MS     SECONDS(2)
#define BUSY_MAX_MS SECONDS(60)

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

/* ---- answers ---- */

static bool block_of(const struct coap_message *m, uint8_t szx, struct coap_block *ret)
{
	uint32_t value;
	*ret = (struct coap_block){0, false, szx};
	return !coap_message_uint(m, COAP_OPTION_BLOCK2, &value) || coap_block_parse(value, ret);
}

static void take_block(struct coap_blockget *g, struct coap_block_ask asked, const struct coap_reply *reply, msec now)
{
	struct coap_block block;
	struct bytes etag = BYTES_NONE;
	uint32_t size = 0;
	enum coap_blockfetch_verdict verdict = COAP_BLOCKFETCH_BROKEN;
	(void)coap_message_option(reply->message, COAP_OPTION_ETAG, &etag);
	(void)coap_message_uint(reply->message, COAP_OPTION_SIZE2, &size);
	if (block_of(reply->message, g->fetch.szx, &block))
		verdict = coap_blockfetch_received(
			&g->fetch, asked, &block, reply->body.len, etag, size, (msec)reply->round_trip_ms, now);
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
static void take_error(struct coap_blockget *g, struct coap_block_ask asked, const struct coap_reply *reply, msec now)
{
	g->code = reply->code;
	if (reply->code == COAP_SERVICE_UNAVAILABLE || reply->code == COAP_TOO_MANY_REQUESTS) {
		g->resumes_at = busy_until(reply->message, now);
		coap_blockfetch_lost(&g->fetch, asked, now);
		return;
	}
	coap_blockfetch_refused(&g->fetch, asked, now);
	if (coap_blockfetch_is_failed(&g->fetch))
		end(g, COAP_BLOCKGET_REFUSED, now);
}

static void take_response(
	struct coap_blockget *g, struct coap_block_ask asked, const struct coap_reply *reply, msec now)
{
	g->heard_at = now;
	if (coap_code_is_success(reply->code))
		take_block(g, asked, reply, now);
	else
		take_error(g, asked, reply, now);
	if (coap_blockfetch_is_complete(&g->fetch))
		end(g, COAP_BLOCKGET_DONE, now);
}

static void ask(struct coap_blockget *g, msec now);

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct coap_blockget_slot *slot = context;
	struct coap_blockget *g = slot->get;
	(void)endpoint;
	slot->exchange = HANDLE_NONE;
	switch (reply->outcome) {
	case COAP_OUTCOME_RESPONSE:
		take_response(g, slot->ask, reply, now);
		break;
	case COAP_OUTCOME_TIMEOUT:
		coap_blockfetch_lost(&g->fetch, slot->ask, now);
		if (!g->fetch.is_open)
			end(g, COAP_BLOCKGET_SILENT, now);
		break;
	case COAP_OUTCOME_RESET:
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
	case COAP_OUTCOME_BLOCK:
		break;
	}
	ask(g, now);
}

/* ---- questions ---- */

/* Before the peer has answered this is RFC 7252 as it stands: one confirmable request, repeated with its patience. */
static bool request(struct coap_blockget *g, struct coap_blockget_slot *slot, msec now)
{
	struct coap_options options = *g->config.options;
	coap_options_set_uint(&options, COAP_OPTION_BLOCK2, coap_blockfetch_option(&g->fetch, slot->ask.number));
	struct coap_call call = {.to = g->config.to,
		.method = COAP_GET,
		.options = &options,
		.is_block = true,
		.reply = on_reply,
		.context = slot};
	if (g->fetch.is_open) {
		call.ack_timeout = TIMEOUTS_TO_WAIT * coap_blockfetch_timeout(&g->fetch);
		call.max_retransmit = COAP_SEND_ONCE;
	}
	return coap_endpoint_request(g->config.endpoint, &call, now, &slot->exchange);
}

static void ask(struct coap_blockget *g, msec now)
{
	struct coap_block_ask next;
	while (g->is_running && g->resumes_at <= now && coap_blockfetch_next(&g->fetch, now, &next)) {
		struct coap_blockget_slot *slot = &g->slots[next.flight % g->config.in_flight_max];
		if (!handle_is_none(slot->exchange)) /* of a request that was given up long ago */
			coap_endpoint_cancel(g->config.endpoint, slot->exchange, now);
		*slot = (struct coap_blockget_slot){g, next, HANDLE_NONE};
		if (request(g, slot, now))
			continue;
		coap_blockfetch_lost(&g->fetch, next, now);
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
