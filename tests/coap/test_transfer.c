/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client whose bodies go and come by Block1 and Block2 (RFC 7959); the server is played by hand, so that it may say
 * what no server of ours would. */
#include "tests/sim/asker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void raise_stage(struct asker *s)
{
	struct coap_endpoint_config config = asker_config();
	asker_raise(s, &config);
}

static void begin(struct asker *s, enum coap_code method, size_t body_len)
{
	struct coap_call call = asker_call(s, method, body_len);
	asker_begin(s, &call);
}

/* The Block option of the client's latest message. */
static struct coap_block block_of(const struct asker *s, uint16_t option)
{
	struct coap_message m = byhand_message(&s->server);
	struct coap_block block;
	uint32_t value;
	assert_true(coap_message_uint(&m, option, &value));
	assert_true(coap_block_parse(value, &block));
	return block;
}

static void assert_block1(const struct asker *s, uint32_t number, bool has_more, uint8_t szx)
{
	struct coap_block block = block_of(s, COAP_OPTION_BLOCK1);
	assert_int_equal(block.number, number);
	assert_int_equal(block.has_more, has_more);
	assert_int_equal(block.szx, szx);
}

/* The server's block of a body of `size` bytes. */
static void say_block(struct asker *s, uint32_t number, uint8_t szx, size_t size)
{
	size_t block = coap_block_size(szx), offset = number * block;
	size_t len = size - offset < block ? size - offset : block;
	asker_add_block(s, COAP_OPTION_BLOCK2, number, offset + len < size, szx);
	asker_answer(s, COAP_CONTENT, bytes_of(s->content + offset, len));
}

static void assert_outcome(const struct asker *s, enum coap_outcome outcome)
{
	assert_int_equal(asker_ended(s), 1);
	assert_int_equal(s->outcomes[outcome], 1);
}

/* ---- our body ---- */

/* Section 2.9.3: the first block begins anew, smaller. */
static void a_4_13_to_the_first_block_with_a_smaller_size_is_taken_as_a_hint(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_PUT, 1500);
	assert_block1(&s, 0, true, 6);
	asker_add_block(&s, COAP_OPTION_BLOCK1, 0, true, 4);
	asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
	assert_block1(&s, 0, true, 4);
	for (uint32_t n = 0; n < 5; n++) {
		asker_add_block(&s, COAP_OPTION_BLOCK1, n, true, 4);
		asker_answer(&s, COAP_CONTINUE, BYTES_NONE);
		assert_block1(&s, n + 1, n + 1 < 5, 4);
	}
	asker_add_block(&s, COAP_OPTION_BLOCK1, 5, false, 4);
	asker_answer(&s, COAP_CHANGED, BYTES_NONE);
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	assert_int_equal(s.code, COAP_CHANGED);
	asker_strike(&s);
}

/* A body that needs no blocks may turn out to be too large for one message, too. */
static void a_4_13_to_a_body_in_one_message_sends_it_in_blocks(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_PUT, 1000);
	asker_add_block(&s, COAP_OPTION_BLOCK1, 0, false, 5);
	asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
	assert_block1(&s, 0, true, 5);
	asker_strike(&s);
}

static void a_4_13_that_is_no_hint_is_the_answer(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct asker s;
		raise_stage(&s);
		begin(&s, COAP_PUT, 3000);
		if (i == 0) /* of the same size */
			asker_add_block(&s, COAP_OPTION_BLOCK1, 0, true, 6);
		if (i == 1) { /* behind the first block */
			asker_add_block(&s, COAP_OPTION_BLOCK1, 0, true, 6);
			asker_answer(&s, COAP_CONTINUE, BYTES_NONE);
			assert_block1(&s, 1, true, 6);
			asker_add_block(&s, COAP_OPTION_BLOCK1, 1, true, 4);
		}
		asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
		assert_outcome(&s, COAP_OUTCOME_RESPONSE);
		assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
		asker_strike(&s);
	}
}

/* 2^20 blocks are the most (section 2.2), so that 17 MiB cannot go in blocks of 16 bytes, whoever wants it. */
static void a_4_13_for_blocks_too_small_for_the_body_is_the_answer(void **state)
{
	struct asker s;
	size_t len = 17 << 20;
	uint8_t *body = calloc(1, len);
	(void)state;
	raise_stage(&s);
	struct coap_call call = asker_call(&s, COAP_PUT, 0);
	call.body = bytes_of(body, len);
	asker_begin(&s, &call);
	asker_add_block(&s, COAP_OPTION_BLOCK1, 0, true, 0);
	asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	asker_strike(&s);
	free(body);
}

