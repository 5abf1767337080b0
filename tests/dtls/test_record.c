/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/crypto_wolfcrypt.h"
#include "dtls/record.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dtls_crypto wolfcrypt;

/* ---- parsing ---- */

struct parse_case {
	int number;
	const char *datagram;
	bool is_record;
	size_t left; /* bytes behind the record */
};

static const struct parse_case parse_cases[] = {
	{1, "16 fefd 0000 000000000001 0002 aabb", true, 0},
	{2, "16 feff 0000 000000000001 0002 aabb", true, 0}, /* a first ClientHello may say 1.0 */
	{3, "16 fefd 0000 000000000001 0002 aabb cc", true, 1}, {4, "17 fefd 0001 ffffffffffff 0000", true, 0},
	{5, "16 fefd 0000 000000000001 0003 aabb", false, 0}, {6, "16 fefd 0000 000000000001 00", false, 0},
	{7, "", false, 0}, {8, "13 fefd 0000 000000000001 0001 01", false, 0},
	{9, "18 fefd 0000 000000000001 0001 01", false, 0}, /* heartbeat: unknown here */
	{10, "16 fefc 0000 000000000001 0001 01", false, 0}, {11, "16 0303 0000 000000000001 0001 01", false, 0},
	{12, "19 fefd 0001 000000000001 0102030405060708 0001 aa", true, 0},
	{13, "19 fefd 0001 000000000001 01020304050607", false, 0},
	{14, "19 feff 0001 000000000001 0102030405060708 0001 aa", false, 0}, /* RFC 9146 is of 1.2 */
	{15, "2f 0001 02030405 0607 0809 0a0b 0c0d", false, 0},               /* DTLS 1.3's header */
};

static void records_are_taken_off_the_front_of_a_datagram(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++) {
		const struct parse_case *c = &parse_cases[i];
		uint8_t buffer[64];
		struct bytes whole = exact_copy(from_hex(c->datagram, buffer, sizeof buffer)), rest = whole;
		struct dtls_record record;
		if (dtls_record_take(&rest, DTLS_CID_BYTES, &record) != c->is_record)
			fail_msg("case %d", c->number);
		if (c->is_record && rest.len != c->left)
			fail_msg("case %d: %zu bytes left", c->number, rest.len);
		free((void *)(uintptr_t)whole.data);
	}
}

static void the_fields_of_a_record_are_views_into_the_datagram(void **state)
{
	(void)state;
	uint8_t buffer[64];
	struct bytes datagram = from_hex("19 fefd 0001 000000000102 0102030405060708 0002 aabb", buffer, sizeof buffer);
	struct dtls_record record;
	assert_true(dtls_record_take(&datagram, DTLS_CID_BYTES, &record));
	assert_int_equal(record.type, DTLS_CONTENT_CID);
	assert_int_equal(record.epoch, 1);
	assert_int_equal(record.number, 0x102);
	assert_ptr_equal(record.cid.data, buffer + 11);
	assert_int_equal(record.cid.len, 8);
	assert_ptr_equal(record.fragment.data, buffer + 21);
	assert_int_equal(record.fragment.len, 2);
	assert_int_equal(record.whole.len, 23);
}

/* ---- the primitives, by published vectors ---- */

struct aead_case {
	enum dtls_aead aead;
	const char *key, *nonce, *additional, *text, *sealed;
};

static const struct aead_case aead_cases[] = {
	/* NIST SP 800-38C, example 3: 12 bytes of nonce, 8 bytes of tag */
	{DTLS_AEAD_AES_128_CCM_8, "404142434445464748494a4b4c4d4e4f", "101112131415161718191a1b",
		"000102030405060708090a0b0c0d0e0f10111213", "202122232425262728292a2b2c2d2e2f3031323334353637",
		"e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5 484392fbc1b09951"},
	/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 2 and 4 */
	{DTLS_AEAD_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "",
		"00000000000000000000000000000000",
		"0388dace60b6a392f328c2b971b2fe78 ab6e47d42cec13bdf53a67b21257bddf"},
	{DTLS_AEAD_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
		"5bc94fbc3221a5db94fae95ae7121a47"},
};

static void sealing_gives_what_the_vectors_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof aead_cases / sizeof aead_cases[0]; i++) {
		const struct aead_case *c = &aead_cases[i];
		uint8_t key[16], nonce[12], additional[64], text[128], sealed[128];
		from_hex(c->key, key, sizeof key);
		from_hex(c->nonce, nonce, sizeof nonce);
		struct bytes aad = from_hex(c->additional, additional, sizeof additional);
		size_t len = from_hex(c->text, text, sizeof text).len, tag_len = dtls_aead_tag_bytes(c->aead);
		struct bytes expected = from_hex(c->sealed, sealed, sizeof sealed);
		assert_true(wolfcrypt.seal(wolfcrypt.context, c->aead, key, nonce, aad, text, len, text + len));
		assert_int_equal(expected.len, len + tag_len);
		assert_memory_equal(text, expected.data, expected.len);
		assert_true(wolfcrypt.open(wolfcrypt.context, c->aead, key, nonce, aad, text, len, text + len));
	}
}

