/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies in blocks between two real endpoints (RFC 7959). */
#include "coap/body.h"
#include "coap/endpoint_state.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BODY_MAX 20000

struct stage {
	struct world world;
	struct peer client, server;
	uint8_t content[BODY_MAX]; /* what /body gives, /echo gives back with each byte plus one */
	size_t content_len;
	int version;           /* part of the ETag of /body */
	int executed;          /* handler calls with an effect */
	uint8_t got[BODY_MAX]; /* what the handler was given */
	size_t got_len;
	bool was_conditional; /* If-None-Match */
	int parts;
	bool refuses_part_two, answers_parts_later;
	struct handle later;
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	enum coap_code code;
	uint8_t body[BODY_MAX]; /* what the client was given */
	size_t body_len;
	int changes_at;              /* the content changes when the server has received so many messages */
	uint64_t asked_to;           /* of a source: the highest offset it was asked for */
	uint64_t gives_to;           /* it gives what lies before, 0: all */
	unsigned asked, asked_wrong; /* of them again or for more than there is */
};

static void give_content(struct stage *s, const struct coap_request *request, struct coap_response *ret)
{
	(void)request;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(s->content, s->content_len);
}

static enum coap_answer handle_body(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	if (s->changes_at > 0 && --s->changes_at == 0)
		s->content[0] ^= 1;
	if (request->message->code == COAP_GET || request->message->code == COAP_FETCH) {
		give_content(s, request, ret);
		return COAP_ANSWER_NOW;
	}
	s->executed++;
	s->got_len = request->body.len;
	s->was_conditional = request->has_if_none_match;
	memcpy(s->got, request->body.data, request->body.len);
	ret->code = COAP_CHANGED;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_echo(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->executed++;
	uint8_t *copy = arena_take(request->scratch, request->body.len);
	for (size_t i = 0; i < request->body.len; i++)
		copy[i] = (uint8_t)(request->body.data[i] + 1);
	ret->code = COAP_CHANGED;
	ret->payload = bytes_of(copy, request->body.len);
	return COAP_ANSWER_NOW;
}

/* Gives slices of a body that is nowhere: byte i is i / 16. */
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

static enum coap_answer handle_stream(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	assert_int_equal(request->body_offset, s->got_len);
	memcpy(s->got + s->got_len, request->body.data, request->body.len);
	s->got_len += request->body.len;
	s->parts++;
	if (s->refuses_part_two && s->parts == 2) {
		ret->code = COAP_FORBIDDEN;
		return COAP_ANSWER_NOW;
	}
	s->executed += request->body_is_last;
	s->later = request->later;
	ret->code = COAP_CHANGED;
	return s->answers_parts_later ? COAP_ANSWER_LATER : COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "body", .handle = handle_body},
	{.path = "echo", .handle = handle_echo},
	{.path = "slices", .handle = handle_slices},
	{.path = "stream", .handle = handle_stream, .takes_stream = true},
};
#define RESOURCES (sizeof resources / sizeof resources[0])

static struct coap_endpoint_config config_of(uint16_t block_size)
{
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.block_size = block_size;
	config.parameters.body_size_max = 16384;
	config.capacities.bodies = 2;
	config.capacities.duplicates = 512;
	return config;
}

