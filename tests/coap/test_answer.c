/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Answers that a handler has not thought through, or that nobody wants; the client is played by hand. */
#include "coap/endpoint_state.h"
#include "tests/sim/answerer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void raise_stage_with(struct answerer *s, uint8_t amplification_max)
{
	struct coap_endpoint_config config = answerer_config();
	config.parameters.amplification_max = amplification_max;
	answerer_raise(s, &config, 5);
}

/* RFC 7252 section 4.6: there is no message that would hold it. */
static void options_too_long_for_a_message_are_an_error_of_the_server(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage_with(&s, 0);
	s.option_len = 40;
	answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "body", 1, 1, BYTES_NONE);
	assert_int_equal(byhand_code(&s.client), COAP_CONTENT);
	s.option_len = 400;
	answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "body", 2, 2, BYTES_NONE);
	assert_true(s.client.len < 100);
	assert_int_equal(byhand_code(&s.client), COAP_INTERNAL_SERVER_ERROR);
	answerer_strike(&s);
}

/* RFC 7959 section 2.2: all blocks but the last are full. */
static void a_slice_that_is_too_short_is_an_error_of_the_server(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage_with(&s, 0);
	s.content_len = 3000;
	answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "slices", 1, 1, BYTES_NONE);
	assert_int_equal(byhand_code(&s.client), COAP_CONTENT);
	s.is_short = true;
	answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "slices", 2, 2, BYTES_NONE);
	assert_int_equal(byhand_code(&s.client), COAP_INTERNAL_SERVER_ERROR);
	answerer_strike(&s);
}

/* RFC 7967 section 2: what is not wanted is not said, but a confirmable request is acknowledged, also when it comes
 * again. */
static void an_answer_that_is_not_wanted_is_only_acknowledged(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage_with(&s, 0);
	for (int twice = 0; twice < 2; twice++) {
		answerer_add(&s, COAP_OPTION_NO_RESPONSE, 2);
		answerer_ask(&s, COAP_TYPE_CON, COAP_POST, "body", 1, 1, bytes_of(s.content, 3));
		assert_true(byhand_heard(&s.client, "ACK 0000\n"));
	}
	assert_int_equal(s.executed, 1);
	answerer_add(&s, COAP_OPTION_NO_RESPONSE, 2);
	answerer_ask(&s, COAP_TYPE_NON, COAP_POST, "body", 2, 2, bytes_of(s.content, 3));
	assert_true(byhand_heard(&s.client, ""));
	assert_int_equal(s.executed, 2);
	answerer_strike(&s);
}

/* RFC 9175 section 2.4: no answer to an address that is not known to be real is longer than the request; an error says
 * so in four bytes and a token, whatever the handler wanted to add. */
static void an_error_to_a_stranger_leaves_out_what_makes_it_too_long(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage_with(&s, 1);
	s.code = COAP_NOT_FOUND;
	s.option_len = 100;
	answerer_ask(&s, COAP_TYPE_CON, COAP_GET, "body", 1, 1, BYTES_NONE);
	assert_int_equal(byhand_code(&s.client), COAP_NOT_FOUND);
	assert_int_equal(s.client.len, COAP_HEADER_BYTES + 1);
	answerer_strike(&s);
}

/* The same for the answer to what had an effect already, so that it cannot be put off until an Echo has come. */
static void the_answer_to_an_effect_leaves_out_what_makes_it_too_long_for_a_stranger(void **state)
{
	struct answerer s;
	(void)state;
	raise_stage_with(&s, 1);
	s.option_len = 100;
	answerer_ask(&s, COAP_TYPE_CON, COAP_POST, "body", 1, 1, BYTES_NONE);
	assert_int_equal(s.client.count, 1);
	assert_true(s.client.len <= 10); /* the request had as many bytes */
	answerer_strike(&s);
}

/* The demand for an Echo is the answer to this message; one that cannot be remembered might run later, so it is put
 * off instead (RFC 7252 section 4.5). */
static void a_stranger_whose_request_cannot_be_remembered_is_told_to_wait(void **state)
{
	struct answerer s;
	struct coap_endpoint_config config = answerer_config();
	(void)state;
	config.parameters.amplification_max = 3;
	config.capacities.duplicates = 1;
	answerer_raise(&s, &config, 5);
	for (uint8_t id = 1; id <= 2; id++) {
		answerer_add_block(&s, COAP_OPTION_Q_BLOCK2, 0, true, 2);
		answerer_ask(&s, COAP_TYPE_CON, COAP_POST, "body", id, id, BYTES_NONE);
		assert_int_equal(byhand_code(&s.client), id == 1 ? COAP_UNAUTHORIZED : COAP_SERVICE_UNAVAILABLE);
	}
	assert_int_equal(s.executed, 0);
	answerer_strike(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_too_long_for_a_message_are_an_error_of_the_server),
		cmocka_unit_test(a_slice_that_is_too_short_is_an_error_of_the_server),
		cmocka_unit_test(an_answer_that_is_not_wanted_is_only_acknowledged),
		cmocka_unit_test(an_error_to_a_stranger_leaves_out_what_makes_it_too_long),
		cmocka_unit_test(the_answer_to_an_effect_leaves_out_what_makes_it_too_long_for_a_stranger),
		cmocka_unit_test(a_stranger_whose_request_cannot_be_remembered_is_told_to_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
