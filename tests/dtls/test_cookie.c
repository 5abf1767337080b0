/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/cookie.h"
#include "dtls/crypto_wolfcrypt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dtls_crypto crypto;
static struct dtls_cookies cookies;
static uint8_t random_bytes[32] = "random";

static int set_up(void **state)
{
	(void)state;
	struct prng prng;
	prng_init_number(&prng, 1);
	if (!dtls_crypto_wolfcrypt_init(&crypto))
		return -1;
	dtls_cookies_init(&cookies, &crypto, &prng);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dtls_crypto_wolfcrypt_done(&crypto);
	return 0;
}

static struct dtls_hello a_hello(void)
{
	return (struct dtls_hello){.version = bytes_of("\xfe\xfd", 2),
		.random = bytes_of(random_bytes, sizeof random_bytes),
		.session_id = BYTES_NONE,
		.suites = bytes_of("\xc0\xa8", 2),
		.compression = bytes_of("\0", 1)};
}

static void make(struct dtls_hello *hello, const struct address *from, msec now, uint8_t cookie[DTLS_COOKIE_BYTES])
{
	assert_true(dtls_cookie_make(&cookies, from, hello, now, cookie));
	hello->cookie = bytes_of(cookie, DTLS_COOKIE_BYTES);
}

static bool is_good(const struct dtls_hello *hello, const struct address *from, msec now)
{
	struct dtls_cookie_peer peer;
	return dtls_cookie_verify(&cookies, from, hello, now, &peer);
}

static void a_cookie_is_good_for_its_address_and_parameters_alone(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684), port = address_ipv4(192, 0, 2, 1, 5685);
	struct address there = address_ipv4(192, 0, 2, 2, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES], other_random[32] = "other";
	struct dtls_hello hello = a_hello(), changed;
	make(&hello, &here, 0, cookie);
	assert_true(is_good(&hello, &here, 0));
	assert_false(is_good(&hello, &port, 0));
	assert_false(is_good(&hello, &there, 0));
	changed = hello, changed.random = bytes_of(other_random, sizeof other_random);
	assert_false(is_good(&changed, &here, 0));
	changed = hello, changed.suites = bytes_of("\xc0\xa9", 2);
	assert_false(is_good(&changed, &here, 0));
	changed = hello, changed.session_id = bytes_of("x", 1);
	assert_false(is_good(&changed, &here, 0));
	changed = hello, changed.compression = bytes_of("\1", 1);
	assert_false(is_good(&changed, &here, 0));
	changed = hello, changed.version = bytes_of("\xfe\xff", 2);
	assert_false(is_good(&changed, &here, 0));
}

static void a_cookie_of_another_length_is_not_good(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES];
	struct dtls_hello hello = a_hello();
	make(&hello, &here, 0, cookie);
	for (size_t len = 0; len < DTLS_COOKIE_BYTES; len++) {
		hello.cookie.len = len;
		assert_false(is_good(&hello, &here, 0));
	}
}

static void a_cookie_lasts_through_the_slot_after_its_own(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES];
	struct dtls_hello hello = a_hello();
	msec start = 10 * DTLS_COOKIE_SLOT;
	make(&hello, &here, start, cookie);
	assert_true(is_good(&hello, &here, start + 2 * DTLS_COOKIE_SLOT - 1));
	assert_false(is_good(&hello, &here, start + 2 * DTLS_COOKIE_SLOT));
	assert_false(is_good(&hello, &here, start - 1)); /* nor was it good before */
}

static void two_starts_make_different_cookies(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES];
	struct dtls_hello hello = a_hello();
	struct prng prng;
	make(&hello, &here, 0, cookie);
	prng_init_number(&prng, 2);
	dtls_cookies_init(&cookies, &crypto, &prng);
	assert_false(is_good(&hello, &here, 0));
}

/* An engine that checks once more must come to the same result from the peer's bytes. */
static void the_peers_bytes_are_those_of_the_slot_the_cookie_was_made_in(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES], again[DTLS_MAC_BYTES];
	struct dtls_hello hello = a_hello();
	struct dtls_cookie_peer peer;
	make(&hello, &here, DTLS_COOKIE_SLOT, cookie);
	assert_true(dtls_cookie_verify(&cookies, &here, &hello, 2 * DTLS_COOKIE_SLOT, &peer));
	struct bytes parts[] = {bytes_of(peer.data, sizeof peer.data), hello.version, hello.random, hello.session_id,
		hello.suites, hello.compression};
	crypto.mac(crypto.context, bytes_of(cookies.secret, sizeof cookies.secret), parts, 6, again);
	assert_memory_equal(again, cookie, sizeof again);
}

static bool failing_mac(
	void *context, struct bytes key, const struct bytes *parts, size_t count, uint8_t ret_mac[DTLS_MAC_BYTES])
{
	(void)context, (void)key, (void)parts, (void)count, (void)ret_mac;
	return false;
}

static void a_failing_library_makes_no_cookie_and_accepts_none(void **state)
{
	(void)state;
	struct address here = address_ipv4(192, 0, 2, 1, 5684);
	uint8_t cookie[DTLS_COOKIE_BYTES];
	struct dtls_hello hello = a_hello();
	make(&hello, &here, 0, cookie);
	cookies.crypto.mac = failing_mac;
	assert_false(is_good(&hello, &here, 0));
	assert_false(dtls_cookie_make(&cookies, &here, &hello, 0, cookie));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_cookie_is_good_for_its_address_and_parameters_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cookie_of_another_length_is_not_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cookie_lasts_through_the_slot_after_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_starts_make_different_cookies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_peers_bytes_are_those_of_the_slot_the_cookie_was_made_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failing_library_makes_no_cookie_and_accepts_none, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
