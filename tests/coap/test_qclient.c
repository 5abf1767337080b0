/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client whose bodies go and come by Q-Block (RFC 9177); the server is played by hand, so that it may say what no
 * server of ours would. */
#include "coap/content_format.h"
#include "tests/sim/asker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct coap_call call_to(struct asker *s, enum coap_code method, size_t body_len)
{
	struct coap_call call = asker_call(s, method, body_len);
	call.qblock = COAP_QBLOCK_NON;
	return call;
}

static void begin(struct asker *s, enum coap_code method, size_t body_len)
{
	struct coap_call call = call_to(s, method, body_len);
	asker_begin(s, &call);
}

static void raise_stage(struct asker *s)
{
	struct coap_endpoint_config config = asker_config();
	asker_raise(s, &config);
}

/* Block `number` of a response of `size` bytes in blocks of 1024. */
static void say_block(struct asker *s, uint32_t number, size_t size)
{
	size_t offset = (size_t)number * 1024, len = size - offset < 1024 ? size - offset : 1024;
	asker_add_block(s, COAP_OPTION_Q_BLOCK2, number, offset + len < size, 6);
	asker_add(s, COAP_OPTION_SIZE2, (uint32_t)size);
	asker_answer(s, COAP_CONTENT, bytes_of(s->content + offset, len));
}

/* The client asks for nothing, and its first message is non-confirmable from now on. */
static void acquaint(struct asker *s)
{
	begin(s, COAP_GET, 0);
	assert_true(byhand_heard(&s->server, "CON GET 0000 / Q-Block2:0/0/1024\n"));
	asker_answer(s, COAP_CONTENT, BYTES_NONE);
	assert_int_equal(s->outcomes[COAP_OUTCOME_RESPONSE], 1);
	asker_forget(s);
}

/* A GET whose whole response is asked for already. */
static void begin_get(struct asker *s)
{
	acquaint(s);
	begin(s, COAP_GET, 0);
	assert_true(byhand_heard(&s->server, "NON GET 0000 / Q-Block2:0/1/1024\n"));
}

/* ---- does the peer know Q-Block? (section 4.1) ---- */

static void a_peer_that_rejects_the_probe_is_asked_without_qblock_from_then_on(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_GET, 0);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Q-Block2:0/0/1024\n"));
	byhand_say(&s.server, &s.client, COAP_TYPE_RST, COAP_EMPTY, byhand_id(&s.server), BYTES_NONE, BYTES_NONE);
	assert_true(byhand_heard(&s.server, "CON GET 0000 /\n"));
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 10));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	asker_forget(&s);
	begin(&s, COAP_GET, 0);
	assert_true(byhand_heard(&s.server, "CON GET 0000 /\n"));
	asker_strike(&s);
}

static void a_peer_that_answers_the_probe_by_block2_is_asked_by_block2(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_GET, 0);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Q-Block2:0/0/1024\n"));
	asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 6);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 1024));
	assert_true(byhand_heard(&s.server, "CON GET 0000 /\n"));
	asker_strike(&s);
}

/* Whatever the peer says of the probe's resource, it has understood a critical option; a PUT goes on then. */
static void a_probe_that_finds_no_resource_is_followed_by_the_request_all_the_same(void **state)
{
	struct asker s;
	struct coap_options options = {0};
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_PUT, 1500);
	coap_options_add_text(&options, COAP_OPTION_URI_HOST, "a");
	coap_options_add_uint(&options, COAP_OPTION_URI_PORT, 7);
	coap_options_add_text(&options, COAP_OPTION_URI_PATH, "p");
	coap_options_add_text(&options, COAP_OPTION_URI_QUERY, "q");
	coap_options_add_uint(&options, COAP_OPTION_CONTENT_FORMAT, 42);
	call.options = &options;
	asker_begin(&s, &call);
	assert_true(byhand_heard(&s.server, "CON GET 0000 /p?q Uri-Host:a Uri-Port:7 Q-Block2:0/0/16\n"));
	asker_answer(&s, COAP_NOT_FOUND, BYTES_NONE);
	assert_non_null(strstr(s.server.heard, "NON PUT"));
	assert_int_equal(asker_ended(&s), 0);
	asker_answer(&s, COAP_CREATED, BYTES_NONE);
	assert_int_equal(s.code, COAP_CREATED);
	asker_strike(&s);
}

