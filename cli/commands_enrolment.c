/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * enrolment list, enrolment approve, enrolment reject. */
#include "cli/mgmtctl.h"
#include "cli/when.h"

static void print_enrolments(const struct mgmtctl *m, const json_t *list)
{
	static const struct table_column columns[] = {{"DEVICE", TABLE_LEFT}, {"STATE", TABLE_LEFT},
		{"SINCE", TABLE_LEFT}, {"LAST ASKED", TABLE_LEFT}, {"PUBLIC KEY", TABLE_LEFT}, {0}};
	struct table *t = table_new(columns);
	char since[WHEN_TEXT_BYTES], asked[WHEN_TEXT_BYTES];
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		table_add(t, TABLE_PLAIN, text_member(one, "endpoint"));
		table_add(t, TABLE_PLAIN, text_member(one, "state"));
		table_add(t, TABLE_DIM, moment_member(one, "since", since));
		table_add(t, TABLE_DIM, moment_member(one, "asked_at", asked));
		table_add(t, TABLE_DIM, text_member(one, "public_key"));
	}
	table_print(t, m->has_color, stdout);
	table_free(t);
}

static enum exit_status run_list(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *answer = api_get(m, "/api/v1/enrolments", &status), *list = json_object_get(answer, "enrolments");
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(list) == 0)
		puts("No device waits for a certificate.");
	else
		print_enrolments(m, list);
	json_decref(answer);
	return EXIT_DONE;
}

static enum exit_status decide(struct mgmtctl *m, const char *word)
{
	enum exit_status status;
	json_decref(api_call(m, "POST", api_path("enrolments", m->arguments->operands[0], word), NULL, &status));
	return status;
}

static enum exit_status run_approve(struct mgmtctl *m)
{
	return decide(m, "/approve");
}

static enum exit_status run_reject(struct mgmtctl *m)
{
	return decide(m, "/reject");
}

const struct command commands_enrolment[] = {
	{"enrolment list", "", "lists the devices that wait for a certificate",
		"Devices wait where mgmtd.ini says mode = approval in [enrolment].", NULL, 0, 0, run_list},
	{"enrolment approve", "EP", "lets the device have the certificate, when it comes again", NULL, NULL, 1, 1,
		run_approve},
	{"enrolment reject", "EP", "refuses the device's request; one with another key waits anew", NULL, NULL, 1, 1,
		run_reject},
	{0},
};