static void an_answer_to_a_block_that_contradicts_itself_breaks_the_call(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct asker s;
		raise_stage(&s);
		begin(&s, COAP_PUT, i == 0 ? 1500 : 100);
		if (i == 0) /* a size that does not exist */
			asker_add(&s, COAP_OPTION_BLOCK1, 7);
		asker_answer(&s, COAP_CONTINUE, BYTES_NONE); /* with 100 bytes: of what? */
		assert_outcome(&s, COAP_OUTCOME_BROKEN);
		asker_strike(&s);
	}
}

/* Section 2.3: the server uses each block at once; the last answer is the answer. */
static void a_success_for_a_block_in_between_goes_on_with_the_next(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_PUT, 1500);
	asker_add_block(&s, COAP_OPTION_BLOCK1, 0, false, 6);
	asker_answer(&s, COAP_CREATED, BYTES_NONE);
	assert_int_equal(asker_ended(&s), 0);
	assert_block1(&s, 1, false, 6);
	asker_add_block(&s, COAP_OPTION_BLOCK1, 1, false, 6);
	asker_answer(&s, COAP_CHANGED, BYTES_NONE);
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	assert_int_equal(s.code, COAP_CHANGED);
	asker_strike(&s);
}

/* Section 2.10. */
static void if_none_match_goes_with_the_first_block_alone(void **state)
{
	struct asker s;
	struct coap_options options;
	(void)state;
	raise_stage(&s);
	struct coap_call call = asker_call(&s, COAP_PUT, 3000);
	coap_options_clear(&options);
	coap_options_add(&options, COAP_OPTION_IF_NONE_MATCH, BYTES_NONE);
	call.options = &options;
	asker_begin(&s, &call);
	for (uint32_t n = 0; n < 3; n++) {
		struct coap_message m = byhand_message(&s.server);
		assert_block1(&s, n, n < 2, 6);
		assert_int_equal(coap_message_has(&m, COAP_OPTION_IF_NONE_MATCH), n == 0);
		asker_add_block(&s, COAP_OPTION_BLOCK1, n, n < 2, 6);
		asker_answer(&s, n < 2 ? COAP_CONTINUE : COAP_CREATED, BYTES_NONE);
	}
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	asker_strike(&s);
}

/* A success that says nothing of blocks is for the whole: the server does not want the rest. */
static void a_success_without_a_block_ends_the_body(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_PUT, 1500);
	asker_answer(&s, COAP_CHANGED, BYTES_NONE);
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	asker_strike(&s);
}

/* RFC 7252 section 4.6: 1152 bytes are a message's limit; long options make the blocks smaller. */
static void long_options_make_the_blocks_smaller(void **state)
{
	struct asker s;
	struct coap_options options = {0};
	(void)state;
	raise_stage(&s);
	coap_options_add(&options, COAP_OPTION_URI_PATH, bytes_of(s.content, 200));
	struct coap_call call = asker_call(&s, COAP_PUT, 1024);
	call.options = &options;
	asker_begin(&s, &call);
	assert_block1(&s, 0, true, 5);
	assert_true(s.server.len <= 1152);
	asker_strike(&s);
}

/* ---- the response's body ---- */

/* RFC 8132 section 2.1: the body says what is fetched, so it goes with the request for each block. */
static void each_block_of_what_is_fetched_is_asked_for_with_the_body(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_FETCH, 10);
	say_block(&s, 0, 6, 1500);
	assert_int_equal(block_of(&s, COAP_OPTION_BLOCK2).number, 1);
	assert_int_equal(byhand_message(&s.server).payload.len, 10);
	say_block(&s, 1, 6, 1500);
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	assert_int_equal(s.body_len, 1500);
	asker_strike(&s);
}

static void a_response_whose_blocks_cannot_be_used_breaks_the_call(void **state)
{
	static const struct {
		uint32_t value;
		size_t len;
	} seconds[] = {
		{1 << 4 | 7, 100},     /* a size that does not exist */
		{2 << 4 | 6, 100},     /* not the block that was asked for */
		{1 << 4 | 8 | 6, 100}, /* not full, though more follows */
	};
	(void)state;
	for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
		struct asker s;
		raise_stage(&s);
		begin(&s, COAP_GET, 0);
		say_block(&s, 0, 6, 3000);
		assert_int_equal(asker_ended(&s), 0);
		asker_add(&s, COAP_OPTION_BLOCK2, seconds[i].value);
		asker_answer(&s, COAP_CONTENT, bytes_of(s.content, seconds[i].len));
		assert_outcome(&s, COAP_OUTCOME_BROKEN);
		asker_strike(&s);
	}
}

