/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * LwM2M CBOR (lwm2m interface section 7.5): every way to cut a path, what is refused, and what is written. */
#include "mgmt/cbor_value.h"
#include "tests/mgmt/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t memory[512];
static struct arena scratch = {memory, 0, sizeof memory};

static void expect(const char *base, const char *hex, const char *records)
{
	uint8_t body[256];
	char text[SHOW_BYTES];
	struct bytes bytes = show_unhex(hex, body, sizeof body);
	if (decode(PAYLOAD_LWM2M_CBOR, base, bytes, &scratch, text) != PAYLOAD_GOOD)
		fail_msg("%s is refused", hex);
	assert_string_equal(text, records);
}

static void a_path_may_be_cut_anywhere(void **state)
{
	static const char *const same[] = {
		"a1830300091864",             /* {[3,0,9]: 100} */
		"a103a100a1091864",           /* {3: {0: {9: 100}}} */
		"a1820300a1091864",           /* {[3,0]: {9: 100}} */
		"a103a18200091864",           /* {3: {[0,9]: 100}} */
		"a18103a18100a181091864",     /* {[3]: {[0]: {[9]: 100}}} */
		"bf9f030009ff1864ff",         /* indefinite */
		"bf03bf00bf091864ffffff",     /* all of it */
		"a1831900031800190009190064", /* longer heads than need be */
	};
	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		expect("/3/0", same[i], "/3/0/9 i 100\n");
}

static void siblings_at_different_depths_keep_their_own_paths(void **state)
{
	(void)state;
	expect("/", "a2820300a206a200010105091864830100010a", /* {[3,0]: {6: {0:1, 1:5}, 9:100}, [1,0,1]: 10} */
		"/3/0/6/0 i 1\n/3/0/6/1 i 5\n/3/0/9 i 100\n/1/0/1 i 10\n");
	expect("/3", "a0", "");
	expect("/3", "a103a100a0", ""); /* an instance without resources */
}

/* Create leaves the instance id to the client, and Write may leave out what the path of the request says. */
static void short_paths_stand_below_the_request(void **state)
{
	(void)state;
	expect("/3/0", "a1091864", "/3/0/9 i 100\n");
	expect("/3/0", "a106a200010105", "/3/0/6/0 i 1\n/3/0/6/1 i 5\n");
	expect("/3/0/6", "a200010105", "/3/0/6/0 i 1\n/3/0/6/1 i 5\n");
	expect("/2", "a200010102", "/2/65535/0 i 1\n/2/65535/1 i 2\n");
}

static void a_multiple_resource_may_be_empty(void **state)
{
	(void)state;
	expect("/3/0", "a183030006a0", "/3/0/6 -\n");
	expect("/3/0", "bf83030006bfffff", "/3/0/6 -\n");
	expect("/3/0", "a183030006a100f6", "/3/0/6/0 -\n");
}

static void times_may_be_tagged(void **state)
{
	(void)state;
	expect("/3/0", "a18303000dc11a5182428f", "/3/0/13 t 1367491215\n");
	expect("/3/0", "a18303000dc074323031332d30352d30325431303a34303a31355a", "/3/0/13 t 1367491215\n");
}

static void what_breaks_the_rules_is_refused(void **state)
{
	static const struct {
		const char *base, *hex;
	} bad[] = {
		{"/", ""},                            /* 1: nothing */
		{"/", "80"},                          /* 2: no map on top */
		{"/", "01"},                          /* 3 */
		{"/", "a1830300091864ff"},            /* 4: more behind the end */
		{"/", "a2830300091864"},              /* 5: an entry short */
		{"/", "a1830300"},                    /* 6: a key short */
		{"/", "a183030009"},                  /* 7: no value */
		{"/", "a1801864"},                    /* 8: a key of no ids */
		{"/", "bf9fff1864ff"},                /* 9 */
		{"/", "a185030006000101"},            /* 10: five ids */
		{"/", "a18403000600a10001"},          /* 11: a map below a resource instance */
		{"/", "a1830319ffff0964"},            /* 12: id 65535 */
		{"/", "a1831a0001000300091864"},      /* 13: id 65539 */
		{"/", "a16139a1001864"},              /* 14: a text for a key */
		{"/", "a120a100a1091864"},            /* 15: a negative key */
		{"/", "a1091864"},                    /* 16: nothing to be below of */
		{"/", "a182030001"},                  /* 17: a value in the place of an instance */
		{"/3/0", "a1830100011864"},           /* 18: outside the request */
		{"/3/0", "a183030009f6"},             /* 19: null for a resource */
		{"/3/0", "a1830300098101"},           /* 20: an array is no value */
		{"/3/0", "a183030009c202"},           /* 21: nor is another tag */
		{"/3/0", "a18303000dc0c11a5182428f"}, /* 22: a tag in a tag */
		{"/3/0", "a1830300096164"},           /* 23: a string for an integer */
		{"/3/0", "a18303000061ff"},           /* 24: no UTF-8 */
		{"/3/0", "a1840300090001"},           /* 25: an instance of a single resource */
		{"/3/0", "bf830300091864"},           /* 26: no break */
		{"/3/0", "bf830300091864ffff"},       /* 27: two */
		{"/3/0", "bbffffffffffffffff"},       /* 28: 2^64 - 1 entries */
		{"/3/0", "a19bffffffffffffffff"},     /* 29: a key of 2^64 - 1 ids */
		{"/3/0/6/0", "a10001"},               /* 30: nothing is below a resource instance */
		{"/3", "a28303000901090a"},           /* 31: an absolute path and a relative one */
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint8_t body[64];
		char text[SHOW_BYTES];
		struct bytes bytes = show_unhex(bad[i].hex, body, sizeof body);
		if (decode(PAYLOAD_LWM2M_CBOR, bad[i].base, bytes, &scratch, text) != PAYLOAD_BAD)
			fail_msg("row %zu is not refused", i + 1);
	}
}

