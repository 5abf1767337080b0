/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A call is one client's request under way, or one observer. It lives as long as an answer is owed to it or it watches:
 *
 *     taken --> (the host's name is resolved) --> asked --> answered --> released
 *                                                   |                        ^
 *                                                   +--> watching -----------+  the observer is forgotten, or has been
 *                                                                               told the end
 *
 * Invariants: a call with a waiter hears from the layer below, once with a final outcome or until it leaves; a call
 * with an observer is in the index of observers, and the endpoint tells when that one is forgotten. */
#include "coap/proxy.h"

#include "coap/content_format.h"

#include <assert.h>

#define NO_BODY UINT32_MAX
/* After a refusal for want of room the client waits this long (RFC 7252 section 5.9.3.4). */
#define BUSY_MAX_AGE_S 5
/* The blocks of one body come from one stored response even if it goes stale between them. */
#define TRANSFER_GRACE SECONDS(30)

struct coap_proxy_call {
	struct coap_proxy *proxy;
	const struct coap_proxy_route *route; /* NULL through the forward proxy */
	struct handle later;                  /* the answer owed to the client; HANDLE_NONE once given */
	struct handle observer;
	struct handle waiter;
	struct coap_remote to;
	enum coap_code method;
	enum coap_code end; /* what its observer is to be told last; COAP_EMPTY while all is well */
	uint32_t body;      /* slot of its body */
	uint32_t body_len;
	uint16_t options_len;
	uint8_t options[COAP_PROXY_OPTIONS_MAX_BYTES];
};

/* ---- life ---- */

static void layout(struct coap_proxy *p, struct carve *c, const struct coap_proxy_config *config)
{
	slab_carve(&p->slab, c, config->calls);
	slab_carve(&p->bodies, c, config->bodies);
	hash_index_carve(&p->observers, c, config->calls);
	p->calls = carve_take(c, config->calls, sizeof *p->calls);
	p->body_store = carve_take(c, config->bodies, config->body_size_max);
}

size_t coap_proxy_memory(const struct coap_proxy_config *config)
{
	struct coap_proxy p;
	struct carve c = {NULL, 0};
	layout(&p, &c, config);
	return c.used;
}

void coap_proxy_init(struct coap_proxy *p, void *memory, const struct coap_proxy_config *config,
	struct coap_endpoint *endpoint, struct coap_cached *cached)
{
	struct carve c = {memory, 0};
	p->config = *config;
	p->endpoint = endpoint;
	p->cached = cached;
	p->counters = (struct coap_proxy_counters){0};
	layout(p, &c, config);
}

/* ---- calls ---- */

static uint64_t observer_hash(struct handle observer)
{
	return bytes_hash(bytes_of(&observer, sizeof observer), 0);
}

static bool find_observer(const struct coap_proxy *p, struct handle observer, struct handle *ret)
{
	for (uint32_t slot = hash_index_first(&p->observers, observer_hash(observer)); slot != HASH_INDEX_END;
		slot = hash_index_next(&p->observers, slot)) {
		if (handle_equal(p->calls[slot].observer, observer)) {
			*ret = slab_handle(&p->slab, slot);
			return true;
		}
	}
	return false;
}

static void set_observer(struct coap_proxy *p, struct handle h, struct handle observer)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	if (!handle_is_none(call->observer))
		hash_index_remove(&p->observers, observer_hash(call->observer), h.slot);
	call->observer = observer;
	if (!handle_is_none(observer))
		hash_index_add(&p->observers, observer_hash(observer), h.slot);
}

static void release(struct coap_proxy *p, struct handle h)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	set_observer(p, h, HANDLE_NONE);
	if (call->body != NO_BODY)
		slab_give(&p->bodies, slab_handle(&p->bodies, call->body));
	slab_give(&p->slab, h);
}

/* Nobody wants its answer any more. */
static void drop(struct coap_proxy *p, struct handle h, msec now)
{
	coap_cached_leave(p->cached, p->calls[h.slot].waiter, now);
	release(p, h);
}

static struct handle handle_of(struct coap_proxy *p, const struct coap_proxy_call *call)
{
	return slab_handle(&p->slab, (uint32_t)(call - p->calls));
}

/* ---- responses ---- */

static void refuse(struct coap_response *ret, enum coap_code code, const char *why)
{
	ret->code = code;
	ret->payload = bytes_of_text(why);
	if (code == COAP_SERVICE_UNAVAILABLE)
		ret->max_age_s = BUSY_MAX_AGE_S;
}

