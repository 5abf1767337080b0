/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/extension_line.h"
#include "agent/extension_stream.h"
#include "extension_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint8_t room[16384];
static struct arena scratch;
static char text[EXTENSION_ASK_BYTES_MAX + 1];
static struct extension_line line;
static struct record records[4];
static size_t count;

static int fresh(void **state)
{
	(void)state;
	arena_init(&scratch, room, sizeof room);
	return 0;
}

static struct path path(const char *of)
{
	struct path ret;
	assert_true(path_parse(bytes_of_text(of), &ret));
	return ret;
}

/* ---- what is asked ---- */

static const char *written(struct extension_ask ask)
{
	struct writer w = writer_of(text, sizeof text - 1);
	ask.id = 7;
	assert_true(extension_line_write(&w, &ask));
	*w.at = '\0';
	return text;
}

static void questions_are_lines_that_a_shell_can_take_apart(void **state)
{
	(void)state;
	assert_string_equal(written((struct extension_ask){.op = EXTENSION_READ, .path = path("/26300/0/1")}),
		"{\"id\":7,\"op\":\"read\",\"path\":\"/26300/0/1\"}\n");
	assert_string_equal(written((struct extension_ask){.op = EXTENSION_EXECUTE, .path = path("/26300/0/4")}),
		"{\"id\":7,\"op\":\"execute\",\"path\":\"/26300/0/4\"}\n");
	assert_string_equal(
		written((struct extension_ask){
			.op = EXTENSION_EXECUTE, .path = path("/26300/0/4"), .arguments = bytes_of_text("0='a',1")}),
		"{\"id\":7,\"op\":\"execute\",\"path\":\"/26300/0/4\",\"arguments\":\"0='a',1\"}\n");
	assert_string_equal(written((struct extension_ask){.op = EXTENSION_DELETE, .path = path("/26301/3")}),
		"{\"id\":7,\"op\":\"delete\",\"path\":\"/26301/3\"}\n");
}

static void one_value_stands_alone_and_several_are_senml(void **state)
{
	const struct record one = record_of(path("/26300/0/2"), value_integer(18));
	const struct record two[] = {one, record_of(path("/26300/0/0"), value_string(bytes_of_text("a\"b")))};
	const struct record none = record_of(path("/26300/0/6/1"), value_none());
	(void)state;
	assert_string_equal(
		written((struct extension_ask){
			.op = EXTENSION_WRITE, .path = one.path, .is_replace = true, .records = &one, .count = 1}),
		"{\"id\":7,\"op\":\"write\",\"path\":\"/26300/0/2\",\"value\":18}\n");
	assert_string_equal(written((struct extension_ask){.op = EXTENSION_WRITE,
				    .path = path("/26300/0"),
				    .is_replace = true,
				    .records = two,
				    .count = 2}),
		"{\"id\":7,\"op\":\"write\",\"path\":\"/26300/0\",\"replace\":true,\"values\":"
		"[{\"n\":\"/26300/0/2\",\"v\":18},{\"n\":\"/26300/0/0\",\"vs\":\"a\\\"b\"}]}\n");
	assert_string_equal(
		written((struct extension_ask){.op = EXTENSION_WRITE, .path = none.path, .records = &none, .count = 1}),
		"{\"id\":7,\"op\":\"write\",\"path\":\"/26300/0/6/1\",\"value\":null}\n");
	assert_string_equal(written((struct extension_ask){.op = EXTENSION_CREATE, .path = path("/26301/3")}),
		"{\"id\":7,\"op\":\"create\",\"path\":\"/26301/3\",\"values\":[]}\n");
}

static void a_question_that_does_not_fit_is_not_asked(void **state)
{
	static uint8_t long_text[EXTENSION_ASK_BYTES_MAX];
	const struct record one = record_of(path("/26300/0/0"), value_string(bytes_of(long_text, sizeof long_text)));
	const struct extension_ask ask = {
		.id = 1, .op = EXTENSION_WRITE, .path = one.path, .records = &one, .count = 1};
	struct writer w = writer_of(text, sizeof text - 1);
	(void)state;
	memset(long_text, 'a', sizeof long_text);
	assert_false(extension_line_write(&w, &ask));
}

/* ---- what is answered ---- */

static bool parse(const char *of)
{
	return extension_line_parse(bytes_of_text(of), &scratch, &line);
}

static void answers_news_and_instances_are_told_apart(void **state)
{
	(void)state;
	assert_true(parse("{\"id\":3}"));
	assert_int_equal(line.kind, EXTENSION_LINE_ANSWER);
	assert_int_equal(line.id, 3);
	assert_int_equal(line.error, COAP_EMPTY);
	assert_true(parse(" { \"mood\" : {\"x\":[1,{}]} , \"notify\" : [] } "));
	assert_int_equal(line.kind, EXTENSION_LINE_NOTIFY);
	assert_true(parse("{\"instances\":[\"/26301/1\"]}"));
	assert_int_equal(line.kind, EXTENSION_LINE_INSTANCES);
}

