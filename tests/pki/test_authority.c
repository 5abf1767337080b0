/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/authority_wolfcrypt.h"

#include "tests/dtls/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DAY      INT64_C(86400)
#define JAN_2026 INT64_C(1767225600)

static struct pki_authority authority;
static struct pki_key device;
static uint8_t device_public[PKI_PUBLIC_KEY_BYTES];

static int set_up(void **state)
{
	(void)state;
	bool is_good = pki_authority_create(&authority, bytes_of_text("test fleet"), JAN_2026, JAN_2026 + 3650 * DAY) &&
		       pki_key_make(&device) && pki_key_public(&device, device_public);
	return is_good ? 0 : -1;
}

static size_t issue(const char *name, enum pki_usage usage, int64_t from, int64_t until, uint8_t *der)
{
	return pki_authority_issue(&authority, device_public, bytes_of_text(name), usage, from, until, der);
}

static void a_certificate_says_what_it_was_issued_for(void **state)
{
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	struct pki_certificate facts;
	size_t len = issue("pump-7", PKI_USAGE_DEVICE, JAN_2026 + DAY, JAN_2026 + 91 * DAY, der);
	(void)state;
	assert_in_range(len, 200, 600);
	assert_true(pki_certificate_read(bytes_of(der, len), &facts));
	assert_true(bytes_equal_text(pki_certificate_name(&facts), "pump-7"));
	assert_int_equal(facts.valid_from, JAN_2026 + DAY);
	assert_int_equal(facts.valid_until, JAN_2026 + 91 * DAY);
	assert_false(facts.is_authority);
	assert_true(facts.has_public_key);
	assert_memory_equal(facts.public_key, device_public, sizeof device_public);
	assert_true(pki_certificate_is_signed_by(bytes_of(der, len), pki_authority_certificate(&authority)));
}

static void two_certificates_for_one_key_differ_in_their_fingerprints(void **state)
{
	uint8_t der[2][PKI_CERTIFICATE_MAX_BYTES];
	struct pki_certificate facts[2];
	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t len = issue("pump-7", PKI_USAGE_DEVICE, JAN_2026, JAN_2026 + DAY, der[i]);
		assert_true(pki_certificate_read(bytes_of(der[i], len), &facts[i]));
	}
	assert_memory_not_equal(facts[0].fingerprint, facts[1].fingerprint, PKI_FINGERPRINT_BYTES);
}

static void another_authority_has_not_signed_it(void **state)
{
	struct pki_authority other;
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	size_t len = issue("pump-7", PKI_USAGE_DEVICE, JAN_2026, JAN_2026 + DAY, der);
	(void)state;
	/* The same name, so that only the key tells them apart. */
	assert_true(pki_authority_create(&other, bytes_of_text("test fleet"), JAN_2026, JAN_2026 + DAY));
	assert_false(pki_certificate_is_signed_by(bytes_of(der, len), pki_authority_certificate(&other)));
	der[len - 1] ^= 1;
	assert_false(pki_certificate_is_signed_by(bytes_of(der, len), pki_authority_certificate(&authority)));
}

/* RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
static void dates_beyond_2049_are_written_as_they_must_be(void **state)
{
	static const int64_t untils[] = {2524607999, 2524608000, 4102444800}; /* 2049 ends, 2050 begins, 2100 */
	struct pki_authority old;
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	struct pki_certificate facts;
	(void)state;
	assert_true(pki_authority_create(&old, bytes_of_text("old"), JAN_2026, 4102444800));
	for (int i = 0; i < 3; i++) {
		size_t len = pki_authority_issue(
			&old, device_public, bytes_of_text("pump-7"), PKI_USAGE_DEVICE, JAN_2026, untils[i], der);
		assert_true(pki_certificate_read(bytes_of(der, len), &facts));
		assert_int_equal(facts.valid_until, untils[i]);
	}
}

