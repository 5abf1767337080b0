/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * device rekey, device forget-key, device bootstrap: new credentials and accounts. */
#include "cli/mgmtctl.h"

#include <stdio.h>

#define RENEW_PATH       "/26252/0/3"
#define RENEW_DEADLINE_S (30 * 86400)

/* Leaves it with the server, which asks the device when it is there. */
static enum exit_status leave(struct mgmtctl *m, const char *path, const char *what)
{
	enum exit_status status;
	json_t *body = json_pack("{s:s, s:s, s:i}", "operation", "execute", "path", path, "deadline", RENEW_DEADLINE_S);
	json_t *answer =
		api_call(m, "POST", api_path("devices", m->arguments->operands[0], "/requests"), body, &status);
	if (answer != NULL && m->is_json)
		print_json(answer);
	else if (answer != NULL)
		printf("request %lld: %s when it is there\n",
			(long long)json_integer_value(json_object_get(answer, "id")), what);
	json_decref(answer);
	json_decref(body);
	return status;
}

static enum exit_status run_renew(struct mgmtctl *m)
{
	return leave(m, RENEW_PATH, "the device gets its next credential");
}

/* The instance of object 1 that is this server's account; -1 when the device lists none, or several. */
static int own_account(const json_t *device)
{
	const json_t *objects = json_object_get(device, "objects"), *instance;
	int found = -1;
	for (size_t i = 0; i < json_array_size(objects); i++) {
		const json_t *o = json_array_get(objects, i);
		instance = json_object_get(o, "instance");
		if (json_integer_value(json_object_get(o, "object")) != 1 || instance == NULL)
			continue;
		if (found >= 0)
			return -1;
		found = (int)json_integer_value(instance);
	}
	return found;
}

static enum exit_status run_bootstrap(struct mgmtctl *m)
{
	enum exit_status status;
	char path[32];
	const char *given = arguments_value(m->arguments, "account");
	unsigned long long account = 0;
	if (given != NULL && !arguments_number(given, 0, 65534, &account))
		return complain_usage(m, "--account takes a number");
	if (given == NULL) {
		json_t *device = api_get(m, api_path("devices", m->arguments->operands[0], ""), &status);
		int own = own_account(device);
		json_decref(device);
		if (device == NULL)
			return status;
		if (own < 0)
			return complain(EXIT_REFUSED,
				"the device does not say which of its accounts is this server's; give --account N, as "
				"in /1/N");
		account = (unsigned long long)own;
	}
	snprintf(path, sizeof path, "/1/%llu/9", account);
	return leave(m, path, "the device asks its Bootstrap server for its accounts");
}

static const struct option_spec bootstrap_options[] = {
	{"account", "N", "the instance of object 1 that is this server's, for a device with several", false},
	{0},
};

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
	{"device bootstrap", "EP", "has the device ask its Bootstrap server for its accounts anew",
		"It waits for the device for up to 30 days; mgmtctl requests shows it. What comes of it is told by "
		"the\n"
		"Bootstrap server's events, bootstrap-finished and bootstrap-failed.",
		bootstrap_options, 1, 1, run_bootstrap},
	{"device forget-key", "EP", "forgets the keys made for a device that has lost them",
		"The key that the PSK file has for it is good again.", NULL, 1, 1, run_forget},
	{0},
};
