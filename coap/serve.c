/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/serve.h"

#include "coap/amplification.h"
#include "coap/answer.h"
#include "coap/describe.h"
#include "coap/discovery.h"
#include "coap/forward.h"
#include "coap/outbound.h"
#include "coap/refuse.h"

enum coap_answer coap_serve_call(struct coap_endpoint *e, const struct coap_origin *origin,
	struct coap_request *request, struct coap_response *ret, msec now)
{
	arena_reset(&e->scratch);
	coap_answer_preset(ret);
	if (origin->resource == COAP_DESCRIBE_DISCOVERY) {
		coap_discovery_answer(e, request, ret);
		return COAP_ANSWER_NOW;
	}
	const struct coap_resource *resource = &e->config.resources[origin->resource];
	return resource->handle(resource->context, e, request, ret, now);
}

/* ---- running the handler ---- */

/* RFC 7252 section 5.10.6.2: what the client has is still valid. */
static void validate(const struct coap_message *m, const struct coap_origin *origin, struct coap_response *r)
{
	struct bytes etag;
	unsigned cursor = 0;
	if (r->code != COAP_CONTENT || r->etag.len == 0 || (origin->has_block2 && origin->block2.number > 0))
		return;
	while (coap_message_next(m, COAP_OPTION_ETAG, &cursor, &etag)) {
		if (bytes_equal(etag, r->etag)) {
			r->code = COAP_VALID;
			r->payload = BYTES_NONE;
			r->is_slice = false;
			return;
		}
	}
}

static void run(struct coap_endpoint *e, struct coap_origin *origin, struct coap_request *request, struct handle later,
	msec now)
{
	struct coap_response r;
	request->later = later;
	if (coap_serve_call(e, origin, request, &r, now) == COAP_ANSWER_NOW) {
		if (request->message->code == COAP_GET)
			validate(request->message, origin, &r);
		coap_answer_send(e, origin, &r, HANDLE_NONE, now);
	} else if (handle_is_none(later)) {
		coap_refuse_busy(e, origin, now); /* it cannot be answered later: the table was full */
	} else if (coap_separate_get(&e->separates, later) != NULL) {
		coap_separate_owe(&e->separates, later, coap_exchange_lifetime(&e->patience), now);
	}
}

/* ---- bodies in blocks ---- */

static msec body_deadline(const struct coap_endpoint *e, msec now)
{
	return msec_after(now, coap_max_transmit_wait(&e->patience));
}

static bool open_or_find(
	struct coap_endpoint *e, const struct coap_origin *o, msec now, struct handle *ret, enum coap_code *ret_refusal)
{
	struct handle h;
	bool is_first = o->block1.number == 0;
	bool has = coap_body_find(&e->bodies, COAP_BODY_REQUEST, &o->remote, o->transfer, &h);
	*ret_refusal = COAP_SERVICE_UNAVAILABLE;
	if (is_first &&
		!coap_body_open(&e->bodies, COAP_BODY_REQUEST, &o->remote, o->transfer, body_deadline(e, now), &h))
		return false;
	*ret_refusal = COAP_REQUEST_ENTITY_INCOMPLETE;
	if (!is_first && !has)
		return false;
	*ret = h;
	return true;
}

static void continue_body(struct coap_endpoint *e, struct coap_origin *origin, msec now)
{
	/* With the first block the server may say that it prefers smaller ones (RFC 7959 section 2.3). */
	if (origin->block1.number == 0 && coap_block_size(origin->block1.szx) > coap_block_size(e->szx))
		origin->block1.szx = e->szx;
	coap_answer_code(e, origin, COAP_CONTINUE, now);
}

