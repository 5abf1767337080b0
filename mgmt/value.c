/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2^53: up to here every integer is a double */
#define NUMBER_TEXT_MAX   63

static bool reals_equal(double a, double b)
{
	return !(a < b) && !(a > b) && isnan(a) == isnan(b);
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NONE:
		return true;
	case VALUE_STRING:
	case VALUE_OPAQUE:
	case VALUE_CORELNK:
		return bytes_equal(a->bytes, b->bytes);
	case VALUE_INTEGER:
	case VALUE_TIME:
		return a->integer == b->integer;
	case VALUE_UNSIGNED:
		return a->natural == b->natural;
	case VALUE_FLOAT:
		return reals_equal(a->real, b->real);
	case VALUE_BOOLEAN:
		return a->boolean == b->boolean;
	case VALUE_OBJLNK:
		return a->objlnk.object == b->objlnk.object && a->objlnk.instance == b->objlnk.instance;
	}
	return false;
}

/* ---- conversion ---- */

static bool is_integral(double real)
{
	return isfinite(real) && real >= -0x1p63 && real < 0x1p64 &&
	       (real < 0 ? real == (double)(int64_t)real : real == (double)(uint64_t)real);
}

static bool to_integer(const struct value *value, int64_t *ret)
{
	if (value->type == VALUE_INTEGER || value->type == VALUE_TIME)
		*ret = value->integer;
	else if (value->type == VALUE_UNSIGNED && value->natural <= INT64_MAX)
		*ret = (int64_t)value->natural;
	else if (value->type == VALUE_FLOAT && is_integral(value->real) && value->real < 0x1p63)
		*ret = (int64_t)value->real;
	else
		return false;
	return true;
}

static bool to_unsigned(const struct value *value, uint64_t *ret)
{
	if (value->type == VALUE_UNSIGNED)
		*ret = value->natural;
	else if ((value->type == VALUE_INTEGER || value->type == VALUE_TIME) && value->integer >= 0)
		*ret = (uint64_t)value->integer;
	else if (value->type == VALUE_FLOAT && is_integral(value->real) && value->real >= 0)
		*ret = (uint64_t)value->real;
	else
		return false;
	return true;
}

/* Up to 2^53 every integer is a double, beyond it those that come back the same. */
static bool to_float(const struct value *value, double *ret)
{
	if (!value_number(value, ret))
		return false;
	if (value->type == VALUE_FLOAT)
		return true;
	if (value->type == VALUE_UNSIGNED)
		return *ret < 0x1p64 && (uint64_t)*ret == value->natural;
	return *ret < 0x1p63 && (int64_t)*ret == value->integer;
}

bool value_convert(const struct value *value, enum value_type type, struct value *ret)
{
	struct value made = {.type = type};
	bool is_text = value->type == VALUE_STRING || value->type == VALUE_CORELNK;
	bool fits = false;
	switch (type) {
	case VALUE_STRING:
	case VALUE_CORELNK:
		made.bytes = is_text ? value->bytes : BYTES_NONE;
		fits = is_text;
		break;
	case VALUE_INTEGER:
	case VALUE_TIME:
		fits = to_integer(value, &made.integer);
		break;
	case VALUE_UNSIGNED:
		fits = to_unsigned(value, &made.natural);
		break;
	case VALUE_FLOAT:
		fits = to_float(value, &made.real);
		break;
	case VALUE_OBJLNK:
		made.objlnk = value->type == VALUE_OBJLNK ? value->objlnk : (struct value_link){0, 0};
		fits = value->type == VALUE_OBJLNK || (is_text && value_parse_objlnk(value->bytes, &made.objlnk));
		break;
	case VALUE_NONE:
	case VALUE_BOOLEAN:
	case VALUE_OPAQUE:
		made = *value;
		fits = value->type == type;
		break;
	}
	if (fits)
		*ret = made;
	return fits;
}

bool value_number(const struct value *value, double *ret)
{
	if (value->type == VALUE_FLOAT)
		*ret = value->real;
	else if (value->type == VALUE_UNSIGNED)
		*ret = (double)value->natural;
	else if (value->type == VALUE_INTEGER || value->type == VALUE_TIME)
		*ret = (double)value->integer;
	else
		return false;
	return true;
}

bool value_is_numeric(enum value_type type)
{
	return type == VALUE_INTEGER || type == VALUE_UNSIGNED || type == VALUE_FLOAT || type == VALUE_TIME;
}