static void raise_stage(struct stage *s, uint16_t client_block_size, uint16_t server_block_size, size_t content_len)
{
	struct coap_endpoint_config client = config_of(client_block_size), server = config_of(server_block_size);
	memset(s, 0, sizeof *s);
	world_init(&s->world, 7);
	s->world.link.quality.delay = 5;
	s->content_len = content_len;
	for (size_t i = 0; i < content_len; i++)
		s->content[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	peer_join(&s->client, &s->world, 1, &client);
	peer_join(&s->server, &s->world, 2, &server);
}

static void strike_stage(struct stage *s)
{
	assert_true(coap_endpoint_is_idle(s->client.endpoint) && coap_endpoint_is_idle(s->server.endpoint));
	assert_int_equal(coap_bodies_count(&s->client.endpoint->bodies), 0);
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

static void ask_with(struct stage *s, enum coap_code method, const char *path, struct bytes body, msec span)
{
	struct coap_options options;
	struct handle h;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = peer_remote(&s->server),
		.method = method,
		.options = &options,
		.body = body,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, span);
}

static struct bytes content_of(const struct stage *s)
{
	return bytes_of(s->content, s->content_len);
}

/* A source of the content: key 42, and never asked for what is not there. */
static bool give(void *context, uint64_t key, uint64_t offset, uint8_t *out, size_t len, msec now)
{
	struct stage *s = context;
	assert_int_equal(now, s->world.now);
	s->asked++;
	s->asked_wrong += key != 42 || offset + len > s->content_len || offset < s->asked_to;
	s->asked_to = offset;
	if (s->gives_to > 0 && offset >= s->gives_to)
		return false;
	memcpy(out, s->content + offset, len);
	return true;
}

static void put_from_source(struct stage *s, const char *path, enum coap_code method, msec span)
{
	struct coap_options options;
	struct handle h;
	struct coap_source source = {.give = give, .context = s, .key = 42, .size = (uint32_t)s->content_len};
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = peer_remote(&s->server),
		.method = method,
		.options = &options,
		.source = &source,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, span);
}

/* ---- responses (Block2) ---- */

static const uint16_t sizes[] = {16, 32, 64, 128, 256, 512, 1024};

static void a_long_response_arrives_whole_at_all_sizes_over_a_lossy_link(void **state)
{
	(void)state;
	for (size_t c = 0; c < 7; c++) {
		for (size_t v = 0; v < 7; v++) {
			struct stage s;
			raise_stage(&s, sizes[c], sizes[v], 2100);
			s.world.link.quality.loss_permille = 200;
			s.world.link.quality.jitter = 20;
			ask_with(&s, COAP_GET, "body", BYTES_NONE, SECONDS(4000));
			assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE] + s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
			if (s.outcomes[COAP_OUTCOME_RESPONSE] == 1) {
				assert_int_equal(s.body_len, s.content_len);
				assert_memory_equal(s.body, s.content, s.content_len);
			}
			strike_stage(&s);
		}
	}
}

static void a_body_that_is_a_whole_number_of_blocks_has_no_empty_block_behind(void **state)
{
	static const size_t lengths[] = {0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 16384};
	static const unsigned messages[] = {2, 2, 2, 2, 4, 4, 4, 6, 32};
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct stage s;
		raise_stage(&s, 1024, 1024, lengths[i]);
		ask_with(&s, COAP_GET, "body", BYTES_NONE, SECONDS(10));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.body_len, lengths[i]);
		assert_int_equal(s.world.link.sent, messages[i]);
		strike_stage(&s);
	}
}

static void slices_make_a_body_without_anybody_holding_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 256, 1024, 5001);
	ask_with(&s, COAP_GET, "slices", BYTES_NONE, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 5001);
	for (size_t i = 0; i < 5001; i++)
		assert_int_equal(s.body[i], (uint8_t)(i / 16));
	strike_stage(&s);
}

static void a_body_that_changes_once_under_way_is_fetched_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 1024, 5000);
	s.changes_at = 3;
	ask_with(&s, COAP_GET, "body", BYTES_NONE, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_memory_equal(s.body, s.content, 5000);
	strike_stage(&s);
}

static void a_body_that_keeps_changing_is_broken(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 16, 16, 5000);
	struct coap_options options;
	struct handle h;
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("body"));
	struct coap_call call = {.to = peer_remote(&s.server),
		.method = COAP_GET,
		.options = &options,
		.reply = on_reply,
		.context = &s};
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	for (int i = 0; i < 50; i++) {
		world_run(&s.world, 55);
		s.content[0]++;
	}
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	strike_stage(&s);
}

static void a_response_above_the_limit_is_broken_and_leaves_nothing_behind(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 1024, 16385);
	ask_with(&s, COAP_GET, "body", BYTES_NONE, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	strike_stage(&s);
}

/* ---- requests (Block1) ---- */

