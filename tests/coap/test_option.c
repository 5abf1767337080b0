/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/option.h"
#include "coap/base/prng.h"
#include "tests/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct bytes written(const struct coap_options *o, void *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	coap_options_write(&w, o);
	assert_false(w.failed);
	return writer_bytes(&w);
}

static void assert_written(const struct coap_options *o, const char *hex)
{
	uint8_t wire[1024], expected[1024];
	struct bytes is = written(o, wire, sizeof wire), should = from_hex(hex, expected, sizeof expected);
	assert_int_equal(is.len, should.len);
	assert_memory_equal(is.data, should.data, should.len);
}

/* ---- definitions ---- */

/* RFC 7252 section 5.10, table 4: number, C, U, N, R, length; and the registrations since. */
static void options_are_defined_as_in_the_registry(void **state)
{
	(void)state;
	static const struct {
		uint16_t number;
		const char *properties, *name;
		uint16_t min, max;
	} rows[] = {
		{1, "C  R", "If-Match", 0, 8},
		{3, "CU  ", "Uri-Host", 1, 255},
		{4, "   R", "ETag", 1, 8},
		{5, "C   ", "If-None-Match", 0, 0},
		{6, " U  ", "Observe", 0, 3},
		{7, "CU  ", "Uri-Port", 0, 2},
		{8, "   R", "Location-Path", 0, 255},
		{9, "C   ", "OSCORE", 0, 255},
		{11, "CU R", "Uri-Path", 0, 255},
		{12, "    ", "Content-Format", 0, 2},
		{14, " U  ", "Max-Age", 0, 4},
		{15, "CU R", "Uri-Query", 0, 255},
		{16, "    ", "Hop-Limit", 0, 4},
		{17, "C   ", "Accept", 0, 2},
		{19, "CU  ", "Q-Block1", 0, 3},
		{20, "   R", "Location-Query", 0, 255},
		{21, "C   ", "EDHOC", 0, 0},
		{23, "CU  ", "Block2", 0, 3},
		{27, "CU  ", "Block1", 0, 3},
		{28, "  N ", "Size2", 0, 4},
		{31, "CU R", "Q-Block2", 0, 3},
		{35, "CU  ", "Proxy-Uri", 1, 1034},
		{39, "CU  ", "Proxy-Scheme", 1, 255},
		{60, "  N ", "Size1", 0, 4},
		{252, "  N ", "Echo", 1, 40},
		{258, " U  ", "No-Response", 0, 1},
		{292, "   R", "Request-Tag", 0, 8},
	};
	size_t defined = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct coap_option_definition *d = coap_option_definition(rows[i].number);
		assert_non_null(d);
		assert_string_equal(d->name, rows[i].name);
		assert_int_equal(d->number, rows[i].number);
		assert_int_equal(coap_option_is_critical(d->number), rows[i].properties[0] == 'C');
		assert_int_equal(coap_option_is_unsafe(d->number), rows[i].properties[1] == 'U');
		assert_int_equal(!coap_option_is_unsafe(d->number) && coap_option_is_no_cache_key(d->number),
			rows[i].properties[2] == 'N');
		assert_int_equal(d->is_repeatable, rows[i].properties[3] == 'R');
		assert_int_equal(d->min_bytes, rows[i].min);
		assert_int_equal(d->max_bytes, rows[i].max);
	}
	for (unsigned number = 0; number <= UINT16_MAX; number++)
		defined += coap_option_definition((uint16_t)number) != NULL;
	assert_int_equal(defined, sizeof rows / sizeof rows[0]);
}

/* ---- uint values (RFC 7252 section 3.2) ---- */

