/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What strangers get, and what our client does to be none (RFC 9175 section 2). */
#include "tests/sim/peer.h"

#include "coap/content_format.h"
#include "coap/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONG_BYTES 3000

struct stage {
	struct world world;
	struct peer client, server;
	uint8_t text[LONG_BYTES];
	int executed;
	struct handle later;
	bool refuses_always;
	/* what the client was told */
	int responses, notifications, failures;
	enum coap_code code;
	uint8_t body[LONG_BYTES];
	size_t body_len;
};

static enum coap_answer handle_long(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->executed++;
	ret->code = coap_code_is_safe(request->message->code) ? COAP_CONTENT : COAP_CHANGED;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = bytes_of(s->text, 500);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_huge(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	enum coap_answer answer = handle_long(context, endpoint, request, ret, now);
	ret->payload = bytes_of(s->text, sizeof s->text);
	return answer;
}

static enum coap_answer handle_later(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)ret, (void)now;
	s->later = request->later;
	return COAP_ANSWER_LATER;
}

static enum coap_answer handle_wrong(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->executed++;
	ret->code = COAP_BAD_REQUEST;
	ret->payload = bytes_of(s->text, 200);
	if (s->refuses_always) {
		ret->code = COAP_UNAUTHORIZED;
		coap_options_add(&ret->options, COAP_OPTION_ECHO, bytes_of("again", 5));
	}
	(void)request;
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "", .handle = handle_long},
	{.path = "long",
		.attributes = "rt=\"a.rather.long.resource.type\";if=\"with.an.interface\"",
		.is_observable = true,
		.handle = handle_long},
	{.path = "huge", .handle = handle_huge},
	{.path = "later", .handle = handle_later},
	{.path = "wrong", .handle = handle_wrong},
	{.path = "door", .fresh_within = SECONDS(10), .handle = handle_long},
};

#define RESOURCES (sizeof resources / sizeof resources[0])

static void raise_stage(struct stage *s, uint32_t verified, uint8_t amplification_max)
{
	*s = (struct stage){0};
	world_init(&s->world, 42);
	s->world.link.quality.delay = 20;
	for (size_t i = 0; i < sizeof s->text; i++)
		s->text[i] = (uint8_t)('a' + i % 23);
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.amplification_max = amplification_max;
	config.capacities.verified = verified;
	peer_join(&s->client, &s->world, 1, &config);
	peer_join(&s->server, &s->world, 2, &config);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	peer_leave(&s->server);
	world_done(&s->world);
}

/* ---- our client ---- */

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	if (reply->outcome == COAP_OUTCOME_RESPONSE)
		s->responses++;
	else if (reply->outcome == COAP_OUTCOME_NOTIFICATION)
		s->notifications++;
	else
		s->failures++;
	s->code = reply->code;
	s->body_len = reply->body.len < sizeof s->body ? reply->body.len : sizeof s->body;
	if (s->body_len > 0)
		memcpy(s->body, reply->body.data, s->body_len);
}

static struct handle ask(struct stage *s, enum coap_code method, const char *path, bool observe)
{
	struct coap_options options = {0};
	struct handle h = HANDLE_NONE;
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	struct coap_call call = {.to = peer_remote(&s->server),
		.method = method,
		.options = &options,
		.observe = observe,
		.reply = on_reply,
		.context = s};
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	return h;
}

static void assert_body(const struct stage *s, size_t len)
{
	assert_int_equal(s->body_len, len);
	assert_memory_equal(s->body, s->text, len);
}

static uint64_t sent_by_client(const struct stage *s)
{
	return coap_endpoint_counters(s->client.endpoint)->sent;
}

static void a_stranger_proves_his_address_once_and_gets_long_answers_then(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 3);
	ask(&s, COAP_GET, "long", false);
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.responses, 1);
	assert_int_equal(s.code, COAP_CONTENT);
	assert_body(&s, 500);
	assert_int_equal(sent_by_client(&s), 2); /* one is refused with an Echo */
	ask(&s, COAP_GET, "long", false);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(s.responses, 2);
	assert_int_equal(sent_by_client(&s), 3);
	strike_stage(&s);
}

static void without_a_table_the_echo_in_each_request_is_proof(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0, 3);
	ask(&s, COAP_GET, "huge", false);
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.code, COAP_CONTENT);
	assert_body(&s, LONG_BYTES);
	assert_int_equal(sent_by_client(&s), 1 + 3); /* 3000 bytes in blocks of 1024 */
	strike_stage(&s);
}

static void without_a_limit_a_stranger_gets_a_long_answer_at_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 0);
	ask(&s, COAP_GET, "long", false);
	world_run(&s.world, SECONDS(5));
	assert_body(&s, 500);
	assert_int_equal(sent_by_client(&s), 1);
	strike_stage(&s);
}

