/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The log (edge): one line on standard error for each entry, time, level and key=value text. */
#pragma once

#include "coap/base/bytes.h"
#include "server/server.h"

/* Entries above this level are not written. */
void log_set_level(enum server_log_level level);
/* `line` is key=value text without a newline. */
void log_line(enum server_log_level level, struct bytes line);
/* The same from a format of printf. */
void log_text(enum server_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
