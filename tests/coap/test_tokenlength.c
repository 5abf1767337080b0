/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/tokenlength.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CAPACITY 3

static _Alignas(CARVE_ALIGNMENT) uint8_t memory[1024];
static struct prng prng;

static struct coap_remote host(uint8_t number)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, number, 5683), HANDLE_NONE};
}

static struct coap_tokenlengths fresh(void)
{
	struct coap_tokenlengths t;
	assert_true(coap_tokenlengths_memory(CAPACITY) <= sizeof memory);
	coap_tokenlengths_init(&t, memory, CAPACITY, COAP_TOKENLENGTH_MAX_RETRANSMIT);
	prng_init_number(&prng, 1);
	return t;
}

static const struct coap_tokenlength_peer *try_host(struct coap_tokenlengths *t, uint8_t number, msec now)
{
	struct coap_remote remote = host(number);
	return coap_tokenlength_try(t, &remote, 40, number, &prng, now);
}

static enum coap_tokenlength known(const struct coap_tokenlengths *t, uint8_t number, msec now)
{
	struct coap_remote remote = host(number);
	return coap_tokenlength_of(t, &remote, now);
}

/* RFC 8974 section 2.2.2: "a GET request in a Confirmable message that includes only an If-None-Match option". */
static void the_trial_is_the_request_of_the_rfc(void **state)
{
	struct coap_tokenlengths t = fresh();
	uint8_t datagram[128];
	struct writer w = writer_of(datagram, sizeof datagram);
	struct coap_message m;
	const struct coap_tokenlength_peer *trial = try_host(&t, 7, 0);
	(void)state;
	coap_tokenlength_write(&w, trial);
	assert_false(w.failed);
	assert_int_equal(coap_message_parse(writer_bytes(&w), &m), COAP_VERDICT_OK);
	assert_true(m.type == COAP_TYPE_CON && m.code == COAP_GET && m.id == 7 && m.payload.len == 0);
	assert_int_equal(m.token.len, 40);
	assert_true(coap_token_equal(&m.token, &trial->token));
	assert_int_equal(m.option_count, 1);
	assert_int_equal(m.options[0].number, COAP_OPTION_IF_NONE_MATCH);
}

static void an_answer_of_any_code_but_4_00_and_5_03_says_that_the_token_was_understood(void **state)
{
	static const struct {
		enum coap_code code;
		enum coap_tokenlength state;
	} cases[] = {
		{COAP_CONTENT, COAP_TOKENLENGTH_EXTENDED},
		{COAP_PRECONDITION_FAILED, COAP_TOKENLENGTH_EXTENDED},
		{COAP_BAD_OPTION, COAP_TOKENLENGTH_EXTENDED},
		{COAP_INTERNAL_SERVER_ERROR, COAP_TOKENLENGTH_EXTENDED},
		{COAP_BAD_REQUEST, COAP_TOKENLENGTH_PLAIN},
		{COAP_SERVICE_UNAVAILABLE, COAP_TOKENLENGTH_PLAIN},
	};
	struct coap_remote one = host(1);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct coap_tokenlengths t = fresh();
		struct coap_token token = try_host(&t, 1, 0)->token;
		assert_int_equal(known(&t, 1, 1), COAP_TOKENLENGTH_TRYING);
		assert_true(coap_tokenlength_answered(&t, &one, &token, cases[i].code, 1));
		assert_int_equal(known(&t, 1, 2), cases[i].state);
		assert_true(coap_tokenlength_deadline(&t) == NEVER);
		assert_false(coap_tokenlength_answered(&t, &one, &token, cases[i].code, 1));
	}
}

static void a_reset_to_the_trial_says_no(void **state)
{
	struct coap_tokenlengths t = fresh();
	struct coap_remote one = host(1), two = host(2);
	(void)state;
	try_host(&t, 1, 0);
	assert_false(coap_tokenlength_rejected(&t, &two, 1, 1));
	assert_false(coap_tokenlength_rejected(&t, &one, 2, 1));
	assert_int_equal(known(&t, 1, 1), COAP_TOKENLENGTH_TRYING);
	assert_true(coap_tokenlength_rejected(&t, &one, 1, 1));
	assert_int_equal(known(&t, 1, 1), COAP_TOKENLENGTH_PLAIN);
}

static void another_token_or_another_server_settles_nothing(void **state)
{
	struct coap_tokenlengths t = fresh();
	struct coap_remote one = host(1), two = host(2);
	struct coap_token token = try_host(&t, 1, 0)->token, other = token;
	(void)state;
	other.bytes[39] ^= 1;
	assert_false(coap_tokenlength_answered(&t, &one, &other, COAP_CONTENT, 1));
	assert_false(coap_tokenlength_answered(&t, &two, &token, COAP_CONTENT, 1));
	assert_int_equal(known(&t, 1, 1), COAP_TOKENLENGTH_TRYING);
}

