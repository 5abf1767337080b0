/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * events and health watch: what happened, and what happens now. */
#include "cli/device_text.h"
#include "cli/http_client.h"
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/sse.h"
#include "cli/when.h"

#include <string.h>

#define LAST_DEFAULT 50
#define LAST_MAX     1000

/* ---- events ---- */

static const struct option_spec events_options[] = {
	{"last", "N", "how many; the default is 50, at most 1000", false},
	{"device", "EP", "only those about this device", false},
	{"follow", NULL, "goes on with what happens, until it is interrupted", false},
	{0},
};

static enum table_color color_of_event(const char *type)
{
	if (strstr(type, "failed") != NULL || strstr(type, "refused") != NULL || strstr(type, "halted") != NULL)
		return TABLE_BAD;
	if (strstr(type, "confirmed") != NULL || strstr(type, "completed") != NULL)
		return TABLE_GOOD;
	return TABLE_PLAIN;
}

static void print_event(const struct mgmtctl *m, const json_t *event)
{
	const char *at = text_member(event, "at"), *type = text_member(event, "type"),
		   *device = text_member(event, "device");
	const char *detail = text_member(event, "detail"), *actor = text_member(event, "actor");
	char when[WHEN_TEXT_BYTES] = "-", about[160], *safe;
	int64_t moment;
	if (at != NULL && when_parse(at, &moment))
		when_local(moment, when_now(), when);
	snprintf(about, sizeof about, "%.64s%s%.80s%s%.31s%s", device != NULL ? device : "", device != NULL ? "  " : "",
		detail != NULL ? detail : "", actor != NULL ? " (by " : "", actor != NULL ? actor : "",
		actor != NULL ? ")" : "");
	safe = table_safe_text(about);
	type = type != NULL ? type : "?";
	enum table_color color = color_of_event(type);
	printf("%6lld  %-16s  %s%-18s%s  %s\n", (long long)json_integer_value(json_object_get(event, "id")), when,
		table_color_begin(color, m->has_color), type, table_color_end(color, m->has_color), safe);
	free(safe);
	fflush(stdout);
}

struct watch {
	struct mgmtctl *m;
	const struct arguments *arguments;
	unsigned long long count; /* of lines still wanted; 0: no end */
	bool has_end;
};

static bool is_gap(const struct sse_event *event)
{
	if (strcmp(event->type, "gap") != 0)
		return false;
	complain(EXIT_DONE, "some events were missed: the connection was away for too long");
	return true;
}

static bool take_event(void *context, const struct sse_event *event)
{
	struct watch *w = context;
	if (is_gap(event))
		return true;
	json_t *value = json_loads(event->data, 0, NULL);
	if (value != NULL && w->m->is_json)
		print_json(value);
	else if (value != NULL)
		print_event(w->m, value);
	json_decref(value);
	return true;
}

static json_t *fetch_events(struct mgmtctl *m, unsigned long long last, enum exit_status *ret)
{
	char path[512];
	const char *device = arguments_value(m->arguments, "device");
	char *escaped = http_client_escape(device != NULL ? device : "");
	if (device != NULL) /* the last N of a device are further back than the last N of all */
		snprintf(path, sizeof path, "/api/v1/events?limit=%d&device=%.400s", LAST_MAX, escaped);
	else
		snprintf(path, sizeof path, "/api/v1/events?limit=%d&last=%llu", LAST_MAX, last);
	free(escaped);
	return api_get(m, path, ret);
}

static enum exit_status follow_events(struct mgmtctl *m, const json_t *so_far)
{
	char path[512], after[32];
	const char *device = arguments_value(m->arguments, "device");
	struct watch watch = {.m = m};
	char *escaped = http_client_escape(device != NULL ? device : "");
	snprintf(path, sizeof path, "/api/v1/events/stream%s%.400s", device != NULL ? "?device=" : "", escaped);
	free(escaped);
	snprintf(after, sizeof after, "%lld", (long long)json_integer_value(json_object_get(so_far, "newest")));
	return api_follow(m, path, after, take_event, &watch);
}

