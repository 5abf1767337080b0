/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two real endpoints on the virtual link: the message layer, exchanges and resources of RFC 7252. */
#include "tests/sim/peer.h"

#include "coap/content_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the stage ---- */

struct stage {
	struct world world;
	struct peer client, server;
	int executed;                          /* calls of the handler /count */
	int outcomes[COAP_OUTCOME_BROKEN + 1]; /* how often each outcome was told */
	struct coap_reply last;                /* message and body are not valid any more */
	uint8_t body[256];
	size_t body_len;
	struct handle later; /* of the latest request to /later */
	int later_calls;
	uint32_t drop; /* bit n loses the datagram n + 1 */
	uint64_t first_number;
	int confirmables_to_server; /* how many were in flight, see nstart */
};

static enum coap_answer handle_hello(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	if (request->message->code != COAP_GET) {
		ret->code = COAP_METHOD_NOT_ALLOWED;
		return COAP_ANSWER_NOW;
	}
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = bytes_of("hello", 5);
	ret->etag = bytes_of("v1", 2);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_count(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)request, (void)now;
	s->executed++;
	ret->code = COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_later(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)ret, (void)now;
	s->later_calls++;
	s->later = request->later;
	return COAP_ANSWER_LATER;
}

static enum coap_answer handle_tree(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	struct writer w = arena_writer(request->scratch);
	for (int i = 0; i < request->rest_count; i++) {
		write_text(&w, "|");
		write_bytes(&w, request->rest[i]);
	}
	arena_keep(request->scratch, &w);
	ret->code = COAP_CONTENT;
	ret->payload = writer_bytes(&w);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_mirror(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)now;
	ret->code = COAP_CHANGED;
	ret->payload = request->body;
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "hello", .attributes = "rt=\"greeting\";ct=0", .handle = handle_hello},
	{.path = "count", .handle = handle_count},
	{.path = "later", .handle = handle_later, .is_hidden = true},
	{.path = "tree", .is_subtree = true, .handle = handle_tree},
	{.path = "tree/exact", .handle = handle_hello},
	{.path = "mirror", .handle = handle_mirror, .is_hidden = true},
	{.path = "calm", .handle = handle_count, .may_repeat = true, .is_hidden = true},
};

#define RESOURCES (sizeof resources / sizeof resources[0])

static bool drops(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct stage *s = context;
	(void)from, (void)to, (void)datagram, (void)now;
	uint64_t index = number - s->first_number;
	return index >= 32 || (s->drop >> index & 1) == 0;
}

static void raise_stage_with(struct stage *s, const struct coap_endpoint_config *config)
{
	*s = (struct stage){.first_number = 1};
	world_init(&s->world, 42);
	s->world.link.quality.delay = 20;
	s->world.link.filter = drops;
	s->world.link.filter_context = s;
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	peer_join(&s->client, &s->world, 1, config);
	peer_join(&s->server, &s->world, 2, config);
}

static void raise_stage(struct stage *s)
{
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	raise_stage_with(s, &config);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	peer_leave(&s->server);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->last = *reply;
	s->body_len = reply->body.len < sizeof s->body ? reply->body.len : sizeof s->body;
	if (s->body_len > 0)
		memcpy(s->body, reply->body.data, s->body_len);
}

static struct coap_call call_to(struct stage *s, enum coap_code method, const char *path, struct coap_options *room)
{
	coap_options_clear(room);
	coap_options_add_path(room, COAP_OPTION_URI_PATH, bytes_of_text(path));
	return (struct coap_call){
		.to = peer_remote(&s->server), .method = method, .options = room, .reply = on_reply, .context = s};
}

static struct handle ask(struct stage *s, enum coap_code method, const char *path)
{
	struct coap_options options;
	struct coap_call call = call_to(s, method, path, &options);
	struct handle h;
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	return h;
}

static int outcomes(const struct stage *s)
{
	int sum = 0;
	for (int i = 0; i < 6; i++)
		sum += s->outcomes[i];
	return sum;
}

/* Sends raw bytes to the server from an address where nobody listens but a recorder. */
struct recorder {
	struct world_node node;
	uint8_t data[1500];
	size_t len;
	int count;
};

static void record(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct recorder *r = context;
	(void)from, (void)now;
	r->count++;
	r->len = datagram.len;
	memcpy(r->data, datagram.data, datagram.len);
}

static void recorder_join(struct recorder *r, struct stage *s, uint8_t host)
{
	*r = (struct recorder){
		.node = {.address = address_ipv4(192, 0, 2, host, 5683), .context = r, .receive = record}};
	world_join(&s->world, &r->node);
}

