/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/proxy.h"

#include "coap/proxy_ask.h"
#include "coap/proxy_response.h"

/* ---- life ---- */

static void layout(struct coap_proxy *p, struct carve *c, const struct coap_proxy_config *config)
{
	slab_carve(&p->slab, c, config->calls);
	slab_carve(&p->bodies, c, config->bodies);
	hash_index_carve(&p->observers, c, config->calls);
	deadlines_carve(&p->deadlines, c, config->calls);
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
	if (p->config.wait == 0)
		p->config.wait = COAP_PROXY_WAIT;
	p->endpoint = endpoint;
	p->cached = cached;
	p->counters = (struct coap_proxy_counters){0};
	layout(p, &c, config);
}

/* ---- what clients ask ---- */

static bool count_hop(struct coap_proxy *p, const struct coap_request *request, struct coap_options *options,
	struct coap_response *ret)
{
	if (coap_proxied_count_hop(request->message, p->config.hop_limit, options))
		return true;
	p->counters.hops_exceeded++;
	coap_proxy_response_refuse(ret, COAP_HOP_LIMIT_REACHED, p->config.name);
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
		return coap_proxy_ask_latest(p, request, ret, now);
	p->counters.requests++;
	enum coap_code refusal = coap_proxied_read_uri(request->message, &uri);
	bool has_address = refusal == COAP_EMPTY && coap_uri_address(&uri, &to.address);
	if (has_address)
		why = coap_proxy_ask_obstacle(p, &to.address);
	if (refusal != COAP_EMPTY || why != NULL) {
		p->counters.refused++;
		coap_proxy_response_refuse(ret, refusal != COAP_EMPTY ? refusal : COAP_PROXYING_NOT_SUPPORTED,
			why != NULL ? why : "the proxy reaches coap://host[:port]/path only");
	} else if (!coap_proxied_options(request->message, &uri, &room, &options)) {
		coap_proxy_response_refuse(ret, COAP_BAD_OPTION, "the options are too long to be passed on");
	} else if (count_hop(p, request, &options, ret)) {
		return coap_proxy_ask_pass_on(p, request, has_address ? NULL : &uri, &to, NULL, &options, ret, now);
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
		return coap_proxy_ask_latest(p, request, ret, now);
	p->counters.requests++;
	while (coap_message_next(request->message, COAP_OPTION_URI_PATH, &cursor, &segment))
		own++;
	own -= request->rest_count;
	if (!coap_proxied_route_options(request->message, own, route->base, route->host, &options)) {
		coap_proxy_response_refuse(ret, COAP_BAD_OPTION, "the options are too many to be passed on");
		return COAP_ANSWER_NOW;
	}
	if (!count_hop(p, request, &options, ret))
		return COAP_ANSWER_NOW;
	return coap_proxy_ask_pass_on(p, request, NULL, &route->to, route, &options, ret, now);
}

/* ---- as resources ---- */

/* The observer has gone. While the first answer is owed the request goes on as a plain one. */
static void forget(struct coap_proxy *p, struct handle observer)
{
	struct handle h;
	if (!coap_proxy_call_find_observer(p, observer, &h))
		return;
	if (!handle_is_none(p->calls[h.slot].later))
		coap_proxy_call_set_observer(p, h, HANDLE_NONE);
	else
		coap_proxy_call_drop(p, h, coap_endpoint_now(p->endpoint));
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
