/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * device rekey, device forget-key. */
#include "cli/mgmtctl.h"

#define RENEW_PATH       "/26252/0/3"
#define RENEW_DEADLINE_S (30 * 86400)

static enum exit_status run_renew(struct mgmtctl *m)
{
	enum exit_status status;
	json_t *body =
		json_pack("{s:s, s:s, s:i}", "operation", "execute", "path", RENEW_PATH, "deadline", RENEW_DEADLINE_S);
	json_t *answer =
		api_call(m, "POST", api_path("devices", m->arguments->operands[0], "/requests"), body, &status);
	if (answer != NULL && m->is_json)
		print_json(answer);
	else if (answer != NULL)
		printf("request %lld: the device gets its next credential when it is there\n",
			(long long)json_integer_value(json_object_get(answer, "id")));
	json_decref(answer);
	json_decref(body);
	return status;
}

static enum exit_status run_forget(struct mgmtctl *m)
{
	enum exit_status status;
	json_decref(api_call(m, "DELETE", api_path("devices", m->arguments->operands[0], "/key"), NULL, &status));
	return status;
}

const struct command commands_rekey[] = {
	{"device rekey", "EP", "has the device get its next pre-shared key or certificate",
		"It waits for the device for up to 30 days; mgmtctl requests shows it. The credential in use stays "
		"good\n"
		"until the next one has been used.",
		NULL, 1, 1, run_renew},
	{"device forget-key", "EP", "forgets the keys made for a device that has lost them",
		"The key that the PSK file has for it is good again.", NULL, 1, 1, run_forget},
	{0},
};