/* ---- our body ---- */

/* Where the numbers of a burst end and what was in it, for the tests below: 12 blocks, of which a set of 10 leaves. */
static void begin_long_put(struct asker *s, struct coap_message *ret_last)
{
	acquaint(s);
	begin(s, COAP_PUT, 12 * 1024);
	*ret_last = byhand_message(&s->server);
	asker_forget(s);
}

static void a_continue_without_a_block_is_for_the_set_whose_token_it_has(void **state)
{
	struct asker s;
	struct coap_message last, first;
	(void)state;
	raise_stage(&s);
	begin_long_put(&s, &last);
	first = last;
	asker_answer_to(&s, &last, COAP_CONTINUE, BYTES_NONE);
	assert_int_equal(s.server.count, 2);
	/* The same token says nothing of the set that has left since. */
	asker_answer_to(&s, &first, COAP_CONTINUE, BYTES_NONE);
	assert_int_equal(s.server.count, 2);
	assert_int_equal(asker_ended(&s), 0);
	asker_strike(&s);
}

/* Section 5: a list that does not ascend is dropped silently. */
static void a_list_of_missing_blocks_that_goes_back_is_ignored(void **state)
{
	static const uint8_t goes_back[] = {3, 1}, ascends[] = {1, 3};
	struct asker s;
	struct coap_message last;
	(void)state;
	raise_stage(&s);
	begin_long_put(&s, &last);
	asker_add(&s, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_MISSING_BLOCKS);
	asker_answer_to(&s, &last, COAP_REQUEST_ENTITY_INCOMPLETE, bytes_of(goes_back, 2));
	assert_true(byhand_heard(&s.server, ""));
	asker_add(&s, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_MISSING_BLOCKS);
	asker_answer_to(&s, &last, COAP_REQUEST_ENTITY_INCOMPLETE, bytes_of(ascends, 2));
	assert_int_equal(s.server.count, 2);
	assert_int_equal(asker_ended(&s), 0);
	asker_strike(&s);
}

/* RFC 7959 section 2.9.3: the hint begins the body anew in smaller blocks, under another Request-Tag because it is
 * another transfer (section 4.3). */
static void a_body_begins_anew_in_the_smaller_blocks_that_a_4_13_names(void **state)
{
	struct asker s;
	struct coap_message before, after;
	struct bytes old_tag, new_tag;
	uint32_t block;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	begin(&s, COAP_PUT, 1500);
	before = byhand_message(&s.server);
	assert_true(coap_message_option(&before, COAP_OPTION_REQUEST_TAG, &old_tag));
	uint8_t tag[8];
	memcpy(tag, old_tag.data, old_tag.len);
	old_tag.data = tag;
	s.server.count = 0;
	asker_add_block(&s, COAP_OPTION_Q_BLOCK1, 0, true, 5);
	asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
	assert_int_equal(s.server.count, 3);
	after = byhand_message(&s.server);
	assert_true(coap_message_option(&after, COAP_OPTION_REQUEST_TAG, &new_tag));
	assert_false(bytes_equal(old_tag, new_tag));
	assert_true(coap_message_uint(&after, COAP_OPTION_Q_BLOCK1, &block));
	assert_int_equal(block, 2 << 4 | 5);
	asker_answer(&s, COAP_CHANGED, BYTES_NONE);
	assert_int_equal(s.code, COAP_CHANGED);
	asker_strike(&s);
}

