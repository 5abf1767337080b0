/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client.h"

#include "coap/outbound.h"

#include <assert.h>

/* Header, token, and the options that the endpoint adds: Observe, Block1, Block2, Size1, Request-Tag, marker. */
#define OVERHEAD_BYTES 40

static const uint16_t understood_numbers[] = {
	COAP_OPTION_CONTENT_FORMAT,
	COAP_OPTION_ETAG,
	COAP_OPTION_OBSERVE,
	COAP_OPTION_BLOCK2,
	COAP_OPTION_BLOCK1,
	COAP_OPTION_MAX_AGE,
	COAP_OPTION_LOCATION_PATH,
	COAP_OPTION_LOCATION_QUERY,
	COAP_OPTION_SIZE1,
	COAP_OPTION_SIZE2,
	COAP_OPTION_ECHO,
};
static const struct coap_option_set understood = {
	understood_numbers, sizeof understood_numbers / sizeof understood_numbers[0], NULL};

static struct coap_client_call *call_of(struct coap_endpoint *e, struct handle h)
{
	return &e->calls[h.slot];
}

/* ---- the end of an exchange ---- */

/* Gives back all that belongs to the exchange but the body of its response, which the reply function still reads. */
static void release(struct coap_endpoint *e, struct handle h)
{
	struct coap_client_call *call = call_of(e, h);
	struct handle child = call->child;
	coap_retransmit_remove(&e->retransmit, call->pending);
	coap_exchange_remove(&e->exchanges, h);
	if (coap_exchange_get(&e->exchanges, child) != NULL) {
		coap_body_close(&e->bodies, call_of(e, child)->assembly);
		release(e, child);
	}
}

static void finish_child(struct coap_endpoint *e, struct handle child, const struct coap_reply *reply, msec now);

/* The one place where an exchange ends with an outcome. */
static void finish(struct coap_endpoint *e, struct handle h, struct coap_reply *reply, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	coap_reply_function *function = call->reply;
	void *context = call->context;
	struct handle assembly = call->assembly;
	reply->exchange = h;
	reply->remote = coap_exchange_get(&e->exchanges, h)->remote;
	reply->was_retransmitted = call->was_retransmitted;
	if (!handle_is_none(call->parent))
		finish_child(e, h, reply, now);
	release(e, h);
	if (function != NULL)
		function(context, e, reply, now);
	coap_body_close(&e->bodies, assembly);
}

static void finish_without_response(struct coap_endpoint *e, struct handle h, enum coap_outcome outcome, msec now)
{
	struct coap_reply reply = {.outcome = outcome, .content_format = COAP_FORMAT_NONE};
	finish(e, h, &reply, now);
}

void coap_client_rejected(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) != NULL)
		finish_without_response(e, h, COAP_OUTCOME_RESET, now);
}

void coap_client_timed_out(struct coap_endpoint *e, struct handle h, msec now)
{
	if (coap_exchange_get(&e->exchanges, h) == NULL)
		return;
	e->counters.timeouts++;
	finish_without_response(e, h, COAP_OUTCOME_TIMEOUT, now);
}

void coap_client_lost(struct coap_endpoint *e, const struct coap_remote *remote, msec now)
{
	struct handle h;
	while (coap_exchange_find_remote(&e->exchanges, remote, &h))
		finish_without_response(e, h, COAP_OUTCOME_LOST, now);
}

/* ---- writing a request ---- */

