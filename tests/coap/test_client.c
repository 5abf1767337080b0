/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Own requests where something is in the way: no room, nothing to say, or a peer that says something else. */
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

static void say_empty(struct asker *s, enum coap_type type)
{
	byhand_say(&s->server, &s->client, type, COAP_EMPTY, byhand_id(&s->server), BYTES_NONE, BYTES_NONE);
}

/* ---- pings (RFC 7252 section 4.3) ---- */

static struct handle ping(struct asker *s)
{
	struct coap_call call = asker_call(s, COAP_GET, 0);
	struct handle h;
	assert_true(coap_endpoint_ping(s->client.endpoint, &call.to, call.reply, s, s->world.now, &h));
	world_run(&s->world, 50);
	assert_true(byhand_heard(&s->server, "CON 0000\n"));
	return h;
}

/* An RST is the pong; a peer that acknowledges instead is there just as well. */
static void a_ping_is_answered_by_an_rst_or_an_ack(void **state)
{
	static const enum coap_type types[] = {COAP_TYPE_RST, COAP_TYPE_ACK};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct asker s;
		raise_stage(&s);
		ping(&s);
		say_empty(&s, types[i]);
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESET], 1);
		asker_strike(&s);
	}
}

static void a_ping_that_finds_no_room_is_refused(void **state)
{
	struct asker s;
	struct coap_endpoint_config config = asker_config();
	struct handle h;
	(void)state;
	config.capacities.exchanges = 1;
	asker_raise(&s, &config);
	s.exchange = ping(&s);
	struct coap_call call = asker_call(&s, COAP_GET, 0);
	assert_false(coap_endpoint_ping(s.client.endpoint, &call.to, call.reply, &s, s.world.now, &h));
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->refused_full, 1);
	say_empty(&s, COAP_TYPE_RST);
	assert_int_equal(asker_ended(&s), 1);
	asker_strike(&s);
}

/* ---- requests that cannot be made ---- */

/* Nothing is left of it in the tables. */
static void options_that_do_not_fit_a_message_are_refused_without_a_trace(void **state)
{
	struct asker s;
	struct coap_options options = {0};
	(void)state;
	raise_stage(&s);
	for (int i = 0; i < 10; i++)
		coap_options_add(&options, COAP_OPTION_URI_QUERY, bytes_of(s.content, 255));
	struct coap_call call = asker_call(&s, COAP_GET, 0);
	call.options = &options;
	assert_false(coap_endpoint_request(s.client.endpoint, &call, s.world.now, &s.exchange));
	struct coap_observation observation = {.token = 7, .sequence = 7};
	assert_false(coap_endpoint_resume(s.client.endpoint, &call, &observation, s.world.now, &s.exchange));
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	assert_true(byhand_heard(&s.server, ""));
	s.exchange = HANDLE_NONE;
	asker_strike(&s);
}

static void an_observation_cannot_go_on_where_there_is_no_room(void **state)
{
	struct asker s;
	struct coap_endpoint_config config = asker_config();
	struct coap_observation observation = {.token = 7, .sequence = 7};
	struct handle h;
	(void)state;
	config.capacities.exchanges = 1;
	asker_raise(&s, &config);
	struct coap_call call = asker_call(&s, COAP_GET, 0);
	call.observe = true;
	assert_true(coap_endpoint_resume(s.client.endpoint, &call, &observation, s.world.now, &s.exchange));
	assert_false(coap_endpoint_resume(s.client.endpoint, &call, &observation, s.world.now, &h));
	observation.token++;
	assert_false(coap_endpoint_resume(s.client.endpoint, &call, &observation, s.world.now, &h));
	assert_int_equal(coap_endpoint_counters(s.client.endpoint)->refused_full, 2);
	asker_strike(&s);
}

/* ---- what a request is made of ---- */

#define QUERY_MAX_BYTES 200

/* The query of the server's latest message, all of it q; its length. */
static size_t query_heard(const struct asker *s)
{
	struct coap_message m = byhand_message(&s->server);
	unsigned cursor = 0;
	struct bytes value = BYTES_NONE;
	assert_true(coap_message_next(&m, COAP_OPTION_URI_QUERY, &cursor, &value));
	for (size_t i = 0; i < value.len; i++)
		assert_int_equal(value.data[i], 'q');
	return value.len;
}

/* Begins it, and overwrites what the caller's options pointed to. */
static void begin_with_query(struct asker *s, struct coap_call *call, size_t len)
{
	char text[QUERY_MAX_BYTES];
	struct coap_options options = {0};
	memset(text, 'q', len);
	coap_options_add(&options, COAP_OPTION_URI_QUERY, bytes_of(text, len));
	call->options = &options;
	asker_begin(s, call);
	memset(text, 'x', len);
	coap_options_clear(&options);
}