static void preset(struct coap_response *r)
{
	*r = (struct coap_response){.code = COAP_INTERNAL_SERVER_ERROR,
		.content_format = COAP_FORMAT_NONE,
		.max_age_s = COAP_MAX_AGE_DEFAULT_S};
}

/* Whether the Location begins with the path that the route's prefix stands for, and behind how many segments. */
static bool is_below(const struct coap_options *location, const char *base, unsigned *ret_segments)
{
	struct coap_options wanted = {.count = 0};
	coap_options_add_path(&wanted, COAP_OPTION_LOCATION_PATH, bytes_of_text(base));
	if (location->count < wanted.count)
		return false;
	for (unsigned i = 0; i < wanted.count; i++) {
		struct coap_option a = coap_options_at(&wanted, i), b = coap_options_at(location, i);
		if (b.number != COAP_OPTION_LOCATION_PATH || !bytes_equal(a.value, b.value))
			return false;
	}
	*ret_segments = wanted.count;
	return true;
}

/* RFC 7252 section 5.7.3: what the server calls its path is the prefix's here. */
static void translate_location(const struct coap_proxy_route *route, struct coap_options *options)
{
	struct coap_options location = {.count = 0};
	unsigned skip;
	for (unsigned i = 0; i < options->count; i++) {
		struct coap_option option = coap_options_at(options, i);
		if (option.number == COAP_OPTION_LOCATION_PATH)
			coap_options_add(&location, option.number, option.value);
	}
	if (location.count == 0 || !is_below(&location, route->base, &skip))
		return;
	coap_options_remove(options, COAP_OPTION_LOCATION_PATH);
	coap_options_add_path(options, COAP_OPTION_LOCATION_PATH, bytes_of_text(route->prefix));
	for (unsigned i = skip; i < location.count; i++)
		coap_options_add(options, COAP_OPTION_LOCATION_PATH, coap_options_at(&location, i).value);
}

/* The words between blanks of a 5.08 name the proxies it has passed (RFC 8768 section 4). */
static bool names(struct bytes payload, struct bytes name)
{
	size_t begin = 0;
	for (size_t at = 0; at <= payload.len; at++) {
		if (at < payload.len && payload.data[at] != ' ')
			continue;
		if (bytes_equal(bytes_of(payload.data + begin, at - begin), name))
			return true;
		begin = at + 1;
	}
	return false;
}

static void sign_loop(struct coap_proxy *p, struct coap_response *r)
{
	struct bytes name = bytes_of_text(p->config.name);
	struct writer w = writer_of(p->text, sizeof p->text);
	if (names(r->payload, name)) {
		preset(r);
		refuse(r, COAP_BAD_GATEWAY, "the request runs in a loop through this proxy");
		return;
	}
	write_bytes(&w, name);
	if (r->payload.len > 0)
		write_text(&w, " ");
	write_bytes(&w, r->payload);
	if (!w.failed)
		r->payload = writer_bytes(&w);
}

static void fill(struct coap_proxy *p, const struct coap_proxy_route *route, const struct coap_cache_response *from,
	struct coap_response *ret)
{
	struct reader r = reader_of(from->options);
	struct coap_option option = {.number = 0};
	ret->code = from->code;
	ret->content_format = from->content_format;
	ret->payload = from->body;
	memcpy(p->etag, from->etag, sizeof p->etag); /* the response is written when `from` is gone */
	ret->etag = bytes_of(p->etag, from->etag_len);
	ret->max_age_s = from->max_age_s;
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(&ret->options, option.number, option.value);
	if (route != NULL)
		translate_location(route, &ret->options);
	if (from->code == COAP_HOP_LIMIT_REACHED)
		sign_loop(p, ret);
}

/* RFC 7252 section 5.10.6.2: the client has this one already. */
static void validate(const struct coap_proxy_call *call, struct coap_response *r)
{
	struct reader reader = reader_of(bytes_of(call->options, call->options_len));
	struct coap_option option = {.number = 0};
	if (r->code != COAP_CONTENT || r->etag.len == 0 || !handle_is_none(call->observer))
		return;
	while (coap_option_read(&reader, &option) == COAP_OPTION_STEP_OPTION) {
		if (option.number != COAP_OPTION_ETAG || !bytes_equal(option.value, r->etag))
			continue;
		r->code = COAP_VALID;
		r->payload = BYTES_NONE;
		return;
	}
}

