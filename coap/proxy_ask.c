/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/proxy_ask.h"

#include "coap/proxy_response.h"

/* The blocks of one body come from one stored response even if it goes stale between them. */
#define TRANSFER_GRACE SECONDS(30)

/* ---- what the server says ---- */

/* The first answer to a client. An observer stays when this is a notification; else he is none any more, which the
 * endpoint must know before it writes the response. */
static void respond(struct coap_proxy *p, struct handle h, const struct coap_response *r, bool is_final, msec now)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	struct handle later = call->later, observer = call->observer;
	coap_proxy_call_answered(p, h);
	if (is_final) {
		coap_proxy_call_release(p, h);
		coap_endpoint_forget_observer(p->endpoint, observer);
	}
	(void)coap_endpoint_respond(p->endpoint, later, r, now);
}

static void on_answer(void *context, struct coap_endpoint *endpoint, const struct coap_cached_answer *answer, msec now)
{
	struct coap_proxy_call *call = context;
	struct coap_proxy *p = call->proxy;
	struct handle h = coap_proxy_call_handle(p, call), observer = call->observer;
	bool is_final = answer->outcome != COAP_OUTCOME_NOTIFICATION;
	struct coap_response r;
	(void)endpoint;
	coap_proxy_response_translate(call, answer, &r);
	if (is_final)
		call->waiter = HANDLE_NONE;
	p->counters.timeouts += answer->outcome == COAP_OUTCOME_TIMEOUT;
	if (!handle_is_none(call->later)) {
		respond(p, h, &r, is_final, now);
	} else {
		/* A success that is no notification ends the observation as well. */
		if (is_final)
			call->end = coap_code_is_error(r.code) ? r.code : COAP_SERVICE_UNAVAILABLE;
		coap_endpoint_changed(p->endpoint, observer, is_final, now);
	}
}

/* ---- time ---- */

msec coap_proxy_deadline(const struct coap_proxy *p)
{
	return deadlines_next(&p->deadlines);
}

/* Leaving comes first: the request to the server may then end, and the turn goes to the next that waits for it. */
static void give_up(struct coap_proxy *p, struct handle h, msec now)
{
	struct coap_response r;
	coap_cached_leave(p->cached, p->calls[h.slot].waiter, now);
	p->counters.timeouts++;
	coap_proxy_response_preset(&r);
	coap_proxy_response_refuse(&r, COAP_GATEWAY_TIMEOUT, "the server does not answer in time");
	respond(p, h, &r, true, now);
}

void coap_proxy_tick(struct coap_proxy *p, msec now)
{
	uint32_t slot;
	while (deadlines_due(&p->deadlines, now, &slot))
		give_up(p, slab_handle(&p->slab, slot), now);
}

/* ---- asking ---- */

static enum coap_cached_result ask(struct coap_proxy *p, struct handle h, msec now, struct coap_cached_answer *ret)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	struct coap_options options;
	coap_proxy_call_options(call, &options);
	struct coap_cached_call request = {.call = {.to = call->to,
						   .method = call->method,
						   .options = &options,
						   .body = coap_proxy_call_body(p, call),
						   .observe = !handle_is_none(call->observer),
						   .is_forwarded = true},
		.answered = on_answer,
		.context = call};
	enum coap_cached_result result = coap_cached_request(p->cached, &request, now, &call->waiter, ret);
	p->counters.from_cache += result == COAP_CACHED_NOW;
	p->counters.forwarded += result == COAP_CACHED_LATER;
	return result;
}

/* Why this address must not be reached; NULL when it may. */
const char *coap_proxy_ask_obstacle(const struct coap_proxy *p, const struct address *to)
{
	if (address_is_multicast(to))
		return "this proxy does not reach groups";
	for (uint32_t i = 0; i < p->config.target_count; i++)
		if (coap_proxied_network_has(&p->config.targets[i], to))
			return NULL;
	return "this proxy may not reach that server";
}

void coap_proxy_resolved(struct coap_proxy *p, struct handle ticket, const struct address *found, msec now)
{
	struct coap_response r;
	struct coap_cached_answer answer;
	if (!slab_is_valid(&p->slab, ticket))
		return;
	struct coap_proxy_call *call = &p->calls[ticket.slot];
	const char *why = found != NULL ? coap_proxy_ask_obstacle(p, found) : NULL;
	coap_proxy_response_preset(&r);
	if (found == NULL) {
		coap_proxy_response_refuse(&r, COAP_BAD_GATEWAY, "the host is not known");
	} else if (why != NULL) {
		p->counters.refused++;
		coap_proxy_response_refuse(&r, COAP_PROXYING_NOT_SUPPORTED, why);
	} else {
		call->to = (struct coap_remote){*found, HANDLE_NONE};
		switch (ask(p, ticket, now, &answer)) {
		case COAP_CACHED_LATER:
			return;
		case COAP_CACHED_NOW:
			coap_proxy_response_translate(call, &answer, &r);
			respond(p, ticket, &r, handle_is_none(call->waiter), now);
			return;
		case COAP_CACHED_FULL:
			coap_proxy_response_refuse(&r, COAP_SERVICE_UNAVAILABLE, "too much is under way");
			break;
		}
	}
	respond(p, ticket, &r, true, now);
}

