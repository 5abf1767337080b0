/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/http_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

static socklen_t to_socket_address(const struct address *a, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (address_is_ipv4(a)) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip + 12, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	in6->sin6_scope_id = a->scope;
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof at;
	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return 0;
	/* NOLINTNEXTLINE: getsockname has filled the address in */
	return ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
					     : ((struct sockaddr_in6 *)&at)->sin6_port);
}

static int fail(int fd, const struct address *at, char *ret_error)
{
	char text[ADDRESS_TEXT_BYTES];
	int reason = errno;
	struct writer w = writer_of(text, sizeof text);
	address_write(&w, at);
	snprintf(ret_error, HTTP_ERROR_BYTES, "cannot listen on %.*s: %s", (int)writer_bytes(&w).len, text,
		strerror(reason));
	if (fd >= 0)
		close(fd);
	return -1;
}

int listener_open(const struct address *at, uint16_t *ret_port, char ret_error[HTTP_ERROR_BYTES])
{
	struct sockaddr_storage name;
	socklen_t len = to_socket_address(at, &name);
	int on = 1, fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, BACKLOG) != 0)
		return fail(fd, at, ret_error);
	*ret_port = port_of(fd);
	return fd;
}
