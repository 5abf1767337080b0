/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A sweep in front of devices that are answered for by the test. */
#include "cli/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMEOUT SECONDS(5)

static struct {
	struct sweep sweep;
	struct coap_options options;
	struct coap_transport transport;
	void *memory;
	uint8_t datagram[512]; /* the latest that was sent */
	struct coap_message sent;
	struct coap_remote to;
	uint32_t sent_count, answered;
	msec round_trip;
	enum coap_code code;
} world;

static bool catch (void *context, const struct coap_remote *to, struct bytes message, msec now)
{
	(void)context, (void)now;
	assert_true(message.len <= sizeof world.datagram);
	memcpy(world.datagram, message.data, message.len);
	assert_int_equal(coap_message_parse(bytes_of(world.datagram, message.len), &world.sent), COAP_VERDICT_OK);
	world.to = *to;
	world.sent_count++;
	return true;
}

static void on_answered(void *context, const struct address *from, const struct coap_message *m, msec round_trip)
{
	(void)context, (void)from;
	world.answered++;
	world.code = m->code;
	world.round_trip = round_trip;
}

static void begin(bool tries_first)
{
	static const uint8_t seed[PRNG_SEED_BYTES] = "a seed";
	free(world.memory);
	memset(&world, 0, sizeof world);
	world.transport = (struct coap_transport){.send = catch};
	struct sweep_config config = {.options = &world.options,
		.transport = &world.transport,
		.rate = 1000,
		.timeout = TIMEOUT,
		.tries_first = tries_first,
		.max_retransmit = 1,
		.answered = on_answered};
	world.memory = aligned_alloc(CARVE_ALIGNMENT, sweep_memory(&config));
	assert_non_null(world.memory);
	sweep_init(&world.sweep, world.memory, &config, seed, 0);
}

static struct address device(uint16_t number)
{
	return address_ipv4(192, 0, (uint8_t)(number >> 8), (uint8_t)number, 5683);
}

static void ask(uint16_t number, msec now)
{
	struct address a = device(number);
	sweep_ask(&world.sweep, &a, now);
}

/* An answer to the latest message, with the options given. */
static void answer_with(enum coap_type type, enum coap_code code, const struct coap_options *options, msec now)
{
	uint8_t room[512];
	struct writer w = writer_of(room, sizeof room);
	struct coap_token token = world.sent.token;
	uint16_t id = type == COAP_TYPE_RST || type == COAP_TYPE_ACK ? world.sent.id : 7;
	if (code == COAP_EMPTY)
		coap_message_write_empty(&w, type, id);
	else
		coap_message_write(&w, type, code, id, &token, options, BYTES_NONE);
	assert_false(w.failed);
	sweep_receive(&world.sweep, &world.to.address, writer_bytes(&w), now);
}

static void answer(enum coap_type type, enum coap_code code, msec now)
{
	answer_with(type, code, NULL, now);
}

static void an_answer_counts_once_with_its_round_trip(void **state)
{
	(void)state;
	begin(false);
	ask(1, 100);
	assert_true(world.sent.type == COAP_TYPE_NON && world.sent.code == COAP_GET);
	answer(COAP_TYPE_NON, COAP_CONTENT, 142);
	assert_int_equal(world.round_trip, 42);
	answer(COAP_TYPE_NON, COAP_CONTENT, 143);
	assert_int_equal(world.answered, 1);
	assert_int_equal(world.sweep.counters.replayed, 1);
	assert_int_equal(world.sent_count, 1);
}

static void it_is_over_when_no_answer_can_come(void **state)
{
	(void)state;
	begin(false);
	ask(1, 100);
	assert_false(sweep_is_over(&world.sweep, 100 + TIMEOUT));
	assert_true(sweep_is_over(&world.sweep, 101 + TIMEOUT));
	answer(COAP_TYPE_NON, COAP_CONTENT, 101 + TIMEOUT);
	assert_int_equal(world.sweep.counters.late, 1);
	assert_int_equal(world.answered, 0);
}

static void a_critical_option_that_is_not_known_makes_an_answer_unusable(void **state)
{
	struct coap_options options = {0};
	(void)state;
	begin(false);
	coap_options_add(&options, 65001, BYTES_NONE);
	ask(1, 0);
	answer_with(COAP_TYPE_CON, COAP_CONTENT, &options, 1);
	assert_int_equal(world.sent.type, COAP_TYPE_RST);
	assert_int_equal(world.sweep.counters.unusable, 1);
	assert_int_equal(world.answered, 0);
}

static void an_echo_goes_back_once_and_is_remembered_by_the_token(void **state)
{
	struct coap_options options = {0};
	struct bytes echo;
	(void)state;
	begin(false);
	coap_options_add(&options, COAP_OPTION_ECHO, bytes_of_text("prove it"));
	ask(1, 0);
	answer_with(COAP_TYPE_NON, COAP_UNAUTHORIZED, &options, 1);
	assert_int_equal(world.sent_count, 2);
	assert_true(coap_message_option(&world.sent, COAP_OPTION_ECHO, &echo));
	assert_true(bytes_equal_text(echo, "prove it"));
	answer_with(COAP_TYPE_NON, COAP_UNAUTHORIZED, &options, 2);
	assert_int_equal(world.sent_count, 2);
	assert_true(world.answered == 1 && world.code == COAP_UNAUTHORIZED);
}