static void throw_at(struct stage *s, struct recorder *r, const struct peer *target, const void *data, size_t len)
{
	struct datagram_port port = world_port(&r->node);
	assert_true(port.send(port.context, &target->node.address, bytes_of(data, len)));
	world_run(&s->world, 100);
}

/* ---- requests and responses ---- */

static void a_get_is_answered_with_the_resource_in_one_round_trip(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "hello");
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.last.code, COAP_CONTENT);
	assert_int_equal(s.last.content_format, COAP_FORMAT_TEXT);
	assert_memory_equal(s.body, "hello", 5);
	assert_int_equal(s.last.round_trip_ms, 40);
	assert_int_equal(s.world.link.sent, 2);
	assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void a_nonconfirmable_request_gets_a_nonconfirmable_response(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	call.is_nonconfirmable = true;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.world.link.sent, 2);
	s.drop = 1, s.first_number = 3;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, SECONDS(100));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	assert_int_equal(s.world.link.sent, 3);
	strike_stage(&s);
}

static void verdicts_of_the_endpoint_itself(void **state)
{
	static const struct {
		enum coap_code method;
		const char *path;
		uint16_t option; /* added with the value 1, unless 0 */
		enum coap_code expected;
	} cases[] = {
		{COAP_GET, "nowhere", 0, COAP_NOT_FOUND},
		{COAP_GET, "", 0, COAP_NOT_FOUND},
		{COAP_GET, "hello/below", 0, COAP_NOT_FOUND},
		{(enum coap_code)0x1f, "hello", 0, COAP_METHOD_NOT_ALLOWED},
		{(enum coap_code)0x1f, "nowhere", 0, COAP_NOT_FOUND},
		{COAP_POST, "hello", 0, COAP_METHOD_NOT_ALLOWED},
		{COAP_POST, ".well-known/core", 0, COAP_METHOD_NOT_ALLOWED},
		{COAP_GET, "hello", 9, COAP_BAD_OPTION},     /* OSCORE, critical */
		{COAP_GET, "hello", 65001, COAP_BAD_OPTION}, /* unknown, critical */
		{COAP_GET, "hello", 65002, COAP_CONTENT},    /* unknown, elective */
		{COAP_GET, "hello", 128, COAP_CONTENT},
		{COAP_GET, "hello", COAP_OPTION_URI_HOST, COAP_CONTENT},
		{COAP_GET, "hello", COAP_OPTION_URI_PORT, COAP_CONTENT},
		{COAP_GET, "hello", COAP_OPTION_PROXY_SCHEME, COAP_PROXYING_NOT_SUPPORTED},
		{COAP_GET, "hello", COAP_OPTION_PROXY_URI, COAP_PROXYING_NOT_SUPPORTED},
		{COAP_GET, "tree/exact", 0, COAP_CONTENT},
		{COAP_GET, "tree/1/2/3/4/5/6/7/8", 0, COAP_CONTENT},
		{COAP_GET, "tree/1/2/3/4/5/6/7/8/9", 0, COAP_NOT_FOUND},
		{COAP_GET, "1/2/3/4/5/6/7/8/9/10/11/12/13", 0, COAP_NOT_FOUND},
	};
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_options options;
		struct handle h;
		struct coap_call call = call_to(&s, cases[i].method, cases[i].path, &options);
		if (cases[i].option != 0)
			coap_options_add_uint(&options, cases[i].option, 1);
		assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
		world_run(&s.world, 100);
		if (s.last.code != cases[i].expected)
			fail_msg("case %zu: %x instead of %x", i, s.last.code, cases[i].expected);
	}
	strike_stage(&s);
}

static void the_longest_path_wins_and_the_rest_is_handed_over(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "tree/a/b");
	world_run(&s.world, 100);
	assert_int_equal(s.body_len, 4);
	assert_memory_equal(s.body, "|a|b", 4);
	ask(&s, COAP_GET, "tree/exact");
	world_run(&s.world, 100);
	assert_memory_equal(s.body, "hello", 5);
	strike_stage(&s);
}

static void an_etag_that_is_still_right_is_answered_valid_without_payload(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	coap_options_add(&options, COAP_OPTION_ETAG, bytes_of("v0", 2));
	coap_options_add(&options, COAP_OPTION_ETAG, bytes_of("v1", 2));
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 100);
	assert_int_equal(s.last.code, COAP_VALID);
	assert_int_equal(s.body_len, 0);
	strike_stage(&s);
}

