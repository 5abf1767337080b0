/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/stateless.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WINDOW   64
#define LIFETIME SECONDS(10)

static const uint8_t secret[SIPHASH_KEY_BYTES] = "a secret of ours";
static uint64_t memory[WINDOW / 64];

static struct coap_remote host(uint8_t number)
{
	return (struct coap_remote){address_ipv4(192, 0, 2, number, 5683), HANDLE_NONE};
}

static struct coap_stateless fresh(void)
{
	struct coap_stateless t;
	assert_int_equal(coap_stateless_memory(WINDOW), sizeof memory);
	coap_stateless_init(&t, memory, WINDOW, secret, LIFETIME, 1000);
	return t;
}

static struct coap_token seal(struct coap_stateless *t, const struct coap_remote *to, const char *state, msec now)
{
	struct coap_token token;
	uint16_t id;
	assert_true(coap_stateless_seal(t, to, bytes_of_text(state), COAP_STATELESS_TOKEN_MAX_BYTES, now, &token, &id));
	return token;
}

static enum coap_stateless_verdict open_at(
	struct coap_stateless *t, const struct coap_remote *from, const struct coap_token *token, msec now)
{
	struct coap_stateless_state state;
	return coap_stateless_open(t, from, coap_token_bytes(token), now, &state);
}

static void a_state_comes_back_with_its_age(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_stateless_state opened;
	struct coap_token token = seal(&t, &one, "number 7", 2000);
	(void)state;
	assert_int_equal(token.len, COAP_STATELESS_OVERHEAD_BYTES + 8);
	assert_int_equal(coap_stateless_open(&t, &one, coap_token_bytes(&token), 2042, &opened), COAP_STATELESS_OPENED);
	assert_true(bytes_equal_text(bytes_of(opened.bytes, opened.len), "number 7"));
	assert_int_equal(opened.age, 42);
}

static void any_state_from_empty_to_longest_fits_and_comes_back(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	uint8_t text[COAP_STATELESS_STATE_MAX_BYTES + 1] = "0123456789abcdefghijklm";
	struct coap_stateless_state opened;
	struct coap_token token;
	uint16_t id;
	(void)state;
	for (size_t len = 0; len <= COAP_STATELESS_STATE_MAX_BYTES; len++) {
		size_t need = COAP_STATELESS_OVERHEAD_BYTES + len;
		assert_false(coap_stateless_seal(&t, &one, bytes_of(text, len), need - 1, 2000, &token, &id));
		assert_true(coap_stateless_seal(&t, &one, bytes_of(text, len), need, 2000, &token, &id));
		assert_int_equal(
			coap_stateless_open(&t, &one, coap_token_bytes(&token), 2000, &opened), COAP_STATELESS_OPENED);
		assert_true(bytes_equal(bytes_of(opened.bytes, opened.len), bytes_of(text, len)));
	}
	assert_false(coap_stateless_seal(&t, &one, bytes_of(text, sizeof text), COAP_TOKEN_MAX_BYTES, 0, &token, &id));
	assert_false(coap_stateless_seal(&t, &one, BYTES_NONE, COAP_TOKEN_WORD_BYTES, 2000, &token, &id));
}

static void a_token_with_any_bit_changed_is_a_forgery(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token token = seal(&t, &one, "state", 2000);
	(void)state;
	for (size_t bit = 0; bit < 8 * (size_t)token.len; bit++) {
		struct coap_token changed = token;
		changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open_at(&t, &one, &changed, 2001), COAP_STATELESS_FORGED);
	}
	for (uint8_t len = 0; len < token.len; len++) {
		struct coap_token cut = token;
		cut.len = len;
		assert_int_equal(open_at(&t, &one, &cut, 2001), COAP_STATELESS_FORGED);
	}
	token.bytes[token.len++] = 0;
	assert_int_equal(open_at(&t, &one, &token, 2001), COAP_STATELESS_FORGED);
	token.len--;
	assert_int_equal(open_at(&t, &one, &token, 2001), COAP_STATELESS_OPENED);
}

static void a_token_opens_for_the_remote_alone_that_was_asked(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1), two = host(2), port = host(1), scope = host(1), session = host(1);
	struct coap_token token = seal(&t, &one, "state", 2000);
	(void)state;
	port.address.port++;
	scope.address.scope = 2;
	session.session = (struct handle){0, 1};
	assert_int_equal(open_at(&t, &two, &token, 2001), COAP_STATELESS_FORGED);
	assert_int_equal(open_at(&t, &port, &token, 2001), COAP_STATELESS_FORGED);
	assert_int_equal(open_at(&t, &scope, &token, 2001), COAP_STATELESS_FORGED);
	assert_int_equal(open_at(&t, &session, &token, 2001), COAP_STATELESS_FORGED);
	assert_int_equal(open_at(&t, &one, &token, 2001), COAP_STATELESS_OPENED);
	token = seal(&t, &session, "state", 2000);
	session.address = two.address; /* a session's address may move (RFC 9146) */
	assert_int_equal(open_at(&t, &session, &token, 2001), COAP_STATELESS_OPENED);
}