static void numbers_take_the_fewest_bytes(void **state)
{
	(void)state;
	static const struct {
		uint32_t value;
		const char *hex;
	} rows[] = {{0, ""}, {1, "01"}, {255, "ff"}, {256, "0100"}, {65535, "ffff"}, {65536, "010000"}, {11542, "2d16"},
		{0xffffff, "ffffff"}, {0x1000000, "01000000"}, {UINT32_MAX, "ffffffff"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t out[4], expected[4];
		uint32_t again;
		struct bytes should = from_hex(rows[i].hex, expected, sizeof expected);
		size_t len = coap_option_encode_uint(rows[i].value, out);
		assert_true(bytes_equal(bytes_of(out, len), should));
		assert_true(coap_option_decode_uint(bytes_of(out, len), &again));
		assert_int_equal(again, rows[i].value);
	}
}

static void leading_zeros_are_accepted_and_more_than_32_bits_are_not(void **state)
{
	(void)state;
	uint8_t buffer[16];
	uint32_t value = 7;
	assert_true(coap_option_decode_uint(from_hex("0000", buffer, sizeof buffer), &value) && value == 0);
	assert_true(coap_option_decode_uint(from_hex("000000003c", buffer, sizeof buffer), &value) && value == 60);
	assert_true(
		coap_option_decode_uint(from_hex("00ffffffff", buffer, sizeof buffer), &value) && value == UINT32_MAX);
	value = 7;
	assert_false(coap_option_decode_uint(from_hex("0100000000", buffer, sizeof buffer), &value));
	assert_int_equal(value, 7);
}

/* ---- the wire (RFC 7252 section 3.1) ---- */

static void single_options_have_the_worked_bytes(void **state)
{
	(void)state;
	struct coap_options o = {0};
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, "rd");
	coap_options_add_uint(&o, COAP_OPTION_ACCEPT, 11542);
	assert_written(&o, "b2 72 64 62 2d 16");
	coap_options_clear(&o);
	coap_options_add(&o, COAP_OPTION_REQUEST_TAG, bytes_of("\x01", 1));
	assert_written(&o, "e1 00 17 01");
	coap_options_clear(&o);
	coap_options_add(&o, COAP_OPTION_ECHO, bytes_of("\0\0\0\0\0\0\0\0", 8));
	assert_written(&o, "d8 ef 00 00 00 00 00 00 00 00");
	coap_options_clear(&o);
	coap_options_add_uint(&o, COAP_OPTION_NO_RESPONSE, 26);
	assert_written(&o, "d1 f5 1a");
}

/* Every boundary of the two nibbles: 12/13, 268/269, and the largest that there is. */
static void deltas_and_lengths_of_every_size_read_back(void **state)
{
	(void)state;
	static const uint32_t edges[] = {0, 1, 12, 13, 14, 268, 269, 270, 1000, 65534, 65535};
	static uint8_t value[65535], wire[65535 + 16];
	for (size_t d = 0; d < sizeof edges / sizeof edges[0]; d++)
		for (size_t l = 0; l < sizeof edges / sizeof edges[0]; l++) {
			struct writer w = writer_of(wire, sizeof wire);
			struct coap_option option = {0, BYTES_NONE};
			coap_option_write(&w, 0, (uint16_t)edges[d], bytes_of(value, edges[l]));
			assert_false(w.failed);
			struct reader r = reader_of(writer_bytes(&w));
			assert_int_equal(coap_option_read(&r, &option), COAP_OPTION_STEP_OPTION);
			assert_int_equal(option.number, edges[d]);
			assert_int_equal(option.value.len, edges[l]);
			assert_int_equal(coap_option_read(&r, &option), COAP_OPTION_STEP_END);
		}
}

/* In place where it can be, else in the general form: always the same bytes, and nothing where there is no room. */
static void a_number_is_written_as_its_shortest_bytes_would_be(void **state)
{
	static const uint32_t values[] = {0, 1, 255, 256, 65535, 65536, 0xffffff, 0x1000000, UINT32_MAX};
	static const uint16_t steps[] = {0, 1, 12, 13, 300};
	(void)state;
	for (size_t v = 0; v < sizeof values / sizeof values[0]; v++)
		for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
			for (size_t room = 0; room < 12; room++) {
				uint8_t one[12], two[12], shortest[4];
				struct writer a = writer_of(one, room), b = writer_of(two, room);
				size_t len = coap_option_encode_uint(values[v], shortest);
				coap_option_write_uint(&a, 7, (uint16_t)(7 + steps[k]), values[v]);
				coap_option_write(&b, 7, (uint16_t)(7 + steps[k]), bytes_of(shortest, len));
				assert_int_equal(a.failed, b.failed);
				if (!a.failed)
					assert_true(bytes_equal(writer_bytes(&a), writer_bytes(&b)));
			}
}

