/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two real endpoints on a byte stream in memory, which moves as many bytes at a time as the test says: RFC 8323. */
#include "coap/endpoint.h"

#include "coap/content_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX  (64 * 1024)
#define RESOURCES 5
#define STATE     1

static const struct address client_address = {.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = 40000};
static const struct address server_address = {.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 2}, .port = 5683};

/* ---- the stage ---- */

struct side {
	void *memory, *connections_memory;
	struct coap_connections *connections;
	struct coap_endpoint *endpoint;
	struct coap_remote remote; /* the other side */
	struct handle later;
	uint32_t state; /* of /state */
	int executed, datagrams;
	struct coap_resource resources[RESOURCES];
};

struct stage {
	struct side client, server;
	msec now;
	size_t stride;       /* how many bytes move at a time */
	bool server_is_deaf; /* reads nothing */
	uint64_t moved;
	/* what the client heard */
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	enum coap_code code;
	uint8_t *body;
	size_t body_len;
	uint32_t last_state;
};

static uint8_t pattern[BODY_MAX];

static enum coap_answer handle_large(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct side *s = context;
	(void)endpoint, (void)now;
	s->executed++;
	if (request->message->code == COAP_GET) {
		uint32_t size = 40000;
		ret->code = COAP_CONTENT;
		ret->payload = bytes_first(
			bytes_of(pattern + request->slice_offset, size - request->slice_offset), request->slice_size);
		ret->is_slice = true;
		ret->body_size = size;
		ret->etag = bytes_of("v1", 2);
		return COAP_ANSWER_NOW;
	}
	ret->code = bytes_equal(request->body, bytes_of(pattern, request->body.len)) ? COAP_CHANGED : COAP_BAD_REQUEST;
	ret->payload = request->body;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_state(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct side *s = context;
	(void)endpoint, (void)now, (void)request;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(&s->state, sizeof s->state);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_later(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct side *s = context;
	(void)endpoint, (void)ret, (void)now;
	s->later = request->later;
	return COAP_ANSWER_LATER;
}

static enum coap_answer handle_count(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct side *s = context;
	(void)endpoint, (void)request, (void)now;
	s->executed++;
	ret->code = COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_wordy(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	static const uint8_t words[60];
	coap_options_add(&ret->options, 2048, bytes_of(words, sizeof words));
	return handle_large(context, endpoint, request, ret, now);
}

static bool send_datagram(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct side *s = context;
	(void)to, (void)message, (void)now;
	s->datagrams++;
	return true;
}

static void make_resources(struct side *s)
{
	struct coap_resource *r = s->resources;
	r[0] = (struct coap_resource){.path = "large", .handle = handle_large, .context = s};
	r[STATE] = (struct coap_resource){.path = "state", .is_observable = true, .handle = handle_state, .context = s};
	r[2] = (struct coap_resource){.path = "later", .handle = handle_later, .context = s};
	r[3] = (struct coap_resource){.path = "count", .handle = handle_count, .context = s};
	r[4] = (struct coap_resource){.path = "wordy", .handle = handle_wordy, .context = s};
}

static void raise_side(struct side *s, uint32_t message_size_max, uint16_t block_size)
{
	struct coap_connections_config connections = COAP_CONNECTIONS_DEFAULT;
	uint8_t seed[PRNG_SEED_BYTES] = {1};
	connections.capacity = 2;
	connections.message_size_max = message_size_max;
	s->connections_memory = aligned_alloc(64, coap_connections_memory(&connections));
	assert_non_null(s->connections_memory);
	s->connections = coap_connections_init(s->connections_memory, &connections);
	struct coap_endpoint_config config = {
		.parameters = coap_parameters_default,
		.capacities =
			{.exchanges = 16, .pending = 4, .duplicates = 4, .separate = 4, .observers = 4, .bodies = 4},
		.transport = {.context = s, .send = send_datagram},
		.connections = s->connections,
		.resources = s->resources,
		.resource_count = RESOURCES,
	};
	make_resources(s);
	config.parameters.block_size = block_size;
	s->memory = aligned_alloc(64, coap_endpoint_memory(&config));
	assert_non_null(s->memory);
	s->endpoint = coap_endpoint_init(s->memory, &config, seed);
}

static void move(struct stage *s, struct side *from, struct side *to)
{
	struct bytes output = bytes_first(coap_connection_output(from->connections, from->remote.session), s->stride);
	size_t room;
	uint8_t *at = coap_connection_room(to->connections, to->remote.session, &room);
	size_t len = output.len < room ? output.len : room;
	if (len == 0)
		return;
	memcpy(at, output.data, len);
	coap_connection_received(to->connections, to->remote.session, len, s->now);
	coap_connection_written(from->connections, from->remote.session, len, s->now);
	s->moved += len;
}

static void tend(struct side *s, msec now)
{
	struct handle h;
	coap_endpoint_receive_connections(s->endpoint, now);
	while (coap_connection_touched(s->connections, &h))
		;
}

/* Until nothing moves any more. */
static void settle(struct stage *s)
{
	uint64_t before;
	do {
		before = s->moved;
		if (!s->server_is_deaf)
			move(s, &s->client, &s->server);
		tend(&s->server, s->now);
		move(s, &s->server, &s->client);
		tend(&s->client, s->now);
	} while (s->moved != before);
}

static void pass(struct stage *s, msec span)
{
	s->now += span;
	coap_endpoint_tick(s->client.endpoint, s->now);
	coap_endpoint_tick(s->server.endpoint, s->now);
	settle(s);
}

static void raise_stage_with(struct stage *s, uint32_t message_size_max, uint16_t block_size)
{
	*s = (struct stage){.now = 1000, .stride = SIZE_MAX, .body = malloc(BODY_MAX)};
	assert_non_null(s->body);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 7 + (i >> 8));
	raise_side(&s->client, message_size_max, block_size);
	raise_side(&s->server, message_size_max, block_size);
	assert_true(coap_connection_open(s->client.connections, &server_address, s->now, &s->client.remote));
	coap_connection_connected(s->client.connections, s->client.remote.session, s->now);
	assert_true(coap_connection_accept(s->server.connections, &client_address, s->now, &s->server.remote));
	settle(s);
}

static void raise_stage(struct stage *s)
{
	raise_stage_with(s, 8192 + 512, 1024);
}

static void strike_stage(struct stage *s)
{
	assert_int_equal(s->client.datagrams, 0);
	assert_int_equal(s->server.datagrams, 0);
	free(s->client.memory);
	free(s->client.connections_memory);
	free(s->server.memory);
	free(s->server.connections_memory);
	free(s->body);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->code = reply->code;
	s->body_len = reply->body.len;
	if (reply->body.len > 0)
		memcpy(s->body, reply->body.data, reply->body.len);
	if (reply->body.len == sizeof s->last_state)
		memcpy(&s->last_state, reply->body.data, sizeof s->last_state);
}

static bool ask_from(struct stage *s, struct side *from, enum coap_code method, const char *path, struct bytes body,
	bool observe, struct handle *ret)
{
	struct coap_options options = {.count = 0};
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = from->remote,
		.method = method,
		.options = &options,
		.body = body,
		.observe = observe,
		.reply = on_reply,
		.context = s};
	return coap_endpoint_request(from->endpoint, &call, s->now, ret);
}

static struct handle ask(struct stage *s, enum coap_code method, const char *path, size_t body_len)
{
	struct handle h;
	assert_true(ask_from(s, &s->client, method, path, bytes_of(pattern, body_len), false, &h));
	return h;
}

static void assert_body(const struct stage *s, size_t len)
{
	assert_int_equal(s->outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s->body_len, len);
	assert_memory_equal(s->body, pattern, len);
}

/* ---- requests ---- */

static void a_request_is_answered_however_the_stream_is_cut(void **state)
{
	(void)state;
	for (size_t stride = 1; stride < 30; stride++) {
		struct stage s;
		raise_stage(&s);
		s.stride = stride;
		ask(&s, COAP_POST, "count", 3);
		settle(&s);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.code, COAP_CHANGED);
		assert_int_equal(s.server.executed, 1);
		strike_stage(&s);
	}
}

