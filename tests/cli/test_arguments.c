/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct option_spec options[] = {{"out", "FILE", "where it goes", false}, {"device", "EP", "whom", true},
	{"all", NULL, "everybody", false}, {0}};
static const struct option_spec more[] = {{"json", NULL, "as JSON", true}, {"help", NULL, "help", true}, {0}};

/* Splits at spaces; the texts live until the next call. */
static bool parse(const char *line, bool stop_at_operand, struct arguments *ret, int *ret_used, char *ret_error)
{
	static char copy[256];
	char *words[32];
	int count = 0;
	strncpy(copy, line, sizeof copy - 1);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	*ret = (struct arguments){0};
	return arguments_parse(ret, count, words, options, more, stop_at_operand, ret_used, ret_error);
}

static void options_and_operands_come_in_any_order(void **state)
{
	struct arguments a;
	char error[ARGUMENTS_ERROR_BYTES];
	int used;
	(void)state;
	assert_true(parse("one --out x two --all --json - --device=a --device b -- --all", false, &a, &used, error));
	assert_int_equal(a.operand_count, 4);
	assert_string_equal(a.operands[2], "-");
	assert_string_equal(a.operands[3], "--all");
	assert_string_equal(arguments_value(&a, "out"), "x");
	assert_true(arguments_has(&a, "all"));
	assert_true(arguments_has(&a, "json"));
	assert_string_equal(arguments_nth(&a, "device", 0), "a");
	assert_string_equal(arguments_nth(&a, "device", 1), "b");
	assert_null(arguments_nth(&a, "device", 2));
	assert_string_equal(arguments_value(&a, "device"), "b");
}

static void reading_may_stop_at_the_first_operand(void **state)
{
	struct arguments a;
	char error[ARGUMENTS_ERROR_BYTES];
	int used;
	(void)state;
	assert_true(parse("--json devices --out x", true, &a, &used, error));
	assert_int_equal(used, 1);
	assert_int_equal(a.operand_count, 0);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{"--frob", "unknown option --frob"},
		{"--frob=x", "unknown option --frob"},
		{"-x", "unknown option -x"},
		{"-json", "unknown option -json"},
		{"--out", "a value is missing behind --out"},
		{"--all=yes", "no value is wanted by --all"},
		{"--out a --out b", "--out is given twice"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arguments a;
		char error[ARGUMENTS_ERROR_BYTES] = "";
		int used;
		assert_false(parse(cases[i].line, false, &a, &used, error));
		assert_string_equal(error, cases[i].error);
	}
}

static void too_many_operands_are_refused(void **state)
{
	static struct arguments a;
	static char *words[ARGUMENTS_OPERANDS_MAX + 1];
	char error[ARGUMENTS_ERROR_BYTES], word[] = "x";
	int used;
	(void)state;
	for (int i = 0; i <= ARGUMENTS_OPERANDS_MAX; i++)
		words[i] = word;
	assert_true(arguments_parse(&a, ARGUMENTS_OPERANDS_MAX, words, options, more, false, &used, error));
	a = (struct arguments){0};
	assert_false(arguments_parse(&a, ARGUMENTS_OPERANDS_MAX + 1, words, options, more, false, &used, error));
}

static void numbers_are_whole_and_within_limits(void **state)
{
	unsigned long long n;
	(void)state;
	assert_true(arguments_number("42", 1, 42, &n));
	assert_int_equal(n, 42);
	assert_false(arguments_number("43", 1, 42, &n));
	assert_false(arguments_number("0", 1, 42, &n));
	assert_false(arguments_number("-1", 0, 42, &n));
	assert_false(arguments_number("", 0, 42, &n));
	assert_false(arguments_number("4x", 0, 42, &n));
	assert_false(arguments_number("99999999999999999999", 0, UINT64_MAX, &n));
}

static void help_is_aligned_and_wrapped(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	(void)state;
	assert_non_null(out);
	arguments_print_options(options, out);
	arguments_print_line("wider than it may be", 5, "help", out);
	fclose(out);
	assert_string_equal(text, "  --out FILE       where it goes\n"
				  "  --device EP ...  whom\n"
				  "  --all            everybody\n"
				  "  wider than it may be\n"
				  "         help\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_operands_come_in_any_order),
		cmocka_unit_test(reading_may_stop_at_the_first_operand),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(too_many_operands_are_refused),
		cmocka_unit_test(numbers_are_whole_and_within_limits),
		cmocka_unit_test(help_is_aligned_and_wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
