/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies that arrive by Q-Block1 (RFC 9177 section 4.3) from a client that is played by hand. */
#include "coap/content_format.h"
#include "coap/endpoint_state.h"
#include "tests/sim/answerer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TAG 5

static void raise_stage(struct answerer *s)
{
	struct coap_endpoint_config config = answerer_config();
	answerer_raise(s, &config, 0);
}

static void say_sized(struct answerer *s, enum coap_type type, uint32_t tag, uint32_t number, size_t size)
{
	size_t offset = (size_t)number * 64, len = size - offset < 64 ? size - offset : 64;
	answerer_add_block(s, COAP_OPTION_Q_BLOCK1, number, offset + len < size, 2);
	answerer_add(s, COAP_OPTION_SIZE1, (uint32_t)size);
	answerer_add(s, COAP_OPTION_REQUEST_TAG, tag);
	answerer_ask(s, type, COAP_POST, "body", (uint16_t)(tag << 8 | number), (uint8_t)number,
		bytes_of(s->content + offset, len));
}

/* A block of 64 bytes of a body of 150, so one of three. */
static void say_block(struct answerer *s, uint32_t number)
{
	say_sized(s, COAP_TYPE_NON, TAG, number, 150);
}

/* Its last block once more, in another message. */
static void say_last_again(struct answerer *s, uint16_t id, uint8_t token)
{
	answerer_add_block(s, COAP_OPTION_Q_BLOCK1, 2, false, 2);
	answerer_add(s, COAP_OPTION_SIZE1, 150);
	answerer_add(s, COAP_OPTION_REQUEST_TAG, TAG);
	answerer_ask(s, COAP_TYPE_CON, COAP_POST, "body", id, token, bytes_of(s->content + 128, 22));
}

/* Section 4.6: without Size1 nobody knows how many blocks to wait for; section 4.3: nor without Request-Tag which body.
 */
static void a_block_without_its_size_or_its_tag_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct answerer s;
		raise_stage(&s);
		answerer_add_block(&s, COAP_OPTION_Q_BLOCK1, 0, true, 2);
		answerer_add(&s, i == 0 ? COAP_OPTION_SIZE1 : COAP_OPTION_REQUEST_TAG, 150);
		answerer_ask(&s, COAP_TYPE_NON, COAP_POST, "body", 1, 1, bytes_of(s.content, 64));
		assert_true(byhand_heard(&s.client, "NON 4.00 Bad Request 0000 Q-Block1:0/1/64\n"));
		assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
		answerer_strike(&s);
	}
}

/* Section 3.2: a request has options of the one kind or of the other; the answer names the one that does not belong. */
static void a_request_that_mixes_q_block_and_block_is_a_bad_option(void **state)
{
	static const uint16_t pairs[][2] = {{COAP_OPTION_Q_BLOCK1, COAP_OPTION_BLOCK1},
		{COAP_OPTION_Q_BLOCK2, COAP_OPTION_BLOCK2}, {COAP_OPTION_Q_BLOCK1, COAP_OPTION_BLOCK2}};
	static const char *const names[] = {"option 27", "option 23", "option 23"};
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct answerer s;
		raise_stage(&s);
		for (int k = 0; k < 2; k++)
			answerer_add_block(&s, pairs[i][k], 0, true, 2);
		answerer_ask(&s, COAP_TYPE_CON, COAP_POST, "body", 1, 1, bytes_of(s.content, 64));
		assert_int_equal(byhand_code(&s.client), COAP_BAD_OPTION);
		assert_true(bytes_equal_text(byhand_message(&s.client).payload, names[i]));
		assert_int_equal(s.executed, 0);
		answerer_strike(&s);
	}
}

/* Block size 7 does not exist (RFC 7959 section 2.2). */
static void a_block_of_no_size_is_a_bad_request(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	answerer_add(&s, COAP_OPTION_Q_BLOCK1, 7);
	answerer_add(&s, COAP_OPTION_SIZE1, 150);
	answerer_add(&s, COAP_OPTION_REQUEST_TAG, TAG);
	answerer_ask(&s, COAP_TYPE_CON, COAP_POST, "body", 1, 1, bytes_of(s.content, 64));
	assert_int_equal(byhand_code(&s.client), COAP_BAD_REQUEST);
	assert_int_equal(s.executed, 0);
	answerer_strike(&s);
}

/* It is whole at once, and nothing needs to be remembered of it but its answer. */
static void a_body_of_one_block_takes_no_place(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	say_sized(&s, COAP_TYPE_NON, TAG, 0, 50);
	assert_true(byhand_heard(&s.client, "NON 2.04 Changed 0000 Q-Block1:0/0/64\n"));
	assert_int_equal(s.got_len, 50);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	answerer_strike(&s);
}

