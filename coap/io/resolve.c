/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/io/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_MAX_BYTES 255

bool coap_resolve_name(const char *name, uint16_t port, struct address *ret, const char **ret_reason)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC}, *found;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	int error = getaddrinfo(name, NULL, &hints, &found);
	if (error != 0) {
		*ret_reason = gai_strerror(error);
		return false;
	}
	if (found->ai_family == AF_INET) {
		memcpy(&v4, found->ai_addr, sizeof v4);
		const uint8_t *ip = (const uint8_t *)&v4.sin_addr;
		*ret = address_ipv4(ip[0], ip[1], ip[2], ip[3], port);
	} else {
		memcpy(&v6, found->ai_addr, sizeof v6);
		*ret = (struct address){.port = port, .scope = v6.sin6_scope_id};
		memcpy(ret->ip, &v6.sin6_addr, sizeof ret->ip);
	}
	freeaddrinfo(found);
	return true;
}

bool coap_resolve_uri(const struct coap_uri *uri, struct address *ret, const char **ret_reason)
{
	char host[NAME_MAX_BYTES + 1];
	if (coap_uri_address(uri, ret))
		return true;
	if (uri->host.len >= sizeof host || memchr(uri->host.data, '\0', uri->host.len) != NULL) {
		*ret_reason = "this cannot be a name";
		return false;
	}
	memcpy(host, uri->host.data, uri->host.len);
	host[uri->host.len] = '\0';
	return coap_resolve_name(host, uri->port, ret, ret_reason);
}
