/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void slices_never_leave_the_span(void **state)
{
	(void)state;
	struct bytes b = bytes_of_text("abcd");
	assert_true(bytes_equal_text(bytes_from(b, 1), "bcd"));
	assert_int_equal(bytes_from(b, 4).len, 0);
	assert_int_equal(bytes_from(b, SIZE_MAX).len, 0);
	assert_true(bytes_equal_text(bytes_first(b, 2), "ab"));
	assert_int_equal(bytes_first(b, SIZE_MAX).len, 4);
	assert_int_equal(bytes_first(BYTES_NONE, 3).len, 0);
}

static void spans_are_equal_when_length_and_bytes_are(void **state)
{
	(void)state;
	assert_true(bytes_equal(BYTES_NONE, BYTES_NONE));
	assert_true(bytes_equal(BYTES_NONE, bytes_of_text("")));
	assert_false(bytes_equal_text(bytes_of_text("ab"), "abc"));
	assert_false(bytes_equal_text(bytes_of_text("ab"), "aB"));
	assert_true(bytes_equal_secret(bytes_of_text("secret"), bytes_of_text("secret")));
	assert_false(bytes_equal_secret(bytes_of_text("secret"), bytes_of_text("secreT")));
	assert_false(bytes_equal_secret(bytes_of_text("Secret"), bytes_of_text("secret")));
	assert_false(bytes_equal_secret(bytes_of_text("secre"), bytes_of_text("secret")));
	assert_true(bytes_equal_secret(BYTES_NONE, BYTES_NONE));
}

