/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A body of any format as lines of text, for tests that say in one line what is read and what it means. */
#pragma once

#include "mgmt/payload.h"
#include "tests/mgmt/show.h"

#define DECODE_RECORDS_MAX 64

/* Reads with the compiled-in model and writes what came into `text`. Room for scratch is the caller's. */
static inline enum payload_verdict decode(
	uint32_t format, const char *base, struct bytes body, struct arena *scratch, char text[SHOW_BYTES])
{
	struct payload_reader r;
	struct record record;
	struct path path = PATH_ROOT;
	struct writer w = writer_of(text, SHOW_BYTES - 1);
	if (!path_parse(bytes_of_text(base), &path))
		return PAYLOAD_UNSUPPORTED;
	arena_reset(scratch);
	payload_reader_init(&r, format, path, body, &model_core, scratch);
	while (payload_next(&r, &record))
		show_record(&w, &record);
	text[w.failed ? 0 : writer_bytes(&w).len] = '\0';
	return r.verdict;
}