static void silence_after_four_retransmissions_says_no(void **state)
{
	struct coap_tokenlengths t = fresh();
	const struct coap_tokenlength_peer *trial = try_host(&t, 1, 0);
	msec now = 0, first = trial->timeout;
	(void)state;
	assert_in_range(first, 2000, 3000);
	for (int i = 0; i < COAP_TOKENLENGTH_MAX_RETRANSMIT; i++) {
		now = coap_tokenlength_deadline(&t);
		assert_null(coap_tokenlength_due(&t, now - 1));
		trial = coap_tokenlength_due(&t, now);
		assert_int_equal(trial->state, COAP_TOKENLENGTH_TRYING);
		assert_null(coap_tokenlength_due(&t, now));
	}
	assert_int_equal(coap_tokenlength_deadline(&t), 31 * first);
	trial = coap_tokenlength_due(&t, 31 * first);
	assert_int_equal(trial->state, COAP_TOKENLENGTH_PLAIN);
	assert_null(coap_tokenlength_due(&t, NEVER - 1));
}

static void an_acknowledged_trial_is_not_sent_again_and_waits_for_its_answer(void **state)
{
	struct coap_tokenlengths t = fresh();
	struct coap_remote one = host(1);
	struct coap_token token = try_host(&t, 1, 0)->token;
	(void)state;
	assert_false(coap_tokenlength_acked(&t, &one, 2, 100));
	assert_true(coap_tokenlength_acked(&t, &one, 1, 100));
	assert_true(coap_tokenlength_acked(&t, &one, 1, 5000)); /* repeated on the way; does not prolong the wait */
	assert_null(coap_tokenlength_due(&t, 93000));
	assert_int_equal(coap_tokenlength_due(&t, 93100)->state, COAP_TOKENLENGTH_PLAIN);
	token = try_host(&t, 1, 0)->token;
	assert_true(coap_tokenlength_acked(&t, &one, 1, 100));
	assert_true(coap_tokenlength_answered(&t, &one, &token, COAP_PRECONDITION_FAILED, 9000));
	assert_int_equal(known(&t, 1, 9000), COAP_TOKENLENGTH_EXTENDED);
}

static void what_was_learnt_is_forgotten_after_1800_s(void **state)
{
	struct coap_tokenlengths t = fresh();
	struct coap_remote one = host(1);
	(void)state;
	coap_tokenlength_learnt(&t, &one, COAP_TOKENLENGTH_EXTENDED, 50);
	assert_int_equal(known(&t, 1, 49 + SECONDS(1800)), COAP_TOKENLENGTH_EXTENDED);
	assert_int_equal(known(&t, 1, 50 + SECONDS(1800)), COAP_TOKENLENGTH_UNKNOWN);
}

static void a_full_table_forgets_the_oldest_answer_but_no_trial(void **state)
{
	struct coap_tokenlengths t = fresh();
	struct coap_remote one = host(1), two = host(2), three = host(3), four = host(4);
	(void)state;
	coap_tokenlength_learnt(&t, &two, COAP_TOKENLENGTH_PLAIN, 2);
	coap_tokenlength_learnt(&t, &one, COAP_TOKENLENGTH_PLAIN, 1);
	coap_tokenlength_learnt(&t, &three, COAP_TOKENLENGTH_PLAIN, 3);
	assert_non_null(try_host(&t, 4, 4));
	assert_int_equal(known(&t, 1, 4), COAP_TOKENLENGTH_UNKNOWN);
	assert_int_equal(known(&t, 2, 4), COAP_TOKENLENGTH_PLAIN);
	assert_null(try_host(&t, 4, 4));
	assert_non_null(try_host(&t, 2, 4));
	assert_non_null(try_host(&t, 3, 4));
	assert_null(try_host(&t, 1, 4));
	coap_tokenlength_learnt(&t, &one, COAP_TOKENLENGTH_PLAIN, 5);
	assert_int_equal(known(&t, 1, 5), COAP_TOKENLENGTH_UNKNOWN);
	assert_true(coap_tokenlength_rejected(&t, &four, 4, 6));
	assert_non_null(try_host(&t, 1, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_trial_is_the_request_of_the_rfc),
		cmocka_unit_test(an_answer_of_any_code_but_4_00_and_5_03_says_that_the_token_was_understood),
		cmocka_unit_test(a_reset_to_the_trial_says_no),
		cmocka_unit_test(another_token_or_another_server_settles_nothing),
		cmocka_unit_test(silence_after_four_retransmissions_says_no),
		cmocka_unit_test(an_acknowledged_trial_is_not_sent_again_and_waits_for_its_answer),
		cmocka_unit_test(what_was_learnt_is_forgotten_after_1800_s),
		cmocka_unit_test(a_full_table_forgets_the_oldest_answer_but_no_trial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