static void a_value_longer_than_any_datagram_is_not_written(void **state)
{
	(void)state;
	static uint8_t value[COAP_OPTION_VALUE_MAX_BYTES + 1], wire[sizeof value + 16];
	struct writer w = writer_of(wire, sizeof wire);
	struct coap_options o = {0};
	coap_option_write(&w, 0, 1, bytes_of(value, sizeof value));
	assert_true(w.failed);
	coap_options_add(&o, 1, bytes_of(value, sizeof value));
	assert_true(o.failed);
	assert_int_equal(o.count, 0);
}

/* What the table says must be what step after step says. */
static void assert_table_agrees(struct bytes wire)
{
	struct coap_option table[8], option = {0, BYTES_NONE};
	struct bytes payload = BYTES_NONE;
	uint8_t count = 0;
	enum coap_option_step all = coap_option_read_all(wire, table, 8, &count, &payload);
	struct reader r = reader_of(wire);
	enum coap_option_step step = coap_option_read(&r, &option);
	for (unsigned i = 0; step == COAP_OPTION_STEP_OPTION; i++) {
		if (all != COAP_OPTION_STEP_MALFORMED) {
			assert_in_range(i, 0, count - 1);
			assert_int_equal(table[i].number, option.number);
			assert_true(bytes_equal(table[i].value, option.value));
		}
		step = coap_option_read(&r, &option);
	}
	assert_int_equal(all, step);
	if (step == COAP_OPTION_STEP_PAYLOAD)
		assert_int_equal(payload.len, reader_left(&r));
}

static enum coap_option_step last_step(const char *hex)
{
	uint8_t buffer[64];
	struct bytes wire = exact_copy(from_hex(hex, buffer, sizeof buffer));
	struct reader r = reader_of(wire);
	struct coap_option option = {0, BYTES_NONE};
	enum coap_option_step step;
	do
		step = coap_option_read(&r, &option);
	while (step == COAP_OPTION_STEP_OPTION);
	assert_table_agrees(wire);
	free((void *)wire.data);
	return step;
}

static void broken_options_are_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"f0", "f1 00", "0f", "1f 00", "ef 00 00 00",                      /* reserved nibbles */
		"d0", "e0", "e0 00", "0d", "0e", "0e 00", "dd 00", "ee 00 00 00", /* extended bytes are missing */
		"01", "0d 00 'twelvebytes'", "0e ff ff 00",                       /* the value is missing */
		"e0 fe f3", "10 e0 fe f2", "e0 ff ff", "e0 fe f2 10", "e0 80 00 e0 80 00", /* the number passes 65535 */
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (last_step(bad[i]) != COAP_OPTION_STEP_MALFORMED)
			fail_msg("%s is accepted", bad[i]);
	assert_int_equal(last_step(""), COAP_OPTION_STEP_END);
	assert_int_equal(last_step("ff"), COAP_OPTION_STEP_PAYLOAD);
	assert_int_equal(last_step("b1 'a' 01 'b' ff 'payload'"), COAP_OPTION_STEP_PAYLOAD);
	assert_int_equal(last_step("b1 'a' dd 00 00 'thirteenbytes' e0 00 00"), COAP_OPTION_STEP_END);
	assert_int_equal(last_step("e0 fe f2 00"), COAP_OPTION_STEP_END); /* 65535, twice */
	assert_int_equal(last_step("0d 00 'thirteen byte'"), COAP_OPTION_STEP_END);
}

/* ---- the list ---- */

static void options_are_written_in_order_however_they_were_added(void **state)
{
	(void)state;
	struct coap_options o = {0};
	coap_options_add_uint(&o, COAP_OPTION_ACCEPT, 60);
	coap_options_add_text(&o, COAP_OPTION_URI_QUERY, "b=2");
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, "x");
	coap_options_add_text(&o, COAP_OPTION_URI_QUERY, "a=1");
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, "y");
	coap_options_add_uint(&o, COAP_OPTION_OBSERVE, 0);
	assert_written(&o, "60 51 'x' 01 'y' 43 'b=2' 03 'a=1' 21 3c");
}