/* What contradicts the body is refused, and the body goes on without it. */
static void a_block_that_contradicts_the_others_is_refused_and_spoils_nothing(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	say_block(&s, 0);
	say_sized(&s, COAP_TYPE_NON, TAG, 1, 200); /* the body had 150 bytes */
	assert_true(byhand_heard(&s.client, "NON 4.00 Bad Request 0000 Q-Block1:1/1/64\n"));
	answerer_add_block(&s, COAP_OPTION_Q_BLOCK1, 9, false, 2); /* behind its end */
	answerer_add(&s, COAP_OPTION_SIZE1, 150);
	answerer_add(&s, COAP_OPTION_REQUEST_TAG, TAG);
	answerer_ask(&s, COAP_TYPE_NON, COAP_POST, "body", 99, 9, bytes_of(s.content, 10));
	assert_true(byhand_heard(&s.client, "NON 4.00 Bad Request 0000 Q-Block1:9/0/64\n"));
	say_block(&s, 2);
	say_block(&s, 1);
	assert_int_equal(s.executed, 1);
	assert_int_equal(s.got_len, 150);
	answerer_strike(&s);
}

static void a_first_block_that_contradicts_itself_takes_no_place(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	answerer_add_block(&s, COAP_OPTION_Q_BLOCK1, 1, false, 2); /* the last, and yet the second of three */
	answerer_add(&s, COAP_OPTION_SIZE1, 150);
	answerer_add(&s, COAP_OPTION_REQUEST_TAG, TAG);
	answerer_ask(&s, COAP_TYPE_NON, COAP_POST, "body", 1, 1, bytes_of(s.content, 64));
	assert_true(byhand_heard(&s.client, "NON 4.00 Bad Request 0000 Q-Block1:1/0/64\n"));
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	answerer_strike(&s);
}

static void more_bodies_than_there_are_places_are_refused_for_a_while(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	for (uint32_t tag = 1; tag <= 3; tag++)
		say_sized(&s, COAP_TYPE_NON, tag, 0, 150);
	assert_true(byhand_heard(&s.client, "NON 5.03 Service Unavailable 0000 Max-Age:5 Q-Block1:0/1/64\n"));
	/* One that has been answered gives its place. */
	say_sized(&s, COAP_TYPE_NON, 1, 1, 150);
	say_sized(&s, COAP_TYPE_NON, 1, 2, 150);
	assert_true(byhand_heard(&s.client, "NON 2.04 Changed 0000 Q-Block1:2/0/64\n"));
	for (uint32_t number = 0; number < 3; number++)
		say_sized(&s, COAP_TYPE_NON, 3, number, 150);
	assert_int_equal(s.executed, 2);
	/* Late copies of the first body's blocks do not put it together again. */
	(void)byhand_heard(&s.client, s.client.heard);
	say_sized(&s, COAP_TYPE_NON, 1, 2, 150);
	assert_true(byhand_heard(&s.client, "NON 4.08 Request Entity Incomplete 0000 Q-Block1:2/0/64\n"));
	assert_int_equal(s.executed, 2);
	answerer_strike(&s);
}

/* Section 7.2: the missing blocks are asked for NON_MAX_RETRANSMIT times, ever more slowly, and then the body goes. */
static void a_body_whose_rest_never_comes_is_given_up(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	say_block(&s, 1);
	s.client.count = 0;
	world_run(&s.world, SECONDS(4 + 8 + 16 + 32 + 1));
	assert_int_equal(s.client.count, 4);
	assert_true(byhand_heard(&s.client, "NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (2 bytes)\n"
					    "NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (2 bytes)\n"
					    "NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (2 bytes)\n"
					    "NON 4.08 Request Entity Incomplete 0000 Content-Format:272 (2 bytes)\n"));
	world_run(&s.world, SECONDS(64));
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	answerer_strike(&s);
}

static void a_client_that_rejects_what_it_is_told_ends_its_body(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	say_block(&s, 1);
	world_run(&s.world, SECONDS(5));
	byhand_say(&s.client, &s.server, COAP_TYPE_RST, COAP_EMPTY, (uint16_t)(byhand_id(&s.client) + 1), BYTES_NONE,
		BYTES_NONE);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 1);
	byhand_say(&s.client, &s.server, COAP_TYPE_RST, COAP_EMPTY, byhand_id(&s.client), BYTES_NONE, BYTES_NONE);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	answerer_strike(&s);
}

/* Confirmable blocks are acknowledged one by one, and nobody tells the client what it knows. */
static void confirmable_blocks_are_acknowledged_and_the_last_is_answered(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	say_sized(&s, COAP_TYPE_CON, TAG, 2, 150);
	say_sized(&s, COAP_TYPE_CON, TAG, 0, 150);
	world_run(&s.world, SECONDS(60));
	assert_true(byhand_heard(&s.client, "ACK 0000\nACK 0000\n"));
	say_sized(&s, COAP_TYPE_CON, TAG, 1, 150);
	assert_true(byhand_heard(&s.client, "ACK 2.04 Changed 0000 Q-Block1:1/1/64\n"));
	assert_int_equal(s.executed, 1);
	answerer_strike(&s);
}

