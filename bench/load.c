/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A load of CoAP requests from many client endpoints, for comparing servers in one run.
 *
 * The clients are the addresses 127.64.x.y on one socket: the source of each datagram is chosen with IP_PKTINFO, so
 * thousands of endpoints cost this side nothing and the batch calls keep it faster than any server under test. A fixed
 * number of requests is in flight; each answer is checked (type, Message-ID, token, code 2.05) and replaced by a
 * request of the next client in turn. What is not answered within a second counts as lost and is asked again. */
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

#define BATCH         32
#define IN_FLIGHT_MAX 256
#define MESSAGE_BYTES 64
#define CONTROL_BYTES CMSG_SPACE(sizeof(struct in_pktinfo))

struct request {
	uint32_t client;
	uint16_t id;
	bool waiting;
	double sent_at;
};

struct load {
	int socket;
	struct sockaddr_in server;
	const char *path;
	uint32_t clients, in_flight, next_client;
	uint16_t *ids; /* next Message-ID of each client */
	struct request requests[IN_FLIGHT_MAX];
	uint64_t answered, lost, wrong;
};

struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	uint8_t data[BATCH][2048];
	uint8_t control[BATCH][CONTROL_BYTES];
	unsigned count;
};

static struct batch out, in;

static double now_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct in_addr client_address(uint32_t client)
{
	return (struct in_addr){htonl(0x7f400001u + client)};
}

/* The token carries the place in `requests`, so an answer finds its request without a search. */
static size_t write_request(struct load *l, uint32_t place, uint8_t *at)
{
	struct request *r = &l->requests[place];
	size_t path_len = strlen(l->path);
	uint8_t head[9] = {0x44, 0x01, (uint8_t)(r->id >> 8), (uint8_t)r->id, (uint8_t)(place >> 8), (uint8_t)place,
		(uint8_t)(r->client >> 8), (uint8_t)r->client, (uint8_t)(0xb0 | path_len)};
	memcpy(at, head, sizeof head);
	memcpy(at + sizeof head, l->path, path_len);
	return sizeof head + path_len;
}

static void flush(struct load *l)
{
	unsigned sent = 0;
	while (sent < out.count) {
		int n = sendmmsg(l->socket, out.headers + sent, out.count - sent, 0);
		if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
			fail("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
	out.count = 0;
}

static void send_request(struct load *l, uint32_t place)
{
	struct request *r = &l->requests[place];
	unsigned i = out.count++;
	r->sent_at = now_seconds();
	out.vectors[i] = (struct iovec){out.data[i], write_request(l, place, out.data[i])};
	out.headers[i].msg_hdr = (struct msghdr){.msg_name = &l->server,
		.msg_namelen = sizeof l->server,
		.msg_iov = &out.vectors[i],
		.msg_iovlen = 1,
		.msg_control = out.control[i],
		.msg_controllen = CONTROL_BYTES};
	struct cmsghdr *c = CMSG_FIRSTHDR(&out.headers[i].msg_hdr);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
	struct in_pktinfo info = {.ipi_spec_dst = client_address(r->client)};
	memcpy(CMSG_DATA(c), &info, sizeof info);
	if (out.count == BATCH)
		flush(l);
}

static void start_request(struct load *l, uint32_t place)
{
	uint32_t client = l->next_client;
	l->next_client = (client + 1) % l->clients;
	l->requests[place] = (struct request){client, l->ids[client]++, true, 0};
	send_request(l, place);
}

static void take_answer(struct load *l, const uint8_t *data, size_t len)
{
	if (len < 8) {
		l->wrong++;
		return;
	}
	uint32_t place = (uint32_t)(data[4] << 8 | data[5]);
	uint16_t id = (uint16_t)(data[2] << 8 | data[3]);
	if (data[0] != 0x64 || data[1] != 0x45 || place >= l->in_flight) {
		l->wrong++;
		return;
	}
	if (!l->requests[place].waiting || l->requests[place].id != id)
		return; /* a late answer to a request that was given up and asked again */
	l->answered++;
	start_request(l, place);
}

static void receive(struct load *l)
{
	for (unsigned i = 0; i < BATCH; i++) {
		in.vectors[i] = (struct iovec){in.data[i], sizeof in.data[i]};
		in.headers[i].msg_hdr = (struct msghdr){.msg_iov = &in.vectors[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(l->socket, in.headers, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
		fail("recvmmsg");
	for (int i = 0; i < n; i++)
		take_answer(l, in.data[i], in.headers[i].msg_len);
}

static void repeat_lost(struct load *l, double now)
{
	for (uint32_t i = 0; i < l->in_flight; i++) {
		if (now - l->requests[i].sent_at < 1.0)
			continue;
		l->lost++;
		start_request(l, i);
	}
}

static void run(struct load *l, double seconds)
{
	double start = now_seconds(), checked = start;
	for (uint32_t i = 0; i < l->in_flight; i++)
		start_request(l, i);
	for (double now = start; now - start < seconds; now = now_seconds()) {
		flush(l);
		struct pollfd p = {l->socket, POLLIN, 0};
		poll(&p, 1, 100);
		receive(l);
		if (now - checked > 0.25) {
			repeat_lost(l, now);
			checked = now;
		}
	}
	double took = now_seconds() - start;
	printf("{\"requests_per_second\": %.0f, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, \"clients\": %u}\n",
		(double)l->answered / took, l->answered, l->lost, l->wrong, l->clients);
}

static void open_socket(struct load *l)
{
	int size = 4 << 20;
	struct sockaddr_in any = {.sin_family = AF_INET};
	l->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (l->socket < 0 || bind(l->socket, (struct sockaddr *)&any, sizeof any) < 0)
		fail("socket");
	setsockopt(l->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static void usage(void)
{
	fprintf(stderr, "usage: load [--port N] [--path SEGMENT] [--clients N] [--in-flight N] [--seconds S]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'}, {"path", 1, NULL, 'u'},
		{"clients", 1, NULL, 'c'}, {"in-flight", 1, NULL, 'f'}, {"seconds", 1, NULL, 's'}, {NULL, 0, NULL, 0}};
	static struct load l = {.path = "test", .clients = 64, .in_flight = 64};
	unsigned long port = 5683;
	double seconds = 5;
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			port = strtoul(optarg, NULL, 10);
		else if (o == 'u')
			l.path = optarg;
		else if (o == 'c')
			l.clients = (uint32_t)strtoul(optarg, NULL, 10);
		else if (o == 'f')
			l.in_flight = (uint32_t)strtoul(optarg, NULL, 10);
		else if (o == 's')
			seconds = strtod(optarg, NULL);
		else
			usage();
	}
	if (l.clients == 0 || l.clients > 65535 || l.in_flight == 0 || l.in_flight > IN_FLIGHT_MAX ||
		l.in_flight > l.clients || strlen(l.path) > 12 || port == 0 || port > 65535)
		usage();
	l.server = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	l.ids = calloc(l.clients, sizeof *l.ids);
	if (l.ids == NULL)
		fail("memory");
	open_socket(&l);
	run(&l, seconds);
	return l.wrong == 0 ? 0 : 1;
}