static void a_request_with_an_effect_runs_once_and_its_long_answer_comes_in_small_blocks(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 3);
	ask(&s, COAP_POST, "long", false);
	world_run(&s.world, SECONDS(30));
	assert_int_equal(s.executed, 1);
	assert_int_equal(s.responses, 1);
	assert_int_equal(s.code, COAP_CHANGED);
	assert_body(&s, 500);
	strike_stage(&s);
}

static void an_observer_proves_his_address_before_he_is_registered(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 3);
	ask(&s, COAP_GET, "long", true);
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.notifications, 1);
	assert_int_equal(sent_by_client(&s), 2);
	coap_endpoint_resource_changed(s.server.endpoint, &resources[1], s.world.now);
	world_run(&s.world, SECONDS(10));
	assert_int_equal(s.notifications, 2);
	assert_body(&s, 500);
	strike_stage(&s);
}

static void an_action_needs_a_fresh_echo_and_the_client_gives_it(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 0);
	ask(&s, COAP_PUT, "door", false);
	world_run(&s.world, SECONDS(5));
	assert_int_equal(s.code, COAP_CHANGED);
	assert_int_equal(s.executed, 1);
	assert_int_equal(sent_by_client(&s), 2);
	ask(&s, COAP_PUT, "door", false); /* the Echo of just now is still fresh */
	world_run(&s.world, SECONDS(6));
	assert_int_equal(s.executed, 2);
	assert_int_equal(sent_by_client(&s), 3);
	world_run(&s.world, SECONDS(30));
	ask(&s, COAP_PUT, "door", false); /* and now it is not */
	world_run(&s.world, SECONDS(35));
	assert_int_equal(s.executed, 3);
	assert_int_equal(sent_by_client(&s), 5);
	ask(&s, COAP_GET, "door", false); /* to look is no action */
	world_run(&s.world, SECONDS(36));
	assert_int_equal(sent_by_client(&s), 6);
	strike_stage(&s);
}

static void a_server_that_is_never_content_is_asked_once_more_and_not_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 4, 0);
	s.refuses_always = true;
	ask(&s, COAP_GET, "wrong", false);
	world_run(&s.world, SECONDS(100));
	assert_int_equal(s.responses, 1);
	assert_int_equal(s.code, COAP_UNAUTHORIZED);
	assert_int_equal(s.executed, 2);
	assert_int_equal(sent_by_client(&s), 2);
	strike_stage(&s);
}

/* ---- the account of what one datagram causes ---- */

struct account {
	struct coap_endpoint *endpoint;
	void *memory;
	struct stage *stage;
	size_t bytes, messages, confirmables;
	enum coap_code last;
	uint8_t echo[COAP_VERIFY_ECHO_BYTES]; /* the latest */
};

static bool count(void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	struct account *a = context;
	struct coap_message m;
	struct bytes echo;
	(void)to, (void)now;
	a->bytes += message.len;
	a->messages++;
	assert_int_equal(coap_message_parse(message, &m), COAP_VERDICT_OK);
	a->confirmables += m.type == COAP_TYPE_CON;
	a->last = m.code;
	if (coap_message_option(&m, COAP_OPTION_ECHO, &echo) && echo.len == sizeof a->echo)
		memcpy(a->echo, echo.data, echo.len);
	return true;
}

static void open_account(struct account *a, struct stage *s)
{
	static const uint8_t seed[PRNG_SEED_BYTES] = {1};
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.amplification_max = coap_parameters_default.amplification_max;
	config.capacities.verified = 4;
	config.capacities.qblocks = 4;
	config.capacities.peers = 4; /* what is known of a peer must not widen what a stranger may cause */
	*a = (struct account){.stage = s};
	*s = (struct stage){0};
	config.transport = (struct coap_transport){.context = a, .send = count};
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	a->memory = aligned_alloc(64, coap_endpoint_memory(&config));
	a->endpoint = coap_endpoint_init(a->memory, &config, seed);
}

static struct bytes write_request(uint8_t *room, size_t size, enum coap_type type, enum coap_code method,
	const char *path, size_t token_len, uint16_t option, uint32_t value)
{
	static const uint8_t token[COAP_TOKEN_MAX_BYTES] = {1, 2, 3};
	struct coap_token t = coap_token_of(bytes_of(token, token_len));
	struct coap_options options = {0};
	struct writer w = writer_of(room, size);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	if (option != 0)
		coap_options_add_uint(&options, option, value);
	coap_message_write(&w, type, method, 77, &t, &options, BYTES_NONE);
	return writer_bytes(&w);
}

