/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/ownhost.h"

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_name(struct bytes host, const char *name)
{
	struct bytes own = bytes_of_text(name);
	if (host.len != own.len)
		return false;
	for (size_t i = 0; i < host.len; i++)
		if (lower(host.data[i]) != lower(own.data[i]))
			return false;
	return true;
}

static bool is_everywhere(const struct address *a)
{
	static const uint8_t unspecified[16], unspecified_ipv4[16] = {[10] = 0xff, [11] = 0xff};
	return memcmp(a->ip, unspecified, sizeof a->ip) == 0 || memcmp(a->ip, unspecified_ipv4, sizeof a->ip) == 0;
}

/* The host of a URI has the brackets of an IPv6 literal; some clients leave them out of the option. */
static bool is_own_literal(const struct coap_own_hosts *own, struct bytes host)
{
	struct address a;
	if (!address_parse(host, 0, &a))
		return false;
	for (uint32_t i = 0; i < own->address_count; i++) {
		const struct address *mine = &own->addresses[i];
		if (is_everywhere(mine) || memcmp(mine->ip, a.ip, sizeof a.ip) == 0)
			return true;
	}
	return false;
}

bool coap_host_is_own(const struct coap_own_hosts *own, const struct coap_message *m)
{
	struct bytes host;
	if (own->name_count == 0 || !coap_message_option(m, COAP_OPTION_URI_HOST, &host))
		return true;
	for (uint32_t i = 0; i < own->name_count; i++)
		if (is_name(host, own->names[i]))
			return true;
	return is_own_literal(own, host);
}