static void discovery_lists_what_is_not_hidden_and_filters(void **state)
{
	static const struct {
		const char *query, *expected;
	} cases[] = {
		{NULL, "</hello>;rt=\"greeting\";ct=0,</count>,</tree>,</tree/exact>"},
		{"rt=greeting", "</hello>;rt=\"greeting\";ct=0"},
		{"href=/tree*", "</tree>,</tree/exact>"},
		{"rt=none", ""},
	};
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_options options;
		struct handle h;
		struct coap_call call = call_to(&s, COAP_GET, ".well-known/core", &options);
		if (cases[i].query != NULL)
			coap_options_add_text(&options, COAP_OPTION_URI_QUERY, cases[i].query);
		assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
		world_run(&s.world, 100);
		assert_int_equal(s.last.code, COAP_CONTENT);
		assert_int_equal(s.body_len, strlen(cases[i].expected));
		assert_memory_equal(s.body, cases[i].expected, s.body_len);
	}
	strike_stage(&s);
}

/* ---- loss and repetition ---- */

static void a_lost_request_and_a_lost_ack_are_made_good_and_run_once(void **state)
{
	struct stage s;
	(void)state;
	/* Bit 0 is the request, then its repetition or the response: every way to lose up to three of the first five.
	 */
	for (uint32_t drop = 0; drop < 32; drop++) {
		if (__builtin_popcount(drop) > 3)
			continue;
		raise_stage(&s);
		s.drop = drop;
		ask(&s, COAP_POST, "count");
		world_run(&s.world, SECONDS(200));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.last.code, COAP_CHANGED);
		assert_int_equal(s.executed, 1);
		assert_int_equal(outcomes(&s), 1);
		strike_stage(&s);
	}
}

static void a_repeated_request_is_answered_but_not_executed_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	s.world.link.quality.repeat_permille = 1000;
	s.world.link.quality.repeat_delay = 100;
	for (int i = 0; i < 20; i++) {
		ask(&s, COAP_POST, "count");
		world_run(&s.world, SECONDS(1));
	}
	assert_int_equal(s.executed, 20);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 20);
	assert_int_equal(coap_endpoint_counters(s.server.endpoint)->duplicates, 20);
	strike_stage(&s);
}

static void a_repeated_nonconfirmable_request_is_dropped_in_silence(void **state)
{
	static const uint8_t post[] = {0x50, 0x02, 0x12, 0x34, 0xb5, 'c', 'o', 'u', 'n', 't'};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	throw_at(&s, &r, &s.server, post, sizeof post);
	throw_at(&s, &r, &s.server, post, sizeof post);
	assert_int_equal(s.executed, 1);
	assert_int_equal(r.count, 1);
	world_run(&s.world, SECONDS(146)); /* NON_LIFETIME is over: it is another request */
	throw_at(&s, &r, &s.server, post, sizeof post);
	assert_int_equal(s.executed, 2);
	strike_stage(&s);
}

/* Type, method, resource, an option in front of the path, and how often two equal datagrams run. */
struct repetition {
	uint8_t first, code, option;
	const char *path;
	int runs;
};

