/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses are counted in their lower 64 bits, which for IPv4 hold all that varies. */
#include "cli/targets.h"

#define ADDRESSES_MAX (UINT64_C(1) << 32)

static const char not_an_address[] = "not an address, a network or a range; names are not looked up";
static const char not_ports[] = "not a port, or a range of ports";

static size_t find(struct bytes text, uint8_t c)
{
	size_t at = 0;
	while (at < text.len && text.data[at] != c)
		at++;
	return at;
}

static uint64_t low(const struct address *a)
{
	struct reader r = reader_of(bytes_of(a->ip + 8, 8));
	return read_u64(&r);
}

static void set_low(struct address *a, uint64_t value)
{
	struct writer w = writer_of(a->ip + 8, 8);
	write_u64(&w, value);
}

static bool parse_host(struct bytes text, struct address *ret)
{
	struct address alone;
	/* what a port is cut off from has none itself: it must parse alike with any default */
	return address_parse(text, 1, ret) && address_parse(text, 2, &alone) && ret->port == 1 && alone.port == 2;
}

static bool parse_ports(struct bytes text, struct targets *t)
{
	size_t dash = find(text, '-');
	uint64_t first, last;
	if (!parse_decimal(bytes_first(text, dash), UINT16_MAX, &first) || first == 0)
		return false;
	last = first;
	if (dash < text.len && !parse_decimal(bytes_from(text, dash + 1), UINT16_MAX, &last))
		return false;
	t->first.port = (uint16_t)first;
	t->ports = (uint32_t)(last - first + 1);
	return last >= first;
}

static const char *parse_network(struct bytes text, size_t slash, struct targets *t)
{
	uint64_t prefix;
	if (!parse_host(bytes_first(text, slash), &t->first))
		return not_an_address;
	bool is_ipv4 = address_is_ipv4(&t->first);
	if (!parse_decimal(bytes_from(text, slash + 1), is_ipv4 ? 32 : 128, &prefix))
		return "the length of the network's prefix is not right";
	uint64_t free_bits = (is_ipv4 ? 32 : 128) - prefix;
	if (free_bits > 32)
		return "a network of more than 2^32 addresses";
	t->addresses = UINT64_C(1) << free_bits;
	set_low(&t->first, low(&t->first) & ~(t->addresses - 1));
	if (is_ipv4 && t->addresses > 2) {
		set_low(&t->first, low(&t->first) + 1);
		t->addresses -= 2;
	}
	return NULL;
}

static const char *parse_range(struct bytes text, size_t dash, struct targets *t)
{
	struct address last;
	struct bytes end = bytes_from(text, dash + 1);
	uint64_t byte;
	if (!parse_host(bytes_first(text, dash), &t->first))
		return not_an_address;
	if (parse_decimal(end, UINT8_MAX, &byte)) {
		last = t->first;
		last.ip[15] = (uint8_t)byte;
	} else if (!parse_host(end, &last)) {
		return not_an_address;
	}
	if (memcmp(t->first.ip, last.ip, 8) != 0 || address_is_ipv4(&t->first) != address_is_ipv4(&last) ||
		t->first.scope != last.scope || low(&last) < low(&t->first))
		return "a range that does not end behind its beginning";
	t->addresses = low(&last) - low(&t->first) + 1;
	return t->addresses == 0 || t->addresses > ADDRESSES_MAX ? "a range of more than 2^32 addresses" : NULL;
}

static const char *parse_addresses(struct bytes text, struct targets *t)
{
	size_t slash = find(text, '/'), dash = find(text, '-');
	t->addresses = 1;
	if (slash < text.len)
		return parse_network(text, slash, t);
	if (dash < text.len)
		return parse_range(text, dash, t);
	return parse_host(text, &t->first) ? NULL : not_an_address;
}

/* "[host]:ports", "host:ports" where the host has no colon itself, or a host alone. */
static bool split(struct bytes text, struct bytes *ret_host, struct bytes *ret_ports, bool *ret_has_ports)
{
	bool is_bracketed = text.len > 0 && text.data[0] == '[';
	struct bytes rest;
	if (is_bracketed) {
		size_t bracket = find(text, ']');
		*ret_host = bytes_of(text.data + 1, bracket - 1);
		rest = bytes_from(text, bracket + 1);
		if (bracket == text.len || (rest.len > 0 && rest.data[0] != ':'))
			return false;
	} else {
		size_t colon = find(text, ':');
		bool is_ipv6 = find(bytes_from(text, colon + 1), ':') < bytes_from(text, colon + 1).len;
		*ret_host = is_ipv6 ? text : bytes_first(text, colon);
		rest = is_ipv6 ? BYTES_NONE : bytes_from(text, colon);
	}
	*ret_has_ports = rest.len > 0;
	*ret_ports = bytes_from(rest, 1);
	return true;
}

bool targets_parse(struct bytes text, uint16_t default_port, struct targets *ret, const char **ret_reason)
{
	struct targets t = {.ports = 1};
	struct bytes host, ports;
	bool has_ports;
	const char *reason = not_an_address;
	if (split(text, &host, &ports, &has_ports) && text.len <= TARGETS_TEXT_MAX_BYTES)
		reason = parse_addresses(host, &t);
	t.first.port = default_port;
	if (reason == NULL && has_ports && !parse_ports(ports, &t))
		reason = not_ports;
	if (reason == NULL && address_is_multicast(&t.first))
		reason = "a group, which get --group asks";
	if (reason == NULL)
		*ret = t;
	else
		*ret_reason = reason;
	return reason == NULL;
}

bool targets_next(struct targets *t, struct address *ret)
{
	if (t->next >= t->addresses * t->ports)
		return false;
	*ret = t->first;
	set_low(ret, low(&t->first) + t->next % t->addresses);
	ret->port = (uint16_t)(t->first.port + t->next / t->addresses);
	t->next++;
	return true;
}
