/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/request_wolfcrypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct pki_key key;

static int make_key(void **state)
{
	(void)state;
	return pki_key_make(&key) ? 0 : -1;
}

static struct bytes request_for(const char *name, uint8_t *buffer)
{
	struct writer w = writer_of(buffer, PKI_REQUEST_MAX_BYTES);
	assert_true(pki_request_write(&key, bytes_of_text(name), &w));
	return writer_bytes(&w);
}

static void a_request_tells_its_key_and_name(void **state)
{
	uint8_t buffer[PKI_REQUEST_MAX_BYTES], public_key[PKI_PUBLIC_KEY_BYTES];
	struct pki_request request;
	(void)state;
	assert_int_equal(pki_request_read(request_for("pump-7", buffer), &request), PKI_REQUEST_GOOD);
	assert_true(bytes_equal_text(pki_request_name(&request), "pump-7"));
	assert_true(pki_key_public(&key, public_key));
	assert_memory_equal(request.public_key, public_key, sizeof public_key);
}

static void the_longest_name_fits_and_a_longer_one_does_not(void **state)
{
	uint8_t buffer[PKI_REQUEST_MAX_BYTES];
	char name[PKI_NAME_MAX_BYTES + 2];
	struct pki_request request;
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	memset(name, 'n', sizeof name);
	assert_false(pki_request_write(&key, bytes_of(name, PKI_NAME_MAX_BYTES + 1), &w));
	assert_false(pki_request_write(&key, BYTES_NONE, &w));
	name[PKI_NAME_MAX_BYTES] = '\0';
	assert_int_equal(pki_request_read(request_for(name, buffer), &request), PKI_REQUEST_GOOD);
	assert_int_equal(request.name_len, PKI_NAME_MAX_BYTES);
}

/* RFC 7030 section 4.2.1: the signature proves that the client has the private half. */
static void a_request_changed_on_its_way_is_refused(void **state)
{
	uint8_t buffer[PKI_REQUEST_MAX_BYTES];
	struct pki_request request;
	struct bytes der = request_for("pump-7", buffer);
	(void)state;
	assert_int_equal(buffer[7], 0);                /* the version, section 4.1 */
	size_t signed_end = 3 + 2 + (size_t)buffer[4]; /* of the CertificationRequestInfo; RFC 2986 section 4 */
	for (size_t i = 3; i < signed_end; i++) {
		buffer[i] ^= 0x01;
		assert_int_not_equal(pki_request_read(der, &request), PKI_REQUEST_GOOD);
		buffer[i] ^= 0x01;
	}
	buffer[der.len - 1] ^= 0x01; /* of the signature */
	assert_int_not_equal(pki_request_read(der, &request), PKI_REQUEST_GOOD);
	buffer[der.len - 1] ^= 0x01;
	assert_int_equal(pki_request_read(der, &request), PKI_REQUEST_GOOD);
}

static void a_cut_request_is_malformed(void **state)
{
	uint8_t buffer[PKI_REQUEST_MAX_BYTES];
	struct pki_request request;
	struct bytes der = request_for("pump-7", buffer);
	(void)state;
	for (size_t len = 0; len < der.len; len++)
		assert_int_not_equal(pki_request_read(bytes_first(der, len), &request), PKI_REQUEST_GOOD);
}

static void a_name_changed_is_told_from_a_broken_form(void **state)
{
	uint8_t buffer[PKI_REQUEST_MAX_BYTES];
	struct pki_request request;
	struct bytes der = request_for("pump-7", buffer);
	uint8_t *name = memmem(buffer, der.len, "pump-7", 6);
	(void)state;
	assert_non_null(name);
	name[5] = '8';
	assert_int_equal(pki_request_read(der, &request), PKI_REQUEST_UNPROVEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_tells_its_key_and_name),
		cmocka_unit_test(the_longest_name_fits_and_a_longer_one_does_not),
		cmocka_unit_test(a_request_changed_on_its_way_is_refused),
		cmocka_unit_test(a_cut_request_is_malformed),
		cmocka_unit_test(a_name_changed_is_told_from_a_broken_form),
	};
	return cmocka_run_group_tests(tests, make_key, NULL);
}
