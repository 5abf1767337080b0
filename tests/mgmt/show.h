/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Records as lines of text, so that a test can say what it expects: "/3/0/9 i 100". Shared by the tests of this folder.
 */
#pragma once

#include "mgmt/text.h"
#include "mgmt/value.h"

#define SHOW_BYTES 4096

static inline void show_record(struct writer *w, const struct record *record)
{
	static const char letters[] = {'-', 's', 'i', 'u', 'f', 'b', 'o', 't', 'l', 'c'};
	path_write(w, record->path);
	if (record->has_time) {
		write_text(w, " @");
		value_write_double(w, record->time_s);
	}
	write_u8(w, ' ');
	write_u8(w, (uint8_t)letters[record->value.type]);
	if (record->value.type != VALUE_NONE)
		write_u8(w, ' ');
	if (record->value.type == VALUE_OPAQUE)
		write_hex(w, record->value.bytes);
	else
		text_encode(w, &record->value);
	write_u8(w, '\n');
}

/* The bytes that hexadecimal text stands for. */
static inline struct bytes show_unhex(const char *hex, uint8_t *out, size_t capacity)
{
	size_t len = 0;
	return parse_hex(bytes_of_text(hex), out, capacity, &len) ? bytes_of(out, len) : BYTES_NONE;
}