static void a_long_request_arrives_whole_and_runs_once_at_all_sizes_over_a_lossy_link(void **state)
{
	(void)state;
	for (size_t c = 0; c < 7; c++) {
		for (size_t v = 0; v < 7; v++) {
			struct stage s;
			raise_stage(&s, sizes[c], sizes[v], 1500);
			s.world.link.quality.loss_permille = 200;
			s.world.link.quality.repeat_permille = 100;
			s.world.link.quality.repeat_delay = 200;
			ask_with(&s, COAP_PUT, "body", content_of(&s), SECONDS(4000));
			assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE] + s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
			assert_true(s.executed <= 1);
			if (s.outcomes[COAP_OUTCOME_RESPONSE] == 1) {
				assert_int_equal(s.code, COAP_CHANGED);
				assert_int_equal(s.executed, 1);
				assert_int_equal(s.got_len, s.content_len);
				assert_memory_equal(s.got, s.content, s.content_len);
			}
			strike_stage(&s);
		}
	}
}

static void the_client_goes_on_in_the_smaller_blocks_that_the_server_prefers(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 128, 3000);
	ask_with(&s, COAP_PUT, "body", content_of(&s), SECONDS(10));
	assert_int_equal(s.code, COAP_CHANGED);
	assert_memory_equal(s.got, s.content, 3000);
	assert_int_equal(s.world.link.sent, 2 * (1 + (3000 - 1024 + 127) / 128));
	strike_stage(&s);
}

static void a_body_from_a_source_arrives_whole_over_a_lossy_link_and_nobody_holds_it(void **state)
{
	static const size_t lengths[] = {0, 1, 16, 17, 1024, 1025, 2048, 16384};
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct stage s;
		raise_stage(&s, 1024, 1024, lengths[i]);
		s.world.link.quality.loss_permille = 200;
		put_from_source(&s, "body", COAP_PUT, SECONDS(4000));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.code, COAP_CHANGED);
		assert_int_equal(s.executed, 1);
		assert_int_equal(s.got_len, lengths[i]);
		assert_memory_equal(s.got, s.content, lengths[i]);
		assert_int_equal(s.asked_wrong, 0);
		assert_int_equal(s.asked, lengths[i] <= 1024 ? 1 : (lengths[i] + 1023) / 1024); /* once for each part */
		strike_stage(&s);
	}
}

static void a_source_gives_smaller_parts_when_the_server_prefers_them(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 128, 3000);
	put_from_source(&s, "body", COAP_PUT, SECONDS(10));
	assert_int_equal(s.code, COAP_CHANGED);
	assert_int_equal(s.got_len, 3000);
	assert_memory_equal(s.got, s.content, 3000);
	assert_int_equal(s.asked_wrong, 0);
	assert_int_equal(s.asked, 1 + (3000 - 1024 + 127) / 128);
	strike_stage(&s);
}

static void a_source_names_what_is_fetched_as_well(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 64, 64, 40);
	put_from_source(&s, "body", COAP_FETCH, SECONDS(10));
	assert_int_equal(s.code, COAP_CONTENT);
	assert_int_equal(s.asked, 1);
	strike_stage(&s);
}

