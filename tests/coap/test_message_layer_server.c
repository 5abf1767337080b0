/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The message layer of an endpoint that answers (RFC 7252 sections 4 and 5, RFC 7641 section 4): the client is played
 * by hand, so that it may say what no client of ours would. */
#include "tests/sim/byhand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TOKEN bytes_of("tok", 3)

struct stage {
	struct world world;
	struct peer server;
	struct byhand client, stranger;
	int executed, forgotten;
	struct handle later, observer;
};

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
	s->executed++;
	s->later = request->later;
	return COAP_ANSWER_LATER;
}

static enum coap_answer handle_state(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->observer = request->observer;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of("on", 2);
	return COAP_ANSWER_NOW;
}

static void forget(void *context, struct handle observer)
{
	struct stage *s = context;
	(void)observer;
	s->forgotten++;
}

static struct coap_resource resources[] = {
	{.path = "c", .handle = handle_count},
	{.path = "l", .handle = handle_later},
	{.path = "s", .handle = handle_state, .is_observable = true, .forget = forget},
};

static void raise_stage(struct stage *s)
{
	struct coap_endpoint_config config = peer_config(resources, 3);
	*s = (struct stage){.executed = 0};
	for (size_t i = 0; i < 3; i++)
		resources[i].context = s;
	world_init(&s->world, 7);
	s->world.link.quality.delay = 10;
	peer_join(&s->server, &s->world, 2, &config);
	byhand_join(&s->client, &s->world, 1);
	byhand_join(&s->stranger, &s->world, 3);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->server);
	world_done(&s->world);
}

/* A request to a path of one letter, with these bytes in front of its Uri-Path, which end in option `last`. */
static void ask_with(struct stage *s, enum coap_type type, enum coap_code code, uint16_t id, char path, uint16_t last,
	struct bytes options)
{
	uint8_t room[128];
	struct writer w = writer_of(room, sizeof room);
	struct coap_token t = coap_token_of(TOKEN);
	coap_message_write_start(&w, type, code, id, &t);
	write_bytes(&w, options);
	coap_option_write(&w, last, COAP_OPTION_URI_PATH, bytes_of(&path, 1));
	byhand_send(&s->client, &s->server, writer_bytes(&w));
}

static void ask(struct stage *s, enum coap_type type, enum coap_code code, uint16_t id, char path)
{
	ask_with(s, type, code, id, path, 0, BYTES_NONE);
}

static void say_empty(struct stage *s, enum coap_type type, uint16_t id)
{
	byhand_say(&s->client, &s->server, type, COAP_EMPTY, id, BYTES_NONE, BYTES_NONE);
}

static bool is_silent(struct stage *s)
{
	s->client.count = 0;
	world_run(&s->world, SECONDS(60));
	return s->client.count == 0;
}

/* ---- Message-IDs ---- */

/* Sections 4.4 and 4.5: within EXCHANGE_LIFETIME it is the same message, after it another one. */
static void a_message_id_may_be_used_again_after_the_lifetime_of_its_exchange(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_TYPE_CON, COAP_POST, 1, 'c');
	world_run(&s.world, SECONDS(246));
	ask(&s, COAP_TYPE_CON, COAP_POST, 1, 'c');
	assert_int_equal(s.executed, 1);
	assert_int_equal(s.client.count, 2);
	world_run(&s.world, SECONDS(1));
	ask(&s, COAP_TYPE_CON, COAP_POST, 1, 'c');
	assert_int_equal(s.executed, 2);
	assert_int_equal(s.client.count, 3);
	strike_stage(&s);
}

/* Section 4.5: whose message it is goes by the source endpoint too. */
static void the_same_message_id_of_another_client_is_another_message(void **state)
{
	static const uint8_t post[] = {0x40, 0x02, 0, 1, 0xb1, 'c'};
	struct stage s;
	(void)state;
	raise_stage(&s);
	byhand_send(&s.client, &s.server, bytes_of(post, sizeof post));
	byhand_send(&s.stranger, &s.server, bytes_of(post, sizeof post));
	assert_int_equal(s.executed, 2);
	assert_int_equal(s.client.count, 1);
	assert_int_equal(s.stranger.count, 1);
	strike_stage(&s);
}