/* A size that is not smaller, none at all, one that does not exist: it is the answer. */
static void a_4_13_without_a_smaller_block_size_is_the_answer(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct asker s;
		raise_stage(&s);
		acquaint(&s);
		begin(&s, COAP_PUT, 1500);
		if (i == 0)
			asker_add_block(&s, COAP_OPTION_Q_BLOCK1, 0, true, 6);
		if (i == 1)
			asker_add(&s, COAP_OPTION_Q_BLOCK1, 7);
		asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
		asker_strike(&s);
	}
}

/* 2^20 blocks are the most; a body of 17 MiB would need more of 16 bytes. */
static void a_4_13_for_blocks_too_small_for_the_body_is_the_answer(void **state)
{
	struct asker s;
	size_t len = 17 << 20;
	uint8_t *body = calloc(1, len);
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	struct coap_call call = call_to(&s, COAP_PUT, 0);
	call.body = bytes_of(body, len);
	asker_begin(&s, &call);
	asker_add_block(&s, COAP_OPTION_Q_BLOCK1, 0, true, 0);
	asker_answer(&s, COAP_REQUEST_ENTITY_TOO_LARGE, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_REQUEST_ENTITY_TOO_LARGE);
	asker_strike(&s);
	free(body);
}

/* The server mixes: a body by Q-Block1 is answered by Block2 (section 3.2 forbids it, RFC 7959 carries it). */
static void a_response_by_block2_to_a_body_by_qblock1_is_fetched_by_block2(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	begin(&s, COAP_POST, 1500);
	s.server.heard_len = 0;
	asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 6);
	asker_answer(&s, COAP_CHANGED, bytes_of(s.content, 1024));
	assert_non_null(strstr(s.server.heard, "Block2:1/0/1024"));
	asker_add_block(&s, COAP_OPTION_BLOCK2, 1, false, 6);
	asker_answer(&s, COAP_CHANGED, bytes_of(s.content + 1024, 100));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 1124);
	asker_strike(&s);
}

/* ---- the response's body ---- */

static void a_response_whose_blocks_cannot_be_used_breaks_the_call(void **state)
{
	/* option value, Size2 (0: none), payload length */
	static const uint32_t cases[][3] = {
		{7, 3000, 1024},        /* block size 7 */
		{1 << 4 | 8 | 6, 0, 0}, /* no Size2 (section 4.6) */
		{8 | 6, 3000, 1000},    /* not full, though more follows */
		{1 << 4 | 6, 1024, 10}, /* behind the end that Size2 says */
		{8 | 6, 1 << 30, 1024}, /* more than there is room for */
		{8 | 6, 5000, 1024},    /* above the limit of a body */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct asker s;
		raise_stage(&s);
		begin_get(&s);
		asker_add(&s, COAP_OPTION_Q_BLOCK2, cases[i][0]);
		if (cases[i][1] != 0)
			asker_add(&s, COAP_OPTION_SIZE2, cases[i][1]);
		asker_answer(&s, COAP_CONTENT, bytes_of(s.content, cases[i][2]));
		assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
		asker_strike(&s);
	}
}

/* Larger than we have asked for: RFC 7959 section 2.4 lets a server only go below. */
static void blocks_larger_than_wanted_break_the_call(void **state)
{
	struct asker s;
	struct coap_endpoint_config config = peer_config(NULL, 0);
	(void)state;
	raise_stage(&s);
	peer_leave(&s.client);
	config.parameters.block_size = 64;
	config.capacities.qblocks = 2;
	peer_join(&s.client, &s.world, 1, &config);
	begin(&s, COAP_GET, 0);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Q-Block2:0/0/64\n"));
	say_block(&s, 0, 2048);
	assert_true(byhand_heard(&s.server, "NON GET 0000 / Q-Block2:0/1/64\n"));
	say_block(&s, 0, 2048);
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	asker_strike(&s);
}

