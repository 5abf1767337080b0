/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A load of CoAP requests from many client endpoints, for comparing servers in one run.
 *
 * The clients are the addresses from 127.64.0.1 on, on one socket: the source of each datagram is chosen with
 * IP_PKTINFO, so a hundred thousand endpoints cost this side nothing and the batch calls keep it faster than any server
 * under test. A fixed number of requests is in flight; each answer is checked (type, Message-ID, token, class of the
 * code) and replaced by a request of the next client in turn. What is not answered within a second counts as lost and
 * is sent again, with the same Message-ID. At the end no new request starts and those in flight are waited for, so that
 * a server that counts requests must have counted each exactly once.
 *
 * Prints one line of JSON: rate, answers, losses, latencies in microseconds of the time after the warm-up. */
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

#define BATCH          64
#define IN_FLIGHT_MAX  4096
#define CLIENTS_MAX    (1u << 22)
#define MESSAGE_BYTES  256
#define PATH_MAX_BYTES 64
#define CONTROL_BYTES  CMSG_SPACE(sizeof(struct in_pktinfo))
#define QUEUE_BYTES    (16 << 20)
#define PATIENCE       1.0 /* seconds until a request is sent again */
#define DRAIN          5.0 /* seconds that the last answers are waited for */
#define CHECK_INTERVAL 0.25

/* Latencies are counted in classes: 64 to each power of two of microseconds. */
#define CLASSES_A_POWER 64
#define CLASSES         (32 * CLASSES_A_POWER)

#define GET  1
#define POST 2
#define PUT  3

struct request {
	uint32_t client;
	uint16_t id;
	bool is_waiting;
	double first_sent_at, sent_at;
};

struct load {
	int socket;
	struct sockaddr_in server;
	uint8_t method;
	unsigned repeat_percent; /* of the requests, sent twice at once */
	uint32_t clients, first_client, in_flight, next_client;
	uint8_t tail[MESSAGE_BYTES]; /* options and payload, the same in every request */
	size_t tail_len;
	uint16_t *ids; /* next Message-ID of each client */
	struct request requests[IN_FLIGHT_MAX];
	uint32_t waiting;
	bool is_measuring, is_draining;
	uint64_t started, answered, measured, lost, wrong, refused;
	uint32_t latencies[CLASSES];
	double now;
};

struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	uint8_t data[BATCH][2048];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
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

/* ---- latencies ---- */

static unsigned class_of(double seconds)
{
	uint64_t us = seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
	unsigned power = 0;
	if (us < CLASSES_A_POWER)
		return (unsigned)us;
	while (us >> power >= 2 * CLASSES_A_POWER)
		power++;
	unsigned class = (power + 1) * CLASSES_A_POWER + (unsigned)(us >> power) - CLASSES_A_POWER;
	return class < CLASSES ? class : CLASSES - 1;
}

static double class_us(unsigned class)
{
	if (class < CLASSES_A_POWER)
		return class;
	unsigned power = class / CLASSES_A_POWER - 1;
	return (double)((uint64_t)(class % CLASSES_A_POWER + CLASSES_A_POWER) << power);
}

static double percentile(const struct load *l, double part)
{
	uint64_t seen = 0;
	for (unsigned i = 0; i < CLASSES; i++) {
		seen += l->latencies[i];
		if (seen > 0 && (double)seen >= part * (double)l->measured)
			return class_us(i);
	}
	return 0;
}

/* ---- requests ---- */

static size_t write_option(uint8_t *at, unsigned delta, const char *value, size_t len)
{
	size_t used = 0;
	at[used++] = (uint8_t)(delta << 4 | (len < 13 ? len : 13));
	if (len >= 13)
		at[used++] = (uint8_t)(len - 13);
	memcpy(at + used, value, len);
	return used + len;
}

/* One Uri-Path option for each segment, then the payload. */
static void write_tail(struct load *l, const char *path, size_t payload)
{
	size_t used = 0;
	unsigned delta = 11;
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		used += write_option(l->tail + used, delta, path, len);
		path += len + (path[len] == '/');
		delta = 0;
	}
	if (payload > 0) {
		l->tail[used++] = 0xff;
		memset(l->tail + used, 'x', payload);
		used += payload;
	}
	l->tail_len = used;
}

