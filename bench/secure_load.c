/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A load over DTLS 1.2 from many clients, for comparing servers in one run (bench/dtls-handshake, bench/dtls-sessions).
 *
 *     secure_load --handshakes ...   full handshakes, one after the other at each of so many places; each ends with
 *                                    close_notify, and the next comes from an address that has not been seen yet
 *     secure_load ...                every client makes a session; then so many requests are in flight (GET /test),
 *                                    each from the client that has been silent longest
 *     secure_load --hold ...         the same, but when the sessions stand it says so in a line, and goes on when a
 * line comes on standard input
 *
 * Nothing is resumed. Answers are checked as bench/load checks them: type, Message-ID, token, class of the code; what
 * is not answered within a second counts as lost and is sent again. The clients offer no connection IDs unless told to,
 * as not every server under test has them.
 *
 * Prints one line of JSON. Its `busy` is the share of the time that this process has worked: near 1 it, and not the
 * server, was what limited the rate. */
#include "bench/wire.h"
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/dtls.h"
#include "dtls/engine_wolfssl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define CLIENTS_MAX    1000000
#define IN_FLIGHT_MAX  1024
#define HANDSHAKES     (2 * IN_FLIGHT_MAX)
#define PATIENCE       1.0 /* seconds until a request is sent again */
#define CONNECT_LIMIT  900 /* seconds for all sessions */
#define CHECK_INTERVAL 0.25
#define FILE_MAX_BYTES 65536

struct client {
	struct coap_remote remote;
	uint16_t id; /* of its next request */
};

/* One of the requests in flight; its number is the token. */
struct request {
	uint32_t client;
	uint16_t id;
	bool is_waiting;
	double sent_at;
};

struct load {
	struct wire wire;
	struct dtls_engine_wolfssl *engine;
	struct dtls *dtls;
	struct client *clients;
	uint32_t *client_at; /* by the slot of a session */
	struct dtls_crypto crypto;
	struct dtls_client_credential credential;
	uint64_t handshakes, failed, answered, lost, wrong;
	double now;
	uint32_t client_count, in_flight, next_address, begun, ready, next_client;
	uint16_t suite;
	bool is_handshakes, uses_cid, holds;
	struct request requests[IN_FLIGHT_MAX];
};

static double clock_seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_seconds(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

static msec now_msec(const struct load *l)
{
	return (msec)(l->now * 1000);
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "secure_load: %s\n", what);
	exit(1);
}

static void *take(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
	if (memory == NULL)
		fail("no memory");
	memset(memory, 0, size);
	return memory;
}

/* ---- requests ---- */

static void send_request(struct load *l, uint32_t number)
{
	struct request *r = &l->requests[number];
	const uint8_t message[] = {0x44, 1, (uint8_t)(r->id >> 8), (uint8_t)r->id, (uint8_t)(number >> 8),
		(uint8_t)number, 0x5a, 0xa5, 0xb4, 't', 'e', 's', 't'};
	r->sent_at = l->now;
	r->is_waiting = true;
	if (!dtls_send(l->dtls, &l->clients[r->client].remote, bytes_of(message, sizeof message), now_msec(l)))
		fail("a request could not be sent");
}

/* From the client that has been silent longest. */
static void begin_request(struct load *l, uint32_t number)
{
	uint32_t client = l->next_client++ % l->client_count;
	l->requests[number] = (struct request){.client = client, .id = l->clients[client].id++};
	send_request(l, number);
}

