/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One line of key=value text for the log port. Values that come from outside are made harmless: what is not printable
 * ASCII becomes a question mark, and values with spaces or quotes are quoted. A line that does not fit is cut. */
#pragma once

#include "agent/agent.h"

#define LOGLINE_BYTES 256

struct logline {
	uint8_t text[LOGLINE_BYTES];
	size_t len;
};

/* "event=<event>" */
struct logline logline_begin(const char *event);
void logline_text(struct logline *l, const char *key, const char *value);
void logline_bytes(struct logline *l, const char *key, struct bytes value);
void logline_number(struct logline *l, const char *key, int64_t value);
void logline_end(const struct logline *l, const struct agent_log_port *port, enum agent_log_level level);