/* One request from an address never seen, and a hundred seconds in which nobody says another word; what was answered
 * later is answered in the middle of it, and what is observed changes all the time. */
static void run_account(struct account *a, struct bytes request, msec begin)
{
	struct coap_remote stranger = {address_ipv4(203, 0, 113, 9, 40000), HANDLE_NONE};
	struct coap_response r = {.code = COAP_CONTENT,
		.content_format = COAP_FORMAT_TEXT,
		.max_age_s = 60,
		.payload = bytes_of(a->stage->text, 100)};
	a->bytes = a->messages = a->confirmables = 0;
	coap_endpoint_receive(a->endpoint, &stranger, request, begin);
	for (msec now = begin; now < begin + SECONDS(100); now += 500) {
		if (now == begin + SECONDS(2) && !handle_is_none(a->stage->later))
			(void)coap_endpoint_respond(a->endpoint, a->stage->later, &r, now);
		coap_endpoint_resource_changed(a->endpoint, &resources[1], now);
		while (coap_endpoint_deadline(a->endpoint) <= now)
			coap_endpoint_tick(a->endpoint, now);
	}
}

static void no_request_of_a_stranger_causes_more_than_three_times_its_bytes(void **state)
{
	static const char *const paths[] = {
		"", "long", "huge", "later", "wrong", "door", "nowhere", ".well-known/core"};
	static const uint16_t numbers[] = {0, COAP_OPTION_OBSERVE, COAP_OPTION_BLOCK2, COAP_OPTION_BLOCK1,
		COAP_OPTION_SIZE2, COAP_OPTION_ACCEPT, COAP_OPTION_PROXY_SCHEME, 9 /* critical, not understood */};
	uint8_t room[128];
	int cases = 0;
	(void)state;
	for (enum coap_type type = COAP_TYPE_CON; type <= COAP_TYPE_NON; type++)
		for (enum coap_code method = COAP_GET; method <= COAP_IPATCH + 1; method++)
			for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++)
				for (size_t o = 0; o < sizeof numbers / sizeof numbers[0]; o++)
					for (size_t token = 0; token <= 8; token += 4) {
						struct account a;
						struct stage s;
						open_account(&a, &s);
						struct bytes request = write_request(room, sizeof room, type, method,
							paths[p], token, numbers[o], o == 2 ? 6 : 0);
						run_account(&a, request, SECONDS(1000));
						assert_true(a.bytes <= 3 * request.len);
						if (a.messages == 1 && coap_code_is_error(a.last))
							assert_true(a.bytes <= request.len + 16);
						assert_int_equal(a.last == COAP_UNAUTHORIZED ? a.confirmables : 0, 0);
						free(a.memory);
						cases++;
					}
	assert_int_equal(cases, 2 * 8 * 8 * 8 * 3);
}

static void empty_and_malformed_messages_cause_no_more_than_their_own_bytes(void **state)
{
	static const char *const datagrams[] = {"\x40\x00\x01\x02", "\x50\x00\x01\x02", "\x41\x00\x01\x02\x09",
		"\x40\x21\x01\x02", "\x40\x45\x01\x02", "\x50\x45\x01\x02", "\x4f\x01\x01\x02", "\x40\x01\x01\x02\xff",
		"\x70\x00\x01\x02", "\x60\x00\x01\x02", "\x40\xe1\x01\x02"};
	static const size_t sizes[] = {4, 4, 5, 4, 4, 4, 4, 5, 4, 4, 4};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct account a;
		struct stage s;
		open_account(&a, &s);
		run_account(&a, bytes_of(datagrams[i], sizes[i]), SECONDS(1000));
		assert_true(a.bytes <= sizes[i]);
		free(a.memory);
	}
}

static void an_echo_of_another_address_proves_nothing(void **state)
{
	struct account a;
	struct stage s;
	struct coap_options options = {0};
	struct coap_token token = {.len = 0};
	uint8_t room[128], value[COAP_VERIFY_ECHO_BYTES] = {0};
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	open_account(&a, &s);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("long"));
	coap_options_add(&options, COAP_OPTION_ECHO, bytes_of(value, sizeof value));
	coap_message_write(&w, COAP_TYPE_CON, COAP_GET, 1, &token, &options, BYTES_NONE);
	run_account(&a, writer_bytes(&w), SECONDS(1000));
	assert_int_equal(a.last, COAP_UNAUTHORIZED);
	free(a.memory);
}