/* RFC 7252 section 4.5: idempotent requests may run again where the resource allows it, others never. */
static void a_repeated_idempotent_request_runs_again_only_where_the_resource_allows_it(void **state)
{
	static const struct repetition cases[] = {
		{0x40, COAP_PUT, 0, "calm", 2},
		{0x40, COAP_DELETE, 0, "calm", 2},
		{0x40, COAP_IPATCH, 0, "calm", 2},
		{0x50, COAP_PUT, 0, "calm", 2},
		{0x40, COAP_POST, 0, "calm", 1},
		{0x40, COAP_PATCH, 0, "calm", 1},
		{0x50, COAP_POST, 0, "calm", 1},
		{0x40, COAP_PUT, COAP_OPTION_IF_MATCH, "calm", 1},
		{0x40, COAP_PUT, COAP_OPTION_IF_NONE_MATCH, "calm", 1},
		{0x40, COAP_DELETE, COAP_OPTION_IF_MATCH, "calm", 1},
		{0x40, COAP_PUT, 0, "count", 1},
		{0x40, COAP_DELETE, 0, "count", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct repetition *c = &cases[i];
		uint8_t room[16];
		struct writer w = writer_of(room, sizeof room);
		struct stage s;
		struct recorder r;
		raise_stage(&s);
		recorder_join(&r, &s, 9);
		write_u8(&w, c->first);
		write_u8(&w, c->code);
		write_u16(&w, 0x1234);
		if (c->option != 0)
			coap_option_write(&w, 0, c->option, BYTES_NONE);
		coap_option_write(&w, c->option, COAP_OPTION_URI_PATH, bytes_of_text(c->path));
		throw_at(&s, &r, &s.server, room, writer_bytes(&w).len);
		throw_at(&s, &r, &s.server, room, writer_bytes(&w).len);
		assert_int_equal(s.executed, c->runs);
		assert_int_equal(r.count, c->runs == 2 || c->first == 0x40 ? 2 : 1);
		assert_int_equal(coap_endpoint_counters(s.server.endpoint)->duplicates, 2 - c->runs);
		strike_stage(&s);
	}
}

static void nobody_there_is_a_timeout_after_five_transmissions(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	world_leave(&s.world, &s.server.node);
	ask(&s, COAP_GET, "hello");
	world_run(&s.world, SECONDS(62) - 1);
	assert_int_equal(outcomes(&s), 0);
	world_run(&s.world, SECONDS(32));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	assert_int_equal(s.world.link.sent, 5);
	assert_true(s.last.was_retransmitted);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void the_callers_patience_goes_before_the_parameters(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	world_leave(&s.world, &s.server.node);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	call.ack_timeout = 100;
	call.max_retransmit = COAP_SEND_ONCE;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 151);
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	assert_int_equal(s.world.link.sent, 1);
	strike_stage(&s);
}

static void a_rejected_request_ends_with_reset(void **state)
{
	static const uint8_t rst[] = {0x70, 0x00, 0, 0};
	struct stage s;
	struct recorder r;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	call.to.address = r.node.address;
	for (int i = 0; i < 2; i++) {
		uint8_t answer[4];
		call.is_nonconfirmable = i == 1;
		assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
		world_run(&s.world, 100);
		memcpy(answer, rst, sizeof rst);
		memcpy(answer + 2, r.data + 2, 2);
		throw_at(&s, &r, &s.client, answer, sizeof answer);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], i + 1);
	}
	strike_stage(&s);
}

/* ---- separate responses ---- */

static void answer_later(struct stage *s)
{
	struct coap_response r = {.code = COAP_CONTENT,
		.content_format = COAP_FORMAT_NONE,
		.payload = bytes_of("done", 4),
		.max_age_s = 60};
	assert_true(coap_endpoint_respond(s->server.endpoint, s->later, &r, s->world.now));
}

static void an_answer_that_is_quick_after_all_is_piggybacked(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_POST, "later");
	world_run(&s.world, 50);
	answer_later(&s);
	world_run(&s.world, 50);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.world.link.sent, 2);
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void a_separate_response_survives_every_single_loss_and_runs_once(void **state)
{
	struct stage s;
	(void)state;
	/* request, empty ACK, response, ACK of the response */
	for (uint32_t drop = 0; drop < 16; drop++) {
		raise_stage(&s);
		s.drop = drop;
		ask(&s, drop & 8 ? COAP_POST : COAP_GET, "later");
		for (int i = 0; i < 600 && s.later_calls == 0; i++)
			world_run(&s.world, 100);
		world_run(&s.world, SECONDS(1));
		answer_later(&s);
		world_run(&s.world, SECONDS(100));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(outcomes(&s), 1);
		assert_int_equal(s.later_calls, 1);
		assert_memory_equal(s.body, "done", 4);
		assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
		strike_stage(&s);
	}
}

static void a_response_that_overtakes_the_ack_stops_the_retransmission(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later");
	world_run(&s.world, 20);
	s.drop = 1, s.first_number = s.world.link.sent + 1; /* the empty ACK */
	world_run(&s.world, 400);
	answer_later(&s);
	world_run(&s.world, SECONDS(100));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->retransmitted, 0);
	strike_stage(&s);
}

static void an_answer_that_never_comes_is_a_timeout_on_both_sides(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later");
	world_run(&s.world, SECONDS(246));
	assert_int_equal(outcomes(&s), 0);
	world_run(&s.world, SECONDS(3));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	struct coap_response r = {.code = COAP_CONTENT};
	assert_false(coap_endpoint_respond(s.server.endpoint, s.later, &r, s.world.now));
	assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

static void a_nonconfirmable_request_is_never_acknowledged(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_GET, "later", &options);
	call.is_nonconfirmable = true;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.world.link.sent, 1);
	answer_later(&s);
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.world.link.sent, 2);
	strike_stage(&s);
}

/* ---- NSTART, ping, cancel, loss of the association ---- */