static void expect_written(const struct record *records, size_t count, const char *hex)
{
	uint8_t out[128], expected[128];
	struct writer w = writer_of(out, sizeof out);
	lwm2m_cbor_write(&w, records, count);
	struct bytes want = show_unhex(hex, expected, sizeof expected);
	assert_false(w.failed);
	assert_int_equal(writer_bytes(&w).len, want.len);
	assert_memory_equal(out, expected, want.len);
}

static void neighbours_share_what_their_paths_have_in_common(void **state)
{
	struct record records[] = {
		record_of(path_of_resource(1, 0, 1), value_integer(10)),
		record_of(path_of_resource(1, 2, 1), value_integer(11)),
		record_of(path_of_resource(3, 0, 6), value_none()),
		record_of(path_of_resource_instance(3, 0, 7, 4), value_integer(12)),
	};
	(void)state;
	expect_written(records, 0, "a0");
	expect_written(records, 1, "a1830100010a");
	expect_written(records, 2, "a101a28200010a8202010b");
	expect_written(records, 4, "a201a28200010a8202010b820300a206a007a1040c");
}

static void no_key_is_written_twice(void **state)
{
	struct record apart[] = {
		record_of(path_of_resource(3, 0, 9), value_integer(1)),
		record_of(path_of_resource(1, 0, 1), value_integer(2)),
		record_of(path_of_resource(3, 0, 10), value_integer(3)),
	};
	struct record nested[] = {
		record_of(path_of_resource(3, 0, 6), value_none()),
		record_of(path_of_resource_instance(3, 0, 6, 0), value_integer(1)),
	};
	(void)state;
	expect_written(apart, 3, "a3830300090183010001028303000a03");
	expect_written(nested, 2, "a283030006a0840300060001");
}

static void an_instance_without_an_id_is_left_to_the_client(void **state)
{
	struct record records[] = {
		record_of(path_of_resource(2, PATH_ID_NONE, 0), value_integer(1)),
		record_of(path_of_resource_instance(2, PATH_ID_NONE, 2, 7), value_integer(2)),
	};
	(void)state;
	expect_written(records, 2, "a2000102a10702");
}

static void a_full_scratch_is_told_apart_from_bad_bytes(void **state)
{
	uint8_t body[64];
	char text[SHOW_BYTES];
	struct arena small = {memory, 0, 4};
	struct bytes chunks = show_unhex("a1830300007f6361626363646566ff", body, sizeof body);
	(void)state;
	assert_int_equal(decode(PAYLOAD_LWM2M_CBOR, "/3/0", chunks, &small, text), PAYLOAD_FULL);
	assert_int_equal(decode(PAYLOAD_LWM2M_CBOR, "/3/0", chunks, &scratch, text), PAYLOAD_GOOD);
	assert_string_equal(text, "/3/0/0 s abcdef\n");
}

static void dates_are_those_of_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_time_s;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2013-05-02T10:40:15Z", 1367491215},
		{"1985-04-12T23:20:50.52Z", 482196050}, /* RFC 3339 section 5.8 */
		{"1996-12-19T16:39:57-08:00", 851042397},
		{"1990-12-31T23:59:60Z", 662688000},
		{"1937-01-01T12:00:27.87+00:20", -1041337173},
		{"2000-02-29t00:00:00z", 951782400},
		{"2100-03-01T00:00:00Z", 4107542400},
		{"0000-01-01T00:00:00Z", -62167219200},
		{"9999-12-31T23:59:59Z", 253402300799},
	};
	static const char *const bad[] = {"", "2013-05-02", "2013-13-02T10:40:15Z", "2013-00-02T10:40:15Z",
		"2013-02-29T10:40:15Z", "2100-02-29T00:00:00Z", "2013-05-32T10:40:15Z", "2013-05-00T10:40:15Z",
		"2013-05-02T24:40:15Z", "2013-05-02T10:60:15Z", "2013-05-02T10:40:61Z", "2013-05-02T10:40:15",
		"2013-05-02T10:40:15.Z", "2013-05-02T10:40:15Zx", "2013-05-02 10:40:15Z", "2013-05-02T10:40:15+0200",
		"2013-05-02T10:40:15+24:00", "x013-05-02T10:40:15Z"};
	int64_t unix_time_s;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(cbor_value_parse_date(bytes_of_text(good[i].text), &unix_time_s));
		assert_int_equal(unix_time_s, good[i].unix_time_s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (cbor_value_parse_date(bytes_of_text(bad[i]), &unix_time_s))
			fail_msg("%s is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_may_be_cut_anywhere),
		cmocka_unit_test(siblings_at_different_depths_keep_their_own_paths),
		cmocka_unit_test(short_paths_stand_below_the_request),
		cmocka_unit_test(a_multiple_resource_may_be_empty),
		cmocka_unit_test(times_may_be_tagged),
		cmocka_unit_test(what_breaks_the_rules_is_refused),
		cmocka_unit_test(neighbours_share_what_their_paths_have_in_common),
		cmocka_unit_test(no_key_is_written_twice),
		cmocka_unit_test(an_instance_without_an_id_is_left_to_the_client),
		cmocka_unit_test(a_full_scratch_is_told_apart_from_bad_bytes),
		cmocka_unit_test(dates_are_those_of_rfc_3339),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