static void an_etag_longer_than_an_etag_can_be_keeps_to_its_room(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	struct coap_call call = call_to(&s, COAP_GET, 0);
	call.is_forwarded = true; /* which lets options pass that are not well-formed */
	asker_begin(&s, &call);
	coap_options_add(&s.options, COAP_OPTION_ETAG, bytes_of(s.content, 400));
	say_block(&s, 0, 2048);
	assert_int_equal(asker_ended(&s), 0);
	asker_strike(&s);
}

/* Section 4.4: the body has changed, and the old one is gone. It is asked for once more, not for ever. */
static void a_body_that_changes_under_way_is_asked_for_anew_once(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin_get(&s);
	for (uint32_t etag = 1; etag <= 3; etag++) {
		assert_int_equal(asker_ended(&s), 0);
		asker_add(&s, COAP_OPTION_ETAG, etag);
		say_block(&s, etag - 1, 4000);
		if (etag == 2)
			assert_true(byhand_heard(&s.server, "NON GET 0000 / Q-Block2:0/1/1024\n"));
		else
			assert_true(byhand_heard(&s.server, ""));
		if (etag == 2) {
			asker_add(&s, COAP_OPTION_ETAG, etag);
			say_block(&s, 0, 4000);
		}
	}
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	asker_strike(&s);
}

static void a_body_that_changes_is_not_asked_for_anew_when_that_would_act_again(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	begin(&s, COAP_POST, 1500);
	for (uint32_t n = 0; n < 2; n++) {
		asker_add(&s, COAP_OPTION_ETAG, n + 1);
		say_block(&s, n, 4000);
	}
	assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
	asker_strike(&s);
}

/* ---- observed ---- */

static void observe(struct asker *s)
{
	struct coap_call call = call_to(s, COAP_GET, 0);
	acquaint(s);
	call.observe = true;
	asker_begin(s, &call);
	assert_true(byhand_heard(&s->server, "NON GET 0000 / Observe:0 Q-Block2:0/1/1024\n"));
	asker_add(s, COAP_OPTION_OBSERVE, 10);
	asker_answer(s, COAP_CONTENT, bytes_of(s->content, 5));
	assert_int_equal(s->outcomes[COAP_OUTCOME_NOTIFICATION], 1);
}

/* RFC 7641 section 3.4. */
static void a_notification_in_one_message_that_is_not_newer_is_dropped(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	observe(&s);
	for (uint32_t sequence = 9; sequence <= 10; sequence++) {
		asker_add(&s, COAP_OPTION_OBSERVE, sequence);
		asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 6));
		assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	}
	asker_add(&s, COAP_OPTION_OBSERVE, 11);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 7));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	assert_int_equal(s.body_len, 7);
	asker_strike(&s);
}

static void a_block_of_another_body_does_not_get_into_a_notification(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	observe(&s);
	for (uint32_t n = 0; n < 2; n++) {
		asker_add(&s, COAP_OPTION_OBSERVE, 11);
		asker_add(&s, COAP_OPTION_ETAG, 1);
		say_block(&s, n, 2500);
	}
	for (uint32_t etag = 2; etag >= 1; etag--) { /* by a request for what is missing, so without Observe */
		asker_add(&s, COAP_OPTION_ETAG, etag);
		say_block(&s, 2, 2500);
		assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], etag == 2 ? 1 : 2);
	}
	assert_int_equal(s.body_len, 2500);
	asker_strike(&s);
}

/* Found by the random worlds, seed 101203: the server has lost its memory under way, wants an Echo, and has no room for
 * an observer now. */
static void what_is_left_of_a_notification_does_not_get_into_what_is_asked_for_anew(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	observe(&s);
	for (uint32_t n = 0; n < 2; n++) {
		asker_add(&s, COAP_OPTION_OBSERVE, 11);
		say_block(&s, n, 2500);
	}
	asker_add(&s, COAP_OPTION_ECHO, 1);
	asker_answer(&s, COAP_UNAUTHORIZED, BYTES_NONE);
	assert_non_null(strstr(s.server.heard, "Echo"));
	say_block(&s, 0, 600);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	assert_int_equal(s.body_len, 600);
	asker_strike(&s);
}

