/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/prng.h"
#include "dtls/cid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DRAWN 10000

static void a_peers_name_is_kept_up_to_the_longest_we_remember(void **state)
{
	(void)state;
	uint8_t name[DTLS_CID_MAX_BYTES + 1] = "abcdefghijklmnopq";
	struct dtls_cid cid = {.len = 99};
	for (size_t len = 0; len <= DTLS_CID_MAX_BYTES; len++) {
		assert_true(dtls_cid_of(bytes_of(name, len), &cid));
		assert_true(bytes_equal(dtls_cid_bytes(&cid), bytes_of(name, len)));
	}
	cid.len = 99;
	assert_false(dtls_cid_of(bytes_of(name, sizeof name), &cid));
	assert_int_equal(cid.len, 99);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DTLS_CID_BYTES);
}

static void key_number(uint8_t key[DTLS_CID_KEY_BYTES], uint64_t number)
{
	struct prng prng;
	prng_init_number(&prng, number);
	prng_fill(&prng, key, DTLS_CID_KEY_BYTES);
}

static void a_name_opens_to_what_was_sealed_in_it(void **state)
{
	(void)state;
	static const struct dtls_cid_place places[] = {
		{0, {0, 0}}, {0, {0, 1}}, {255, {DTLS_CID_SLOTS - 1, UINT32_MAX}}, {3, {123456, 0x80000001}}};
	uint8_t key[DTLS_CID_KEY_BYTES], name[DTLS_CID_BYTES];
	key_number(key, 1);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct dtls_cid_place opened;
		dtls_cid_seal(key, &places[i], name);
		assert_true(dtls_cid_open(key, bytes_of(name, sizeof name), &opened));
		assert_int_equal(opened.worker, places[i].worker);
		assert_true(handle_equal(opened.session, places[i].session));
	}
}

static void a_name_of_another_length_or_key_does_not_open(void **state)
{
	(void)state;
	uint8_t key[DTLS_CID_KEY_BYTES], other[DTLS_CID_KEY_BYTES], name[DTLS_CID_BYTES];
	struct dtls_cid_place place = {1, {7, 3}}, opened;
	key_number(key, 1);
	key_number(other, 2);
	dtls_cid_seal(key, &place, name);
	assert_false(dtls_cid_open(key, bytes_of(name, sizeof name - 1), &opened));
	assert_true(dtls_cid_open(other, bytes_of(name, sizeof name), &opened));
	assert_false(handle_equal(opened.session, place.session));
	for (size_t bit = 0; bit < 8 * sizeof name; bit++) {
		uint8_t flipped[DTLS_CID_BYTES];
		memcpy(flipped, name, sizeof name);
		flipped[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(dtls_cid_open(key, bytes_of(flipped, sizeof flipped), &opened));
		assert_int_not_equal(opened.session.generation, place.session.generation);
	}
}

/* One bit more in the place changes about half of the name, wherever the bit is. */
static void neighbours_have_names_that_look_unrelated(void **state)
{
	(void)state;
	uint8_t key[DTLS_CID_KEY_BYTES], a[DTLS_CID_BYTES], b[DTLS_CID_BYTES];
	unsigned differing = 0;
	key_number(key, 3);
	for (uint32_t i = 0; i < DRAWN; i++) {
		dtls_cid_seal(key, &(struct dtls_cid_place){0, {i, 1}}, a);
		dtls_cid_seal(key, &(struct dtls_cid_place){0, {i, 1 ^ UINT32_C(1) << i % 32}}, b);
		for (unsigned bit = 0; bit < 64; bit++)
			differing += (a[bit / 8] ^ b[bit / 8]) >> bit % 8 & 1;
	}
	assert_in_range(differing, DRAWN * 315ul / 10, DRAWN * 325ul / 10);
}

static void no_two_places_and_no_two_keys_share_a_name(void **state)
{
	(void)state;
	static uint8_t names[2 * DRAWN][DTLS_CID_BYTES];
	for (uint32_t start = 0; start < 2; start++) {
		uint8_t key[DTLS_CID_KEY_BYTES];
		key_number(key, start);
		for (uint32_t i = 0; i < DRAWN; i++)
			dtls_cid_seal(key, &(struct dtls_cid_place){0, {i % 100, 2 * i + 1}}, names[start * DRAWN + i]);
	}
	qsort(names, 2 * DRAWN, DTLS_CID_BYTES, compare);
	for (int i = 1; i < 2 * DRAWN; i++)
		assert_int_not_equal(compare(names[i - 1], names[i]), 0);
}

/* RFC 9146 section 4: type 25, version, epoch, number, name. */
static void whoever_has_the_key_can_tell_the_worker_of_a_datagram(void **state)
{
	(void)state;
	uint8_t key[DTLS_CID_KEY_BYTES], datagram[32] = {25, 0xfe, 0xfd, 0, 1}, worker = 99;
	key_number(key, 4);
	dtls_cid_seal(key, &(struct dtls_cid_place){17, {5, 9}}, datagram + 11);
	assert_true(dtls_cid_worker(key, bytes_of(datagram, sizeof datagram), &worker));
	assert_int_equal(worker, 17);
	assert_false(dtls_cid_worker(key, bytes_of(datagram, 18), &worker));
	datagram[0] = 23;
	assert_false(dtls_cid_worker(key, bytes_of(datagram, sizeof datagram), &worker));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peers_name_is_kept_up_to_the_longest_we_remember),
		cmocka_unit_test(a_name_opens_to_what_was_sealed_in_it),
		cmocka_unit_test(a_name_of_another_length_or_key_does_not_open),
		cmocka_unit_test(neighbours_have_names_that_look_unrelated),
		cmocka_unit_test(no_two_places_and_no_two_keys_share_a_name),
		cmocka_unit_test(whoever_has_the_key_can_tell_the_worker_of_a_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
