/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapd: a small CoAP server to try clients on and to measure ours with. Nothing in it is kept. */
#include "cli/coapd_secure.h"
#include "coap/content_format.h"
#include "coap/endpoint.h"
#include "coap/io/loop.h"
#include "coap/io/udp.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_MAX_BYTES     (64 * 1024)
#define SEPARATE_MAX       64
#define SEPARATE_DELAY     SECONDS(1)
#define OBSERVE_INTERVAL   SECONDS(1)
#define DATAGRAMS_A_TURN   1024
#define LARGE_DEFAULT_SIZE (256 * 1024)

static const char help[] = "coapd: a CoAP server to try clients on.\n"
			   "\n"
			   "Usage: coapd [--listen ADDRESS[:PORT]] [--large BYTES]\n"
			   "             [--secure-listen ADDRESS[:PORT] --psk-identity TEXT --psk-key TEXT]\n"
			   "\n"
			   "  --listen ADDRESS   where to listen, such as 127.0.0.1:5683 or [::1]:5683; all addresses "
			   "and port 5683 if not given\n"
			   "  --secure-listen ADDRESS, --psk-identity TEXT, --psk-key TEXT\n"
			   "                     where to listen with DTLS, and for whom\n"
			   "  --large BYTES      size of /large, 262144 if not given\n"
			   "  --help             this help\n"
			   "\n"
			   "Resources\n"
			   "  /test      GET, PUT, POST, DELETE of a value of up to 64 KiB\n"
			   "  /large     GET of a long body, made while it is read\n"
			   "  /obs       a number that grows every second, to be observed\n"
			   "  /separate  GET, answered after a second\n"
			   "  /counter   POST counts, GET tells\n"
			   "\n"
			   "It is open to everybody and not meant for any network but your own.\n";

struct server {
	struct coap_loop loop;
	struct coap_loop_watch watch;
	struct coap_udp *udp;
	struct coapd_secure *secure; /* NULL without */
	struct coap_endpoint *endpoint;
	uint8_t test[TEST_MAX_BYTES];
	size_t test_len;
	bool has_test;
	uint16_t test_format;
	uint64_t large_size, counter, seconds;
	msec next_second;
	struct {
		struct handle later;
		msec at;
	} separate[SEPARATE_MAX]; /* in order of time; a ring */
	unsigned separate_first, separate_count;
};

/* ---- resources ---- */

static void put_test(struct server *s, const struct coap_request *request, struct coap_response *ret)
{
	if (request->body.len > TEST_MAX_BYTES) {
		ret->code = COAP_REQUEST_ENTITY_TOO_LARGE;
		return;
	}
	ret->code = s->has_test ? COAP_CHANGED : COAP_CREATED;
	if (request->body.len > 0)
		memcpy(s->test, request->body.data, request->body.len);
	s->test_len = request->body.len;
	s->test_format = request->content_format;
	s->has_test = true;
}

static enum coap_answer handle_test(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET) {
		ret->code = COAP_CONTENT;
		ret->content_format = s->has_test ? s->test_format : COAP_FORMAT_TEXT;
		ret->payload = s->has_test ? bytes_of(s->test, s->test_len) : bytes_of_text("nothing here yet");
	} else if (request->message->code == COAP_PUT || request->message->code == COAP_POST) {
		put_test(s, request, ret);
	} else if (request->message->code == COAP_DELETE) {
		s->has_test = false;
		ret->code = COAP_DELETED;
	} else {
		ret->code = COAP_METHOD_NOT_ALLOWED;
	}
	return COAP_ANSWER_NOW;
}

/* Lines of 64 bytes that count themselves, so that a wrong byte is seen at once. */
static void write_large(uint64_t offset, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		char line[65];
		uint64_t at = offset + i;
		(void)snprintf(line, sizeof line, "%062llu.\n", (unsigned long long)(at / 64));
		size_t within = (size_t)(at % 64), step = 64 - within < len - i ? 64 - within : len - i;
		memcpy(out + i, line + within, step);
		i += step - 1;
	}
}