static void an_echo_goes_back_with_8_bytes_too(void **state)
{
	struct coap_options options = {0};
	(void)state;
	begin(false);
	coap_options_add(&options, COAP_OPTION_ECHO, bytes_of_text("prove it"));
	ask(1, 0);
	answer(COAP_TYPE_RST, COAP_EMPTY, 1);
	assert_int_equal(world.sent.token.len, 8);
	answer_with(COAP_TYPE_NON, COAP_UNAUTHORIZED, &options, 2);
	assert_true(world.sent_count == 3 && world.sent.token.len == 8);
	assert_true(coap_message_has(&world.sent, COAP_OPTION_ECHO));
	answer(COAP_TYPE_NON, COAP_CONTENT, 3);
	assert_true(world.answered == 1 && world.code == COAP_CONTENT);
	assert_true(world.sweep.counters.refused == 1 && world.sweep.counters.asked_plain == 1);
}

static void a_reset_by_a_wrong_message_id_changes_nothing(void **state)
{
	(void)state;
	begin(false);
	ask(1, 0);
	world.sent.id ^= 0x100;
	answer(COAP_TYPE_RST, COAP_EMPTY, 1);
	assert_int_equal(world.sent_count, 1);
	assert_int_equal(world.sweep.counters.refused, 0);
}

static void a_repeated_reset_leads_to_one_other_request(void **state)
{
	uint16_t id;
	(void)state;
	begin(false);
	ask(1, 0);
	id = world.sent.id;
	answer(COAP_TYPE_RST, COAP_EMPTY, 1);
	uint16_t plain_id = world.sent.id;
	world.sent.id = id;
	answer(COAP_TYPE_RST, COAP_EMPTY, 2);
	assert_int_equal(world.sent_count, 2);
	world.sent.id = plain_id;
	answer(COAP_TYPE_RST, COAP_EMPTY, 3);
	assert_int_equal(world.sweep.counters.rejected, 1);
	assert_int_equal(world.sent_count, 2);
	ask(1, 4); /* named twice: it is known by now */
	assert_int_equal(world.sent.token.len, 8);
}

static void too_many_that_take_no_long_tokens_are_counted_and_left_out(void **state)
{
	(void)state;
	begin(false);
	for (uint16_t i = 0; i < SWEEP_PLAIN_MAX + 2; i++) {
		ask(i, 0);
		answer(COAP_TYPE_RST, COAP_EMPTY, 1);
	}
	assert_int_equal(world.sweep.counters.refused, SWEEP_PLAIN_MAX + 2);
	assert_int_equal(world.sweep.counters.asked_plain, SWEEP_PLAIN_MAX);
	assert_int_equal(world.sweep.counters.dropped, 2);
	assert_int_equal(sweep_deadline(&world.sweep), 1 + TIMEOUT);
	sweep_tick(&world.sweep, 1 + TIMEOUT);
	assert_true(sweep_deadline(&world.sweep) == NEVER);
	ask(SWEEP_PLAIN_MAX + 2, 2 + TIMEOUT);
	answer(COAP_TYPE_RST, COAP_EMPTY, 3 + TIMEOUT);
	assert_int_equal(world.sweep.counters.dropped, 2);
}

static void trials_come_first_and_not_more_than_their_table_holds(void **state)
{
	(void)state;
	begin(true);
	for (uint16_t i = 0; i < SWEEP_TRIALS_MAX; i++) {
		assert_true(sweep_has_room(&world.sweep));
		ask(i, 0);
		assert_true(world.sent.type == COAP_TYPE_CON && world.sent.token.len > 8);
	}
	assert_false(sweep_has_room(&world.sweep));
	answer(COAP_TYPE_ACK, COAP_PRECONDITION_FAILED, 1);
	assert_true(sweep_has_room(&world.sweep));
	assert_true(world.sent.type == COAP_TYPE_NON && world.sent.token.len > 8);
	answer(COAP_TYPE_NON, COAP_CONTENT, 2);
	assert_int_equal(world.answered, 1);
}

static void a_device_that_is_silent_when_tried_is_asked_with_8_bytes(void **state)
{
	(void)state;
	begin(true);
	ask(1, 0);
	msec first = sweep_deadline(&world.sweep);
	sweep_tick(&world.sweep, first);
	assert_true(world.sent.type == COAP_TYPE_CON && world.sent_count == 2);
	sweep_tick(&world.sweep, 3 * first);
	assert_true(world.sent.type == COAP_TYPE_NON && world.sent.token.len == 8);
	answer(COAP_TYPE_NON, COAP_CONTENT, 3 * first + 20);
	assert_true(world.answered == 1 && world.round_trip == 20);
	assert_true(sweep_is_over(&world.sweep, 3 * first + 21));
}

static int clean_up(void **state)
{
	(void)state;
	free(world.memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_counts_once_with_its_round_trip),
		cmocka_unit_test(it_is_over_when_no_answer_can_come),
		cmocka_unit_test(a_critical_option_that_is_not_known_makes_an_answer_unusable),
		cmocka_unit_test(an_echo_goes_back_once_and_is_remembered_by_the_token),
		cmocka_unit_test(an_echo_goes_back_with_8_bytes_too),
		cmocka_unit_test(a_reset_by_a_wrong_message_id_changes_nothing),
		cmocka_unit_test(a_repeated_reset_leads_to_one_other_request),
		cmocka_unit_test(too_many_that_take_no_long_tokens_are_counted_and_left_out),
		cmocka_unit_test(trials_come_first_and_not_more_than_their_table_holds),
		cmocka_unit_test(a_device_that_is_silent_when_tried_is_asked_with_8_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, clean_up);
}
