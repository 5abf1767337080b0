/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A client, a multicast address and its members (RFC 7252 section 8, RFC 7390, RFC 7959 section 2.8). */
#include "tests/sim/peer.h"

#include "coap/content_format.h"
#include "coap/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MEMBERS    5
#define LONG_BYTES 2500

struct stage {
	struct world world;
	struct peer client, members[MEMBERS];
	struct world_node group; /* what is sent here goes to every member */
	uint8_t text[LONG_BYTES];
	int executed;
	int repeats; /* how often each member gets the request, less one */
	/* what the client was told */
	int answers, ends, failures;
	uint32_t who; /* bit n: 192.0.2.n has answered */
	size_t body_len;
	enum coap_code code;
	msec first, last;
};

static const struct coap_remote group_remote = {
	{.ip = {[10] = 0xff, [11] = 0xff, 224, 0, 1, 187}, .port = 5683}, {0, 0}};

static enum coap_answer handle_light(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->executed++;
	ret->code = coap_code_is_safe(request->message->code) ? COAP_CONTENT : COAP_CHANGED;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = coap_code_is_safe(request->message->code) ? bytes_of_text("on") : BYTES_NONE;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_long(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)request, (void)now;
	s->executed++;
	ret->code = COAP_CONTENT;
	ret->payload = bytes_of(s->text, sizeof s->text);
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_empty(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_CONTENT;
	return COAP_ANSWER_NOW;
}

static enum coap_answer handle_wrong(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	(void)context, (void)endpoint, (void)request, (void)now;
	ret->code = COAP_BAD_REQUEST;
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {
	{.path = "light",
		.attributes = "rt=\"light\"",
		.group = COAP_GROUP_OBEYS,
		.is_observable = true,
		.handle = handle_light},
	{.path = "meter", .group = COAP_GROUP_TELLS, .handle = handle_light},
	{.path = "safe", .handle = handle_light},
	{.path = "long", .group = COAP_GROUP_TELLS, .handle = handle_long},
	{.path = "empty", .group = COAP_GROUP_TELLS, .handle = handle_empty},
	{.path = "wrong", .group = COAP_GROUP_TELLS, .handle = handle_wrong},
};

#define RESOURCES (sizeof resources / sizeof resources[0])

static void receive_for_all(void *context, const struct address *from, struct bytes datagram, msec now)
{
	struct stage *s = context;
	struct coap_remote remote = {*from, HANDLE_NONE};
	for (int i = 0; i < MEMBERS; i++)
		for (int n = 0; n <= s->repeats; n++)
			coap_endpoint_receive_group(s->members[i].endpoint, &remote, datagram, now);
}

static msec no_deadline(void *context)
{
	(void)context;
	return NEVER;
}

static void no_tick(void *context, msec now)
{
	(void)context, (void)now;
}

static struct coap_endpoint_config config_with(uint8_t amplification_max)
{
	struct coap_endpoint_config config = peer_config(resources, RESOURCES);
	config.parameters.amplification_max = amplification_max;
	config.capacities.group_answers = 4;
	config.capacities.responders = 32;
	config.capacities.verified = 4;
	return config;
}

static void raise_stage_with(
	struct stage *s, const struct coap_endpoint_config *client, const struct coap_endpoint_config *member)
{
	*s = (struct stage){.first = NEVER};
	world_init(&s->world, 7);
	s->world.link.quality.delay = 20;
	for (size_t i = 0; i < sizeof s->text; i++)
		s->text[i] = (uint8_t)('a' + i % 23);
	for (size_t i = 0; i < RESOURCES; i++)
		resources[i].context = s;
	peer_join(&s->client, &s->world, 1, client);
	for (uint8_t i = 0; i < MEMBERS; i++)
		peer_join(&s->members[i], &s->world, (uint8_t)(10 + i), member);
	s->group = (struct world_node){.address = group_remote.address,
		.context = s,
		.receive = receive_for_all,
		.deadline = no_deadline,
		.tick = no_tick};
	world_join(&s->world, &s->group);
}

static void raise_stage(struct stage *s, uint8_t amplification_max)
{
	struct coap_endpoint_config config = config_with(amplification_max);
	raise_stage_with(s, &config, &config);
}

static void strike_stage(struct stage *s)
{
	world_leave(&s->world, &s->group);
	peer_leave(&s->client);
	for (int i = 0; i < MEMBERS; i++)
		peer_leave(&s->members[i]);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint;
	if (reply->outcome == COAP_OUTCOME_MEMBER) {
		s->answers++;
		s->who |= UINT32_C(1) << reply->remote.address.ip[15];
		s->body_len = reply->body.len;
		s->code = reply->code;
		if (reply->body.len == LONG_BYTES)
			assert_memory_equal(reply->body.data, s->text, LONG_BYTES);
		s->first = msec_earlier(s->first, now);
		s->last = now;
	} else if (reply->outcome == COAP_OUTCOME_TIMEOUT) {
		s->ends++;
	} else {
		s->failures++;
	}
}

static struct coap_call call_for(struct stage *s, enum coap_code method, struct coap_options *options)
{
	return (struct coap_call){.to = group_remote,
		.method = method,
		.options = options,
		.is_group = true,
		.reply = on_reply,
		.context = s};
}

static struct handle ask(struct stage *s, enum coap_code method, const char *path, const char *query)
{
	struct coap_options options = {0};
	struct handle h = HANDLE_NONE;
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	coap_options_add_query(&options, COAP_OPTION_URI_QUERY, bytes_of_text(query));
	struct coap_call call = call_for(s, method, &options);
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	return h;
}

static uint64_t sent_by_members(const struct stage *s)
{
	uint64_t sum = 0;
	for (int i = 0; i < MEMBERS; i++)
		sum += coap_endpoint_counters(s->members[i].endpoint)->sent;
	return sum;
}

static void all_members_answer_at_different_moments_and_each_answer_is_told(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	ask(&s, COAP_GET, "meter", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.who, 0x7c00);
	assert_int_equal(s.ends, 1);
	assert_true(s.last - s.first > 500);
	assert_true(s.last - s.first <= SECONDS(5));
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void a_request_that_is_repeated_is_run_and_answered_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	s.repeats = 2;
	ask(&s, COAP_GET, "meter", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.executed, MEMBERS);
	assert_int_equal(sent_by_members(&s), MEMBERS);
	strike_stage(&s);
}

static void answers_that_the_network_repeats_are_told_once(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	s.world.link.quality.repeat_permille = 1000;
	ask(&s, COAP_GET, "meter", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, MEMBERS);
	assert_true(coap_endpoint_counters(s.client.endpoint)->duplicates > 0);
	strike_stage(&s);
}

static void members_that_cannot_help_say_nothing(void **state)
{
	static const struct {
		enum coap_code method;
		const char *path, *query;
	} cases[] = {
		/* 1 */ {COAP_GET, "nowhere", ""},
		/* 2 */ {COAP_GET, "empty", ""},
		/* 3 */ {COAP_GET, "wrong", ""},
		/* 4: does not hear groups */ {COAP_GET, "safe", ""},
		/* 5: tells, but does not obey */ {COAP_PUT, "meter", ""},
		/* 6: an unknown method */ {(enum coap_code)0x1e, "light", ""},
		/* 7: no link matches */ {COAP_GET, ".well-known/core", "rt=nothing"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stage s;
		raise_stage(&s, 0);
		ask(&s, cases[i].method, cases[i].path, cases[i].query);
		world_run(&s.world, SECONDS(20));
		assert_int_equal(sent_by_members(&s), 0);
		assert_int_equal(s.executed, 0);
		assert_int_equal(s.ends, 1);
		strike_stage(&s);
	}
}

static void members_whose_links_match_answer_discovery(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	ask(&s, COAP_GET, ".well-known/core", "rt=light");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.body_len, strlen("</light>;rt=\"light\";obs"));
	strike_stage(&s);
}

static void a_resource_that_obeys_groups_does_what_it_is_told(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	ask(&s, COAP_PUT, "light", "");
	world_run(&s.world, 100);
	assert_int_equal(s.executed, MEMBERS); /* at once; the answers wait */
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.code, COAP_CHANGED);
	strike_stage(&s);
}

static void long_answers_are_fetched_from_each_member_alone(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	ask(&s, COAP_GET, "long", "");
	world_run(&s.world, SECONDS(60));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.body_len, LONG_BYTES);
	assert_int_equal(s.ends, 1);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	strike_stage(&s);
}

