/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Notifications (RFC 7641 section 4) where something is in the way; the observers are one client that is played by
 * hand. */
#include "coap/endpoint_state.h"
#include "tests/sim/answerer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void raise_stage(struct answerer *s)
{
	struct coap_endpoint_config config = answerer_config();
	answerer_raise(s, &config, 5);
}

static void watch(struct answerer *s, uint8_t token)
{
	answerer_add(s, COAP_OPTION_OBSERVE, 0);
	answerer_ask(s, COAP_TYPE_CON, COAP_GET, "body", token, token, BYTES_NONE);
	assert_non_null(strstr(s->client.heard, "ACK 2.05 Content 0000 Observe:"));
	s->client.count = 0;
	(void)byhand_heard(&s->client, s->client.heard);
}

static void say_empty(struct answerer *s, enum coap_type type)
{
	byhand_say(&s->client, &s->server, type, COAP_EMPTY, byhand_id(&s->client), BYTES_NONE, BYTES_NONE);
}

/* The resource has gone: the error is confirmable, and what becomes of it is nobody's business any more. */
static void a_last_word_may_be_acknowledged_rejected_or_never_heard(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct answerer s;
		raise_stage(&s);
		watch(&s, 1);
		s.code = COAP_NOT_FOUND;
		s.content_len = 0;
		answerer_change(&s);
		assert_true(byhand_heard(&s.client, "CON 4.04 Not Found 0000\n"));
		if (i < 2)
			say_empty(&s, i == 0 ? COAP_TYPE_ACK : COAP_TYPE_RST);
		s.client.count = 0;
		world_run(&s.world, SECONDS(100));
		assert_int_equal(s.client.count, i < 2 ? 0 : 4); /* MAX_RETRANSMIT */
		assert_int_equal(s.server.endpoint->observers.slab.used, 0);
		answerer_strike(&s);
	}
}

/* One confirmable message is all there is room for: the others follow when it has been settled. */
static void last_words_for_which_there_is_no_room_are_said_later(void **state)
{
	struct answerer s;
	struct coap_endpoint_config config = answerer_config();
	(void)state;
	config.capacities.pending = 1;
	answerer_raise(&s, &config, 5);
	for (uint8_t token = 1; token <= 3; token++)
		watch(&s, token);
	s.code = COAP_NOT_FOUND;
	s.content_len = 0;
	answerer_change(&s);
	for (int i = 0; i < 3; i++) {
		assert_true(byhand_heard(&s.client, "CON 4.04 Not Found 0000\n"));
		s.client.count = 0;
		say_empty(&s, COAP_TYPE_ACK);
		for (int k = 0; k < 50 && s.client.count == 0; k++)
			world_run(&s.world, 100);
	}
	assert_true(byhand_heard(&s.client, ""));
	assert_int_equal(s.server.endpoint->observers.slab.used, 0);
	answerer_strike(&s);
}

/* The handler has no state to tell now: the observer stays, and hears of the next change. */
static void a_handler_that_has_nothing_to_tell_now_is_asked_at_the_next_change(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	watch(&s, 1);
	s.answers_later = true;
	answerer_change(&s);
	assert_true(byhand_heard(&s.client, ""));
	s.answers_later = false;
	answerer_change(&s);
	assert_int_equal(s.client.count, 1);
	assert_int_equal(byhand_type(&s.client), COAP_TYPE_NON);
	answerer_strike(&s);
}

static void a_handler_may_forget_the_observer_instead_of_telling_it(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage(&s);
	watch(&s, 1);
	s.forgets = true;
	answerer_change(&s);
	assert_true(byhand_heard(&s.client, ""));
	assert_int_equal(s.server.endpoint->observers.slab.used, 0);
	answerer_strike(&s);
}

/* Section 4.5.2: what is sent again is the latest state, unless there is none now; and nothing to whom is forgotten. */
static void a_notification_in_flight_is_repeated_with_the_latest_state_that_there_is(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct answerer s;
		raise_stage(&s);
		watch(&s, 1);
		coap_endpoint_changed(
			s.server.endpoint, slab_handle(&s.server.endpoint->observers.slab, 0), true, s.world.now);
		world_run(&s.world, 100);
		assert_int_equal(byhand_type(&s.client), COAP_TYPE_CON);
		uint16_t id = byhand_id(&s.client);
		s.content_len = 6;
		s.answers_later = i == 1;
		s.forgets = i == 2;
		answerer_change(&s);
		s.client.count = 0;
		world_run(&s.world, SECONDS(4));
		assert_int_equal(s.client.count, i < 2);
		struct coap_message m = byhand_message(&s.client);
		assert_int_equal(m.id == id, i > 0);
		assert_int_equal(m.payload.len, i > 0 ? 5 : 6);
		say_empty(&s, COAP_TYPE_RST);
		answerer_strike(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_last_word_may_be_acknowledged_rejected_or_never_heard),
		cmocka_unit_test(last_words_for_which_there_is_no_room_are_said_later),
		cmocka_unit_test(a_handler_that_has_nothing_to_tell_now_is_asked_at_the_next_change),
		cmocka_unit_test(a_handler_may_forget_the_observer_instead_of_telling_it),
		cmocka_unit_test(a_notification_in_flight_is_repeated_with_the_latest_state_that_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
