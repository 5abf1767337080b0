/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/hello.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define RANDOM "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* A handshake record of this body; record number 5. */
static struct dtls_record record_of(const char *hex, uint8_t *buffer, size_t capacity)
{
	struct bytes fragment = from_hex(hex, buffer, capacity);
	return (struct dtls_record){
		.type = DTLS_CONTENT_HANDSHAKE, .version = DTLS_VERSION_1_0, .number = 5, .fragment = fragment};
}

#define HELLO(length, version, tail) "01 " length " 0000 000000 " length version RANDOM tail

static void a_hello_is_read_field_by_field(void **state)
{
	(void)state;
	uint8_t buffer[256];
	struct dtls_record record =
		record_of(HELLO("00003a", "fefd", "02 aabb 03 ccddee 0004 c0a8 00a8 01 00 0007 00360003 02 0102"),
			buffer, sizeof buffer);
	struct dtls_hello hello;
	assert_true(dtls_hello_is(&record));
	assert_true(dtls_hello_parse(&record, &hello));
	assert_int_equal(hello.record_number, 5);
	assert_int_equal(hello.client_version, DTLS_VERSION_1_2);
	assert_memory_equal(hello.version.data, "\xfe\xfd", 2);
	assert_int_equal(hello.random.len, 32);
	assert_int_equal(hello.random.data[31], 0x1f);
	assert_true(bytes_equal(hello.session_id, bytes_of("\xaa\xbb", 2)));
	assert_true(bytes_equal(hello.cookie, bytes_of("\xcc\xdd\xee", 3)));
	assert_true(bytes_equal(hello.suites, bytes_of("\xc0\xa8\x00\xa8", 4)));
	assert_true(bytes_equal(hello.compression, bytes_of("\0", 1)));
	assert_true(bytes_equal(hello.extensions, bytes_of("\0\x36\0\3\2\1\2", 7)));
}

static const struct {
	const char *what, *hex;
} bad[] = {
	{"empty", ""},
	{"not a ClientHello", "02 00002a 0000 000000 00002a fefd" RANDOM "00 00 0002 c0a8 01 00"},
	{"a fragment", "01 00002b 0000 000000 00002a fefd" RANDOM "00 00 0002 c0a8 01 00"},
	{"a later fragment", "01 00002a 0000 000001 000029 fd" RANDOM "00 00 0002 c0a8 01 00"},
	{"longer than said", HELLO("00002a", "fefd", "00 00 0002 c0a8 01 00 00")},
	{"of DTLS 1.0", HELLO("00002a", "feff", "00 00 0002 c0a8 01 00")},
	{"of TLS 1.2", HELLO("00002a", "0303", "00 00 0002 c0a8 01 00")},
	{"session id of 33 bytes", HELLO("00004b", "fefd", "21" RANDOM "00 00 0002 c0a8 01 00")},
	{"session id beyond the end", HELLO("00002a", "fefd", "20 00 0002 c0a8 01 00")},
	{"cookie beyond the end", HELLO("00002a", "fefd", "00 ff 0002 c0a8 01 00")},
	{"no suite", HELLO("000028", "fefd", "00 00 0000 01 00")},
	{"half a suite", HELLO("00002b", "fefd", "00 00 0003 c0a800 01 00")},
	{"no compression", HELLO("000029", "fefd", "00 00 0002 c0a8 00")},
	{"extensions beyond the end", HELLO("00002d", "fefd", "00 00 0002 c0a8 01 00 0005 00")},
	{"something behind the extensions", HELLO("00002d", "fefd", "00 00 0002 c0a8 01 00 0000 00")},
};

static void a_malformed_hello_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint8_t buffer[256];
		struct dtls_record record = record_of(bad[i].hex, buffer, sizeof buffer);
		struct dtls_hello hello;
		record.fragment = exact_copy(record.fragment);
		if (dtls_hello_parse(&record, &hello))
			fail_msg("%s", bad[i].what);
		free((void *)(uintptr_t)record.fragment.data);
	}
}

static void a_hello_cut_off_anywhere_is_refused(void **state)
{
	(void)state;
	uint8_t buffer[256];
	struct dtls_record whole = record_of(HELLO("00002a", "fefd", "00 00 0002 c0a8 01 00"), buffer, sizeof buffer);
	struct dtls_hello hello;
	assert_true(dtls_hello_parse(&whole, &hello));
	for (size_t len = 0; len < whole.fragment.len; len++) {
		struct dtls_record cut = whole;
		cut.fragment = exact_copy(bytes_first(whole.fragment, len));
		assert_false(dtls_hello_parse(&cut, &hello));
		free((void *)(uintptr_t)cut.fragment.data);
	}
}

