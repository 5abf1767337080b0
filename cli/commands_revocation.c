/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * device revoke, device restore, revoked. */
#include "cli/http_client.h"
#include "cli/mgmtctl.h"
#include "cli/when.h"

#include <stdlib.h>
#include <string.h>

static const struct option_spec revoke_options[] = {
	{"fingerprint", "HEX", "only the certificate with this SHA-256; the device may come with another credential",
		false},
	{"reason", "TEXT", "why, for the audit log", false},
	{0},
};

static const struct option_spec restore_options[] = {
	{"fingerprint", "HEX", "this certificate instead of the device", false},
	{0},
};

static enum exit_status finish(struct mgmtctl *m, json_t *answer, enum exit_status status, const char *text)
{
	if (answer != NULL && !m->is_json) {
		char *safe = table_safe_text(m->arguments->operands[0]);
		printf("%s %s\n", safe, text);
		free(safe);
	}
	json_decref(answer);
	return status;
}

static enum exit_status run_revoke(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *body = json_object();
	const char *fingerprint = arguments_value(m->arguments, "fingerprint"),
		   *reason = arguments_value(m->arguments, "reason");
	if (fingerprint != NULL)
		json_object_set_new(body, "fingerprint", json_string(fingerprint));
	if (reason != NULL)
		json_object_set_new(body, "reason", json_string(reason));
	json_t *answer =
		api_call(m, "PUT", api_path("devices", m->arguments->operands[0], "/revocation"), body, &status);
	json_decref(body);
	return finish(m, answer, status,
		fingerprint != NULL ? "has lost this certificate." : "is revoked: it is cut off and cannot come back.");
}

static enum exit_status run_restore(struct mgmtctl *m)
{
	enum exit_status status;
	const char *fingerprint = arguments_value(m->arguments, "fingerprint");
	char rest[512] = "/revocation";
	if (fingerprint != NULL) {
		char *escaped = http_client_escape(fingerprint);
		snprintf(rest, sizeof rest, "/revocation?fingerprint=%.300s", escaped);
		free(escaped);
	}
	json_t *answer = api_call(m, "DELETE", api_path("devices", m->arguments->operands[0], rest), NULL, &status);
	return finish(m, answer, status, "is welcome again.");
}

static void print_revoked(const struct mgmtctl *m, const json_t *list)
{
	static const struct table_column columns[] = {{"DEVICE", TABLE_LEFT}, {"SINCE", TABLE_LEFT}, {"BY", TABLE_LEFT},
		{"REFUSED", TABLE_RIGHT}, {"REASON", TABLE_LEFT}, {"CERTIFICATE", TABLE_LEFT}, {0}};
	struct table *t = table_new(columns);
	char since[WHEN_TEXT_BYTES];
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		table_add(t, TABLE_PLAIN, text_member(one, "endpoint"));
		table_add(t, TABLE_DIM, moment_member(one, "since", since));
		table_add(t, TABLE_PLAIN, text_member(one, "actor"));
		table_add_format(
			t, TABLE_PLAIN, "%lld", (long long)json_integer_value(json_object_get(one, "refused")));
		table_add(t, TABLE_PLAIN, text_member(one, "reason"));
		table_add(t, TABLE_DIM, text_member(one, "fingerprint"));
	}
	table_print(t, m->has_color, stdout);
	table_free(t);
}

static enum exit_status run_revoked(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *answer = api_get(m, "/api/v1/revocations", &status), *list = json_object_get(answer, "revocations");
	if (answer == NULL)
		return status;
	if (m->is_json)
		print_json(answer);
	else if (json_array_size(list) == 0)
		puts("Nothing is revoked.");
	else
		print_revoked(m, list);
	json_decref(answer);
	return EXIT_DONE;
}

const struct command commands_revocation[] = {
	{"device revoke", "EP", "takes a device's credentials away, at once and until it is restored",
		"Its association is closed, its registration ends, and no handshake of it succeeds, by whatever\n"
		"credential. The device need not be known yet.",
		revoke_options, 1, 1, run_revoke},
	{"device restore", "EP", "lets a revoked device come again",
		"Certificates that were revoked by --fingerprint stay so until each is restored.", restore_options, 1,
		1, run_restore},
	{"revoked", "", "lists the devices and certificates that are revoked", NULL, NULL, 0, 0, run_revoked},
	{0},
};