/* One part of a body that the handler takes as it comes. */
static void receive_part(struct coap_endpoint *e, struct coap_origin *origin, struct coap_request *request,
	struct handle body, struct handle later, msec now)
{
	enum coap_body_verdict verdict = coap_body_pass(
		&e->bodies, body, coap_block_offset(origin->block1), request->body, body_deadline(e, now));
	switch (verdict) {
	case COAP_BODY_APPENDED:
		request->body_offset = coap_block_offset(origin->block1);
		request->body_is_last = !origin->block1.has_more;
		origin->is_part = origin->block1.has_more;
		if (!origin->block1.has_more)
			coap_body_close(&e->bodies, body);
		run(e, origin, request, later, now);
		return;
	case COAP_BODY_REPEATED:
		continue_body(e, origin, now);
		return;
	case COAP_BODY_GAP:
	case COAP_BODY_TOO_LARGE:
		coap_answer_code(e, origin, COAP_REQUEST_ENTITY_INCOMPLETE, now);
		return;
	}
}

/* One block of a body that is put together; the handler runs with the last (RFC 7959 section 2.5, atomic). */
static void receive_block(struct coap_endpoint *e, struct coap_origin *origin, struct coap_request *request,
	struct handle body, struct handle later, msec now)
{
	enum coap_body_verdict verdict = coap_body_append(
		&e->bodies, body, coap_block_offset(origin->block1), request->body, body_deadline(e, now));
	switch (verdict) {
	case COAP_BODY_APPENDED:
	case COAP_BODY_REPEATED:
		if (origin->block1.has_more) {
			continue_body(e, origin, now);
			return;
		}
		request->body = coap_body_bytes(&e->bodies, body);
		request->has_if_none_match |= coap_body_get(&e->bodies, body)->has_if_none_match;
		run(e, origin, request, later, now);
		coap_body_close(&e->bodies, body);
		return;
	case COAP_BODY_GAP:
		coap_answer_code(e, origin, COAP_REQUEST_ENTITY_INCOMPLETE, now);
		return;
	case COAP_BODY_TOO_LARGE:
		coap_body_close(&e->bodies, body);
		coap_refuse_too_large(e, origin, now);
		return;
	}
}

static void serve_block1(struct coap_endpoint *e, struct coap_origin *origin, struct coap_request *request,
	struct handle later, msec now)
{
	struct handle body;
	enum coap_code refusal;
	uint32_t size1;
	bool is_stream =
		origin->resource != COAP_DESCRIBE_DISCOVERY && e->config.resources[origin->resource].takes_stream;
	if (origin->block1.has_more && !coap_block_is_full(origin->block1, request->body.len)) {
		coap_answer_code(e, origin, COAP_BAD_REQUEST, now);
		return;
	}
	if (origin->block1.number == 0 && !origin->block1.has_more) {
		run(e, origin, request, later, now); /* it fits one block after all */
		return;
	}
	if (!is_stream && coap_message_uint(request->message, COAP_OPTION_SIZE1, &size1) &&
		size1 > e->config.parameters.body_size_max) {
		coap_refuse_too_large(e, origin, now);
		return;
	}
	if (!open_or_find(e, origin, now, &body, &refusal)) {
		if (refusal == COAP_SERVICE_UNAVAILABLE)
			coap_refuse_busy(e, origin, now);
		else
			coap_answer_code(e, origin, refusal, now);
		return;
	}
	if (origin->block1.number == 0)
		coap_body_get(&e->bodies, body)->has_if_none_match = request->has_if_none_match;
	if (is_stream)
		receive_part(e, origin, request, body, later, now);
	else
		receive_block(e, origin, request, body, later, now);
}

/* ---- observation ---- */

/* Whether the request says something about observation, and what: 0 registers, 1 ends it (RFC 7641 section 2). */
static bool says_observe(const struct coap_endpoint *e, const struct coap_message *m, const struct coap_origin *origin,
	uint32_t *ret_value)
{
	return coap_code_is_safe(m->code) && origin->resource != COAP_DESCRIBE_DISCOVERY &&
	       e->config.resources[origin->resource].is_observable &&
	       coap_message_uint(m, COAP_OPTION_OBSERVE, ret_value) &&
	       !(origin->has_block2 && origin->block2.number > 0);
}

/* Who registers again is told the latest state by the answer, and asks until it comes: a notification that still tries
 * is superseded (RFC 7641 section 4.5.2), and its long timeouts shall not hold back the next. */
