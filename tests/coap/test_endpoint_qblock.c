/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies by Q-Block between two real endpoints in virtual time, and between one and a hand-made peer (RFC 9177). */
#include "coap/content_format.h"
#include "coap/endpoint_state.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX 60000

struct stage {
	struct world world;
	struct peer client, server;
	uint8_t content[BODY_MAX]; /* what /body and /slices give */
	size_t content_len;
	int executed;
	uint8_t got[BODY_MAX];
	size_t got_len;
	bool answers_later;
	struct handle later;
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	enum coap_code code;
	uint8_t body[BODY_MAX];
	size_t body_len;
	uint64_t sunk;
	struct handle exchange;
	/* the wire, as lines */
	char trace[16384];
	size_t trace_len;
	uint64_t lost[16]; /* which datagrams are lost, by number, from when the trace began */
	unsigned lost_count;
	uint64_t first;
	bool is_traced;
	bool no_confirmables;
};

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(s->content, s->content_len);
	if (request->message->code == COAP_GET)
		return COAP_ANSWER_NOW;
	if (!request->is_notification)
		s->executed++;
	s->got_len = request->body.len;
	memcpy(s->got, request->body.data, request->body.len);
	if (request->message->code == COAP_PUT) {
		ret->code = COAP_CHANGED;
		ret->payload = BYTES_NONE;
	}
	s->later = request->later;
	return s->answers_later ? COAP_ANSWER_LATER : COAP_ANSWER_NOW;
}

/* Byte i of a body that is nowhere is i / 16. */
static enum coap_answer handle_slices(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	uint8_t *slice = arena_take(request->scratch, request->slice_size);
	size_t len = 0;
	for (uint64_t i = request->slice_offset; i < s->content_len && len < request->slice_size; i++)
		slice[len++] = (uint8_t)(i / 16);
	ret->code = COAP_CONTENT;
	ret->is_slice = true;
	ret->body_size = s->content_len;
	ret->payload = bytes_of(slice, len);
	ret->etag = bytes_of("s", 1);
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "body", .handle = handle_body, .is_observable = true},
	{.path = "slices", .handle = handle_slices},
	{.path = "stream", .handle = handle_body, .takes_stream = true},
};
#define RESOURCES (sizeof resources / sizeof resources[0])

static struct coap_endpoint_config config_of(void)
{
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.body_size_max = 50000;
	config.parameters.amplification_max = 0;
	config.capacities.bodies = 4;
	config.capacities.qblocks = 4;
	config.capacities.duplicates = 512;
	return config;
}

static bool watch(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	struct stage *s = context;
	char line[COAP_MESSAGE_TEXT_MAX_BYTES];
	struct coap_message m;
	bool passes = true;
	(void)to, (void)now;
	for (unsigned i = 0; i < s->lost_count; i++)
		passes &= s->lost[i] + s->first != number;
	if (coap_message_parse(datagram, &m) != COAP_VERDICT_OK)
		return passes;
	if (s->no_confirmables && m.type == COAP_TYPE_CON)
		fail_msg("a confirmable message");
	if (!s->is_traced)
		return passes;
	m.id = 0;
	m.token.len = 0;
	struct writer w = writer_of(line, sizeof line);
	coap_message_describe(&w, &m);
	s->trace_len += (size_t)snprintf(s->trace + s->trace_len, sizeof s->trace - s->trace_len, "%s %.*s%s\n",
		from->ip[15] == 1 ? ">" : "<", (int)writer_bytes(&w).len, line, passes ? "" : " LOST");
	return passes;
}