static void the_end_waits_for_what_is_still_fetched(void **state)
{
	struct stage s;
	struct coap_options options = {0};
	struct handle h;
	(void)state;
	raise_stage(&s, 0);
	s.world.link.quality.delay = 900;
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text("long"));
	struct coap_call call = call_for(&s, COAP_GET, &options);
	call.group_wait = SECONDS(4);
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	world_run(&s.world, SECONDS(4) + 500);
	int early = s.answers;
	assert_int_equal(s.ends, 0);
	world_run(&s.world, SECONDS(60));
	assert_true(s.answers > early);
	assert_int_equal(s.ends, 1);
	strike_stage(&s);
}

static void strangers_are_asked_for_an_echo_by_each_member_and_get_the_answer_alone(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 3);
	ask(&s, COAP_GET, "long", "");
	world_run(&s.world, SECONDS(60));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.body_len, LONG_BYTES);
	assert_int_equal(s.code, COAP_CONTENT);
	strike_stage(&s);
}

static void a_cancelled_group_request_tells_nothing_any_more(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	struct handle h = ask(&s, COAP_GET, "meter", "");
	coap_endpoint_cancel(s.client.endpoint, h, s.world.now);
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers + s.ends + s.failures, 0);
	strike_stage(&s);
}

static void what_does_not_suit_a_group_is_not_sent(void **state)
{
	struct stage s;
	struct coap_options options = {0};
	struct handle h;
	(void)state;
	raise_stage(&s, 0);
	struct coap_call observing = call_for(&s, COAP_GET, &options), long_body = observing;
	observing.observe = true;
	long_body.body = bytes_of(s.text, 1025);
	assert_false(coap_endpoint_request(s.client.endpoint, &observing, s.world.now, &h));
	assert_false(coap_endpoint_request(s.client.endpoint, &long_body, s.world.now, &h));
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->sent, 0);
	strike_stage(&s);
}