/* Section 4.3: a block that comes again is answered as if for the first time, but nothing runs twice. */
static void a_block_that_comes_again_is_acknowledged_while_it_runs_and_answered_afterwards(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	s.answers_later = true;
	for (uint32_t number = 0; number < 3; number++)
		say_sized(&s, COAP_TYPE_CON, TAG, number, 150);
	(void)byhand_heard(&s.client, s.client.heard);
	say_last_again(&s, 900, 7);
	assert_true(byhand_heard(&s.client, "ACK 0000\n"));
	answerer_respond(&s, COAP_CHANGED, 3);
	assert_true(byhand_heard(&s.client, "ACK 2.04 Changed 0000 Q-Block1:2/0/64 (3 bytes)\n"));
	say_last_again(&s, 901, 8);
	assert_true(byhand_heard(&s.client, "ACK 2.04 Changed 0000 Q-Block1:2/0/64 (3 bytes)\n"));
	assert_int_equal(byhand_id(&s.client), 901);
	assert_int_equal(byhand_token(&s.client).data[0], 8);
	assert_int_equal(s.executed, 1);
	answerer_strike(&s);
}

/* The answer was long, and has been let go: then there is only the acknowledgement. */
static void a_block_that_comes_after_a_long_answer_is_gone_is_only_acknowledged(void **state)
{
	struct answerer s;
	struct coap_remote client;
	(void)state;
	raise_stage(&s);
	s.content_len = 3000;
	for (uint32_t number = 0; number < 3; number++)
		say_sized(&s, COAP_TYPE_NON, TAG, number, 150);
	client = (struct coap_remote){s.client.node.address, HANDLE_NONE};
	coap_qreply_lost(s.server.endpoint, &client);
	(void)byhand_heard(&s.client, s.client.heard);
	say_last_again(&s, 900, 7);
	assert_true(byhand_heard(&s.client, "ACK 0000\n"));
	assert_int_equal(s.executed, 1);
	answerer_strike(&s);
}

/* 2^20 blocks are the most (RFC 7959 section 2.2), whatever there is room for. */
static void a_body_of_more_blocks_than_can_be_numbered_is_too_long(void **state)
{
	struct answerer s;
	struct coap_endpoint_config config = answerer_config();
	(void)state;
	config.parameters.body_size_max = 17 << 20;
	config.capacities.bodies = 1;
	answerer_raise(&s, &config, 0);
	answerer_add_block(&s, COAP_OPTION_Q_BLOCK1, 0, true, 0);
	answerer_add(&s, COAP_OPTION_SIZE1, 17 << 20);
	answerer_add(&s, COAP_OPTION_REQUEST_TAG, TAG);
	answerer_ask(&s, COAP_TYPE_NON, COAP_POST, "body", 1, 1, bytes_of(s.content, 16));
	assert_int_equal(byhand_code(&s.client), COAP_REQUEST_ENTITY_TOO_LARGE);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	answerer_strike(&s);
}

static void an_association_that_is_lost_takes_its_bodies_along(void **state)
{
	struct answerer s;
	struct coap_remote client, other;
	(void)state;
	raise_stage(&s);
	client = (struct coap_remote){s.client.node.address, HANDLE_NONE};
	other = client;
	other.address.port++;
	say_block(&s, 0);
	coap_endpoint_lost(s.server.endpoint, &other, s.world.now);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 1);
	coap_endpoint_lost(s.server.endpoint, &client, s.world.now);
	assert_int_equal(s.server.endpoint->qrequests.slab.used, 0);
	assert_int_equal(coap_bodies_count(&s.server.endpoint->bodies), 0);
	answerer_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_without_its_size_or_its_tag_is_refused),
		cmocka_unit_test(a_request_that_mixes_q_block_and_block_is_a_bad_option),
		cmocka_unit_test(a_block_of_no_size_is_a_bad_request),
		cmocka_unit_test(a_body_of_one_block_takes_no_place),
		cmocka_unit_test(a_block_that_contradicts_the_others_is_refused_and_spoils_nothing),
		cmocka_unit_test(a_first_block_that_contradicts_itself_takes_no_place),
		cmocka_unit_test(more_bodies_than_there_are_places_are_refused_for_a_while),
		cmocka_unit_test(a_body_whose_rest_never_comes_is_given_up),
		cmocka_unit_test(a_client_that_rejects_what_it_is_told_ends_its_body),
		cmocka_unit_test(confirmable_blocks_are_acknowledged_and_the_last_is_answered),
		cmocka_unit_test(a_block_that_comes_again_is_acknowledged_while_it_runs_and_answered_afterwards),
		cmocka_unit_test(a_block_that_comes_after_a_long_answer_is_gone_is_only_acknowledged),
		cmocka_unit_test(a_body_of_more_blocks_than_can_be_numbered_is_too_long),
		cmocka_unit_test(an_association_that_is_lost_takes_its_bodies_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