static void translate(
	const struct coap_proxy_call *call, const struct coap_cached_answer *answer, struct coap_response *ret)
{
	preset(ret);
	switch (answer->outcome) {
	case COAP_OUTCOME_RESPONSE:
	case COAP_OUTCOME_NOTIFICATION:
		fill(call->proxy, call->route, &answer->response, ret);
		validate(call, ret);
		break;
	case COAP_OUTCOME_TIMEOUT:
		refuse(ret, COAP_GATEWAY_TIMEOUT, "the server does not answer");
		break;
	case COAP_OUTCOME_RESET:
	case COAP_OUTCOME_LOST:
		refuse(ret, COAP_BAD_GATEWAY, "the server rejects the request");
		break;
	case COAP_OUTCOME_MEMBER:
	case COAP_OUTCOME_BLOCK: /* only to those who fetch blocks themselves */
	case COAP_OUTCOME_BROKEN:
		refuse(ret, COAP_BAD_GATEWAY, "the server's answer cannot be used");
		break;
	}
}

/* ---- what the server says ---- */

/* The first answer to a client. An observer stays when this is a notification; else he is none any more, which the
 * endpoint must know before it writes the response. */
static void respond(struct coap_proxy *p, struct handle h, const struct coap_response *r, bool is_final, msec now)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	struct handle later = call->later, observer = call->observer;
	call->later = HANDLE_NONE;
	if (is_final) {
		release(p, h);
		coap_endpoint_forget_observer(p->endpoint, observer);
	}
	(void)coap_endpoint_respond(p->endpoint, later, r, now);
}

