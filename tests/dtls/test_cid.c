/* SPDX-License-Identifier: GPL-3.0-or-later */
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

static void drawn_names_do_not_repeat_and_differ_between_starts(void **state)
{
	(void)state;
	static uint8_t names[2 * DRAWN][DTLS_CID_BYTES];
	for (int start = 0; start < 2; start++) {
		struct prng prng;
		prng_init_number(&prng, (uint64_t)start);
		for (int i = 0; i < DRAWN; i++)
			dtls_cid_draw(&prng, names[start * DRAWN + i]);
	}
	qsort(names, 2 * DRAWN, DTLS_CID_BYTES, compare);
	for (int i = 1; i < 2 * DRAWN; i++)
		assert_int_not_equal(compare(names[i - 1], names[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peers_name_is_kept_up_to_the_longest_we_remember),
		cmocka_unit_test(drawn_names_do_not_repeat_and_differ_between_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
