/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Base fields, times and units of SenML (RFC 8428 sections 4 and 5), in JSON and in CBOR. */
#include "tests/mgmt/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BOTH_MAX 8

static uint8_t memory[1024];
static struct arena scratch = {memory, 0, sizeof memory};

static size_t read_pack(uint32_t format, struct bytes body, struct record records[BOTH_MAX])
{
	struct payload_reader r;
	size_t n = 0;
	arena_reset(&scratch);
	payload_reader_init(&r, format, PATH_ROOT, body, &model_core, &scratch);
	while (n < BOTH_MAX && payload_next(&r, &records[n]))
		n++;
	return r.verdict == PAYLOAD_GOOD ? n : 0;
}

static size_t read_json(const char *json, struct record records[BOTH_MAX])
{
	return read_pack(PAYLOAD_SENML_JSON, bytes_of_text(json), records);
}

static size_t read_hex(const char *hex, struct record records[BOTH_MAX])
{
	static uint8_t body[256];
	return read_pack(PAYLOAD_SENML_CBOR, show_unhex(hex, body, sizeof body), records);
}

static void expect_number(const struct record *record, double expected)
{
	double number = 0;
	assert_true(value_number(&record->value, &number));
	assert_true(number >= expected && number <= expected);
}

static void expect_unit(const struct record *record, const char *expected)
{
	assert_true(bytes_equal_text(record->unit, expected));
}

/* RFC 8428 section 4.6: the resolved form of a pack has no base fields left. */
static void base_fields_hold_until_they_are_given_again(void **state)
{
	struct record r[BOTH_MAX];
	(void)state;
	assert_int_equal(read_json("[{\"bn\":\"/6/0/\",\"bt\":1700000000,\"bu\":\"m\",\"bv\":10,\"n\":\"2\",\"v\":1.5},"
				   "{\"n\":\"3\",\"u\":\"km\",\"v\":-0.5,\"t\":-5},"
				   "{\"bn\":\"/3/0/\",\"bu\":\"%\",\"bv\":-3,\"n\":\"9\",\"v\":100}]",
				 r),
		3);
	expect_number(&r[0], 11.5);
	expect_unit(&r[0], "m");
	assert_true(r[0].time_s >= 1.7e9 && r[0].time_s <= 1.7e9);
	expect_number(&r[1], 9.5);
	expect_unit(&r[1], "km");
	assert_true(r[1].time_s >= 1699999995 && r[1].time_s <= 1699999995);
	assert_int_equal(r[2].value.type, VALUE_INTEGER);
	assert_int_equal(r[2].value.integer, 97);
	expect_unit(&r[2], "%");
	assert_true(path_equal(r[2].path, path_of_resource(3, 0, 9)));
}

static void cbor_has_the_same_base_fields(void **state)
{
	struct record r[BOTH_MAX];
	(void)state;
	/* [{-2: "/6/0/", -4: "m", -5: 10, 0: "2", 2: 1.5}, {0: "3", 1: "km", 2: 1}] */
	assert_int_equal(read_hex("82a521652f362f302f23616d240a00613202f93e00a300613301626b6d0201", r), 2);
	expect_number(&r[0], 11.5);
	expect_unit(&r[0], "m");
	expect_number(&r[1], 11);
	expect_unit(&r[1], "km");
}

static void a_base_value_is_added_to_numbers_alone(void **state)
{
	struct record r[BOTH_MAX];
	(void)state;
	assert_int_equal(read_json("[{\"bv\":5,\"n\":\"/3/0/0\",\"vs\":\"x\"},{\"n\":\"/1/0/6\",\"vb\":true},"
				   "{\"n\":\"/66/0/1\",\"v\":0.25}]",
				 r),
		3);
	assert_true(bytes_equal_text(r[0].value.bytes, "x"));
	assert_true(r[1].value.boolean);
	expect_number(&r[2], 5.25);
}

static void whole_numbers_stay_whole_up_to_64_bits(void **state)
{
	struct record r[BOTH_MAX];
	(void)state;
	assert_int_equal(read_json("[{\"bv\":9007199254740993,\"n\":\"/66/0/1\",\"v\":2}]", r), 1);
	assert_int_equal(r[0].value.type, VALUE_INTEGER);
	assert_int_equal(r[0].value.integer, 9007199254740995);
	assert_int_equal(read_json("[{\"bv\":9223372036854775807,\"n\":\"/66/0/1\",\"v\":1}]", r), 1);
	assert_int_equal(r[0].value.type, VALUE_FLOAT);
}