static void take_answer(struct load *l, uint32_t client, struct bytes m)
{
	uint32_t number = m.len < 8 ? IN_FLIGHT_MAX : (uint32_t)(m.data[4] << 8 | m.data[5]);
	if (number >= l->in_flight || m.data[0] != 0x64) {
		l->wrong++;
		return;
	}
	const struct request *r = &l->requests[number];
	if (!r->is_waiting || r->client != client || (m.data[2] << 8 | m.data[3]) != r->id)
		return; /* the answer to a repetition whose original has been answered */
	l->wrong += m.data[1] >> 5 != 2;
	l->answered++;
	begin_request(l, number);
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

/* ---- handshakes ---- */

static void connect_client(struct load *l, uint32_t client)
{
	struct client *c = &l->clients[client];
	struct address to = wire_server(l->next_address++ % (WIRE_CLIENTS_MAX / 2));
	if (!dtls_connect(l->dtls, &to, &l->credential, now_msec(l), &c->remote))
		fail("a handshake could not begin");
	l->client_at[c->remote.session.slot] = client;
}

/* The next of the clients that have no session yet. */
static void connect_next(struct load *l)
{
	if (l->begun < l->client_count)
		connect_client(l, l->begun++);
}

static void established(struct load *l, const struct dtls_event *event)
{
	l->handshakes++;
	l->suite = (uint16_t)event->peer->suite;
	if (l->is_handshakes) {
		dtls_close(l->dtls, event->remote.session, now_msec(l));
		connect_client(l, l->client_at[event->remote.session.slot]);
		return;
	}
	l->ready++;
	connect_next(l);
}

/* A server that is full refuses, or stays silent: the client tries again from another address. */
static void gone(struct load *l, const struct dtls_event *event)
{
	if (event->kind == DTLS_EVENT_CLOSED && !l->is_handshakes)
		fail("the server has closed a session");
	if (l->failed++ == 0)
		(void)fprintf(stderr, "secure_load: %s\n",
			event->kind == DTLS_EVENT_FAILED ? dtls_failure_text(event->failure) : "closed");
	connect_client(l, l->client_at[event->remote.session.slot]);
}

/* ---- the loop ---- */

static void drain(struct load *l)
{
	struct dtls_event event;
	while (dtls_next(l->dtls, now_msec(l), &event))
		switch (event.kind) {
		case DTLS_EVENT_MESSAGE:
			take_answer(l, l->client_at[event.remote.session.slot], event.message);
			break;
		case DTLS_EVENT_ESTABLISHED:
			established(l, &event);
			break;
		case DTLS_EVENT_CLOSED:
		case DTLS_EVENT_FAILED:
			gone(l, &event);
			break;
		}
}

static void turn(struct load *l)
{
	struct address from;
	uint8_t *data;
	size_t len;
	wire_flush(&l->wire);
	bool any = false;
	for (int i = 0; i < WIRE_BATCH && wire_next(&l->wire, &from, &data, &len); i++) {
		any = true;
		dtls_receive(l->dtls, &from, data, len, now_msec(l));
		drain(l);
	}
	if (!any)
		wire_wait(&l->wire, 50);
	l->now = now_seconds();
	if (dtls_deadline(l->dtls) <= now_msec(l))
		drain(l);
}

/* Until `end`, or until so many clients are ready. */
static void run_until(struct load *l, double end, uint32_t ready)
{
	double checked = l->now;
	while (l->now < end && l->ready < ready) {
		turn(l);
		if (l->now - checked <= CHECK_INTERVAL)
			continue;
		repeat_lost(l);
		checked = l->now;
	}
}

/* ---- the run ---- */

static void hold(struct load *l, double took)
{
	(void)printf("{\"sessions\": %u, \"seconds\": %.3f, \"failed\": %lu}\n", l->ready, took, l->failed);
	(void)fflush(stdout);
	if (getchar() == EOF)
		exit(0);
	l->now = now_seconds();
}

static void make_sessions(struct load *l)
{
	double start = l->now;
	run_until(l, start + CONNECT_LIMIT, l->client_count);
	if (l->ready < l->client_count)
		fail("not every client has a session");
	wire_flush(&l->wire);
	if (l->holds)
		hold(l, l->now - start);
	for (uint32_t i = 0; i < l->in_flight; i++)
		begin_request(l, i);
}

static void say_results(const struct load *l, uint64_t handshakes, uint64_t answered, double took, double busy)
{
	(void)printf("{\"handshakes_per_second\": %.0f, \"requests_per_second\": %.0f, \"handshakes\": %lu, "
		     "\"failed\": %lu, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, \"busy\": %.3f, "
		     "\"suite\": \"%s\"}\n",
		(double)(l->handshakes - handshakes) / took, (double)(l->answered - answered) / took, l->handshakes,
		l->failed, l->answered, l->lost, l->wrong, busy / took,
		l->suite == 0 ? "none" : dtls_suite_name((enum dtls_suite)l->suite));
}

static void run(struct load *l, double warm_up, double seconds)
{
	l->now = now_seconds();
	for (uint32_t i = 0; i < l->in_flight; i++)
		connect_next(l);
	if (!l->is_handshakes)
		make_sessions(l);
	run_until(l, l->now + warm_up, UINT32_MAX);
	uint64_t handshakes = l->handshakes, answered = l->answered;
	double start = l->now, worked = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	run_until(l, start + seconds, UINT32_MAX);
	say_results(l, handshakes, answered, l->now - start, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - worked);
	for (uint32_t i = 0; i < l->begun && !l->holds; i++)
		dtls_close(l->dtls, l->clients[i].remote.session, now_msec(l));
	wire_flush(&l->wire);
}

/* ---- start ---- */

static void open_dtls(struct load *l)
{
	uint8_t seed[PRNG_SEED_BYTES];
	const char *reason = "no cryptography";
	struct dtls_engine_wolfssl_config engine = {.handshakes = HANDSHAKES, .crypto = &l->crypto};
	if (!dtls_crypto_wolfcrypt_init(&l->crypto) || getrandom(seed, sizeof seed, 0) != sizeof seed ||
		(l->engine = dtls_engine_wolfssl_new(&engine, &reason)) == NULL)
		fail(reason);
	struct dtls_config config = {.sessions = l->client_count + HANDSHAKES,
		.handshakes = HANDSHAKES,
		.uses_cid = l->uses_cid,
		.crypto = l->crypto,
		.engine = dtls_engine_wolfssl_port(l->engine),
		.output = wire_port(&l->wire)};
	l->clients = take(l->client_count * sizeof *l->clients);
	l->client_at = take(config.sessions * sizeof *l->client_at);
	l->dtls = dtls_init(take(dtls_memory(&config)), &config, seed);
}

static struct bytes read_file(const char *path)
{
	static uint8_t room[3][FILE_MAX_BYTES];
	static unsigned used;
	FILE *file = fopen(path, "rb");
	uint8_t *data = room[used++ % 3];
	if (file == NULL)
		fail("a file of credentials cannot be read");
	size_t len = fread(data, 1, FILE_MAX_BYTES, file);
	(void)fclose(file);
	return bytes_of(data, len);
}

static uint16_t suite_of(const char *name)
{
	enum dtls_suite suite;
	if (!dtls_suite_parse(bytes_of_text(name), &suite))
		fail("no such suite");
	return (uint16_t)suite;
}

static void usage(void)
{
	(void)fprintf(stderr,
		"usage: secure_load --port N (--identity NAME --key KEY | --cert FILE --private FILE --ca FILE)\n"
		"                   [--suite NAME] [--handshakes | --hold] [--cid] [--clients N] [--in-flight N]\n"
		"                   [--first-client N] [--warm-up S] [--seconds S]\n");
	exit(2);
}

struct settings {
	unsigned long port, first_client;
	double warm_up, seconds;
};

static void read_credential(struct load *l, int option)
{
	struct dtls_client_credential *c = &l->credential;
	switch (option) {
	case 'i':
		c->psk_identity = bytes_of_text(optarg);
		return;
	case 'k':
		c->psk_key = bytes_of_text(optarg);
		return;
	case 'C':
		c->kind = DTLS_CREDENTIAL_CERTIFICATE;
		c->certificate.chain_pem = read_file(optarg);
		return;
	case 'P':
		c->certificate.key_pem = read_file(optarg);
		return;
	case 'A':
		c->certificate.anchors_pem = read_file(optarg);
		return;
	case 'S':
		c->only_suite = suite_of(optarg);
		return;
	default:
		usage();
	}
}

static void read_option(struct load *l, struct settings *s, int option)
{
	switch (option) {
	case 'p':
		s->port = strtoul(optarg, NULL, 10);
		return;
	case 'h':
		l->is_handshakes = true;
		return;
	case 'H':
		l->holds = true;
		return;
	case 'f':
		l->in_flight = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'd':
		l->uses_cid = true;
		return;
	case 'c':
		l->client_count = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'o':
		s->first_client = strtoul(optarg, NULL, 10);
		return;
	case 'w':
		s->warm_up = strtod(optarg, NULL);
		return;
	case 's':
		s->seconds = strtod(optarg, NULL);
		return;
	default:
		read_credential(l, option);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", 1, NULL, 'p'}, {"identity", 1, NULL, 'i'},
		{"key", 1, NULL, 'k'}, {"cert", 1, NULL, 'C'}, {"private", 1, NULL, 'P'}, {"ca", 1, NULL, 'A'},
		{"suite", 1, NULL, 'S'}, {"handshakes", 0, NULL, 'h'}, {"hold", 0, NULL, 'H'},
		{"in-flight", 1, NULL, 'f'}, {"cid", 0, NULL, 'd'}, {"clients", 1, NULL, 'c'},
		{"first-client", 1, NULL, 'o'}, {"warm-up", 1, NULL, 'w'}, {"seconds", 1, NULL, 's'},
		{NULL, 0, NULL, 0}};
	static struct load l = {.client_count = 64, .in_flight = 64};
	struct settings s = {.seconds = 3};
	int o;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(&l, &s, o);
	if (l.in_flight > l.client_count)
		l.in_flight = l.client_count;
	if (l.in_flight == 0 || l.in_flight > IN_FLIGHT_MAX || l.client_count > CLIENTS_MAX || s.port == 0 ||
		s.port > UINT16_MAX || s.first_client >= WIRE_CLIENTS_MAX / 2)
		usage();
	wire_open(&l.wire, (uint16_t)s.port, (uint32_t)s.first_client);
	open_dtls(&l);
	run(&l, s.warm_up, s.seconds);
	return l.wrong == 0 ? 0 : 1;
}
