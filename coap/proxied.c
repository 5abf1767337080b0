/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/proxied.h"

#define SCHEME "coap"

/* ---- whom ---- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool begins_with(struct bytes text, const char *scheme)
{
	size_t len = 0;
	for (; scheme[len] != '\0'; len++)
		if (len >= text.len || lower(text.data[len]) != (uint8_t)scheme[len])
			return false;
	return true;
}

static enum coap_code read_text(struct bytes text, struct coap_uri *ret)
{
	if (!begins_with(text, SCHEME "://"))
		return COAP_PROXYING_NOT_SUPPORTED;
	return coap_uri_parse(text, ret) ? COAP_EMPTY : COAP_BAD_REQUEST;
}

/* RFC 7252 section 6.5 takes the port to which the request went when there is no Uri-Port. People who write
 * coap://host/ mean the port of the scheme, wherever their proxy listens. */
static enum coap_code read_split(const struct coap_message *m, struct bytes scheme, struct coap_uri *ret)
{
	struct coap_uri uri = {.port = COAP_PORT};
	uint32_t port = COAP_PORT;
	if (scheme.len != sizeof SCHEME - 1 || !begins_with(scheme, SCHEME))
		return COAP_PROXYING_NOT_SUPPORTED;
	(void)coap_message_option(m, COAP_OPTION_URI_HOST, &uri.host);
	if (coap_message_uint(m, COAP_OPTION_URI_PORT, &port) && (port == 0 || port > UINT16_MAX))
		return COAP_BAD_REQUEST;
	uri.port = (uint16_t)port;
	if (uri.host.len > 2 && uri.host.data[0] == '[' && uri.host.data[uri.host.len - 1] == ']') {
		uri.is_ipv6 = true;
		uri.host = bytes_of(uri.host.data + 1, uri.host.len - 2);
	}
	*ret = uri;
	return COAP_EMPTY;
}

enum coap_code coap_proxied_read_uri(const struct coap_message *m, struct coap_uri *ret)
{
	struct bytes value;
	if (coap_message_option(m, COAP_OPTION_PROXY_URI, &value))
		return read_text(value, ret);
	if (coap_message_option(m, COAP_OPTION_PROXY_SCHEME, &value))
		return read_split(m, value, ret);
	return COAP_PROXYING_NOT_SUPPORTED;
}

/* ---- which options ---- */

/* What concerns this hop alone, or is written anew for the next. */
static bool stays_behind(uint16_t number)
{
	switch (number) {
	case COAP_OPTION_OBSERVE:
	case COAP_OPTION_URI_HOST:
	case COAP_OPTION_URI_PORT:
	case COAP_OPTION_HOP_LIMIT:
	case COAP_OPTION_BLOCK1:
	case COAP_OPTION_BLOCK2:
	case COAP_OPTION_Q_BLOCK1:
	case COAP_OPTION_Q_BLOCK2:
	case COAP_OPTION_SIZE1:
	case COAP_OPTION_SIZE2:
	case COAP_OPTION_PROXY_URI:
	case COAP_OPTION_PROXY_SCHEME:
	case COAP_OPTION_NO_RESPONSE:
	case COAP_OPTION_REQUEST_TAG:
	case COAP_OPTION_ECHO: /* the endpoint answers such a demand by itself, on either side */
		return true;
	default:
		return false;
	}
}

static bool is_path_or_query(uint16_t number)
{
	return number == COAP_OPTION_URI_PATH || number == COAP_OPTION_URI_QUERY;
}

/* Adds what goes on; with `is_split` the path and the query are among it, behind the first `skip` segments. */
static void add_rest(const struct coap_message *m, bool is_split, unsigned skip, struct coap_options *ret)
{
	for (unsigned i = 0; i < m->option_count; i++) {
		const struct coap_option *option = &m->options[i];
		if (stays_behind(option->number) || (!is_split && is_path_or_query(option->number)))
			continue;
		if (option->number == COAP_OPTION_URI_PATH && skip > 0)
			skip--;
		else
			coap_options_add(ret, option->number, option->value);
	}
}