static void a_notification_without_observe_ends_the_observation(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_GET, 0);
	acquaint(&s);
	call.observe = true;
	asker_begin(&s, &call);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 5));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 0);
	asker_strike(&s);
}

static void an_error_ends_the_observation(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	observe(&s);
	asker_answer(&s, COAP_NOT_FOUND, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_NOT_FOUND);
	asker_strike(&s);
}

/* ---- time, and a peer that lags behind ---- */

/* Section 7.2: a peer that does not answer is left alone; what it says late ends that, but is no answer to the request
 * that waits. */
static void an_answer_that_comes_while_the_next_request_waits_is_not_its_answer(void **state)
{
	struct asker s;
	struct coap_message first;
	(void)state;
	raise_stage(&s);
	begin_get(&s);
	first = byhand_message(&s.server);
	world_run(&s.world, SECONDS(130));
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	asker_forget(&s);
	begin(&s, COAP_GET, 0);
	assert_true(byhand_heard(&s.server, ""));
	asker_answer_to(&s, &first, COAP_CONTENT, BYTES_NONE);
	assert_int_equal(asker_ended(&s), 0);
	world_run(&s.world, SECONDS(300));
	assert_non_null(strstr(s.server.heard, "NON GET 0000 / Q-Block2:0/1/1024\n"));
	asker_strike(&s);
}

/* RFC 9175 section 2.4: an Echo in a success is for the next request. */
static void an_echo_in_a_success_goes_with_the_next_request(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin_get(&s);
	coap_options_add(&s.options, COAP_OPTION_ECHO, bytes_of("fresh", 5));
	asker_answer(&s, COAP_CONTENT, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	asker_forget(&s);
	begin(&s, COAP_GET, 0);
	struct coap_message m = byhand_message(&s.server);
	struct bytes echo;
	assert_true(coap_message_option(&m, COAP_OPTION_ECHO, &echo));
	assert_true(bytes_equal_text(echo, "fresh"));
	asker_strike(&s);
}

/* A second demand for an Echo, in answer to a request that had one, is the outcome. */
static void a_server_that_never_has_enough_of_echoes_is_not_asked_for_ever(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin_get(&s);
	for (int i = 0; i < 2; i++) {
		coap_options_add(&s.options, COAP_OPTION_ECHO, bytes_of("more", 4));
		asker_answer(&s, COAP_UNAUTHORIZED, BYTES_NONE);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], i);
	}
	assert_int_equal(s.code, COAP_UNAUTHORIZED);
	asker_strike(&s);
}

/* A POST that is being answered has run. Where a server wants an Echo before it gives the rest, long after it has
 * forgotten the request, the request must not come again. Seed 507420 of the storm. */
static void an_echo_wanted_for_the_rest_of_a_response_does_not_send_the_request_again(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	begin(&s, COAP_POST, 1500);
	say_block(&s, 0, 3000);
	world_run(&s.world, SECONDS(10));
	struct coap_message last = byhand_message(&s.server);
	uint32_t tag = 0;
	assert_true(coap_message_uint(&last, COAP_OPTION_REQUEST_TAG, &tag));
	s.server.heard_len = 0;
	coap_options_add(&s.options, COAP_OPTION_ECHO, bytes_of("fresh", 5));
	asker_answer(&s, COAP_UNAUTHORIZED, BYTES_NONE);
	char line[160];
	(void)snprintf(line, sizeof line,
		"NON POST 0000 / Q-Block2:1/0/1024 Q-Block2:2/0/1024 Echo:6672657368 Request-Tag:%08x\n", tag);
	assert_true(byhand_heard(&s.server, line));
	say_block(&s, 1, 3000);
	say_block(&s, 2, 3000);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 3000);
	asker_strike(&s);
}

