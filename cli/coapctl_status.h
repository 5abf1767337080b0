/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How coapctl ends, for scripts, and how it says why, for people. */
#pragma once

#include "coap/code.h"

enum coapctl_status {
	COAPCTL_DONE = 0,
	COAPCTL_LOCAL = 1, /* a file, memory, the network of this machine */
	COAPCTL_USAGE = 2,
	COAPCTL_SILENT = 3,       /* no answer */
	COAPCTL_CLIENT_ERROR = 4, /* 4.xx */
	COAPCTL_SERVER_ERROR = 5, /* 5.xx */
	COAPCTL_SECURITY = 6,     /* no secure session */
	COAPCTL_BROKEN = 7,       /* an answer that cannot be used */
};

/* What an answer of this code ends with. */
enum coapctl_status coapctl_status_of(enum coap_code code);
/* Says what has failed on standard error, and why unless it is NULL; gives `status` back. */
enum coapctl_status coapctl_fail(enum coapctl_status status, const char *what, const char *why);
