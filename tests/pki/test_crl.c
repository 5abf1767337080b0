/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/certificate_wolfcrypt.h"
#include "tests/pki/crl_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BYTES(array) bytes_of(array, sizeof(array))

static bool lists(const struct pki_crl *crl, struct bytes certificate)
{
	struct bytes left = crl->entries, serial, issuer, one;
	assert_true(pki_crl_subject(certificate, &issuer, &serial));
	assert_true(bytes_equal(issuer, crl->issuer));
	while (pki_crl_next(&left, &one))
		if (bytes_equal(one, serial))
			return true;
	return false;
}

static void a_list_names_what_was_taken_back(void **state)
{
	struct pki_crl crl;
	(void)state;
	assert_true(pki_crl_read(BYTES(crl_list), &crl));
	assert_true(lists(&crl, BYTES(crl_taken_back)));
	assert_false(lists(&crl, BYTES(crl_good)));
	assert_int_equal(crl.this_update, 1795448994);
	assert_int_equal(crl.next_update, 1795448994 + INT64_C(36000) * 86400);
}

static void an_empty_list_names_nobody(void **state)
{
	struct pki_crl crl;
	(void)state;
	assert_true(pki_crl_read(BYTES(crl_empty_list), &crl));
	assert_int_equal(crl.entries.len, 0);
	assert_false(lists(&crl, BYTES(crl_taken_back)));
}

static void its_issuer_has_signed_it(void **state)
{
	struct pki_crl crl;
	(void)state;
	assert_true(pki_crl_read(BYTES(crl_list), &crl));
	assert_true(pki_crl_is_signed_by(&crl, BYTES(crl_authority)));
	assert_false(pki_crl_is_signed_by(&crl, BYTES(crl_good)));
}

static void a_changed_list_is_not_signed(void **state)
{
	(void)state;
	uint8_t changed[sizeof crl_list];
	struct pki_crl crl;
	for (size_t i = 0; i < sizeof changed; i++) {
		memcpy(changed, crl_list, sizeof changed);
		changed[i] ^= 1;
		if (pki_crl_read(BYTES(changed), &crl) && pki_crl_is_signed_by(&crl, BYTES(crl_authority)))
			fail_msg("byte %zu", i);
	}
}

static void a_cut_list_is_none(void **state)
{
	struct pki_crl crl;
	(void)state;
	for (size_t len = 0; len < sizeof crl_list; len++)
		assert_false(pki_crl_read(bytes_of(crl_list, len), &crl));
}

/* RFC 5280 section 5.2: whoever does not know a critical extension must not use the list. */
static void a_list_with_a_critical_extension_is_not_taken(void **state)
{
	static const uint8_t critical[] = {0x30, 0x62, 0x30, 0x56, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x04, 0x03, 0x02, 0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'x',
		0x17, 0x0d, '7', '0', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z', 0xa0, 0x0f, 0x30, 0x0d,
		/* issuingDistributionPoint */ 0x30, 0x0b, 0x06, 0x03, 0x55, 0x1d, 0x1c, 0x01, 0x01, 0xff, 0x04, 0x01,
		0x00};
	uint8_t list[128], plain[128];
	struct pki_crl crl;
	(void)state;
	struct writer w = writer_of(list, sizeof list);
	size_t part = sizeof critical - 2;
	write_u8(&w, 0x30), write_u8(&w, (uint8_t)(part + 12 + 5));
	size_t start = writer_bytes(&w).len;
	write_bytes(&w, bytes_from(BYTES(critical), 2));
	list[start + 1] = (uint8_t)(part - 2);
	write_bytes(&w, bytes_of(critical + 4, 12));
	write_bytes(&w, bytes_of("\x03\x03\x00\x01\x02", 5));
	assert_false(pki_crl_read(writer_bytes(&w), &crl));
	memcpy(plain, list, sizeof plain);
	uint8_t *boolean = memmem(plain, sizeof plain, "\x01\x01\xff\x04\x01\x00", 6);
	memcpy(boolean, "\x04\x04\x00\x00\x00\x00", 6); /* the same without the word "critical" */
	assert_true(pki_crl_read(bytes_of(plain, writer_bytes(&w).len), &crl));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_names_what_was_taken_back),
		cmocka_unit_test(an_empty_list_names_nobody),
		cmocka_unit_test(its_issuer_has_signed_it),
		cmocka_unit_test(a_changed_list_is_not_signed),
		cmocka_unit_test(a_cut_list_is_none),
		cmocka_unit_test(a_list_with_a_critical_extension_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