/* The token carries the place in `requests`, so an answer finds its request without a search. */
static size_t write_request(const struct load *l, uint32_t place, uint8_t *at)
{
	const struct request *r = &l->requests[place];
	uint8_t head[8] = {0x44, l->method, (uint8_t)(r->id >> 8), (uint8_t)r->id, (uint8_t)(place >> 8),
		(uint8_t)place, (uint8_t)(r->client >> 8), (uint8_t)r->client};
	memcpy(at, head, sizeof head);
	memcpy(at + sizeof head, l->tail, l->tail_len);
	return sizeof head + l->tail_len;
}

static void flush(struct load *l)
{
	unsigned sent = 0;
	while (sent < out.count) {
		int n = sendmmsg(l->socket, out.headers + sent, out.count - sent, 0);
		if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR && errno != ENOBUFS)
			fail("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
	out.count = 0;
}

static void prepare_out(struct load *l)
{
	for (unsigned i = 0; i < BATCH; i++) {
		out.vectors[i] = (struct iovec){out.data[i], 0};
		out.headers[i].msg_hdr = (struct msghdr){.msg_name = &l->server,
			.msg_namelen = sizeof l->server,
			.msg_iov = &out.vectors[i],
			.msg_iovlen = 1,
			.msg_control = out.control[i],
			.msg_controllen = CONTROL_BYTES};
		*CMSG_FIRSTHDR(&out.headers[i].msg_hdr) =
			(struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
	}
}

static void send_request(struct load *l, uint32_t place)
{
	struct request *r = &l->requests[place];
	unsigned i = out.count++;
	struct in_pktinfo info = {.ipi_spec_dst = {htonl(0x7f400001u + l->first_client + r->client)}};
	r->sent_at = l->now;
	out.vectors[i].iov_len = write_request(l, place, out.data[i]);
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&out.headers[i].msg_hdr)), &info, sizeof info);
	if (out.count == BATCH)
		flush(l);
}

static void start_request(struct load *l, uint32_t place)
{
	uint32_t client = l->next_client;
	l->requests[place].is_waiting = !l->is_draining;
	if (l->is_draining)
		return;
	l->next_client = client + 1 == l->clients ? 0 : client + 1;
	l->requests[place] = (struct request){client, l->ids[client]++, true, l->now, 0};
	l->waiting++;
	send_request(l, place);
	if (l->started++ % 100 < l->repeat_percent)
		send_request(l, place);
}

/* ---- answers ---- */

static void settle(struct load *l, uint32_t place, uint8_t code)
{
	l->answered++;
	l->refused += code == 0xa3; /* 5.03 */
	l->wrong += code >> 5 != 2 && code != 0xa3;
	l->waiting--;
	if (l->is_measuring) {
		l->measured++;
		l->latencies[class_of(l->now - l->requests[place].first_sent_at)]++;
	}
	start_request(l, place);
}

static void take_answer(struct load *l, const uint8_t *data, size_t len)
{
	uint32_t place = len < 8 ? UINT32_MAX : (uint32_t)(data[4] << 8 | data[5]);
	if (place >= l->in_flight || data[0] != 0x64) {
		l->wrong++;
		return;
	}
	uint16_t id = (uint16_t)(data[2] << 8 | data[3]);
	const struct request *r = &l->requests[place];
	uint16_t client = (uint16_t)(data[6] << 8 | data[7]);
	if (!r->is_waiting || r->id != id || (uint16_t)r->client != client)
		return; /* the answer to a repetition whose original has been answered */
	settle(l, place, data[1]);
}

static void prepare_in(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		in.vectors[i] = (struct iovec){in.data[i], sizeof in.data[i]};
		in.headers[i].msg_hdr = (struct msghdr){.msg_iov = &in.vectors[i], .msg_iovlen = 1};
	}
}

static void receive(struct load *l)
{
	int n = recvmmsg(l->socket, in.headers, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && (errno == EAGAIN || errno == ECONNREFUSED || errno == EINTR)) {
		struct pollfd p = {l->socket, POLLIN, 0};
		(void)poll(&p, 1, 100);
	} else if (n < 0) {
		fail("recvmmsg");
	}
	l->now = now_seconds();
	for (int i = 0; i < n; i++)
		take_answer(l, in.data[i], in.headers[i].msg_len);
}

static void repeat_lost(struct load *l)
{
	for (uint32_t i = 0; i < l->in_flight; i++) {
		if (!l->requests[i].is_waiting || l->now - l->requests[i].sent_at < PATIENCE)
			continue;
		l->lost++;
		send_request(l, i);
	}
}

