/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/flight.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ALERT     DTLS_CONTENT_ALERT
#define CCS       DTLS_CONTENT_CHANGE_CIPHER_SPEC
#define HANDSHAKE DTLS_CONTENT_HANDSHAKE
#define GOOD      DTLS_PLAIN_GOOD
#define MALFORMED DTLS_PLAIN_MALFORMED

static const struct {
	int number;
	enum dtls_content type;
	bool is_client; /* our role */
	const char *fragment;
	enum dtls_plain_verdict verdict;
} cases[] = {
	{1, CCS, false, "01", GOOD},
	{2, CCS, false, "02", MALFORMED},
	{3, CCS, false, "", MALFORMED},
	{4, CCS, false, "0101", MALFORMED},
	{5, ALERT, false, "0228", DTLS_PLAIN_ALERT},
	{6, ALERT, true, "0100", DTLS_PLAIN_ALERT},
	{7, ALERT, false, "02", MALFORMED},
	{8, ALERT, false, "022800", MALFORMED},
	{9, HANDSHAKE, false, "", MALFORMED},
	{10, HANDSHAKE, false, "10 000002 0002 000000 000002 aabb", GOOD},
	{11, HANDSHAKE, true, "10 000002 0002 000000 000002 aabb", MALFORMED}, /* ClientKeyExchange for a client */
	{12, HANDSHAKE, true, "0e 000000 0002 000000 000000", GOOD},
	{13, HANDSHAKE, false, "0e 000000 0002 000000 000000", MALFORMED}, /* ServerHelloDone for a server */
	{14, HANDSHAKE, false, "00 000000 0002 000000 000000", MALFORMED}, /* HelloRequest */
	{15, HANDSHAKE, false, "63 000000 0002 000000 000000", MALFORMED}, /* no such message */
	{16, HANDSHAKE, false, "10 000002 0002 000000 000002 aa", MALFORMED},
	{17, HANDSHAKE, false, "10 000002 0002 000000 000002 aabbcc", MALFORMED},
	{18, HANDSHAKE, false, "0b 000010 0002 00000e 000002 aabb", GOOD},      /* the last two bytes of sixteen */
	{19, HANDSHAKE, false, "0b 000010 0002 00000f 000002 aabb", MALFORMED}, /* one beyond */
	{20, HANDSHAKE, false, "0b 000010 0002 ffffff 000002 aabb", MALFORMED},
	{21, HANDSHAKE, false, "0b ffffff 0002 000000 000002 aabb", MALFORMED}, /* OpenSSL CVE-2014-3506 */
	{22, HANDSHAKE, false, "0b 004000 0002 000000 000002 aabb", GOOD},
	{23, HANDSHAKE, false, "0b 004001 0002 000000 000002 aabb", MALFORMED},
	{24, HANDSHAKE, false, "0b 000001 0001 000000 000001 aa 10 000001 0002 000000 000001 bb", GOOD},
	{25, HANDSHAKE, false, "0b 000001 0001 000000 000001 aa 10 000001 0002 000000 000002 bb", MALFORMED},
	{26, (enum dtls_content)23, false, "aa", MALFORMED},
};

static void unprotected_records_are_judged_by_their_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t buffer[64], alert = 0;
		struct bytes fragment = exact_copy(from_hex(cases[i].fragment, buffer, sizeof buffer));
		struct dtls_record record = {.type = (uint8_t)cases[i].type, .fragment = fragment};
		if (dtls_flight_judge(&record, cases[i].is_client, &alert) != cases[i].verdict)
			fail_msg("case %d", cases[i].number);
		if (cases[i].verdict == DTLS_PLAIN_ALERT)
			assert_int_equal(alert, fragment.data[1]);
		free((void *)(uintptr_t)fragment.data);
	}
}

static void the_last_flight_has_fresh_numbers_each_time_and_the_same_finished(void **state)
{
	(void)state;
	struct dtls_crypto crypto;
	struct dtls_session session = {.suite = DTLS_SUITE_PSK_AES_128_CCM_8,
		.write_number = 3,
		.plain_number = 6,
		.finished_sequence = 4,
		.verify_data = "twelve bytes",
		.write_key = {.key = "0123456789abcdef", .iv = "salt"}};
	assert_true(dtls_crypto_wolfcrypt_init(&crypto));
	for (uint64_t round = 0; round < 3; round++) {
		uint8_t buffer[128], expected[32], type;
		struct writer w = writer_of(buffer, sizeof buffer);
		struct dtls_record ccs, finished;
		struct bytes text;
		dtls_flight_write_last(&w, &session, &crypto);
		struct bytes rest = writer_bytes(&w);
		assert_false(w.failed);
		assert_true(dtls_record_take(&rest, 0, &ccs) && dtls_record_take(&rest, 0, &finished));
		assert_int_equal(rest.len, 0);
		assert_int_equal(ccs.type, DTLS_CONTENT_CHANGE_CIPHER_SPEC);
		assert_int_equal(ccs.epoch, 0);
		assert_int_equal(ccs.number, 6 + round);
		assert_int_equal(finished.epoch, 1);
		assert_int_equal(finished.number, 3 + round);
		assert_true(dtls_record_open(
			&finished, &crypto, DTLS_AEAD_AES_128_CCM_8, &session.write_key, &type, &text));
		assert_int_equal(type, DTLS_CONTENT_HANDSHAKE);
		assert_true(bytes_equal(
			text, from_hex("14 00000c 0004 000000 00000c 'twelve bytes'", expected, sizeof expected)));
	}
	dtls_crypto_wolfcrypt_done(&crypto);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unprotected_records_are_judged_by_their_form),
		cmocka_unit_test(the_last_flight_has_fresh_numbers_each_time_and_the_same_finished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
