/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Real sockets on loopback: our server, and peers that behave and others that do not. */
#include "coap/io/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE SECONDS(10) /* what takes longer has gone wrong */
#define BODY     40000

static const struct address loopback = {.ip = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}};

struct node {
	struct coap_tcp *tcp;
	struct coap_endpoint *endpoint;
	void *memory;
};

struct stage {
	struct coap_loop loop;
	struct node server, client;
	bool has_client;
	struct coap_resource resources[2];
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	size_t body_len;
	bool is_right;
};

static uint8_t pattern[BODY];

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	ret->code = COAP_CONTENT;
	ret->payload = request->message->code == COAP_GET ? bytes_of(pattern, BODY) : request->body;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_short(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of("hi", 2);
	return COAP_ANSWER_NOW;
}

/* ---- the stage ---- */

static msec deadline(void *context)
{
	struct stage *s = context;
	msec at = coap_endpoint_deadline(s->server.endpoint);
	return s->has_client ? msec_earlier(at, coap_endpoint_deadline(s->client.endpoint)) : at;
}

static void tick(void *context, msec now)
{
	struct stage *s = context;
	coap_endpoint_tick(s->server.endpoint, now);
	if (s->has_client)
		coap_endpoint_tick(s->client.endpoint, now);
}

static void flush(void *context)
{
	struct stage *s = context;
	coap_tcp_flush(s->server.tcp);
	if (s->has_client)
		coap_tcp_flush(s->client.tcp);
}

static bool send_nothing(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)context, (void)to, (void)message, (void)now;
	return false;
}

static void raise_node(struct stage *s, struct node *n, const struct coap_connections_config *connections)
{
	uint8_t seed[PRNG_SEED_BYTES] = {7};
	assert_int_equal(coap_tcp_new(&s->loop, connections, &n->tcp), 0);
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities =
			{.exchanges = 16, .pending = 4, .duplicates = 4, .separate = 4, .observers = 4, .bodies = 4},
		.transport = {.send = send_nothing},
		.connections = coap_tcp_connections(n->tcp),
		.resources = s->resources,
		.resource_count = 2,
	};
	n->memory = aligned_alloc(64, coap_endpoint_memory(&config));
	assert_non_null(n->memory);
	n->endpoint = coap_endpoint_init(n->memory, &config, seed);
	coap_tcp_serve(n->tcp, n->endpoint);
}

static struct coap_connections_config short_spans(void)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	config.capacity = 2;
	config.greeting_max = config.stall_max = 100;
	config.linger_max = 100;
	return config;
}

static void raise_stage_with(struct stage *s, const struct coap_connections_config *config)
{
	struct coap_loop_user user = {s, deadline, tick, flush};
	*s = (struct stage){.has_client = false};
	for (size_t i = 0; i < BODY; i++)
		pattern[i] = (uint8_t)(i * 7 + (i >> 8));
	s->resources[0] = (struct coap_resource){.path = "body", .handle = handle_body, .context = s};
	s->resources[1] = (struct coap_resource){.path = "a", .handle = handle_short, .context = s};
	assert_int_equal(coap_loop_init(&s->loop, &user), 0);
	raise_node(s, &s->server, config);
	assert_int_equal(coap_tcp_listen(s->server.tcp, &loopback), 0);
}

static void raise_stage(struct stage *s)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	config.capacity = 2;
	raise_stage_with(s, &config);
}

static void strike_stage(struct stage *s)
{
	coap_tcp_free(s->server.tcp);
	coap_tcp_free(s->client.tcp);
	free(s->server.memory);
	free(s->client.memory);
	coap_loop_done(&s->loop);
}

static void turn(struct stage *s)
{
	(void)ev_run(coap_loop_ev(&s->loop), EVRUN_NOWAIT);
}

static uint32_t count(const struct stage *s)
{
	return coap_connections_count(coap_tcp_connections(s->server.tcp));
}

/* ---- peers made of bytes ---- */