static void raise_with(struct stage *s, size_t content_len, const struct coap_endpoint_config *client,
	const struct coap_endpoint_config *server)
{
	memset(s, 0, sizeof *s);
	world_init(&s->world, 7);
	s->world.link.quality.delay = 20;
	s->world.link.filter = watch;
	s->world.link.filter_context = s;
	s->content_len = content_len;
	for (size_t i = 0; i < content_len; i++)
		s->content[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	peer_join(&s->client, &s->world, 1, client);
	peer_join(&s->server, &s->world, 2, server);
}

static void raise(struct stage *s, size_t content_len)
{
	struct coap_endpoint_config config = config_of();
	raise_with(s, content_len, &config, &config);
}

static void strike(struct stage *s)
{
	world_run(&s->world, SECONDS(300)); /* what is kept for those who ask again goes */
	assert_true(coap_endpoint_is_idle(s->client.endpoint) && coap_endpoint_is_idle(s->server.endpoint));
	assert_int_equal(coap_bodies_count(&s->client.endpoint->bodies), 0);
	assert_int_equal(coap_bodies_count(&s->server.endpoint->bodies), 0);
	assert_int_equal(s->server.endpoint->qreplies.slab.used, 0);
	assert_int_equal(s->server.endpoint->qrequests.slab.used, 0);
	assert_int_equal(s->client.endpoint->qcalls.slab.used, 0);
	peer_leave(&s->client);
	peer_leave(&s->server);
	world_done(&s->world);
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
}

static void begin(struct stage *s, enum coap_code method, const char *path, struct bytes body, enum coap_qblock_use use,
	bool observe)
{
	struct coap_options options;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = peer_remote(&s->server),
		.method = method,
		.options = &options,
		.body = body,
		.qblock = use,
		.observe = observe,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &s->exchange));
}

static void ask(struct stage *s, enum coap_code method, const char *path, struct bytes body, msec span)
{
	begin(s, method, path, body, COAP_QBLOCK_NON, false);
	world_run(&s->world, span);
}

/* The peers know each other already, so that what follows is non-confirmable from its first message on. */
static void acquaint(struct stage *s)
{
	size_t len = s->content_len;
	s->content_len = 1;
	ask(s, COAP_GET, "body", BYTES_NONE, SECONDS(1));
	s->content_len = len;
	memset(s->outcomes, 0, sizeof s->outcomes);
	s->is_traced = s->no_confirmables = true;
	s->first = s->world.link.sent;
}

static void lose(struct stage *s, uint64_t number)
{
	s->lost[s->lost_count++] = number;
}

static struct bytes content_of(const struct stage *s)
{
	return bytes_of(s->content, s->content_len);
}

static void assert_response(const struct stage *s)
{
	assert_int_equal(s->outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s->body_len, s->content_len);
	assert_memory_equal(s->body, s->content, s->content_len);
}

static void assert_executed(const struct stage *s)
{
	assert_int_equal(s->outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s->executed, 1);
	assert_int_equal(s->got_len, s->content_len);
	assert_memory_equal(s->got, s->content, s->content_len);
}

/* ---- responses ---- */

static void a_long_response_arrives_in_sets_after_a_confirmable_probe(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 25000);
	s.is_traced = true;
	ask(&s, COAP_GET, "body", BYTES_NONE, SECONDS(1));
	assert_response(&s);
	/* probe 2, whole 1, 25 blocks, two times 'Continue' */
	assert_int_equal(s.world.link.sent, 2 + 1 + 25 + 2);
	assert_non_null(strstr(s.trace, "> CON GET 0000 /body Q-Block2:0/0/1024"));
	assert_non_null(strstr(s.trace, "> NON GET 0000 /body Q-Block2:0/1/1024"));
	assert_non_null(strstr(s.trace, "> NON GET 0000 /body Q-Block2:10/1/1024"));
	assert_non_null(strstr(s.trace, "> NON GET 0000 /body Q-Block2:20/1/1024"));
	strike(&s);
}

static void a_short_response_needs_no_more_than_the_probe(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 1024);
	ask(&s, COAP_GET, "body", BYTES_NONE, SECONDS(1));
	assert_response(&s);
	assert_int_equal(s.world.link.sent, 2);
	strike(&s);
}

