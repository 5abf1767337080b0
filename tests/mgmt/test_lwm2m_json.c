/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON of LwM2M 1.0 (lwm2m interface section 7.6), for reading only. */
#include "tests/mgmt/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t memory[512];
static struct arena scratch = {memory, 0, sizeof memory};

static void expect(const char *base, const char *json, const char *records)
{
	char text[SHOW_BYTES];
	if (decode(PAYLOAD_LWM2M_JSON, base, bytes_of_text(json), &scratch, text) != PAYLOAD_GOOD)
		fail_msg("%s is refused", json);
	assert_string_equal(text, records);
}

static void every_kind_of_value_is_read(void **state)
{
	(void)state;
	expect("/3/0",
		"{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"x\"},{\"n\":\"9\",\"v\":100},{\"n\":\"6/1\",\"v\":5},"
		"{\"n\":\"22/0\",\"ov\":\"66:0\"},{\"n\":\"13\",\"v\":1367491215}]}",
		"/3/0/0 s x\n/3/0/9 i 100\n/3/0/6/1 i 5\n/3/0/22/0 l 66:0\n/3/0/13 t 1367491215\n");
	expect("/1/0/6", "{\"bn\":\"/1/0/6\",\"e\":[{\"bv\":true}]}", "/1/0/6 b 1\n");
	expect("/6/0/0", "{\"bn\":\"/6/0/0\",\"e\":[{\"v\":-1.5e1}]}", "/6/0/0 f -15\n");
	expect("/0/0/5", "{\"bn\":\"/0/0/5\",\"e\":[{\"sv\":\"q80=\"}]}", "/0/0/5 o abcd\n");
	expect("/3/0", "{\"e\":[]}", "");
}

static void members_come_in_any_order(void **state)
{
	(void)state;
	expect("/3/0",
		" { \"e\" : [ { \"v\" : 1 , \"t\" : -60, \"x\" : [{}], \"n\" : \"9\" } ] , \"bt\" : 1700000000 , "
		"\"y\":{\"e\":[1]}, \"bn\" : \"/3/0/\" } ",
		"/3/0/9 @1699999940 i 1\n");
}

static void names_without_a_base_name_are_below_the_request(void **state)
{
	(void)state;
	expect("/3/0", "{\"e\":[{\"n\":\"9\",\"v\":1},{\"n\":\"6/0\",\"v\":2}]}", "/3/0/9 i 1\n/3/0/6/0 i 2\n");
	expect("/3/0/9", "{\"e\":[{\"v\":1}]}", "/3/0/9 i 1\n");
	expect("/3/0/9", "{\"e\":[{\"n\":\"\",\"v\":1}]}", "/3/0/9 i 1\n");
	expect("/3/0", "{\"e\":[{\"n\":\"/3/0/9\",\"v\":1}]}", "/3/0/9 i 1\n");
}

static void what_breaks_the_rules_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"bn\":\"/3/0/\"}",
		"{\"e\":{}}",
		"{\"e\":[]}x",
		"{\"e\":[]",
		"{\"e\":[1]}",
		"{\"e\":[{}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":1},]}",
		"{\"e\":[{\"n\":\"9\",\"v\":1,}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":1}{\"n\":\"10\",\"v\":1}]}",
		"{\"e\":[{\"n\":\"9\"}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":1,\"sv\":\"1\"}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":1,\"v\":2}]}",
		"{\"e\":[{\"n\":\"9\",\"n\":\"9\",\"v\":1}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":\"1\"}]}",
		"{\"e\":[{\"n\":\"9\",\"sv\":\"1\"}]}",
		"{\"e\":[{\"n\":\"9\",\"bv\":1}]}",
		"{\"e\":[{\"n\":\"9\",\"bv\":true}]}",
		"{\"e\":[{\"n\":\"x\",\"v\":1}]}",
		"{\"e\":[{\"n\":\"9\",\"v\":null}]}",
		"{\"e\":[{\"n\":\"0\",\"sv\":\"\xff\"}]}",
		"{\"bn\":\"/3/0/\",\"bn\":\"/3/0/\",\"e\":[]}",
		"{\"bt\":\"1\",\"e\":[]}",
		"{\"e\":[],\"e\":[]}",
		"{\"bn\":\"/1/0/\",\"e\":[{\"n\":\"1\",\"v\":1}]}",
		"{\"e\":[],\"x\":[[[[[[[[[]]]]]]]]]}",
		"{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"22/0\",\"ov\":\"66\"}]}",
	};
	char text[SHOW_BYTES];
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (decode(PAYLOAD_LWM2M_JSON, "/3/0", bytes_of_text(bad[i]), &scratch, text) != PAYLOAD_BAD)
			fail_msg("%s is not refused", bad[i]);
}

static void a_full_scratch_is_told_apart_from_bad_bytes(void **state)
{
	char text[SHOW_BYTES];
	struct arena small = {memory, 0, 4};
	struct bytes escaped = bytes_of_text("{\"e\":[{\"n\":\"0\",\"sv\":\"a \\\"long\\\" text\"}]}");
	struct bytes octets = bytes_of_text("{\"e\":[{\"n\":\"5\",\"sv\":\"AAAAAAAAAAAA\"}]}");
	(void)state;
	assert_int_equal(decode(PAYLOAD_LWM2M_JSON, "/3/0", escaped, &small, text), PAYLOAD_FULL);
	assert_int_equal(decode(PAYLOAD_LWM2M_JSON, "/0/0", octets, &small, text), PAYLOAD_FULL);
	assert_int_equal(decode(PAYLOAD_LWM2M_JSON, "/0/0", octets, &scratch, text), PAYLOAD_GOOD);
}

static void it_is_not_written(void **state)
{
	struct record record = record_of(path_of_resource(3, 0, 9), value_integer(1));
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof out);
	(void)state;
	assert_true(payload_can_read(PAYLOAD_LWM2M_JSON));
	assert_false(payload_can_write(PAYLOAD_LWM2M_JSON));
	assert_int_equal(payload_encode(PAYLOAD_LWM2M_JSON, PATH_ROOT, &record, 1, &w), PAYLOAD_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_read),
		cmocka_unit_test(members_come_in_any_order),
		cmocka_unit_test(names_without_a_base_name_are_below_the_request),
		cmocka_unit_test(what_breaks_the_rules_is_refused),
		cmocka_unit_test(a_full_scratch_is_told_apart_from_bad_bytes),
		cmocka_unit_test(it_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