/* ---- separate responses ---- */

static void begin_separate(struct stage *s)
{
	struct coap_response r = {.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .max_age_s = 60};
	ask(s, COAP_TYPE_CON, COAP_POST, 1, 'l');
	world_run(&s->world, SECONDS(2));
	assert_true(byhand_got_empty(&s->client, COAP_TYPE_ACK, 1));
	assert_true(coap_endpoint_respond(s->server.endpoint, s->later, &r, s->world.now));
	world_run(&s->world, 50);
	assert_int_equal(s->client.count, 1);
	assert_int_equal(byhand_type(&s->client), COAP_TYPE_CON);
	assert_true(bytes_equal(byhand_token(&s->client), TOKEN));
	s->client.count = 0;
}

/* Section 4.2: both end the retransmission, and only from whom the response went to. */
static void a_separate_response_is_repeated_until_it_is_acknowledged_or_reset(void **state)
{
	static const enum coap_type ends[] = {COAP_TYPE_ACK, COAP_TYPE_RST};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stage s;
		raise_stage(&s);
		begin_separate(&s);
		uint16_t id = byhand_id(&s.client);
		byhand_say(&s.stranger, &s.server, ends[i], COAP_EMPTY, id, BYTES_NONE, BYTES_NONE);
		say_empty(&s, ends[i], (uint16_t)(id + 1));
		world_run(&s.world, SECONDS(4));
		assert_int_equal(s.client.count, 1);
		assert_int_equal(byhand_id(&s.client), id);
		say_empty(&s, ends[i], id);
		assert_true(is_silent(&s));
		assert_true(coap_endpoint_is_idle(s.server.endpoint));
		strike_stage(&s);
	}
}

/* Section 4.5: the request that comes again while its response is under way gets its ACK again and does not run. */
static void a_request_repeated_while_its_response_is_in_flight_is_acknowledged_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	begin_separate(&s);
	ask(&s, COAP_TYPE_CON, COAP_POST, 1, 'l');
	assert_true(byhand_got_empty(&s.client, COAP_TYPE_ACK, 1));
	assert_int_equal(s.executed, 1);
	strike_stage(&s);
}

/* ---- resets to what was not confirmable ---- */

/* Section 4.3: there is nothing to stop. */
static void a_reset_to_a_nonconfirmable_response_changes_nothing(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask(&s, COAP_TYPE_NON, COAP_POST, 1, 'c');
	assert_int_equal(byhand_type(&s.client), COAP_TYPE_NON);
	s.client.count = 0;
	say_empty(&s, COAP_TYPE_RST, byhand_id(&s.client));
	assert_int_equal(s.client.count, 0);
	ask(&s, COAP_TYPE_NON, COAP_POST, 2, 'c');
	assert_int_equal(s.executed, 2);
	assert_int_equal(s.client.count, 1);
	strike_stage(&s);
}

static void observe(struct stage *s)
{
	static const uint8_t registers[] = {0x60};
	ask_with(s, COAP_TYPE_CON, COAP_GET, 1, 's', COAP_OPTION_OBSERVE, bytes_of(registers, 1));
	s->client.count = 0;
}