static int dial(const struct stage *s)
{
	struct address to = coap_tcp_local(s->server.tcp);
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_port = htons(to.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(descriptor >= 0);
	int result = connect(descriptor, (struct sockaddr *)&name, sizeof name);
	assert_true(result == 0 || errno == EINPROGRESS);
	return descriptor;
}

/* Reads for as long as it takes to see `wanted`, or the end when `wanted` is NULL. */
static bool hears(struct stage *s, int descriptor, const char *wanted, size_t wanted_len)
{
	char heard[4096];
	size_t len = 0;
	msec until = coap_loop_read_clock() + PATIENCE;
	while (coap_loop_read_clock() < until && len < sizeof heard) {
		struct pollfd p = {.fd = descriptor, .events = POLLIN};
		turn(s);
		(void)poll(&p, 1, 1);
		ssize_t got = recv(descriptor, heard + len, sizeof heard - len, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return wanted == NULL;
		len += got > 0 ? (size_t)got : 0;
		for (size_t i = 0; wanted != NULL && i + wanted_len <= len; i++)
			if (memcmp(heard + i, wanted, wanted_len) == 0)
				return true;
	}
	return false;
}

#define HEARS(s, descriptor, text) hears(s, descriptor, text, sizeof(text) - 1)

static bool is_gone(struct stage *s, uint32_t wanted)
{
	msec until = coap_loop_read_clock() + PATIENCE;
	while (coap_loop_read_clock() < until && count(s) != wanted) {
		turn(s);
		(void)poll(NULL, 0, 1);
	}
	return count(s) == wanted;
}

static void say(struct stage *s, int descriptor, const char *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t sent = send(descriptor, bytes + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		done += sent > 0 ? (size_t)sent : 0;
		turn(s);
	}
}

#define SAY(s, descriptor, text) say(s, descriptor, text, sizeof(text) - 1)
#define CSM                      "\x00\xe1"
#define GET_A              \
	"\x21\x01\x07\xb1" \
	"a"
#define ANSWER_TO_A        \
	"\x31\x45\x07\xff" \
	"hi"

static void a_request_is_answered_and_the_place_is_free_when_the_peer_has_gone(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	int peer = dial(&s);
	SAY(&s, peer, CSM GET_A);
	assert_true(HEARS(&s, peer, ANSWER_TO_A));
	assert_int_equal(count(&s), 1);
	close(peer);
	assert_true(is_gone(&s, 0));
	strike_stage(&s);
}

static void one_byte_in_a_packet_is_enough(void **state)
{
	static const char bytes[] = CSM GET_A;
	struct stage s;
	(void)state;
	raise_stage(&s);
	int peer = dial(&s);
	for (size_t i = 0; i < sizeof bytes - 1; i++)
		say(&s, peer, bytes + i, 1);
	assert_true(HEARS(&s, peer, ANSWER_TO_A));
	close(peer);
	strike_stage(&s);
}

static void a_peer_that_says_no_more_still_hears_the_answer(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	int peer = dial(&s);
	SAY(&s, peer, CSM GET_A);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	assert_true(HEARS(&s, peer, ANSWER_TO_A));
	assert_true(hears(&s, peer, NULL, 0));
	assert_true(is_gone(&s, 0));
	close(peer);
	strike_stage(&s);
}

static void what_is_no_coap_is_told_so_and_closed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *reason;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, "CSM expected"},
		{CSM "\xf0\xff\xff\xff\xff\x02", 8, "message too long"}, {CSM "\x0f", 3, "malformed message"},
		{CSM "\x10\x01\xf0", 5, "malformed message"}, {"\x20\xe1\x51\x01", 4, "option not understood"},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, "CSM expected"}, /* a TLS hello */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_connections_config config = short_spans();
		struct stage s;
		raise_stage_with(&s, &config);
		int peer = dial(&s);
		say(&s, peer, cases[i].bytes, cases[i].len);
		assert_true(hears(&s, peer, cases[i].reason, strlen(cases[i].reason)));
		assert_true(hears(&s, peer, NULL, 0));
		assert_true(is_gone(&s, 0));
		close(peer);
		strike_stage(&s);
	}
}

static void a_peer_that_says_nothing_is_not_waited_for(void **state)
{
	struct coap_connections_config config = short_spans();
	struct stage s;
	(void)state;
	raise_stage_with(&s, &config);
	int peer = dial(&s);
	assert_true(HEARS(&s, peer, "CSM expected"));
	assert_true(is_gone(&s, 0));
	close(peer);
	strike_stage(&s);
}

static void a_peer_that_asks_and_never_reads_is_given_up(void **state)
{
	static const char ask[] = "\x51\x01\x07\xb4"
				  "body";
	struct coap_connections_config config = short_spans();
	struct stage s;
	uint64_t asked = 0;
	(void)state;
	raise_stage_with(&s, &config);
	int peer = dial(&s), narrow = 1;
	(void)setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof narrow);
	SAY(&s, peer, "\x40\xe1\x22\x42\x00\x20");
	msec until = coap_loop_read_clock() + PATIENCE;
	do {
		for (int i = 0; i < 1000; i++)
			asked += send(peer, ask, sizeof ask - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
		turn(&s);
	} while (count(&s) > 0 && coap_loop_read_clock() < until);
	assert_int_equal(count(&s), 0);
	/* It was not read any more when its answers did not leave. */
	assert_true(coap_endpoint_counters(s.server.endpoint)->received < asked);
	close(peer);
	strike_stage(&s);
}