static void many_requests_are_under_way_at_once_and_each_runs_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (int i = 0; i < 16; i++)
		ask(&s, COAP_POST, "count", 0); /* NSTART is one, and does not count here */
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 16);
	assert_int_equal(s.server.executed, 16);
	strike_stage(&s);
}

static void nothing_is_sent_again_however_long_the_answer_takes(void **state)
{
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later", 0);
	settle(&s);
	uint64_t moved = s.moved;
	for (int i = 0; i < 90; i++)
		pass(&s, SECONDS(1));
	assert_int_equal(s.moved, moved); /* no ACK, no repetition */
	assert_true(coap_endpoint_respond(s.server.endpoint, s.server.later, &r, s.now));
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void answers_may_come_in_another_order(void **state)
{
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later", 0);
	ask(&s, COAP_POST, "count", 0);
	settle(&s);
	assert_int_equal(s.code, COAP_CHANGED);
	assert_true(coap_endpoint_respond(s.server.endpoint, s.server.later, &r, s.now));
	settle(&s);
	assert_int_equal(s.code, COAP_CONTENT);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 2);
	strike_stage(&s);
}

static void the_server_may_ask_on_the_clients_connection(void **state)
{
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s);
	assert_true(ask_from(&s, &s.server, COAP_POST, "count", BYTES_NONE, false, &h));
	settle(&s);
	assert_int_equal(s.client.executed, 1);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