/* RFC 4231 section 4.3 (test case 2), with the text in two parts. */
static void the_mac_gives_what_the_vector_says(void **state)
{
	(void)state;
	uint8_t mac[DTLS_MAC_BYTES], expected[DTLS_MAC_BYTES];
	struct bytes parts[] = {bytes_of_text("what do ya want "), bytes_of_text("for nothing?")};
	from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", expected, sizeof expected);
	assert_true(wolfcrypt.mac(wolfcrypt.context, bytes_of_text("Jefe"), parts, 2, mac));
	assert_memory_equal(mac, expected, sizeof mac);
}

/* ---- sealing and opening ---- */

static const struct dtls_key key_a = {.key = "0123456789abcdef", .iv = "salt"};

static const enum dtls_aead aeads[] = {DTLS_AEAD_AES_128_CCM_8, DTLS_AEAD_AES_128_GCM};

static struct bytes seal(uint8_t *buffer, size_t capacity, enum dtls_aead aead, struct bytes cid, const char *text)
{
	struct writer w = writer_of(buffer, capacity);
	struct dtls_record_out out = {
		.type = DTLS_CONTENT_APPLICATION, .epoch = 1, .number = 5, .cid = cid, .text = bytes_of_text(text)};
	dtls_record_seal(&w, &out, &wolfcrypt, aead, &key_a);
	return w.failed ? BYTES_NONE : writer_bytes(&w);
}

static void a_sealed_record_opens_to_the_same_text(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t buffer[128];
		struct bytes cid = i / 2 == 0 ? BYTES_NONE : bytes_of_text("my cid!!"), text;
		struct bytes rest = seal(buffer, sizeof buffer, aeads[i % 2], cid, "hello"), sealed = rest;
		struct dtls_record record;
		uint8_t type;
		/* The overhead that docs and MTU sums rely on: 29 and 37 bytes, and 9 more with a connection ID. */
		assert_int_equal(sealed.len, 5 + (i % 2 == 0 ? 29 : 37) + (cid.len > 0 ? 9 : 0));
		assert_true(dtls_record_take(&rest, DTLS_CID_BYTES, &record));
		assert_int_equal(record.type, cid.len > 0 ? DTLS_CONTENT_CID : DTLS_CONTENT_APPLICATION);
		assert_true(dtls_record_open(&record, &wolfcrypt, aeads[i % 2], &key_a, &type, &text));
		assert_int_equal(type, DTLS_CONTENT_APPLICATION);
		assert_true(bytes_equal_text(text, "hello"));
	}
}

/* RFC 5246 section 6.2.3.3: what is authenticated is epoch and number, type, version and the length of the text. */
static void a_plain_record_authenticates_what_the_rfc_says(void **state)
{
	(void)state;
	uint8_t buffer[128], additional[32], text[16];
	struct bytes sealed = seal(buffer, sizeof buffer, DTLS_AEAD_AES_128_CCM_8, BYTES_NONE, "hello");
	struct bytes aad = from_hex("0001000000000005 17 fefd 0005", additional, sizeof additional);
	uint8_t nonce[12] = {'s', 'a', 'l', 't', 0, 1, 0, 0, 0, 0, 0, 5};
	memcpy(text, sealed.data + 21, 5);
	assert_true(wolfcrypt.open(
		wolfcrypt.context, DTLS_AEAD_AES_128_CCM_8, key_a.key, nonce, aad, text, 5, sealed.data + 26));
	assert_memory_equal(text, "hello", 5);
}

/* RFC 9146 section 5.3, byte by byte: placeholder, tls12_cid, cid_length, tls12_cid, version, epoch, number, cid,
 * length. */
static void a_record_with_connection_id_authenticates_what_the_rfc_says(void **state)
{
	(void)state;
	uint8_t buffer[128], additional[48], text[16];
	struct bytes sealed = seal(buffer, sizeof buffer, DTLS_AEAD_AES_128_GCM, bytes_of_text("my cid!!"), "hello");
	struct bytes aad = from_hex(
		"ffffffffffffffff 19 08 19 fefd 0001 000000000005 'my cid!!' 0006", additional, sizeof additional);
	uint8_t nonce[12] = {'s', 'a', 'l', 't', 0, 1, 0, 0, 0, 0, 0, 5};
	memcpy(text, sealed.data + 29, 6);
	assert_true(wolfcrypt.open(
		wolfcrypt.context, DTLS_AEAD_AES_128_GCM, key_a.key, nonce, aad, text, 6, sealed.data + 35));
	assert_memory_equal(text, "hello\x17", 6);
}

