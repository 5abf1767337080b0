/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/signature_wolfcrypt.h"
#include "tests/mgmt/show.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_sha256(const char *text, const char *hex)
{
	uint8_t digest[SHA256_BYTES], expected[SHA256_BYTES];
	struct sha256_stream s;
	struct bytes all = bytes_of_text(text);
	sha256_stream_init(&s);
	for (size_t i = 0; i < all.len; i++)
		sha256_stream_add(&s, bytes_of(all.data + i, 1));
	sha256_stream_end(&s, digest);
	assert_true(bytes_equal(bytes_of(digest, sizeof digest), show_unhex(hex, expected, sizeof expected)));
}

/* FIPS 180-4. */
static void sha256_has_its_published_values(void **state)
{
	(void)state;
	expect_sha256("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_sha256("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 8032 section 7.1, test 3. */
static void ed25519_has_the_vector_of_its_rfc(void **state)
{
	static const char secret_line[] =
		"fieldfare-secret ed25519 c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
	uint8_t signature[SIGNATURE_BYTES], expected[SIGNATURE_BYTES], point[32];
	struct trust_key secret, made;
	(void)state;
	assert_true(trust_parse_key(bytes_of_text(secret_line), &secret));
	struct signer_port signer = signature_wolfcrypt_signer(&secret);
	assert_true(signer.sign(signer.context, bytes_of("\xaf\x82", 2), signature));
	assert_true(bytes_equal(bytes_of(signature, sizeof signature),
		show_unhex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984"
			   "dc6594a7c15e9716ed28dc027beceea1ec40a",
			expected, sizeof expected)));
	assert_true(signature_wolfcrypt_public(&secret, &made));
	assert_true(bytes_equal(bytes_of(made.bytes, made.len),
		show_unhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", point, sizeof point)));
}

static void signatures_belong_to_key_and_message(void **state)
{
	const enum signature_algorithm algorithms[] = {SIGNATURE_ES256, SIGNATURE_EDDSA};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct trust_anchors anchors = {.count = 1}, strangers = {.count = 1};
		struct trust_key secret, other;
		uint8_t signature[SIGNATURE_BYTES];
		assert_true(signature_wolfcrypt_generate(algorithms[i], "a", &secret, &anchors.keys[0]));
		assert_true(signature_wolfcrypt_generate(algorithms[i], "b", &other, &strangers.keys[0]));
		struct signer_port signer = signature_wolfcrypt_signer(&secret);
		struct signature_port ours = signature_wolfcrypt_port(&anchors);
		struct signature_port theirs = signature_wolfcrypt_port(&strangers);
		struct bytes made = bytes_of(signature, sizeof signature);
		assert_true(signer.sign(signer.context, bytes_of_text("hello"), signature));
		assert_true(ours.verify(ours.context, algorithms[i], bytes_of_text("hello"), made));
		assert_false(ours.verify(ours.context, algorithms[i], bytes_of_text("hellO"), made));
		assert_false(ours.verify(ours.context, algorithms[1 - i], bytes_of_text("hello"), made));
		assert_false(theirs.verify(theirs.context, algorithms[i], bytes_of_text("hello"), made));
		assert_false(ours.verify(ours.context, algorithms[i], bytes_of_text("hello"), bytes_first(made, 63)));
		assert_false(ours.verify(ours.context, algorithms[i], bytes_of_text("hello"), BYTES_NONE));
	}
}

/* r and s are numbers of the same range; each of them alone out of it must fail. */
static void zeros_and_the_order_are_no_signature(void **state)
{
	static const char order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	struct trust_anchors anchors = {.count = 1};
	struct trust_key secret;
	uint8_t good[SIGNATURE_BYTES], n[32];
	(void)state;
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "", &secret, &anchors.keys[0]));
	struct signer_port signer = signature_wolfcrypt_signer(&secret);
	struct signature_port port = signature_wolfcrypt_port(&anchors);
	assert_true(signer.sign(signer.context, bytes_of_text("x"), good));
	show_unhex(order, n, sizeof n);
	for (unsigned half = 0; half < 2; half++)
		for (unsigned kind = 0; kind < 2; kind++) {
			uint8_t bad[SIGNATURE_BYTES];
			memcpy(bad, good, sizeof bad);
			if (kind == 0)
				memset(bad + 32 * half, 0, 32);
			else
				memcpy(bad + 32 * half, n, 32);
			assert_false(port.verify(
				port.context, SIGNATURE_ES256, bytes_of_text("x"), bytes_of(bad, sizeof bad)));
		}
	assert_true(port.verify(port.context, SIGNATURE_ES256, bytes_of_text("x"), bytes_of(good, sizeof good)));
}

static void a_point_beside_the_curve_is_no_key(void **state)
{
	struct trust_anchors anchors = {.count = 1};
	struct trust_key secret;
	uint8_t signature[SIGNATURE_BYTES];
	(void)state;
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "", &secret, &anchors.keys[0]));
	struct signer_port signer = signature_wolfcrypt_signer(&secret);
	struct signature_port port = signature_wolfcrypt_port(&anchors);
	assert_true(signer.sign(signer.context, bytes_of_text("x"), signature));
	anchors.keys[0].bytes[63] ^= 1;
	assert_false(
		port.verify(port.context, SIGNATURE_ES256, bytes_of_text("x"), bytes_of(signature, sizeof signature)));
}

static void generated_keys_differ_and_keep_their_name(void **state)
{
	struct trust_key a, b, public_a, public_b;
	(void)state;
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "spring", &a, &public_a));
	assert_true(signature_wolfcrypt_generate(SIGNATURE_ES256, "spring", &b, &public_b));
	assert_memory_not_equal(a.bytes, b.bytes, 32);
	assert_string_equal(public_a.name, "spring");
	assert_true(a.is_secret && !public_a.is_secret && public_a.len == 64);
	assert_false(signature_wolfcrypt_public(&public_a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_has_its_published_values),
		cmocka_unit_test(ed25519_has_the_vector_of_its_rfc),
		cmocka_unit_test(signatures_belong_to_key_and_message),
		cmocka_unit_test(zeros_and_the_order_are_no_signature),
		cmocka_unit_test(a_point_beside_the_curve_is_no_key),
		cmocka_unit_test(generated_keys_differ_and_keep_their_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
