/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * observe, observations, observation end, values watch. */
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/sse.h"
#include "cli/when.h"

#include <string.h>

#define REST_BYTES 64

/* ---- observe ---- */

static const struct option_spec observe_options[] = {
	{"timeout", "SECONDS", "how long the device may sleep before it is asked (30)", false},
	{0},
};

static enum exit_status run_observe(struct mgmtctl *m)
{
	enum exit_status status;
	unsigned long long timeout;
	json_t *paths = json_array();
	if (!read_timeout(m, &timeout)) {
		json_decref(paths);
		return EXIT_USAGE;
	}
	for (size_t i = 1; i < m->arguments->operand_count; i++)
		json_array_append_new(paths, json_string(m->arguments->operands[i]));
	json_t *body = json_pack("{s:o, s:I}", "paths", paths, "timeout", (json_int_t)timeout);
	json_t *answer =
		api_call(m, "POST", api_path("devices", m->arguments->operands[0], "/observations"), body, &status);
	if (answer != NULL && m->is_json) {
		print_json(answer);
	} else if (answer != NULL) {
		print_values(m, json_object_get(answer, "values"));
		fprintf(stderr, "This is observation %lld; mgmtctl values watch shows what comes of it.\n",
			(long long)json_integer_value(json_object_get(answer, "id")));
	}
	json_decref(answer);
	json_decref(body);
	return status;
}

static enum exit_status run_end(struct mgmtctl *m)
{
	enum exit_status status;
	char rest[REST_BYTES];
	unsigned long long number;
	if (!arguments_number(m->arguments->operands[1], 1, 4294967295, &number))
		return complain_usage(m, "\"%s\" is no number of an observation", m->arguments->operands[1]);
	snprintf(rest, sizeof rest, "/observations/%llu", number);
	json_decref(api_call(m, "DELETE", api_path("devices", m->arguments->operands[0], rest), NULL, &status));
	return status;
}

/* ---- observations ---- */

/* "/1/0/1 /3/0/9"; the caller frees it. */
static char *join(const json_t *paths)
{
	size_t len = 1;
	for (size_t i = 0; i < json_array_size(paths); i++)
		len += json_string_length(json_array_get(paths, i)) + 1;
	char *text = memory_take(len);
	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const char *path = json_string_value(json_array_get(paths, i));
		if (i > 0)
			strcat(text, " ");
		strcat(text, path != NULL ? path : "?");
	}
	return text;
}

static void add_observation(struct table *t, const json_t *one)
{
	char at[WHEN_TEXT_BYTES];
	char *paths = join(json_object_get(one, "paths"));
	const char *state = text_member(one, "state");
	bool is_good = state != NULL && strcmp(state, "established") == 0;
	table_add_format(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(one, "id")));
	table_add(t, TABLE_PLAIN, paths);
	table_add(t, is_good ? TABLE_GOOD : TABLE_WARNING, state);
	table_add_format(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(one, "reports")));
	table_add(t, TABLE_DIM, moment_member(one, "at", at));
	free(paths);
}

static enum exit_status run_list(struct mgmtctl *m)
{
	static const struct table_column columns[] = {{"ID", TABLE_RIGHT}, {"PATHS", TABLE_LEFT}, {"STATE", TABLE_LEFT},
		{"REPORTS", TABLE_RIGHT}, {"LAST", TABLE_LEFT}, {0}};
	enum exit_status status;
	json_t *answer = api_get(m, api_path("devices", m->arguments->operands[0], "/observations"), &status);
	const json_t *list = json_object_get(answer, "observations");
	if (answer == NULL)
		return status;
	struct table *t = table_new(columns);
	for (size_t i = 0; i < json_array_size(list); i++)
		add_observation(t, json_array_get(list, i));
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(list) == 0)
		puts("Nothing of this device is observed.");
	else
		table_print(t, m->has_color, stdout);
	table_free(t);
	json_decref(answer);
	return EXIT_DONE;
}

/* ---- values watch ---- */

static const struct option_spec values_options[] = {
	{"count", "N", "ends after N reports", false},
	{0},
};

struct following {
	const struct mgmtctl *m;
	bool has_end;
	unsigned long long count;
};

static void print_report(const struct mgmtctl *m, const json_t *report)
{
	const json_t *observation = json_object_get(report, "observation"), *value;
	const char *at = text_member(observation, "at"), *device = text_member(report, "device");
	char when[WHEN_TEXT_BYTES] = "-";
	int64_t moment;
	size_t i;
	if (at != NULL && when_parse(at, &moment))
		when_local(moment, when_now(), when);
	json_array_foreach(json_object_get(observation, "values"), i, value)
	{
		const json_t *content = json_object_get(value, "value");
		char *text = json_dumps(content, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		const char *shown = json_is_string(content) ? json_string_value(content) : text;
		char *name = table_safe_text(device != NULL ? device : "?"), *safe = table_safe_text(shown);
		const char *path = text_member(value, "path");
		printf("%s%-8s%s  %-20s  %-16s  %s\n", table_color_begin(TABLE_DIM, m->has_color), when,
			table_color_end(TABLE_DIM, m->has_color), name, path != NULL ? path : "?", safe);
		free(name);
		free(safe);
		free(text);
	}
	fflush(stdout);
}

static bool take_report(void *context, const struct sse_event *event)
{
	struct following *f = context;
	if (strcmp(event->type, "values") != 0)
		return true;
	json_t *report = json_loads(event->data, 0, NULL);
	if (report != NULL && f->m->is_json)
		print_json(report);
	else if (report != NULL)
		print_report(f->m, report);
	json_decref(report);
	return report == NULL || !f->has_end || --f->count > 0;
}

static enum exit_status run_values(struct mgmtctl *m)
{
	struct following following = {.m = m};
	const char *count = arguments_value(m->arguments, "count");
	following.has_end = count != NULL;
	if (count != NULL && !arguments_number(count, 1, 1000000000, &following.count))
		return complain_usage(m, "--count takes a number from 1");
	if (m->arguments->operand_count == 0)
		return api_follow(m, "/api/v1/events/stream?types=values", "", take_report, &following);
	char path[1024];
	snprintf(path, sizeof path, "/api/v1/events/stream?types=values&device=%s",
		api_path("devices", m->arguments->operands[0], "") + strlen("/api/v1/devices/"));
	return api_follow(m, path, "", take_report, &following);
}

const struct command commands_observation[] = {
	{"observe", "EP PATH ...", "has the device tell of changes; several paths are told of together",
		"The observation lives until it is ended, or until mgmtd restarts. attributes says when to tell.",
		observe_options, 2, 16, run_observe},
	{"observations", "EP", "lists what of the device is observed", NULL, NULL, 1, 1, run_list},
	{"observation end", "EP ID", "ends an observation", NULL, NULL, 2, 2, run_end},
	{"values watch", "[EP]", "shows what observations tell, as it arrives", NULL, values_options, 0, 1, run_values},
	{0},
};