static void more_answers_than_room_are_counted_and_dropped(void **state)
{
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s, 0);
	for (int i = 0; i < 10; i++) /* members have room for four answers that wait */
		h = ask(&s, COAP_GET, "meter", "");
	(void)h;
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.ends, 10);
	assert_int_equal(s.answers, 4 * MEMBERS);
	assert_true(coap_endpoint_counters(s.members[0].endpoint)->refused_full >= 6);
	strike_stage(&s);
}

static void more_members_than_can_be_told_apart_are_counted_and_dropped(void **state)
{
	struct coap_endpoint_config config = config_with(0), narrow = config;
	struct stage s;
	(void)state;
	narrow.capacities.responders = 3;
	raise_stage_with(&s, &narrow, &config);
	ask(&s, COAP_GET, "meter", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, 3);
	assert_int_equal(s.ends, 1);
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->refused_full, 2);
	strike_stage(&s);
}

/* What a member's answer lacks, be it the rest or an Echo, needs an exchange of its own. */
static void members_for_whom_there_is_no_exchange_are_not_asked_on(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct coap_endpoint_config config = config_with(i == 0 ? 0 : 3), narrow = config_with(0);
		struct stage s;
		narrow.capacities.exchanges = 3; /* one for the group, two for members */
		raise_stage_with(&s, &narrow, &config);
		s.world.link.quality.delay = 900; /* so that some answers come before others are whole */
		ask(&s, COAP_GET, "long", "");
		world_run(&s.world, SECONDS(60));
		uint64_t refused = coap_endpoint_counters(s.client.endpoint)->refused_full;
		assert_in_range(s.answers, 2, MEMBERS - 1);
		assert_int_equal(refused, MEMBERS - s.answers);
		assert_int_equal(s.ends, 1);
		assert_true(coap_endpoint_is_idle(s.client.endpoint));
		strike_stage(&s);
	}
}

/* What cannot be remembered cannot be told from its repetition, and is not run. */
static void a_member_that_cannot_remember_a_request_does_not_run_it(void **state)
{
	struct coap_endpoint_config config = config_with(0), forgetful = config;
	struct stage s;
	(void)state;
	forgetful.capacities.duplicates = 1;
	raise_stage_with(&s, &config, &forgetful);
	ask(&s, COAP_POST, "light", "");
	ask(&s, COAP_POST, "light", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.executed, MEMBERS);
	assert_int_equal(coap_endpoint_counters(s.members[0].endpoint)->refused_full, 1);
	assert_int_equal(s.ends, 2);
	strike_stage(&s);
}

/* Section 8.1: a reset must not be taken for one of the group request, and the other way round. */
static void a_group_request_goes_on_beside_requests_to_one_member(void **state)
{
	struct coap_options options = {0};
	struct stage s;
	struct handle h;
	(void)state;
	raise_stage(&s, 0);
	struct coap_call call = call_for(&s, COAP_GET, &options);
	call.is_group = false;
	call.to.address = address_ipv4(192, 0, 2, 99, 5683); /* nobody */
	assert_true(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &h));
	ask(&s, COAP_GET, "meter", "");
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.answers, MEMBERS);
	assert_int_equal(s.ends, 1);
	world_run(&s.world, SECONDS(100));
	assert_int_equal(s.ends, 2);
	strike_stage(&s);
}

/* ---- raw messages ---- */

