/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_BYTES   (16 << 20)
#define FIRST_ADDRESS 0x7f400001u
#define SERVER_PORT   5684

static void fail(const char *what)
{
	(void)fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct address wire_server(uint32_t client)
{
	return address_ipv4(10, (uint8_t)(client >> 16), (uint8_t)(client >> 8), (uint8_t)client, SERVER_PORT);
}

uint32_t wire_client(const struct address *server)
{
	return (uint32_t)server->ip[13] << 16 | (uint32_t)server->ip[14] << 8 | server->ip[15];
}

/* Where the one control message of a datagram says which of our addresses it is about. */
static uint8_t *info_of(struct wire_batch *b, unsigned i)
{
	return b->control[i] + CMSG_LEN(0);
}

static void prepare(struct wire *w, struct wire_batch *b, bool is_out)
{
	for (unsigned i = 0; i < WIRE_BATCH; i++) {
		b->vectors[i] = (struct iovec){b->data[i], WIRE_DATAGRAM_BYTES};
		b->headers[i].msg_hdr = (struct msghdr){.msg_name = is_out ? &w->server : NULL,
			.msg_namelen = is_out ? sizeof w->server : 0,
			.msg_iov = &b->vectors[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof b->control[i]};
		struct cmsghdr head = {CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
		memcpy(b->control[i], &head, sizeof head);
	}
}

void wire_open(struct wire *w, uint16_t port, uint32_t first_client)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int size = QUEUE_BYTES, yes = 1;
	memset(w, 0, sizeof *w);
	w->first_client = first_client;
	w->server = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	w->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->socket < 0 || bind(w->socket, (struct sockaddr *)&any, sizeof any) < 0 ||
		setsockopt(w->socket, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes) < 0)
		fail("socket");
	if (setsockopt(w->socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(w->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	prepare(w, &w->in, false);
	prepare(w, &w->out, true);
}

void wire_flush(struct wire *w)
{
	struct wire_batch *b = &w->out;
	unsigned sent = 0;
	while (sent < b->count) {
		int n = sendmmsg(w->socket, b->headers + sent, b->count - sent, 0);
		if (n < 0 && errno == EAGAIN)
			(void)poll(&(struct pollfd){w->socket, POLLOUT, 0}, 1, 10);
		else if (n < 0 && errno != ECONNREFUSED && errno != EINTR && errno != ENOBUFS)
			fail("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
	w->sent += b->count;
	b->count = 0;
}

static bool send_datagram(void *context, const struct address *to, struct bytes datagram)
{
	struct wire *w = context;
	struct wire_batch *b = &w->out;
	struct in_pktinfo info = {.ipi_spec_dst = {htonl(FIRST_ADDRESS + w->first_client + wire_client(to))}};
	if (datagram.len > WIRE_DATAGRAM_BYTES)
		return false;
	if (b->count == WIRE_BATCH)
		wire_flush(w);
	unsigned i = b->count++;
	memcpy(b->data[i], datagram.data, datagram.len);
	b->vectors[i].iov_len = datagram.len;
	memcpy(info_of(b, i), &info, sizeof info);
	return true;
}

struct datagram_port wire_port(struct wire *w)
{
	return (struct datagram_port){w, send_datagram};
}

static bool read_batch(struct wire *w)
{
	struct wire_batch *b = &w->in;
	for (unsigned i = 0; i < WIRE_BATCH; i++)
		b->headers[i].msg_hdr.msg_controllen = sizeof b->control[i];
	int n = recvmmsg(w->socket, b->headers, WIRE_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
		fail("recvmmsg");
	b->next = 0;
	b->count = n > 0 ? (unsigned)n : 0;
	return b->count > 0;
}

bool wire_next(struct wire *w, struct address *ret_from, uint8_t **ret_data, size_t *ret_len)
{
	struct wire_batch *b = &w->in;
	struct in_pktinfo info;
	if (b->next == b->count && !read_batch(w))
		return false;
	unsigned i = b->next++;
	memcpy(&info, info_of(b, i), sizeof info);
	*ret_from = wire_server(ntohl(info.ipi_addr.s_addr) - FIRST_ADDRESS - w->first_client);
	*ret_data = b->data[i];
	*ret_len = b->headers[i].msg_len;
	w->received++;
	return true;
}

void wire_wait(const struct wire *w, int milliseconds)
{
	(void)poll(&(struct pollfd){w->socket, POLLIN, 0}, 1, milliseconds);
}
