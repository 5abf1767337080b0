/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/key_wolfcrypt.h"

#include "tests/dtls/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void a_fresh_key_reads_back_from_its_pem(void **state)
{
	struct pki_key key, again;
	uint8_t text[512], public_key[PKI_PUBLIC_KEY_BYTES], same[PKI_PUBLIC_KEY_BYTES];
	struct writer w = writer_of(text, sizeof text);
	(void)state;
	assert_true(pki_key_make(&key));
	assert_true(pki_key_write_pem(&key, &w));
	assert_true(pki_key_read(writer_bytes(&w), &again));
	assert_true(pki_key_public(&key, public_key));
	assert_true(pki_key_public(&again, same));
	assert_memory_equal(public_key, same, sizeof same);
	assert_int_equal(public_key[0], 4); /* RFC 5480 section 2.2: not compressed */
}

static void two_fresh_keys_differ(void **state)
{
	struct pki_key a, b;
	(void)state;
	assert_true(pki_key_make(&a));
	assert_true(pki_key_make(&b));
	assert_false(bytes_equal(pki_key_der(&a), pki_key_der(&b)));
}

static void a_key_in_pkcs_8_is_read(void **state)
{
	struct pki_key key;
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	(void)state;
	assert_true(pki_key_read(bytes_of_text(test_server_key), &key));
	assert_true(pki_key_public(&key, public_key));
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const texts[] = {"", "-", "-----BEGIN EC PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "0", test_ca_certificate};
	struct pki_key key;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(pki_key_read(bytes_of_text(texts[i]), &key));
}

static void a_cut_or_changed_key_is_refused_or_another(void **state)
{
	struct pki_key key, again;
	uint8_t copy[PKI_KEY_MAX_BYTES];
	(void)state;
	assert_true(pki_key_make(&key));
	for (size_t len = 0; len < key.len; len++)
		assert_false(pki_key_read(bytes_of(key.der, len), &again));
	/* The point must be that of the number: each bit of either half matters. */
	memcpy(copy, key.der, key.len);
	copy[key.len - 1] ^= 1;
	assert_false(pki_key_read(bytes_of(copy, key.len), &again));
}

static void a_short_buffer_takes_no_pem(void **state)
{
	struct pki_key key;
	uint8_t text[40];
	struct writer w = writer_of(text, sizeof text);
	(void)state;
	assert_true(pki_key_make(&key));
	assert_false(pki_key_write_pem(&key, &w));
	assert_true(w.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_key_reads_back_from_its_pem),
		cmocka_unit_test(two_fresh_keys_differ),
		cmocka_unit_test(a_key_in_pkcs_8_is_read),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_cut_or_changed_key_is_refused_or_another),
		cmocka_unit_test(a_short_buffer_takes_no_pem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