/* Section 10.2.3: blocks 1 and 9 of the first set are lost, then block 1 once more. */
static void lost_blocks_of_a_response_are_asked_for_in_one_go(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 10500);
	acquaint(&s);
	lose(&s, 3);
	lose(&s, 11);
	lose(&s, 14);
	ask(&s, COAP_GET, "body", BYTES_NONE, SECONDS(20));
	assert_response(&s);
	assert_non_null(strstr(s.trace, "> NON GET 0000 /body Q-Block2:1/0/1024 Q-Block2:9/0/1024\n"));
	assert_non_null(strstr(s.trace, "> NON GET 0000 /body Q-Block2:1/0/1024\n"));
	assert_int_equal(s.world.link.sent - s.first, 1 + 11 + 1 + 2 + 1 + 1);
	strike(&s);
}

static void a_whole_response_arrives_although_nothing_of_the_client_does_after_its_request(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 30000);
	acquaint(&s);
	lose(&s, 12); /* both times 'Continue' */
	lose(&s, 23);
	ask(&s, COAP_GET, "body", BYTES_NONE, SECONDS(10));
	assert_response(&s);
	strike(&s);
}

/* The server was restarted, or has let the response go: what has an effect does not run again without its body. */
static void asking_for_the_first_block_of_a_response_that_is_gone_runs_nothing(void **state)
{
	struct stage s;
	struct coap_options options = {0};
	struct coap_token token = coap_token_of(bytes_of("t", 1));
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof room);
	struct coap_remote from;
	(void)state;
	raise(&s, 3000);
	from = peer_remote(&s.client);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("body"));
	coap_options_add_uint(&options, COAP_OPTION_Q_BLOCK2, coap_block_value((struct coap_block){0, false, 6}));
	coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, 5);
	coap_message_write(&w, COAP_TYPE_NON, COAP_POST, 1, &token, &options, BYTES_NONE);
	coap_endpoint_receive(s.server.endpoint, &from, writer_bytes(&w), s.world.now);
	assert_int_equal(s.executed, 0);
	strike(&s);
}

/* One of two blocks of a POST. */
static void hear_block(struct stage *s, uint8_t tag, uint8_t number, uint16_t id)
{
	struct coap_options options = {0};
	struct coap_token token = coap_token_of(bytes_of(&number, 1));
	struct coap_remote from = peer_remote(&s->client);
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof room);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("body"));
	coap_options_add_uint(
		&options, COAP_OPTION_Q_BLOCK1, coap_block_value((struct coap_block){number, number == 0, 0}));
	coap_options_add_uint(&options, COAP_OPTION_SIZE1, 32);
	coap_options_add_uint(&options, COAP_OPTION_REQUEST_TAG, tag);
	coap_message_write(&w, COAP_TYPE_NON, COAP_POST, id, &token, &options, bytes_of("0123456789abcdef", 16));
	coap_endpoint_receive(s->server.endpoint, &from, writer_bytes(&w), s->world.now);
}

static void late_copies_of_a_request_that_gave_its_place_to_another_do_not_run_it_again(void **state)
{
	struct stage s;
	struct coap_endpoint_config config = config_of();
	(void)state;
	config.capacities.qblocks = 1;
	raise_with(&s, 20, &config, &config);
	for (uint8_t tag = 1; tag <= 2; tag++)
		for (uint8_t number = 0; number < 2; number++)
			hear_block(&s, tag, number, (uint16_t)(tag * 2 + number));
	assert_int_equal(s.executed, 2);
	hear_block(&s, 1, 0, 2);
	hear_block(&s, 1, 1, 3);
	assert_int_equal(s.executed, 2);
	strike(&s);
}

static bool keep_first(void *context, const struct address *from, const struct address *to, struct bytes datagram,
	uint64_t number, msec now)
{
	(void)from, (void)to, (void)now;
	if (number == 1)
		(void)coap_message_parse(datagram, context);
	return true;
}

