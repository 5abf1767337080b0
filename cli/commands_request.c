/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * request, requests, request cancel, and what --later leaves with the server. */
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <string.h>

#define DEADLINE_MAX_S 7776000
#define REST_BYTES     128

/* ---- leaving one ---- */

bool is_later(const struct mgmtctl *m)
{
	return arguments_has(m->arguments, "later");
}

/* "90", "90s", "15m", "24h", "7d" in seconds. */
static bool read_span(const char *text, unsigned long long *ret)
{
	static const char units[] = "smhd";
	static const unsigned factors[] = {1, 60, 3600, 86400};
	char digits[24];
	size_t len = strlen(text);
	const char *unit = len == 0 ? NULL : strchr(units, text[len - 1]);
	if (unit != NULL)
		len--;
	if (len >= sizeof digits)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!arguments_number(digits, 1, DEADLINE_MAX_S, ret))
		return false;
	*ret *= unit == NULL ? 1 : factors[unit - units];
	return *ret <= DEADLINE_MAX_S;
}

enum exit_status send_later(struct mgmtctl *m, const char *operation, json_t *body)
{
	enum exit_status status;
	unsigned long long seconds;
	const char *deadline = arguments_value(m->arguments, "deadline");
	if (deadline != NULL && !read_span(deadline, &seconds)) {
		json_decref(body);
		return complain_usage(m, "--deadline: a time such as 90s, 15m, 24h, 7d, at most 90d");
	}
	json_object_set_new(body, "operation", json_string(operation));
	if (deadline != NULL)
		json_object_set_new(body, "deadline", json_integer((json_int_t)seconds));
	json_t *answer =
		api_call(m, "POST", api_path("devices", m->arguments->operands[0], "/requests"), body, &status);
	if (answer != NULL && m->is_json) {
		print_json(answer);
	} else if (answer != NULL) {
		long long id = json_integer_value(json_object_get(answer, "id"));
		printf("%lld\n", id);
		fprintf(stderr, "This is request %lld; mgmtctl request %lld shows what has become of it.\n", id, id);
	}
	json_decref(answer);
	json_decref(body);
	return status;
}

/* ---- looking ---- */

static const char *path_of(const json_t *one)
{
	const char *path = text_member(one, "path");
	const json_t *paths = json_object_get(one, "paths");
	const char *first = json_string_value(json_array_get(paths, 0));
	return path != NULL ? path : first != NULL ? first : "";
}

static void add_request(struct table *t, const json_t *one)
{
	char id[32], at[WHEN_TEXT_BYTES];
	const char *why = text_member(one, "why"), *state = text_member(one, "state");
	snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(one, "id")));
	table_add(t, TABLE_PLAIN, id);
	table_add(t, TABLE_PLAIN, text_member(one, "endpoint"));
	table_add(t, TABLE_PLAIN, text_member(one, "operation"));
	table_add(t, TABLE_PLAIN, path_of(one));
	table_add(t, TABLE_PLAIN, state);
	table_add(t, TABLE_PLAIN, moment_member(one, "created_at", at));
	table_add(t, TABLE_DIM, why != NULL ? why : "");
}

static const struct option_spec list_options[] = {
	{"state", "STATE", "only those: waiting, running, done, failed, expired, cancelled, unknown", false},
	{"limit", "N", "at most so many (100)", false},
	{"after", "ID", "only those with higher ids", false},
	{0},
};

static void add_parameters(const struct mgmtctl *m, char rest[REST_BYTES])
{
	static const char *const names[] = {"state", "limit", "after"};
	char separator = '?';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = arguments_value(m->arguments, names[i]);
		size_t len = strlen(rest);
		if (value == NULL || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(value))
			continue;
		snprintf(rest + len, REST_BYTES - len, "%c%s=%s", separator, names[i], value);
		separator = '&';
	}
}

