/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/http/intake.h"
#include "server/http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
	char reason[INTAKE_REASON_BYTES];
	json_t *value = intake_parse(bytes_of_text(text), reason);
	assert_non_null(value);
	return value;
}

static void a_rollout_is_read_in_full(void **state)
{
	struct intake_rollout r;
	char reason[INTAKE_REASON_BYTES];
	(void)state;
	json_t *body = parse("{\"release\":\"1.1\",\"selection\":{\"devices\":[\"a\",\"b\"]},\"waves\":[1,\"25%\",100],"
			     "\"max_failures\":\"10%\",\"timeouts\":{\"download_s\":60},\"delivery\":\"package\"}");
	assert_true(intake_rollout(body, &r, reason));
	assert_true(bytes_equal_text(r.release, "1.1"));
	assert_int_equal(r.selection.kind, SELECTION_NAMES);
	assert_int_equal(r.selection.name_count, 2);
	assert_true(bytes_equal_text(r.selection.names[1], "b"));
	assert_int_equal(r.plan.wave_count, 3);
	assert_true(r.plan.waves[1].is_percent);
	assert_int_equal(r.plan.waves[1].size, 25);
	assert_false(r.plan.waves[2].is_percent);
	assert_int_equal(r.plan.failures_allowed, 10);
	assert_true(r.plan.failures_in_percent);
	assert_int_equal(r.plan.download_s, 60);
	assert_int_equal(r.plan.delivery, ROLLOUT_DELIVERY_PACKAGE);
	intake_rollout_done(&r);
	json_decref(body);
}

static void what_is_not_said_is_the_default(void **state)
{
	struct intake_rollout r;
	char reason[INTAKE_REASON_BYTES];
	(void)state;
	json_t *body = parse("{\"release\":\"1.1\",\"selection\":{\"model\":\"m\"}}");
	assert_true(intake_rollout(body, &r, reason));
	assert_memory_equal(&r.plan, &rollout_plan_default, sizeof r.plan);
	assert_int_equal(r.selection.kind, SELECTION_MODEL);
	assert_true(bytes_equal_text(r.selection.text, "m"));
	json_decref(body);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *body, *names;
	} cases[] = {
		{"{}", "release"},
		{"{\"release\":1,\"selection\":{\"all\":true}}", "release"},
		{"{\"release\":\"1\"}", "selection"},
		{"{\"release\":\"1\",\"selection\":{}}", "selection"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true,\"tag\":\"x\"}}", "selection"},
		{"{\"release\":\"1\",\"selection\":{\"color\":\"red\"}}", "color"},
		{"{\"release\":\"1\",\"selection\":{\"all\":false}}", "selection.all"},
		{"{\"release\":\"1\",\"selection\":{\"tag\":\"\"}}", "selection.tag"},
		{"{\"release\":\"1\",\"selection\":{\"devices\":[]}}", "selection.devices"},
		{"{\"release\":\"1\",\"selection\":{\"devices\":[\"a\",2]}}", "selection.devices[1]"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"waves\":3}", "waves"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"waves\":[1,0]}", "waves[1]"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"waves\":[\"101%\"]}", "waves[0]"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"waves\":[1.5]}", "waves[0]"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"waves\":[1,1,1,1,1,1,1,1,1]}", "waves"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"max_failures\":-1}", "max_failures"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"delivery\":\"mail\"}", "delivery"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"delivery\":1}", "delivery"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"max_failures\":4294967296}", "max_failures"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"timeouts\":{\"wait_s\":0}}", "timeouts.wait_s"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"timeouts\":{\"nap_s\":1}}", "nap_s"},
		{"{\"release\":\"1\",\"selection\":{\"devices\":[\"a\"]},\"waves\":[0]}", "waves[0]"},
		{"{\"release\":\"1\",\"selection\":{\"all\":true},\"extra\":1}", "extra"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct intake_rollout r;
		char reason[INTAKE_REASON_BYTES] = "";
		json_t *body = parse(cases[i].body);
		if (intake_rollout(body, &r, reason) || strstr(reason, cases[i].names) == NULL)
			fail_msg("%s: %s", cases[i].body, reason);
		json_decref(body);
	}
}

static void tags_are_words_that_fit(void **state)
{
	static const struct {
		const char *body, *tags; /* NULL: refused */
	} cases[] = {
		{"{\"tags\":[]}", ""},
		{"{\"tags\":[\"a\",\"b-2\"]}", "a b-2"},
		{"{\"tags\":[\"a b\"]}", NULL},
		{"{\"tags\":[\"\"]}", NULL},
		{"{\"tags\":\"a\"}", NULL},
		{"{}", NULL},
		{"{\"tags\":[\"12345678901234567890123\",\"12345678901234567890123\"]}",
			"12345678901234567890123 12345678901234567890123"},
		{"{\"tags\":[\"12345678901234567890123\",\"123456789012345678901234\"]}", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char tags[DEVICE_TAGS_MAX + 1], reason[INTAKE_REASON_BYTES];
		json_t *body = parse(cases[i].body);
		assert_int_equal(intake_tags(body, tags, reason), cases[i].tags != NULL);
		if (cases[i].tags != NULL)
			assert_string_equal(tags, cases[i].tags);
		json_decref(body);
	}
}

static void bad_json_is_told_by_line_and_column(void **state)
{
	char reason[INTAKE_REASON_BYTES];
	(void)state;
	assert_null(intake_parse(bytes_of_text("{\n  \"a\": 1,\n}"), reason));
	assert_non_null(strstr(reason, "line 3"));
	assert_null(intake_parse(bytes_of_text("{\"a\":1,\"a\":2}"), reason));
	assert_null(intake_parse(bytes_of_text("{} x"), reason));
	assert_null(intake_parse(bytes_of_text("\"text\""), reason));
	assert_null(intake_parse(BYTES_NONE, reason));
	assert_null(intake_parse(bytes_of_text("{\"a\":\"\xff\"}"), reason));
}

/* WHATWG HTML section 9.2.6. */
static void an_event_is_written_line_by_line(void **state)
{
	char text[64];
	(void)state;
	size_t len = stream_write_event(text, sizeof text, 7, "health", "{}");
	assert_int_equal(len, 30);
	assert_memory_equal(text, "id: 7\nevent: health\ndata: {}\n\n", 30);
	assert_int_equal(stream_write_event(text, sizeof text, 0, NULL, "x"), 9);
	assert_memory_equal(text, "data: x\n\n", 9);
	assert_int_equal(stream_write_event(text, 8, 0, NULL, "x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rollout_is_read_in_full),
		cmocka_unit_test(what_is_not_said_is_the_default),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(tags_are_words_that_fit),
		cmocka_unit_test(bad_json_is_told_by_line_and_column),
		cmocka_unit_test(an_event_is_written_line_by_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