static void a_call_whose_source_runs_dry_is_broken_and_has_no_effect(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 1024, 5000);
	s.gives_to = 3000;
	put_from_source(&s, "body", COAP_PUT, SECONDS(10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

static void a_request_above_the_limit_is_refused_at_its_first_block(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 1024, 1024, 16385);
	ask_with(&s, COAP_PUT, "body", content_of(&s), SECONDS(10));
	assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
	assert_int_equal(s.executed, 0);
	assert_int_equal(s.world.link.sent, 2);
	strike_stage(&s);
}

static void a_long_request_with_a_long_response_runs_once(void **state)
{
	static const enum coap_code methods[] = {COAP_POST, COAP_FETCH};
	(void)state;
	for (int m = 0; m < 2; m++) {
		for (uint64_t seed = 1; seed < 20; seed++) {
			struct stage s;
			raise_stage(&s, 64, 64, 1000);
			link_done(&s.world.link);
			link_init(&s.world.link, seed);
			s.world.link.quality = (struct link_quality){.delay = 5, .loss_permille = seed == 1 ? 0 : 100};
			ask_with(&s, methods[m], "echo", content_of(&s), SECONDS(300));
			assert_true(s.executed == 1);
			assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
			assert_int_equal(s.code, COAP_CHANGED);
			assert_int_equal(s.body_len, 1000);
			for (size_t i = 0; i < 1000; i++)
				assert_int_equal(s.body[i], (uint8_t)(s.content[i] + 1));
			world_run(&s.world, SECONDS(200));
			assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
			strike_stage(&s);
		}
	}
}

static void a_stream_gets_each_part_once_and_in_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct stage s;
		raise_stage(&s, 512, 512, 19000); /* above body_size_max: a stream has no limit */
		link_done(&s.world.link);
		link_init(&s.world.link, seed);
		s.world.link.quality = (struct link_quality){
			.delay = 5, .loss_permille = 100, .repeat_permille = 100, .repeat_delay = 300};
		ask_with(&s, COAP_PUT, "stream", content_of(&s), SECONDS(2000));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.code, COAP_CHANGED);
		assert_int_equal(s.executed, 1);
		assert_int_equal(s.parts, 38);
		assert_int_equal(s.got_len, 19000);
		assert_memory_equal(s.got, s.content, 19000);
		strike_stage(&s);
	}
}

static void an_error_to_a_part_ends_the_stream(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 512, 512, 5000);
	s.refuses_part_two = true;
	ask_with(&s, COAP_PUT, "stream", content_of(&s), SECONDS(20));
	assert_int_equal(s.code, COAP_FORBIDDEN);
	assert_int_equal(s.parts, 2);
	assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
	strike_stage(&s);
}

static void parts_of_a_stream_may_be_answered_later(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 512, 512, 1200);
	s.answers_parts_later = true;
	ask_with(&s, COAP_PUT, "stream", content_of(&s), 100);
	for (int part = 1; part <= 3; part++) {
		struct coap_response r = {.code = COAP_CHANGED, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
		assert_int_equal(s.parts, part);
		world_run(&s.world, part == 2 ? SECONDS(1) : 0);
		assert_true(coap_endpoint_respond(s.server.endpoint, s.later, &r, s.world.now));
		world_run(&s.world, 100);
	}
	assert_int_equal(s.code, COAP_CHANGED);
	assert_int_equal(s.got_len, 1200);
	strike_stage(&s);
}

/* ---- raw blocks ---- */

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

static uint16_t next_id;

/* One request with the given block options (UINT32_MAX: none) and payload; the code of the answer. */
static enum coap_code send_block_with(struct stage *s, struct recorder *r, enum coap_code method, const char *path,
	uint32_t block1, uint32_t block2, size_t payload_len, const char *tag, const struct coap_option *further)
{
	uint8_t room[1400], payload[1024] = {1, 2, 3};
	struct coap_options options;
	struct coap_token token = coap_token_of(bytes_of("t", 1));
	struct writer w = writer_of(room, sizeof room);
	struct datagram_port port = world_port(&r->node);
	coap_options_clear(&options);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	if (block1 != UINT32_MAX)
		coap_options_add_uint(&options, COAP_OPTION_BLOCK1, block1);
	if (block2 != UINT32_MAX)
		coap_options_add_uint(&options, COAP_OPTION_BLOCK2, block2);
	if (tag != NULL)
		coap_options_add_text(&options, COAP_OPTION_REQUEST_TAG, tag);
	if (further != NULL)
		coap_options_add(&options, further->number, further->value);
	coap_message_write(&w, COAP_TYPE_CON, method, next_id++, &token, &options, bytes_of(payload, payload_len));
	assert_false(w.failed);
	r->count = 0;
	port.send(port.context, &s->server.node.address, writer_bytes(&w));
	world_run(&s->world, 100);
	assert_int_equal(r->count, 1);
	return (enum coap_code)r->data[1];
}

