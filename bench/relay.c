/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A UDP relay that makes loopback into a long, narrow and lossy path: half the round trip is added in each direction,
 * all clients together share a rate in each direction, and a given share of datagrams is dropped, drawn from a seeded
 * generator so that runs repeat. Every client address gets a socket of its own towards the server. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FLOWS_MAX 64
#define QUEUE_MAX 16384 /* datagrams on the way; one more is dropped like in a full router */
#define MTU       1500

struct flow {
	struct sockaddr_in client;
	int upstream; /* connected to the server */
};

enum direction { TO_SERVER, TO_CLIENT };

struct parcel {
	double due;
	int flow;
	uint16_t len;
	uint8_t data[MTU];
};

/* One direction: a ring in order of arrival, which is the order of delivery. */
struct lane {
	struct parcel *parcels;
	unsigned first, count;
	double free_at; /* when the last parcel has been put on the wire */
};

static struct flow flows[FLOWS_MAX];
static int flow_count, front;
static struct sockaddr_in server;
static struct lane lanes[2];
static double delay_s, loss, bytes_per_second;
static uint64_t chance;

static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* SplitMix64: repeatable and good enough to toss coins with. */
static double toss(void)
{
	uint64_t z = chance += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static int make_socket(void)
{
	int size = 4 << 20, s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s < 0)
		fail("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return s;
}

static int find_flow(const struct sockaddr_in *client)
{
	for (int i = 0; i < flow_count; i++)
		/* NOLINTNEXTLINE: recvfrom has filled the address in */
		if (flows[i].client.sin_port == client->sin_port &&
			flows[i].client.sin_addr.s_addr == client->sin_addr.s_addr)
			return i;
	if (flow_count == FLOWS_MAX)
		return -1;
	flows[flow_count] = (struct flow){*client, make_socket()};
	if (connect(flows[flow_count].upstream, (struct sockaddr *)&server, sizeof server) < 0)
		fail("connect");
	return flow_count++;
}

static void put(int flow, enum direction direction, const uint8_t *data, size_t len, double now)
{
	struct lane *lane = &lanes[direction];
	if (flow < 0 || lane->count == QUEUE_MAX || toss() < loss)
		return;
	if (lane->free_at < now)
		lane->free_at = now;
	if (bytes_per_second > 0)
		lane->free_at += (double)len / bytes_per_second;
	struct parcel *p = &lane->parcels[(lane->first + lane->count++) % QUEUE_MAX];
	p->due = lane->free_at + delay_s;
	p->flow = flow;
	p->len = (uint16_t)len;
	memcpy(p->data, data, len);
}

static void receive(int socket, int flow, double now)
{
	uint8_t data[MTU];
	struct sockaddr_in from;
	for (;;) {
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(socket, data, sizeof data, 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		put(flow >= 0 ? flow : find_flow(&from), flow < 0 ? TO_SERVER : TO_CLIENT, data, (size_t)n, now);
	}
}

static void deliver(enum direction direction, double now)
{
	struct lane *lane = &lanes[direction];
	for (; lane->count > 0 && lane->parcels[lane->first].due <= now; lane->count--) {
		struct parcel *p = &lane->parcels[lane->first];
		struct flow *f = &flows[p->flow];
		lane->first = (lane->first + 1) % QUEUE_MAX;
		if (direction == TO_SERVER)
			send(f->upstream, p->data, p->len, 0);
		else
			sendto(front, p->data, p->len, 0, (struct sockaddr *)&f->client, sizeof f->client);
	}
}

static double next_due(double now)
{
	double due = now + 0.999;
	for (int i = 0; i < 2; i++)
		if (lanes[i].count > 0 && lanes[i].parcels[lanes[i].first].due < due)
			due = lanes[i].parcels[lanes[i].first].due;
	return due;
}

static void turn(void)
{
	struct pollfd fds[FLOWS_MAX + 1];
	double now = now_seconds(), wait = next_due(now) - now;
	struct timespec timeout = {0, wait > 0 ? (long)(wait * 1e9) : 0};
	fds[0] = (struct pollfd){front, POLLIN, 0};
	for (int i = 0; i < flow_count; i++)
		fds[i + 1] = (struct pollfd){flows[i].upstream, POLLIN, 0};
	nfds_t n = (nfds_t)flow_count + 1;
	ppoll(fds, n, &timeout, NULL);
	now = now_seconds();
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents != 0)
			receive(fds[i].fd, (int)i - 1, now);
	deliver(TO_SERVER, now);
	deliver(TO_CLIENT, now);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"listen", 1, NULL, 'l'}, {"server", 1, NULL, 's'},
		{"rtt-ms", 1, NULL, 'r'}, {"loss-percent", 1, NULL, 'p'}, {"kbytes-per-second", 1, NULL, 'k'},
		{"seed", 1, NULL, 'x'}, {NULL, 0, NULL, 0}};
	unsigned long listen_port = 0, server_port = 0;
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'l')
			listen_port = strtoul(optarg, NULL, 10);
		else if (o == 's')
			server_port = strtoul(optarg, NULL, 10);
		else if (o == 'r')
			delay_s = strtod(optarg, NULL) / 2000;
		else if (o == 'p')
			loss = strtod(optarg, NULL) / 100;
		else if (o == 'k')
			bytes_per_second = strtod(optarg, NULL) * 1000;
		else if (o == 'x')
			chance = strtoull(optarg, NULL, 10);
		else
			listen_port = 0, optind = argc + 1;
	}
	if (listen_port == 0 || listen_port > 65535 || server_port == 0 || server_port > 65535) {
		fprintf(stderr,
			"usage: relay --listen PORT --server PORT [--rtt-ms MS] [--loss-percent P] [--seed N]\n");
		return 2;
	}
	server = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)server_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in here = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)listen_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int i = 0; i < 2; i++)
		lanes[i].parcels = calloc(QUEUE_MAX, sizeof *lanes[i].parcels);
	front = make_socket();
	if (lanes[0].parcels == NULL || lanes[1].parcels == NULL ||
		bind(front, (struct sockaddr *)&here, sizeof here) < 0)
		fail("bind");
	for (;;)
		turn();
}