static void no_more_than_nstart_requests_are_outstanding_and_all_are_answered_in_turn(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (int i = 0; i < 10; i++)
		ask(&s, COAP_POST, "count");
	world_run(&s.world, 19);
	assert_int_equal(s.world.link.sent, 1);
	world_run(&s.world, 400);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 10);
	assert_int_equal(s.executed, 10);
	strike_stage(&s);
}

static void an_acknowledged_request_gives_its_turn_to_the_next(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "later");
	ask(&s, COAP_GET, "hello");
	world_run(&s.world, 200);
	assert_int_equal(outcomes(&s), 0);
	world_run(&s.world, 300); /* the empty ACK has come */
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	answer_later(&s);
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 2);
	strike_stage(&s);
}

static void a_cancelled_request_has_no_outcome_and_frees_its_turn(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	struct handle first = ask(&s, COAP_POST, "count"), second = ask(&s, COAP_POST, "count");
	ask(&s, COAP_GET, "hello");
	coap_endpoint_cancel(s.client.endpoint, second, s.world.now);
	coap_endpoint_cancel(s.client.endpoint, first, s.world.now);
	coap_endpoint_cancel(s.client.endpoint, first, s.world.now);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(outcomes(&s), 1);
	assert_int_equal(s.last.code, COAP_CONTENT);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void a_ping_is_answered_by_reset(void **state)
{
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_remote server = peer_remote(&s.server);
	assert_true(coap_endpoint_ping(s.client.endpoint, &server, on_reply, &s, s.world.now, &h));
	world_run(&s.world, 100);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
	assert_int_equal(s.world.link.sent, 2);
	strike_stage(&s);
}

static void what_was_asked_of_a_lost_association_ends_at_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (int i = 0; i < 3; i++)
		ask(&s, COAP_GET, "later");
	world_run(&s.world, SECONDS(1));
	struct coap_remote server = peer_remote(&s.server), client = peer_remote(&s.client);
	coap_endpoint_lost(s.client.endpoint, &server, s.world.now);
	coap_endpoint_lost(s.server.endpoint, &client, s.world.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 3);
	assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
	struct coap_response r = {.code = COAP_CONTENT};
	assert_false(coap_endpoint_respond(s.server.endpoint, s.later, &r, s.world.now));
	strike_stage(&s);
}

static void ask_again_on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	struct coap_options options;
	struct handle h;
	struct coap_call call = call_to(s, COAP_POST, "count", &options);
	(void)reply;
	call.reply = s->executed < 5 ? ask_again_on_reply : on_reply;
	assert_true(coap_endpoint_request(endpoint, &call, now, &h));
}

static void a_reply_function_may_ask_again(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_POST, "count", &options);
	call.reply = ask_again_on_reply;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.executed, 6);
	assert_int_equal(outcomes(&s), 1);
	strike_stage(&s);
}

/* ---- what comes from strangers (RFC 7252 sections 4.2, 4.3 and 5.2.3; coap/inbound.h) ---- */