/* Confirmable blocks of which nothing is ever heard end with the retransmissions of one of them. */
static void a_confirmable_body_that_nobody_acknowledges_ends(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	acquaint(&s);
	struct coap_call call = call_to(&s, COAP_PUT, 3000);
	call.qblock = COAP_QBLOCK_CON;
	asker_begin(&s, &call);
	s.server.count = 0;
	world_run(&s.world, SECONDS(200));
	assert_int_equal(s.server.count, 4);
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	asker_strike(&s);
}

/* RFC 7252 section 5.2.2: the response says that the request has come, whether or not its acknowledgement does. */
static void a_confirmable_body_goes_on_when_the_probe_is_answered_without_its_acknowledgement(void **state)
{
	struct asker s;
	struct coap_message probe;
	(void)state;
	raise_stage(&s);
	struct coap_call call = call_to(&s, COAP_PUT, 3000);
	call.qblock = COAP_QBLOCK_CON;
	asker_begin(&s, &call);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Q-Block2:0/0/16\n"));
	probe = byhand_message(&s.server);
	probe.type = COAP_TYPE_NON;
	asker_answer_to(&s, &probe, COAP_CONTENT, BYTES_NONE);
	assert_non_null(strstr(s.server.heard, "CON PUT 0000 / Q-Block1:0/1/1024"));
	for (int i = 0; i < 3; i++)
		asker_answer(&s, i < 2 ? COAP_CONTINUE : COAP_CHANGED, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	asker_strike(&s);
}

/* A response that comes later than the acknowledgement of its probe leaves as a whole, and may be overtaken by its own
 * end, as when the server wanted an Echo before. */
static void the_last_block_before_the_first_is_not_the_whole_response_to_the_probe(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin(&s, COAP_GET, 0);
	asker_add(&s, COAP_OPTION_ECHO, 7);
	asker_answer(&s, COAP_UNAUTHORIZED, BYTES_NONE);
	struct coap_message again = byhand_message(&s.server);
	assert_int_equal(again.type, COAP_TYPE_CON);
	again.type = COAP_TYPE_NON;
	byhand_say(&s.server, &s.client, COAP_TYPE_ACK, COAP_EMPTY, again.id, BYTES_NONE, BYTES_NONE);
	asker_add_block(&s, COAP_OPTION_Q_BLOCK2, 1, false, 6);
	asker_add(&s, COAP_OPTION_SIZE2, 1500);
	asker_answer_to(&s, &again, COAP_CONTENT, bytes_of(s.content + 1024, 476));
	assert_int_equal(asker_ended(&s), 0);
	struct coap_message whole = byhand_message(&s.server);
	assert_int_equal(whole.type, COAP_TYPE_NON);
	for (uint32_t number = 0; number < 2; number++) {
		asker_add_block(&s, COAP_OPTION_Q_BLOCK2, number, number == 0, 6);
		asker_add(&s, COAP_OPTION_SIZE2, 1500);
		asker_answer_to(
			&s, &whole, COAP_CONTENT, bytes_of(s.content + number * 1024, number == 0 ? 1024 : 476));
	}
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.body_len, 1500);
	asker_strike(&s);
}

