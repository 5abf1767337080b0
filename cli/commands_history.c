/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * history. */
#include "cli/http_client.h"
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <string.h>

#define REST_BYTES  512
#define HOURS_USUAL 24

static const struct option_spec options[] = {
	{"hours", "N", "how far back to begin (24)", false},
	{"step", "WORD", "raw, minute or hour (raw up to 2 hours, minute up to 48)", false},
	{0},
};

static void add_point(struct table *t, const json_t *point, bool is_raw)
{
	char at[WHEN_TEXT_BYTES];
	const json_t *value = json_object_get(point, "value");
	table_add(t, TABLE_DIM, moment_member(point, "at", at));
	if (json_is_string(value))
		table_add(t, TABLE_PLAIN, json_string_value(value));
	else if (is_raw)
		table_add_format(t, TABLE_PLAIN, "%g", json_number_value(value));
	if (is_raw)
		return;
	table_add_format(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(point, "count")));
	table_add_format(t, TABLE_PLAIN, "%g", json_number_value(json_object_get(point, "least")));
	table_add_format(t, TABLE_PLAIN, "%g", json_number_value(json_object_get(point, "mean")));
	table_add_format(t, TABLE_PLAIN, "%g", json_number_value(json_object_get(point, "greatest")));
}

static void print_points(struct mgmtctl *m, const json_t *answer)
{
	static const struct table_column single[] = {{"AT", TABLE_LEFT}, {"VALUE", TABLE_RIGHT}, {0}};
	static const struct table_column summary[] = {{"AT", TABLE_LEFT}, {"COUNT", TABLE_RIGHT},
		{"LEAST", TABLE_RIGHT}, {"MEAN", TABLE_RIGHT}, {"GREATEST", TABLE_RIGHT}, {0}};
	const json_t *points = json_object_get(answer, "points");
	const char *step = text_member(answer, "step"), *units = text_member(answer, "units");
	bool is_raw = step != NULL && strcmp(step, "raw") == 0;
	if (json_array_size(points) == 0) {
		puts("Nothing of this resource has been told in that time; observe has the device tell.");
		return;
	}
	struct table *t = table_new(is_raw ? single : summary);
	for (size_t i = 0; i < json_array_size(points); i++)
		add_point(t, json_array_get(points, i), is_raw);
	table_print(t, m->has_color, stdout);
	table_free(t);
	if (units != NULL)
		printf("in %s\n", units);
	if (json_object_get(answer, "next") != NULL)
		fputs("There is more; ask for fewer hours, or for a coarser step.\n", stderr);
}

static enum exit_status run_history(struct mgmtctl *m)
{
	enum exit_status status;
	char rest[REST_BYTES];
	unsigned long long hours = HOURS_USUAL;
	const char *said = arguments_value(m->arguments, "hours"), *step = arguments_value(m->arguments, "step");
	if (said != NULL && !arguments_number(said, 1, 1000000, &hours))
		return complain_usage(m, "--hours takes a number from 1");
	int64_t since = when_now() / 1000 - (int64_t)hours * 3600;
	char *path = http_client_escape(m->arguments->operands[1]);
	int len = snprintf(rest, sizeof rest, "/history?path=%s&since=%lld%s%s", path,
		since < 0 ? 0LL : (long long)since, step == NULL ? "" : "&step=", step == NULL ? "" : step);
	free(path);
	if (len < 0 || (size_t)len >= sizeof rest)
		return complain_usage(m, "that path is too long");
	json_t *answer = api_get(m, api_path("devices", m->arguments->operands[0], rest), &status);
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else
		print_points(m, answer);
	json_decref(answer);
	return status;
}

const struct command commands_history[] = {
	{"history", "EP PATH", "shows what a device has told of a resource, over time",
		"Single values are kept for a day, minutes for a month and hours for a year, unless mgmtd.ini says "
		"otherwise.",
		options, 2, 2, run_history},
	{0},
};