static enum coap_code send_block(struct stage *s, struct recorder *r, enum coap_code method, const char *path,
	uint32_t block1, uint32_t block2, size_t payload_len, const char *tag)
{
	return send_block_with(s, r, method, path, block1, block2, payload_len, tag, NULL);
}

static void recorder_join(struct recorder *r, struct stage *s, uint8_t host)
{
	*r = (struct recorder){
		.node = {.address = address_ipv4(192, 0, 2, host, 5683), .context = r, .receive = record}};
	world_join(&s->world, &r->node);
}

#define NONE UINT32_MAX

static void blocks_that_cannot_be_meant_are_refused(void **state)
{
	static const struct {
		const char *what;
		enum coap_code method;
		const char *path;
		uint32_t block1, block2;
		size_t payload_len;
		enum coap_code expected;
	} cases[] = {
		{"exponent 7", COAP_PUT, "body", 0x0f, NONE, 1024, COAP_BAD_REQUEST},
		{"exponent 7 in Block2", COAP_GET, "body", NONE, 0x07, 0, COAP_BAD_REQUEST},
		{"more to come, short block", COAP_PUT, "body", 0x08, NONE, 15, COAP_BAD_REQUEST},
		{"more to come, long block", COAP_PUT, "body", 0x08, NONE, 17, COAP_BAD_REQUEST},
		{"no first block", COAP_PUT, "body", 0x18, NONE, 16, COAP_REQUEST_ENTITY_INCOMPLETE},
		{"no first block, last", COAP_PUT, "body", 0x10, NONE, 3, COAP_REQUEST_ENTITY_INCOMPLETE},
		{"stream without its beginning", COAP_PUT, "stream", 0x18, NONE, 16, COAP_REQUEST_ENTITY_INCOMPLETE},
		{"number 0xfffff, Block1 0xffffff", COAP_PUT, "body", 0xffffff, NONE, 1024, COAP_BAD_REQUEST},
		{"number 0xfffff of 1024, last", COAP_PUT, "body", 0xfffff6, NONE, 1024,
			COAP_REQUEST_ENTITY_INCOMPLETE},
		{"number 0xfffff of 1024 in Block2", COAP_GET, "body", NONE, 0xfffff6, 0, COAP_BAD_REQUEST},
		{"number 0xfffff of 16 in Block2", COAP_GET, "body", NONE, 0xfffff0, 0, COAP_BAD_REQUEST},
		{"Block2 0xffffff", COAP_GET, "body", NONE, 0xffffff, 0, COAP_BAD_REQUEST},
		{"slices beyond the end", COAP_GET, "slices", NONE, 0xfffff6, 0, COAP_BAD_REQUEST},
		{"one block behind the end", COAP_GET, "body", NONE, 0x36, 0, COAP_BAD_REQUEST},
		{"the last block", COAP_GET, "body", NONE, 0x26, 0, COAP_CONTENT},
		{"the rest of nothing", COAP_POST, "echo", NONE, 0x16, 0, COAP_REQUEST_ENTITY_INCOMPLETE},
		{"one block that is the whole body", COAP_PUT, "body", 0x06, NONE, 10, COAP_CHANGED},
	};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 3000);
	recorder_join(&r, &s, 9);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum coap_code code = send_block(&s, &r, cases[i].method, cases[i].path, cases[i].block1,
			cases[i].block2, cases[i].payload_len, NULL);
		if (code != cases[i].expected)
			fail_msg("%s: %x instead of %x", cases[i].what, code, cases[i].expected);
	}
	assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
	strike_stage(&s);
}

static void a_gap_is_incomplete_and_the_first_block_starts_afresh(void **state)
{
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, NULL), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x28, NONE, 16, NULL), COAP_REQUEST_ENTITY_INCOMPLETE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x18, NONE, 16, NULL), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, NULL), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x10, NONE, 4, NULL), COAP_CHANGED);
	assert_int_equal(s.got_len, 20);
	assert_int_equal(s.executed, 1);
	strike_stage(&s);
}