static enum exit_status run_requests(struct mgmtctl *m)
{
	static const struct table_column columns[] = {{"ID", TABLE_RIGHT}, {"DEVICE", TABLE_LEFT},
		{"OPERATION", TABLE_LEFT}, {"PATH", TABLE_LEFT}, {"STATE", TABLE_LEFT}, {"ASKED", TABLE_LEFT},
		{"WHY", TABLE_LEFT}, {0}};
	enum exit_status status;
	char rest[REST_BYTES] = "", all[REST_BYTES + 32];
	bool is_one = m->arguments->operand_count > 0;
	if (is_one)
		strcpy(rest, "/requests");
	add_parameters(m, rest);
	snprintf(all, sizeof all, "/api/v1/requests%s", rest);
	const char *path = is_one ? api_path("devices", m->arguments->operands[0], rest) : all;
	json_t *answer = api_get(m, path, &status), *requests = json_object_get(answer, "requests");
	if (answer == NULL)
		return status;
	struct table *t = table_new(columns);
	for (size_t i = 0; i < json_array_size(requests); i++)
		add_request(t, json_array_get(requests, i));
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(requests) == 0)
		puts("There are no requests.");
	else
		table_print(t, m->has_color, stdout);
	if (!m->is_json && json_object_get(answer, "next") != NULL)
		fprintf(stderr, "There are more: --after %lld\n",
			(long long)json_integer_value(json_object_get(answer, "next")));
	table_free(t);
	json_decref(answer);
	return EXIT_DONE;
}

static void print_line(const char *name, const char *value)
{
	if (value != NULL)
		printf("%-11s %s\n", name, value);
}

static void print_moment(const json_t *one, const char *name, const char *member)
{
	char at[WHEN_TEXT_BYTES];
	if (json_object_get(one, member) != NULL)
		print_line(name, moment_member(one, member, at));
}

static void print_request(const struct mgmtctl *m, const json_t *one)
{
	char number[32];
	print_line("device", text_member(one, "endpoint"));
	print_line("operation", text_member(one, "operation"));
	print_line("path", path_of(one));
	print_line("state", text_member(one, "state"));
	print_line("why", text_member(one, "why"));
	print_line("code", text_member(one, "code"));
	print_line("said", text_member(one, "said"));
	print_line("created", text_member(one, "created"));
	snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(one, "attempts")));
	print_line("attempts", number);
	print_line("asked by", text_member(one, "actor"));
	print_moment(one, "asked", "created_at");
	print_moment(one, "deadline", "deadline");
	print_moment(one, "started", "started_at");
	print_moment(one, "finished", "finished_at");
	if (json_array_size(json_object_get(one, "values")) > 0)
		print_values(m, json_object_get(one, "values"));
	const json_t *links = json_object_get(one, "links");
	for (size_t i = 0; i < json_array_size(links); i++)
		puts(text_member(json_array_get(links, i), "path"));
}

static bool read_id(const struct mgmtctl *m)
{
	unsigned long long number;
	if (arguments_number(m->arguments->operands[0], 1, INT64_MAX, &number))
		return true;
	complain_usage(m, "\"%s\" is no id of a request", m->arguments->operands[0]);
	return false;
}

static enum exit_status run_request(struct mgmtctl *m)
{
	enum exit_status status;
	if (!read_id(m))
		return EXIT_USAGE;
	json_t *answer = api_get(m, api_path("requests", m->arguments->operands[0], ""), &status);
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else
		print_request(m, answer);
	json_decref(answer);
	return EXIT_DONE;
}

static enum exit_status run_cancel(struct mgmtctl *m)
{
	enum exit_status status;
	if (!read_id(m))
		return EXIT_USAGE;
	json_decref(api_call(m, "DELETE", api_path("requests", m->arguments->operands[0], ""), NULL, &status));
	return status;
}

const struct command commands_request[] = {
	{"requests", "[EP]", "lists operations that were left with --later, and what has become of them",
		"WHY says what a request waits for, or how it ended.", list_options, 0, 1, run_requests},
	{"request", "ID", "shows one, with the values it has brought", NULL, NULL, 1, 1, run_request},
	{"request cancel", "ID", "takes one back that waits", NULL, NULL, 1, 1, run_cancel},
	{0},
};
