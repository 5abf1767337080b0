/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * devices, device show, device tag, device remove. */
#include "cli/device_text.h"
#include "cli/http_client.h"
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <string.h>

#define PATH_BYTES 2048

/* ---- devices ---- */

static const struct option_spec devices_options[] = {
	{"state", "STATE", "only those that are registered, or unregistered", false},
	{"model", "MODEL", "only those of this model", false},
	{"firmware", "VERSION", "only those that run this version", false},
	{"tag", "TAG", "only those with this tag", false},
	{"name", "TEXT", "only those whose endpoint name has this in it", false},
	{0},
};

static void add_parameter(char *path, const char *name, const char *value)
{
	if (value == NULL)
		return;
	size_t len = strlen(path);
	char *escaped = http_client_escape(value);
	snprintf(path + len, PATH_BYTES - len, "&%s=%s", name, escaped);
	free(escaped);
}

/* All pages as one array. */
static json_t *fetch_devices(struct mgmtctl *m, enum exit_status *ret)
{
	json_t *all = json_array();
	for (long long after = 0;;) {
		char path[PATH_BYTES];
		snprintf(path, sizeof path, "/api/v1/devices?limit=1000&after=%lld", after);
		add_parameter(path, "state", arguments_value(m->arguments, "state"));
		add_parameter(path, "model", arguments_value(m->arguments, "model"));
		add_parameter(path, "version", arguments_value(m->arguments, "firmware"));
		add_parameter(path, "tag", arguments_value(m->arguments, "tag"));
		add_parameter(path, "name", arguments_value(m->arguments, "name"));
		json_t *page = api_get(m, path, ret), *next = json_object_get(page, "next");
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, json_object_get(page, "devices"));
		after = json_integer_value(next);
		bool has_more = next != NULL;
		json_decref(page);
		if (!has_more)
			return all;
	}
}

static int compare_names(const void *a, const void *b)
{
	const char *first = text_member(*(json_t *const *)a, "endpoint"),
		   *second = text_member(*(json_t *const *)b, "endpoint");
	return strcmp(first != NULL ? first : "", second != NULL ? second : "");
}

static void print_devices(const struct mgmtctl *m, json_t *const *devices, size_t count)
{
	static const struct table_column columns[] = {{"DEVICE", TABLE_LEFT}, {"STATE", TABLE_LEFT},
		{"FIRMWARE", TABLE_LEFT}, {"MODEL", TABLE_LEFT}, {"UPDATE", TABLE_LEFT}, {"CPU", TABLE_RIGHT},
		{"MEMORY FREE", TABLE_RIGHT}, {"LAST SEEN", TABLE_LEFT}, {0}};
	struct table *t = table_new(columns);
	for (size_t i = 0; i < count; i++)
		device_add_row(t, devices[i]);
	table_print(t, m->has_color, stdout);
	table_free(t);
}

static enum exit_status run_devices(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *all = fetch_devices(m, &status);
	if (all == NULL)
		return status;
	size_t count = json_array_size(all);
	json_t **sorted = memory_take(count * sizeof *sorted);
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(all, i);
	qsort(sorted, count, sizeof *sorted, compare_names);
	if (m->is_json) {
		json_t *answer = json_object(), *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append(list, sorted[i]);
		json_object_set_new(answer, "devices", list);
		print_json(answer);
		json_decref(answer);
	} else if (count == 0) {
		puts("No devices. They appear when they register; see agentd.ini.");
	} else {
		print_devices(m, sorted, count);
	}
	free(sorted);
	json_decref(all);
	return EXIT_DONE;
}

/* ---- one device ---- */

static enum exit_status run_show(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *device = api_get(m, api_path("devices", m->arguments->operands[0], ""), &status);
	if (device == NULL)
		return status;
	if (m->is_json)
		print_json(device);
	else
		device_print(device, m->has_color);
	json_decref(device);
	return EXIT_DONE;
}

static enum exit_status run_remove(struct mgmtctl *m)
{
	enum exit_status status;
	const char *name = m->arguments->operands[0];
	json_t *answer = api_call(m, "DELETE", api_path("devices", name, ""), NULL, &status);
	json_decref(answer);
	if (answer != NULL && !m->is_json) {
		char *safe = table_safe_text(name);
		printf("%s is forgotten. It comes back when it registers; take its credential away to prevent that.\n",
			safe);
		free(safe);
	}
	return status;
}

static enum exit_status run_tag(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *tags = json_array();
	for (size_t i = 1; i < m->arguments->operand_count; i++)
		json_array_append_new(tags, json_string(m->arguments->operands[i]));
	json_t *body = json_pack("{s:o}", "tags", tags);
	json_t *answer = api_call(m, "PUT", api_path("devices", m->arguments->operands[0], "/tags"), body, &status);
	if (answer != NULL && m->is_json)
		print_json(answer);
	json_decref(answer);
	json_decref(body);
	return status;
}

const struct command commands_device[] = {
	{"devices", "", "lists the devices", NULL, devices_options, 0, 0, run_devices},
	{"device show", "EP", "shows all that is known of one device", NULL, NULL, 1, 1, run_show},
	{"device tag", "EP [TAG ...]", "replaces the device's tags",
		"Rollouts select devices by tag. Without a TAG the device has none afterwards.", NULL, 1, 32, run_tag},
	{"device remove", "EP", "forgets a device and its history of registrations", NULL, NULL, 1, 1, run_remove},
	{0},
};