static void two_peers_and_two_tags_never_mix(void **state)
{
	struct stage s;
	struct recorder r, q;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	recorder_join(&q, &s, 10);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, "a"), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x18, NONE, 16, "b"), COAP_REQUEST_ENTITY_INCOMPLETE);
	assert_int_equal(send_block(&s, &q, COAP_PUT, "body", 0x18, NONE, 16, "a"), COAP_REQUEST_ENTITY_INCOMPLETE);
	assert_int_equal(send_block(&s, &q, COAP_PUT, "body", 0x08, NONE, 16, "a"), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x10, NONE, 1, "a"), COAP_CHANGED);
	assert_int_equal(s.got_len, 17);
	assert_int_equal(send_block(&s, &q, COAP_PUT, "body", 0x10, NONE, 2, "a"), COAP_CHANGED);
	assert_int_equal(s.got_len, 18);
	strike_stage(&s);
}

/* Section 2.4. */
static void whether_more_follows_means_nothing_in_a_question_for_a_block(void **state)
{
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 100);
	recorder_join(&r, &s, 9);
	for (uint32_t number = 0; number < 2; number++) {
		assert_int_equal(send_block(&s, &r, COAP_GET, "body", NONE, number << 4 | 2, 0, NULL), COAP_CONTENT);
		size_t len = r.len;
		uint8_t plain[sizeof r.data];
		memcpy(plain, r.data, len);
		assert_int_equal(
			send_block(&s, &r, COAP_GET, "body", NONE, number << 4 | 8 | 2, 0, NULL), COAP_CONTENT);
		assert_int_equal(r.len, len);
		assert_memory_equal(r.data + 4, plain + 4, len - 4); /* but for the Message-ID */
	}
	strike_stage(&s);
}

/* Section 2.3: what is said of the body's format is said of all of it. */
static void blocks_of_two_formats_never_make_a_body(void **state)
{
	static const struct coap_option text = {COAP_OPTION_CONTENT_FORMAT, {NULL, 0}},
					json = {COAP_OPTION_CONTENT_FORMAT, {(const uint8_t *)"\x32", 1}};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	assert_int_equal(send_block_with(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, NULL, &text), COAP_CONTINUE);
	assert_int_equal(
		send_block_with(&s, &r, COAP_PUT, "body", 0x10, NONE, 4, NULL, &json), COAP_REQUEST_ENTITY_INCOMPLETE);
	assert_int_equal(s.executed, 0);
	assert_int_equal(send_block_with(&s, &r, COAP_PUT, "body", 0x10, NONE, 4, NULL, &text), COAP_CHANGED);
	assert_int_equal(s.executed, 1);
	strike_stage(&s);
}

/* Section 2.10: If-None-Match comes with the first block alone; some send it with all. */
static void a_condition_of_the_first_block_is_one_of_the_whole_body(void **state)
{
	static const struct coap_option condition = {COAP_OPTION_IF_NONE_MATCH, {NULL, 0}};
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	for (int i = 0; i < 4; i++) {
		const struct coap_option *first = i < 2 ? &condition : NULL, *last = i % 2 == 0 ? NULL : &condition;
		assert_int_equal(send_block_with(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, NULL, first), COAP_CONTINUE);
		assert_int_equal(send_block_with(&s, &r, COAP_PUT, "body", 0x10, NONE, 4, NULL, last), COAP_CHANGED);
		assert_int_equal(s.got_len, 20);
		assert_int_equal(s.was_conditional, first != NULL || last != NULL);
	}
	strike_stage(&s);
}

static void a_body_that_grows_above_the_limit_without_a_word_is_refused_and_freed(void **state)
{
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(send_block(&s, &r, COAP_PUT, "body", i << 4 | 0x0e, NONE, 1024, NULL), COAP_CONTINUE);
	assert_int_equal(
		send_block(&s, &r, COAP_PUT, "body", 16 << 4 | 0x06, NONE, 1, NULL), COAP_REQUEST_ENTITY_TOO_LARGE);
	assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
	strike_stage(&s);
}