static void what_is_answered_to_odd_messages(void **state)
{
	static const struct {
		const char *what;
		uint8_t sent[16];
		size_t sent_len;
		uint8_t answer[16];
		size_t answer_len; /* 0: silence */
	} cases[] = {
		{"ping", {0x40, 0, 1, 2}, 4, {0x70, 0, 1, 2}, 4},
		{"version 3", {0xc0, 0, 1, 2}, 4, {0}, 0},
		{"three bytes", {0x40, 0, 1}, 3, {0}, 0},
		{"CON response for nobody", {0x40, 0x43, 1, 2}, 4, {0x70, 0, 1, 2}, 4},
		{"NON response for nobody", {0x50, 0x43, 1, 2}, 4, {0}, 0},
		{"CON 1.00", {0x40, 0x20, 1, 2}, 4, {0x70, 0, 1, 2}, 4},
		{"NON 0.00", {0x50, 0, 1, 2}, 4, {0}, 0},
		{"NON 6.00", {0x50, 0xc0, 1, 2}, 4, {0}, 0},
		{"ACK with a request", {0x60, 0x02, 1, 2}, 4, {0}, 0},
		{"ACK for nothing", {0x60, 0, 1, 2}, 4, {0}, 0},
		{"RST for nothing", {0x70, 0, 1, 2}, 4, {0}, 0},
		{"RST with a request", {0x70, 0x01, 1, 2}, 4, {0}, 0},
		{"token longer than the datagram", {0x44, 0x01, 1, 2, 9}, 5, {0x70, 0, 1, 2}, 4},
		{"token length 9 (RFC 8974)", {0x49, 0x01, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 13,
			{0x69, 0x84, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 13},
		{"token length 15", {0x4f, 0x01, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 13, {0x70, 0, 1, 2}, 4},
		{"marker without payload", {0x40, 0x01, 1, 2, 0xff}, 5, {0x70, 0, 1, 2}, 4},
		{"NON, marker without payload", {0x50, 0x01, 1, 2, 0xff}, 5, {0}, 0},
		{"empty with a token", {0x41, 0, 1, 2, 5}, 5, {0x70, 0, 1, 2}, 4},
		{"NON with an unknown critical option", {0x50, 0x01, 1, 2, 0x90}, 5, {0}, 0},
		{"CON with an unknown critical option", {0x41, 0x01, 1, 2, 7, 0x90}, 6,
			{0x61, 0x82, 1, 2, 7, 0xff, 'o', 'p', 't', 'i', 'o', 'n', ' ', '9'}, 14},
		{"CON to nowhere", {0x40, 0x01, 1, 2}, 4, {0x60, 0x84, 1, 2}, 4},
	};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		r.count = 0;
		throw_at(&s, &r, &s.server, cases[i].sent, cases[i].sent_len);
		if (r.count != (cases[i].answer_len > 0))
			fail_msg("%s: %d answers", cases[i].what, r.count);
		if (r.count > 0) {
			assert_int_equal(r.len, cases[i].answer_len);
			assert_memory_equal(r.data, cases[i].answer, r.len);
		}
	}
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike_stage(&s);
}

/* RFC 8974 section 2.2.2: a token is repeated at whatever length, and one that is too long is no format error. */
static void long_tokens_are_repeated_and_longer_ones_refused_not_rejected(void **state)
{
	static const struct {
		uint8_t type, code;
		size_t token_len;
		int answer_type, answer_code; /* -1: silence */
	} cases[] = {
		{COAP_TYPE_CON, COAP_GET, COAP_TOKEN_MAX_BYTES, COAP_TYPE_ACK, COAP_CONTENT},
		{COAP_TYPE_NON, COAP_GET, COAP_TOKEN_MAX_BYTES, COAP_TYPE_NON, COAP_CONTENT},
		{COAP_TYPE_CON, COAP_GET, COAP_TOKEN_MAX_BYTES + 1, COAP_TYPE_ACK, COAP_BAD_REQUEST},
		{COAP_TYPE_CON, COAP_GET, 300, COAP_TYPE_ACK, COAP_BAD_REQUEST},
		{COAP_TYPE_NON, COAP_GET, 300, COAP_TYPE_NON, COAP_BAD_REQUEST},
		{COAP_TYPE_CON, COAP_CONTENT, 300, COAP_TYPE_RST, COAP_EMPTY},
		{COAP_TYPE_NON, COAP_CONTENT, 300, -1, 0},
	};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t sent[320], token[300];
		struct writer w = writer_of(sent, sizeof sent);
		memset(token, 0x5a, sizeof token);
		write_u8(&w, (uint8_t)(0x40u | (unsigned)cases[i].type << 4 | coap_token_nibble(cases[i].token_len)));
		write_u8(&w, cases[i].code);
		write_u16(&w, (uint16_t)(100 + i));
		coap_token_write(&w, bytes_of(token, cases[i].token_len));
		coap_option_write(&w, 0, COAP_OPTION_URI_PATH, bytes_of_text("hello"));
		r.count = 0;
		throw_at(&s, &r, &s.server, sent, writer_bytes(&w).len);
		assert_int_equal(r.count, cases[i].answer_type >= 0);
		if (r.count == 0)
			continue;
		assert_int_equal(r.data[0] >> 4 & 3, cases[i].answer_type);
		assert_int_equal(r.data[1], cases[i].answer_code);
		if (cases[i].answer_code == COAP_EMPTY)
			continue;
		struct reader answer = reader_of(bytes_from(bytes_of(r.data, r.len), COAP_HEADER_BYTES));
		struct bytes repeated;
		assert_true(coap_token_read(&answer, r.data[0] & 15, &repeated));
		assert_true(bytes_equal(repeated, bytes_of(token, cases[i].token_len)));
	}
	strike_stage(&s);
}

static void a_response_counts_only_from_the_remote_that_was_asked(void **state)
{
	struct stage s;
	struct recorder r, stranger;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	recorder_join(&stranger, &s, 10);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	call.to.address = r.node.address;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 50);
	uint8_t answer[12];
	memcpy(answer, r.data, 12);
	answer[0] = 0x68, answer[1] = COAP_CONTENT;
	throw_at(&s, &stranger, &s.client, answer, 12);
	assert_int_equal(outcomes(&s), 0);
	answer[3] ^= 1; /* the right token on the wrong Message-ID */
	throw_at(&s, &r, &s.client, answer, 12);
	assert_int_equal(outcomes(&s), 0);
	answer[3] ^= 1;
	throw_at(&s, &r, &s.client, answer, 12);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

static void a_response_with_an_unknown_critical_option_is_rejected(void **state)
{
	struct stage s;
	struct recorder r;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	recorder_join(&r, &s, 9);
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	call.to.address = r.node.address;
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 50);
	uint8_t answer[13];
	memcpy(answer, r.data, 12);
	answer[0] = 0x48, answer[1] = COAP_CONTENT, answer[12] = 0x90;
	throw_at(&s, &r, &s.client, answer, 13);
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	assert_int_equal(r.len, 4);
	assert_int_equal(r.data[0], 0x70);
	strike_stage(&s);
}

