/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/certs_only.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const uint8_t small[] = {0x30, 0x03, 0x02, 0x01, 0x05};
static uint8_t large[4 + 700] = {0x30, 0x82, 700 >> 8, 700 & 255};

static struct bytes bag_of(const struct bytes *certificates, uint32_t count, uint8_t *buffer, size_t capacity)
{
	struct writer w = writer_of(buffer, capacity);
	assert_true(pki_certs_only_write(certificates, count, &w));
	return writer_bytes(&w);
}

static void certificates_come_out_as_they_went_in(void **state)
{
	const struct bytes in[] = {bytes_of(large, sizeof large), bytes_of(small, sizeof small)};
	struct bytes out[PKI_CERTS_MAX];
	uint8_t buffer[1024];
	(void)state;
	for (uint32_t count = 0; count <= 2; count++) {
		uint32_t found;
		assert_true(pki_certs_only_read(bag_of(in, count, buffer, sizeof buffer), out, &found));
		assert_int_equal(found, count);
		for (uint32_t i = 0; i < count; i++)
			assert_true(bytes_equal(in[i], out[i]));
	}
}

/* The bag of no certificate, written by hand after RFC 5652 sections 3 and 5.1. */
static void the_form_is_that_of_cms(void **state)
{
	static const uint8_t empty[] = {0x30, 0x25, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
		0xa0, 0x18, 0x30, 0x16, 0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
		0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x00, 0x31, 0x00};
	uint8_t buffer[64];
	struct bytes bag = bag_of(NULL, 0, buffer, sizeof buffer);
	(void)state;
	assert_int_equal(bag.len, sizeof empty);
	assert_memory_equal(bag.data, empty, sizeof empty);
}

static void a_cut_bag_is_refused(void **state)
{
	const struct bytes in[] = {bytes_of(large, sizeof large)};
	struct bytes out[PKI_CERTS_MAX];
	uint8_t buffer[1024];
	uint32_t count;
	struct bytes bag = bag_of(in, 1, buffer, sizeof buffer);
	(void)state;
	for (size_t len = 0; len < bag.len; len++)
		assert_false(pki_certs_only_read(bytes_first(bag, len), out, &count));
}

static void more_than_fit_are_refused(void **state)
{
	struct bytes in[PKI_CERTS_MAX + 1], out[PKI_CERTS_MAX];
	uint8_t buffer[1024], forged[1024];
	uint32_t count;
	(void)state;
	for (uint32_t i = 0; i <= PKI_CERTS_MAX; i++)
		in[i] = bytes_of(small, sizeof small);
	struct writer w = writer_of(buffer, sizeof buffer);
	assert_false(pki_certs_only_write(in, PKI_CERTS_MAX + 1, &w));
	/* One element too many, in a bag that was whole. */
	struct bytes nine = bytes_of(forged, PKI_CERTS_MAX * sizeof small + sizeof small);
	for (uint32_t i = 0; i <= PKI_CERTS_MAX; i++)
		memcpy(forged + i * sizeof small, small, sizeof small);
	assert_false(pki_certs_only_read(bag_of(&nine, 1, buffer, sizeof buffer), out, &count));
}

static void what_does_not_fit_is_not_written(void **state)
{
	const struct bytes in[] = {bytes_of(large, sizeof large)};
	uint8_t buffer[200];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	assert_false(pki_certs_only_write(in, 1, &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_come_out_as_they_went_in),
		cmocka_unit_test(the_form_is_that_of_cms),
		cmocka_unit_test(a_cut_bag_is_refused),
		cmocka_unit_test(more_than_fit_are_refused),
		cmocka_unit_test(what_does_not_fit_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
