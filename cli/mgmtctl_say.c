/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What commands say to people. */
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <stdarg.h>

enum exit_status complain(enum exit_status status, const char *format, ...)
{
	va_list list;
	fflush(stdout);
	fputs("mgmtctl: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return status;
}

enum exit_status complain_usage(const struct mgmtctl *m, const char *format, ...)
{
	va_list list;
	fputs("mgmtctl: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\nTry: mgmtctl %s --help\n", m->command->words);
	return EXIT_USAGE;
}

void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
}

const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

const char *moment_member(const json_t *object, const char *name, char *ret)
{
	const char *text = text_member(object, name);
	int64_t moment;
	if (text == NULL || !when_parse(text, &moment))
		return "-";
	when_both(moment, when_now(), ret);
	return ret;
}