/* The caller's options, as they were copied when the exchange began. */
static void restore_options(const struct coap_client_call *call, struct coap_options *ret)
{
	struct reader r = reader_of(bytes_of(call->options, call->options_len));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

static bool sends_blocks(const struct coap_client_call *call)
{
	return call->body.len > coap_block_size(call->block1_szx);
}

/* The part of the body that goes now, with the options that say which (RFC 7959 section 2.5). */
static struct bytes add_block1(const struct coap_client_call *call, struct coap_options *o)
{
	struct coap_block block;
	if (!sends_blocks(call))
		return call->body;
	bool exists = coap_block_at(call->body_done, call->block1_szx, &block);
	assert(exists); /* coap_endpoint_request has refused longer bodies */
	struct bytes part = bytes_first(bytes_from(call->body, (size_t)call->body_done), coap_block_size(block.szx));
	block.has_more = call->body_done + part.len < call->body.len;
	coap_options_set_uint(o, COAP_OPTION_BLOCK1, coap_block_value(block));
	coap_options_set_uint(o, COAP_OPTION_REQUEST_TAG, call->request_tag);
	if (block.number == 0)
		coap_options_set_uint(o, COAP_OPTION_SIZE1, (uint32_t)call->body.len);
	return part;
}

/* Asking on for the response's body: the same request without its own body, unless that names what is fetched and fits
 * (RFC 8132 section 2.1). */
static struct bytes add_block2(const struct coap_client_call *call, struct coap_options *o)
{
	struct coap_block block = {0, false, call->block2_szx};
	(void)coap_block_at(call->fetched, call->block2_szx, &block);
	coap_options_set_uint(o, COAP_OPTION_BLOCK2, coap_block_value(block));
	if (call->method == COAP_FETCH && !sends_blocks(call))
		return call->body;
	if (sends_blocks(call))
		coap_options_set_uint(o, COAP_OPTION_REQUEST_TAG, call->request_tag);
	return BYTES_NONE;
}

static struct bytes write_request(struct coap_endpoint *e, struct handle h, uint16_t id)
{
	const struct coap_client_call *call = call_of(e, h);
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	struct coap_token token = coap_token_of(bytes_of(&x->token, sizeof x->token));
	struct coap_options options;
	struct bytes payload;
	struct writer w = coap_outbound_writer(e);
	enum coap_type type = call->is_nonconfirmable ? COAP_TYPE_NON : COAP_TYPE_CON;
	if (call->is_ping) {
		coap_message_write_empty(&w, COAP_TYPE_CON, id);
		return writer_bytes(&w);
	}
	restore_options(call, &options);
	if (call->observes || call->is_cancelling)
		coap_options_set_uint(&options, COAP_OPTION_OBSERVE, call->is_cancelling ? 1 : 0);
	if (call->fetched > 0 || call->has_restarted)
		payload = add_block2(call, &options);
	else
		payload = add_block1(call, &options);
	if (call->fetched == 0 && e->szx < COAP_BLOCK_SZX_MAX && coap_code_is_safe(call->method) && !call->is_block)
		coap_options_set_uint(&options, COAP_OPTION_BLOCK2, call->block2_szx); /* early negotiation */
	coap_message_write(&w, type, call->method, id, &token, &options, payload);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

/* A non-confirmable request is in the table of pending messages too, sent once: so an RST finds it, and its wait ends.
 */
static void transmit(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_remote to = coap_exchange_get(&e->exchanges, h)->remote;
	struct coap_patience patience = call->patience;
	uint16_t id = coap_outbound_next_id(e, &to);
	struct bytes message = write_request(e, h, id);
	if (call->is_nonconfirmable)
		patience = (struct coap_patience){coap_max_transmit_wait(&call->patience), 1000, 0};
	call->sent_at = now;
	/* Without room the exchange waits as if the message had been lost and ends by its deadline. */
	if (message.len == 0 || !coap_outbound_confirmable(
					e, &to, id, COAP_PENDING_REQUEST, h, &patience, message, now, &call->pending))
		coap_exchange_acked(&e->exchanges, h, msec_after(now, patience.ack_timeout));
}

/* Sends the exchange's next request, at once or when its turn comes. */
static void start(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_retransmit_remove(&e->retransmit, call_of(e, h)->pending);
	call_of(e, h)->pending = HANDLE_NONE;
	if (coap_exchange_start(&e->exchanges, h))
		transmit(e, h, now);
}

void coap_client_ready(struct coap_endpoint *e, msec now)
{
	struct handle h;
	while (coap_exchange_ready(&e->exchanges, &h))
		transmit(e, h, now);
}

static void start_next_block(struct coap_endpoint *e, struct handle h, msec now)
{
	coap_exchange_renew_token(&e->exchanges, h, &e->prng);
	start(e, h, now);
}

/* ---- what comes: our body ---- */

enum progress {
	PROGRESS_NONE, /* the response is about the whole request */
	PROGRESS_ON,   /* another block was sent */
	PROGRESS_BROKEN,
};

/* The server takes smaller blocks than ours (RFC 7959 section 2.9.3): from the start with those. */
static enum progress shrink_body(struct coap_endpoint *e, struct handle h, uint8_t szx, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_block last;
	if (!coap_block_at(((uint64_t)call->body.len - 1) >> (szx + 4) << (szx + 4), szx, &last))
		return PROGRESS_NONE;
	call->block1_szx = szx;
	call->body_done = 0;
	start_next_block(e, h, now);
	return PROGRESS_ON;
}

static enum progress advance_body(struct coap_endpoint *e, struct handle h, struct coap_block block, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	uint64_t done = call->body_done + coap_block_size(call->block1_szx);
	if (done >= call->body.len)
		return PROGRESS_NONE;
	if (block.szx < call->block1_szx && coap_block_size(block.szx) > 0)
		call->block1_szx = block.szx;
	struct coap_block next;
	if (!coap_block_at(done, call->block1_szx, &next))
		return PROGRESS_BROKEN;
	call->body_done = done;
	start_next_block(e, h, now);
	return PROGRESS_ON;
}

static enum progress continue_body(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	uint32_t value;
	struct coap_block block = {0, false, call->block1_szx};
	bool has_block1 = coap_message_uint(m, COAP_OPTION_BLOCK1, &value);
	if (call->fetched > 0 || call->is_cancelling)
		return PROGRESS_NONE;
	if (has_block1 && !coap_block_parse(value, &block))
		return PROGRESS_BROKEN;
	if (m->code == COAP_REQUEST_ENTITY_TOO_LARGE && has_block1 && call->body_done == 0 &&
		block.szx < call->block1_szx && call->body.len > 0)
		return shrink_body(e, h, block.szx, now);
	if (!sends_blocks(call))
		return m->code == COAP_CONTINUE ? PROGRESS_BROKEN : PROGRESS_NONE;
	if (m->code == COAP_CONTINUE || (has_block1 && coap_code_is_success(m->code)))
		return m->code == COAP_CONTINUE && call->body_done + coap_block_size(call->block1_szx) >= call->body.len
			       ? PROGRESS_BROKEN
			       : advance_body(e, h, block, now);
	return PROGRESS_NONE;
}

/* ---- what comes: the response's body ---- */

static bool etag_is_same(struct coap_client_call *call, const struct coap_message *m)
{
	struct bytes etag = BYTES_NONE;
	(void)coap_message_option(m, COAP_OPTION_ETAG, &etag);
	if (call->fetched > 0)
		return bytes_equal(etag, bytes_of(call->etag, call->etag_len));
	call->etag_len = (uint8_t)bytes_first(etag, sizeof call->etag).len;
	memcpy(call->etag, etag.data == NULL ? call->etag : etag.data, call->etag_len);
	return true;
}

/* The body has changed under way: once more from the beginning, then it is broken. */
static enum progress restart_fetch(struct coap_endpoint *e, struct handle h, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	if (call->has_restarted || !coap_code_is_safe(call->method) || !handle_is_none(call->parent))
		return PROGRESS_BROKEN;
	coap_body_close(&e->bodies, call->assembly);
	call->assembly = HANDLE_NONE;
	call->has_restarted = true;
	call->fetched = 0;
	start_next_block(e, h, now);
	return PROGRESS_ON;
}

static bool open_assembly(struct coap_endpoint *e, struct handle h)
{
	struct coap_client_call *call = call_of(e, h);
	uint64_t key = (uint64_t)h.slot << 32 | h.generation;
	if (!handle_is_none(call->assembly))
		return true;
	/* It has no deadline of its own: it goes with the exchange. */
	if (coap_body_open(&e->bodies, COAP_BODY_REPLY, &coap_exchange_get(&e->exchanges, h)->remote, key, NEVER,
		    &call->assembly))
		return true;
	e->counters.refused_full++;
	return false;
}

/* Puts this block to the others and asks for the next (RFC 7959 section 2.4). PROGRESS_NONE: it was the last. */
static enum progress append_block(
	struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_block block, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	bool is_full = m->payload.len == coap_block_size(block.szx);
	if (coap_block_offset(block) != call->fetched || (block.has_more && !is_full) || block.szx > call->block2_szx)
		return PROGRESS_BROKEN;
	if (!open_assembly(e, h) ||
		coap_body_append(&e->bodies, call->assembly, call->fetched, m->payload, NEVER) != COAP_BODY_APPENDED)
		return PROGRESS_BROKEN;
	if (!block.has_more)
		return PROGRESS_NONE;
	call->fetched += m->payload.len;
	call->block2_szx = block.szx;
	struct coap_block next;
	if (!coap_block_at(call->fetched, block.szx, &next))
		return PROGRESS_BROKEN;
	start_next_block(e, h, now);
	return PROGRESS_ON;
}

static enum progress continue_fetch(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_block block;
	uint32_t value;
	if (call->is_block || call->is_cancelling)
		return PROGRESS_NONE;
	bool has_block2 = coap_message_uint(m, COAP_OPTION_BLOCK2, &value);
	if (has_block2 && !coap_block_parse(value, &block))
		return PROGRESS_BROKEN;
	if (call->fetched == 0 && (!has_block2 || (!block.has_more && block.number == 0)))
		return PROGRESS_NONE;
	if (coap_code_is_error(m->code))
		return call->fetched == 0 ? PROGRESS_NONE : PROGRESS_BROKEN;
	if (!has_block2)
		return PROGRESS_BROKEN;
	if (!etag_is_same(call, m))
		return restart_fetch(e, h, now);
	return append_block(e, h, m, block, now);
}

/* ---- what comes: notifications ---- */

static void deliver_notification(
	struct coap_endpoint *e, struct handle h, const struct coap_reply *from, struct bytes body, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_reply reply = *from;
	reply.outcome = COAP_OUTCOME_NOTIFICATION;
	reply.exchange = h;
	reply.remote = coap_exchange_get(&e->exchanges, h)->remote;
	reply.body = body;
	if (call->reply != NULL)
		call->reply(call->context, e, &reply, now);
}

/* The fetch of a notification's rest has ended. Whatever went wrong, the next notification brings the state again;
 * only a body that can never be taken is an end. */
static void finish_child(struct coap_endpoint *e, struct handle child, const struct coap_reply *reply, msec now)
{
	struct handle parent = call_of(e, child)->parent;
	call_of(e, child)->parent = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, parent) == NULL)
		return;
	call_of(e, parent)->child = HANDLE_NONE;
	if (reply->outcome == COAP_OUTCOME_RESPONSE && coap_code_is_success(reply->code))
		deliver_notification(e, parent, reply, reply->body, now);
	else if (reply->outcome == COAP_OUTCOME_BROKEN)
		finish_without_response(e, parent, COAP_OUTCOME_BROKEN, now);
}

