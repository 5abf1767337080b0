/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bytes of a test written as people write them: "44 02 7d34 'rd'", hexadecimal with blanks, and text in quotes. */
#pragma once

#include "coap/base/bytes.h"

#include <stdlib.h>

static inline struct bytes from_hex(const char *text, void *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	for (const char *at = text; *at != '\0';) {
		uint8_t byte;
		size_t len;
		if (*at == ' ') {
			at++;
		} else if (*at == '\'') {
			for (at++; *at != '\''; at++)
				write_u8(&w, (uint8_t)*at);
			at++;
		} else {
			if (at[1] == '\0' || !parse_hex(bytes_of(at, 2), &byte, 1, &len))
				abort();
			write_u8(&w, byte);
			at += 2;
		}
	}
	if (w.failed)
		abort();
	return writer_bytes(&w);
}

/* A copy on the heap of exactly this size, so that the sanitizer sees a read one byte too far. Free its data. */
static inline struct bytes exact_copy(struct bytes b)
{
	uint8_t *copy = malloc(b.len > 0 ? b.len : 1);
	if (copy == NULL)
		abort();
	if (b.len > 0)
		memcpy(copy, b.data, b.len);
	return bytes_of(copy, b.len);
}
