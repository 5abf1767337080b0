/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an endpoint says when it refuses: which option (RFC 7252 section 5.4.1, RFC 9290), and when to come again
 * (RFC 8516). */
#include "coap/content_format.h"
#include "coap/problem.h"
#include "tests/sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct stage {
	struct world world;
	struct peer client, server;
	int answered, executed, refused;
	enum coap_code code;
	uint16_t format;
	uint32_t retry_after_s;
	struct coap_problem problem;
	bool has_problem;
	char text[32];
};

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)request, (void)now;
	s->executed++;
	ret->code = COAP_CONTENT;
	return COAP_ANSWER_NOW;
}

static struct coap_resource resources[] = {{.path = "a", .handle = handle}};

static void raise_stage(struct stage *s, uint32_t per_second)
{
	struct coap_endpoint_config plain = peer_config(NULL, 0), server = peer_config(resources, 1);
	*s = (struct stage){.format = 0};
	server.parameters.requests_per_second = per_second;
	server.capacities.rated_peers = per_second > 0 ? 16 : 0;
	resources[0].context = s;
	world_init(&s->world, 3);
	s->world.link.quality.delay = 5;
	peer_join(&s->client, &s->world, 1, &plain);
	peer_join(&s->server, &s->world, 2, &server);
}

static void strike_stage(struct stage *s)
{
	peer_leave(&s->client);
	peer_leave(&s->server);
	world_done(&s->world);
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct stage *s = context;
	(void)endpoint, (void)now;
	s->answered++;
	s->refused += reply->code == COAP_TOO_MANY_REQUESTS;
	s->code = reply->code;
	s->format = reply->content_format;
	s->retry_after_s = reply->retry_after_s;
	struct bytes text = bytes_first(reply->body, sizeof s->text - 1);
	memset(s->text, 0, sizeof s->text);
	if (text.len > 0)
		memcpy(s->text, text.data, text.len);
	s->has_problem = coap_problem_parse(reply->body, &s->problem);
}

static void ask(struct stage *s, struct coap_options *options)
{
	struct handle h;
	struct coap_call call = {
		.to = peer_remote(&s->server), .method = COAP_GET, .options = options, .reply = on_reply, .context = s};
	coap_options_add_text(options, COAP_OPTION_URI_PATH, "a");
	assert_true(coap_endpoint_request(s->client.endpoint, &call, s->world.now, &h));
	world_run(&s->world, 11);
}

static void a_bad_option_is_named_in_problem_details_to_those_who_accept_them(void **state)
{
	struct stage s;
	struct coap_options o = {.count = 0};
	(void)state;
	raise_stage(&s, 0);
	coap_options_add_text(&o, 2051, "x");
	coap_options_add_uint(&o, COAP_OPTION_ACCEPT, COAP_FORMAT_PROBLEM_DETAILS);
	ask(&s, &o);
	assert_int_equal(s.code, COAP_BAD_OPTION);
	assert_int_equal(s.format, COAP_FORMAT_PROBLEM_DETAILS);
	assert_true(s.has_problem);
	assert_int_equal(s.problem.option_count, 1);
	assert_int_equal(s.problem.options[0], 2051);
	assert_int_equal(s.executed, 0);
	strike_stage(&s);
}

static void all_others_get_it_in_words(void **state)
{
	struct stage s;
	struct coap_options other = {.count = 0}, none = {.count = 0};
	(void)state;
	raise_stage(&s, 0);
	coap_options_add_text(&other, 2051, "x");
	coap_options_add_uint(&other, COAP_OPTION_ACCEPT, COAP_FORMAT_JSON);
	ask(&s, &other);
	assert_int_equal(s.code, COAP_BAD_OPTION);
	assert_string_equal(s.text, "option 2051");
	coap_options_add_text(&none, 2051, "x");
	ask(&s, &none);
	assert_string_equal(s.text, "option 2051");
	assert_int_equal(s.format, COAP_FORMAT_NONE);
	strike_stage(&s);
}

static void who_asks_too_often_is_told_when_to_come_again(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s, 5);
	for (int i = 0; i < 15; i++) {
		struct coap_options o = {.count = 0};
		ask(&s, &o);
	}
	assert_int_equal(s.answered, 15);
	assert_int_equal(s.code, COAP_TOO_MANY_REQUESTS);
	assert_int_equal(s.retry_after_s, 1);
	assert_int_equal(s.executed, 5);
	assert_int_equal(s.refused + s.executed, 15);
	world_run(&s.world, SECONDS(1));
	struct coap_options o = {.count = 0};
	ask(&s, &o);
	assert_int_equal(s.code, COAP_CONTENT);
	assert_int_equal(s.retry_after_s, 0);
	strike_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_option_is_named_in_problem_details_to_those_who_accept_them),
		cmocka_unit_test(all_others_get_it_in_words),
		cmocka_unit_test(who_asks_too_often_is_told_when_to_come_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
