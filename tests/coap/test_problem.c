/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* In memory of its exact size, so that a sanitizer sees what is read beyond it. */
static bool parse(const char *hex, struct coap_problem *ret, uint8_t **ret_memory)
{
	uint8_t room[256];
	size_t len;
	assert_true(parse_hex(bytes_of_text(hex), room, sizeof room, &len));
	*ret_memory = malloc(len > 0 ? len : 1);
	memcpy(*ret_memory, room, len);
	return coap_problem_parse(bytes_of(*ret_memory, len), ret);
}

static void what_is_written_is_read_back(void **state)
{
	const struct coap_problem p = {.title = bytes_of_text("no room"),
		.detail = bytes_of_text("the table holds a thousand entries and no more of them"),
		.instance = bytes_of_text("/log/7"),
		.code = COAP_SERVICE_UNAVAILABLE,
		.option_count = 3,
		.options = {17, 2050, 65535}};
	struct coap_problem back;
	uint8_t room[128];
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	coap_problem_write(&w, &p);
	assert_false(w.failed);
	assert_true(coap_problem_parse(writer_bytes(&w), &back));
	assert_true(bytes_equal(back.title, p.title) && bytes_equal(back.detail, p.detail));
	assert_true(bytes_equal(back.instance, p.instance));
	assert_int_equal(back.code, COAP_SERVICE_UNAVAILABLE);
	assert_int_equal(back.option_count, 3);
	assert_memory_equal(back.options, p.options, 3 * sizeof p.options[0]);
	for (size_t len = 0; len < writer_bytes(&w).len; len++) {
		uint8_t *cut = malloc(len > 0 ? len : 1);
		memcpy(cut, room, len);
		assert_false(coap_problem_parse(bytes_of(cut, len), &back));
		free(cut);
	}
}

/* RFC 8949 section 3: a length has as many bytes as it needs. */
static void texts_of_every_length_are_read_back(void **state)
{
	static const size_t lens[] = {1, 23, 24, 255, 256, 65535, 65536};
	static uint8_t text[65536], room[sizeof text + 16];
	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		const struct coap_problem p = {.title = bytes_of(text, lens[i])};
		struct coap_problem back;
		struct writer w = writer_of(room, sizeof room);
		coap_problem_write(&w, &p);
		assert_false(w.failed);
		assert_true(coap_problem_parse(writer_bytes(&w), &back));
		assert_true(bytes_equal(back.title, p.title));
	}
}

/* RFC 9290 section 3.1.1: a single number stands alone. */
static void one_option_is_five_bytes(void **state)
{
	static const uint8_t wanted[] = {0xa1, 0x27, 0x19, 0x08, 0x02};
	const struct coap_problem p = {.option_count = 1, .options = {2050}};
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	coap_problem_write(&w, &p);
	assert_true(bytes_equal(writer_bytes(&w), bytes_of(wanted, sizeof wanted)));
}

static void an_empty_problem_is_not_written(void **state)
{
	const struct coap_problem p = {.code = COAP_EMPTY};
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof room);
	(void)state;
	coap_problem_write(&w, &p);
	assert_true(w.failed);
}

/* Entries of applications and of later standards, tagged texts, and open lengths. */
static void what_is_not_known_is_skipped(void **state)
{
	static const struct {
		const char *hex, *title;
	} rows[] = {
		{"a1206161", "a"}, {"a220616138c8f5", "a"}, /* -201: true */
		{"a21a00010203a2016162026163206161", "a"},  /* 66051: {1: "b", 2: "c"}, title */
		{"a120d8268262656e6161", "a"},              /* title: 38(["en", "a"]) */
		{"a120d8268362656e6161f4", "a"},            /* ... and a direction */
		{"bf206161ff", "a"},                        /* an open map */
		{"a23999995f4101ff206161", "a"},            /* -39322: an open byte string */
		{"a2189f9f01820203ff206161", "a"},          /* 159: an open array */
		{"a226fb3ff0000000000000206161", "a"},      /* base-rtl: a number */
		{"a21820c101206161", "a"},                  /* 32: a tagged number */
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_problem p;
		uint8_t *memory;
		if (!parse(rows[i].hex, &p, &memory) || !bytes_equal_text(p.title, rows[i].title))
			fail_msg("%s", rows[i].hex);
		free(memory);
	}
}

static void what_is_no_problem_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"a0",
		"80",
		"6161",
		"a1",
		"a120",
		"a12001",
		"a1206261",
		"a120616100",
		"a123190100",
		"a1271a00010000",
		"bf206161",
		"a12720",
		"a120d82701",
		"a120d82601", /* a language around no array, one of one, one of four, an open one */
		"a120d8268162656e",
		"a120d8268462656e616161616161",
		"a120d8269f62656e6161ff",
		"a21820df01206161", /* a tag has no open length */
		"a1205f6161ff",
		"a1188f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f", /* nested deeper than anybody means */
		"a1188f9b7fffffffffffffff",
		"a1188fbbffffffffffffffff",
		"a1188f5bffffffffffffffff",
		"a1188f1c",
		"a1188fff",
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct coap_problem p;
		uint8_t *memory;
		if (parse(rows[i], &p, &memory))
			fail_msg("%s is accepted", rows[i]);
		free(memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(texts_of_every_length_are_read_back),
		cmocka_unit_test(one_option_is_five_bytes),
		cmocka_unit_test(an_empty_problem_is_not_written),
		cmocka_unit_test(what_is_not_known_is_skipped),
		cmocka_unit_test(what_is_no_problem_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