/* RFC 7641 section 4.2: a rejected notification of either type ends the registration; from elsewhere it does not. */
static void a_reset_to_a_notification_ends_the_observation_of_its_sender(void **state)
{
	(void)state;
	for (int is_confirmable = 0; is_confirmable < 2; is_confirmable++) {
		struct stage s;
		raise_stage(&s);
		observe(&s);
		coap_endpoint_changed(s.server.endpoint, s.observer, is_confirmable, s.world.now);
		world_run(&s.world, 50);
		assert_int_equal(s.client.count, 1);
		assert_int_equal(byhand_type(&s.client), is_confirmable ? COAP_TYPE_CON : COAP_TYPE_NON);
		uint16_t id = byhand_id(&s.client);
		byhand_say(&s.stranger, &s.server, COAP_TYPE_RST, COAP_EMPTY, id, BYTES_NONE, BYTES_NONE);
		say_empty(&s, COAP_TYPE_RST, (uint16_t)(id + 1));
		assert_int_equal(s.forgotten, 0);
		say_empty(&s, COAP_TYPE_RST, id);
		assert_int_equal(s.forgotten, 1);
		assert_true(is_silent(&s));
		strike_stage(&s);
	}
}

/* ---- options of requests ---- */

/* Sections 5.4.1, 5.4.3 and 5.4.5. */
static void options_of_a_request_are_judged_by_their_class(void **state)
{
	static const struct {
		const char *what;
		uint16_t last;
		uint8_t options[16];
		size_t len;
		bool is_served;
	} cases[] = {
		{"unknown, critical", 9, {0x90}, 1, false},
		{"unknown, elective", 2, {0x20}, 1, true},
		{"empty Uri-Host", COAP_OPTION_URI_HOST, {0x30}, 1, false},
		{"Uri-Host twice", COAP_OPTION_URI_HOST, {0x31, 'a', 0x01, 'b'}, 4, false},
		{"Uri-Port of three bytes", COAP_OPTION_URI_PORT, {0x73, 0, 22, 51}, 4, false},
		{"If-None-Match with a value", COAP_OPTION_IF_NONE_MATCH, {0x51, 1}, 2, false},
		{"If-Match of nine bytes", COAP_OPTION_IF_MATCH, {0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, false},
		{"ETag of nine bytes", COAP_OPTION_ETAG, {0x49, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, true},
		{"Observe of four bytes", COAP_OPTION_OBSERVE, {0x64, 0, 0, 0, 0}, 5, true},
		{"Observe twice", COAP_OPTION_OBSERVE, {0x60, 0x01, 1}, 3, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stage s;
		raise_stage(&s);
		ask_with(&s, COAP_TYPE_NON, COAP_POST, 1, 'c', cases[i].last, bytes_of(cases[i].options, cases[i].len));
		if (s.executed != cases[i].is_served || s.client.count != cases[i].is_served)
			fail_msg("%s, NON: run %d times", cases[i].what, s.executed);
		s.executed = s.client.count = 0;
		ask_with(&s, COAP_TYPE_CON, COAP_POST, 2, 'c', cases[i].last, bytes_of(cases[i].options, cases[i].len));
		if (s.executed != cases[i].is_served)
			fail_msg("%s, CON: run %d times", cases[i].what, s.executed);
		assert_int_equal(s.client.count, 1);
		assert_int_equal(byhand_code(&s.client), cases[i].is_served ? COAP_CHANGED : COAP_BAD_OPTION);
		strike_stage(&s);
	}
}

/* Section 5.4.1: among more options than can be read there may be a critical one. */
static void a_request_with_more_options_than_can_be_read_is_a_bad_option(void **state)
{
	uint8_t options[COAP_MESSAGE_OPTIONS_MAX + 1] = {0x40};
	struct stage s;
	(void)state;
	raise_stage(&s);
	ask_with(&s, COAP_TYPE_NON, COAP_POST, 1, 'c', COAP_OPTION_ETAG, bytes_of(options, sizeof options));
	assert_int_equal(s.client.count, 0);
	ask_with(&s, COAP_TYPE_CON, COAP_POST, 2, 'c', COAP_OPTION_ETAG, bytes_of(options, sizeof options));
	assert_int_equal(s.client.count, 1);
	assert_int_equal(byhand_type(&s.client), COAP_TYPE_ACK);
	assert_int_equal(byhand_code(&s.client), COAP_BAD_OPTION);
	assert_int_equal(byhand_id(&s.client), 2);
	assert_true(bytes_equal(byhand_token(&s.client), TOKEN));
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

/* ---- formats ---- */

/* Sections 3, 4.1 to 4.3 and 5.2: what cannot be read is reset when it is confirmable, and else ignored. */
static void what_cannot_be_read_is_reset_if_confirmable_and_else_ignored(void **state)
{
	static const struct {
		const char *what;
		uint8_t token_len, code, rest[16];
		size_t len;
	} cases[] = {
		{"Empty with bytes behind it", 0, 0x00, {1}, 1},
		{"Empty with a payload", 0, 0x00, {0xff, 1}, 2},
		{"Empty with a token", 1, 0x00, {1}, 1},
		{"token length 15", 15, 0x01, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 15},
		{"token cut off", 8, 0x01, {1, 2, 3}, 3},
		{"class 1", 0, 0x21, {0}, 0},
		{"class 3", 0, 0x61, {0}, 0},
		{"class 6", 0, 0xc1, {0}, 0},
		{"class 7", 0, 0xe1, {0}, 0},
		{"option delta 15", 0, 0x01, {0xf0}, 1},
		{"option length 15", 0, 0x01, {0xbf, 'c'}, 2},
		{"option cut off", 0, 0x01, {0xb2, 'c'}, 2},
		{"extended delta cut off", 0, 0x01, {0xd0}, 1},
		{"option number above 65535", 0, 0x01, {0xe0, 0xff, 0xff}, 3},
		{"marker without payload", 0, 0x01, {0xb1, 'c', 0xff}, 3},
	};
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (unsigned type = COAP_TYPE_CON; type <= COAP_TYPE_RST; type++) {
			uint8_t bytes[20] = {
				(uint8_t)(0x40 | type << 4 | cases[i].token_len), cases[i].code, 0, (uint8_t)i};
			memcpy(bytes + 4, cases[i].rest, cases[i].len);
			s.client.count = 0;
			byhand_send(&s.client, &s.server, bytes_of(bytes, 4 + cases[i].len));
			if (type != COAP_TYPE_CON && s.client.count != 0)
				fail_msg("%s: answered, type %u", cases[i].what, type);
			if (type == COAP_TYPE_CON && !byhand_got_empty(&s.client, COAP_TYPE_RST, (uint16_t)i))
				fail_msg("%s: not reset", cases[i].what);
		}
	}
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

/* Section 3: other versions are ignored, even where they look like a confirmable message. */
static void other_versions_are_ignored(void **state)
{
	static const uint8_t firsts[] = {0x00, 0x80, 0xc0};
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (size_t i = 0; i < sizeof firsts; i++) {
		uint8_t bytes[] = {firsts[i], COAP_POST, 0, 1, 0xb1, 'c'};
		byhand_send(&s.client, &s.server, bytes_of(bytes, sizeof bytes));
	}
	assert_int_equal(s.client.count, 0);
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_id_may_be_used_again_after_the_lifetime_of_its_exchange),
		cmocka_unit_test(the_same_message_id_of_another_client_is_another_message),
		cmocka_unit_test(a_separate_response_is_repeated_until_it_is_acknowledged_or_reset),
		cmocka_unit_test(a_request_repeated_while_its_response_is_in_flight_is_acknowledged_again),
		cmocka_unit_test(a_reset_to_a_nonconfirmable_response_changes_nothing),
		cmocka_unit_test(a_reset_to_a_notification_ends_the_observation_of_its_sender),
		cmocka_unit_test(options_of_a_request_are_judged_by_their_class),
		cmocka_unit_test(a_request_with_more_options_than_can_be_read_is_a_bad_option),
		cmocka_unit_test(what_cannot_be_read_is_reset_if_confirmable_and_else_ignored),
		cmocka_unit_test(other_versions_are_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