/* ---- full tables ---- */

static void a_full_table_of_exchanges_refuses_and_recovers(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	(void)state;
	config.capacities.exchanges = 3;
	raise_stage_with(&s, &config);
	for (int i = 0; i < 3; i++)
		ask(&s, COAP_GET, "hello");
	struct coap_call call = call_to(&s, COAP_GET, "hello", &options);
	assert_false(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->refused_full, 1);
	world_run(&s.world, SECONDS(1));
	assert_int_equal(outcomes(&s), 3);
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, SECONDS(1));
	assert_int_equal(outcomes(&s), 4);
	strike_stage(&s);
}

static void without_room_to_remember_it_an_unsafe_request_does_not_run(void **state)
{
	struct stage s;
	uint32_t max_age;
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	(void)state;
	(void)max_age;
	config.capacities.duplicates = 2;
	raise_stage_with(&s, &config);
	for (int i = 0; i < 3; i++) {
		ask(&s, COAP_POST, "count");
		world_run(&s.world, SECONDS(1));
	}
	assert_int_equal(s.executed, 2);
	assert_int_equal(s.last.code, COAP_SERVICE_UNAVAILABLE);
	ask(&s, COAP_GET, "hello"); /* safe requests go on */
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.last.code, COAP_CONTENT);
	world_run(&s.world, SECONDS(248));
	ask(&s, COAP_POST, "count");
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.executed, 3);
	assert_int_equal(s.last.code, COAP_CHANGED);
	strike_stage(&s);
}

static void without_room_to_owe_an_answer_the_request_is_answered_busy(void **state)
{
	struct stage s;
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	(void)state;
	config.capacities.separate = 1;
	config.parameters.nstart = 3;
	raise_stage_with(&s, &config);
	ask(&s, COAP_GET, "later");
	world_run(&s.world, 100);
	struct handle owed = s.later;
	ask(&s, COAP_GET, "later");
	world_run(&s.world, 100);
	assert_int_equal(s.last.code, COAP_SERVICE_UNAVAILABLE);
	s.later = owed;
	answer_later(&s);
	world_run(&s.world, 100);
	assert_int_equal(s.last.code, COAP_CONTENT);
	strike_stage(&s);
}

static void without_room_for_a_message_in_flight_a_request_waits(void **state)
{
	struct stage s;
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	(void)state;
	config.capacities.pending = 1;
	config.parameters.nstart = 4;
	raise_stage_with(&s, &config);
	for (int i = 0; i < 4; i++)
		ask(&s, COAP_GET, "hello");
	world_run(&s.world, 39);
	assert_int_equal(s.world.link.sent, 2);
	world_run(&s.world, 200);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 4);
	strike_stage(&s);
}

static void a_body_in_one_message_may_be_gone_before_its_turn_comes(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	char text[] = "kept";
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_GET, "hello");
	struct coap_call call = call_to(&s, COAP_POST, "mirror", &options);
	call.body = bytes_of(text, 4);
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	memset(text, 'x', 4);
	world_run(&s.world, 200);
	assert_int_equal(s.body_len, 4);
	assert_memory_equal(s.body, "kept", 4);
	strike_stage(&s);
}

static void ask_the_lost_again(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	struct coap_options options;
	struct handle h;
	struct coap_call call = call_to(s, COAP_GET, "hello", &options);
	on_reply(context, endpoint, reply, now);
	assert_true(coap_endpoint_request(endpoint, &call, now, &h));
}

