/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column columns[] = {{"NAME", TABLE_LEFT}, {"COUNT", TABLE_RIGHT}, {"WHY", TABLE_LEFT}, {0}};

static char *printed(const struct table *t, bool with_color)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	table_print(t, with_color, out);
	fclose(out);
	return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct table *t = table_new(columns);
	(void)state;
	table_add(t, TABLE_PLAIN, "pump-1");
	table_add_format(t, TABLE_PLAIN, "%d", 7);
	table_add(t, TABLE_PLAIN, "offline");
	table_add(t, TABLE_PLAIN, "Käse");
	table_add_format(t, TABLE_PLAIN, "%d", 1234567);
	table_add(t, TABLE_PLAIN, NULL);
	char *text = printed(t, false);
	assert_string_equal(text, "NAME      COUNT  WHY\n"
				  "pump-1        7  offline\n"
				  "Käse    1234567  -\n");
	free(text);
	table_free(t);
}

static void colours_do_not_count_as_width(void **state)
{
	struct table *t = table_new(columns);
	(void)state;
	for (int i = 0; i < 3; i++)
		table_add(t, i == 0 ? TABLE_BAD : TABLE_PLAIN, "x");
	char *text = printed(t, true);
	assert_non_null(strstr(text, "\033[31mx\033[0m         x  x\n"));
	free(text);
	table_free(t);
}

static void what_devices_send_cannot_move_the_cursor(void **state)
{
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{"plain", "plain"}, {"\033[2Jgone", "?[2Jgone"}, {"a\nb\tc\r", "a?b?c?"}, {"\x7f", "?"},
		{"\xc2\x9b"
		 "2J",
			"?2J"}, /* CSI as a C1 control character */
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"}, {"\xff\xc3", "??"}, {"\xc0\xaf", "??"}, /* overlong */
		{"\xed\xa0\x80", "???"},                                                              /* a surrogate */
		{"\xf0\x9f\x90\xa6", "\xf0\x9f\x90\xa6"}, {"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *safe = table_safe_text(cases[i].text);
		assert_string_equal(safe, cases[i].safe);
		free(safe);
	}
}

static void many_rows_fit(void **state)
{
	struct table *t = table_new(columns);
	size_t lines = 0;
	(void)state;
	for (int i = 0; i < 3000; i++)
		table_add_format(t, TABLE_PLAIN, "%d", i);
	char *text = printed(t, false);
	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 1001);
	free(text);
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(colours_do_not_count_as_width),
		cmocka_unit_test(what_devices_send_cannot_move_the_cursor),
		cmocka_unit_test(many_rows_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
