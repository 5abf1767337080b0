/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The ceiling: a server that does nothing but receive and send datagrams in batches.
 *
 * It turns each request into something that passes for its response, by two bytes of the header, and sends it back. It
 * looks at nothing else, keeps nothing, and never waits while there is more to read. No server that uses the same
 * system calls answers more requests a second on the same machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BATCH          64
#define DATAGRAM_BYTES 2048
#define QUEUE_BYTES    (8 << 20)

static struct mmsghdr headers[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in names[BATCH];
static uint8_t data[BATCH][DATAGRAM_BYTES];

static int open_socket(uint16_t port)
{
	int size = QUEUE_BYTES, s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (s < 0 || bind(s, (struct sockaddr *)&local, sizeof local) < 0) {
		perror("echo");
		exit(1);
	}
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return s;
}

static void prepare(void)
{
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){data[i], DATAGRAM_BYTES};
		headers[i].msg_hdr = (struct msghdr){
			.msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
	}
}

int main(int argc, char **argv)
{
	int s = open_socket(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 5683);
	for (;;) {
		prepare();
		int count = recvmmsg(s, headers, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < count; i++) {
			vectors[i].iov_len = headers[i].msg_len;
			data[i][1] = data[i][1] == 0x01 ? 0x45 : 0x44;      /* 2.05 for a GET, 2.04 for the others */
			data[i][0] = (uint8_t)((data[i][0] & 0xcf) | 0x20); /* ACK */
		}
		for (int sent = 0, n; sent<count; sent += n> 0 ? n : 1)
			n = sendmmsg(s, headers + sent, (unsigned)(count - sent), 0);
	}
}
