/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The message layer of an endpoint that asks (RFC 7252 sections 4 and 5): the server is played by hand, so that it may
 * say what no server of ours would. */
#include "tests/sim/byhand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OTHER_TOKEN bytes_of("other", 5)
#define DONE        bytes_of("done", 4)

struct stage {
	struct world world;
	struct peer client;
	struct byhand server, stranger;
	int outcomes[COAP_OUTCOME_BROKEN + 1];
	enum coap_code code;
	uint16_t id; /* of the latest request */
	uint8_t token[8];
	size_t token_len;
};

static void raise_stage(struct stage *s)
{
	struct coap_endpoint_config config = peer_config(NULL, 0);
	*s = (struct stage){.id = 0};
	world_init(&s->world, 7);
	s->world.link.quality.delay = 10;
	peer_join(&s->client, &s->world, 1, &config);
	byhand_join(&s->server, &s->world, 2);
	byhand_join(&s->stranger, &s->world, 3);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->outcomes[reply->outcome]++;
	s->code = reply->code;
}

static int ended(const struct stage *s)
{
	int sum = 0;
	for (size_t i = 0; i < sizeof s->outcomes / sizeof s->outcomes[0]; i++)
		sum += s->outcomes[i];
	return sum;
}

static struct bytes token(const struct stage *s)
{
	return bytes_of(s->token, s->token_len);
}

static struct handle ask_with(struct stage *s, bool is_nonconfirmable, bool observe)
{
	struct handle h;
	struct coap_call call = {.to = {s->server.node.address, HANDLE_NONE},
		.method = COAP_GET,
		.is_nonconfirmable = is_nonconfirmable,
		.observe = observe,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, 50);
	assert_int_equal(s->server.count, 1);
	s->server.count = 0;
	s->id = byhand_id(&s->server);
	s->token_len = byhand_token(&s->server).len;
	memcpy(s->token, byhand_token(&s->server).data, s->token_len);
	return h;
}

static void ask(struct stage *s)
{
	ask_with(s, false, false);
}

static void say(struct stage *s, enum coap_type type, enum coap_code code, uint16_t id, struct bytes with_token)
{
	byhand_say(&s->server, &s->client, type, code, id, with_token, coap_code_is_success(code) ? DONE : BYTES_NONE);
}

static void say_empty(struct stage *s, enum coap_type type, uint16_t id)
{
	say(s, type, COAP_EMPTY, id, BYTES_NONE);
}

/* Whether the request is not sent any more. */
static bool is_silent(struct stage *s)
{
	s->server.count = 0;
	world_run(&s->world, SECONDS(60));
	return s->server.count == 0;
}

/* ---- acknowledgements ---- */

/* Section 4.2: an ACK is for what was sent to its sender under its Message-ID, and for nothing else. */
static void an_ack_from_elsewhere_or_for_another_message_does_not_stop_the_retransmission(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	byhand_say(&s.stranger, &s.client, COAP_TYPE_ACK, COAP_EMPTY, s.id, BYTES_NONE, BYTES_NONE);
	say_empty(&s, COAP_TYPE_ACK, (uint16_t)(s.id + 1));
	world_run(&s.world, SECONDS(4));
	assert_int_equal(s.server.count, 1);
	say_empty(&s, COAP_TYPE_ACK, s.id);
	assert_true(is_silent(&s));
	assert_int_equal(ended(&s), 0);
	assert_int_equal(s.stranger.count, 0);
	strike_stage(&s);
}

/* Section 5.3.2: a piggybacked response has the Message-ID and the token of the request. */
static void a_piggybacked_response_with_another_token_or_message_id_is_no_answer(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, s.id, OTHER_TOKEN);
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, (uint16_t)(s.id + 1), token(&s));
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, s.id, bytes_first(token(&s), s.token_len - 1));
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, s.id, BYTES_NONE);
	assert_int_equal(ended(&s), 0);
	assert_int_equal(s.server.count, 0); /* an ACK is never rejected (section 4.2) */
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, s.id, token(&s));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_true(is_silent(&s));
	strike_stage(&s);
}