static enum coap_answer handle_large(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return COAP_ANSWER_NOW;
	}
	uint64_t left = request->slice_offset < s->large_size ? s->large_size - request->slice_offset : 0;
	size_t len = left < request->slice_size ? (size_t)left : request->slice_size;
	uint8_t *slice = arena_take(request->scratch, len + 1);
	if (slice == NULL)
		return COAP_ANSWER_NOW;
	write_large(request->slice_offset, len, slice);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_OCTETS;
	ret->payload = bytes_of(slice, len);
	ret->is_slice = true;
	ret->body_size = s->large_size;
	ret->etag = bytes_of(&s->large_size, 4);
	return COAP_ANSWER_NOW;
}

static void answer_number(const struct coap_request *request, uint64_t number, struct coap_response *ret)
{
	struct writer w = arena_writer(request->scratch);
	write_decimal(&w, number);
	arena_keep(request->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = writer_bytes(&w);
}

static enum coap_answer handle_obs(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET)
		answer_number(request, s->seconds, ret);
	else
		ret->code = COAP_METHOD_NOT_ALLOWED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_counter(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint, (void)now;
	if (request->message->code == COAP_GET) {
		answer_number(request, s->counter, ret);
	} else if (request->message->code == COAP_POST) {
		s->counter++;
		ret->code = COAP_CHANGED;
	} else {
		ret->code = COAP_METHOD_NOT_ALLOWED;
	}
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_separate(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct server *s = context;
	(void)endpoint;
	if (request->message->code != COAP_GET) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return COAP_ANSWER_NOW;
	}
	if (s->separate_count == SEPARATE_MAX) {
		ret->code = COAP_SERVICE_UNAVAILABLE;
		return COAP_ANSWER_NOW;
	}
	unsigned place = (s->separate_first + s->separate_count++) % SEPARATE_MAX;
	s->separate[place].later = request->later;
	s->separate[place].at = now + SEPARATE_DELAY;
	return COAP_ANSWER_LATER;
}

static struct coap_resource resources[] = {
	{.path = "test", .attributes = "rt=\"test\"", .may_repeat = true, .handle = handle_test},
	{.path = "large", .attributes = "ct=42", .handle = handle_large},
	{.path = "obs", .attributes = "ct=0", .is_observable = true, .handle = handle_obs},
	{.path = "separate", .handle = handle_separate},
	{.path = "counter", .attributes = "ct=0", .handle = handle_counter},
};

#define RESOURCE_COUNT (sizeof resources / sizeof resources[0])
#define OBS            (&resources[2])

/* ---- time and datagrams ---- */

static void answer_separate(struct server *s, msec now)
{
	struct coap_response r = {.code = COAP_CONTENT,
		.content_format = COAP_FORMAT_TEXT,
		.max_age_s = 60,
		.payload = bytes_of_text("that took a second")};
	while (s->separate_count > 0 && s->separate[s->separate_first].at <= now) {
		(void)coap_endpoint_respond(s->endpoint, s->separate[s->separate_first].later, &r, now);
		s->separate_first = (s->separate_first + 1) % SEPARATE_MAX;
		s->separate_count--;
	}
}

static msec deadline(void *context)
{
	struct server *s = context;
	msec at = msec_earlier(coap_endpoint_deadline(s->endpoint), s->next_second);
	if (s->secure != NULL)
		at = msec_earlier(at, coapd_secure_deadline(s->secure));
	return s->separate_count == 0 ? at : msec_earlier(at, s->separate[s->separate_first].at);
}

static void tick(void *context, msec now)
{
	struct server *s = context;
	if (s->next_second <= now) {
		s->seconds++;
		s->next_second = now + OBSERVE_INTERVAL;
		coap_endpoint_resource_changed(s->endpoint, OBS, now);
	}
	answer_separate(s, now);
	if (s->secure != NULL)
		coapd_secure_tick(s->secure, now);
	coap_endpoint_tick(s->endpoint, now);
}

static void flush(void *context)
{
	struct server *s = context;
	coap_udp_flush(s->udp);
	if (s->secure != NULL)
		coapd_secure_flush(s->secure);
}

static bool send_message(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct server *s = context;
	struct coap_transport plain = coap_udp_transport(s->udp);
	if (coap_remote_is_secure(to))
		return coapd_secure_send(s->secure, to, message, now);
	return plain.send(plain.context, to, message, now);
}

static void on_readable(void *context, msec now)
{
	struct server *s = context;
	struct coap_udp_datagram d;
	for (int i = 0; i < DATAGRAMS_A_TURN && coap_udp_next(s->udp, &d); i++) {
		struct coap_remote from = {d.from, HANDLE_NONE};
		coap_endpoint_receive(s->endpoint, &from, bytes_of(d.data, d.len), now);
	}
}

static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	(void)w, (void)events;
	ev_break(ev, EVBREAK_ALL);
}