static void supersede_notification(
	struct coap_endpoint *e, const struct coap_message *m, const struct coap_origin *origin, msec now)
{
	struct handle h;
	if (m->type != COAP_TYPE_CON || !coap_observer_find(&e->observers, &origin->remote, &origin->token, &h))
		return;
	struct handle pending = coap_observer_get(&e->observers, h)->pending;
	coap_retransmit_remove(&e->retransmit, pending);
	if (!handle_is_none(pending))
		coap_observer_settled(&e->observers, h, now);
}

/* RFC 7641 section 4.1. A registration that finds no room is answered like a plain GET. */
static void read_observe(struct coap_endpoint *e, const struct coap_message *m, struct bytes datagram,
	struct coap_origin *origin, msec now)
{
	uint32_t value;
	if (!says_observe(e, m, origin, &value))
		return;
	if (value == 0) {
		supersede_notification(e, m, origin, now);
		if (!coap_observer_add(&e->observers, &origin->remote, &origin->token, origin->resource, datagram, now,
			    &origin->observer))
			e->counters.refused_full++;
	} else if (value == 1) {
		struct handle h;
		if (coap_observer_find(&e->observers, &origin->remote, &origin->token, &h))
			coap_endpoint_forget_observer(e, h);
	}
}

/* ---- proof of address and age ---- */

/* RFC 9175 section 2.3. */
static bool is_stale(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	if (origin->resource == COAP_DESCRIBE_DISCOVERY || coap_code_is_safe(origin->method))
		return false;
	msec within = e->config.resources[origin->resource].fresh_within;
	return within > 0 && origin->echo_age > within;
}

/* Whether the request has to come again with an Echo before anything is done for it. */
static bool must_prove(
	struct coap_endpoint *e, const struct coap_message *m, const struct coap_origin *origin, msec now)
{
	uint32_t value;
	bool is_secure = coap_remote_is_secure(&origin->remote);
	bool registers = !is_secure && says_observe(e, m, origin, &value) && value == 0;
	/* A burst of blocks is for nobody who has not asked for it (RFC 9177 section 11). Blocks that come from where a
	 * session has moved to cause none, and must not begin anew. */
	bool is_burst = origin->uses_qblock && !(origin->has_block1 && is_secure);
	return is_stale(e, origin) || ((registers || is_burst) && !coap_amplification_is_known(e, origin, now));
}

/* ---- groups ---- */

/* RFC 7252 section 8.2 and RFC 7959 section 2.8: what goes to many fits one datagram. The list of links is what
 * discovery by multicast is for (RFC 7252 section 7.2). */
static bool hears_group(const struct coap_endpoint *e, const struct coap_origin *origin)
{
	enum coap_group_role role = COAP_GROUP_TELLS;
	if (origin->resource != COAP_DESCRIBE_DISCOVERY)
		role = e->config.resources[origin->resource].group;
	return role == COAP_GROUP_OBEYS ? !origin->has_block1
					: role == COAP_GROUP_TELLS && coap_code_is_safe(origin->method);
}

/* A repetition is not answered twice, not even where a second run would be harmless: there may be a thousand of us. */
static bool is_new_to_group(
	struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	struct bytes reply;
	struct handle h;
	if (coap_dedup_find(&e->dedup, from, m->id, now, &reply)) {
		e->counters.duplicates++;
		return false;
	}
	if (coap_dedup_add(&e->dedup, from, m->id, false, now, &h))
		return true;
	e->counters.refused_full++;
	return false;
}

/* ---- a request ---- */

static bool was_seen(struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m, msec now)
{
	struct bytes reply = BYTES_NONE;
	struct handle owed;
	bool is_confirmable = m->type == COAP_TYPE_CON;
	if (coap_remote_is_reliable(from))
		return false;
	if (coap_separate_find(&e->separates, from, m->id, &owed)) {
		if (is_confirmable)
			coap_answer_promise(e, owed, now);
	} else if (m->code != COAP_GET && coap_dedup_find(&e->dedup, from, m->id, now, &reply)) {
		if (reply.len > 0)
			coap_outbound_send(e, from, reply, now);
	} else {
		return false;
	}
	e->counters.duplicates++;
	return true;
}

/* Whether it is not a request of its own, but asks for the rest of the response to one that has run. A FETCH that
 * repeats its body is answered afresh. */