static void no_certificate_outlives_its_authority(void **state)
{
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	struct pki_certificate facts;
	size_t len = issue("pump-7", PKI_USAGE_DEVICE, JAN_2026 - DAY, JAN_2026 + 9999 * DAY, der);
	(void)state;
	assert_true(pki_certificate_read(bytes_of(der, len), &facts));
	assert_int_equal(facts.valid_from, JAN_2026);
	assert_int_equal(facts.valid_until, JAN_2026 + 3650 * DAY);
	assert_int_equal(issue("pump-7", PKI_USAGE_DEVICE, JAN_2026 + 3650 * DAY, JAN_2026 + 9999 * DAY, der), 0);
}

static void what_is_no_point_of_the_curve_gets_no_certificate(void **state)
{
	uint8_t point[PKI_PUBLIC_KEY_BYTES], der[PKI_CERTIFICATE_MAX_BYTES];
	(void)state;
	memcpy(point, device_public, sizeof point);
	point[40] ^= 1;
	assert_int_equal(pki_authority_issue(&authority, point, bytes_of_text("pump-7"), PKI_USAGE_DEVICE, JAN_2026,
				 JAN_2026 + DAY, der),
		0);
	assert_int_equal(issue("", PKI_USAGE_DEVICE, JAN_2026, JAN_2026 + DAY, der), 0);
}

static void a_servers_name_is_an_alternative_name_too(void **state)
{
	static const uint8_t dns[] = {0x82, 13, 'f', 'l', 'e', 'e', 't', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e'};
	static const uint8_t ip[] = {0x87, 4, 192, 0, 2, 1};
	uint8_t der[PKI_CERTIFICATE_MAX_BYTES];
	size_t len = issue("fleet.example", PKI_USAGE_SERVER, JAN_2026, JAN_2026 + DAY, der);
	(void)state;
	assert_non_null(memmem(der, len, dns, sizeof dns));
	len = issue("192.0.2.1", PKI_USAGE_SERVER, JAN_2026, JAN_2026 + DAY, der);
	assert_non_null(memmem(der, len, ip, sizeof ip));
}

static void an_authority_opens_from_what_it_was_written_to(void **state)
{
	uint8_t certificate[4096], key[512];
	struct writer c = writer_of(certificate, sizeof certificate), k = writer_of(key, sizeof key);
	struct pki_authority again;
	(void)state;
	assert_true(pki_certificate_write_pem(pki_authority_certificate(&authority), &c));
	assert_true(pki_key_write_pem(&authority.key, &k));
	assert_null(pki_authority_open(&again, writer_bytes(&c), writer_bytes(&k)));
	assert_true(bytes_equal(pki_authority_certificate(&again), pki_authority_certificate(&authority)));
	assert_int_equal(again.valid_until, authority.valid_until);
}

static void an_authority_that_does_not_hold_together_says_why(void **state)
{
	struct pki_authority a;
	struct bytes ca = bytes_of_text(test_ca_certificate), server = bytes_of_text(test_server_certificate);
	struct bytes server_key = bytes_of_text(test_server_key);
	(void)state;
	assert_string_equal(
		pki_authority_open(&a, BYTES_NONE, server_key), "holds no certificate in PEM that could be read");
	assert_string_equal(pki_authority_open(&a, server, server_key),
		"this certificate is of no authority: it may not sign others (basicConstraints)");
	assert_string_equal(pki_authority_open(&a, ca, ca), "the key is no private key on P-256");
	assert_string_equal(pki_authority_open(&a, ca, server_key), "the key does not belong to the certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_says_what_it_was_issued_for),
		cmocka_unit_test(two_certificates_for_one_key_differ_in_their_fingerprints),
		cmocka_unit_test(another_authority_has_not_signed_it),
		cmocka_unit_test(dates_beyond_2049_are_written_as_they_must_be),
		cmocka_unit_test(no_certificate_outlives_its_authority),
		cmocka_unit_test(what_is_no_point_of_the_curve_gets_no_certificate),
		cmocka_unit_test(a_servers_name_is_an_alternative_name_too),
		cmocka_unit_test(an_authority_opens_from_what_it_was_written_to),
		cmocka_unit_test(an_authority_that_does_not_hold_together_says_why),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
