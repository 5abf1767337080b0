/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Our addresses as the system's, and back; for the sockets of this folder. */
#pragma once

#include "coap/base/address.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static inline struct address socket_address_from(const union socket_address *s)
{
	struct address a = {.ip = {[10] = 0xff, [11] = 0xff}};
	if (s->any.sa_family == AF_INET) {
		memcpy(a.ip + 12, &s->v4.sin_addr, 4);
		a.port = ntohs(s->v4.sin_port);
		return a;
	}
	memcpy(a.ip, &s->v6.sin6_addr, sizeof a.ip);
	a.port = ntohs(s->v6.sin6_port);
	a.scope = s->v6.sin6_scope_id;
	return a;
}

/* For a socket of IPv4, or of IPv6 where an IPv4 address is mapped. Gives the length. */
static inline socklen_t socket_address_to(const struct address *a, bool is_ipv4, union socket_address *ret)
{
	if (is_ipv4) {
		ret->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&ret->v4.sin_addr, a->ip + 12, 4);
		return sizeof ret->v4;
	}
	ret->v6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
	memcpy(&ret->v6.sin6_addr, a->ip, sizeof a->ip);
	return sizeof ret->v6;
}

/* All zeros, in either family. */
static inline bool socket_address_is_every(const struct address *a)
{
	static const uint8_t zeros[16];
	static const struct address every_ipv4 = {.ip = {[10] = 0xff, [11] = 0xff}};
	return memcmp(a->ip, zeros, sizeof zeros) == 0 || memcmp(a->ip, every_ipv4.ip, sizeof zeros) == 0;
}