/* ---- start ---- */

static bool make_endpoint(struct server *s)
{
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities = {.exchanges = 64,
			.pending = 1024,
			.duplicates = 65536,
			.separate = 1024,
			.observers = 1024,
			.bodies = 64},
		.transport = s->secure != NULL ? (struct coap_transport){.context = s, .send = send_message} : coap_udp_transport(s->udp),
		.resources = resources,
		.resource_count = RESOURCE_COUNT,
	};
	uint8_t seed[PRNG_SEED_BYTES];
	size_t size = coap_endpoint_memory(&config);
	void *memory = aligned_alloc(64, size);
	if (memory == NULL || coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	for (size_t i = 0; i < RESOURCE_COUNT; i++)
		resources[i].context = s;
	s->endpoint = coap_endpoint_init(memory, &config, seed);
	return true;
}

static int run(struct server *s, const struct address *local)
{
	struct coap_loop_user user = {s, deadline, tick, flush};
	ev_signal interrupted, terminated;
	int error = coap_udp_open(local, &s->udp);
	if (error < 0) {
		fprintf(stderr, "coapd: cannot listen: %s\n", strerror(-error));
		return 1;
	}
	error = coap_loop_init(&s->loop, &user);
	if (error < 0 || !make_endpoint(s)) {
		fprintf(stderr, "coapd: cannot start: %s\n", error < 0 ? strerror(-error) : "no memory");
		return 1;
	}
	s->next_second = coap_loop_read_clock() + OBSERVE_INTERVAL;
	coap_loop_watch(&s->loop, &s->watch, coap_udp_descriptor(s->udp), s, on_readable);
	if (s->secure != NULL)
		coapd_secure_watch(s->secure, &s->loop, s->endpoint);
	ev_signal_init(&interrupted, on_signal, SIGINT);
	ev_signal_init(&terminated, on_signal, SIGTERM);
	ev_signal_start(coap_loop_ev(&s->loop), &interrupted);
	ev_signal_start(coap_loop_ev(&s->loop), &terminated);
	coap_loop_run(&s->loop);
	coap_loop_done(&s->loop);
	coap_udp_close(s->udp);
	coapd_secure_close(s->secure);
	return 0;
}

static bool parse_size(const char *text, uint64_t *ret)
{
	return parse_decimal(bytes_of_text(text), UINT64_C(1) << 30, ret);
}

struct options {
	struct address local, secure;
	bool is_secure;
	const char *identity, *key;
};

static bool open_secure(struct server *s, const struct options *o)
{
	const char *reason = "--secure-listen needs --psk-identity and --psk-key";
	if (!o->is_secure)
		return true;
	if (o->identity != NULL && o->key != NULL)
		s->secure = coapd_secure_open(&o->secure, bytes_of_text(o->identity), bytes_of_text(o->key), &reason);
	if (s->secure == NULL)
		(void)fprintf(stderr, "coapd: %s\n", reason);
	return s->secure != NULL;
}

static bool read_option(struct server *s, struct options *o, int option)
{
	if (option == 'l')
		return address_parse(bytes_of_text(optarg), 5683, &o->local);
	if (option == 's')
		return parse_size(optarg, &s->large_size);
	if (option == 'S')
		return o->is_secure = address_parse(bytes_of_text(optarg), 5684, &o->secure);
	if (option == 'i')
		o->identity = optarg;
	else if (option == 'k')
		o->key = optarg;
	return true;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
		{"large", required_argument, NULL, 's'}, {"secure-listen", required_argument, NULL, 'S'},
		{"psk-identity", required_argument, NULL, 'i'}, {"psk-key", required_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'}, {0}};
	static struct server server = {.large_size = LARGE_DEFAULT_SIZE};
	struct options o = {.local = {.port = 5683}};
	int option;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!read_option(&server, &o, option)) {
			(void)fprintf(stderr, "coapd: what is \"%s\"?\n", optarg);
			return 2;
		}
	}
	return open_secure(&server, &o) ? run(&server, &o.local) : 1;
}
