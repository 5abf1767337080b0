/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies that leave by Q-Block2 (RFC 9177 section 4.4) to a client that is played by hand. */
#include "coap/endpoint_state.h"
#include "tests/sim/answerer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Of 64 bytes each, so four; a set has ten. */
#define CONTENT 250

static void raise_stage(struct answerer *s, size_t content_len)
{
	struct coap_endpoint_config config = answerer_config();
	answerer_raise(s, &config, content_len);
}

/* Asks for one block, or with `has_more` for what follows it. */
static void ask(struct answerer *s, enum coap_type type, const char *path, uint16_t id, uint32_t number, bool has_more)
{
	answerer_add_block(s, COAP_OPTION_Q_BLOCK2, number, has_more, 2);
	answerer_ask(s, type, COAP_GET, path, id, (uint8_t)id, BYTES_NONE);
}

/* Which blocks have come: their numbers as digits, in the order in which they came. Nothing but blocks may have. */
static const char *blocks(struct answerer *s)
{
	static char numbers[64];
	size_t count = 0;
	for (const char *at = strstr(s->client.heard, "Q-Block2:"); at != NULL; at = strstr(at + 1, "Q-Block2:"))
		numbers[count++] = at[strlen("Q-Block2:")];
	numbers[count] = '\0';
	assert_int_equal(s->client.count, count);
	s->client.count = 0;
	s->client.heard_len = 0;
	s->client.heard[0] = '\0';
	return numbers;
}

/* ---- what may be asked for ---- */

/* Section 4.4: several options ascend, are of one size, and are blocks at all. */
static void blocks_that_are_asked_for_in_no_order_are_a_bad_request(void **state)
{
	static const uint32_t pairs[][2] = {
		{2 << 4 | 2, 1 << 4 | 2}, {1 << 4 | 2, 1 << 4 | 2}, {1 << 4 | 2, 2 << 4 | 3}, {1 << 4 | 2, 2 << 4 | 7}};
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct answerer s;
		raise_stage(&s, CONTENT);
		for (int k = 0; k < 2; k++)
			answerer_add(&s, COAP_OPTION_Q_BLOCK2, pairs[i][k]);
		answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "body", 1, 1, BYTES_NONE);
		assert_int_equal(s.client.count, 1);
		assert_int_equal(byhand_code(&s.client), COAP_BAD_REQUEST);
		answerer_strike(&s);
	}
}

static void a_block_behind_the_end_is_a_bad_request(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	ask(&s, COAP_TYPE_CON, "body", 1, 4, false);
	assert_int_equal(byhand_code(&s.client), COAP_BAD_REQUEST);
	/* Likewise when the body is on its way. */
	ask(&s, COAP_TYPE_NON, "body", 2, 0, true);
	s.client.count = 0;
	ask(&s, COAP_TYPE_CON, "body", 3, 4, false);
	assert_int_equal(byhand_code(&s.client), COAP_BAD_REQUEST);
	answerer_strike(&s);
}

/* M set, but not at the beginning of a set: the rest of that set. M not set: this one. */
static void missing_blocks_come_one_by_one_or_to_the_end_of_their_set(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	assert_string_equal(blocks(&s), "0123");
	ask(&s, COAP_TYPE_NON, "body", 2, 2, true);
	assert_string_equal(blocks(&s), "23");
	ask(&s, COAP_TYPE_NON, "body", 3, 1, false);
	assert_string_equal(blocks(&s), "1");
	assert_int_equal(byhand_token(&s.client).data[0], 3);
	answerer_strike(&s);
}

/* Only one block was wanted, and then a 'Continue' from the set's beginning wants the rest. */
static void whoever_asked_for_a_part_may_go_on_with_the_rest(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	ask(&s, COAP_TYPE_NON, "body", 1, 3, false);
	assert_string_equal(blocks(&s), "3");
	ask(&s, COAP_TYPE_NON, "body", 2, 10, true);
	assert_string_equal(blocks(&s), "11111"); /* 10 to 14 */
	answerer_strike(&s);
}

