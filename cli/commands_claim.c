/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * claim create, claim list, claim remove. */
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <stdlib.h>
#include <string.h>

static const struct option_spec create_options[] = {
	{"name", "EP", "the device it is for; without, one that is not known yet under the name it asks for", false},
	{"hours", "N", "how long it may be used; 24 by default, at most 8760", false},
	{0},
};

static enum exit_status run_create(struct mgmtctl *m)
{
	enum exit_status status;
	const char *name = arguments_value(m->arguments, "name"), *hours = arguments_value(m->arguments, "hours");
	json_t *body = json_object();
	if (name != NULL)
		json_object_set_new(body, "endpoint", json_string(name));
	if (hours != NULL) {
		char *end;
		long number = strtol(hours, &end, 10);
		if (end == hours || *end != '\0') {
			json_decref(body);
			return complain_usage(m, "--hours takes a number");
		}
		json_object_set_new(body, "hours", json_integer(number));
	}
	json_t *answer = api_call(m, "POST", "/api/v1/claims", body, &status);
	if (answer != NULL && m->is_json)
		print_json(answer);
	else if (answer != NULL) {
		fputs("This is shown once; it is good for one certificate.\n", stderr);
		printf("identity %s\nkey      %s\n", text_member(answer, "identity"), text_member(answer, "key"));
	}
	json_decref(answer);
	json_decref(body);
	return status;
}

static void print_claims(const struct mgmtctl *m, const json_t *list)
{
	static const struct table_column columns[] = {{"CLAIM", TABLE_LEFT}, {"STATE", TABLE_LEFT},
		{"DEVICE", TABLE_LEFT}, {"BY", TABLE_LEFT}, {"ENDS", TABLE_LEFT}, {"USED", TABLE_LEFT}, {0}};
	struct table *t = table_new(columns);
	char ends[WHEN_TEXT_BYTES], used[WHEN_TEXT_BYTES];
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *state = text_member(one, "state");
		bool is_open = state != NULL && strcmp(state, "open") == 0;
		table_add(t, TABLE_PLAIN, text_member(one, "identity"));
		table_add(t, is_open ? TABLE_GOOD : TABLE_DIM, state);
		table_add(t, TABLE_PLAIN, text_member(one, "endpoint"));
		table_add(t, TABLE_PLAIN, text_member(one, "actor"));
		table_add(t, TABLE_DIM, moment_member(one, "expires_at", ends));
		table_add(t, TABLE_DIM, moment_member(one, "used_at", used));
	}
	table_print(t, m->has_color, stdout);
	table_free(t);
}

static enum exit_status run_list(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *answer = api_get(m, "/api/v1/claims", &status), *list = json_object_get(answer, "claims");
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(list) == 0)
		puts("There are no claims.");
	else
		print_claims(m, list);
	json_decref(answer);
	return EXIT_DONE;
}

static enum exit_status run_remove(struct mgmtctl *m)
{
	enum exit_status status;
	json_decref(api_call(m, "DELETE", api_path("claims", m->arguments->operands[0], ""), NULL, &status));
	return status;
}

const struct command commands_claim[] = {
	{"claim create", "", "makes a key that is good for one certificate, and shows it, once",
		"A device that comes with it as pre-shared key may enrol and do nothing else. After its certificate "
		"has\n"
		"been issued the claim is used up.",
		create_options, 0, 0, run_create},
	{"claim list", "", "lists the claims and what has become of them", NULL, NULL, 0, 0, run_list},
	{"claim remove", "IDENTITY", "takes a claim away", NULL, NULL, 1, 1, run_remove},
	{0},
};
