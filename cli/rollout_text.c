/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/rollout_text.h"

#include "cli/memory.h"
#include "cli/progress.h"

#include <string.h>

/* What part of the way a device has behind it; the download goes from 0 to SHARE_DOWNLOADED. */
#define SHARE_DOWNLOADED 0.8
#define SHARE_INSTALLING 0.9
#define SHARE_CONFIRMING 0.95

static bool is_state(const json_t *object, const char *state)
{
	const char *text = text_member(object, "state");
	return text != NULL && strcmp(text, state) == 0;
}

static bool has_ended(const json_t *device)
{
	return is_state(device, "confirmed") || is_state(device, "failed") || is_state(device, "skipped");
}

double rollout_device_share(const json_t *device)
{
	if (has_ended(device))
		return 1;
	if (is_state(device, "confirming"))
		return SHARE_CONFIRMING;
	if (is_state(device, "installing"))
		return SHARE_INSTALLING;
	if (is_state(device, "downloaded"))
		return SHARE_DOWNLOADED;
	if (is_state(device, "downloading"))
		return SHARE_DOWNLOADED * json_number_value(json_object_get(device, "progress"));
	return 0;
}

double rollout_share(const json_t *rollout)
{
	double sum = 0;
	size_t i;
	json_t *device;
	const json_t *devices = json_object_get(rollout, "devices");
	json_array_foreach((json_t *)devices, i, device) sum += rollout_device_share(device);
	return json_array_size(devices) > 0 ? sum / (double)json_array_size(devices) : 0;
}

static long long count_of(const json_t *rollout, const char *state)
{
	return (long long)json_integer_value(json_object_get(json_object_get(rollout, "counts"), state));
}

void rollout_write_counts(const json_t *rollout, char ret[ROLLOUT_TEXT_BYTES])
{
	long long failed = count_of(rollout, "failed"), skipped = count_of(rollout, "skipped");
	int len = snprintf(ret, ROLLOUT_TEXT_BYTES, "%lld of %lld confirmed", count_of(rollout, "confirmed"),
		(long long)json_integer_value(json_object_get(rollout, "total")));
	if (failed > 0)
		len += snprintf(ret + len, (size_t)(ROLLOUT_TEXT_BYTES - len), ", %lld failed", failed);
	if (skipped > 0)
		snprintf(ret + len, (size_t)(ROLLOUT_TEXT_BYTES - len), ", %lld skipped", skipped);
}

enum table_color rollout_color(const char *state)
{
	if (state == NULL)
		return TABLE_PLAIN;
	if (strcmp(state, "completed") == 0 || strcmp(state, "confirmed") == 0)
		return TABLE_GOOD;
	if (strcmp(state, "halted") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "aborted") == 0)
		return TABLE_BAD;
	return strcmp(state, "paused") == 0 || strcmp(state, "skipped") == 0 ? TABLE_WARNING : TABLE_PLAIN;
}

bool rollout_is_over(const char *state)
{
	return state != NULL &&
	       (strcmp(state, "completed") == 0 || strcmp(state, "aborted") == 0 || strcmp(state, "halted") == 0);
}

/* ---- the picture ---- */

static void print_colored(const char *text, enum table_color color, bool with_color, FILE *out)
{
	char *safe = table_safe_text(text);
	fprintf(out, "%s%s%s", table_color_begin(color, with_color), safe, table_color_end(color, with_color));
	free(safe);
}

static void print_title(const json_t *rollout, bool with_color, FILE *out)
{
	const char *state = text_member(rollout, "state"), *why = text_member(rollout, "why");
	const char *release = text_member(rollout, "release");
	fprintf(out, "rollout %lld of %s: ", (long long)json_integer_value(json_object_get(rollout, "id")),
		release != NULL ? release : "?");
	print_colored(state != NULL ? state : "?", rollout_color(state), with_color, out);
	if (why != NULL) {
		fputs(", ", out);
		print_colored(why, TABLE_PLAIN, with_color, out);
	}
	fprintf(out, "; wave %lld of %lld\n", (long long)json_integer_value(json_object_get(rollout, "wave")),
		(long long)json_integer_value(json_object_get(rollout, "wave_count")));
}

static size_t name_width(const json_t *devices)
{
	size_t width = 5, i;
	json_t *device;
	json_array_foreach((json_t *)devices, i, device)
	{
		const char *name = text_member(device, "endpoint");
		size_t own = name != NULL ? table_text_width(name) : 1;
		width = own > width ? own : width;
	}
	return width < 32 ? width : 32;
}

static void print_device(const json_t *device, size_t width, bool with_color, FILE *out)
{
	char bar[PROGRESS_BYTES];
	const char *name = text_member(device, "endpoint"), *state = text_member(device, "state");
	const char *why = text_member(device, "why");
	char *safe = table_safe_text(name != NULL ? name : "(gone)");
	size_t own = table_text_width(safe);
	progress_bar(rollout_device_share(device), bar);
	fprintf(out, "  %s%*s  %s  ", safe, (int)(own < width ? width - own : 0), "", bar);
	free(safe);
	print_colored(state != NULL ? state : "?", rollout_color(state), with_color, out);
	if (why != NULL) {
		fputs(": ", out);
		print_colored(why, TABLE_PLAIN, with_color, out);
	}
	fputc('\n', out);
}

/* Those at work are of most interest, then those that wait, then those that have ended. */
static int interest_of(const json_t *device)
{
	if (has_ended(device))
		return 2;
	return is_state(device, "pending") || is_state(device, "waiting") ? 1 : 0;
}

size_t rollout_print(const json_t *rollout, size_t rows, bool with_color, FILE *out)
{
	const json_t *devices = json_object_get(rollout, "devices");
	char bar[PROGRESS_BYTES], counts[ROLLOUT_TEXT_BYTES];
	size_t width = name_width(devices), count = json_array_size(devices), printed = 0, i;
	bool is_all = count <= rows;
	json_t *device;
	print_title(rollout, with_color, out);
	for (int interest = 0; interest < (is_all ? 1 : 3); interest++)
		json_array_foreach(
			(json_t *)devices, i, device) if (printed < rows && (is_all || interest_of(device) == interest))
		{
			print_device(device, width, with_color, out);
			printed++;
		}
	if (printed < count)
		fprintf(out, "  and %zu more\n", count - printed);
	progress_bar(rollout_share(rollout), bar);
	rollout_write_counts(rollout, counts);
	fprintf(out, "  %-*s  %s  %s\n", (int)width, "total", bar, counts);
	return printed + 2 + (printed < count);
}