/* The network has repeated the probe, and by then the server wants an Echo: that is about the probe alone. */
static void a_late_answer_to_the_probe_does_not_send_the_request_again(void **state)
{
	struct stage s;
	struct coap_message probe;
	struct coap_options options = {0};
	struct coap_remote from;
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	raise(&s, 20);
	s.world.link.filter = keep_first;
	s.world.link.filter_context = &probe;
	begin(&s, COAP_POST, "body", content_of(&s), COAP_QBLOCK_NON, false);
	world_run(&s.world, 45);
	from = peer_remote(&s.server);
	coap_options_add(&options, COAP_OPTION_ECHO, bytes_of("echo", 4));
	coap_message_write(&w, COAP_TYPE_ACK, COAP_UNAUTHORIZED, probe.id, &probe.token, &options, BYTES_NONE);
	coap_endpoint_receive(s.client.endpoint, &from, writer_bytes(&w), s.world.now);
	world_run(&s.world, SECONDS(60));
	assert_executed(&s);
	strike(&s);
}

static void an_endpoint_is_not_idle_while_a_body_is_on_its_way_in_either_direction(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 40000);
	acquaint(&s);
	begin(&s, COAP_POST, "body", content_of(&s), COAP_QBLOCK_NON, false);
	world_run(&s.world, 30);
	assert_int_equal(s.executed, 0);
	assert_false(coap_endpoint_is_idle(s.server.endpoint));
	while (s.executed == 0)
		world_run(&s.world, 10);
	world_run(&s.world, 10);
	assert_false(coap_endpoint_is_idle(s.server.endpoint));
	world_run(&s.world, SECONDS(60));
	assert_executed(&s);
	assert_true(coap_endpoint_is_idle(s.server.endpoint));
	strike(&s);
}

static void slices_go_by_qblock_too(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 40000);
	s.world.link.quality.loss_permille = 100;
	ask(&s, COAP_GET, "slices", BYTES_NONE, SECONDS(500));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 40000);
	for (size_t i = 0; i < 40000; i++)
		assert_int_equal(s.body[i], (uint8_t)(i / 16));
	strike(&s);
}

static void a_response_by_confirmable_messages_arrives_one_by_one(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 5000);
	s.is_traced = true;
	s.world.link.quality.loss_permille = 100;
	begin(&s, COAP_GET, "body", BYTES_NONE, COAP_QBLOCK_CON, false);
	world_run(&s.world, SECONDS(300));
	assert_response(&s);
	assert_null(strstr(s.trace, "NON"));
	strike(&s);
}

/* ---- requests ---- */

static void a_long_request_arrives_in_sets_and_runs_once(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 25000);
	acquaint(&s);
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(1));
	assert_executed(&s);
	assert_int_equal(s.code, COAP_CHANGED);
	assert_int_equal(s.world.link.sent - s.first, 25 + 2 + 1);
	assert_non_null(strstr(s.trace, "< NON 2.31 Continue 0000 Q-Block1:9/1/1024\n"));
	strike(&s);
}

static void a_peer_that_is_not_known_yet_is_probed_before_a_long_request(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 5000);
	s.is_traced = true;
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(1));
	assert_executed(&s);
	assert_non_null(strstr(s.trace, "> CON GET 0000 /body Q-Block2:0/0/16\n"));
	strike(&s);
}

/* Section 10.1.3. */
static void lost_blocks_of_a_request_are_sent_again_before_the_rest(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 13000);
	acquaint(&s);
	lose(&s, 2);
	lose(&s, 10);
	lose(&s, 11);
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(30));
	assert_executed(&s);
	assert_non_null(strstr(s.trace, "< NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (2 bytes)\n"));
	assert_non_null(strstr(s.trace, "< NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (1 byte)\n"));
	strike(&s);
}

static void a_request_whose_answer_is_lost_is_answered_again_but_runs_once(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 3000);
	acquaint(&s);
	lose(&s, 4);
	lose(&s, 6);
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(60));
	assert_executed(&s);
	strike(&s);
}

