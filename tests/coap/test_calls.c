/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 100
#define SZX      6

struct stage {
	struct coap_calls calls;
	void *memory;
};

static void reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *r, msec now)
{
	(void)context;
	(void)endpoint;
	(void)r;
	(void)now;
}

/* Nobody may rely on memory that is zero. */
static void raise_stage(struct stage *s)
{
	struct carve c = {NULL, 0};
	coap_calls_carve(&s->calls, &c, CAPACITY);
	s->memory = aligned_alloc(CARVE_ALIGNMENT, c.used);
	memset(s->memory, 0x5a, c.used);
	c = (struct carve){s->memory, 0};
	coap_calls_carve(&s->calls, &c, CAPACITY);
	s->calls.szx = SZX;
}

/* An observation as it is after its first notification. */
static struct coap_client_call *begin(struct stage *s, uint32_t exchange)
{
	struct coap_client_call *call = coap_calls_begin(&s->calls, exchange);
	struct coap_call_room *room = call->room;
	*call = (struct coap_client_call){.reply = reply,
		.context = s,
		.method = COAP_GET,
		.observes = true,
		.keeps_body = true,
		.block1_szx = SZX,
		.block2_szx = SZX,
		.freshness = {.sequence = 1000 + exchange, .at = 77, .has_any = true},
		.options_len = 3,
		.short_options = {0xb2, '5', '0'},
		.room = room};
	return call;
}

static void a_call_stays_in_its_place_until_it_ends(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	struct coap_client_call *call = begin(&s, 3), *other = begin(&s, 4);
	assert_ptr_not_equal(call, other);
	assert_ptr_not_equal(call->room, other->room);
	assert_ptr_equal(coap_calls_find(&s.calls, 3), call);
	assert_int_equal(s.calls.places.used, 2);
	coap_calls_end(&s.calls, 3);
	coap_calls_end(&s.calls, 4);
	assert_int_equal(s.calls.places.used, 0);
	free(s.memory);
}

static void there_is_a_place_for_each_exchange(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (uint32_t i = 0; i < CAPACITY; i++)
		begin(&s, i);
	for (uint32_t i = 0; i < CAPACITY; i += 2)
		assert_true(coap_calls_fold(&s.calls, i));
	for (uint32_t i = 0; i < CAPACITY; i++)
		coap_calls_end(&s.calls, i);
	assert_int_equal(s.calls.places.used, 0);
	for (uint32_t i = CAPACITY; i > 0; i--)
		begin(&s, i - 1);
	free(s.memory);
}

static void a_folded_call_gives_its_place_away_and_comes_back_as_it_was(void **state)
{
	struct stage s;
	struct coap_call from;
	(void)state;
	raise_stage(&s);
	struct coap_client_call *call = begin(&s, 9);
	call->renews = call->was_retransmitted = call->has_restarted = true;
	assert_true(coap_calls_fold(&s.calls, 9));
	assert_null(coap_calls_find(&s.calls, 9));
	assert_int_equal(s.calls.places.used, 0);
	assert_int_equal(coap_calls_sequence(&s.calls, 9), 1009);
	assert_true(coap_calls_fold(&s.calls, 9)); /* it is already */

	call = coap_calls_unfold(&s.calls, 9, &from);
	assert_ptr_equal(from.reply, reply);
	assert_ptr_equal(from.context, &s);
	assert_int_equal(from.method, COAP_GET);
	assert_true(from.observe && from.renews && !from.is_nonconfirmable);
	assert_int_equal(call->options_len, 3);
	assert_memory_equal(call->short_options,
		"\xb2"
		"50",
		3);
	assert_non_null(call->room);
	coap_calls_restore(&s.calls, 9, call);
	assert_true(call->was_retransmitted && call->has_restarted && call->echoes == 0);
	assert_int_equal(call->freshness.sequence, 1009);
	assert_int_equal(call->freshness.at, 77);
	assert_true(call->freshness.has_any);
	assert_int_equal(coap_calls_sequence(&s.calls, 9), 1009);
	free(s.memory);
}

static void what_has_something_under_way_or_is_special_keeps_its_place(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++) {
		struct stage s;
		raise_stage(&s);
		struct coap_client_call *call = begin(&s, 0);
		struct handle h = {1, 1};
		call->pending = i == 0 ? h : HANDLE_NONE;
		call->parent = i == 1 ? h : HANDLE_NONE;
		call->child = i == 2 ? h : HANDLE_NONE;
		call->assembly = i == 3 ? h : HANDLE_NONE;
		call->qcall = i == 4 ? h : HANDLE_NONE;
		call->fetched = i == 5;
		call->is_cancelling = i == 6;
		call->observes = i != 7;
		call->body.len = i == 8;
		call->block1_szx = i == 9 ? 2 : SZX;
		call->block2_szx = i == 10 ? 2 : SZX;
		call->carrier.is_reliable = i == 11;
		call->patience.is_fixed = i == 12;
		call->is_forwarded = i == 13;
		call->is_block = i == 14;
		call->is_group = i == 15;
		call->freshness.has_any = i != 16;
		call->options_len = i == 17 ? COAP_CALL_FOLDED_OPTIONS + 1 : 3;
		assert_int_equal(coap_calls_fold(&s.calls, 0), i == 18);
		assert_int_equal(s.calls.places.used, i != 18);
		free(s.memory);
	}
}

static void calls_of_more_callers_than_are_kept_stay_unfolded(void **state)
{
	struct stage s;
	(void)state;
	raise_stage(&s);
	for (uint32_t i = 0; i < COAP_CALLS_CALLERS + 1; i++) {
		begin(&s, i)->context = (uint8_t *)s.memory + i;
		assert_int_equal(coap_calls_fold(&s.calls, i), i < COAP_CALLS_CALLERS);
	}
	begin(&s, 50)->context = (uint8_t *)s.memory + 2;
	assert_true(coap_calls_fold(&s.calls, 50));
	free(s.memory);
}

static void what_was_touched_is_told_once_and_too_many_are_forgotten(void **state)
{
	struct stage s;
	struct handle h;
	unsigned count = 0;
	(void)state;
	raise_stage(&s);
	assert_false(coap_calls_next_touched(&s.calls, &h));
	for (uint32_t i = 0; i < COAP_CALLS_TOUCHED + 5; i++)
		coap_calls_touch(&s.calls, (struct handle){i, 1});
	while (coap_calls_next_touched(&s.calls, &h))
		count++;
	assert_int_equal(count, COAP_CALLS_TOUCHED);
	free(s.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_stays_in_its_place_until_it_ends),
		cmocka_unit_test(there_is_a_place_for_each_exchange),
		cmocka_unit_test(a_folded_call_gives_its_place_away_and_comes_back_as_it_was),
		cmocka_unit_test(what_has_something_under_way_or_is_special_keeps_its_place),
		cmocka_unit_test(calls_of_more_callers_than_are_kept_stay_unfolded),
		cmocka_unit_test(what_was_touched_is_told_once_and_too_many_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