static enum exit_status run_events(struct mgmtctl *m)
{
	unsigned long long last = LAST_DEFAULT;
	const char *text = arguments_value(m->arguments, "last");
	enum exit_status status;
	if (text != NULL && !arguments_number(text, 0, LAST_MAX, &last))
		return complain_usage(m, "--last takes a number up to %d", LAST_MAX);
	json_t *answer = fetch_events(m, last, &status), *events = json_object_get(answer, "events");
	bool follow = arguments_has(m->arguments, "follow");
	if (answer == NULL)
		return status;
	size_t count = json_array_size(events);
	while (count > last && json_array_remove(events, 0) == 0)
		count--;
	if (m->is_json && !follow)
		print_json(answer);
	for (size_t i = 0; i < count && (!m->is_json || follow); i++) {
		if (m->is_json)
			print_json(json_array_get(events, i));
		else
			print_event(m, json_array_get(events, i));
	}
	status = follow ? follow_events(m, answer) : EXIT_DONE;
	json_decref(answer);
	return status;
}

/* ---- health watch ---- */

static const struct option_spec health_options[] = {
	{"count", "N", "ends after N reports", false},
	{0},
};

static bool is_watched(const struct arguments *a, const char *device)
{
	if (a->operand_count == 0)
		return true;
	for (size_t i = 0; i < a->operand_count; i++)
		if (device != NULL && strcmp(a->operands[i], device) == 0)
			return true;
	return false;
}

static void print_health_title(const struct mgmtctl *m)
{
	printf("%s%-8s  %-20s  %7s  %-20s  %-20s  %-12s  %s%s\n", table_color_begin(TABLE_DIM, m->has_color), "TIME",
		"DEVICE", "CPU", "MEMORY FREE", "DISK FREE", "TEMPERATURE", "PROGRAM",
		table_color_end(TABLE_DIM, m->has_color));
}

static void print_health(const json_t *report)
{
	const json_t *health = json_object_get(report, "health");
	const char *at = text_member(report, "at"), *device = text_member(report, "device");
	char when[WHEN_TEXT_BYTES] = "-", cpu[DEVICE_TEXT_BYTES], memory[DEVICE_TEXT_BYTES], disk[DEVICE_TEXT_BYTES];
	char temperature[DEVICE_TEXT_BYTES], payload[DEVICE_TEXT_BYTES];
	int64_t moment;
	if (at != NULL && when_parse(at, &moment))
		when_local(moment, when_now(), when);
	device_write_cpu(health, cpu);
	device_write_memory(health, memory);
	device_write_disk(health, disk);
	device_write_temperature(health, temperature);
	device_write_payload(health, payload);
	char *name = table_safe_text(device != NULL ? device : "?"), *program = table_safe_text(payload);
	printf("%-8s  %-20s  %7s  %-20s  %-20s  %-12s  %s\n", when, name, cpu, memory, disk, temperature, program);
	free(name);
	free(program);
	fflush(stdout);
}

static bool take_health(void *context, const struct sse_event *event)
{
	struct watch *w = context;
	if (strcmp(event->type, "health") != 0)
		return true;
	json_t *report = json_loads(event->data, 0, NULL);
	bool is_shown = report != NULL && is_watched(w->arguments, text_member(report, "device"));
	if (is_shown && w->m->is_json)
		print_json(report);
	else if (is_shown)
		print_health(report);
	json_decref(report);
	return !is_shown || !w->has_end || --w->count > 0;
}

static enum exit_status run_health_watch(struct mgmtctl *m)
{
	struct watch watch = {.m = m, .arguments = m->arguments};
	const char *count = arguments_value(m->arguments, "count");
	watch.has_end = count != NULL;
	if (count != NULL && !arguments_number(count, 1, 1000000000, &watch.count))
		return complain_usage(m, "--count takes a number from 1");
	if (!m->is_json)
		print_health_title(m);
	return api_follow(m, "/api/v1/health/stream", "", take_health, &watch);
}

const struct command commands_event[] = {
	{"events", "", "shows what happened, from the audit log", NULL, events_options, 0, 0, run_events},
	{"health watch", "[EP ...]", "shows health reports as they arrive",
		"One line for each report, until it is interrupted. Without EP, of all devices.", health_options, 0,
		ARGUMENTS_OPERANDS_MAX, run_health_watch},
	{0},
};
