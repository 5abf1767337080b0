/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/values.h"

#include "tests/mgmt/show.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct values values;

/* What is read, one record a line behind the path; or the reason why not. */
static const char *read_text(const char *text, const uint16_t *instance)
{
	static char out[SHOW_BYTES];
	char reason[INTAKE_REASON_BYTES];
	struct writer w = writer_of(out, sizeof out - 1);
	json_t *body = json_loads(text, 0, NULL);
	assert_non_null(body);
	if (values_read(&values, &model_core, body, instance, reason)) {
		path_write(&w, values.path);
		write_u8(&w, '\n');
		for (size_t i = 0; i < values.count; i++)
			show_record(&w, &values.records[i]);
	} else {
		write_text(&w, reason);
	}
	*w.at = '\0';
	json_decref(body);
	return out;
}

static void json_becomes_what_the_definition_says(void **state)
{
	(void)state;
	assert_string_equal(read_text("{\"path\":\"/1/0/lifetime\",\"value\":300}", NULL), "/1/0/1\n/1/0/1 i 300\n");
	assert_string_equal(read_text("{\"path\":\"/5/0/0\",\"value\":\"q80=\"}", NULL), "/5/0/0\n/5/0/0 o abcd\n");
	assert_string_equal(read_text("{\"path\":\"/1/0/10\",\"value\":\"11:0\"}", NULL), "/1/0/10\n/1/0/10 l 11:0\n");
	assert_string_equal(read_text("{\"path\":\"/1/0/6\",\"value\":true}", NULL), "/1/0/6\n/1/0/6 b 1\n");
	/* What does not fit is left as it is; the errand is refused for it. */
	assert_string_equal(read_text("{\"path\":\"/1/0/1\",\"value\":\"x\"}", NULL), "/1/0/1\n/1/0/1 s x\n");
	assert_string_equal(read_text("{\"path\":\"/9999/0/1\",\"value\":2.5}", NULL), "/9999/0/1\n/9999/0/1 f 2.5\n");
}

static void texts_are_read_in_the_form_of_the_type(void **state)
{
	(void)state;
	assert_string_equal(read_text("{\"path\":\"/1/0/1\",\"text\":\"300\"}", NULL), "/1/0/1\n/1/0/1 i 300\n");
	assert_string_equal(read_text("{\"path\":\"/1/0/6\",\"text\":\"false\"}", NULL), "/1/0/6\n/1/0/6 b 0\n");
	assert_string_equal(read_text("{\"path\":\"/1/0/7\",\"text\":\"5\"}", NULL), "/1/0/7\n/1/0/7 s 5\n");
	assert_string_equal(read_text("{\"path\":\"/9999/0/1\",\"text\":\"5\"}", NULL), "/9999/0/1\n/9999/0/1 i 5\n");
	assert_string_equal(read_text("{\"path\":\"/9999/0/1\",\"text\":\"v5\"}", NULL), "/9999/0/1\n/9999/0/1 s v5\n");
}

static void several_values_lie_below_the_path_or_stand_for_themselves(void **state)
{
	uint16_t instance = 4;
	(void)state;
	assert_string_equal(read_text("{\"path\":\"/1/0\",\"values\":[{\"path\":\"lifetime\",\"value\":9},"
				      "{\"path\":\"/1/0/2\",\"value\":1}]}",
				    NULL),
		"/1/0\n/1/0/1 i 9\n/1/0/2 i 1\n");
	assert_string_equal(read_text("{\"values\":[{\"path\":\"/1/0/1\",\"value\":9}]}", NULL), "/\n/1/0/1 i 9\n");
	assert_string_equal(read_text("{\"path\":\"/2\",\"values\":[{\"path\":\"acl/1\",\"value\":7}]}", &instance),
		"/2\n/2/4/2/1 i 7\n");
}