const char *value_type_name(enum value_type type)
{
	switch (type) {
	case VALUE_NONE:
		return "none";
	case VALUE_STRING:
		return "string";
	case VALUE_INTEGER:
		return "integer";
	case VALUE_UNSIGNED:
		return "unsigned";
	case VALUE_FLOAT:
		return "float";
	case VALUE_BOOLEAN:
		return "boolean";
	case VALUE_OPAQUE:
		return "opaque";
	case VALUE_TIME:
		return "time";
	case VALUE_OBJLNK:
		return "objlnk";
	case VALUE_CORELNK:
		return "corelnk";
	}
	return "unknown";
}

/* ---- texts ---- */

static bool parse_half(struct bytes text, uint16_t *ret)
{
	uint64_t number;
	if (text.len > 0 && text.len <= 5 && parse_decimal(text, UINT16_MAX, &number)) {
		*ret = (uint16_t)number;
		return true;
	}
	uint8_t octets[2];
	size_t len;
	if (text.len != 4 || !parse_hex(text, octets, sizeof octets, &len))
		return false;
	*ret = (uint16_t)(octets[0] << 8 | octets[1]);
	return *ret == UINT16_MAX;
}

bool value_parse_objlnk(struct bytes text, struct value_link *ret)
{
	const uint8_t *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
	if (colon == NULL)
		return false;
	size_t before = (size_t)(colon - text.data);
	struct value_link link;
	if (!parse_half(bytes_first(text, before), &link.object) ||
		!parse_half(bytes_from(text, before + 1), &link.instance))
		return false;
	*ret = link;
	return true;
}

void value_write_objlnk(struct writer *w, struct value_link link)
{
	write_decimal(w, link.object);
	write_u8(w, ':');
	write_decimal(w, link.instance);
}

/* The daemons never call setlocale, so the decimal point is a point. */
void value_write_double(struct writer *w, double real)
{
	char text[32];
	if (!isfinite(real)) {
		w->failed = true;
		return;
	}
	if (is_integral(real) && fabs(real) <= EXACT_INTEGER_MAX) {
		write_decimal_signed(w, (int64_t)real);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, real);
		if (reals_equal(strtod(text, NULL), real))
			break;
	}
	write_text(w, text);
}

static size_t skip_digits(struct bytes text, size_t at)
{
	while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at;
}

/* Where the number that begins at the start of the text ends, by the grammar of RFC 8259 section 6; 0 for none. */
static size_t number_end(struct bytes text)
{
	size_t start = text.len > 0 && text.data[0] == '-' ? 1 : 0;
	size_t at = skip_digits(text, start);
	if (at == start || (text.data[start] == '0' && at - start > 1))
		return 0;
	if (at < text.len && text.data[at] == '.') {
		size_t end = skip_digits(text, at + 1);
		if (end == at + 1)
			return 0;
		at = end;
	}
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
		size_t digits = at + 1;
		if (digits < text.len && (text.data[digits] == '+' || text.data[digits] == '-'))
			digits++;
		at = skip_digits(text, digits);
		if (at == digits)
			return 0;
	}
	return at;
}

bool value_parse_double(struct bytes text, double *ret)
{
	char copy[NUMBER_TEXT_MAX + 1];
	if (text.len == 0 || text.len > NUMBER_TEXT_MAX || number_end(text) != text.len)
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	double real = strtod(copy, NULL);
	if (!isfinite(real))
		return false;
	*ret = real;
	return true;
}

/* How many bytes the character has that begins at `at`; 0 when it is not well-formed (RFC 3629 section 4). */
static size_t utf8_character(const uint8_t *at, size_t left)
{
	uint8_t first = at[0];
	size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	bool is_overlong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xf0 && at[1] < 0x90);
	bool is_surrogate = first == 0xed && at[1] >= 0xa0;
	bool is_beyond = first == 0xf4 && at[1] >= 0x90;
	return is_overlong || is_surrogate || is_beyond ? 0 : len;
}

/* How many bytes from here on are ASCII, in words of eight. Most text is nothing else. */
static size_t ascii_words(struct bytes text)
{
	size_t at = 0;
	for (uint64_t word; at + sizeof word <= text.len; at += sizeof word) {
		memcpy(&word, text.data + at, sizeof word);
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return at;
}

bool value_is_utf8(struct bytes text)
{
	size_t at = ascii_words(text);
	while (at < text.len) {
		size_t len = utf8_character(text.data + at, text.len - at);
		if (len == 0)
			return false;
		at += len;
	}
	return true;
}
