/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command line of agentd, and what it ends with. */
#pragma once

#include "agent/provision_linux.h"

enum agentd_status {
	AGENTD_GOOD = 0,    /* done, or asked to stop */
	AGENTD_USAGE = 2,   /* usage or configuration */
	AGENTD_STATE = 3,   /* state directory */
	AGENTD_NETWORK = 4, /* network or cryptography */
};

struct agentd_options {
	const char *config; /* the path of the configuration */
	bool checks_only;
	struct provision provision; /* `image` is NULL without */
};

/* False, with the status to leave with, when there is nothing more to do: help has been printed, or what is wrong. */
bool agentd_read_options(int argc, char **argv, struct agentd_options *o, enum agentd_status *ret_status);
