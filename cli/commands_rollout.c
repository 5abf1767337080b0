/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rollout start, list, show, pause, resume, abort. Watching is in rollout_watch.c. */
#include "cli/memory.h"
#include "cli/mgmtctl.h"
#include "cli/rollout_text.h"
#include "cli/when.h"

#include <string.h>

/* ---- start ---- */

static const struct option_spec start_options[] = {
	{"all", NULL, "to all devices that are registered now", false},
	{"device", "EP", "to this device, whether it is there now or not", true},
	{"model", "MODEL", "to the registered devices of this model", false},
	{"tag", "TAG", "to the devices with this tag", false},
	{"waves", "LIST", "sizes of the waves, such as 1,5,25%,100%; each begins when the ones before have ended",
		false},
	{"max-failures", "N|N%", "more failures than these halt the rollout; the default is 0", false},
	{"download-timeout", "SECONDS", "how long a download may stand still", false},
	{"delivery", "WAY",
		"pull: devices fetch it; package: manifest and image are pushed to them in one piece; image: the "
		"image alone; auto, the default: pull, and image for devices that only take pushes",
		false},
	{"wait-timeout", "SECONDS", "how long to wait for a device that is away", false},
	{0},
};

/* 5 as a number, "25%" as a text; NULL when it is neither. */
static json_t *amount_json(const char *text, size_t len)
{
	char copy[16];
	unsigned long long number;
	if (len == 0 || len >= sizeof copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (copy[len - 1] != '%')
		return arguments_number(copy, 0, UINT32_MAX, &number) ? json_integer((json_int_t)number) : NULL;
	copy[len - 1] = '\0';
	if (!arguments_number(copy, 0, 100, &number))
		return NULL;
	copy[len - 1] = '%';
	return json_string(copy);
}

json_t *rollout_waves_json(const char *list)
{
	json_t *waves = json_array();
	for (;;) {
		size_t len = strcspn(list, ",");
		if (json_array_append_new(waves, amount_json(list, len)) != 0) {
			json_decref(waves);
			return NULL;
		}
		if (list[len] == '\0')
			return waves;
		list += len + 1;
	}
}

static json_t *selection_json(const struct arguments *a)
{
	const char *model = arguments_value(a, "model"), *tag = arguments_value(a, "tag"), *device;
	unsigned ways =
		(unsigned)arguments_has(a, "all") + (model != NULL) + (tag != NULL) + arguments_has(a, "device");
	if (ways != 1)
		return NULL;
	if (model != NULL)
		return json_pack("{s:s}", "model", model);
	if (tag != NULL)
		return json_pack("{s:s}", "tag", tag);
	if (arguments_has(a, "all"))
		return json_pack("{s:b}", "all", 1);
	json_t *names = json_array();
	for (size_t n = 0; (device = arguments_nth(a, "device", n)) != NULL; n++)
		json_array_append_new(names, json_string(device));
	return json_pack("{s:o}", "devices", names);
}

static bool add_timeout(struct mgmtctl *m, json_t *body, const char *option, const char *member)
{
	const char *text = arguments_value(m->arguments, option);
	unsigned long long seconds;
	if (text == NULL)
		return true;
	if (!arguments_number(text, 1, UINT32_MAX, &seconds)) {
		complain_usage(m, "--%s takes a number of seconds", option);
		return false;
	}
	json_t *timeouts = json_object_get(body, "timeouts");
	if (timeouts == NULL) {
		timeouts = json_object();
		json_object_set_new(body, "timeouts", timeouts);
	}
	json_object_set_new(timeouts, member, json_integer((json_int_t)seconds));
	return true;
}

/* What the server is asked for; NULL, and complained, when the command line does not say it well. */
static json_t *start_body(struct mgmtctl *m)
{
	const struct arguments *a = m->arguments;
	const char *waves = arguments_value(a, "waves"), *failures = arguments_value(a, "max-failures");
	const char *delivery = arguments_value(a, "delivery");
	json_t *selection = selection_json(a);
	if (selection == NULL) {
		complain_usage(m, "say to which devices: one of --all, --device EP ..., --model MODEL, --tag TAG");
		return NULL;
	}
	json_t *body = json_pack("{s:s, s:o}", "release", a->operands[0], "selection", selection);
	bool is_good = body != NULL;
	if (waves != NULL && json_object_set_new(body, "waves", rollout_waves_json(waves)) != 0) {
		complain_usage(m, "--waves takes sizes with commas between, such as 1,5,25%%,100%%; not \"%s\"", waves);
		is_good = false;
	}
	if (failures != NULL &&
		json_object_set_new(body, "max_failures", amount_json(failures, strlen(failures))) != 0) {
		complain_usage(m, "--max-failures takes a number or a percentage, not \"%s\"", failures);
		is_good = false;
	}
	if (delivery != NULL)
		json_object_set_new(body, "delivery", json_string(delivery));
	is_good = is_good && add_timeout(m, body, "download-timeout", "download_s") &&
		  add_timeout(m, body, "wait-timeout", "wait_s");
	if (is_good)
		return body;
	json_decref(body);
	return NULL;
}

static enum exit_status run_start(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *body = start_body(m);
	if (body == NULL)
		return EXIT_USAGE;
	json_t *rollout = api_call(m, "POST", "/api/v1/rollouts", body, &status);
	json_decref(body);
	if (rollout != NULL && m->is_json) {
		print_json(rollout);
	} else if (rollout != NULL) {
		long long id = (long long)json_integer_value(json_object_get(rollout, "id"));
		printf("rollout %lld of release %s to %lld devices has begun\nWatch it with: mgmtctl rollout watch "
		       "%lld\n",
			id, text_member(rollout, "release"),
			(long long)json_integer_value(json_object_get(rollout, "total")), id);
	}
	json_decref(rollout);
	return status;
}

/* ---- list and show ---- */

static void add_rollout(struct table *t, const json_t *rollout)
{
	char when[WHEN_TEXT_BYTES], counts[ROLLOUT_TEXT_BYTES];
	const char *state = text_member(rollout, "state");
	rollout_write_counts(rollout, counts);
	table_add_format(t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(rollout, "id")));
	table_add(t, rollout_color(state), state);
	table_add(t, TABLE_PLAIN, text_member(rollout, "release"));
	table_add(t, TABLE_PLAIN, text_member(rollout, "selection"));
	table_add(t, TABLE_PLAIN, counts);
	table_add(t, TABLE_PLAIN, moment_member(rollout, "started_at", when));
	table_add(t, TABLE_PLAIN, text_member(rollout, "started_by"));
	table_add(t, TABLE_PLAIN, text_member(rollout, "why"));
}