/* It is not for the same body: that has blocks of another size. */
static void another_block_size_begins_the_body_anew(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	assert_string_equal(blocks(&s), "0123");
	answerer_add_block(&s, COAP_OPTION_Q_BLOCK2, 1, false, 3);
	answerer_ask(&s, COAP_TYPE_NON, COAP_GET, "body", 2, 2, BYTES_NONE);
	assert_non_null(strstr(s.client.heard, "Q-Block2:1/0/128"));
	assert_string_equal(blocks(&s), "1");
	answerer_strike(&s);
}

/* ---- confirmable ---- */

/* One message at a time, and the acknowledgement of the request is the first. */
static void a_confirmable_request_is_answered_by_confirmable_blocks(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	ask(&s, COAP_TYPE_CON, "body", 1, 0, true);
	for (char digit = '0'; digit <= '3'; digit++) {
		if (digit == '0') {
			assert_int_equal(s.client.count, 2); /* the acknowledgement, and the first confirmable one */
			assert_string_equal(blocks(&s), "01");
			continue;
		}
		byhand_say(
			&s.client, &s.server, COAP_TYPE_ACK, COAP_EMPTY, byhand_id(&s.client), BYTES_NONE, BYTES_NONE);
		assert_string_equal(blocks(&s), digit == '1' ? "2" : digit == '2' ? "3" : "");
	}
	answerer_strike(&s);
}

/* A 'Continue' for a set that has left already brings nothing; it is acknowledged all the same. */
static void a_confirmable_continue_that_brings_nothing_is_acknowledged(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	ask(&s, COAP_TYPE_NON, "body", 2, 10, true);
	(void)blocks(&s);
	ask(&s, COAP_TYPE_CON, "body", 3, 10, true);
	assert_true(byhand_got_empty(&s.client, COAP_TYPE_ACK, 3));
	answerer_strike(&s);
}

/* ---- asked again ---- */

/* Slices are nowhere kept: each block is made when it leaves, and only as long as it is of the same body. */
static void a_body_in_slices_ends_when_it_has_become_another_one(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	ask(&s, COAP_TYPE_NON, "slices", 1, 0, true);
	assert_string_equal(blocks(&s), "0123456789");
	s.version++;
	ask(&s, COAP_TYPE_NON, "slices", 2, 10, true);
	assert_string_equal(blocks(&s), "");
	assert_int_equal(s.server.endpoint->qreplies.slab.used, 0);
	/* Whoever asks on gets the new one (section 4.4). */
	ask(&s, COAP_TYPE_NON, "slices", 3, 10, false);
	assert_string_equal(blocks(&s), "1");
	answerer_strike(&s);
}

static void a_body_in_slices_ends_when_its_length_has_changed(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	ask(&s, COAP_TYPE_NON, "slices", 1, 0, true);
	(void)blocks(&s);
	s.content_len--;
	ask(&s, COAP_TYPE_NON, "slices", 2, 10, true);
	assert_string_equal(blocks(&s), "");
	answerer_strike(&s);
}

/* A body that came in one piece is kept, so that what was lost is there after a change. */
static void a_body_in_one_piece_stays_what_it_was(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	(void)blocks(&s);
	uint8_t old = s.content[64]++;
	ask(&s, COAP_TYPE_NON, "body", 2, 1, false);
	assert_string_equal(blocks(&s), "1");
	assert_int_equal(byhand_message(&s.client).payload.data[0], old);
	answerer_strike(&s);
}

/* ---- places, and the end ---- */

