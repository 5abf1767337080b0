/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/proxy_response.h"

#include "coap/content_format.h"

/* After a refusal for want of room the client waits this long (RFC 7252 section 5.9.3.4). */
#define BUSY_MAX_AGE_S 5

void coap_proxy_response_refuse(struct coap_response *ret, enum coap_code code, const char *why)
{
	ret->code = code;
	ret->payload = bytes_of_text(why);
	if (code == COAP_SERVICE_UNAVAILABLE)
		ret->max_age_s = BUSY_MAX_AGE_S;
}

void coap_proxy_response_preset(struct coap_response *r)
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
		coap_proxy_response_preset(r);
		coap_proxy_response_refuse(r, COAP_BAD_GATEWAY, "the request runs in a loop through this proxy");
		return;
	}
	write_bytes(&w, name);
	if (r->payload.len > 0)
		write_text(&w, " ");
	write_bytes(&w, r->payload);
	if (!w.failed)
		r->payload = writer_bytes(&w);
}

void coap_proxy_response_fill(struct coap_proxy *p, const struct coap_proxy_route *route,
	const struct coap_cache_response *from, struct coap_response *ret)
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

void coap_proxy_response_translate(
	const struct coap_proxy_call *call, const struct coap_cached_answer *answer, struct coap_response *ret)
{
	coap_proxy_response_preset(ret);
	switch (answer->outcome) {
	case COAP_OUTCOME_RESPONSE:
	case COAP_OUTCOME_NOTIFICATION:
		coap_proxy_response_fill(call->proxy, call->route, &answer->response, ret);
		validate(call, ret);
		break;
	case COAP_OUTCOME_TIMEOUT:
		coap_proxy_response_refuse(ret, COAP_GATEWAY_TIMEOUT, "the server does not answer");
		break;
	case COAP_OUTCOME_RESET:
	case COAP_OUTCOME_LOST:
		coap_proxy_response_refuse(ret, COAP_BAD_GATEWAY, "the server rejects the request");
		break;
	case COAP_OUTCOME_MEMBER:
	case COAP_OUTCOME_BLOCK: /* only to those who fetch blocks themselves */
	case COAP_OUTCOME_BROKEN:
		coap_proxy_response_refuse(ret, COAP_BAD_GATEWAY, "the server's answer cannot be used");
		break;
	}
}