static void errors_have_codes_and_reasons(void **state)
{
	static const struct {
		const char *line;
		enum coap_code code;
	} cases[] = {
		{"{\"id\":1,\"error\":\"bad-value\"}", COAP_BAD_REQUEST},
		{"{\"id\":1,\"error\":\"not-found\"}", COAP_NOT_FOUND},
		{"{\"id\":1,\"error\":\"not-allowed\"}", COAP_METHOD_NOT_ALLOWED},
		{"{\"id\":1,\"error\":\"busy\"}", COAP_SERVICE_UNAVAILABLE},
		{"{\"id\":1,\"error\":\"failed\"}", COAP_INTERNAL_SERVER_ERROR},
		{"{\"id\":1,\"error\":\"it broke\"}", COAP_INTERNAL_SERVER_ERROR},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(parse(cases[i].line));
		assert_int_equal(line.error, cases[i].code);
	}
	assert_true(parse("{\"reason\":\"warming\\nup\",\"id\":1,\"error\":\"busy\"}"));
	assert_true(bytes_equal_text(line.reason, "warming\nup"));
}

static void a_reason_is_cut_between_two_characters(void **state)
{
	char of[256] = "{\"id\":1,\"error\":\"x\",\"reason\":\"a";
	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(of, "\xc3\xa9");
	strcat(of, "\"}");
	assert_true(parse(of));
	assert_int_equal(line.reason.len, EXTENSION_REASON_MAX - 1);
}

static void what_is_no_line_of_the_protocol_is_refused(void **state)
{
	static const char *const cases[] = {"", "hello", "[]", "{}", "{\"id\":1", "{\"id\":1}x", "{\"id\":-1}",
		"{\"id\":\"1\"}", "{\"id\":4294967296}", "{\"id\":1.5}", "{\"id\":1,\"notify\":[]}",
		"{\"error\":\"busy\"}", "{\"id\":1,\"error\":4}", "{\"id\":1,}", "{\"notify\":[]",
		"{\"instances\":[],\"error\":\"busy\"}", "{\"id\":1,\"x\":[[[[[[[[[[1]]]]]]]]]]}"};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_false(parse(cases[i]));
}

/* ---- values ---- */

static bool values(const char *of, const char *asked)
{
	return parse(of) && extension_line_values(&line, asked[0] == '\0' ? PATH_ROOT : path(asked), &extension_model,
				    &scratch, records, 4, &count);
}

static void one_value_has_the_type_of_its_resource(void **state)
{
	(void)state;
	assert_true(values("{\"id\":1,\"value\":21}", "/26300/0/1"));
	assert_int_equal(count, 1);
	assert_int_equal(records[0].value.type, VALUE_FLOAT);
	assert_true(values("{\"id\":1,\"value\":\"hall\"}", "/26300/0/0"));
	assert_true(bytes_equal_text(records[0].value.bytes, "hall"));
	assert_true(values("{\"id\":1,\"value\":false}", "/26300/0/3"));
	assert_false(records[0].value.boolean);
	assert_true(values("{\"id\":1,\"value\":\"AQID\"}", "/26300/0/5"));
	assert_int_equal(records[0].value.bytes.len, 3);
	assert_true(values("{\"id\":1,\"value\":9}", "/26300/0/6/2"));
	assert_true(path_equal(records[0].path, path("/26300/0/6/2")));
	assert_true(values("{\"id\":1,\"value\":null}", "/26300/0/1"));
	assert_int_equal(count, 0);
	assert_true(values("{\"id\":1}", "/26300/0/1"));
	assert_int_equal(count, 0);
}