static void drop_child(struct coap_endpoint *e, struct handle h)
{
	struct handle child = call_of(e, h)->child;
	call_of(e, h)->child = HANDLE_NONE;
	if (coap_exchange_get(&e->exchanges, child) == NULL)
		return;
	coap_body_close(&e->bodies, call_of(e, child)->assembly);
	release(e, child);
}

/* Without room for the fetch this notification is skipped; the next may find some. */
static void fetch_rest(
	struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_block block, msec now)
{
	struct handle child;
	struct coap_remote remote = coap_exchange_get(&e->exchanges, h)->remote;
	if (!coap_exchange_add(&e->exchanges, &remote, false, &e->prng, &child)) {
		e->counters.refused_full++;
		return;
	}
	struct coap_client_call *call = call_of(e, h), *fetch = call_of(e, child);
	*fetch = *call;
	fetch->reply = NULL;
	fetch->pending = fetch->child = fetch->assembly = HANDLE_NONE;
	fetch->parent = h;
	fetch->observes = fetch->was_retransmitted = false;
	fetch->fetched = 0;
	call->child = child;
	(void)etag_is_same(fetch, m);
	if (append_block(e, child, m, block, now) != PROGRESS_ON)
		finish_without_response(e, child, COAP_OUTCOME_BROKEN, now);
}

