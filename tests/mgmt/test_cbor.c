/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/cbor.h"
#include "tests/mgmt/show.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct cbor_reader reader_of_hex(const char *hex)
{
	static uint8_t memory[256];
	return cbor_reader_of(show_unhex(hex, memory, sizeof memory));
}

/* RFC 8949 appendix A. */
static void heads_are_those_of_the_rfc(void **state)
{
	static const struct {
		const char *hex;
		enum cbor_kind kind;
		uint64_t number;
	} rows[] = {
		{"00", CBOR_UNSIGNED, 0},
		{"17", CBOR_UNSIGNED, 23},
		{"1818", CBOR_UNSIGNED, 24},
		{"1903e8", CBOR_UNSIGNED, 1000},
		{"1a000f4240", CBOR_UNSIGNED, 1000000},
		{"1bffffffffffffffff", CBOR_UNSIGNED, UINT64_MAX},
		{"20", CBOR_NEGATIVE, 0},
		{"3903e7", CBOR_NEGATIVE, 999},
		{"3bffffffffffffffff", CBOR_NEGATIVE, UINT64_MAX},
		{"80", CBOR_ARRAY, 0},
		{"a2", CBOR_MAP, 2},
		{"c0", CBOR_TAG, 0},
		{"d2", CBOR_TAG, 18},
		{"d86b", CBOR_TAG, 107},
		{"f5", CBOR_BOOLEAN, 0},
		{"f6", CBOR_NULL, 0},
		{"f7", CBOR_UNDEFINED, 0},
		{"ff", CBOR_BREAK, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cbor_reader r = reader_of_hex(rows[i].hex);
		struct cbor_item item;
		assert_true(cbor_next(&r, &item));
		assert_int_equal(item.kind, rows[i].kind);
		assert_true(item.number == rows[i].number && item.is_shortest);
		assert_int_equal(cbor_left(&r), 0);
	}
}

static void doubles_have_their_shortest_exact_form(void **state)
{
	static const struct {
		double real;
		const char *hex;
	} rows[] = {{0.0, "f90000"}, {-0.0, "f98000"}, {1.0, "f93c00"}, {1.1, "fb3ff199999999999a"}, {1.5, "f93e00"},
		{65504.0, "f97bff"}, {65536.0, "fa47800000"}, {100000.0, "fa47c35000"},
		{3.4028234663852886e+38, "fa7f7fffff"}, {1.0e+300, "fb7e37e43c8800759c"},
		{5.960464477539063e-8, "f90001"}, {0.00006103515625, "f90400"}, {-4.0, "f9c400"},
		{-4.1, "fbc010666666666666"}, {2.98023223876953125e-8, "fa33000000"}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t out[16], expected[16];
		struct writer w = writer_of(out, sizeof out);
		struct cbor_item item;
		cbor_write_double(&w, rows[i].real);
		if (!bytes_equal(writer_bytes(&w), show_unhex(rows[i].hex, expected, sizeof expected)))
			fail_msg("%s is written differently", rows[i].hex);
		struct cbor_reader r = cbor_reader_of(writer_bytes(&w));
		assert_true(cbor_next(&r, &item));
		assert_memory_equal(&item.real, &rows[i].real, sizeof item.real);
	}
}

static void infinity_and_nan_are_halves(void **state)
{
	uint8_t out[8];
	struct writer w = writer_of(out, sizeof out);
	(void)state;
	cbor_write_double(&w, (double)__builtin_inff());
	cbor_write_double(&w, (double)__builtin_nanf(""));
	assert_true(bytes_equal(writer_bytes(&w), bytes_of("\xf9\x7c\x00\xf9\x7e\x00", 6)));
}

static void integers_write_and_read_the_same(void **state)
{
	static const int64_t numbers[] = {0, 23, 24, 255, 256, 65535, 65536, UINT32_MAX, 1LL << 32, INT64_MAX, -1, -24,
		-25, -256, -257, INT64_MIN};
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint8_t out[16];
		struct writer w = writer_of(out, sizeof out);
		cbor_write_integer(&w, numbers[i]);
		struct cbor_reader r = cbor_reader_of(writer_bytes(&w));
		assert_true(cbor_read_integer(&r) == numbers[i]);
		cbor_read_end(&r);
		assert_false(r.failed);
	}
}