static void send_raw(struct stage *s, enum coap_type type, enum coap_code code, const char *path, uint16_t option,
	uint32_t value, uint16_t id)
{
	uint8_t room[64];
	struct coap_token token = coap_token_of(bytes_of("tk", 2));
	struct coap_options options = {0};
	struct writer w = writer_of(room, sizeof room);
	coap_options_add_path(&options, COAP_OPTION_URI_PATH, bytes_of_text(path));
	if (option != 0)
		coap_options_add_uint(&options, option, value);
	coap_message_write(&w, type, code, id, &token, &options, BYTES_NONE);
	receive_for_all(s, &s->client.node.address, writer_bytes(&w), s->world.now);
}

static void nothing_but_a_nonconfirmable_request_is_heard(void **state)
{
	static const uint8_t ping[] = {0x40, 0, 0, 9}, broken[] = {0x40, 1, 0, 9, 0xff}, empty_non[] = {0x50, 0, 0, 9};
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	send_raw(&s, COAP_TYPE_CON, COAP_GET, "meter", 0, 0, 1);
	send_raw(&s, COAP_TYPE_CON, COAP_CONTENT, "meter", 0, 0, 2);
	send_raw(&s, COAP_TYPE_NON, COAP_CONTENT, "meter", 0, 0, 3);
	send_raw(&s, COAP_TYPE_NON, COAP_GET, "meter", 9, 0, 4); /* a critical option that is not understood */
	send_raw(&s, COAP_TYPE_NON, COAP_PUT, "light", COAP_OPTION_BLOCK1, 8, 5);
	receive_for_all(&s, &s.client.node.address, bytes_of(ping, sizeof ping), s.world.now);
	receive_for_all(&s, &s.client.node.address, bytes_of(broken, sizeof broken), s.world.now);
	receive_for_all(&s, &s.client.node.address, bytes_of(empty_non, sizeof empty_non), s.world.now);
	world_run(&s.world, SECONDS(20));
	assert_int_equal(sent_by_members(&s), 0);
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

static void nobody_becomes_an_observer_through_a_group(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	send_raw(&s, COAP_TYPE_NON, COAP_GET, "light", COAP_OPTION_OBSERVE, 0, 1);
	world_run(&s.world, SECONDS(20));
	assert_int_equal(sent_by_members(&s), MEMBERS);
	for (int i = 0; i < MEMBERS; i++)
		coap_endpoint_resource_changed(s.members[i].endpoint, &resources[0], s.world.now);
	world_run(&s.world, SECONDS(20));
	assert_int_equal(sent_by_members(&s), MEMBERS);
	strike_stage(&s);
}

static void a_client_that_wants_no_success_told_gets_none(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 0);
	send_raw(&s, COAP_TYPE_NON, COAP_PUT, "light", COAP_OPTION_NO_RESPONSE, 2, 1);
	world_run(&s.world, SECONDS(20));
	assert_int_equal(s.executed, MEMBERS);
	assert_int_equal(sent_by_members(&s), 0);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_answer_at_different_moments_and_each_answer_is_told),
		cmocka_unit_test(a_request_that_is_repeated_is_run_and_answered_once),
		cmocka_unit_test(answers_that_the_network_repeats_are_told_once),
		cmocka_unit_test(members_that_cannot_help_say_nothing),
		cmocka_unit_test(members_whose_links_match_answer_discovery),
		cmocka_unit_test(a_resource_that_obeys_groups_does_what_it_is_told),
		cmocka_unit_test(long_answers_are_fetched_from_each_member_alone),
		cmocka_unit_test(the_end_waits_for_what_is_still_fetched),
		cmocka_unit_test(strangers_are_asked_for_an_echo_by_each_member_and_get_the_answer_alone),
		cmocka_unit_test(a_cancelled_group_request_tells_nothing_any_more),
		cmocka_unit_test(what_does_not_suit_a_group_is_not_sent),
		cmocka_unit_test(more_answers_than_room_are_counted_and_dropped),
		cmocka_unit_test(more_members_than_can_be_told_apart_are_counted_and_dropped),
		cmocka_unit_test(members_for_whom_there_is_no_exchange_are_not_asked_on),
		cmocka_unit_test(a_member_that_cannot_remember_a_request_does_not_run_it),
		cmocka_unit_test(a_group_request_goes_on_beside_requests_to_one_member),
		cmocka_unit_test(nothing_but_a_nonconfirmable_request_is_heard),
		cmocka_unit_test(nobody_becomes_an_observer_through_a_group),
		cmocka_unit_test(a_client_that_wants_no_success_told_gets_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