static void an_abandoned_transfer_is_freed_and_its_place_serves_others(void **state)
{
	struct stage s;
	struct recorder r;
	(void)state;
	raise_stage(&s, 1024, 1024, 0);
	recorder_join(&r, &s, 9);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, "a"), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, "b"), COAP_CONTINUE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, "c"), COAP_SERVICE_UNAVAILABLE);
	world_run(&s.world, SECONDS(94));
	assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
	assert_int_equal(coap_endpoint_deadline(s.server.endpoint), NEVER);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x18, NONE, 16, "a"), COAP_REQUEST_ENTITY_INCOMPLETE);
	assert_int_equal(send_block(&s, &r, COAP_PUT, "body", 0x08, NONE, 16, "c"), COAP_CONTINUE);
	world_run(&s.world, SECONDS(94));
	strike_stage(&s);
}

static void the_first_block_tells_the_size(void **state)
{
	struct stage s;
	struct recorder r;
	struct coap_message m;
	uint32_t size2 = 0, block2 = 0;
	(void)state;
	raise_stage(&s, 1024, 1024, 5001);
	recorder_join(&r, &s, 9);
	assert_int_equal(send_block(&s, &r, COAP_GET, "slices", NONE, NONE, 0, NULL), COAP_CONTENT);
	assert_int_equal(coap_message_parse(bytes_of(r.data, r.len), &m), COAP_VERDICT_OK);
	assert_true(
		coap_message_uint(&m, COAP_OPTION_SIZE2, &size2) && coap_message_uint(&m, COAP_OPTION_BLOCK2, &block2));
	assert_int_equal(size2, 5001);
	assert_int_equal(block2, 0x0e);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_response_arrives_whole_at_all_sizes_over_a_lossy_link),
		cmocka_unit_test(a_body_that_is_a_whole_number_of_blocks_has_no_empty_block_behind),
		cmocka_unit_test(slices_make_a_body_without_anybody_holding_it),
		cmocka_unit_test(a_body_that_changes_once_under_way_is_fetched_again),
		cmocka_unit_test(a_body_that_keeps_changing_is_broken),
		cmocka_unit_test(a_response_above_the_limit_is_broken_and_leaves_nothing_behind),
		cmocka_unit_test(a_long_request_arrives_whole_and_runs_once_at_all_sizes_over_a_lossy_link),
		cmocka_unit_test(the_client_goes_on_in_the_smaller_blocks_that_the_server_prefers),
		cmocka_unit_test(a_body_from_a_source_arrives_whole_over_a_lossy_link_and_nobody_holds_it),
		cmocka_unit_test(a_source_gives_smaller_parts_when_the_server_prefers_them),
		cmocka_unit_test(a_source_names_what_is_fetched_as_well),
		cmocka_unit_test(a_call_whose_source_runs_dry_is_broken_and_has_no_effect),
		cmocka_unit_test(a_request_above_the_limit_is_refused_at_its_first_block),
		cmocka_unit_test(a_long_request_with_a_long_response_runs_once),
		cmocka_unit_test(a_stream_gets_each_part_once_and_in_order),
		cmocka_unit_test(an_error_to_a_part_ends_the_stream),
		cmocka_unit_test(parts_of_a_stream_may_be_answered_later),
		cmocka_unit_test(blocks_that_cannot_be_meant_are_refused),
		cmocka_unit_test(a_gap_is_incomplete_and_the_first_block_starts_afresh),
		cmocka_unit_test(two_peers_and_two_tags_never_mix),
		cmocka_unit_test(whether_more_follows_means_nothing_in_a_question_for_a_block),
		cmocka_unit_test(blocks_of_two_formats_never_make_a_body),
		cmocka_unit_test(a_condition_of_the_first_block_is_one_of_the_whole_body),
		cmocka_unit_test(a_body_that_grows_above_the_limit_without_a_word_is_refused_and_freed),
		cmocka_unit_test(an_abandoned_transfer_is_freed_and_its_place_serves_others),
		cmocka_unit_test(the_first_block_tells_the_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