static void an_unknown_critical_option_is_answered_4_02(void **state)
{
	struct stage s;
	struct handle h;
	struct coap_options options = {.count = 0};
	(void)state;
	raise_stage(&s);
	coap_options_add_uint(&options, 65001, 1);
	struct coap_call call = {
		.to = s.client.remote, .method = COAP_GET, .options = &options, .reply = on_reply, .context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.now, &h));
	settle(&s);
	assert_int_equal(s.code, COAP_BAD_OPTION);
	strike_stage(&s);
}

static void a_ping_is_a_signal_and_its_pong_the_outcome(void **state)
{
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s);
	assert_true(coap_endpoint_ping(s.client.endpoint, &s.client.remote, on_reply, &s, s.now, &h));
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
	strike_stage(&s);
}

static void a_pong_without_the_token_will_do(void **state)
{
	struct stage s;
	struct handle h;
	size_t room;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later", 0);
	assert_true(coap_endpoint_ping(s.client.endpoint, &s.client.remote, on_reply, &s, s.now, &h));
	uint8_t *at = coap_connection_room(s.client.connections, s.client.remote.session, &room);
	memcpy(at, "\x00\xe3", 2);
	coap_connection_received(s.client.connections, s.client.remote.session, 2, s.now);
	tend(&s.client, s.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1); /* the true one comes too late */
	strike_stage(&s);
}

/* ---- bodies ---- */

static void a_body_that_fits_the_message_goes_without_blocks(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_PUT, "large", 8000);
	settle(&s);
	assert_body(&s, 8000);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->received, 1);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->sent, 1);
	strike_stage(&s);
}

static void a_longer_body_goes_in_blocks_of_many_kilobytes(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_PUT, "large", 40000);
	settle(&s);
	assert_body(&s, 40000);
	/* Five blocks of 8 KiB there, and five back of which the first was the last answer: section 6. */
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->received, 9);
	assert_int_equal(s.server.executed, 1);
	strike_stage(&s);
}

static void a_sliced_body_is_asked_for_in_such_blocks_too(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "large", 0);
	settle(&s);
	assert_body(&s, 40000);
	assert_int_equal(s.server.executed, 5);
	strike_stage(&s);
}

/* Long options leave less room for the body in each message, also where the message may not be longer. */
static void a_body_beside_long_options_arrives_whole(void **state)
{
	static const uint32_t sizes[] = {1152, 4096, 16 * 1024 + 512};
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct stage s;
		raise_stage_with(&s, sizes[i], 1024);
		ask(&s, COAP_GET, "wordy", 0);
		settle(&s);
		assert_body(&s, 40000);
		strike_stage(&s);
	}
}

static void without_bert_blocks_are_of_1024_bytes(void **state)
{
	struct stage s;
	(void)state;
	raise_stage_with(&s, 1152, 1024);
	ask(&s, COAP_PUT, "large", 20000);
	settle(&s);
	assert_body(&s, 20000);
	/* 20 blocks there, and 19 more requests for what came back. */
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->received, 39);
	strike_stage(&s);
}

static void whoever_wants_small_blocks_gets_them(void **state)
{
	struct stage s;
	(void)state;
	raise_stage_with(&s, 8192, 64);
	ask(&s, COAP_GET, "large", 0);
	settle(&s);
	assert_body(&s, 40000);
	assert_int_equal(s.server.executed, 40000 / 64);
	strike_stage(&s);
}

static void every_body_length_near_a_border_arrives_whole(void **state)
{
	static const size_t borders[] = {1, 1024, 1152, 7 * 1024, 8 * 1024, 8 * 1024 + 512, 16 * 1024, 24 * 1024};
	(void)state;
	for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
		for (int more = -60; more <= 60; more += 4) {
			struct stage s;
			if ((int)borders[i] + more < 0)
				continue;
			size_t len = (size_t)((int)borders[i] + more);
			raise_stage(&s);
			ask(&s, COAP_PUT, "large", len);
			settle(&s);
			assert_body(&s, len);
			strike_stage(&s);
		}
	}
}