static void strict_reading_takes_shortest_forms_only(void **state)
{
	static const char *const bad[] = {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "20", "6161", "", "18"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct cbor_reader r = reader_of_hex(bad[i]);
		assert_int_equal(cbor_read_unsigned(&r), 0);
		assert_true(r.failed);
	}
	struct cbor_reader r = reader_of_hex("5f4161ff");
	assert_int_equal(cbor_read_bytes(&r).len, 0);
	assert_true(r.failed);
}

static void a_failed_reader_stays_failed(void **state)
{
	struct cbor_reader r = reader_of_hex("6101");
	struct cbor_item item;
	(void)state;
	cbor_read_unsigned(&r);
	assert_false(cbor_next(&r, &item));
	assert_int_equal(cbor_read_unsigned(&r), 0);
}

static bool skips(const char *hex)
{
	struct cbor_reader r = reader_of_hex(hex);
	struct cbor_item item;
	return cbor_next(&r, &item) && cbor_skip(&r, &item) && cbor_left(&r) == 0;
}

static void whole_items_are_skipped(void **state)
{
	(void)state;
	assert_true(skips("83010203"));
	assert_true(skips("a20182020304f6"));
	assert_true(skips("9f018202039f0405ffff"));
	assert_true(skips("bf6346756ef563416d7421ff"));
	assert_true(skips("5f42010243030405ff"));
	assert_true(skips("c11a514b67b0"));
	assert_true(skips("d86ba1034a00010203040506070809")); /* a tag's number counts nothing */
	assert_true(skips("818181818181818101"));             /* eight deep, the limit */
}

static void broken_items_are_not_skipped(void **state)
{
	(void)state;
	assert_false(skips("830102"));
	assert_false(skips("9f01"));
	assert_false(skips("bf01ff"));
	assert_false(skips("5f6161ff"));
	assert_false(skips("81ff"));
	assert_false(skips("81818181818181818101"));
	assert_false(skips("9bffffffffffffffff"));
	assert_false(skips("bbffffffffffffffff"));
	assert_false(skips("5bffffffffffffffff"));
	assert_false(skips("1c"));
}

static void chunks_are_joined_in_the_scratch(void **state)
{
	uint8_t memory[8];
	struct arena scratch;
	struct cbor_reader r = reader_of_hex("7f657374726561646d696e67ff");
	struct cbor_item item;
	struct bytes text;
	bool full = false;
	(void)state;
	arena_init(&scratch, memory, sizeof memory);
	assert_true(cbor_next(&r, &item));
	assert_false(cbor_string(&r, &item, &scratch, &text, &full));
	assert_true(full);
	uint8_t room[16];
	arena_init(&scratch, room, sizeof room);
	r = reader_of_hex("7f657374726561646d696e67ff");
	assert_true(cbor_next(&r, &item) && cbor_string(&r, &item, &scratch, &text, &full));
	assert_true(bytes_equal_text(text, "streaming"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_those_of_the_rfc),
		cmocka_unit_test(doubles_have_their_shortest_exact_form),
		cmocka_unit_test(infinity_and_nan_are_halves),
		cmocka_unit_test(integers_write_and_read_the_same),
		cmocka_unit_test(strict_reading_takes_shortest_forms_only),
		cmocka_unit_test(a_failed_reader_stays_failed),
		cmocka_unit_test(whole_items_are_skipped),
		cmocka_unit_test(broken_items_are_not_skipped),
		cmocka_unit_test(chunks_are_joined_in_the_scratch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
