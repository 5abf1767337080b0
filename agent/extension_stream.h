/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an extension says, cut into lines. A line that is too long is given as its beginning, one byte longer than a
 * line may be, so that it is refused; the same again for each such piece of it, so that one who never ends his line is
 * found out as well. */
#pragma once

#include "agent/extension_line.h"

struct extension_stream {
	size_t len, taken; /* bytes that have come; those of them that have been given as lines */
	uint8_t data[EXTENSION_LINE_BYTES_MAX + 1];
};

void extension_stream_init(struct extension_stream *s);
/* Where the next bytes go, and how many; there is always room when extension_stream_next has said false. */
uint8_t *extension_stream_room(struct extension_stream *s, size_t *ret_len);
void extension_stream_add(struct extension_stream *s, size_t len);
/* A line without its newline, borrowed until the next call. */
bool extension_stream_next(struct extension_stream *s, struct bytes *ret);