static void one_who_asks_again_when_the_association_is_lost_is_heard(void **state)
{
	struct stage s;
	struct coap_options options;
	struct handle h;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_GET, "later", &options);
	call.reply = ask_the_lost_again;
	for (int i = 0; i < 3; i++)
		assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, 100);
	coap_endpoint_lost(s.client.endpoint, &call.to, s.world.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 3);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 3);
	strike_stage(&s);
}

/* ---- chance ---- */

static void on_a_bad_link_every_exchange_ends_once_and_nothing_runs_twice(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct stage s;
		raise_stage(&s);
		link_done(&s.world.link);
		link_init(&s.world.link, seed);
		s.world.link.quality = (struct link_quality){
			.delay = 30, .jitter = 300, .loss_permille = 200, .repeat_permille = 200, .repeat_delay = 5000};
		for (int i = 0; i < 40; i++) {
			ask(&s, i % 2 ? COAP_GET : COAP_POST, i % 2 ? "hello" : "count");
			world_run(&s.world, prng_below(&s.world.prng, 2000));
		}
		world_run(&s.world, SECONDS(3000));
		assert_int_equal(outcomes(&s), 40);
		assert_true(s.executed <= 20);
		assert_true(s.outcomes[COAP_OUTCOME_RESPONSE] >= 35);
		assert_true(coap_endpoint_is_idle(s.client.endpoint) && coap_endpoint_is_idle(s.server.endpoint));
		assert_int_equal(coap_endpoint_deadline(s.client.endpoint), NEVER);
		strike_stage(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_get_is_answered_with_the_resource_in_one_round_trip),
		cmocka_unit_test(a_nonconfirmable_request_gets_a_nonconfirmable_response),
		cmocka_unit_test(verdicts_of_the_endpoint_itself),
		cmocka_unit_test(the_longest_path_wins_and_the_rest_is_handed_over),
		cmocka_unit_test(an_etag_that_is_still_right_is_answered_valid_without_payload),
		cmocka_unit_test(discovery_lists_what_is_not_hidden_and_filters),
		cmocka_unit_test(a_lost_request_and_a_lost_ack_are_made_good_and_run_once),
		cmocka_unit_test(a_repeated_request_is_answered_but_not_executed_again),
		cmocka_unit_test(a_repeated_nonconfirmable_request_is_dropped_in_silence),
		cmocka_unit_test(a_repeated_idempotent_request_runs_again_only_where_the_resource_allows_it),
		cmocka_unit_test(nobody_there_is_a_timeout_after_five_transmissions),
		cmocka_unit_test(the_callers_patience_goes_before_the_parameters),
		cmocka_unit_test(a_rejected_request_ends_with_reset),
		cmocka_unit_test(an_answer_that_is_quick_after_all_is_piggybacked),
		cmocka_unit_test(a_separate_response_survives_every_single_loss_and_runs_once),
		cmocka_unit_test(a_response_that_overtakes_the_ack_stops_the_retransmission),
		cmocka_unit_test(an_answer_that_never_comes_is_a_timeout_on_both_sides),
		cmocka_unit_test(a_nonconfirmable_request_is_never_acknowledged),
		cmocka_unit_test(no_more_than_nstart_requests_are_outstanding_and_all_are_answered_in_turn),
		cmocka_unit_test(an_acknowledged_request_gives_its_turn_to_the_next),
		cmocka_unit_test(a_cancelled_request_has_no_outcome_and_frees_its_turn),
		cmocka_unit_test(a_ping_is_answered_by_reset),
		cmocka_unit_test(what_was_asked_of_a_lost_association_ends_at_once),
		cmocka_unit_test(a_reply_function_may_ask_again),
		cmocka_unit_test(what_is_answered_to_odd_messages),
		cmocka_unit_test(long_tokens_are_repeated_and_longer_ones_refused_not_rejected),
		cmocka_unit_test(a_response_counts_only_from_the_remote_that_was_asked),
		cmocka_unit_test(a_response_with_an_unknown_critical_option_is_rejected),
		cmocka_unit_test(a_full_table_of_exchanges_refuses_and_recovers),
		cmocka_unit_test(without_room_to_remember_it_an_unsafe_request_does_not_run),
		cmocka_unit_test(without_room_to_owe_an_answer_the_request_is_answered_busy),
		cmocka_unit_test(without_room_for_a_message_in_flight_a_request_waits),
		cmocka_unit_test(a_body_in_one_message_may_be_gone_before_its_turn_comes),
		cmocka_unit_test(one_who_asks_again_when_the_association_is_lost_is_heard),
		cmocka_unit_test(on_a_bad_link_every_exchange_ends_once_and_nothing_runs_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