static bool asks_on(const struct coap_origin *origin, const struct coap_message *m)
{
	return m->code != COAP_GET && !origin->uses_qblock && origin->has_block2 && origin->block2.number > 0 &&
	       (m->payload.len == 0 || !coap_code_is_safe(m->code));
}

/* An idempotent request to a resource that allows it runs again when it comes again (RFC 7252 section 4.5), but one
 * with a condition does not: its first run may have changed what the condition is about. */
static bool is_single(struct coap_block block)
{
	return block.number == 0 && !block.has_more;
}

static bool may_repeat(const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_message *m)
{
	if (coap_code_is_safe(origin->method))
		return true;
	return coap_code_is_idempotent(origin->method) && origin->resource != COAP_DESCRIBE_DISCOVERY &&
	       e->config.resources[origin->resource].may_repeat && !coap_message_has(m, COAP_OPTION_IF_MATCH) &&
	       !coap_message_has(m, COAP_OPTION_IF_NONE_MATCH);
}

/* Which requests are kept in mind, so that a repetition does nothing. That is all with an effect, but of a body in
 * blocks only the first block, which would begin the transfer anew, and the last, with which the handler runs: the
 * others are told by their place in the body. */
static bool must_not_repeat(
	const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_message *m)
{
	if (origin->has_block1 && origin->uses_qblock)
		return is_single(origin->block1); /* several are told apart by coap/qrequest.h */
	if (origin->has_block1)
		return origin->block1.number == 0 || !origin->block1.has_more;
	return !may_repeat(e, origin, m);
}

static bool remember(struct coap_endpoint *e, struct coap_origin *origin, const struct coap_message *m, msec now)
{
	return origin->is_group || coap_remote_is_reliable(&origin->remote) || !must_not_repeat(e, origin, m) ||
	       coap_dedup_add(&e->dedup, &origin->remote, origin->id, origin->is_confirmable, now, &origin->dedup);
}

/* The refusal is the answer to this message (RFC 7252 section 4.5): a copy of it that comes when the address has been
 * proven must not run beside the request that the client sent in its place. */
static void challenge(struct coap_endpoint *e, struct coap_origin *origin, const struct coap_message *m, msec now)
{
	struct coap_response r;
	if (!remember(e, origin, m, now)) {
		coap_refuse_busy(e, origin, now);
		return;
	}
	coap_amplification_challenge(e, origin, &r, now);
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}

/* RFC 8768 section 3. */
static bool has_hops_left(const struct coap_message *m)
{
	uint32_t hops;
	return !coap_message_has(m, COAP_OPTION_HOP_LIMIT) ||
	       (coap_message_uint(m, COAP_OPTION_HOP_LIMIT, &hops) && hops >= 1 && hops <= 255);
}

/* It asks on for a response that is not there any more, and must not run again or lacks its body. Also the first block
 * may be missing: then it asks for that alone, non-confirmably and without a body (RFC 9177 section 4.4). */
static bool is_lost_reply(const struct coap_origin *origin, const struct coap_message *m)
{
	bool misses_first = !origin->is_confirmable && !origin->block2.has_more && m->payload.len == 0;
	return !origin->has_block1 && origin->has_block2 && m->code != COAP_GET &&
	       (origin->block2.number > 0 || misses_first) && (!coap_code_is_safe(m->code) || m->payload.len == 0);
}

static void serve_qblock1(struct coap_endpoint *e, struct bytes datagram, struct coap_origin *origin,
	struct coap_request *request, struct handle later, msec now)
{
	const struct coap_message *m = request->message;
	struct bytes body = m->payload;
	bool is_whole = is_single(origin->block1) && coap_message_has(m, COAP_OPTION_SIZE1) &&
			coap_message_has(m, COAP_OPTION_REQUEST_TAG);
	if (!is_whole && !coap_qrequest_receive(e, origin, m, now, &body))
		return;
	/* What is kept of an observer is one message; with a longer request it is answered and not observed. */
	if (is_whole)
		read_observe(e, m, datagram, origin, now);
	request->observer = origin->observer;
	request->body = body;
	run(e, origin, request, later, now);
	coap_qrequest_ran(e, origin);
}