/* RFC 7252 section 4.5: the client asks again in another message, and the network still holds a copy of the first. */
static void a_request_that_was_refused_for_want_of_an_echo_does_not_run_when_a_copy_of_it_comes_late(void **state)
{
	struct account a;
	struct stage s;
	struct coap_remote stranger = {address_ipv4(203, 0, 113, 9, 40000), HANDLE_NONE};
	struct coap_options options = {0};
	struct coap_token token = {.len = 0};
	uint8_t first[64], second[64];
	struct writer w = writer_of(second, sizeof second);
	(void)state;
	open_account(&a, &s);
	struct bytes request =
		write_request(first, sizeof first, COAP_TYPE_CON, COAP_POST, "long", 8, COAP_OPTION_Q_BLOCK2, 8);
	coap_endpoint_receive(a.endpoint, &stranger, request, SECONDS(1));
	assert_int_equal(a.last, COAP_UNAUTHORIZED);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("long"));
	coap_options_add(&options, COAP_OPTION_ECHO, bytes_of(a.echo, sizeof a.echo));
	coap_message_write(&w, COAP_TYPE_CON, COAP_GET, 78, &token, &options, BYTES_NONE);
	coap_endpoint_receive(a.endpoint, &stranger, writer_bytes(&w), SECONDS(2));
	assert_int_equal(s.executed, 1);
	assert_int_equal(a.last, COAP_CONTENT);
	coap_endpoint_receive(a.endpoint, &stranger, request, SECONDS(3));
	assert_int_equal(s.executed, 1);
	assert_int_equal(a.last, COAP_UNAUTHORIZED);
	free(a.memory);
}

/* RFC 7252 section 5.4.1 and RFC 7967 section 2.1, in what one datagram causes. */
static void a_refused_option_is_named_and_what_is_not_wanted_is_not_said(void **state)
{
	struct account a;
	struct stage s;
	struct coap_remote secure = {address_ipv4(203, 0, 113, 9, 40000), {1, 1}};
	uint8_t room[64];
	(void)state;
	open_account(&a, &s);
	struct bytes request = write_request(room, sizeof room, COAP_TYPE_CON, COAP_GET, "wrong", 0, 9, 0);
	coap_endpoint_receive(a.endpoint, &secure, request, SECONDS(1));
	assert_int_equal(a.last, COAP_BAD_OPTION);
	assert_int_equal(a.bytes, COAP_HEADER_BYTES + 1 + strlen("option 9"));
	request = write_request(room, sizeof room, COAP_TYPE_NON, COAP_GET, "long", 0, COAP_OPTION_NO_RESPONSE, 2);
	coap_endpoint_receive(a.endpoint, &secure, request, SECONDS(2));
	assert_int_equal(a.messages, 1);
	request = write_request(room, sizeof room, COAP_TYPE_NON, COAP_GET, "wrong", 0, COAP_OPTION_NO_RESPONSE, 2);
	coap_endpoint_receive(a.endpoint, &secure, request, SECONDS(3));
	assert_int_equal(a.messages, 2);
	assert_int_equal(a.last, COAP_BAD_REQUEST);
	free(a.memory);
}

static void a_secure_session_is_no_stranger(void **state)
{
	struct account a;
	struct stage s;
	uint8_t room[64];
	struct coap_remote secure = {address_ipv4(203, 0, 113, 9, 40000), {1, 1}};
	(void)state;
	open_account(&a, &s);
	struct bytes request = write_request(room, sizeof room, COAP_TYPE_CON, COAP_GET, "long", 0, 0, 0);
	coap_endpoint_receive(a.endpoint, &secure, request, SECONDS(1));
	assert_int_equal(a.last, COAP_CONTENT);
	assert_true(a.bytes > 500);
	free(a.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_proves_his_address_once_and_gets_long_answers_then),
		cmocka_unit_test(without_a_table_the_echo_in_each_request_is_proof),
		cmocka_unit_test(without_a_limit_a_stranger_gets_a_long_answer_at_once),
		cmocka_unit_test(a_request_with_an_effect_runs_once_and_its_long_answer_comes_in_small_blocks),
		cmocka_unit_test(an_observer_proves_his_address_before_he_is_registered),
		cmocka_unit_test(an_action_needs_a_fresh_echo_and_the_client_gives_it),
		cmocka_unit_test(a_server_that_is_never_content_is_asked_once_more_and_not_again),
		cmocka_unit_test(no_request_of_a_stranger_causes_more_than_three_times_its_bytes),
		cmocka_unit_test(empty_and_malformed_messages_cause_no_more_than_their_own_bytes),
		cmocka_unit_test(an_echo_of_another_address_proves_nothing),
		cmocka_unit_test(
			a_request_that_was_refused_for_want_of_an_echo_does_not_run_when_a_copy_of_it_comes_late),
		cmocka_unit_test(a_refused_option_is_named_and_what_is_not_wanted_is_not_said),
		cmocka_unit_test(a_secure_session_is_no_stranger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