static void random_lists_are_sorted_and_stable(void **state)
{
	(void)state;
	struct prng p;
	prng_init_number(&p, 77);
	for (int turn = 0; turn < 1000; turn++) {
		struct coap_options o = {0};
		uint32_t count = prng_below(&p, COAP_OPTIONS_MAX + 1);
		for (uint32_t i = 0; i < count; i++)
			coap_options_add_uint(&o, (uint16_t)prng_below(&p, 6), i);
		assert_int_equal(o.count, count);
		for (unsigned i = 1; i < count; i++) {
			struct coap_option before = coap_options_at(&o, i - 1), option = coap_options_at(&o, i);
			uint32_t a, b;
			assert_true(
				coap_option_decode_uint(before.value, &a) && coap_option_decode_uint(option.value, &b));
			assert_true(before.number < option.number || (before.number == option.number && a < b));
		}
	}
}

static void short_values_are_kept_and_survive_a_copy_of_the_list(void **state)
{
	(void)state;
	uint8_t etag[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct coap_options o = {0}, copy;
	struct bytes value;
	coap_options_add(&o, COAP_OPTION_ETAG, bytes_of(etag, sizeof etag));
	memset(etag, 0xee, sizeof etag);
	copy = o;
	memset(&o, 0xdd, sizeof o);
	assert_true(coap_options_find(&copy, COAP_OPTION_ETAG, &value));
	assert_memory_equal(value.data, "\1\2\3\4\5\6\7\10", 8);
}

static void long_values_are_borrowed(void **state)
{
	(void)state;
	static const char nine[] = "ninebytes";
	struct coap_options o = {0};
	struct bytes value;
	coap_options_add_text(&o, COAP_OPTION_URI_PATH, nine);
	assert_true(coap_options_find(&o, COAP_OPTION_URI_PATH, &value));
	assert_ptr_equal(value.data, nine);
	assert_int_equal(value.len, 9);
}

static void a_full_list_fails_for_good(void **state)
{
	(void)state;
	uint8_t wire[256];
	struct coap_options o = {0};
	for (int i = 0; i < COAP_OPTIONS_MAX; i++)
		coap_options_add_uint(&o, COAP_OPTION_URI_PATH, 1);
	assert_false(o.failed);
	coap_options_add_uint(&o, COAP_OPTION_IF_MATCH, 1);
	assert_true(o.failed);
	assert_int_equal(o.count, COAP_OPTIONS_MAX);
	coap_options_remove(&o, COAP_OPTION_URI_PATH);
	coap_options_add_uint(&o, COAP_OPTION_IF_MATCH, 1);
	assert_int_equal(o.count, 0);
	struct writer w = writer_of(wire, sizeof wire);
	coap_options_write(&w, &o);
	assert_true(w.failed);
	coap_options_clear(&o);
	coap_options_add_uint(&o, COAP_OPTION_IF_MATCH, 1);
	assert_written(&o, "11 01");
}

static void paths_are_split_at_slashes(void **state)
{
	(void)state;
	static const struct {
		const char *path, *hex;
	} rows[] = {
		{"", ""},
		{"/", ""},
		{"/a", "b1 'a'"},
		{"a", "b1 'a'"},
		{"/a/bc", "b1 'a' 02 'bc'"},
		{"a/b/", "b1 'a' 01 'b' 00"},
		{"//", "b0 00"},
		{"/a//b", "b1 'a' 00 01 'b'"},
		{"/.well-known/core", "bb '.well-known' 04 'core'"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_options o = {0};
		coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text(rows[i].path));
		assert_written(&o, rows[i].hex);
	}
}

static void queries_are_split_at_ampersands(void **state)
{
	(void)state;
	struct coap_options o = {0};
	coap_options_add_query(&o, COAP_OPTION_URI_QUERY, BYTES_NONE);
	assert_int_equal(o.count, 0);
	coap_options_add_query(&o, COAP_OPTION_URI_QUERY, bytes_of_text("ep=x&lt=60&b"));
	assert_written(&o, "d4 02 'ep=x' 05 'lt=60' 01 'b'");
}

static void options_are_removed_and_replaced_by_number(void **state)
{
	(void)state;
	struct coap_options o = {0};
	struct bytes value;
	coap_options_add_path(&o, COAP_OPTION_URI_PATH, bytes_of_text("a/b/c"));
	coap_options_add_uint(&o, COAP_OPTION_BLOCK2, 0x0e);
	coap_options_set_uint(&o, COAP_OPTION_BLOCK2, 0x1e);
	coap_options_set(&o, COAP_OPTION_ETAG, bytes_of("e", 1));
	assert_true(coap_options_remove_last(&o, COAP_OPTION_URI_PATH));
	assert_written(&o, "41 'e' 71 'a' 01 'b' c1 1e");
	coap_options_remove(&o, COAP_OPTION_URI_PATH);
	assert_written(&o, "41 'e' d1 06 1e");
	assert_false(coap_options_remove_last(&o, COAP_OPTION_URI_PATH));
	assert_false(coap_options_find(&o, COAP_OPTION_URI_PATH, &value));
}

static void every_writer_stops_at_its_capacity(void **state)
{
	(void)state;
	struct coap_options o = {0};
	uint8_t whole[400];
	static const char text[300] = {0};
	coap_options_add(&o, COAP_OPTION_URI_PATH, bytes_of(text, sizeof text));
	coap_options_add_uint(&o, COAP_OPTION_SIZE1, 70000);
	size_t needed = written(&o, whole, sizeof whole).len;
	for (size_t capacity = 0; capacity < needed; capacity++) {
		struct writer w = writer_of(whole, capacity);
		whole[capacity] = 0xee;
		coap_options_write(&w, &o);
		assert_true(w.failed);
		assert_int_equal(whole[capacity], 0xee);
	}
}

static void sets_of_numbers_are_chained(void **state)
{
	(void)state;
	static const uint16_t endpoint[] = {COAP_OPTION_URI_PATH, COAP_OPTION_ACCEPT},
			      resource[] = {COAP_OPTION_IF_MATCH};
	const struct coap_option_set base = {endpoint, 2, NULL}, both = {resource, 1, &base};
	assert_true(coap_option_set_has(&both, COAP_OPTION_IF_MATCH));
	assert_true(coap_option_set_has(&both, COAP_OPTION_ACCEPT));
	assert_false(coap_option_set_has(&base, COAP_OPTION_IF_MATCH));
	assert_false(coap_option_set_has(&both, COAP_OPTION_ETAG));
	assert_false(coap_option_set_has(NULL, COAP_OPTION_ETAG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_defined_as_in_the_registry),
		cmocka_unit_test(numbers_take_the_fewest_bytes),
		cmocka_unit_test(leading_zeros_are_accepted_and_more_than_32_bits_are_not),
		cmocka_unit_test(single_options_have_the_worked_bytes),
		cmocka_unit_test(deltas_and_lengths_of_every_size_read_back),
		cmocka_unit_test(a_number_is_written_as_its_shortest_bytes_would_be),
		cmocka_unit_test(a_value_longer_than_any_datagram_is_not_written),
		cmocka_unit_test(broken_options_are_malformed),
		cmocka_unit_test(options_are_written_in_order_however_they_were_added),
		cmocka_unit_test(random_lists_are_sorted_and_stable),
		cmocka_unit_test(short_values_are_kept_and_survive_a_copy_of_the_list),
		cmocka_unit_test(long_values_are_borrowed),
		cmocka_unit_test(a_full_list_fails_for_good),
		cmocka_unit_test(paths_are_split_at_slashes),
		cmocka_unit_test(queries_are_split_at_ampersands),
		cmocka_unit_test(options_are_removed_and_replaced_by_number),
		cmocka_unit_test(every_writer_stops_at_its_capacity),
		cmocka_unit_test(sets_of_numbers_are_chained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
