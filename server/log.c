/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LINE_BYTES 768

static enum server_log_level highest = SERVER_LOG_INFO;

void log_set_level(enum server_log_level level)
{
	highest = level;
}

static const char *level_name(enum server_log_level level)
{
	switch (level) {
	case SERVER_LOG_ERROR:
		return "error";
	case SERVER_LOG_WARNING:
		return "warning";
	case SERVER_LOG_INFO:
		return "info";
	case SERVER_LOG_DEBUG:
		return "debug";
	}
	return "unknown";
}

void log_line(enum server_log_level level, struct bytes line)
{
	char when[32] = "";
	struct timespec t = {0, 0};
	struct tm utc;
	if (level > highest)
		return;
	if (clock_gettime(CLOCK_REALTIME, &t) == 0 && gmtime_r(&t.tv_sec, &utc) != NULL)
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
	(void)fprintf(stderr, "%s.%03ldZ level=%s %.*s\n", when, t.tv_nsec / 1000000, level_name(level), (int)line.len,
		(const char *)line.data);
}

void log_text(enum server_log_level level, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (len > 0)
		log_line(level, bytes_of_text(line));
}
