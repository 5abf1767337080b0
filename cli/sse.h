/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reads a stream of Server-Sent Events piece by piece (WHATWG HTML, section 9.2.6 "Interpreting an event stream").
 *
 * Pieces may break anywhere, lines end with LF, CR or CRLF, comments are skipped. An event is told when its empty line
 * arrives. A line or an event over the limit breaks the stream: that is no server of ours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SSE_LINE_MAX 65536
#define SSE_DATA_MAX 65536
#define SSE_ID_MAX   63
#define SSE_TYPE_MAX 63

struct sse_event {
	const char *type, *data; /* borrowed; "message" when the stream names no type */
	const char *id;          /* the last one seen, for Last-Event-ID; may be empty */
};

struct sse_reader {
	/* Called for each event; false ends the reading. */
	bool (*event)(void *context, const struct sse_event *event);
	void *context;
	bool after_cr, has_data, failed;
	size_t line_len, data_len;
	char type[SSE_TYPE_MAX + 1], id[SSE_ID_MAX + 1];
	char line[SSE_LINE_MAX + 1], data[SSE_DATA_MAX + 1];
};

void sse_reader_init(struct sse_reader *r, bool (*event)(void *context, const struct sse_event *event), void *context);
/* A new connection: what was half read is forgotten, the last id is kept. */
void sse_reader_restart(struct sse_reader *r);
/* False when the stream broke a limit (`failed`) or `event` wants no more. */
bool sse_reader_feed(struct sse_reader *r, const char *piece, size_t len);