static void on_answer(void *context, struct coap_endpoint *endpoint, const struct coap_cached_answer *answer, msec now)
{
	struct coap_proxy_call *call = context;
	struct coap_proxy *p = call->proxy;
	struct handle h = handle_of(p, call), observer = call->observer;
	bool is_final = answer->outcome != COAP_OUTCOME_NOTIFICATION;
	struct coap_response r;
	(void)endpoint;
	translate(call, answer, &r);
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

/* ---- asking ---- */

static void restore_options(const struct coap_proxy_call *call, struct coap_options *ret)
{
	struct reader r = reader_of(bytes_of(call->options, call->options_len));
	struct coap_option option = {.number = 0};
	coap_options_clear(ret);
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		coap_options_add(ret, option.number, option.value);
}

static struct bytes body_of(const struct coap_proxy *p, const struct coap_proxy_call *call)
{
	if (call->body == NO_BODY)
		return BYTES_NONE;
	return bytes_of(p->body_store + (size_t)call->body * p->config.body_size_max, call->body_len);
}

static enum coap_cached_result ask(struct coap_proxy *p, struct handle h, msec now, struct coap_cached_answer *ret)
{
	struct coap_proxy_call *call = &p->calls[h.slot];
	struct coap_options options;
	restore_options(call, &options);
	struct coap_cached_call request = {.call = {.to = call->to,
						   .method = call->method,
						   .options = &options,
						   .body = body_of(p, call),
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
static const char *obstacle(const struct coap_proxy *p, const struct address *to)
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
	const char *why = found != NULL ? obstacle(p, found) : NULL;
	preset(&r);
	if (found == NULL) {
		refuse(&r, COAP_BAD_GATEWAY, "the host is not known");
	} else if (why != NULL) {
		p->counters.refused++;
		refuse(&r, COAP_PROXYING_NOT_SUPPORTED, why);
	} else {
		call->to = (struct coap_remote){*found, HANDLE_NONE};
		switch (ask(p, ticket, now, &answer)) {
		case COAP_CACHED_LATER:
			return;
		case COAP_CACHED_NOW:
			translate(call, &answer, &r);
			respond(p, ticket, &r, handle_is_none(call->waiter), now);
			return;
		case COAP_CACHED_FULL:
			refuse(&r, COAP_SERVICE_UNAVAILABLE, "too much is under way");
			break;
		}
	}
	respond(p, ticket, &r, true, now);
}

/* ---- what clients ask ---- */

static bool keep_body(struct coap_proxy *p, struct coap_proxy_call *call, struct bytes body)
{
	struct handle h;
	if (body.len == 0)
		return true;
	if (body.len > p->config.body_size_max || !slab_take(&p->bodies, &h))
		return false;
	memcpy(p->body_store + (size_t)h.slot * p->config.body_size_max, body.data, body.len);
	call->body = h.slot;
	call->body_len = (uint32_t)body.len;
	return true;
}

/* Takes a call for this request. False, with the refusal filled in, when that is not possible. */
static bool take_call(struct coap_proxy *p, const struct coap_request *request, const struct coap_options *options,
	struct handle *ret_call, struct coap_response *ret)
{
	if (!slab_take(&p->slab, ret_call)) {
		refuse(ret, COAP_SERVICE_UNAVAILABLE, "too much is under way");
		return false;
	}
	struct coap_proxy_call *call = &p->calls[ret_call->slot];
	struct writer w = writer_of(call->options, sizeof call->options);
	*call = (struct coap_proxy_call){
		.proxy = p, .later = request->later, .method = request->message->code, .body = NO_BODY};
	coap_options_write(&w, options);
	call->options_len = (uint16_t)writer_bytes(&w).len;
	if (w.failed)
		refuse(ret, COAP_BAD_OPTION, "the options are too long to be passed on");
	else if (keep_body(p, call, request->body))
		return true;
	else
		refuse(ret, COAP_SERVICE_UNAVAILABLE, "too many bodies are under way");
	slab_give(&p->slab, *ret_call);
	return false;
}

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
		drop(p, h, now); /* it could not be answered: the endpoint says so */
		return COAP_ANSWER_LATER;
	case COAP_CACHED_NOW:
		call->later = HANDLE_NONE;
		fill(p, call->route, &answer.response, ret);
		if (handle_is_none(call->waiter))
			release(p, h);
		return COAP_ANSWER_NOW;
	case COAP_CACHED_FULL:
		release(p, h);
		refuse(ret, COAP_SERVICE_UNAVAILABLE, "too much is under way");
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
	fill(p, route, &stored, ret);
	return true;
}

static enum coap_answer notify(
	struct coap_proxy *p, const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct handle h;
	struct coap_cached_answer answer;
	if (!find_observer(p, request->observer, &h)) {
		refuse(ret, COAP_SERVICE_UNAVAILABLE, "the observation has ended");
		return COAP_ANSWER_NOW;
	}
	struct coap_proxy_call *call = &p->calls[h.slot];
	if (!handle_is_none(call->later))
		return COAP_ANSWER_LATER; /* the first answer is still to come */
	if (call->end != COAP_EMPTY)
		refuse(ret, call->end, "the observation has ended");
	else if (coap_cached_latest(p->cached, call->waiter, now, &answer))
		fill(p, call->route, &answer.response, ret);
	else
		refuse(ret, COAP_SERVICE_UNAVAILABLE, "the state is too large to be kept");
	return COAP_ANSWER_NOW;
}

/* Passes a request on whose options are gathered. A renewed registration takes the place of the old one, whose
 * observation is left last, so that it need not begin anew. */
static enum coap_answer pass_on(struct coap_proxy *p, const struct coap_request *request, const struct coap_uri *name,
	const struct coap_remote *to, const struct coap_proxy_route *route, const struct coap_options *options,
	struct coap_response *ret, msec now)
{
	struct handle h, old;
	enum coap_answer result = COAP_ANSWER_LATER;
	if (name == NULL && continue_body(p, request, to, route, options, ret, now))
		return COAP_ANSWER_NOW;
	if (!take_call(p, request, options, &h, ret))
		return COAP_ANSWER_NOW;
	bool was_observer = !handle_is_none(request->observer) && find_observer(p, request->observer, &old);
	p->calls[h.slot].to = *to;
	p->calls[h.slot].route = route;
	set_observer(p, h, request->observer);
	if (name == NULL) {
		result = launch(p, h, request, ret, now);
	} else if (handle_is_none(request->later)) {
		release(p, h);
	} else if (p->config.resolve == NULL || !p->config.resolve(p->config.context, name->host, name->port, h)) {
		release(p, h);
		refuse(ret, COAP_BAD_GATEWAY, "names cannot be resolved here; use an address");
		result = COAP_ANSWER_NOW;
	}
	if (was_observer)
		drop(p, old, now);
	return result;
}

static bool count_hop(struct coap_proxy *p, const struct coap_request *request, struct coap_options *options,
	struct coap_response *ret)
{
	if (coap_proxied_count_hop(request->message, p->config.hop_limit, options))
		return true;
	p->counters.hops_exceeded++;
	refuse(ret, COAP_HOP_LIMIT_REACHED, p->config.name);
	return false;
}

static enum coap_answer handle_forward(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coap_proxy *p = context;
	struct coap_uri uri;
	struct coap_options options;
	struct coap_remote to = {.session = HANDLE_NONE};
	struct writer room = writer_of(p->values, sizeof p->values);
	const char *why = NULL;
	(void)endpoint;
	if (request->is_notification)
		return notify(p, request, ret, now);
	p->counters.requests++;
	enum coap_code refusal = coap_proxied_read_uri(request->message, &uri);
	bool has_address = refusal == COAP_EMPTY && coap_uri_address(&uri, &to.address);
	if (has_address)
		why = obstacle(p, &to.address);
	if (refusal != COAP_EMPTY || why != NULL) {
		p->counters.refused++;
		refuse(ret, refusal != COAP_EMPTY ? refusal : COAP_PROXYING_NOT_SUPPORTED,
			why != NULL ? why : "the proxy reaches coap://host[:port]/path only");
	} else if (!coap_proxied_options(request->message, &uri, &room, &options)) {
		refuse(ret, COAP_BAD_OPTION, "the options are too long to be passed on");
	} else if (count_hop(p, request, &options, ret)) {
		return pass_on(p, request, has_address ? NULL : &uri, &to, NULL, &options, ret, now);
	}
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_route(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	const struct coap_proxy_route *route = context;
	struct coap_proxy *p = route->proxy;
	struct coap_options options;
	struct bytes segment;
	unsigned own = 0, cursor = 0;
	(void)endpoint;
	if (request->is_notification)
		return notify(p, request, ret, now);
	p->counters.requests++;
	while (coap_message_next(request->message, COAP_OPTION_URI_PATH, &cursor, &segment))
		own++;
	own -= request->rest_count;
	if (!coap_proxied_route_options(request->message, own, route->base, route->host, &options)) {
		refuse(ret, COAP_BAD_OPTION, "the options are too many to be passed on");
		return COAP_ANSWER_NOW;
	}
	if (!count_hop(p, request, &options, ret))
		return COAP_ANSWER_NOW;
	return pass_on(p, request, NULL, &route->to, route, &options, ret, now);
}

/* ---- as resources ---- */

/* The observer has gone. While the first answer is owed the request goes on as a plain one. */
static void forget(struct coap_proxy *p, struct handle observer)
{
	struct handle h;
	if (!find_observer(p, observer, &h))
		return;
	if (!handle_is_none(p->calls[h.slot].later))
		set_observer(p, h, HANDLE_NONE);
	else
		drop(p, h, coap_endpoint_now(p->endpoint));
}

static void forget_forward(void *context, struct handle observer)
{
	forget(context, observer);
}

static void forget_route(void *context, struct handle observer)
{
	const struct coap_proxy_route *route = context;
	forget(route->proxy, observer);
}

static bool is_own(const struct coap_proxy *p, const struct coap_uri *uri)
{
	struct address address;
	if (uri->host.len == 0)
		return true;
	if (!coap_uri_address(uri, &address))
		return false;
	for (uint32_t i = 0; i < p->config.own_count; i++)
		if (address_equal(&p->config.own[i], &address))
			return true;
	return false;
}

static void localise(void *context, struct coap_message *m)
{
	struct coap_proxy *p = context;
	struct coap_uri uri;
	struct writer room = writer_of(p->local_values, sizeof p->local_values);
	if (coap_proxied_read_uri(m, &uri) == COAP_EMPTY && is_own(p, &uri))
		(void)coap_proxied_localise(m, &uri, &room, &p->local);
}

struct coap_resource coap_proxy_resource(struct coap_proxy *p)
{
	return (struct coap_resource){.path = "",
		.is_proxy = true,
		.passes_options = true,
		.is_observable = true,
		.is_hidden = true,
		.handle = handle_forward,
		.forget = forget_forward,
		.localise = localise,
		.context = p};
}

struct coap_resource coap_proxy_route_resource(struct coap_proxy_route *route)
{
	return (struct coap_resource){.path = route->prefix,
		.is_subtree = true,
		.passes_options = true,
		.is_observable = true,
		.is_hidden = true,
		.handle = handle_route,
		.forget = forget_route,
		.context = route};
}