static void only_a_handshake_record_in_the_clear_can_be_a_hello(void **state)
{
	(void)state;
	uint8_t buffer[256];
	struct dtls_record record = record_of("01", buffer, sizeof buffer);
	assert_true(dtls_hello_is(&record));
	record.epoch = 1;
	assert_false(dtls_hello_is(&record));
	record.epoch = 0;
	record.type = DTLS_CONTENT_APPLICATION;
	assert_false(dtls_hello_is(&record));
	record = record_of("", buffer, sizeof buffer);
	assert_false(dtls_hello_is(&record));
}

/* Type 20 is what the client takes from us, type 19 what it has itself (RFC 7250 section 3); 0 is X.509, 2 a raw key.
 */
static const struct {
	const char *what, *extensions;
	struct dtls_hello_keys keys;
} forms[] = {
	{"nothing said", "", {.certificate = true}},
	{"other extensions alone", "00360000 000a00020001", {.certificate = true}},
	{"raw keys on both sides", "0013 0002 0102 0014 0002 0102", {.raw_key = true, .prefers_raw_key = true}},
	{"the same behind another", "0036 0001 00 0013 0002 0102 0014 0002 0102",
		{.raw_key = true, .prefers_raw_key = true}},
	{"a raw key for a certificate", "0013 0002 0102 0014 0002 0100", {0}},
	{"a certificate for a raw key", "0014 0002 0102", {0}},
	{"certificates by name", "0013 0002 0100 0014 0002 0100", {.certificate = true}},
	{"either for certificates", "0014 0003 020200", {.certificate = true}},
	{"own form left open, ours first", "0013 0003 020200 0014 0003 020200", {.certificate = true}},
	{"raw keys first of ours", "0013 0002 0102 0014 0003 020200", {.raw_key = true, .prefers_raw_key = true}},
	{"raw keys last of ours", "0013 0002 0102 0014 0003 020002", {.raw_key = true, .prefers_raw_key = true}},
	{"a form of neither kind", "0013 0002 0101 0014 0002 0101", {0}},
	{"a list longer than its extension", "0013 0002 0302 0014 0002 0102", {0}},
	{"an extension beyond the end", "0013 0002 0102 0014 0003 0102", {0}},
};

static void the_forms_of_keys_are_read_from_the_extensions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		uint8_t buffer[64];
		struct dtls_hello hello = {
			.extensions = exact_copy(from_hex(forms[i].extensions, buffer, sizeof buffer))};
		struct dtls_hello_keys keys = dtls_hello_keys(&hello);
		if (keys.certificate != forms[i].keys.certificate || keys.raw_key != forms[i].keys.raw_key ||
			keys.prefers_raw_key != forms[i].keys.prefers_raw_key)
			fail_msg("%s", forms[i].what);
		free((void *)(uintptr_t)hello.extensions.data);
	}
}

/* RFC 6347 sections 4.2.1 and 4.2.2. */
static void the_answer_is_what_the_rfc_draws(void **state)
{
	(void)state;
	uint8_t expected[64], out[DTLS_HELLO_VERIFY_REQUEST_BYTES], cookie[32];
	struct dtls_hello hello = {.record_number = 5};
	struct writer w = writer_of(out, sizeof out);
	memset(cookie, 0xcc, sizeof cookie);
	dtls_hello_write_verify_request(&w, &hello, bytes_of(cookie, sizeof cookie));
	struct bytes e = from_hex("16 feff 0000 000000000005 002f 03 000023 0000 000000 000023 feff 20"
				  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
		expected, sizeof expected);
	assert_false(w.failed);
	assert_true(bytes_equal(writer_bytes(&w), e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_is_read_field_by_field),
		cmocka_unit_test(a_malformed_hello_is_refused),
		cmocka_unit_test(a_hello_cut_off_anywhere_is_refused),
		cmocka_unit_test(only_a_handshake_record_in_the_clear_can_be_a_hello),
		cmocka_unit_test(the_forms_of_keys_are_read_from_the_extensions),
		cmocka_unit_test(the_answer_is_what_the_rfc_draws),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