static void a_body_above_the_limit_is_refused(void **state)
{
	static uint8_t wide[70 * 1024];
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s);
	assert_true(ask_from(&s, &s.client, COAP_PUT, "large", bytes_of(wide, sizeof wide), false, &h));
	settle(&s);
	assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
	assert_int_equal(s.server.executed, 0);
	strike_stage(&s);
}

/* ---- observation ---- */

static void change(struct stage *s, uint32_t value)
{
	s->server.state = value;
	coap_endpoint_resource_changed(s->server.endpoint, &s->server.resources[STATE], s->now);
	settle(s);
}

static struct handle watch(struct stage *s)
{
	struct handle h;
	assert_true(ask_from(s, &s->client, COAP_GET, "state", BYTES_NONE, true, &h));
	settle(s);
	assert_int_equal(s->outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	return h;
}

static void every_change_is_told_without_a_limit_of_rate(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	watch(&s);
	for (uint32_t i = 1; i <= 100; i++)
		change(&s, i);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 101);
	assert_int_equal(s.last_state, 100);
	strike_stage(&s);
}

static void an_observer_lives_for_days_without_a_word(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	watch(&s);
	for (int i = 0; i < 3 * 24 * 60; i++)
		pass(&s, SECONDS(60)); /* Ping and Pong keep it */
	change(&s, 7);
	assert_int_equal(s.last_state, 7);
	strike_stage(&s);
}

static void a_connection_that_nobody_needs_is_released(void **state)
{
	enum coap_connection_state is;
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (int i = 0; i < 310; i++)
		pass(&s, SECONDS(1));
	if (coap_connection_state_of(s.client.connections, s.client.remote.session, &is))
		assert_int_equal(is, COAP_CONNECTION_CLOSING);
	struct handle h;
	assert_false(ask_from(&s, &s.client, COAP_GET, "state", BYTES_NONE, false, &h));
	strike_stage(&s);
}

static void cancelling_deregisters_at_the_server(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	struct handle h = watch(&s);
	coap_endpoint_cancel(s.client.endpoint, h, s.now);
	settle(&s);
	change(&s, 5);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void a_slow_reader_gets_the_latest_state_and_not_each(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	watch(&s);
	s.stride = 0; /* nothing moves */
	for (uint32_t i = 1; i <= 2000; i++) {
		change(&s, i);
		coap_endpoint_tick(s.server.endpoint, s.now += 1);
	}
	s.stride = SIZE_MAX;
	for (int i = 0; i < 3; i++)
		pass(&s, 100);
	assert_int_equal(s.last_state, 2000);
	assert_in_range(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2, 1500);
	strike_stage(&s);
}

/* ---- the end ---- */

static void requests_on_a_connection_that_breaks_are_lost(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	watch(&s);
	ask(&s, COAP_GET, "later", 0);
	settle(&s);
	coap_connection_broken(s.client.connections, s.client.remote.session, s.now);
	coap_connection_broken(s.server.connections, s.server.remote.session, s.now);
	tend(&s.client, s.now);
	tend(&s.server, s.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 2);
	assert_int_equal(coap_connections_count(s.client.connections), 0);
	assert_int_equal(coap_connections_count(s.server.connections), 0);
	struct coap_response r = {.code = COAP_CONTENT};
	assert_false(coap_endpoint_respond(s.server.endpoint, s.server.later, &r, s.now));
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void a_body_half_way_is_forgotten_with_its_connection(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_PUT, "large", 40000);
	move(&s, &s.client, &s.server);
	tend(&s.server, s.now);
	coap_connection_broken(s.server.connections, s.server.remote.session, s.now);
	tend(&s.server, s.now);
	assert_int_equal(s.server.executed, 0);
	assert_int_equal(coap_connections_count(s.server.connections), 0);
	strike_stage(&s);
}

static void a_release_waits_for_the_answers_that_are_owed(void **state)
{
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later", 0);
	settle(&s);
	coap_connection_release(s.client.connections, s.client.remote.session, s.now);
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 0);
	assert_true(coap_endpoint_respond(s.server.endpoint, s.server.later, &r, s.now));
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_true(coap_connection_is_closing(s.server.connections, s.server.remote.session));
	strike_stage(&s);
}