/* Section 4.2: an ACK or RST that is malformed or carries what it may not is ignored, and the request comes again. */
static void malformed_acks_and_resets_are_ignored(void **state)
{
	static const struct {
		uint8_t first, code;
		size_t extra; /* bytes 0xff behind the header */
	} cases[] = {
		{0x60, 0x00, 1},                                   /* Empty with more behind it (section 4.1) */
		{0x61, 0x00, 1},                                   /* Empty with a token */
		{0x60, 0x01, 0},                                   /* an ACK with a request (table 1) */
		{0x60, 0x20, 0},                                   /* reserved classes (section 3) */
		{0x60, 0xc0, 0}, {0x60, 0xe1, 0}, {0x70, 0x45, 0}, /* an RST that is not Empty (section 4.2) */
		{0x70, 0x01, 0}, {0x70, 0x00, 1}, {0x71, 0x00, 1}, {0xa0, 0x00, 0}, /* version 2 (section 3) */
		{0x20, 0x00, 0},                                                    /* version 0 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stage s;
		raise_stage(&s);
		ask(&s);
		uint8_t bytes[5] = {cases[i].first, cases[i].code, (uint8_t)(s.id >> 8), (uint8_t)s.id, 0xff};
		byhand_send(&s.server, &s.client, bytes_of(bytes, COAP_HEADER_BYTES + cases[i].extra));
		world_run(&s.world, SECONDS(4));
		if (s.server.count != 1 || ended(&s) != 0)
			fail_msg("case %zu: %d datagrams, %d ends", i, s.server.count, ended(&s));
		strike_stage(&s);
	}
}

/* Section 4.2: an RST is Empty; with the code and the token of a response it is neither. */
static void a_reset_that_looks_like_the_response_is_none(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_RST, COAP_CONTENT, s.id, token(&s));
	assert_int_equal(ended(&s), 0);
	world_run(&s.world, SECONDS(4));
	assert_int_equal(s.server.count, 1);
	strike_stage(&s);
}

/* ---- separate responses ---- */

/* Section 5.2.2: the response is as good as the ACK, which may come late or never. */
static void a_separate_response_before_the_ack_counts_as_the_ack(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_CON, COAP_CONTENT, 0x7001, token(&s));
	assert_true(byhand_got_empty(&s.server, COAP_TYPE_ACK, 0x7001));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	say_empty(&s, COAP_TYPE_ACK, s.id);
	assert_true(is_silent(&s));
	assert_int_equal(ended(&s), 1);
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->retransmitted, 0);
	strike_stage(&s);
}

/* Section 5.2.3: a confirmable request may be answered non-confirmably. */
static void a_nonconfirmable_response_ends_a_confirmable_request_and_is_not_acknowledged(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_NON, COAP_CONTENT, 0x7001, token(&s));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	assert_int_equal(s.server.count, 0);
	assert_true(is_silent(&s));
	strike_stage(&s);
}

/* Section 5.2.3: and a non-confirmable one confirmably. */
static void a_confirmable_response_to_a_nonconfirmable_request_is_acknowledged(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask_with(&s, true, false);
	say(&s, COAP_TYPE_CON, COAP_CONTENT, 0x7001, token(&s));
	assert_true(byhand_got_empty(&s.server, COAP_TYPE_ACK, 0x7001));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

/* Section 4.2 and 4.5: each copy is acknowledged, one is told. */
static void a_repeated_separate_response_is_acknowledged_again_and_told_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say_empty(&s, COAP_TYPE_ACK, s.id);
	for (int i = 0; i < 4; i++) {
		say(&s, COAP_TYPE_CON, COAP_CONTENT, 0x7001, token(&s));
		assert_true(byhand_got_empty(&s.server, COAP_TYPE_ACK, 0x7001));
	}
	assert_int_equal(ended(&s), 1);
	strike_stage(&s);
}

/* Section 4.2: what has no context is rejected when it is confirmable, and ignored when it is not. */
static void a_response_to_an_unknown_token_is_reset_if_confirmable_and_else_ignored(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_CON, COAP_CONTENT, 0x7001, OTHER_TOKEN);
	assert_true(byhand_got_empty(&s.server, COAP_TYPE_RST, 0x7001));
	say(&s, COAP_TYPE_NON, COAP_CONTENT, 0x7002, OTHER_TOKEN);
	assert_int_equal(s.server.count, 0);
	byhand_say(&s.stranger, &s.client, COAP_TYPE_CON, COAP_CONTENT, 0x7003, token(&s), DONE);
	assert_true(byhand_got_empty(&s.stranger, COAP_TYPE_RST, 0x7003));
	assert_int_equal(ended(&s), 0);
	strike_stage(&s);
}

