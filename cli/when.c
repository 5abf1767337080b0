/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool parse_fraction(const char **at, int64_t *ret_ms)
{
	*ret_ms = 0;
	if (**at != '.')
		return true;
	int64_t unit = 100;
	const char *digit = *at + 1;
	for (; *digit >= '0' && *digit <= '9'; digit++, unit /= 10)
		*ret_ms += (*digit - '0') * unit;
	bool any = digit > *at + 1;
	*at = digit;
	return any;
}

static bool parse_offset(const char *at, int64_t *ret_ms)
{
	int hours, minutes, used = 0;
	if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0) {
		*ret_ms = 0;
		return true;
	}
	if ((at[0] != '+' && at[0] != '-') || sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 ||
		at[6] != '\0')
		return false;
	*ret_ms = (hours * 60 + minutes) * INT64_C(60000) * (at[0] == '-' ? -1 : 1);
	return true;
}

bool when_parse(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	int used = 0;
	if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		    &tm.tm_min, &tm.tm_sec, &used) != 6 ||
		used != 19)
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
		tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	const char *at = text + used;
	int64_t fraction_ms, offset_ms;
	if (!parse_fraction(&at, &fraction_ms) || !parse_offset(at, &offset_ms))
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000 + fraction_ms - offset_ms;
	return true;
}

void when_relative(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES])
{
	int64_t seconds = (now_ms - ms) / 1000, span = seconds < 0 ? -seconds : seconds;
	if (span == 0) {
		snprintf(ret, WHEN_TEXT_BYTES, "now");
		return;
	}
	const char *unit = "s";
	if (span >= INT64_C(2) * 86400) {
		span /= 86400;
		unit = "d";
	} else if (span >= INT64_C(2) * 3600) {
		span /= 3600;
		unit = "h";
	} else if (span >= 120) {
		span /= 60;
		unit = "min";
	}
	snprintf(ret, WHEN_TEXT_BYTES, seconds < 0 ? "in %lld %s" : "%lld %s ago", (long long)span, unit);
}

void when_local(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES])
{
	time_t moment = (time_t)(ms / 1000), now = (time_t)(now_ms / 1000);
	struct tm then, today;
	localtime_r(&moment, &then);
	localtime_r(&now, &today);
	bool is_today = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
	strftime(ret, WHEN_TEXT_BYTES, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &then);
}

void when_both(int64_t ms, int64_t now_ms, char ret[WHEN_TEXT_BYTES])
{
	char local[WHEN_TEXT_BYTES], relative[WHEN_TEXT_BYTES];
	when_local(ms, now_ms, local);
	when_relative(ms, now_ms, relative);
	snprintf(ret, WHEN_TEXT_BYTES, "%.24s (%.24s)", local, relative);
}

void when_span(int64_t seconds, char ret[WHEN_TEXT_BYTES])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t at = 0;
	while (at < 3 && seconds < units[at].seconds)
		at++;
	int64_t first = seconds / units[at].seconds, rest = seconds % units[at].seconds;
	int64_t second = at < 3 ? rest / units[at + 1].seconds : 0;
	if (second == 0)
		snprintf(ret, WHEN_TEXT_BYTES, "%lld %s", (long long)first, units[at].name);
	else
		snprintf(ret, WHEN_TEXT_BYTES, "%lld %s %lld %s", (long long)first, units[at].name, (long long)second,
			units[at + 1].name);
}

void when_bytes(uint64_t bytes, char ret[WHEN_TEXT_BYTES])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(ret, WHEN_TEXT_BYTES, unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

int64_t when_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