/* ---- the run ---- */

static void turn(struct load *l, double *checked)
{
	flush(l);
	receive(l);
	if (l->now - *checked > CHECK_INTERVAL) {
		repeat_lost(l);
		*checked = l->now;
	}
}

/* Until `end`, or until nothing is in flight any more. */
static void run_until(struct load *l, double end)
{
	double checked = l->now;
	while (l->now < end && l->waiting > 0)
		turn(l, &checked);
}

static void run(struct load *l, double warm_up, double seconds)
{
	l->now = now_seconds();
	for (uint32_t i = 0; i < l->in_flight; i++)
		start_request(l, i);
	run_until(l, l->now + warm_up);
	double start = l->now;
	l->is_measuring = true;
	run_until(l, start + seconds);
	l->is_measuring = false;
	double took = l->now - start;
	l->is_draining = true;
	run_until(l, l->now + DRAIN);
	printf("{\"requests_per_second\": %.0f, \"measured\": %lu, \"started\": %lu, \"answered\": %lu, \"lost\": %lu, "
	       "\"wrong\": %lu, \"refused\": %lu, \"clients\": %u, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
		(double)l->measured / took, l->measured, l->started, l->answered, l->lost, l->wrong, l->refused,
		l->clients, percentile(l, 0.5), percentile(l, 0.99));
}

static void open_socket(struct load *l)
{
	int size = QUEUE_BYTES;
	struct sockaddr_in any = {.sin_family = AF_INET};
	l->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (l->socket < 0 || bind(l->socket, (struct sockaddr *)&any, sizeof any) < 0)
		fail("socket");
	if (setsockopt(l->socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		setsockopt(l->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: load [--port N] [--method GET|PUT|POST] [--path PATH] [--payload BYTES] [--clients N]\n"
		"            [--first-client N] [--in-flight N] [--warm-up S] [--seconds S] [--repeat PERCENT]\n");
	exit(2);
}

static uint8_t method_of(const char *name)
{
	if (strcmp(name, "GET") == 0)
		return GET;
	if (strcmp(name, "PUT") == 0)
		return PUT;
	if (strcmp(name, "POST") != 0)
		usage();
	return POST;
}

struct settings {
	const char *path;
	unsigned long port, payload;
	double warm_up, seconds;
};

static void read_option(struct load *l, struct settings *s, int option)
{
	switch (option) {
	case 'p':
		s->port = strtoul(optarg, NULL, 10);
		return;
	case 'm':
		l->method = method_of(optarg);
		return;
	case 'u':
		s->path = optarg;
		return;
	case 'b':
		s->payload = strtoul(optarg, NULL, 10);
		return;
	case 'c':
		l->clients = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'o':
		l->first_client = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'f':
		l->in_flight = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'w':
		s->warm_up = strtod(optarg, NULL);
		return;
	case 's':
		s->seconds = strtod(optarg, NULL);
		return;
	case 'r':
		l->repeat_percent = (unsigned)strtoul(optarg, NULL, 10);
		return;
	default:
		usage();
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'}, {"method", 1, NULL, 'm'},
		{"path", 1, NULL, 'u'}, {"payload", 1, NULL, 'b'}, {"clients", 1, NULL, 'c'},
		{"first-client", 1, NULL, 'o'}, {"in-flight", 1, NULL, 'f'}, {"warm-up", 1, NULL, 'w'},
		{"seconds", 1, NULL, 's'}, {"repeat", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
	static struct load l = {.method = GET, .clients = 64, .in_flight = 64};
	struct settings s = {"test", 5683, 0, 0, 5};
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(&l, &s, o);
	if (l.clients == 0 || l.first_client > CLIENTS_MAX || l.clients > CLIENTS_MAX - l.first_client ||
		l.in_flight == 0 || l.in_flight > IN_FLIGHT_MAX || l.in_flight > l.clients ||
		strlen(s.path) > PATH_MAX_BYTES || s.payload > 128 || s.port == 0 || s.port > 65535)
		usage();
	l.server = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)s.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	l.ids = calloc(l.clients, sizeof *l.ids);
	if (l.ids == NULL)
		fail("memory");
	write_tail(&l, s.path, s.payload);
	open_socket(&l);
	prepare_out(&l);
	prepare_in();
	run(&l, s.warm_up, s.seconds);
	return l.wrong == 0 ? 0 : 1;
}