static void base_fields_that_are_no_base_fields_are_refused(void **state)
{
	static const char *const bad[] = {
		"[{\"bv\":\"1\",\"n\":\"/3/0/9\",\"v\":1}]", "[{\"bv\":1,\"bv\":1,\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"bu\":1,\"n\":\"/3/0/9\",\"v\":1}]", "[{\"u\":\"%\",\"u\":\"%\",\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"u\":\"\xff\",\"n\":\"/3/0/9\",\"v\":1}]", "[{\"bt\":true,\"n\":\"/3/0/9\",\"v\":1}]",
		"[{\"bs\":1,\"n\":\"/3/0/9\",\"v\":1}]", "[{\"n\":\"/3/0/9\",\"v\":1,\"s\":1}]",
		"[{\"bv\":0.5,\"n\":\"/3/0/9\",\"v\":1}]", /* an integer of the model */
	};
	static const char *const bad_cbor[] = {
		"81a324613100662f332f302f390201", /* a base value of text */
		"81a3230100662f332f302f390201",   /* a base unit of a number */
		"81a30141ff00662f332f302f390201", /* a unit of bytes */
		"81a30161ff00662f332f302f390201", /* that is no UTF-8 */
		"81a3250100662f332f302f390201",   /* a base sum */
	};
	struct record r[BOTH_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (read_json(bad[i], r) != 0)
			fail_msg("%s is not refused", bad[i]);
	for (size_t i = 0; i < sizeof bad_cbor / sizeof bad_cbor[0]; i++)
		if (read_hex(bad_cbor[i], r) != 0)
			fail_msg("%s is not refused", bad_cbor[i]);
}

/* RFC 8428 section 4.5.3: from 2^28 on a time is absolute, below it is relative to now. */
static void times_are_absolute_or_relative_to_now(void **state)
{
	static const struct {
		const char *json;
		double unix_time_s;
	} rows[] = {
		{"[{\"n\":\"/3/0/9\",\"v\":1}]", 2000000000},
		{"[{\"n\":\"/3/0/9\",\"v\":1,\"t\":0}]", 2000000000},
		{"[{\"n\":\"/3/0/9\",\"v\":1,\"t\":-60}]", 1999999940},
		{"[{\"n\":\"/3/0/9\",\"v\":1,\"t\":60}]", 2000000060},
		{"[{\"n\":\"/3/0/9\",\"v\":1,\"t\":268435455}]", 2268435455},
		{"[{\"n\":\"/3/0/9\",\"v\":1,\"t\":268435456}]", 268435456},
		{"[{\"bt\":1700000000,\"n\":\"/3/0/9\",\"v\":1,\"t\":-60}]", 1699999940},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct record r[BOTH_MAX];
		assert_int_equal(read_json(rows[i].json, r), 1);
		double resolved = record_unix_time_s(&r[0], 2000000000);
		if (resolved < rows[i].unix_time_s || resolved > rows[i].unix_time_s)
			fail_msg("row %zu is at %f", i + 1, resolved);
	}
}

static void units_are_written_as_they_were_read(void **state)
{
	static const uint32_t formats[] = {PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR};
	struct record record = record_of(path_of_resource(6, 0, 2), value_float(1.5)), again[BOTH_MAX];
	record.unit = bytes_of_text("m");
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t out[64];
		struct writer w = writer_of(out, sizeof out);
		assert_int_equal(payload_encode(formats[i], PATH_ROOT, &record, 1, &w), PAYLOAD_GOOD);
		assert_int_equal(read_pack(formats[i], writer_bytes(&w), again), 1);
		expect_unit(&again[0], "m");
		expect_number(&again[0], 1.5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_fields_hold_until_they_are_given_again),
		cmocka_unit_test(cbor_has_the_same_base_fields),
		cmocka_unit_test(a_base_value_is_added_to_numbers_alone),
		cmocka_unit_test(whole_numbers_stay_whole_up_to_64_bits),
		cmocka_unit_test(base_fields_that_are_no_base_fields_are_refused),
		cmocka_unit_test(times_are_absolute_or_relative_to_now),
		cmocka_unit_test(units_are_written_as_they_were_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