static void a_reset_by_the_peer_ends_it(void **state)
{
	struct linger at_once = {1, 0};
	struct stage s;
	(void)state;
	raise_stage(&s);
	int peer = dial(&s);
	SAY(&s, peer, CSM "\x51\x01\x07");
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	close(peer);
	assert_true(is_gone(&s, 0));
	strike_stage(&s);
}

static void one_connection_too_many_is_closed_at_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	int one = dial(&s), two = dial(&s);
	SAY(&s, one, CSM GET_A);
	SAY(&s, two, CSM GET_A);
	assert_true(HEARS(&s, one, ANSWER_TO_A) && HEARS(&s, two, ANSWER_TO_A));
	int three = dial(&s);
	assert_true(hears(&s, three, NULL, 0));
	assert_int_equal(coap_connections_counters(coap_tcp_connections(s.server.tcp))->refused_full, 1);
	close(one);
	assert_true(is_gone(&s, 1));
	int four = dial(&s);
	SAY(&s, four, CSM GET_A);
	assert_true(HEARS(&s, four, ANSWER_TO_A));
	close(two), close(three), close(four);
	strike_stage(&s);
}

/* ---- our own client ---- */

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->body_len = reply->body.len;
	s->is_right = bytes_equal(reply->body, bytes_of(pattern, reply->body.len));
}

static struct coap_remote raise_client(struct stage *s, const struct address *to)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	struct coap_remote remote;
	config.capacity = 1;
	raise_node(s, &s->client, &config);
	s->has_client = true;
	turn(s);
	assert_int_equal(coap_tcp_connect(s->client.tcp, to, coap_loop_now(&s->loop), &remote), 0);
	return remote;
}

static bool opens(struct stage *s, const struct coap_remote *remote)
{
	msec until = coap_loop_read_clock() + PATIENCE;
	const struct coap_connections *c = coap_tcp_connections(s->client.tcp);
	while (coap_loop_read_clock() < until && coap_connection_is_known(c, remote->session)) {
		turn(s);
		if (coap_connection_is_ready(c, remote->session))
			return true;
	}
	return false;
}

static void bodies_cross_in_both_directions_at_once(void **state)
{
	struct stage s;
	struct handle h;
	struct coap_options options = {.count = 0};
	(void)state;
	raise_stage(&s);
	struct address to = coap_tcp_local(s.server.tcp);
	struct coap_remote server = raise_client(&s, &to);
	assert_true(opens(&s, &server));
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("body"));
	struct coap_call call = {
		.to = server, .method = COAP_PUT, .options = &options, .reply = on_reply, .context = &s};
	call.body = bytes_of(pattern, BODY);
	assert_true(coap_endpoint_request(s.client.endpoint, &call, coap_loop_now(&s.loop), &h));
	call.method = COAP_GET;
	call.body = BYTES_NONE;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, coap_loop_now(&s.loop), &h));
	msec until = coap_loop_read_clock() + PATIENCE;
	while (s.outcomes[COAP_OUTCOME_RESPONSE] < 2 && coap_loop_read_clock() < until)
		turn(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 2);
	assert_int_equal(s.body_len, BODY);
	assert_true(s.is_right);
	strike_stage(&s);
}