static void a_value_of_another_type_is_refused(void **state)
{
	static const char *const cases[][2] = {{"{\"id\":1,\"value\":\"21\"}", "/26300/0/1"},
		{"{\"id\":1,\"value\":true}", "/26300/0/2"}, {"{\"id\":1,\"value\":2.5}", "/26300/0/2"},
		{"{\"id\":1,\"value\":1}", "/26300/0/3"}, {"{\"id\":1,\"value\":[1]}", "/26300/0/6"},
		{"{\"id\":1,\"value\":\"&&\"}", "/26300/0/5"}, {"{\"id\":1,\"value\":1}", "/26300/0/99"},
		{"{\"id\":1,\"value\":1}", "/26300/0"}, {"{\"id\":1,\"value\":1}", "/26300/0/6"},
		{"{\"id\":1,\"value\":1,\"values\":[]}", "/26300/0/1"}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_false(values(cases[i][0], cases[i][1]));
}

static void several_values_are_a_senml_pack(void **state)
{
	(void)state;
	assert_true(
		values("{\"notify\":[{\"bn\":\"/26300/0/\",\"n\":\"1\",\"v\":20.5},{\"n\":\"3\",\"vb\":true}]}", ""));
	assert_int_equal(count, 2);
	assert_true(path_equal(records[1].path, path("/26300/0/3")));
	assert_false(values("{\"notify\":[{\"n\":\"/26300/0/1\",\"vs\":\"warm\"}]}", ""));
	assert_false(values("{\"notify\":[{\"n\":\"/26300/0/1\"}", ""));
	assert_false(values("{\"notify\":7}", ""));
	assert_false(values("{\"notify\":[{\"n\":\"/26300/0/6/0\",\"v\":1},{\"n\":\"/26300/0/6/1\",\"v\":1},"
			    "{\"n\":\"/26300/0/6/2\",\"v\":1},{\"n\":\"/26300/0/6/3\",\"v\":1},"
			    "{\"n\":\"/26300/0/6/4\",\"v\":1}]}",
		"")); /* more than there is room for */
}

static bool instances(const char *of, struct path *list)
{
	return parse(of) && extension_line_instances(&line, &scratch, list, 2, &count);
}

static void instances_are_paths_of_two_numbers(void **state)
{
	struct path list[2];
	(void)state;
	assert_true(instances("{\"instances\":[]}", list));
	assert_int_equal(count, 0);
	assert_true(instances("{\"instances\":[\"/26301/4\",\"/26301/2\"]}", list));
	assert_int_equal(count, 2);
	assert_true(path_equal(list[0], path("/26301/4")));
	assert_false(instances("{\"instances\":[\"/26301\"]}", list));
	assert_false(instances("{\"instances\":[\"/26301/1\",]}", list));
	assert_false(instances("{\"instances\":[1]}", list));
	assert_false(instances("{\"instances\":{}}", list));
	assert_false(instances("{\"instances\":[\"/26301/1\",\"/26301/2\",\"/26301/3\"]}", list));
}

/* ---- the stream ---- */

static struct extension_stream stream;

static void say(const char *what)
{
	size_t len;
	uint8_t *to = extension_stream_room(&stream, &len);
	assert_true(strlen(what) <= len);
	memcpy(to, what, strlen(what));
	extension_stream_add(&stream, strlen(what));
}

static void what_comes_in_pieces_becomes_lines(void **state)
{
	struct bytes got;
	(void)state;
	extension_stream_init(&stream);
	say("{\"id\"");
	assert_false(extension_stream_next(&stream, &got));
	say(":1}\n\nab");
	assert_true(extension_stream_next(&stream, &got));
	assert_true(bytes_equal_text(got, "{\"id\":1}"));
	assert_true(extension_stream_next(&stream, &got));
	assert_int_equal(got.len, 0);
	assert_false(extension_stream_next(&stream, &got));
	say("c\n");
	assert_true(extension_stream_next(&stream, &got));
	assert_true(bytes_equal_text(got, "abc"));
	assert_false(extension_stream_next(&stream, &got));
}

static void a_line_without_end_comes_in_pieces_that_are_too_long(void **state)
{
	struct bytes got;
	size_t len;
	(void)state;
	extension_stream_init(&stream);
	for (int i = 0; i < 3; i++) {
		memset(extension_stream_room(&stream, &len), 'x', EXTENSION_LINE_BYTES_MAX + 1);
		assert_int_equal(len, EXTENSION_LINE_BYTES_MAX + 1);
		extension_stream_add(&stream, len);
		assert_true(extension_stream_next(&stream, &got));
		assert_int_equal(got.len, EXTENSION_LINE_BYTES_MAX + 1);
		assert_false(extension_stream_next(&stream, &got));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(questions_are_lines_that_a_shell_can_take_apart),
		TEST(one_value_stands_alone_and_several_are_senml),
		TEST(a_question_that_does_not_fit_is_not_asked),
		TEST(answers_news_and_instances_are_told_apart),
		TEST(errors_have_codes_and_reasons),
		TEST(a_reason_is_cut_between_two_characters),
		TEST(what_is_no_line_of_the_protocol_is_refused),
		TEST(one_value_has_the_type_of_its_resource),
		TEST(a_value_of_another_type_is_refused),
		TEST(several_values_are_a_senml_pack),
		TEST(instances_are_paths_of_two_numbers),
		TEST(what_comes_in_pieces_becomes_lines),
		TEST(a_line_without_end_comes_in_pieces_that_are_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
