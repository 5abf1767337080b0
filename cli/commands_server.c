/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * status and the tokens. */
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <string.h>

static long long number_at(const json_t *object, const char *name)
{
	return (long long)json_integer_value(json_object_get(object, name));
}

static void print_counters(const char *title, const json_t *counters)
{
	const char *name;
	json_t *value;
	puts(title);
	json_object_foreach((json_t *)counters, name, value)
		printf("  %-24s %12lld\n", name, (long long)json_integer_value(value));
}

static void print_history(const json_t *history)
{
	const char *state =
		json_is_true(json_object_get(history, "failing")) ? "; the latest could not be written" : "";
	if (history != NULL)
		printf("  history      %lld values kept, %lld lost%s\n", number_at(history, "kept"),
			number_at(history, "lost"), state);
}

static void print_status(const struct mgmtctl *m, const json_t *status)
{
	const json_t *devices = json_object_get(status, "devices");
	char uptime[WHEN_TEXT_BYTES];
	when_span(number_at(status, "uptime_s"), uptime);
	printf("mgmtd %s at %s, up for %s\n", text_member(status, "version"), m->server, uptime);
	printf("  devices      %lld known, %lld registered, %lld connected; room for %lld\n",
		number_at(devices, "known"), number_at(devices, "registered"), number_at(devices, "connected"),
		number_at(devices, "capacity"));
	printf("  waiting      %lld requests to devices, %lld batches for the store\n",
		number_at(status, "operations_waiting"), number_at(status, "store_batches_under_way"));
	print_history(json_object_get(status, "history"));
	printf("  you are      %s (%s)\n", text_member(status, "asked_by"), text_member(status, "role"));
	print_counters("\nCounters since the start", json_object_get(status, "counters"));
	print_counters("\nSecure associations", json_object_get(status, "secure"));
}

static enum exit_status run_status(struct mgmtctl *m)
{
	enum exit_status result;
	json_t *status = api_get(m, "/api/v1/status", &result);
	if (status != NULL && m->is_json)
		print_json(status);
	else if (status != NULL)
		print_status(m, status);
	json_decref(status);
	return result;
}

/* ---- tokens ---- */

static const struct option_spec token_options[] = {
	{"role", "ROLE", "viewer (reads), operator (also releases, rollouts and tags) or admin; the default is viewer",
		false},
	{0},
};

static enum exit_status run_token_add(struct mgmtctl *m)
{
	enum exit_status result;
	const char *role = arguments_value(m->arguments, "role");
	json_t *body =
		json_pack("{s:s, s:s}", "name", m->arguments->operands[0], "role", role != NULL ? role : "viewer");
	if (body == NULL)
		return complain_usage(m, "the name is not UTF-8");
	json_t *answer = api_call(m, "POST", "/api/v1/tokens", body, &result);
	if (answer != NULL && m->is_json)
		print_json(answer);
	else if (answer != NULL) {
		fputs("This is shown once; the server keeps only its hash.\n", stderr);
		printf("%s\n", text_member(answer, "token"));
	}
	json_decref(answer);
	json_decref(body);
	return result;
}

static enum exit_status run_token_list(struct mgmtctl *m)
{
	static const struct table_column columns[] = {{"TOKEN", TABLE_LEFT}, {"ROLE", TABLE_LEFT}, {0}};
	enum exit_status result;
	json_t *answer = api_get(m, "/api/v1/tokens", &result), *token;
	size_t i;
	if (answer == NULL)
		return result;
	struct table *t = table_new(columns);
	json_array_foreach(json_object_get(answer, "tokens"), i, token)
	{
		table_add(t, TABLE_PLAIN, text_member(token, "name"));
		table_add(t, TABLE_PLAIN, text_member(token, "role"));
	}
	if (m->is_json)
		print_json(answer);
	else
		table_print(t, m->has_color, stdout);
	table_free(t);
	json_decref(answer);
	return result;
}

static enum exit_status run_token_remove(struct mgmtctl *m)
{
	enum exit_status result;
	json_decref(api_call(m, "DELETE", api_path("tokens", m->arguments->operands[0], ""), NULL, &result));
	return result;
}

const struct command commands_server[] = {
	{"status", "", "shows how the server does", NULL, NULL, 0, 0, run_status},
	{"token add", "NAME", "makes another token for the API and shows it, once", NULL, token_options, 1, 1,
		run_token_add},
	{"token list", "", "lists the tokens by their names", NULL, NULL, 0, 0, run_token_list},
	{"token remove", "NAME", "takes a token away", NULL, NULL, 1, 1, run_token_remove},
	{0},
};