static bool is_known_method(enum coap_code code)
{
	return code >= COAP_GET && code <= COAP_IPATCH;
}

/* RFC 7252 section 5.7.2. The host of a request to a group is the group's name, not ours. */
static bool is_for_another(
	const struct coap_endpoint *e, const struct coap_origin *origin, const struct coap_message *m)
{
	return !e->has_proxy &&
	       (coap_forward_is_asked(m) || (!origin->is_group && !coap_host_is_own(&e->config.hosts, m)));
}

static void serve_new(struct coap_endpoint *e, struct bytes datagram, struct coap_message *m,
	struct coap_origin *origin, bool blocks_are_right, struct handle later, msec now)
{
	struct coap_request request;
	if (is_for_another(e, origin, m)) {
		coap_answer_code(e, origin, COAP_PROXYING_NOT_SUPPORTED, now);
	} else if (!coap_describe_request(e, m, origin, &request)) {
		coap_answer_code(e, origin, COAP_NOT_FOUND, now);
	} else if (!is_known_method(m->code)) {
		coap_answer_code(e, origin, COAP_METHOD_NOT_ALLOWED, now);
	} else if (!blocks_are_right || !has_hops_left(m)) {
		origin->has_block1 = origin->has_block2 = false;
		coap_answer_code(e, origin, COAP_BAD_REQUEST, now);
	} else if (origin->is_group && (origin->uses_qblock || !hears_group(e, origin))) { /* RFC 9177 section 4.8 */
		return;
	} else if (must_prove(e, m, origin, now)) {
		challenge(e, origin, m, now);
	} else if (asks_on(origin, m)) {
		if (!coap_answer_from_kept(e, origin, now))
			coap_answer_code(e, origin, COAP_REQUEST_ENTITY_INCOMPLETE, now);
	} else if (origin->uses_qblock && !origin->has_block1 && coap_qreply_goes_on(e, origin, m, now)) {
		return;
	} else if (origin->uses_qblock && is_lost_reply(origin, m)) {
		coap_answer_code(e, origin, COAP_REQUEST_ENTITY_INCOMPLETE, now);
	} else if (!remember(e, origin, m, now)) {
		coap_refuse_busy(e, origin, now);
	} else if (origin->has_block1 && origin->uses_qblock) {
		serve_qblock1(e, datagram, origin, &request, later, now);
	} else if (origin->has_block1) {
		serve_block1(e, origin, &request, later, now);
	} else {
		if (!origin->is_group)
			read_observe(e, m, datagram, origin, now);
		request.observer = origin->observer;
		run(e, origin, &request, later, now);
	}
}

static void serve(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, bool is_group, msec now)
{
	struct handle later = HANDLE_NONE;
	uint16_t offending;
	uint32_t retry_s;
	coap_forward_localise(e, m);
	struct coap_separate *place = coap_separate_reserve(&e->separates, &later);
	struct coap_origin *origin = place != NULL ? &place->origin : &e->spare.origin;
	bool blocks_are_right = coap_describe_origin(e, from, m, origin);
	origin->is_group = is_group;
	coap_amplification_read(e, m, datagram.len, origin, now);
	if (!coap_ratelimit_take(&e->ratelimit, from, now, &retry_s))
		coap_refuse_too_many(e, origin, retry_s, now);
	else if (coap_describe_recognise(e, from, m, &offending))
		serve_new(e, datagram, m, origin, blocks_are_right, later, now);
	else if (m->type == COAP_TYPE_CON || coap_remote_is_reliable(from))
		coap_refuse_option(e, m, origin, offending, now);
	coap_separate_release(&e->separates);
}

void coap_serve_request(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, msec now)
{
	if (!was_seen(e, from, m, now))
		serve(e, from, datagram, m, false, now);
}

void coap_serve_group(struct coap_endpoint *e, const struct coap_remote *from, struct bytes datagram,
	struct coap_message *m, msec now)
{
	if (!coap_remote_has_session(from) && is_new_to_group(e, from, m, now))
		serve(e, from, datagram, m, true, now);
}