bool coap_proxied_options(
	const struct coap_message *m, const struct coap_uri *uri, struct writer *room, struct coap_options *ret)
{
	/* Proxy-Uri takes precedence over what may stand beside it (RFC 7252 section 5.10.2). */
	bool is_split = !coap_message_has(m, COAP_OPTION_PROXY_URI);
	coap_options_clear(ret);
	if (uri->host.len > 0 && !coap_uri_add_options(uri, room, ret))
		return false;
	add_rest(m, is_split, 0, ret);
	return !ret->failed;
}

bool coap_proxied_route_options(const struct coap_message *m, unsigned own_segments, const char *base, const char *host,
	struct coap_options *ret)
{
	coap_options_clear(ret);
	if (host != NULL)
		coap_options_add_text(ret, COAP_OPTION_URI_HOST, host);
	coap_options_add_path(ret, COAP_OPTION_URI_PATH, bytes_of_text(base));
	add_rest(m, true, own_segments, ret);
	return !ret->failed;
}

bool coap_proxied_count_hop(const struct coap_message *m, uint8_t initial, struct coap_options *options)
{
	uint32_t hops = initial > 0 ? initial : COAP_PROXIED_HOP_LIMIT_DEFAULT;
	if (coap_message_uint(m, COAP_OPTION_HOP_LIMIT, &hops))
		hops = hops > 0 ? hops - 1 : 0;
	coap_options_add_uint(options, COAP_OPTION_HOP_LIMIT, hops);
	return hops > 0;
}

/* ---- for the proxy itself ---- */

/* The same endpoint serves both halves of the request, so blocks, Observe and the like stay. */
static void add_local(const struct coap_message *m, bool is_split, struct coap_options *ret)
{
	for (unsigned i = 0; i < m->option_count; i++) {
		const struct coap_option *option = &m->options[i];
		bool is_asking = option->number == COAP_OPTION_PROXY_URI || option->number == COAP_OPTION_PROXY_SCHEME;
		bool is_host = option->number == COAP_OPTION_URI_HOST || option->number == COAP_OPTION_URI_PORT;
		if (!is_asking && !is_host && (is_split || !is_path_or_query(option->number)))
			coap_options_add(ret, option->number, option->value);
	}
}

bool coap_proxied_localise(
	struct coap_message *m, const struct coap_uri *uri, struct writer *room, struct coap_options *list)
{
	bool is_split = !coap_message_has(m, COAP_OPTION_PROXY_URI);
	coap_options_clear(list);
	if (!is_split && !coap_uri_add_options(uri, room, list))
		return false;
	add_local(m, is_split, list);
	if (list->failed)
		return false;
	m->option_count = list->count;
	for (unsigned i = 0; i < list->count; i++)
		m->options[i] = coap_options_at(list, i);
	return true;
}

/* ---- networks ---- */

#define IPV4_BITS 96 /* in front of an IPv4 address in its IPv6 form */

bool coap_proxied_network_parse(struct bytes text, struct coap_proxied_network *ret)
{
	struct coap_proxied_network network = {.prefix_bits = 128};
	size_t slash = 0;
	uint64_t bits;
	while (slash < text.len && text.data[slash] != '/')
		slash++;
	if (!address_parse(bytes_first(text, slash), 0, &network.address))
		return false;
	unsigned offset = address_is_ipv4(&network.address) ? IPV4_BITS : 0;
	if (slash < text.len) {
		if (!parse_decimal(bytes_from(text, slash + 1), 128 - offset, &bits))
			return false;
		network.prefix_bits = (uint8_t)(bits + offset);
	}
	*ret = network;
	return true;
}

bool coap_proxied_network_has(const struct coap_proxied_network *network, const struct address *address)
{
	size_t bytes = network->prefix_bits / 8u;
	unsigned rest = network->prefix_bits % 8u;
	if (network->address.port != 0 && network->address.port != address->port)
		return false;
	if (memcmp(network->address.ip, address->ip, bytes) != 0)
		return false;
	return rest == 0 || (network->address.ip[bytes] ^ address->ip[bytes]) >> (8 - rest) == 0;
}
