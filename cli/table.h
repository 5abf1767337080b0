/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables for people: columns as wide as their widest cell, two spaces between them, numbers to the right.
 *
 * Cells hold what devices and servers sent, so control characters and broken UTF-8 are shown as '?': a device's name
 * must not move the operator's cursor. Width counts characters, not bytes. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_color { TABLE_PLAIN, TABLE_GOOD, TABLE_WARNING, TABLE_BAD, TABLE_DIM };

struct table_column {
	const char *title; /* an array of columns ends with one without a title */
	enum table_align align;
};

struct table;

struct table *table_new(const struct table_column *columns);
void table_free(struct table *t);
/* The next cell, row by row. A NULL text is shown as "-". The text is copied. */
void table_add(struct table *t, enum table_color color, const char *text);
void table_add_format(struct table *t, enum table_color color, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Titles and rows; nothing but the titles when there are no rows. */
void table_print(const struct table *t, bool with_color, FILE *out);

/* A copy of the text that is safe to show; the caller frees it. */
char *table_safe_text(const char *text);
/* Characters of a valid UTF-8 text. */
size_t table_text_width(const char *text);
/* The escape sequence that begins a colour, and the one that ends any; empty without colour. */
const char *table_color_begin(enum table_color color, bool with_color);
const char *table_color_end(enum table_color color, bool with_color);