/* Full is no loss: what found no room leaves when there is some. */
static void a_confirmable_body_waits_for_room_among_the_messages_in_flight(void **state)
{
	struct asker s;
	struct coap_endpoint_config config = asker_config();
	struct coap_message first;
	(void)state;
	config.capacities.pending = 1;
	asker_raise(&s, &config);
	acquaint(&s);
	struct coap_call other = asker_call(&s, COAP_GET, 0), call = call_to(&s, COAP_PUT, 3000);
	asker_begin(&s, &other);
	first = byhand_message(&s.server);
	call.qblock = COAP_QBLOCK_CON;
	s.server.count = 0;
	asker_begin(&s, &call);
	assert_int_equal(s.server.count, 0);
	asker_answer_to(&s, &first, COAP_CONTENT, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	asker_forget(&s);
	world_run(&s.world, SECONDS(10));
	assert_non_null(strstr(s.server.heard, "CON PUT 0000 / Q-Block1:0/1/1024"));
	for (int i = 0; i < 3; i++)
		asker_answer(&s, i < 2 ? COAP_CONTINUE : COAP_CHANGED, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.code, COAP_CHANGED);
	asker_strike(&s);
}

/* The same of blocks that are asked for again when all have left. */
static void a_block_asked_for_again_waits_for_room(void **state)
{
	static const uint8_t missing[] = {1};
	struct asker s;
	struct coap_endpoint_config config = asker_config();
	struct coap_message block;
	(void)state;
	config.capacities.pending = 1;
	asker_raise(&s, &config);
	acquaint(&s);
	struct coap_call other = asker_call(&s, COAP_GET, 0), call = call_to(&s, COAP_PUT, 3000);
	call.qblock = COAP_QBLOCK_CON;
	asker_begin(&s, &call);
	for (int i = 0; i < 3; i++)
		byhand_say(
			&s.server, &s.client, COAP_TYPE_ACK, COAP_EMPTY, byhand_id(&s.server), BYTES_NONE, BYTES_NONE);
	block = byhand_message(&s.server);
	asker_begin(&s, &other);
	s.server.heard_len = 0;
	block.type = COAP_TYPE_NON; /* as the answer is, for the block has been acknowledged */
	asker_add(&s, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_MISSING_BLOCKS);
	asker_answer_to(&s, &block, COAP_REQUEST_ENTITY_INCOMPLETE, bytes_of(missing, 1));
	assert_int_equal(s.server.heard_len, 0);
	asker_answer(&s, COAP_CONTENT, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	world_run(&s.world, SECONDS(10));
	assert_non_null(strstr(s.server.heard, "Q-Block1:1/1/1024"));
	asker_forget(&s);
	asker_strike(&s);
}

/* Nor does it wait without an end. */
static void a_confirmable_body_that_never_finds_room_ends(void **state)
{
	struct asker s;
	struct coap_endpoint_config config = asker_config();
	(void)state;
	config.capacities.pending = 1;
	asker_raise(&s, &config);
	acquaint(&s);
	struct coap_call other = asker_call(&s, COAP_GET, 0), call = call_to(&s, COAP_PUT, 3000);
	asker_begin(&s, &other);
	call.qblock = COAP_QBLOCK_CON;
	asker_begin(&s, &call);
	for (int i = 0; i < 20 && s.outcomes[COAP_OUTCOME_TIMEOUT] == 0; i++) {
		asker_answer(&s, COAP_CONTENT, BYTES_NONE);
		asker_begin(&s, &other); /* right away, so there never is any */
		world_run(&s.world, SECONDS(10));
	}
	assert_int_equal(s.outcomes[COAP_OUTCOME_TIMEOUT], 1);
	asker_forget(&s);
	asker_strike(&s);
}

/* What was said to messages of a call that is over is about nothing. */
static void an_rst_or_an_ack_that_comes_after_its_call_was_cancelled_is_nothing(void **state)
{
	static const enum coap_type types[] = {COAP_TYPE_RST, COAP_TYPE_ACK};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct asker s;
		raise_stage(&s);
		begin(&s, COAP_GET, 0);
		coap_endpoint_cancel(s.client.endpoint, s.exchange, s.world.now);
		byhand_say(&s.server, &s.client, types[i], COAP_EMPTY, byhand_id(&s.server), BYTES_NONE, BYTES_NONE);
		assert_int_equal(asker_ended(&s), 0);
		asker_forget(&s);
		world_run(&s.world, SECONDS(100));
		assert_true(byhand_heard(&s.server, ""));
		asker_strike(&s);
	}
}

/* RFC 7252 section 4.2: rejected, and by its Message-ID also when it was not confirmable. */
static void a_rejected_message_of_a_burst_ends_the_call(void **state)
{
	struct asker s;
	struct coap_message last;
	(void)state;
	raise_stage(&s);
	begin_long_put(&s, &last);
	byhand_say(&s.server, &s.client, COAP_TYPE_RST, COAP_EMPTY, (uint16_t)(last.id + 1), BYTES_NONE, BYTES_NONE);
	assert_int_equal(asker_ended(&s), 0);
	byhand_say(&s.server, &s.client, COAP_TYPE_RST, COAP_EMPTY, (uint16_t)(last.id - 3), BYTES_NONE, BYTES_NONE);
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
	asker_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_that_rejects_the_probe_is_asked_without_qblock_from_then_on),
		cmocka_unit_test(a_peer_that_answers_the_probe_by_block2_is_asked_by_block2),
		cmocka_unit_test(a_probe_that_finds_no_resource_is_followed_by_the_request_all_the_same),
		cmocka_unit_test(a_continue_without_a_block_is_for_the_set_whose_token_it_has),
		cmocka_unit_test(a_list_of_missing_blocks_that_goes_back_is_ignored),
		cmocka_unit_test(a_body_begins_anew_in_the_smaller_blocks_that_a_4_13_names),
		cmocka_unit_test(a_4_13_without_a_smaller_block_size_is_the_answer),
		cmocka_unit_test(a_4_13_for_blocks_too_small_for_the_body_is_the_answer),
		cmocka_unit_test(a_response_by_block2_to_a_body_by_qblock1_is_fetched_by_block2),
		cmocka_unit_test(a_response_whose_blocks_cannot_be_used_breaks_the_call),
		cmocka_unit_test(blocks_larger_than_wanted_break_the_call),
		cmocka_unit_test(an_etag_longer_than_an_etag_can_be_keeps_to_its_room),
		cmocka_unit_test(a_body_that_changes_under_way_is_asked_for_anew_once),
		cmocka_unit_test(a_body_that_changes_is_not_asked_for_anew_when_that_would_act_again),
		cmocka_unit_test(a_notification_in_one_message_that_is_not_newer_is_dropped),
		cmocka_unit_test(a_block_of_another_body_does_not_get_into_a_notification),
		cmocka_unit_test(what_is_left_of_a_notification_does_not_get_into_what_is_asked_for_anew),
		cmocka_unit_test(a_notification_without_observe_ends_the_observation),
		cmocka_unit_test(an_error_ends_the_observation),
		cmocka_unit_test(an_answer_that_comes_while_the_next_request_waits_is_not_its_answer),
		cmocka_unit_test(an_echo_in_a_success_goes_with_the_next_request),
		cmocka_unit_test(a_server_that_never_has_enough_of_echoes_is_not_asked_for_ever),
		cmocka_unit_test(an_echo_wanted_for_the_rest_of_a_response_does_not_send_the_request_again),
		cmocka_unit_test(a_confirmable_body_that_nobody_acknowledges_ends),
		cmocka_unit_test(a_confirmable_body_goes_on_when_the_probe_is_answered_without_its_acknowledgement),
		cmocka_unit_test(the_last_block_before_the_first_is_not_the_whole_response_to_the_probe),
		cmocka_unit_test(a_confirmable_body_waits_for_room_among_the_messages_in_flight),
		cmocka_unit_test(a_block_asked_for_again_waits_for_room),
		cmocka_unit_test(a_confirmable_body_that_never_finds_room_ends),
		cmocka_unit_test(an_rst_or_an_ack_that_comes_after_its_call_was_cancelled_is_nothing),
		cmocka_unit_test(a_rejected_message_of_a_burst_ends_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