static void a_malformed_message_ends_the_connection_and_not_the_endpoint(void **state)
{
	static const uint8_t reserved_nibble[] = {0x10, 0x01, 0xf0}, reserved_class[] = {0x00, 0x20},
			     marker_alone[] = {0x10, 0x01, 0xff},
			     long_token[3 + 65] = {0x0d, 0x01, 65 - 13}; /* longer than our CSM allows */
	static const struct bytes cases[] = {
		{reserved_nibble, 3}, {reserved_class, 2}, {marker_alone, 3}, {long_token, sizeof long_token}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stage s;
		size_t room;
		raise_stage(&s);
		uint8_t *at = coap_connection_room(s.server.connections, s.server.remote.session, &room);
		memcpy(at, cases[i].data, cases[i].len);
		coap_connection_received(s.server.connections, s.server.remote.session, cases[i].len, s.now);
		settle(&s);
		assert_int_equal(coap_endpoint_counters(s.server.endpoint)->malformed, 1);
		assert_int_equal(coap_connections_counters(s.server.connections)->aborted, 1);
		assert_int_equal(coap_connections_counters(s.client.connections)->lost, 1); /* it heard the Abort */
		strike_stage(&s);
	}
}

/* RFC 7252 section 5.4: it is a message, only with more than we take; whoever sends it goes on living. */
static void a_request_with_more_options_than_we_take_is_refused_and_the_connection_stays(void **state)
{
	uint8_t frame[4 + COAP_MESSAGE_OPTIONS_MAX + 1] = {0xd1, COAP_MESSAGE_OPTIONS_MAX + 1 - 13, 0x01, 0x07, 0xb0};
	struct stage s;
	size_t room;
	(void)state;
	raise_stage(&s);
	uint8_t *at = coap_connection_room(s.server.connections, s.server.remote.session, &room);
	memcpy(at, frame, sizeof frame); /* Uri-Path again and again, each of them empty */
	coap_connection_received(s.server.connections, s.server.remote.session, sizeof frame, s.now);
	settle(&s);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->malformed, 1);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->sent, 1);
	assert_int_equal(coap_connections_counters(s.server.connections)->aborted, 0);
	ask(&s, COAP_POST, "count", 3);
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

static void a_busy_connection_refuses_requests(void **state)
{
	struct stage s;
	struct handle h;
	int taken = 0;
	(void)state;
	raise_stage(&s);
	s.server_is_deaf = true;
	while (ask_from(&s, &s.client, COAP_PUT, "large", bytes_of(pattern, 4000), false, &h))
		taken++;
	assert_int_equal(taken, 3); /* three are above one message of 8.5 KiB */
	s.server_is_deaf = false;
	settle(&s);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 3);
	assert_true(ask_from(&s, &s.client, COAP_PUT, "large", bytes_of(pattern, 4000), false, &h));
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_however_the_stream_is_cut),
		cmocka_unit_test(many_requests_are_under_way_at_once_and_each_runs_once),
		cmocka_unit_test(nothing_is_sent_again_however_long_the_answer_takes),
		cmocka_unit_test(answers_may_come_in_another_order),
		cmocka_unit_test(the_server_may_ask_on_the_clients_connection),
		cmocka_unit_test(an_unknown_critical_option_is_answered_4_02),
		cmocka_unit_test(a_ping_is_a_signal_and_its_pong_the_outcome),
		cmocka_unit_test(a_pong_without_the_token_will_do),
		cmocka_unit_test(a_body_that_fits_the_message_goes_without_blocks),
		cmocka_unit_test(a_longer_body_goes_in_blocks_of_many_kilobytes),
		cmocka_unit_test(a_sliced_body_is_asked_for_in_such_blocks_too),
		cmocka_unit_test(a_body_beside_long_options_arrives_whole),
		cmocka_unit_test(without_bert_blocks_are_of_1024_bytes),
		cmocka_unit_test(whoever_wants_small_blocks_gets_them),
		cmocka_unit_test(every_body_length_near_a_border_arrives_whole),
		cmocka_unit_test(a_body_above_the_limit_is_refused),
		cmocka_unit_test(every_change_is_told_without_a_limit_of_rate),
		cmocka_unit_test(an_observer_lives_for_days_without_a_word),
		cmocka_unit_test(a_connection_that_nobody_needs_is_released),
		cmocka_unit_test(cancelling_deregisters_at_the_server),
		cmocka_unit_test(a_slow_reader_gets_the_latest_state_and_not_each),
		cmocka_unit_test(requests_on_a_connection_that_breaks_are_lost),
		cmocka_unit_test(a_body_half_way_is_forgotten_with_its_connection),
		cmocka_unit_test(a_release_waits_for_the_answers_that_are_owed),
		cmocka_unit_test(a_malformed_message_ends_the_connection_and_not_the_endpoint),
		cmocka_unit_test(a_request_with_more_options_than_we_take_is_refused_and_the_connection_stays),
		cmocka_unit_test(a_busy_connection_refuses_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