static void a_server_that_is_not_there_is_told(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	struct address to = coap_tcp_local(s.server.tcp);
	int taken = socket(AF_INET, SOCK_STREAM, 0); /* bound, but nobody listens */
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;
	assert_int_equal(bind(taken, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(getsockname(taken, (struct sockaddr *)&name, &len), 0);
	to.port = ntohs(name.sin_port);
	struct coap_remote server = raise_client(&s, &to);
	assert_false(opens(&s, &server));
	assert_int_equal(coap_tcp_error(s.client.tcp), ECONNREFUSED);
	close(taken);
	strike_stage(&s);
}

static void a_port_that_is_taken_is_told_when_listening(void **state)
{
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	struct stage s;
	(void)state;
	raise_stage(&s);
	struct address taken = coap_tcp_local(s.server.tcp);
	raise_node(&s, &s.client, &config);
	assert_int_equal(coap_tcp_listen(s.client.tcp, &taken), -EADDRINUSE);
	strike_stage(&s);
}

/* What cannot even begin is told at once. */
static void a_connection_that_cannot_be_tried_is_told_at_once(void **state)
{
	struct address broadcast = address_ipv4(255, 255, 255, 255, 5683);
	struct rlimit before, none;
	struct stage s;
	struct coap_remote remote;
	(void)state;
	raise_stage(&s);
	struct address to = coap_tcp_local(s.server.tcp);
	(void)raise_client(&s, &to);
	assert_true(coap_tcp_connect(s.client.tcp, &broadcast, coap_loop_now(&s.loop), &remote) < 0);
	/* Its one place is taken. */
	assert_int_equal(coap_tcp_connect(s.client.tcp, &to, coap_loop_now(&s.loop), &remote), -ENOBUFS);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int error = coap_tcp_connect(s.client.tcp, &to, coap_loop_now(&s.loop), &remote);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(error, -EMFILE);
	strike_stage(&s);
}

/* It stays in the kernel's queue, and the loop does not run hot meanwhile. */
static void a_peer_waits_until_there_is_a_descriptor_for_it(void **state)
{
	struct rlimit before, none;
	struct stage s;
	(void)state;
	raise_stage(&s);
	int peer = dial(&s), turns = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (msec until = coap_loop_read_clock() + 300; coap_loop_read_clock() < until; turns++)
		(void)ev_run(coap_loop_ev(&s.loop), EVRUN_ONCE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(turns < 20);
	assert_int_equal(count(&s), 0);
	SAY(&s, peer, CSM GET_A);
	assert_true(HEARS(&s, peer, ANSWER_TO_A));
	close(peer);
	strike_stage(&s);
}

static void a_listener_of_every_address_serves_ipv4_and_ipv6(void **state)
{
	static const struct address everywhere = {.port = 0};
	struct coap_connections_config config = COAP_CONNECTIONS_DEFAULT;
	struct stage s;
	(void)state;
	raise_stage(&s);
	coap_tcp_free(s.server.tcp);
	free(s.server.memory);
	raise_node(&s, &s.server, &config);
	if (coap_tcp_listen(s.server.tcp, &everywhere) == -EAFNOSUPPORT)
		skip();
	int peer = dial(&s);
	SAY(&s, peer, CSM GET_A);
	assert_true(HEARS(&s, peer, ANSWER_TO_A));
	struct address to = {.ip = {[15] = 1}, .port = coap_tcp_local(s.server.tcp).port};
	struct coap_remote server = raise_client(&s, &to);
	assert_true(opens(&s, &server));
	assert_int_equal(count(&s), 2);
	close(peer);
	strike_stage(&s);
}

static void a_request_on_a_connection_that_the_peer_has_reset_is_lost(void **state)
{
	struct linger at_once = {1, 0};
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	struct address to = address_ipv4(127, 0, 0, 1, ntohs(name.sin_port));
	struct coap_remote server = raise_client(&s, &to);
	turn(&s);
	int peer = accept(listener, NULL, NULL);
	assert_int_equal(send(peer, CSM, 2, MSG_NOSIGNAL), 2);
	assert_true(opens(&s, &server));
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	close(peer);
	struct coap_call call = {.to = server, .method = COAP_GET, .reply = on_reply, .context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, coap_loop_now(&s.loop), &h));
	coap_tcp_flush(s.client.tcp); /* before anything has been read */
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 1);
	assert_int_not_equal(coap_tcp_error(s.client.tcp), 0);
	close(listener);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_and_the_place_is_free_when_the_peer_has_gone),
		cmocka_unit_test(one_byte_in_a_packet_is_enough),
		cmocka_unit_test(a_peer_that_says_no_more_still_hears_the_answer),
		cmocka_unit_test(what_is_no_coap_is_told_so_and_closed),
		cmocka_unit_test(a_peer_that_says_nothing_is_not_waited_for),
		cmocka_unit_test(a_peer_that_asks_and_never_reads_is_given_up),
		cmocka_unit_test(a_reset_by_the_peer_ends_it),
		cmocka_unit_test(one_connection_too_many_is_closed_at_once),
		cmocka_unit_test(bodies_cross_in_both_directions_at_once),
		cmocka_unit_test(a_server_that_is_not_there_is_told),
		cmocka_unit_test(a_port_that_is_taken_is_told_when_listening),
		cmocka_unit_test(a_connection_that_cannot_be_tried_is_told_at_once),
		cmocka_unit_test(a_peer_waits_until_there_is_a_descriptor_for_it),
		cmocka_unit_test(a_listener_of_every_address_serves_ipv4_and_ipv6),
		cmocka_unit_test(a_request_on_a_connection_that_the_peer_has_reset_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