static void a_record_with_any_bit_changed_does_not_open(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t buffer[128], copy[128];
		struct bytes cid = i / 2 == 0 ? BYTES_NONE : bytes_of_text("my cid!!");
		struct bytes sealed = seal(buffer, sizeof buffer, aeads[i % 2], cid, "hello");
		for (size_t bit = 0; bit < sealed.len * 8; bit++) {
			memcpy(copy, sealed.data, sealed.len);
			copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
			struct bytes rest = bytes_of(copy, sealed.len), text;
			struct dtls_record record;
			uint8_t type;
			assert_false(dtls_record_take(&rest, DTLS_CID_BYTES, &record) &&
				     dtls_record_open(&record, &wolfcrypt, aeads[i % 2], &key_a, &type, &text));
		}
	}
}

static void a_record_too_short_for_nonce_and_tag_does_not_open(void **state)
{
	(void)state;
	for (uint8_t len = 0; len < 16; len++) {
		uint8_t data[32] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0, len};
		struct bytes whole = exact_copy(bytes_of(data, 13u + len)), rest = whole, text;
		struct dtls_record record;
		uint8_t type;
		assert_true(dtls_record_take(&rest, DTLS_CID_BYTES, &record));
		assert_false(dtls_record_open(&record, &wolfcrypt, DTLS_AEAD_AES_128_CCM_8, &key_a, &type, &text));
		free((void *)(uintptr_t)whole.data);
	}
}

/* Seals an inner plaintext of the test's own making. */
static bool inner_opens(const char *inner, uint8_t *ret_type, struct bytes *ret_text, uint8_t *buffer)
{
	uint8_t plain[64], additional[48], nonce[12] = {'s', 'a', 'l', 't', 0, 1, 0, 0, 0, 0, 0, 5};
	struct bytes p = from_hex(inner, plain, sizeof plain);
	struct writer w = writer_of(buffer, 128), a = writer_of(additional, sizeof additional);
	write_bytes(&w, from_hex("19 fefd 0001 000000000005 'my cid!!'", plain + 32, 32));
	write_u16(&w, (uint16_t)(8 + p.len + 8));
	write_u64(&w, UINT64_C(1) << 48 | 5);
	uint8_t *text = w.at;
	write_bytes(&w, p);
	write_bytes(&a, from_hex("ffffffffffffffff 19 08 19 fefd 0001 000000000005 'my cid!!'", plain + 32, 32));
	write_u16(&a, (uint16_t)p.len);
	assert_true(wolfcrypt.seal(
		wolfcrypt.context, DTLS_AEAD_AES_128_CCM_8, key_a.key, nonce, writer_bytes(&a), text, p.len, w.at));
	w.at += 8;
	struct bytes rest = writer_bytes(&w);
	struct dtls_record record;
	assert_true(dtls_record_take(&rest, DTLS_CID_BYTES, &record));
	return dtls_record_open(&record, &wolfcrypt, DTLS_AEAD_AES_128_CCM_8, &key_a, ret_type, ret_text);
}

/* RFC 9146 section 4. */
static void padding_behind_the_true_type_is_taken_off(void **state)
{
	(void)state;
	uint8_t buffer[128], type;
	struct bytes text;
	assert_true(inner_opens("'hi' 17 000000", &type, &text, buffer));
	assert_int_equal(type, DTLS_CONTENT_APPLICATION);
	assert_true(bytes_equal_text(text, "hi"));
	assert_true(inner_opens("15", &type, &text, buffer));
	assert_int_equal(type, DTLS_CONTENT_ALERT);
	assert_int_equal(text.len, 0);
	assert_false(inner_opens("000000", &type, &text, buffer));
	assert_false(inner_opens("", &type, &text, buffer));
}

static void sealing_fails_cleanly_at_every_capacity_that_is_too_small(void **state)
{
	(void)state;
	for (size_t capacity = 0; capacity < 5 + 29 + 9; capacity++) {
		uint8_t *buffer = malloc(capacity + 1);
		assert_int_equal(
			seal(buffer, capacity, DTLS_AEAD_AES_128_CCM_8, bytes_of_text("my cid!!"), "hello").len, 0);
		free(buffer);
	}
}

static int set_up(void **state)
{
	(void)state;
	return dtls_crypto_wolfcrypt_init(&wolfcrypt) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dtls_crypto_wolfcrypt_done(&wolfcrypt);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_taken_off_the_front_of_a_datagram),
		cmocka_unit_test(the_fields_of_a_record_are_views_into_the_datagram),
		cmocka_unit_test(sealing_gives_what_the_vectors_say),
		cmocka_unit_test(the_mac_gives_what_the_vector_says),
		cmocka_unit_test(a_sealed_record_opens_to_the_same_text),
		cmocka_unit_test(a_plain_record_authenticates_what_the_rfc_says),
		cmocka_unit_test(a_record_with_connection_id_authenticates_what_the_rfc_says),
		cmocka_unit_test(a_record_with_any_bit_changed_does_not_open),
		cmocka_unit_test(a_record_too_short_for_nonce_and_tag_does_not_open),
		cmocka_unit_test(padding_behind_the_true_type_is_taken_off),
		cmocka_unit_test(sealing_fails_cleanly_at_every_capacity_that_is_too_small),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