static void a_token_opens_once(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token first = seal(&t, &one, "", 2000), second = seal(&t, &one, "", 2000);
	(void)state;
	assert_int_equal(open_at(&t, &one, &second, 2001), COAP_STATELESS_OPENED);
	assert_int_equal(open_at(&t, &one, &first, 2001), COAP_STATELESS_OPENED);
	assert_int_equal(open_at(&t, &one, &second, 2002), COAP_STATELESS_REPLAYED);
	assert_int_equal(open_at(&t, &one, &first, 2002), COAP_STATELESS_REPLAYED);
}

static void the_window_holds_as_many_requests_as_it_is_long(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token first = seal(&t, &one, "", 2000), second = seal(&t, &one, "", 2000), last = second;
	(void)state;
	for (int i = 2; i < WINDOW + 1; i++)
		last = seal(&t, &one, "", 2000);
	assert_int_equal(open_at(&t, &one, &first, 2001), COAP_STATELESS_LATE);
	assert_int_equal(open_at(&t, &one, &second, 2001), COAP_STATELESS_OPENED);
	assert_int_equal(open_at(&t, &one, &last, 2001), COAP_STATELESS_OPENED);
	assert_int_equal(open_at(&t, &one, &last, 2001), COAP_STATELESS_REPLAYED);
	seal(&t, &one, "", 2000);
	assert_int_equal(open_at(&t, &one, &second, 2001), COAP_STATELESS_LATE);
}

static void a_token_is_late_after_its_lifetime(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token token = seal(&t, &one, "", 2000);
	struct coap_token other = seal(&t, &one, "", 2000);
	(void)state;
	assert_int_equal(open_at(&t, &one, &token, 2000 + LIFETIME + 1), COAP_STATELESS_LATE);
	assert_int_equal(open_at(&t, &one, &other, 2000 + LIFETIME), COAP_STATELESS_OPENED);
}

static void keys_are_renewed_and_the_one_before_still_opens(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token old = seal(&t, &one, "", 10999), new = seal(&t, &one, "", 11001);
	(void)state;
	assert_int_not_equal(old.bytes[0], new.bytes[0]);
	assert_int_equal(open_at(&t, &one, &old, 11002), COAP_STATELESS_OPENED);
	assert_int_equal(open_at(&t, &one, &new, 11003), COAP_STATELESS_OPENED);
	old = seal(&t, &one, "", 12000);
	assert_int_equal(open_at(&t, &one, &old, 12000 + 5 * LIFETIME), COAP_STATELESS_FORGED); /* its key is gone */
}

static void nothing_of_another_run_opens(void **state)
{
	struct coap_stateless t = fresh(), again;
	struct coap_remote one = host(1);
	struct coap_token token = seal(&t, &one, "", 2000);
	uint64_t other_memory[WINDOW / 64];
	(void)state;
	coap_stateless_init(&again, other_memory, WINDOW, (const uint8_t *)"another secret..", LIFETIME, 1000);
	seal(&again, &one, "", 2000);
	assert_int_equal(open_at(&again, &one, &token, 2001), COAP_STATELESS_FORGED);
	/* and with the same secret, a number that has not been given in this run */
	coap_stateless_init(&again, other_memory, WINDOW, secret, LIFETIME, 1000);
	assert_int_equal(open_at(&again, &one, &token, 2001), COAP_STATELESS_LATE);
}

static void tokens_of_equal_states_have_nothing_in_common(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1);
	struct coap_token a = seal(&t, &one, "state", 2000), b = seal(&t, &one, "state", 2000);
	int equal = 0;
	(void)state;
	for (size_t i = 1; i < a.len; i++)
		equal += a.bytes[i] == b.bytes[i];
	assert_true(equal < 6); /* of 21 */
}

static void a_reset_is_known_by_its_message_id(void **state)
{
	struct coap_stateless t = fresh();
	struct coap_remote one = host(1), two = host(2);
	struct coap_token token;
	uint16_t id[3], by_chance = 0;
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(coap_stateless_seal(&t, &one, BYTES_NONE, 40, 2000, &token, &id[i]));
	assert_true(id[0] != id[1] && id[1] != id[2] && id[0] != id[2]);
	assert_true(coap_stateless_has_id(&t, &one, id[0], 2000 + LIFETIME));
	assert_false(coap_stateless_has_id(&t, &one, id[0] ^ 0x100, 2000));
	assert_false(coap_stateless_has_id(&t, &one, id[0], 2000 + 5 * LIFETIME));
	for (uint32_t any = 0; any <= UINT16_MAX; any++)
		by_chance += coap_stateless_has_id(&t, &two, (uint16_t)any, 2000 + 5 * LIFETIME);
	assert_in_range(by_chance, 256, 512); /* one in 256 for each of the two keys */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_comes_back_with_its_age),
		cmocka_unit_test(any_state_from_empty_to_longest_fits_and_comes_back),
		cmocka_unit_test(a_token_with_any_bit_changed_is_a_forgery),
		cmocka_unit_test(a_token_opens_for_the_remote_alone_that_was_asked),
		cmocka_unit_test(a_token_opens_once),
		cmocka_unit_test(the_window_holds_as_many_requests_as_it_is_long),
		cmocka_unit_test(a_token_is_late_after_its_lifetime),
		cmocka_unit_test(keys_are_renewed_and_the_one_before_still_opens),
		cmocka_unit_test(nothing_of_another_run_opens),
		cmocka_unit_test(tokens_of_equal_states_have_nothing_in_common),
		cmocka_unit_test(a_reset_is_known_by_its_message_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
