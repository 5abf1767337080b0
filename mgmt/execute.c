/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/execute.h"

static bool is_argument_character(uint8_t c)
{
	return c == 0x21 || (c >= 0x23 && c <= 0x26) || (c >= 0x28 && c <= 0x5b) || (c >= 0x5d && c <= 0x7e);
}

/* Reads what may follow a digit, "='text'", and the comma or the end behind it. */
static bool read_argument(struct reader *r)
{
	uint8_t next = reader_left(r) == 0 ? ',' : read_u8(r);
	if (next == '=') {
		if (read_u8(r) != '\'')
			return false;
		do
			next = read_u8(r);
		while (!r->failed && is_argument_character(next));
		if (next != '\'')
			return false;
		next = reader_left(r) == 0 ? ',' : read_u8(r);
	}
	return next == ',' && !r->failed;
}

bool execute_arguments_are_good(struct bytes text)
{
	unsigned seen = 0;
	struct reader r = reader_of(text);
	while (reader_left(&r) > 0) {
		unsigned digit = (unsigned)read_u8(&r) - '0';
		if (digit > 9 || (seen >> digit & 1) != 0 || !read_argument(&r))
			return false;
		seen |= 1u << digit;
	}
	return text.len == 0 || text.data[text.len - 1] != ',';
}
