/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/table.h"

#include "cli/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	char *text;
	enum table_color color;
};

struct table {
	const struct table_column *columns;
	size_t column_count, cell_count, cell_capacity;
	struct cell *cells; /* row by row */
};

struct table *table_new(const struct table_column *columns)
{
	struct table *t = memory_zeroed(sizeof *t);
	t->columns = columns;
	while (columns[t->column_count].title != NULL)
		t->column_count++;
	assert(t->column_count > 0);
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

/* The length of the UTF-8 sequence at `s` (RFC 3629 section 4), 0 when it is not one. */
static size_t sequence_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 0;
	if (s[0] >= 0xf0 && s[0] < 0xf5)
		len = 4;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static bool is_control(const unsigned char *s, size_t len)
{
	/* C0, DEL, and C1, which is two bytes from 0xc2 0x80 to 0xc2 0x9f. */
	return (len == 1 && (s[0] < 0x20 || s[0] == 0x7f)) || (len == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

char *table_safe_text(const char *text)
{
	char *copy = memory_take(strlen(text) + 1), *to = copy;
	for (const unsigned char *from = (const unsigned char *)text; *from != '\0';) {
		size_t len = sequence_length(from);
		if (len == 0 || is_control(from, len)) {
			*to++ = '?';
			from += len == 0 ? 1 : len;
			continue;
		}
		memcpy(to, from, len);
		to += len;
		from += len;
	}
	*to = '\0';
	return copy;
}

size_t table_text_width(const char *text)
{
	size_t width = 0;
	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void table_add(struct table *t, enum table_color color, const char *text)
{
	if (t->cell_count == t->cell_capacity) {
		t->cell_capacity = t->cell_capacity == 0 ? 64 : t->cell_capacity * 2;
		t->cells = memory_resized(t->cells, t->cell_capacity * sizeof *t->cells);
	}
	t->cells[t->cell_count++] = (struct cell){table_safe_text(text != NULL ? text : "-"), color};
}

void table_add_format(struct table *t, enum table_color color, const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	table_add(t, color, text);
}

const char *table_color_begin(enum table_color color, bool with_color)
{
	if (!with_color)
		return "";
	switch (color) {
	case TABLE_PLAIN:
		return "";
	case TABLE_GOOD:
		return "\033[32m";
	case TABLE_WARNING:
		return "\033[33m";
	case TABLE_BAD:
		return "\033[31m";
	case TABLE_DIM:
		return "\033[2m";
	}
	return "";
}

const char *table_color_end(enum table_color color, bool with_color)
{
	return with_color && color != TABLE_PLAIN ? "\033[0m" : "";
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = table_text_width(t->columns[column].title);
	for (size_t i = column; i < t->cell_count; i += t->column_count) {
		size_t cell = table_text_width(t->cells[i].text);
		width = cell > width ? cell : width;
	}
	return width;
}

static void print_cell(
	const struct table *t, size_t column, const struct cell *cell, size_t width, bool with_color, FILE *out)
{
	size_t own = table_text_width(cell->text);
	int gap = (int)(width > own ? width - own : 0);
	bool is_last = column + 1 == t->column_count;
	bool is_right = t->columns[column].align == TABLE_RIGHT;
	fprintf(out, "%*s%s%s%s", is_right ? gap : 0, "", table_color_begin(cell->color, with_color), cell->text,
		table_color_end(cell->color, with_color));
	fprintf(out, "%*s%s", is_right || is_last ? 0 : gap, "", is_last ? "\n" : "  ");
}

void table_print(const struct table *t, bool with_color, FILE *out)
{
	assert(t->column_count > 0);
	size_t *widths = memory_take(t->column_count * sizeof *widths);
	for (size_t c = 0; c < t->column_count; c++)
		widths[c] = column_width(t, c);
	for (size_t c = 0; c < t->column_count; c++) {
		struct cell title = {(char *)t->columns[c].title, TABLE_DIM};
		print_cell(t, c, &title, widths[c], with_color, out);
	}
	for (size_t i = 0; i < t->cell_count; i++)
		print_cell(t, i % t->column_count, &t->cells[i], widths[i % t->column_count], with_color, out);
	if (t->cell_count % t->column_count != 0)
		fputc('\n', out);
	free(widths);
}