static void what_cannot_be_meant_is_named(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"{\"path\":5,\"value\":1}", "path: a string"},
		{"{\"path\":\"/1/0/nothing\",\"value\":1}",
			"\"/1/0/nothing\" is no path, or has a name that nobody knows"},
		{"{\"path\":\"/1/0/1\"}", "a value is either \"value\" or \"text\""},
		{"{\"path\":\"/1/0/1\",\"value\":1,\"text\":\"1\"}", "a value is either \"value\" or \"text\""},
		{"{\"path\":\"/1/0/1\",\"value\":[1]}", "value: a string, a number or a boolean"},
		{"{\"path\":\"/1/0/1\",\"text\":1}", "text: a string"},
		{"{\"path\":\"/1/0\",\"values\":1}", "values: an array of {\"path\": ..., \"value\": ...}"},
		{"{\"path\":\"/1/0\",\"values\":[{\"value\":1}]}", "values[0]: a path is missing"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(read_text(rows[i].text, NULL), rows[i].reason);
}

static void too_many_values_are_refused(void **state)
{
	json_t *body = json_object(), *list = json_array();
	char reason[INTAKE_REASON_BYTES];
	(void)state;
	for (int i = 0; i <= VALUES_MAX; i++)
		json_array_append_new(list, json_pack("{s:s, s:i}", "path", "/1/0/1", "value", i));
	json_object_set_new(body, "values", list);
	assert_false(values_read(&values, &model_core, body, NULL, reason));
	assert_string_equal(reason, "more than 256 values");
	json_decref(body);
}

static void assert_view(struct record record, const char *expected)
{
	json_t *view = values_view(&model_core, &record);
	char *text = json_dumps(view, JSON_COMPACT | JSON_REAL_PRECISION(15));
	assert_string_equal(text, expected);
	free(text);
	json_decref(view);
}

static void records_are_shown_with_their_names_and_units(void **state)
{
	(void)state;
	assert_view(record_of(path_of_resource(3, 0, 9), value_integer(80)),
		"{\"path\":\"/3/0/9\",\"name\":\"device/0/"
		"battery-level\",\"type\":\"integer\",\"value\":80,\"units\":\"%\"}");
	assert_view(record_of(path_of_resource(9999, 0, 1), value_opaque(bytes_of("\xab\xcd", 2))),
		"{\"path\":\"/9999/0/1\",\"type\":\"opaque\",\"value\":\"q80=\"}");
	assert_view(record_of(path_of_resource(9999, 0, 1), value_float(0.1)),
		"{\"path\":\"/9999/0/1\",\"type\":\"float\",\"value\":0.1}");
	assert_view(record_of(path_of_resource(9999, 0, 1), value_float((double)INFINITY)),
		"{\"path\":\"/9999/0/1\",\"type\":\"float\",\"value\":null}");
	assert_view(record_of(path_of_resource(9999, 0, 1), value_string(bytes_of("\xff", 1))),
		"{\"path\":\"/9999/0/1\",\"type\":\"string\",\"value\":null}");
}

static void links_are_shown_with_their_attributes(void **state)
{
	json_t *links = values_view_links(&model_core, bytes_of_text("</3/0>;pmin=10,</3/0/9>;gt=50.5;dim=2"));
	char *text = json_dumps(links, JSON_COMPACT | JSON_REAL_PRECISION(15));
	(void)state;
	assert_string_equal(text, "[{\"path\":\"/3/0\",\"name\":\"device/0\",\"attributes\":{\"pmin\":10}},"
				  "{\"path\":\"/3/0/9\",\"name\":\"device/0/battery-level\","
				  "\"attributes\":{\"gt\":50.5,\"dim\":2}}]");
	free(text);
	json_decref(links);
	assert_null(values_view_links(&model_core, bytes_of_text("</3/0>,<x>")));
	assert_null(values_view_links(&model_core, bytes_of_text("no links")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_becomes_what_the_definition_says),
		cmocka_unit_test(texts_are_read_in_the_form_of_the_type),
		cmocka_unit_test(several_values_lie_below_the_path_or_stand_for_themselves),
		cmocka_unit_test(what_cannot_be_meant_is_named),
		cmocka_unit_test(too_many_values_are_refused),
		cmocka_unit_test(records_are_shown_with_their_names_and_units),
		cmocka_unit_test(links_are_shown_with_their_attributes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
