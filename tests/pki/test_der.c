/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/der.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <time.h>

static struct reader reader_of_text(const char *text, uint8_t tag, uint8_t *buffer)
{
	struct writer w = writer_of(buffer, 64);
	der_write_header(&w, tag, strlen(text));
	write_text(&w, text);
	return reader_of(writer_bytes(&w));
}

static void lengths_of_every_form_come_back(void **state)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535};
	static uint8_t buffer[65540];
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct writer w = writer_of(buffer, sizeof buffer);
		der_write_header(&w, DER_SET, lengths[i]);
		size_t header = writer_bytes(&w).len;
		assert_int_equal(header, der_header_bytes(lengths[i]));
		struct reader r = reader_of(bytes_of(buffer, header + lengths[i]));
		assert_int_equal(der_read(&r, DER_SET).len, lengths[i]);
		assert_false(r.failed);
		r = reader_of(bytes_of(buffer, header + lengths[i]));
		assert_int_equal(der_read_whole(&r, DER_SET).len, header + lengths[i]);
	}
}

static void what_is_no_element_fails(void **state)
{
	static const struct {
		uint8_t len, bytes[6];
	} cases[] = {
		{0, {0}},                               /* nothing */
		{1, {DER_SET}},                         /* no length */
		{3, {DER_SEQUENCE, 1, 0}},              /* another tag */
		{3, {DER_SET, 2, 0}},                   /* cut */
		{4, {DER_SET, 0x80, 0, 0}},             /* indefinite */
		{6, {DER_SET, 0x84, 0, 0, 0, 0}},       /* a length of four bytes */
		{5, {DER_SET, 0x83, 0xff, 0xff, 0xff}}, /* 16 MiB in a tiny element */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reader r = reader_of(bytes_of(cases[i].bytes, cases[i].len));
		assert_int_equal(der_read(&r, DER_SET).len, 0);
		assert_true(r.failed);
	}
}

static void times_are_seconds_since_1970(void **state)
{
	uint8_t buffer[64];
	(void)state;
	/* RFC 5280 section 4.1.2.5.1: years from 50 are of the last century. */
	struct reader r = reader_of_text("700101000000Z", DER_UTC_TIME, buffer);
	assert_int_equal(der_read_time(&r), 0);
	r = reader_of_text("500101000000Z", DER_UTC_TIME, buffer);
	assert_int_equal(der_read_time(&r), -631152000);
	r = reader_of_text("20000229235959Z", DER_GENERALIZED_TIME, buffer);
	assert_int_equal(der_read_time(&r), 951868799);
	assert_false(r.failed);
}

static void every_day_of_four_centuries_is_where_the_system_has_it(void **state)
{
	uint8_t buffer[64];
	char text[20];
	(void)state;
	for (int64_t day = -20000; day < 130000; day += 1) {
		time_t at = (time_t)(day * 86400 + 3661);
		struct tm tm;
		(void)gmtime_r(&at, &tm);
		assert_int_equal(strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm), 15);
		struct reader r = reader_of_text(text, DER_GENERALIZED_TIME, buffer);
		if (der_read_time(&r) != at)
			fail_msg("%s", text);
	}
}

static void what_is_no_time_fails(void **state)
{
	static const char *const texts[] = {"", "7001010000Z", "700101000000", "700101000000+0100", "701301000000Z",
		"700100000000Z", "700101240000Z", "700101006000Z", "70010100000xZ", "700101000000ZZ"};
	uint8_t buffer[64];
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct reader r = reader_of_text(texts[i], DER_UTC_TIME, buffer);
		(void)der_read_time(&r);
		assert_true(r.failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_every_form_come_back),
		cmocka_unit_test(what_is_no_element_fails),
		cmocka_unit_test(times_are_seconds_since_1970),
		cmocka_unit_test(every_day_of_four_centuries_is_where_the_system_has_it),
		cmocka_unit_test(what_is_no_time_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