static void notified(struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_reply *reply,
	uint32_t sequence, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	struct coap_block block;
	uint32_t value;
	coap_exchange_observing(&e->exchanges, h);
	if (!coap_freshness_accept(&call->freshness, sequence, now))
		return;
	drop_child(e, h);
	if (coap_message_uint(m, COAP_OPTION_BLOCK2, &value) && coap_block_parse(value, &block) && block.has_more)
		fetch_rest(e, h, m, block, now);
	else
		deliver_notification(e, h, reply, m->payload, now);
}

/* ---- what comes: a response ---- */

static uint64_t recent_key(const struct coap_endpoint *e, const struct coap_remote *from, uint16_t id)
{
	return coap_remote_hash(from, e->secret + id) | 1;
}

/* Whether this confirmable response has been acknowledged before: its ACK was lost. */
static bool was_acknowledged(const struct coap_endpoint *e, uint64_t key)
{
	for (int i = 0; i < COAP_RECENT_MAX; i++)
		if (e->recent[i] == key)
			return true;
	return false;
}

static void acknowledge(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (m->type != COAP_TYPE_CON)
		return;
	e->recent[e->recent_next++ % COAP_RECENT_MAX] = recent_key(e, from, m->id);
	coap_outbound_empty(e, from, COAP_TYPE_ACK, m->id, now);
}

