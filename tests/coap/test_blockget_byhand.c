/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A download in blocks from a server that is played by hand, so that it may end in each of the ways there are. */
#include "coap/blockget.h"
#include "tests/sim/asker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define IN_FLIGHT 16
#define BLOCKS    64

struct stage {
	struct asker asker;
	struct coap_blockget get;
	struct coap_options options;
	uint8_t bitmap[BLOCKS / 8];
	void *memory;
	uint32_t stored, stored_most;
	int ends;
	enum coap_blockget_outcome outcome;
};

static bool store(void *context, uint32_t number, struct bytes payload, msec now)
{
	struct stage *s = context;
	(void)now;
	assert_true(bytes_equal(payload, bytes_of(s->asker.content + (size_t)number * 64, payload.len)));
	return ++s->stored <= s->stored_most;
}

static void on_end(void *context, enum coap_blockget_outcome outcome, msec now)
{
	struct stage *s = context;
	(void)now;
	s->ends++;
	s->outcome = outcome;
}

static void begin_again(struct stage *s, bool tries_qblock)
{
	struct coap_blockget_config config = {.endpoint = s->asker.client.endpoint,
		.to = {s->asker.server.node.address, HANDLE_NONE},
		.options = &s->options,
		.bitmap = s->bitmap,
		.bitmap_blocks = BLOCKS,
		.szx = 2,
		.memory = s->memory,
		.in_flight_max = IN_FLIGHT,
		.tries_qblock = tries_qblock,
		.patience = SECONDS(60),
		.context = s,
		.store = store,
		.ended = on_end};
	memset(s->bitmap, 0, sizeof s->bitmap);
	coap_blockget_begin(&s->get, &config, s->asker.world.now);
	world_run(&s->asker.world, 50);
}

static void raise_stage_with(struct stage *s, bool tries_qblock, const struct coap_endpoint_config *config)
{
	*s = (struct stage){.stored_most = UINT32_MAX};
	s->memory = aligned_alloc(64, (coap_blockget_memory(IN_FLIGHT) + 63) / 64 * 64);
	assert_non_null(s->memory);
	asker_raise(&s->asker, config);
	begin_again(s, tries_qblock);
}

static void raise_stage(struct stage *s, bool tries_qblock)
{
	struct coap_endpoint_config config = asker_config();
	raise_stage_with(s, tries_qblock, &config);
}

static void strike_stage(struct stage *s)
{
	assert_true(s->ends <= 1);
	coap_blockget_stop(&s->get, s->asker.world.now);
	asker_strike(&s->asker);
	free(s->memory);
}

/* Time passes for the download, too, until `until`. */
static void pass(struct stage *s, msec span)
{
	msec until = s->asker.world.now + span;
	while (s->asker.world.now < until) {
		msec at = coap_blockget_deadline(&s->get);
		msec next = at < until ? (at > s->asker.world.now ? at : s->asker.world.now + 1) : until;
		world_run(&s->asker.world, next - s->asker.world.now);
		coap_blockget_tick(&s->get, s->asker.world.now);
	}
}

/* The server's answer to the latest request: block `number` of 64 bytes of a body of `size`. */
static void say_block(struct stage *s, uint16_t option, uint32_t number, size_t size)
{
	size_t offset = (size_t)number * 64, len = size - offset < 64 ? size - offset : 64;
	asker_add_block(&s->asker, option, number, offset + len < size, 2);
	asker_add(&s->asker, COAP_OPTION_SIZE2, (uint32_t)size);
	asker_answer(&s->asker, COAP_CONTENT, bytes_of(s->asker.content + offset, len));
}

static void assert_end(const struct stage *s, enum coap_blockget_outcome outcome)
{
	assert_int_equal(s->ends, 1);
	assert_int_equal(s->outcome, outcome);
}

static void a_body_of_one_block_is_done_with_its_answer(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	asker_answer(&s.asker, COAP_CONTENT, bytes_of(s.asker.content, 40));
	assert_end(&s, COAP_BLOCKGET_DONE);
	assert_int_equal(s.stored, 1);
	assert_int_equal(coap_blockget_deadline(&s.get), NEVER);
	strike_stage(&s);
}

/* RFC 7252 section 4.2; and an RST to Q-Block2 says that the peer does not know it (RFC 9177 section 4.1). */
static void an_rst_ends_a_download_but_only_tells_of_q_block(void **state)
{
	(void)state;
	for (int tries_qblock = 0; tries_qblock < 2; tries_qblock++) {
		struct stage s;
		raise_stage(&s, tries_qblock == 1);
		byhand_say(&s.asker.server, &s.asker.client, COAP_TYPE_RST, COAP_EMPTY, byhand_id(&s.asker.server),
			BYTES_NONE, BYTES_NONE);
		if (tries_qblock == 0) {
			assert_end(&s, COAP_BLOCKGET_REJECTED);
		} else {
			assert_int_equal(s.ends, 0);
			assert_true(byhand_heard(&s.asker.server, "CON GET 0000 / Q-Block2:0/0/64\n"
								  "CON GET 0000 / Block2:0/0/64\n"));
		}
		strike_stage(&s);
	}
}

static void an_association_that_is_lost_ends_it(void **state)
{
	struct stage s;
	struct coap_remote server;
	(void)state;
	raise_stage(&s, false);
	server = (struct coap_remote){s.asker.server.node.address, HANDLE_NONE};
	coap_endpoint_lost(s.asker.client.endpoint, &server, s.asker.world.now);
	assert_end(&s, COAP_BLOCKGET_LOST);
	strike_stage(&s);
}