static enum exit_status run_list(struct mgmtctl *m)
{
	static const struct table_column columns[] = {{"ROLLOUT", TABLE_RIGHT}, {"STATE", TABLE_LEFT},
		{"RELEASE", TABLE_LEFT}, {"TO", TABLE_LEFT}, {"DEVICES", TABLE_LEFT}, {"STARTED", TABLE_LEFT},
		{"BY", TABLE_LEFT}, {"WHY", TABLE_LEFT}, {0}};
	enum exit_status status;
	size_t i;
	json_t *answer = api_get(m, "/api/v1/rollouts", &status), *rollout;
	if (answer == NULL)
		return status;
	struct table *t = table_new(columns);
	json_array_foreach(json_object_get(answer, "rollouts"), i, rollout) add_rollout(t, rollout);
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(json_object_get(answer, "rollouts")) == 0)
		puts("No rollouts. mgmtctl rollout start begins one.");
	else
		table_print(t, m->has_color, stdout);
	table_free(t);
	json_decref(answer);
	return EXIT_DONE;
}

static enum exit_status run_show(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *rollout = api_get(m, api_path("rollouts", m->arguments->operands[0], ""), &status);
	if (rollout != NULL && m->is_json)
		print_json(rollout);
	else if (rollout != NULL)
		rollout_print(rollout, SIZE_MAX, m->has_color, stdout);
	json_decref(rollout);
	return status;
}

/* ---- steering ---- */

static enum exit_status command(struct mgmtctl *m, const char *word)
{
	enum exit_status status;
	json_t *rollout = api_call(m, "POST", api_path("rollouts", m->arguments->operands[0], word), NULL, &status);
	if (rollout != NULL && m->is_json)
		print_json(rollout);
	else if (rollout != NULL)
		printf("rollout %s is %s\n", m->arguments->operands[0], text_member(rollout, "state"));
	json_decref(rollout);
	return status;
}

static enum exit_status run_pause(struct mgmtctl *m)
{
	return command(m, "/pause");
}

static enum exit_status run_resume(struct mgmtctl *m)
{
	return command(m, "/resume");
}

static enum exit_status run_abort(struct mgmtctl *m)
{
	return command(m, "/abort");
}

const struct command commands_rollout[] = {
	{"rollout start", "RELEASE --all|--device EP ...|--model M|--tag T", "begins to bring a release to devices",
		"Without --waves all devices are one wave. A rollout that halts offers the release to nobody any more "
		"until\n"
		"mgmtctl rollout resume; what has been installed stays.",
		start_options, 1, 1, run_start},
	{"rollout list", "", "lists the rollouts", NULL, NULL, 0, 0, run_list},
	{"rollout show", "ID", "shows a rollout and each of its devices", NULL, NULL, 1, 1, run_show},
	{"rollout watch", "ID", "follows a rollout to its end",
		"On a terminal with a bar for each device, otherwise with a line for each change; with --json one "
		"object for each\n"
		"change. Ends with status 0 when the rollout has completed without being halted, with 6 when it was "
		"halted or\n"
		"aborted. A server that is away for a while is waited for.",
		NULL, 1, 1, run_rollout_watch},
	{"rollout pause", "ID", "holds a rollout back; what installs goes on", NULL, NULL, 1, 1, run_pause},
	{"rollout resume", "ID", "lets a paused or halted rollout go on; failures so far are forgiven", NULL, NULL, 1,
		1, run_resume},
	{"rollout abort", "ID", "ends a rollout; what installs is still followed", NULL, NULL, 1, 1, run_abort},
	{0},
};
