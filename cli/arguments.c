/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMNS 100

static const struct option_spec *find_option(const struct option_spec *options, const char *name, size_t len)
{
	for (const struct option_spec *o = options; o != NULL && o->name != NULL; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static bool refuse(char *ret_error, const char *what, const char *name, int len)
{
	snprintf(ret_error, ARGUMENTS_ERROR_BYTES, "%s %.*s", what, len < 100 ? len : 100, name);
	return false;
}

static bool add_option(struct arguments *a, const struct option_spec *option, const char *value, char *ret_error)
{
	if (!option->repeats && arguments_has(a, option->name)) {
		snprintf(ret_error, ARGUMENTS_ERROR_BYTES, "--%s is given twice", option->name);
		return false;
	}
	if (a->given_count == ARGUMENTS_OPTIONS_MAX) {
		snprintf(ret_error, ARGUMENTS_ERROR_BYTES, "more than %d options", ARGUMENTS_OPTIONS_MAX);
		return false;
	}
	a->given[a->given_count].option = option;
	a->given[a->given_count++].value = value;
	return true;
}

static bool add_operand(struct arguments *a, const char *word, char *ret_error)
{
	if (a->operand_count == ARGUMENTS_OPERANDS_MAX) {
		snprintf(ret_error, ARGUMENTS_ERROR_BYTES, "more than %d arguments", ARGUMENTS_OPERANDS_MAX);
		return false;
	}
	a->operands[a->operand_count++] = word;
	return true;
}

/* One option at words[0]; the number of words it took, 0 on a fault. */
static int take_option(struct arguments *a, int count, char *const words[], const struct option_spec *options,
	const struct option_spec *more_options, char *ret_error)
{
	const char *name = words[0] + 2, *equals = strchr(name, '=');
	if (strcmp(words[0], "-h") == 0)
		name = "help";
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct option_spec *option = find_option(options, name, len);
	if (option == NULL)
		option = find_option(more_options, name, len);
	if (option == NULL || (words[0][1] != '-' && strcmp(name, "help") != 0))
		return refuse(ret_error, "unknown option", words[0], (int)strcspn(words[0], "="));
	if (option->value == NULL && equals != NULL)
		return refuse(ret_error, "no value is wanted by", words[0], (int)strcspn(words[0], "="));
	if (option->value == NULL)
		return add_option(a, option, NULL, ret_error) ? 1 : 0;
	if (equals != NULL)
		return add_option(a, option, equals + 1, ret_error) ? 1 : 0;
	if (count < 2)
		return refuse(ret_error, "a value is missing behind", words[0], (int)strlen(words[0]));
	return add_option(a, option, words[1], ret_error) ? 2 : 0;
}

bool arguments_parse(struct arguments *a, int count, char *const words[], const struct option_spec *options,
	const struct option_spec *more_options, bool stop_at_operand, int *ret_used,
	char ret_error[ARGUMENTS_ERROR_BYTES])
{
	int at = 0;
	bool only_operands = false;
	while (at < count) {
		bool is_option = !only_operands && words[at][0] == '-' && words[at][1] != '\0';
		if (is_option && strcmp(words[at], "--") == 0) {
			only_operands = true;
			at++;
		} else if (is_option) {
			int taken = take_option(a, count - at, words + at, options, more_options, ret_error);
			if (taken == 0)
				return false;
			at += taken;
		} else if (stop_at_operand) {
			break;
		} else if (!add_operand(a, words[at++], ret_error)) {
			return false;
		}
	}
	*ret_used = at;
	return true;
}

const char *arguments_nth(const struct arguments *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->given_count; i++)
		if (strcmp(a->given[i].option->name, name) == 0 && n-- == 0)
			return a->given[i].value != NULL ? a->given[i].value : "";
	return NULL;
}

bool arguments_has(const struct arguments *a, const char *name)
{
	return arguments_nth(a, name, 0) != NULL;
}

const char *arguments_value(const struct arguments *a, const char *name)
{
	const char *last = NULL;
	for (size_t n = 0;; n++) {
		const char *value = arguments_nth(a, name, n);
		if (value == NULL)
			return last;
		last = value;
	}
}

bool arguments_number(const char *text, unsigned long long min, unsigned long long max, unsigned long long *ret)
{
	if (text[0] < '0' || text[0] > '9')
		return false;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

/* How much of the text fits into `columns`, broken at a space where there is one. */
static size_t line_length(const char *text, size_t columns)
{
	size_t len = strcspn(text, "\n");
	if (len <= columns)
		return len;
	size_t cut = columns;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut > 0 ? cut : columns;
}

void arguments_print_line(const char *left, int width, const char *right, FILE *out)
{
	size_t indent = (size_t)width + 4, columns = indent + 20 < HELP_COLUMNS ? HELP_COLUMNS - indent : 20;
	bool is_wide = strlen(left) > (size_t)width;
	fprintf(out, "  %-*s%s", width, left, is_wide || *right == '\0' ? "\n" : "");
	for (bool first = !is_wide; *right != '\0'; first = false) {
		size_t len = line_length(right, columns);
		fprintf(out, "%*s%.*s\n", first ? 2 : (int)indent, "", (int)len, right);
		right += len;
		right += strspn(right, " \n");
	}
}

static int option_text(const struct option_spec *o, char *ret, size_t capacity)
{
	return snprintf(ret, capacity, "--%s%s%s%s", o->name, o->value != NULL ? " " : "",
		o->value != NULL ? o->value : "", o->repeats && o->value != NULL ? " ..." : "");
}

void arguments_print_options(const struct option_spec *options, FILE *out)
{
	int width = 0;
	char text[128];
	for (const struct option_spec *o = options; o->name != NULL; o++) {
		int len = option_text(o, text, sizeof text);
		width = len > width ? len : width;
	}
	for (const struct option_spec *o = options; o->name != NULL; o++) {
		option_text(o, text, sizeof text);
		arguments_print_line(text, width, o->help, out);
	}
}
