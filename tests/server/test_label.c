/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/label.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void names_are_letters_digits_and_a_few_signs(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		/*  1 */ {"1.1.0", true},
		/*  2 */ {"release_2026-11+a:b", true},
		/*  3 */ {"", false},
		/*  4 */ {".hidden", false},
		/*  5 */ {"..", false},
		/*  6 */ {"a/b", false},
		/*  7 */ {"a b", false},
		/*  8 */ {"a\"b", false},
		/*  9 */ {"gr\xc3\xb6\xc3\x9f", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(label_is_name(bytes_of_text(cases[i].text)), cases[i].good);
}

static void what_does_not_fit_or_holds_controls_is_not_set(void **state)
{
	char out[5] = "old";
	(void)state;
	assert_false(label_set(out, sizeof out, bytes_of_text("12345")));
	assert_false(label_set(out, sizeof out, bytes_of_text("a\nb")));
	assert_false(label_set(out, sizeof out, bytes_of("a\0b", 3)));
	assert_false(label_set(out, sizeof out, BYTES_NONE));
	assert_string_equal(out, "old");
	assert_true(label_set(out, sizeof out, bytes_of_text("1234")));
	assert_string_equal(out, "1234");
}

static void cutting_keeps_whole_characters_and_no_controls(void **state)
{
	char out[5];
	(void)state;
	label_cut(out, sizeof out, bytes_of_text("abc\xc3\xb6x"));
	assert_string_equal(out, "abc");
	label_cut(out, sizeof out, bytes_of_text("ab\xc3\xb6"));
	assert_string_equal(out, "ab\xc3\xb6");
	label_cut(out, sizeof out, bytes_of_text("a\nb"));
	assert_string_equal(out, "a b");
	label_cut(out, sizeof out, BYTES_NONE);
	assert_string_equal(out, "");
	label_cut(out, sizeof out, bytes_of_text("\xbf\xbf\xbf\xbf\xbf\xbf"));
	assert_string_equal(out, "");
}

static void nobodys_name_can_look_like_another_entry_of_the_log(void **state)
{
	uint8_t line[64];
	struct writer w = writer_of(line, sizeof line);
	(void)state;
	label_write_quoted(&w, bytes_of_text("a\" event=x\n\\ \xc3\xa9"));
	assert_true(bytes_equal_text(writer_bytes(&w), "\"a\\\" event=x \\\\ \xc3\xa9\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_letters_digits_and_a_few_signs),
		cmocka_unit_test(what_does_not_fit_or_holds_controls_is_not_set),
		cmocka_unit_test(cutting_keeps_whole_characters_and_no_controls),
		cmocka_unit_test(nobodys_name_can_look_like_another_entry_of_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
