/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool resolve(const struct coap_uri *uri, struct address *ret, const char **ret_reason)
{
	char host[256];
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC}, *found;
	if (coap_uri_address(uri, ret))
		return true;
	*ret_reason = "the name is too long";
	if (uri->host.len >= sizeof host)
		return false;
	memcpy(host, uri->host.data, uri->host.len);
	host[uri->host.len] = '\0';
	int error = getaddrinfo(host, NULL, &hints, &found);
	*ret_reason = error == 0 ? "no address" : gai_strerror(error);
	if (error != 0)
		return false;
	const struct sockaddr_in6 *v6 = (const void *)found->ai_addr;
	const uint8_t *v4 = (const uint8_t *)&((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr;
	if (found->ai_family == AF_INET) {
		*ret = address_ipv4(v4[0], v4[1], v4[2], v4[3], uri->port);
	} else {
		*ret = (struct address){.port = uri->port, .scope = v6->sin6_scope_id};
		memcpy(ret->ip, &v6->sin6_addr, sizeof ret->ip);
	}
	freeaddrinfo(found);
	return true;
}