static void options_of_any_length_are_kept_for_each_message_of_a_request(void **state)
{
	static const size_t lengths[] = {1, 59, 60, 61, 62, 63, 64, 65, QUERY_MAX_BYTES};
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct asker s;
		raise_stage(&s);
		struct coap_call call = asker_call(&s, COAP_GET, 0);
		begin_with_query(&s, &call, lengths[i]);
		assert_int_equal(query_heard(&s), lengths[i]);
		asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 2);
		asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 64));
		assert_int_equal(query_heard(&s), lengths[i]);
		asker_add_block(&s, COAP_OPTION_BLOCK2, 1, false, 2);
		asker_answer(&s, COAP_CONTENT, bytes_of(s.content + 64, 1));
		assert_int_equal(s.outcomes[COAP_OUTCOME_RESPONSE], 1);
		assert_int_equal(s.body_len, 65);
		asker_strike(&s);
	}
}

/* Its options and its body (RFC 8132 section 2.4 with RFC 7959 section 2.6). */
static void what_fetches_the_rest_of_a_notification_asks_what_the_observation_asked(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	struct coap_call call = asker_call(&s, COAP_FETCH, 30);
	call.observe = true;
	begin_with_query(&s, &call, QUERY_MAX_BYTES);
	asker_add(&s, COAP_OPTION_OBSERVE, 1);
	asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 6);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 1024));
	struct coap_message rest = byhand_message(&s.server);
	assert_int_equal(rest.code, COAP_FETCH);
	assert_int_equal(query_heard(&s), QUERY_MAX_BYTES);
	assert_true(bytes_equal(rest.payload, bytes_of(s.content, 30)));
	asker_add_block(&s, COAP_OPTION_BLOCK2, 1, false, 6);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content + 1024, 100));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 1);
	assert_int_equal(s.body_len, 1124);
	asker_strike(&s);
}

/* ---- observing ---- */

static void begin_observing(struct asker *s)
{
	struct coap_call call = asker_call(s, COAP_GET, 0);
	call.observe = true;
	asker_begin(s, &call);
	assert_true(byhand_heard(&s->server, "CON GET 0000 / Observe:0\n"));
}

static void only_what_is_observed_is_registered_again(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin_observing(&s);
	coap_endpoint_observe_again(s.client.endpoint, s.exchange, s.world.now); /* not observing yet */
	coap_endpoint_observe_again(s.client.endpoint, HANDLE_NONE, s.world.now);
	assert_true(byhand_heard(&s.server, ""));
	asker_add(&s, COAP_OPTION_OBSERVE, 1);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 1));
	coap_endpoint_observe_again(s.client.endpoint, s.exchange, s.world.now);
	world_run(&s.world, 50);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Observe:0\n"));
	asker_add(&s, COAP_OPTION_OBSERVE, 2);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 2));
	assert_int_equal(s.outcomes[COAP_OUTCOME_NOTIFICATION], 2);
	coap_endpoint_cancel(s.client.endpoint, s.exchange, s.world.now);
	coap_endpoint_observe_again(s.client.endpoint, s.exchange, s.world.now); /* it is on its way out */
	coap_endpoint_cancel(s.client.endpoint, s.exchange, s.world.now);        /* and twice is once */
	world_run(&s.world, 50);
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Observe:1\n"));
	asker_answer(&s, COAP_CONTENT, BYTES_NONE);
	asker_strike(&s);
}

/* RFC 7959 section 2.6: the rest of a long notification is fetched by a request of its own, which ends with it. */
static void cancelling_ends_what_fetches_the_rest_of_a_notification(void **state)
{
	struct asker s;
	(void)state;
	raise_stage(&s);
	begin_observing(&s);
	asker_add(&s, COAP_OPTION_OBSERVE, 1);
	asker_answer(&s, COAP_CONTENT, bytes_of(s.content, 1));
	struct coap_observation observation;
	assert_true(coap_endpoint_observation(s.client.endpoint, s.exchange, &observation));
	struct coap_message registration = byhand_message(&s.server);
	registration.type = COAP_TYPE_NON;
	asker_add(&s, COAP_OPTION_OBSERVE, 2);
	asker_add_block(&s, COAP_OPTION_BLOCK2, 0, true, 6);
	asker_answer_to(&s, &registration, COAP_CONTENT, bytes_of(s.content, 1024));
	assert_true(byhand_heard(&s.server, "CON GET 0000 / Block2:1/0/1024\n"));
	coap_endpoint_lost(s.client.endpoint, &(struct coap_remote){s.server.node.address, HANDLE_NONE}, s.world.now);
	assert_int_equal(s.outcomes[COAP_OUTCOME_LOST], 1);
	assert_true(coap_endpoint_is_idle(s.client.endpoint));
	asker_forget(&s);
	world_run(&s.world, SECONDS(100));
	assert_true(byhand_heard(&s.server, ""));
	asker_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ping_is_answered_by_an_rst_or_an_ack),
		cmocka_unit_test(a_ping_that_finds_no_room_is_refused),
		cmocka_unit_test(options_that_do_not_fit_a_message_are_refused_without_a_trace),
		cmocka_unit_test(an_observation_cannot_go_on_where_there_is_no_room),
		cmocka_unit_test(options_of_any_length_are_kept_for_each_message_of_a_request),
		cmocka_unit_test(what_fetches_the_rest_of_a_notification_asks_what_the_observation_asked),
		cmocka_unit_test(only_what_is_observed_is_registered_again),
		cmocka_unit_test(cancelling_ends_what_fetches_the_rest_of_a_notification),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
