/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/errand.h"

#include "mgmt/payload.h"
#include "tests/mgmt/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct path path_of(const char *text)
{
	struct path path;
	if (!path_parse(bytes_of_text(text), &path))
		fail_msg("%s is no path", text);
	return path;
}

static struct record record_at(const char *path, struct value value)
{
	return record_of(path_of(path), value);
}

/* ---- checking ---- */

static enum errand_verdict check(enum errand_kind kind, const char *path, const char *text)
{
	struct path culprit;
	struct errand errand = {.kind = kind, .path = path_of(path), .text = bytes_of_text(text)};
	return errand_check(&errand, &model_core, &culprit);
}

static void each_operation_has_its_paths(void **state)
{
	static const struct {
		enum errand_kind kind;
		const char *path, *text;
		enum errand_verdict expected;
	} rows[] = {
		{ERRAND_READ, "/", "", ERRAND_BAD_PATH},                          /* 1 */
		{ERRAND_READ, "/3", "", ERRAND_GOOD},                             /* 2 */
		{ERRAND_READ, "/3/0/6/1", "", ERRAND_GOOD},                       /* 3 */
		{ERRAND_READ, "/3/0/4", "", ERRAND_NOT_READABLE},                 /* 4 */
		{ERRAND_READ, "/9999/0/4", "", ERRAND_GOOD},                      /* 5: nobody knows */
		{ERRAND_DISCOVER, "/3/0/6/1", "", ERRAND_BAD_PATH},               /* 6 */
		{ERRAND_DISCOVER, "/3", "depth=3", ERRAND_GOOD},                  /* 7 */
		{ERRAND_DISCOVER, "/3", "depth=4", ERRAND_BAD_TEXT},              /* 8 */
		{ERRAND_EXECUTE, "/3/0", "", ERRAND_BAD_PATH},                    /* 9 */
		{ERRAND_EXECUTE, "/3/0/4", "1='a'", ERRAND_GOOD},                 /* 10 */
		{ERRAND_EXECUTE, "/3/0/4", "a", ERRAND_BAD_TEXT},                 /* 11 */
		{ERRAND_EXECUTE, "/3/0/9", "", ERRAND_NOT_EXECUTABLE},            /* 12 */
		{ERRAND_DELETE, "/3303/1", "", ERRAND_GOOD},                      /* 13 */
		{ERRAND_DELETE, "/3303/1/5700", "", ERRAND_BAD_PATH},             /* 14 */
		{ERRAND_DELETE, "/3/0/6/1", "", ERRAND_GOOD},                     /* 15: since LwM2M 1.2 */
		{ERRAND_ATTRIBUTES, "/3/0/9", "pmin=5&gt=30&lt", ERRAND_GOOD},    /* 16 */
		{ERRAND_ATTRIBUTES, "/3/0/9", "", ERRAND_BAD_TEXT},               /* 17 */
		{ERRAND_ATTRIBUTES, "/3/0/0", "gt=30", ERRAND_BAD_TEXT},          /* 18: a string has no limits */
		{ERRAND_ATTRIBUTES, "/3/0", "gt=30", ERRAND_BAD_TEXT},            /* 19 */
		{ERRAND_ATTRIBUTES, "/3303/0/5700", "gt=30", ERRAND_GOOD},        /* 20: nobody knows */
		{ERRAND_ATTRIBUTES, "/3/0/9", "pmin=5&&pmax=6", ERRAND_BAD_TEXT}, /* 21 */
		{ERRAND_READ_COMPOSITE, "/", "", ERRAND_NO_VALUE},                /* 22 */
		{ERRAND_READ_COMPOSITE, "/3", "", ERRAND_BAD_PATH},               /* 23 */
		{ERRAND_WRITE, "/3/0", "", ERRAND_NO_VALUE},                      /* 24 */
		{ERRAND_CREATE, "/3303/0", "", ERRAND_BAD_PATH},                  /* 25 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (check(rows[i].kind, rows[i].path, rows[i].text) != rows[i].expected)
			fail_msg("row %zu", i + 1);
}

static enum errand_verdict check_write(enum errand_kind kind, const char *path, struct record record)
{
	struct path culprit;
	struct errand errand = {.kind = kind, .path = path_of(path), .records = &record, .count = 1};
	enum errand_verdict verdict = errand_check(&errand, &model_core, &culprit);
	assert_true(verdict == ERRAND_BAD_PATH || path_equal(culprit, record.path));
	return verdict;
}

static void values_are_held_against_the_definition(void **state)
{
	struct value seven = value_integer(7), text = value_string(bytes_of_text("x")), none = value_none();
	(void)state;
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/1", seven)), ERRAND_GOOD);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/1", value_float(7))), ERRAND_GOOD);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/1", value_float(7.5))), ERRAND_WRONG_TYPE);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/1", text)), ERRAND_WRONG_TYPE);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/1", none)), ERRAND_WRONG_TYPE);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1", record_at("/1/0/2", seven)), ERRAND_OUTSIDE);
	assert_int_equal(check_write(ERRAND_WRITE, "/1/0/1/0", record_at("/1/0/1/0", seven)), ERRAND_NOT_MULTIPLE);
	assert_int_equal(check_write(ERRAND_WRITE, "/2/0/2", record_at("/2/0/2", seven)), ERRAND_NOT_MULTIPLE);
	assert_int_equal(check_write(ERRAND_WRITE, "/2/0/2", record_at("/2/0/2/1", seven)), ERRAND_GOOD);
	assert_int_equal(check_write(ERRAND_WRITE, "/2/0/2", record_at("/2/0/2", none)), ERRAND_GOOD);
	assert_int_equal(
		check_write(ERRAND_WRITE, "/2/0/3", record_at("/2/0/3", value_integer(65536))), ERRAND_OUT_OF_RANGE);
	assert_int_equal(check_write(ERRAND_WRITE, "/3/0/9", record_at("/3/0/9", seven)), ERRAND_NOT_WRITABLE);
	assert_int_equal(check_write(ERRAND_WRITE, "/3/0/4", record_at("/3/0/4", seven)), ERRAND_NOT_WRITABLE);
	assert_int_equal(check_write(ERRAND_WRITE, "/9999/0/9", record_at("/9999/0/9", text)), ERRAND_GOOD);
	assert_int_equal(check_write(ERRAND_CREATE, "/2", record_at("/2/3/0", seven)), ERRAND_GOOD); /* read-only */
	assert_int_equal(check_write(ERRAND_UPDATE, "/1/0/1", record_at("/1/0/1", seven)), ERRAND_BAD_PATH);
	assert_int_equal(check_write(ERRAND_UPDATE, "/2/0/2", record_at("/2/0/2/1", seven)), ERRAND_GOOD);
}

/* ---- building ---- */

static void show_options(struct writer *w, const struct coap_options *options)
{
	for (unsigned i = 0; i < options->count; i++) {
		const struct coap_option option = coap_options_at(options, i), *o = &option;
		bool is_text = o->number == COAP_OPTION_URI_PATH || o->number == COAP_OPTION_URI_QUERY;
		write_u8(w, ' ');
		write_decimal(w, o->number);
		write_u8(w, '=');
		if (is_text)
			write_bytes(w, o->value);
		else
			write_hex(w, o->value);
	}
}

static void expect(const struct errand *errand, uint16_t format, const char *expected)
{
	uint8_t memory[256], text[512];
	struct errand_request request;
	struct writer body = writer_of(memory, sizeof memory), w = writer_of(text, sizeof text - 1);
	assert_true(errand_build(&request, errand, format, &body));
	coap_code_write(&w, request.call.method);
	show_options(&w, &request.options);
	write_u8(&w, ' ');
	write_hex(&w, request.call.body);
	*w.at = '\0';
	assert_string_equal((char *)text, expected);
}

/* Vectors of lwm2m interface section 16.5, the options in order. */
static void requests_are_those_of_the_specification(void **state)
{
	struct record lifetime = record_at("/1/0/1", value_integer(3600));
	struct record names[] = {record_at("/3/0/0", value_none()), record_at("/3/0/9", value_none())};
	struct record both[] = {record_at("/3303/0/5700", value_float(22.5))};
	struct errand e = {.kind = ERRAND_READ, .path = path_of("/3/0/0")};
	(void)state;
	expect(&e, PAYLOAD_TEXT, "GET 11=3 11=0 11=0 17= ");
	expect(&e, FORMAT_ANY, "GET 11=3 11=0 11=0 ");
	e = (struct errand){.kind = ERRAND_EXECUTE, .path = path_of("/1/0/8")};
	expect(&e, FORMAT_ANY, "POST 11=1 11=0 11=8 ");
	e.text = bytes_of_text("1");
	expect(&e, FORMAT_ANY, "POST 11=1 11=0 11=8 12= 31");
	e = (struct errand){.kind = ERRAND_WRITE, .path = path_of("/1/0/1"), .records = &lifetime, .count = 1};
	expect(&e, PAYLOAD_TEXT, "PUT 11=1 11=0 11=1 12= 33363030");
	expect(&e, PAYLOAD_TLV, "PUT 11=1 11=0 11=1 12=2d16 c2010e10");
	e = (struct errand){
		.kind = ERRAND_ATTRIBUTES, .path = path_of("/3303/0/5700"), .text = bytes_of_text("pmin=10&gt=30")};
	expect(&e, FORMAT_ANY, "PUT 11=3303 11=0 11=5700 15=pmin=10 15=gt=30 ");
	e = (struct errand){.kind = ERRAND_DISCOVER, .path = path_of("/3"), .text = bytes_of_text("depth=1")};
	expect(&e, FORMAT_ANY, "GET 11=3 15=depth=1 17=28 ");
	e = (struct errand){.kind = ERRAND_READ_COMPOSITE, .records = names, .count = 2};
	expect(&e, PAYLOAD_SENML_CBOR, "FETCH 12=70 17=70 82a100662f332f302f30a100662f332f302f39");
	e = (struct errand){.kind = ERRAND_WRITE_COMPOSITE, .records = both, .count = 1};
	expect(&e, PAYLOAD_SENML_CBOR, "iPATCH 12=70 81a2006c2f333330332f302f3537303002f94da0");
	e = (struct errand){.kind = ERRAND_CREATE, .path = path_of("/3303"), .records = both, .count = 1};
	expect(&e, PAYLOAD_LWM2M_CBOR, "POST 11=3303 12=2d18 a183190ce700191644f94da0");
	e = (struct errand){.kind = ERRAND_DELETE, .path = path_of("/3303/0")};
	expect(&e, FORMAT_ANY, "DELETE 11=3303 11=0 ");
}

/* Section 2: in front of every path, in options and in the names of SenML. */
static void an_alternate_path_stands_in_front(void **state)
{
	struct record name = record_at("/3/0/0", value_none()), lifetime = record_at("/1/0/1", value_integer(60));
	struct errand e = {.kind = ERRAND_READ, .path = path_of("/3/0/0"), .prefix = bytes_of_text("/x/lw")};
	(void)state;
	expect(&e, PAYLOAD_TEXT, "GET 11=x 11=lw 11=3 11=0 11=0 17= ");
	e.kind = ERRAND_READ_COMPOSITE;
	e.path = PATH_ROOT;
	e.records = &name;
	e.count = 1;
	expect(&e, PAYLOAD_SENML_CBOR, "FETCH 11=x 11=lw 12=70 17=70 81a221652f782f6c7700662f332f302f30");
	e.kind = ERRAND_WRITE;
	e.path = path_of("/1/0");
	e.records = &lifetime;
	expect(&e, PAYLOAD_SENML_CBOR, "PUT 11=x 11=lw 11=1 11=0 12=70 81a3216a2f782f6c772f312f302f00613102183c");
	expect(&e, PAYLOAD_TLV, "PUT 11=x 11=lw 11=1 11=0 12=2d16 c1013c");
}

static size_t formats_of(const struct errand *e, uint8_t minor)
{
	uint16_t formats[FORMAT_CANDIDATES_MAX];
	struct format_device device = {.minor = minor};
	return errand_formats(e, &model_core, &device, formats);
}

static void what_came_with_a_later_version_is_not_asked_of_an_earlier_one(void **state)
{
	struct record one = record_at("/2/0/2/1", value_integer(7));
	struct errand composite = {.kind = ERRAND_READ_COMPOSITE, .records = &one, .count = 1};
	struct errand partial = {.kind = ERRAND_UPDATE, .path = path_of("/2/0/2"), .records = &one, .count = 1};
	(void)state;
	assert_int_equal(formats_of(&composite, 0), 0);
	assert_true(formats_of(&composite, 1) > 0);
	assert_int_equal(formats_of(&partial, 1), 0); /* would be an Execute */
	assert_true(formats_of(&partial, 2) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_operation_has_its_paths),
		cmocka_unit_test(values_are_held_against_the_definition),
		cmocka_unit_test(requests_are_those_of_the_specification),
		cmocka_unit_test(an_alternate_path_stands_in_front),
		cmocka_unit_test(what_came_with_a_later_version_is_not_asked_of_an_earlier_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