/* The datagram of a request is its owner's again when it has been handled: an answer that comes later, while what
 * stands in its place looks like the request, must not be made from it. */
static void an_answer_that_comes_later_does_not_read_the_datagram_of_its_request(void **state)
{
	struct stage s;
	struct coap_options options = {0};
	struct coap_token token = coap_token_of(bytes_of("t", 1));
	struct coap_remote from;
	(void)state;
	raise(&s, 3000);
	from = peer_remote(&s.client);
	s.answers_later = true;
	uint8_t *datagram = malloc(64);
	struct writer w = writer_of(datagram, 64);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("body"));
	coap_options_add_uint(&options, COAP_OPTION_Q_BLOCK2, coap_block_value((struct coap_block){0, true, 6}));
	coap_message_write(&w, COAP_TYPE_NON, COAP_FETCH, 7, &token, &options, bytes_of("what", 4));
	coap_endpoint_receive(s.server.endpoint, &from, writer_bytes(&w), s.world.now);
	assert_int_equal(s.executed, 1);
	free(datagram);
	assert_int_equal(s.server.endpoint->message.code, COAP_EMPTY);
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	r.payload = content_of(&s);
	assert_true(coap_endpoint_respond(s.server.endpoint, s.later, &r, s.world.now));
	strike(&s);
}

static void a_long_request_may_be_answered_later_and_with_a_long_response(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 25000);
	s.answers_later = true;
	begin(&s, COAP_POST, "body", content_of(&s), COAP_QBLOCK_NON, false);
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.executed, 1);
	struct coap_response r = {.code = COAP_CHANGED, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	r.payload = content_of(&s);
	assert_true(coap_endpoint_respond(s.server.endpoint, s.later, &r, s.world.now));
	world_run(&s.world, SECONDS(10));
	assert_executed(&s);
	assert_response(&s);
	strike(&s);
}

static void a_request_by_confirmable_messages_arrives_and_runs_once(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 15000);
	s.world.link.quality.loss_permille = 50;
	begin(&s, COAP_PUT, "body", content_of(&s), COAP_QBLOCK_CON, false);
	world_run(&s.world, SECONDS(400));
	assert_executed(&s);
	strike(&s);
}

static void a_stream_gets_the_body_in_one_part(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 12000);
	ask(&s, COAP_PUT, "stream", content_of(&s), SECONDS(2));
	assert_executed(&s);
	strike(&s);
}

static void a_request_above_the_limit_is_refused(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 50001);
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(10));
	assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
	assert_int_equal(s.executed, 0);
	strike(&s);
}

/* ---- both, observed, refused ---- */

static void bodies_both_ways_survive_a_bad_link(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct stage s;
		raise(&s, 24000);
		link_init(&s.world.link, seed);
		s.world.link.quality = (struct link_quality){
			.delay = 30, .jitter = 40, .loss_permille = 150, .repeat_permille = 100, .repeat_delay = 300};
		ask(&s, COAP_FETCH, "body", content_of(&s), SECONDS(900));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE] + s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
		assert_true(s.executed <= 1);
		if (s.outcomes[COAP_OUTCOME_RESPONSE] == 1 && s.code == COAP_CONTENT) {
			assert_executed(&s);
			assert_response(&s);
		}
		strike(&s);
	}
}

static void notifications_come_by_qblock_until_they_are_cancelled(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 15000);
	begin(&s, COAP_GET, "body", BYTES_NONE, COAP_QBLOCK_NON, true);
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	for (int i = 2; i < 6; i++) {
		s.content[77]++;
		coap_endpoint_resource_changed(s.server.endpoint, &resources[0], s.world.now);
		world_run(&s.world, SECONDS(10));
		assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], i);
		assert_int_equal(s.body_len, s.content_len);
		assert_memory_equal(s.body, s.content, s.content_len);
	}
	coap_endpoint_cancel(s.client.endpoint, s.exchange, s.world.now);
	world_run(&s.world, SECONDS(1));
	coap_endpoint_resource_changed(s.server.endpoint, &resources[0], s.world.now);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 5);
	strike(&s);
}