/* Section 4.4: Message-IDs of the two directions have nothing to do with each other. */
static void messages_of_both_sides_may_cross_under_the_same_message_id(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say(&s, COAP_TYPE_CON, COAP_GET, s.id, OTHER_TOKEN); /* their request, of the same number as ours */
	assert_int_equal(s.server.count, 1);
	assert_int_equal(byhand_type(&s.server), COAP_TYPE_ACK);
	assert_int_equal(byhand_code(&s.server), COAP_NOT_FOUND);
	assert_int_equal(ended(&s), 0);
	s.server.count = 0;
	say(&s, COAP_TYPE_CON, COAP_CONTENT, s.id, token(&s)); /* and their response */
	assert_true(byhand_got_empty(&s.server, COAP_TYPE_ACK, s.id));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

/* ---- resets ---- */

/* Section 4.2 and 4.3. */
static void a_reset_ends_the_request_of_its_message_id_and_sender_alone(void **state)
{
	(void)state;
	for (int is_nonconfirmable = 0; is_nonconfirmable < 2; is_nonconfirmable++) {
		struct stage s;
		raise_stage(&s);
		ask_with(&s, is_nonconfirmable, false);
		byhand_say(&s.stranger, &s.client, COAP_TYPE_RST, COAP_EMPTY, s.id, BYTES_NONE, BYTES_NONE);
		say_empty(&s, COAP_TYPE_RST, (uint16_t)(s.id + 1));
		assert_int_equal(ended(&s), 0);
		say_empty(&s, COAP_TYPE_RST, s.id);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
		say_empty(&s, COAP_TYPE_RST, s.id);
		assert_true(is_silent(&s));
		assert_int_equal(ended(&s), 1);
		strike_stage(&s);
	}
}

/* RFC 7641 section 3.6: a client that has forgotten says so, to both kinds of notification. */
static void a_notification_for_nobody_is_reset(void **state)
{
	static const uint8_t observe[] = {0x61, 5}; /* Observe: 5 */
	(void)state;
	for (int type = COAP_TYPE_CON; type <= COAP_TYPE_NON; type++) {
		struct stage s;
		raise_stage(&s);
		uint8_t bytes[] = {(uint8_t)(0x41 | type << 4), COAP_CONTENT, 0x70, 0x01, 9, observe[0], observe[1]};
		byhand_send(&s.server, &s.client, bytes_of(bytes, sizeof bytes));
		assert_true(byhand_got_empty(&s.server, COAP_TYPE_RST, 0x7001));
		strike_stage(&s);
	}
}

/* ---- options of responses ---- */

/* A response with these options, of the given type. */
static void say_options(struct stage *s, enum coap_type type, uint16_t id, struct bytes options)
{
	uint8_t room[256];
	struct writer w = writer_of(room, sizeof room);
	struct coap_token t = coap_token_of(token(s));
	coap_message_write_start(&w, type, COAP_CONTENT, id, &t);
	write_bytes(&w, options);
	byhand_send(&s->server, &s->client, writer_bytes(&w));
}

/* Sections 5.4.1, 5.4.3 and 5.4.5: what is critical and not understood, too long or there once too often rejects the
 * response; what is elective is passed over. */
static void options_of_a_response_are_judged_by_their_class(void **state)
{
	static const struct {
		const char *what;
		uint8_t options[16];
		size_t len;
		enum coap_outcome outcome;
	} cases[] = {
		{"unknown, critical", {0x90}, 1, COAP_OUTCOME_BROKEN},
		{"unknown, elective", {0xe0, 0xfc, 0xdb}, 3, COAP_OUTCOME_RESPONSE},
		{"ETag of nine bytes", {0x49, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, COAP_OUTCOME_RESPONSE},
		{"empty ETag", {0x40}, 1, COAP_OUTCOME_RESPONSE},
		{"Max-Age of five bytes", {0xd5, 1, 1, 1, 1, 1, 1}, 7, COAP_OUTCOME_RESPONSE},
		{"Content-Format twice", {0xc0, 0x01, 50}, 3, COAP_OUTCOME_RESPONSE},
		{"Block2 of four bytes", {0xd4, 10, 0, 0, 0, 6}, 6, COAP_OUTCOME_BROKEN},
		{"Block2 twice", {0xd1, 10, 6, 0x01, 6}, 5, COAP_OUTCOME_BROKEN},
	};
	static const enum coap_type types[] = {COAP_TYPE_CON, COAP_TYPE_NON, COAP_TYPE_ACK};
	(void)state;
	for (size_t i = 0; i < 3 * (sizeof cases / sizeof cases[0]); i++) {
		enum coap_type type = types[i % 3];
		struct stage s;
		raise_stage(&s);
		ask(&s);
		say_options(&s, type, type == COAP_TYPE_ACK ? s.id : 0x7001,
			bytes_of(cases[i / 3].options, cases[i / 3].len));
		if (s.outcomes[cases[i / 3].outcome] != 1 || ended(&s) != 1)
			fail_msg("%s, type %d", cases[i / 3].what, (int)type);
		bool is_rejected = cases[i / 3].outcome == COAP_OUTCOME_BROKEN;
		if (type == COAP_TYPE_CON)
			assert_true(byhand_got_empty(&s.server, is_rejected ? COAP_TYPE_RST : COAP_TYPE_ACK, 0x7001));
		assert_int_equal(s.server.count, 0);
		assert_true(is_silent(&s));
		strike_stage(&s);
	}
}

/* Section 5.4.1: among more options than can be read there may be a critical one. The request has run: it must neither
 * be sent again nor be left waiting. */
static void a_response_with_more_options_than_can_be_read_is_rejected(void **state)
{
	static const enum coap_type types[] = {COAP_TYPE_CON, COAP_TYPE_NON, COAP_TYPE_ACK};
	uint8_t options[COAP_MESSAGE_OPTIONS_MAX + 1] = {0x40}; /* empty ETags */
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct stage s;
		raise_stage(&s);
		ask(&s);
		say_options(&s, types[i], types[i] == COAP_TYPE_ACK ? s.id : 0x7001, bytes_of(options, sizeof options));
		assert_int_equal(s.outcomes[COAP_OUTCOME_BROKEN], 1);
		if (types[i] == COAP_TYPE_CON)
			assert_true(byhand_got_empty(&s.server, COAP_TYPE_RST, 0x7001));
		assert_true(is_silent(&s));
		assert_int_equal(ended(&s), 1);
		strike_stage(&s);
	}
}

/* The same under a Message-ID or from an address that is not the request's: it says nothing about the request. */
static void an_unreadable_response_from_elsewhere_changes_nothing(void **state)
{
	uint8_t options[COAP_MESSAGE_OPTIONS_MAX + 1] = {0x40}, room[128];
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s);
	say_options(&s, COAP_TYPE_ACK, (uint16_t)(s.id + 1), bytes_of(options, sizeof options));
	struct writer w = writer_of(room, sizeof room);
	struct coap_token t = coap_token_of(token(&s));
	coap_message_write_start(&w, COAP_TYPE_CON, COAP_CONTENT, 0x7001, &t);
	write_bytes(&w, bytes_of(options, sizeof options));
	byhand_send(&s.stranger, &s.client, writer_bytes(&w));
	assert_true(byhand_got_empty(&s.stranger, COAP_TYPE_RST, 0x7001));
	assert_int_equal(ended(&s), 0);
	say(&s, COAP_TYPE_ACK, COAP_CONTENT, s.id, token(&s));
	assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ack_from_elsewhere_or_for_another_message_does_not_stop_the_retransmission),
		cmocka_unit_test(a_piggybacked_response_with_another_token_or_message_id_is_no_answer),
		cmocka_unit_test(malformed_acks_and_resets_are_ignored),
		cmocka_unit_test(a_reset_that_looks_like_the_response_is_none),
		cmocka_unit_test(a_separate_response_before_the_ack_counts_as_the_ack),
		cmocka_unit_test(a_nonconfirmable_response_ends_a_confirmable_request_and_is_not_acknowledged),
		cmocka_unit_test(a_confirmable_response_to_a_nonconfirmable_request_is_acknowledged),
		cmocka_unit_test(a_repeated_separate_response_is_acknowledged_again_and_told_once),
		cmocka_unit_test(a_response_to_an_unknown_token_is_reset_if_confirmable_and_else_ignored),
		cmocka_unit_test(messages_of_both_sides_may_cross_under_the_same_message_id),
		cmocka_unit_test(a_reset_ends_the_request_of_its_message_id_and_sender_alone),
		cmocka_unit_test(a_notification_for_nobody_is_reset),
		cmocka_unit_test(options_of_a_response_are_judged_by_their_class),
		cmocka_unit_test(a_response_with_more_options_than_can_be_read_is_rejected),
		cmocka_unit_test(an_unreadable_response_from_elsewhere_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