/* A block may become smaller under way, not larger (section 2.4). */
static void blocks_that_grow_under_way_break_the_call(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_GET, 0);
	say_block(&s, 0, 5, 3000);
	assert_int_equal(block_of(&s, COAP_OPTION_BLOCK2).szx, 5);
	asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 6);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 1024));
	assert_outcome(&s, COAP_OUTCOME_BROKEN);
	asker_strike(&s);
}

static void an_error_or_a_whole_body_in_the_middle_breaks_the_call(void **state)
{
	static const enum coap_code codes[] = {COAP_NOT_FOUND, COAP_CONTENT};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct asker s;
		raise_stage(&s);
		begin(&s, COAP_GET, 0);
		say_block(&s, 0, 6, 1500);
		asker_answer(&s, codes[i], BYTES_NONE);
		assert_outcome(&s, COAP_OUTCOME_BROKEN);
		asker_strike(&s);
	}
}

/* It must not run twice for that. */
static void a_post_whose_response_changes_under_way_is_not_sent_again(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_POST, 10);
	for (uint32_t n = 0; n < 2; n++) {
		assert_int_equal(asker_ended(&s), 0);
		asker_add(&s, COAP_OPTION_ETAG, n + 1);
		say_block(&s, n, 6, 1500);
	}
	assert_outcome(&s, COAP_OUTCOME_BROKEN);
	asker_strike(&s);
}

/* ---- part by part ---- */

struct parts {
	uint64_t size, next;
	int count, most;
};

static bool take(void *context, uint64_t offset, struct bytes part, uint64_t size)
{
	struct parts *p = context;
	assert_int_equal(offset, p->next);
	p->next += part.len;
	p->size = size;
	return ++p->count < p->most;
}

static void begin_in_parts(struct asker *s, const struct coap_sink *sink)
{
	struct coap_call call = asker_call(s, COAP_GET, 0);
	call.sink = sink;
	asker_begin(s, &call);
}

static void a_body_longer_than_there_is_room_for_goes_to_the_application_part_by_part(void **state)
{
	struct asker s;
	struct parts parts = {.most = 100};
	struct coap_sink sink = {.take = take, .context = &parts};
	(void)state;
	raise_stage(&s);
	begin_in_parts(&s, &sink);
	asker_add(&s, COAP_OPTION_SIZE2, 9000);
	for (uint32_t n = 0; n < 9; n++) {
		assert_int_equal(parts.count, n);
		say_block(&s, n, 6, 9000);
	}
	assert_outcome(&s, COAP_OUTCOME_RESPONSE);
	assert_int_equal(parts.next, 9000);
	assert_int_equal(s.body_len, 0);
	asker_strike(&s);
}

static void an_application_that_takes_no_more_ends_the_call(void **state)
{
	struct asker s;
	struct parts parts = {.most = 2};
	struct coap_sink sink = {.take = take, .context = &parts};
	(void)state;
	raise_stage(&s);
	begin_in_parts(&s, &sink);
	say_block(&s, 0, 6, 9000);
	assert_int_equal(asker_ended(&s), 0);
	asker_forget(&s);
	say_block(&s, 1, 6, 9000);
	assert_outcome(&s, COAP_OUTCOME_BROKEN);
	assert_true(byhand_heard(&s.server, ""));
	asker_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_4_13_to_the_first_block_with_a_smaller_size_is_taken_as_a_hint),
		cmocka_unit_test(a_4_13_to_a_body_in_one_message_sends_it_in_blocks),
		cmocka_unit_test(a_4_13_that_is_no_hint_is_the_answer),
		cmocka_unit_test(a_4_13_for_blocks_too_small_for_the_body_is_the_answer),
		cmocka_unit_test(an_answer_to_a_block_that_contradicts_itself_breaks_the_call),
		cmocka_unit_test(a_success_for_a_block_in_between_goes_on_with_the_next),
		cmocka_unit_test(if_none_match_goes_with_the_first_block_alone),
		cmocka_unit_test(a_success_without_a_block_ends_the_body),
		cmocka_unit_test(long_options_make_the_blocks_smaller),
		cmocka_unit_test(each_block_of_what_is_fetched_is_asked_for_with_the_body),
		cmocka_unit_test(a_response_whose_blocks_cannot_be_used_breaks_the_call),
		cmocka_unit_test(blocks_that_grow_under_way_break_the_call),
		cmocka_unit_test(an_error_or_a_whole_body_in_the_middle_breaks_the_call),
		cmocka_unit_test(a_post_whose_response_changes_under_way_is_not_sent_again),
		cmocka_unit_test(a_body_longer_than_there_is_room_for_goes_to_the_application_part_by_part),
		cmocka_unit_test(an_application_that_takes_no_more_ends_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