static void lost_blocks_of_a_notification_are_asked_for(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 15000);
	begin(&s, COAP_GET, "body", BYTES_NONE, COAP_QBLOCK_NON, true);
	world_run(&s.world, SECONDS(1));
	s.content[14999]++;
	s.first = s.world.link.sent;
	lose(&s, 1);
	lose(&s, 4);
	lose(&s, 10);
	coap_endpoint_resource_changed(s.server.endpoint, &resources[0], s.world.now);
	world_run(&s.world, SECONDS(30));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	assert_memory_equal(s.body, s.content, s.content_len);
	coap_endpoint_cancel(s.client.endpoint, s.exchange, s.world.now);
	strike(&s);
}

static void a_peer_without_qblock_is_served_by_block(void **state)
{
	static const enum coap_qblock_use uses[] = {COAP_QBLOCK_NON, COAP_QBLOCK_CON};
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct coap_endpoint_config client = config_of(), server = config_of();
		struct stage s;
		server.capacities.qblocks = 0;
		raise_with(&s, 5000, &client, &server);
		begin(&s, i < 2 ? COAP_GET : COAP_PUT, "body", i < 2 ? BYTES_NONE : content_of(&s), uses[i % 2], false);
		world_run(&s.world, SECONDS(5));
		if (i < 2)
			assert_response(&s);
		else
			assert_executed(&s);
		/* It is known now. */
		uint64_t before = s.world.link.sent;
		memset(s.outcomes, 0, sizeof s.outcomes);
		begin(&s, COAP_GET, "body", BYTES_NONE, uses[i % 2], false);
		world_run(&s.world, SECONDS(5));
		assert_response(&s);
		assert_int_equal(s.world.link.sent - before, 10);
		strike(&s);
	}
}

static void strangers_prove_their_address_first(void **state)
{
	struct coap_endpoint_config client = config_of(), server = config_of();
	struct stage s;
	(void)state;
	server.parameters.amplification_max = 3;
	server.capacities.verified = 4;
	raise_with(&s, 25000, &client, &server);
	s.is_traced = true;
	ask(&s, COAP_GET, "body", BYTES_NONE, SECONDS(2));
	assert_response(&s);
	assert_non_null(strstr(s.trace, "< ACK 4.01"));
	memset(s.outcomes, 0, sizeof s.outcomes);
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(2));
	assert_executed(&s);
	strike(&s);
}

static void a_silent_peer_is_left_alone_for_as_long_as_the_probing_rate_says(void **state)
{
	struct stage s;
	(void)state;
	raise(&s, 5000);
	acquaint(&s);
	s.is_traced = false;
	s.world.link.quality.loss_permille = 1000;
	ask(&s, COAP_PUT, "body", content_of(&s), SECONDS(140));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	uint64_t before = s.world.link.sent;
	begin(&s, COAP_GET, "body", BYTES_NONE, COAP_QBLOCK_NON, false);
	world_run(&s.world, SECONDS(200));
	assert_int_equal(s.world.link.sent, before);
	s.world.link.quality.loss_permille = 0;
	world_run(&s.world, SECONDS(60));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike(&s);
}

static bool sink_part(void *context, uint64_t offset, struct bytes part, uint64_t size)
{
	struct stage *s = context;
	assert_int_equal(size, s->content_len);
	memcpy(s->body + offset, part.data, part.len);
	s->sunk += part.len;
	return true;
}

