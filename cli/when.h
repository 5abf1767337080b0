/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Moments and spans as people say them. The API speaks RFC 3339 in UTC; people read local time and how long ago. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEN_TEXT_BYTES 64

/* "2026-02-03T04:05:06.789Z" in milliseconds since 1970; fractions are optional, an offset may stand for the Z. */
bool when_parse(const char *text, int64_t *ret_ms);
/* "3 s ago", "12 min ago", "5 h ago", "4 d ago", "in 2 min", "now". */
void when_relative(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES]);
/* "14:03:22" when that was today, else "2026-02-03 14:03". Local time. */
void when_local(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES]);
/* "14:03:22 (12 min ago)" */
void when_both(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES]);
/* "2 d 3 h", "12 min 5 s": the two largest units. */
void when_span(int64_t seconds, char ret[WHEN_TEXT_BYTES]);
/* "512 B", "1.5 KiB", "12 MiB". */
void when_bytes(uint64_t bytes, char ret[WHEN_TEXT_BYTES]);
/* The clock on the wall. */
int64_t when_now(void);