/* ---- what clients ask ---- */

/* Asks for a call whose target is known. */
static enum coap_answer launch(
	struct coap_proxy *p, struct handle h, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	struct coap_cached_answer answer;
	switch (ask(p, h, now, &answer)) {
	case COAP_CACHED_LATER:
		if (!handle_is_none(request->later))
			return COAP_ANSWER_LATER;
		coap_proxy_call_drop(p, h, now); /* it could not be answered: the endpoint says so */
		return COAP_ANSWER_LATER;
	case COAP_CACHED_NOW:
		coap_proxy_call_answered(p, h);
		coap_proxy_response_fill(p, call->route, &answer.response, ret);
		if (handle_is_none(call->waiter))
			coap_proxy_call_release(p, h);
		return COAP_ANSWER_NOW;
	case COAP_CACHED_FULL:
		coap_proxy_call_release(p, h);
		coap_proxy_response_refuse(ret, COAP_SERVICE_UNAVAILABLE, "too much is under way");
		return COAP_ANSWER_NOW;
	}
	return COAP_ANSWER_NOW;
}

/* The later blocks of a body that has been sent in part already. */
static bool continue_body(struct coap_proxy *p, const struct coap_request *request, const struct coap_remote *to,
	const struct coap_proxy_route *route, const struct coap_options *options, struct coap_response *ret, msec now)
{
	struct coap_cache_response stored;
	const struct coap_call call = {
		.to = *to, .method = request->message->code, .options = options, .body = request->body};
	if (request->slice_offset == 0 || !coap_cached_peek(p->cached, &call, TRANSFER_GRACE, now, &stored))
		return false;
	coap_proxy_response_fill(p, route, &stored, ret);
	return true;
}

enum coap_answer coap_proxy_ask_latest(
	struct coap_proxy *p, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct handle h;
	struct coap_cached_answer answer;
	if (!coap_proxy_call_find_observer(p, request->observer, &h)) {
		coap_proxy_response_refuse(ret, COAP_SERVICE_UNAVAILABLE, "the observation has ended");
		return COAP_ANSWER_NOW;
	}
	struct coap_proxy_call *call = &p->calls[h.slot];
	if (!handle_is_none(call->later))
		return COAP_ANSWER_LATER; /* the first answer is still to come */
	if (call->end != COAP_EMPTY)
		coap_proxy_response_refuse(ret, call->end, "the observation has ended");
	else if (coap_cached_latest(p->cached, call->waiter, now, &answer))
		coap_proxy_response_fill(p, call->route, &answer.response, ret);
	else
		coap_proxy_response_refuse(ret, COAP_SERVICE_UNAVAILABLE, "the state is too large to be kept");
	return COAP_ANSWER_NOW;
}

/* Passes a request on whose options are gathered. A renewed registration takes the place of the old one, whose
 * observation is left last, so that it need not begin anew. */
enum coap_answer coap_proxy_ask_pass_on(struct coap_proxy *p, const struct coap_request *request,
	const struct coap_uri *name, const struct coap_remote *to, const struct coap_proxy_route *route,
	const struct coap_options *options, struct coap_response *ret, msec now)
{
	struct handle h, old;
	enum coap_answer result = COAP_ANSWER_LATER;
	if (name == NULL && continue_body(p, request, to, route, options, ret, now))
		return COAP_ANSWER_NOW;
	if (!coap_proxy_call_take(p, request, options, now, &h, ret))
		return COAP_ANSWER_NOW;
	bool was_observer =
		!handle_is_none(request->observer) && coap_proxy_call_find_observer(p, request->observer, &old);
	p->calls[h.slot].to = *to;
	p->calls[h.slot].route = route;
	coap_proxy_call_set_observer(p, h, request->observer);
	if (name == NULL) {
		result = launch(p, h, request, ret, now);
	} else if (handle_is_none(request->later)) {
		coap_proxy_call_release(p, h);
	} else if (p->config.resolve == NULL || !p->config.resolve(p->config.context, name->host, name->port, h)) {
		coap_proxy_call_release(p, h);
		coap_proxy_response_refuse(ret, COAP_BAD_GATEWAY, "names cannot be resolved here; use an address");
		result = COAP_ANSWER_NOW;
	}
	if (was_observer)
		coap_proxy_call_drop(p, old, now);
	return result;
}