static void a_body_above_the_limit_can_go_part_by_part_to_the_application(void **state)
{
	struct stage s;
	uint8_t bitmap[BODY_MAX / 1024 / 8 + 1];
	struct coap_options options;
	struct coap_sink sink = {sink_part, &s, bitmap, 8 * sizeof bitmap};
	(void)state;
	raise(&s, 60000);
	s.world.link.quality.loss_permille = 100;
	s.world.link.quality.repeat_permille = 100;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("slices"));
	struct coap_call call = {.to = peer_remote(&s.server),
		.method = COAP_GET,
		.options = &options,
		.qblock = COAP_QBLOCK_NON,
		.sink = &sink,
		.reply = on_reply,
		.context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &s.exchange));
	world_run(&s.world, SECONDS(300));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 0);
	assert_int_equal(s.sunk, 60000);
	for (size_t i = 0; i < 60000; i++)
		assert_int_equal(s.body[i], (uint8_t)(i / 16));
	strike(&s);
}

static void a_caller_who_paces_himself_gets_several_blocks_for_one_request(void **state)
{
	struct stage s;
	struct coap_options options;
	(void)state;
	raise(&s, 30000);
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("slices"));
	for (uint32_t n = 13; n < 19; n++)
		coap_options_add_uint(
			&options, COAP_OPTION_Q_BLOCK2, coap_block_value((struct coap_block){n, false, 6}));
	struct coap_call call = {.to = peer_remote(&s.server),
		.method = COAP_GET,
		.options = &options,
		.is_block = true,
		.is_nonconfirmable = true,
		.responses = 6,
		.reply = on_reply,
		.context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &s.exchange));
	world_run(&s.world, SECONDS(1));
	assert_int_equal(s.outcomes[COAP_OUTCOME_BLOCK], 5);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.world.link.sent, 7);
	strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_response_arrives_in_sets_after_a_confirmable_probe),
		cmocka_unit_test(a_short_response_needs_no_more_than_the_probe),
		cmocka_unit_test(lost_blocks_of_a_response_are_asked_for_in_one_go),
		cmocka_unit_test(a_whole_response_arrives_although_nothing_of_the_client_does_after_its_request),
		cmocka_unit_test(asking_for_the_first_block_of_a_response_that_is_gone_runs_nothing),
		cmocka_unit_test(late_copies_of_a_request_that_gave_its_place_to_another_do_not_run_it_again),
		cmocka_unit_test(a_late_answer_to_the_probe_does_not_send_the_request_again),
		cmocka_unit_test(an_endpoint_is_not_idle_while_a_body_is_on_its_way_in_either_direction),
		cmocka_unit_test(slices_go_by_qblock_too),
		cmocka_unit_test(a_response_by_confirmable_messages_arrives_one_by_one),
		cmocka_unit_test(a_long_request_arrives_in_sets_and_runs_once),
		cmocka_unit_test(a_peer_that_is_not_known_yet_is_probed_before_a_long_request),
		cmocka_unit_test(lost_blocks_of_a_request_are_sent_again_before_the_rest),
		cmocka_unit_test(a_request_whose_answer_is_lost_is_answered_again_but_runs_once),
		cmocka_unit_test(an_answer_that_comes_later_does_not_read_the_datagram_of_its_request),
		cmocka_unit_test(a_long_request_may_be_answered_later_and_with_a_long_response),
		cmocka_unit_test(a_request_by_confirmable_messages_arrives_and_runs_once),
		cmocka_unit_test(a_stream_gets_the_body_in_one_part),
		cmocka_unit_test(a_request_above_the_limit_is_refused),
		cmocka_unit_test(bodies_both_ways_survive_a_bad_link),
		cmocka_unit_test(notifications_come_by_qblock_until_they_are_cancelled),
		cmocka_unit_test(lost_blocks_of_a_notification_are_asked_for),
		cmocka_unit_test(a_peer_without_qblock_is_served_by_block),
		cmocka_unit_test(strangers_prove_their_address_first),
		cmocka_unit_test(a_silent_peer_is_left_alone_for_as_long_as_the_probing_rate_says),
		cmocka_unit_test(a_body_above_the_limit_can_go_part_by_part_to_the_application),
		cmocka_unit_test(a_caller_who_paces_himself_gets_several_blocks_for_one_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