/* What has left whole gives way; what is on its way does not. */
static void a_reply_gives_its_place_to_another_when_all_of_it_has_left(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, CONTENT);
	for (uint16_t id = 1; id <= 3; id++) { /* two places, three bodies */
		answerer_add(&s, COAP_OPTION_URI_QUERY, id);
		ask(&s, COAP_TYPE_NON, "body", id, 0, true);
		assert_string_equal(blocks(&s), "0123");
	}
	assert_int_equal(s.server.endpoint->qreplies.slab.used, 2);
	answerer_strike(&s);
}

static void no_place_for_a_body_is_a_reason_to_wait(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	for (uint16_t id = 1; id <= 2; id++) {
		answerer_add(&s, COAP_OPTION_URI_QUERY, id);
		ask(&s, COAP_TYPE_NON, "body", id, 0, true);
	}
	s.client.count = 0;
	answerer_add(&s, COAP_OPTION_URI_QUERY, 3);
	ask(&s, COAP_TYPE_NON, "body", 3, 0, true);
	assert_int_equal(s.client.count, 1);
	assert_int_equal(byhand_code(&s.client), COAP_SERVICE_UNAVAILABLE);
	answerer_strike(&s);
}

/* Observed, so that its end is the end of the registration, too (RFC 7641 section 3.6). */
static void a_client_that_rejects_a_block_gets_no_more_of_them(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s, 15 * 64);
	answerer_add(&s, COAP_OPTION_OBSERVE, 0);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	assert_string_equal(blocks(&s), "0123456789");
	byhand_say(&s.client, &s.server, COAP_TYPE_RST, COAP_EMPTY, byhand_id(&s.client), BYTES_NONE, BYTES_NONE);
	assert_int_equal(s.server.endpoint->qreplies.slab.used, 0);
	coap_endpoint_resource_changed(s.server.endpoint, &s.server.endpoint->config.resources[0], s.world.now);
	world_run(&s.world, SECONDS(10));
	assert_string_equal(blocks(&s), "");
	answerer_strike(&s);
}

static void an_association_that_is_lost_takes_its_replies_along(void **state)
{
	struct answerer s;
	struct coap_remote client, other;
	(void)state;
	raise_stage(&s, 15 * 64);
	ask(&s, COAP_TYPE_NON, "body", 1, 0, true);
	client = (struct coap_remote){s.client.node.address, HANDLE_NONE};
	other = client;
	other.address.port++;
	coap_endpoint_lost(s.server.endpoint, &other, s.world.now);
	assert_int_equal(s.server.endpoint->qreplies.slab.used, 1);
	coap_endpoint_lost(s.server.endpoint, &client, s.world.now);
	assert_int_equal(s.server.endpoint->qreplies.slab.used, 0);
	(void)blocks(&s);
	world_run(&s.world, SECONDS(10));
	assert_string_equal(blocks(&s), "");
	answerer_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_that_are_asked_for_in_no_order_are_a_bad_request),
		cmocka_unit_test(a_block_behind_the_end_is_a_bad_request),
		cmocka_unit_test(missing_blocks_come_one_by_one_or_to_the_end_of_their_set),
		cmocka_unit_test(whoever_asked_for_a_part_may_go_on_with_the_rest),
		cmocka_unit_test(another_block_size_begins_the_body_anew),
		cmocka_unit_test(a_confirmable_request_is_answered_by_confirmable_blocks),
		cmocka_unit_test(a_confirmable_continue_that_brings_nothing_is_acknowledged),
		cmocka_unit_test(a_body_in_slices_ends_when_it_has_become_another_one),
		cmocka_unit_test(a_body_in_slices_ends_when_its_length_has_changed),
		cmocka_unit_test(a_body_in_one_piece_stays_what_it_was),
		cmocka_unit_test(a_reply_gives_its_place_to_another_when_all_of_it_has_left),
		cmocka_unit_test(no_place_for_a_body_is_a_reason_to_wait),
		cmocka_unit_test(a_client_that_rejects_a_block_gets_no_more_of_them),
		cmocka_unit_test(an_association_that_is_lost_takes_its_replies_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
