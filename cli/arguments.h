/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Command lines as tables: a program is an array of commands, a command an array of options, and the help is written
 * from the same tables.
 *
 * Options may stand before or behind operands, as `--name value` or `--name=value`; `--` ends them. All texts are
 * borrowed from argv. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ARGUMENTS_OPERANDS_MAX 256
#define ARGUMENTS_OPTIONS_MAX  256
#define ARGUMENTS_ERROR_BYTES  256

/* Arrays of these end with an element without a name. */
struct option_spec {
	const char *name;  /* without the dashes */
	const char *value; /* what to call its value in the help; NULL for a switch */
	const char *help;
	bool repeats; /* may be given more than once */
};

struct arguments {
	const char *operands[ARGUMENTS_OPERANDS_MAX];
	size_t operand_count;
	struct {
		const struct option_spec *option;
		const char *value;
	} given[ARGUMENTS_OPTIONS_MAX];
	size_t given_count;
};

/* Reads words up to the end, or up to the first operand when `stop_at_operand`; `*ret_used` is how many were read. Adds
 * to `a`, so that a command line may be read in two parts. False with a reason for people. */
bool arguments_parse(struct arguments *a, int count, char *const words[], const struct option_spec *options,
	const struct option_spec *more_options, bool stop_at_operand, int *ret_used,
	char ret_error[ARGUMENTS_ERROR_BYTES]);

bool arguments_has(const struct arguments *a, const char *name);
/* The last value given; NULL when there is none. */
const char *arguments_value(const struct arguments *a, const char *name);
/* The n-th value of an option that repeats; NULL behind the last. */
const char *arguments_nth(const struct arguments *a, const char *name, size_t n);

/* A whole decimal number; false on anything else. */
bool arguments_number(const char *text, unsigned long long min, unsigned long long max, unsigned long long *ret);

/* Aligned lines "  --name VALUE   help", wrapped at 100 columns. */
void arguments_print_options(const struct option_spec *options, FILE *out);
/* One line "  left   right" of such a list, the right part wrapped; what is wider than `width` gets its own line. */
void arguments_print_line(const char *left, int width, const char *right, FILE *out);