static void the_hash_depends_on_every_byte_the_length_and_the_seed(void **state)
{
	(void)state;
	uint8_t data[40] = {0};
	for (size_t len = 0; len <= sizeof data; len++) {
		uint64_t hash = bytes_hash(bytes_of(data, len), 7);
		assert_true(hash == bytes_hash(bytes_of(data, len), 7));
		assert_true(hash != bytes_hash(bytes_of(data, len), 8));
		if (len > 0)
			assert_true(hash != bytes_hash(bytes_of(data, len - 1), 7));
		for (size_t bit = 0; bit < 8 * len; bit++) {
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(hash != bytes_hash(bytes_of(data, len), 7));
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void the_hash_spreads_counted_keys_evenly(void **state)
{
	(void)state;
	unsigned buckets[64] = {0};
	for (uint32_t key = 0; key < 64 * 256; key++)
		buckets[bytes_hash(bytes_of(&key, sizeof key), 1) & 63]++;
	for (int i = 0; i < 64; i++)
		assert_in_range(buckets[i], 160, 360);
}

static void numbers_are_big_endian_and_read_as_written(void **state)
{
	(void)state;
	uint8_t buffer[24];
	static const uint8_t expected[24] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
	struct writer w = writer_of(buffer, sizeof buffer);
	write_u8(&w, 0x01);
	write_u16(&w, 0x0203);
	write_u24(&w, 0x040506);
	write_u32(&w, 0x0708090a);
	write_u48(&w, 0x0b0c0d0e0f10);
	write_u64(&w, 0x1112131415161718);
	assert_false(w.failed);
	assert_int_equal(writer_left(&w), 0);
	assert_memory_equal(buffer, expected, sizeof expected);
	struct reader r = reader_of(writer_bytes(&w));
	assert_true(read_u8(&r) == 0x01 && read_u16(&r) == 0x0203 && read_u24(&r) == 0x040506);
	assert_true(read_u32(&r) == 0x0708090a && read_u48(&r) == 0x0b0c0d0e0f10);
	assert_true(read_u64(&r) == 0x1112131415161718);
	assert_false(r.failed);
	assert_int_equal(reader_left(&r), 0);
}

static void a_reader_that_has_failed_gives_zero_for_ever(void **state)
{
	(void)state;
	struct reader r = reader_of(bytes_of_text("abc"));
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_bytes(&r, 0).len, 0);
	assert_true(r.failed);
	assert_int_equal(reader_left(&r), 0);
	struct reader huge = reader_of(bytes_of_text("abc"));
	assert_null(read_bytes(&huge, SIZE_MAX).data);
	assert_true(huge.failed);
}

static void an_empty_reader_gives_nothing(void **state)
{
	(void)state;
	struct reader r = reader_of(BYTES_NONE);
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(read_bytes(&r, 0).len, 0);
	assert_false(r.failed);
	read_u8(&r);
	assert_true(r.failed);
}

static void a_full_writer_writes_nothing_more_even_if_it_would_fit(void **state)
{
	(void)state;
	uint8_t buffer[3] = {0, 0, 0xee};
	struct writer w = writer_of(buffer, 2);
	write_u8(&w, 1);
	write_u16(&w, 0x0203);
	assert_true(w.failed);
	write_u8(&w, 4);
	assert_int_equal(writer_bytes(&w).len, 1);
	assert_int_equal(buffer[1], 0);
	assert_int_equal(buffer[2], 0xee);
}

static void a_writer_without_any_room_takes_only_nothing(void **state)
{
	(void)state;
	struct writer w = writer_of(NULL, 0);
	write_bytes(&w, BYTES_NONE);
	assert_false(w.failed);
	assert_int_equal(writer_left(&w), 0);
	write_u8(&w, 1);
	assert_true(w.failed);
}

static void numbers_become_decimal_text(void **state)
{
	(void)state;
	char text[128];
	struct writer w = writer_of(text, sizeof text);
	write_decimal(&w, 0);
	write_text(&w, " ");
	write_decimal(&w, UINT64_MAX);
	write_text(&w, " ");
	write_decimal_signed(&w, INT64_MIN);
	write_text(&w, " ");
	write_decimal_signed(&w, -1);
	write_text(&w, " ");
	write_decimal_signed(&w, INT64_MAX);
	assert_true(bytes_equal_text(
		writer_bytes(&w), "0 18446744073709551615 -9223372036854775808 -1 9223372036854775807"));
}

static void decimal_text_is_read_wholly_or_not_at_all(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t value;
	} rows[] = {
		{"0", 0, true, 0},
		{"1", 0, false, 0},
		{"65535", 65535, true, 65535},
		{"65536", 65535, false, 0},
		{"007", 7, true, 7},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"99999999999999999999999", UINT64_MAX, false, 0},
		{"", 9, false, 0},
		{"-1", 9, false, 0},
		{"+1", 9, false, 0},
		{"1 ", 9, false, 0},
		{"1a", 99, false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t value = 4242;
		assert_int_equal(parse_decimal(bytes_of_text(rows[i].text), rows[i].max, &value), rows[i].ok);
		assert_true(value == (rows[i].ok ? rows[i].value : 4242));
	}
}

static void hexadecimal_goes_both_ways(void **state)
{
	(void)state;
	uint8_t bytes[4];
	char text[8];
	size_t len = 99;
	assert_true(parse_hex(bytes_of_text("00fFA9"), bytes, sizeof bytes, &len));
	assert_int_equal(len, 3);
	struct writer w = writer_of(text, sizeof text);
	write_hex(&w, bytes_of(bytes, len));
	assert_true(bytes_equal_text(writer_bytes(&w), "00ffa9"));
	assert_false(parse_hex(bytes_of_text("0"), bytes, sizeof bytes, &len));
	assert_false(parse_hex(bytes_of_text("0g"), bytes, sizeof bytes, &len));
	assert_false(parse_hex(bytes_of_text("0011223344"), bytes, sizeof bytes, &len));
	assert_true(parse_hex(bytes_of_text(""), bytes, sizeof bytes, &len));
	assert_int_equal(len, 0);
}

static void memory_of_any_length_becomes_zero_and_what_is_behind_it_stays(void **state)
{
	uint8_t memory[1300];
	(void)state;
	for (size_t len = 0; len < sizeof memory; len = len * 2 + 3) {
		memset(memory, 0x5a, sizeof memory);
		memset(memory, 0, len / 2); /* part of it is zero before */
		bytes_clear(memory, len);
		for (size_t i = 0; i < sizeof memory; i++)
			assert_int_equal(memory[i], i < len ? 0 : 0x5a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_never_leave_the_span),
		cmocka_unit_test(spans_are_equal_when_length_and_bytes_are),
		cmocka_unit_test(the_hash_depends_on_every_byte_the_length_and_the_seed),
		cmocka_unit_test(the_hash_spreads_counted_keys_evenly),
		cmocka_unit_test(numbers_are_big_endian_and_read_as_written),
		cmocka_unit_test(a_reader_that_has_failed_gives_zero_for_ever),
		cmocka_unit_test(an_empty_reader_gives_nothing),
		cmocka_unit_test(a_full_writer_writes_nothing_more_even_if_it_would_fit),
		cmocka_unit_test(a_writer_without_any_room_takes_only_nothing),
		cmocka_unit_test(numbers_become_decimal_text),
		cmocka_unit_test(decimal_text_is_read_wholly_or_not_at_all),
		cmocka_unit_test(hexadecimal_goes_both_ways),
		cmocka_unit_test(memory_of_any_length_becomes_zero_and_what_is_behind_it_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