/* Option 9 is critical, and nobody here knows it (RFC 7252 section 5.4.1). */
static void an_answer_that_cannot_be_understood_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	asker_add(&s.asker, COAP_OPTION_OSCORE, 1);
	asker_answer(&s.asker, COAP_CONTENT, bytes_of(s.asker.content, 64));
	assert_end(&s, COAP_BLOCKGET_BROKEN);
	strike_stage(&s);
}

static void a_block_that_contradicts_itself_ends_it(void **state)
{
	static const uint32_t values[] = {7, 1 << 4 | 8 | 2, 8 | 3};
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct stage s;
		raise_stage(&s, false);
		asker_add(&s.asker, COAP_OPTION_BLOCK2, values[i]);
		asker_answer(&s.asker, COAP_CONTENT, bytes_of(s.asker.content, 64));
		assert_end(&s, COAP_BLOCKGET_BROKEN);
		strike_stage(&s);
	}
}

static void a_body_that_changes_under_way_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	asker_add(&s.asker, COAP_OPTION_ETAG, 1);
	say_block(&s, COAP_OPTION_BLOCK2, 0, 640);
	assert_int_equal(s.ends, 0);
	asker_add(&s.asker, COAP_OPTION_ETAG, 2);
	asker_add_block(&s.asker, COAP_OPTION_BLOCK2, 1, true, 2);
	asker_answer(&s.asker, COAP_CONTENT, bytes_of(s.asker.content + 64, 64));
	assert_end(&s, COAP_BLOCKGET_CHANGED);
	strike_stage(&s);
}

static void a_disk_that_is_full_ends_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	s.stored_most = 0;
	say_block(&s, COAP_OPTION_BLOCK2, 0, 640);
	assert_end(&s, COAP_BLOCKGET_STORE);
	strike_stage(&s);
}

static void an_error_ends_it_and_is_told(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	asker_answer(&s.asker, COAP_NOT_FOUND, BYTES_NONE);
	assert_end(&s, COAP_BLOCKGET_REFUSED);
	assert_int_equal(s.get.code, COAP_NOT_FOUND);
	strike_stage(&s);
}

/* RFC 7252 section 5.9.3.4 and RFC 8516: Max-Age says when; without it a moment will do. */
static void a_busy_server_is_asked_again_when_it_says_so(void **state)
{
	static const enum coap_code codes[] = {COAP_SERVICE_UNAVAILABLE, COAP_TOO_MANY_REQUESTS};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct stage s;
		raise_stage(&s, false);
		if (i == 0)
			asker_add(&s.asker, COAP_OPTION_MAX_AGE, 5);
		asker_answer(&s.asker, codes[i], BYTES_NONE);
		s.asker.server.count = 0;
		if (i == 0)
			pass(&s, 4500);
		assert_int_equal(s.asker.server.count, 0);
		pass(&s, SECONDS(10));
		assert_int_equal(s.ends, 0);
		assert_true(s.asker.server.count >= 1);
		say_block(&s, COAP_OPTION_BLOCK2, 0, 64);
		assert_end(&s, COAP_BLOCKGET_DONE);
		strike_stage(&s);
	}
}

/* Nobody ever answered: the patience of RFC 7252 is all there is. */
static void a_server_that_never_answers_is_silent(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, false);
	pass(&s, SECONDS(100));
	assert_end(&s, COAP_BLOCKGET_SILENT);
	strike_stage(&s);
}

/* The endpoint has no room for a request at the moment. */
static void without_room_for_a_request_it_is_tried_later(void **state)
{
	struct stage s;
	struct coap_endpoint_config config = asker_config();
	struct handle pings[4];
	(void)state;
	config.capacities.exchanges = 4;
	raise_stage_with(&s, false, &config);
	struct coap_call call = asker_call(&s.asker, COAP_GET, 0);
	for (int i = 0; i < 3; i++)
		assert_true(coap_endpoint_request(s.asker.client.endpoint, &call, s.asker.world.now, &pings[i]));
	say_block(&s, COAP_OPTION_BLOCK2, 0, 640);
	assert_int_equal(s.stored, 1);
	assert_int_equal(s.ends, 0);
	for (int i = 0; i < 3; i++)
		coap_endpoint_cancel(s.asker.client.endpoint, pings[i], s.asker.world.now);
	for (uint32_t turns = 0; turns < 200 && s.ends == 0; turns++) {
		pass(&s, 200);
		struct coap_message m = byhand_message(&s.asker.server);
		uint32_t value;
		if (coap_message_uint(&m, COAP_OPTION_BLOCK2, &value))
			say_block(&s, COAP_OPTION_BLOCK2, value >> 4, 640);
	}
	assert_end(&s, COAP_BLOCKGET_DONE);
	assert_int_equal(s.stored, 10);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_of_one_block_is_done_with_its_answer),
		cmocka_unit_test(an_rst_ends_a_download_but_only_tells_of_q_block),
		cmocka_unit_test(an_association_that_is_lost_ends_it),
		cmocka_unit_test(an_answer_that_cannot_be_understood_ends_it),
		cmocka_unit_test(a_block_that_contradicts_itself_ends_it),
		cmocka_unit_test(a_body_that_changes_under_way_ends_it),
		cmocka_unit_test(a_disk_that_is_full_ends_it),
		cmocka_unit_test(an_error_ends_it_and_is_told),
		cmocka_unit_test(a_busy_server_is_asked_again_when_it_says_so),
		cmocka_unit_test(a_server_that_never_answers_is_silent),
		cmocka_unit_test(without_room_for_a_request_it_is_tried_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