static void refuse(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	if (m->type == COAP_TYPE_CON)
		coap_outbound_empty(e, from, COAP_TYPE_RST, m->id, now);
}

/* A piggybacked response belongs to the request with the same Message-ID (RFC 7252 section 5.3.2). */
static bool belongs(struct coap_endpoint *e, struct handle h, const struct coap_message *m)
{
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call_of(e, h)->pending);
	return m->type != COAP_TYPE_ACK || (pending != NULL && pending->id == m->id);
}

static uint64_t round_trip(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_client_call *call = call_of(e, h);
	const struct coap_pending *pending = coap_retransmit_get(&e->retransmit, call->pending);
	if (pending == NULL || pending->sent != 1)
		return 0;
	return now > call->sent_at ? (uint64_t)(now - call->sent_at) : 1;
}

static uint16_t format_of(const struct coap_message *m)
{
	uint32_t value;
	return coap_message_uint(m, COAP_OPTION_CONTENT_FORMAT, &value) ? (uint16_t)value : COAP_FORMAT_NONE;
}

static void settle(struct coap_endpoint *e, struct handle h, const struct coap_message *m, msec now)
{
	struct coap_client_call *call = call_of(e, h);
	uint32_t sequence;
	struct coap_reply reply = {.outcome = COAP_OUTCOME_RESPONSE,
		.message = m,
		.code = m->code,
		.content_format = format_of(m),
		.body = m->payload,
		.round_trip_ms = round_trip(e, h, now)};
	coap_retransmit_remove(&e->retransmit, call->pending);
	call->pending = HANDLE_NONE;
	enum progress progress = continue_body(e, h, m, now);
	if (progress == PROGRESS_NONE && call->observes && coap_code_is_success(m->code) &&
		coap_message_uint(m, COAP_OPTION_OBSERVE, &sequence)) {
		notified(e, h, m, &reply, sequence, now);
		return;
	}
	if (progress == PROGRESS_NONE)
		progress = continue_fetch(e, h, m, now);
	if (progress == PROGRESS_BROKEN) {
		finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
	} else if (progress == PROGRESS_NONE) {
		if (!handle_is_none(call->assembly))
			reply.body = coap_body_bytes(&e->bodies, call->assembly);
		finish(e, h, &reply, now);
	}
}

void coap_client_response(struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, msec now)
{
	struct handle h;
	uint16_t offending;
	if (!coap_exchange_find(&e->exchanges, from, coap_token_bytes(&m->token), &h)) {
		if (m->type == COAP_TYPE_CON && was_acknowledged(e, recent_key(e, from, m->id)))
			coap_outbound_empty(e, from, COAP_TYPE_ACK, m->id, now);
		else
			refuse(e, from, m, now);
		return;
	}
	if (!belongs(e, h, m))
		return;
	if (!coap_message_recognise(m, &understood, &offending)) {
		refuse(e, from, m, now); /* RFC 7252 section 5.4.1: such a response must be rejected */
		finish_without_response(e, h, COAP_OUTCOME_BROKEN, now);
		return;
	}
	acknowledge(e, from, m, now);
	settle(e, h, m, now);
}

void coap_client_acked(struct coap_endpoint *e, struct handle h, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, h);
	if (x == NULL)
		return;
	struct coap_client_call *call = call_of(e, h);
	call->pending = HANDLE_NONE;
	if (call->is_ping)
		finish_without_response(e, h, COAP_OUTCOME_RESET, now);
	else
		coap_exchange_acked(&e->exchanges, h,
			msec_after(now, call->is_block ? coap_max_transmit_wait(&call->patience)
						       : coap_exchange_lifetime(&call->patience)));
}

/* ---- the application's calls ---- */

static bool copy_options(const struct coap_options *options, struct coap_client_call *call)
{
	struct writer w = writer_of(call->options, sizeof call->options);
	call->options_len = 0;
	if (options == NULL)
		return true;
	coap_options_write(&w, options);
	call->options_len = (uint16_t)writer_bytes(&w).len;
	return !w.failed && !options->failed;
}

/* Whether the request's longest message fits a datagram and its body has few enough blocks. */
static bool fits(const struct coap_client_call *call)
{
	uint64_t payload = sends_blocks(call) ? coap_block_size(call->block1_szx) : call->body.len;
	uint64_t blocks = call->body.len >> (call->block1_szx + 4);
	return OVERHEAD_BYTES + call->options_len + payload <= COAP_DATAGRAM_MAX_BYTES && blocks < COAP_BLOCKS_MAX &&
	       call->body.len <= UINT32_MAX;
}

static void prepare(struct coap_endpoint *e, const struct coap_call *from, struct coap_client_call *call)
{
	memset(call, 0, offsetof(struct coap_client_call, options_len));
	call->reply = from->reply;
	call->context = from->context;
	call->body = from->body;
	call->method = from->method;
	call->is_nonconfirmable = from->is_nonconfirmable;
	call->is_block = from->is_block;
	call->observes = from->observe;
	call->request_tag = (uint16_t)prng_u32(&e->prng);
	call->block1_szx = call->block2_szx = e->szx;
	call->patience = e->patience;
	if (from->ack_timeout > 0)
		call->patience.ack_timeout = from->ack_timeout;
	if (from->max_retransmit > 0)
		call->patience.max_retransmit = from->max_retransmit == COAP_SEND_ONCE ? 0 : from->max_retransmit;
	while (call->block1_szx > 0 && from->options != NULL && !fits(call) && sends_blocks(call))
		call->block1_szx--;
}

bool coap_endpoint_request(struct coap_endpoint *e, const struct coap_call *from, msec now, struct handle *ret_exchange)
{
	struct handle h;
	if (!coap_exchange_add(&e->exchanges, &from->to, from->is_block, &e->prng, &h)) {
		e->counters.refused_full++;
		return false;
	}
	struct coap_client_call *call = call_of(e, h);
	bool has_options = copy_options(from->options, call);
	uint16_t options_len = call->options_len;
	prepare(e, from, call);
	call->options_len = options_len;
	if (!has_options || !fits(call)) {
		coap_exchange_remove(&e->exchanges, h);
		return false;
	}
	coap_endpoint_enter(e);
	start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

bool coap_endpoint_ping(struct coap_endpoint *e, const struct coap_remote *to, coap_reply_function *reply,
	void *context, msec now, struct handle *ret_exchange)
{
	struct coap_call from = {.to = *to, .reply = reply, .context = context};
	struct handle h;
	if (!coap_exchange_add(&e->exchanges, to, true, &e->prng, &h)) {
		e->counters.refused_full++;
		return false;
	}
	prepare(e, &from, call_of(e, h));
	call_of(e, h)->is_ping = true;
	call_of(e, h)->options_len = 0;
	coap_endpoint_enter(e);
	start(e, h, now);
	coap_endpoint_leave(e, now);
	*ret_exchange = h;
	return true;
}

void coap_endpoint_cancel(struct coap_endpoint *e, struct handle exchange, msec now)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL)
		return;
	struct coap_client_call *call = call_of(e, exchange);
	coap_endpoint_enter(e);
	if (call->observes && x->phase == COAP_EXCHANGE_OBSERVING && !call->is_cancelling) {
		drop_child(e, exchange);
		call->reply = NULL;
		call->observes = false;
		call->is_cancelling = true;
		start(e, exchange, now);
	} else if (!call->is_cancelling) {
		coap_body_close(&e->bodies, call->assembly);
		release(e, exchange);
	}
	coap_endpoint_leave(e, now);
}
