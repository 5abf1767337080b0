/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapctl_status.h"

#include <stdio.h>

enum coapctl_status coapctl_status_of(enum coap_code code)
{
	return coap_code_class(code) == 4   ? COAPCTL_CLIENT_ERROR
	       : coap_code_class(code) == 5 ? COAPCTL_SERVER_ERROR
					    : COAPCTL_DONE;
}

enum coapctl_status coapctl_fail(enum coapctl_status status, const char *what, const char *why)
{
	fprintf(stderr, "coapctl: %s%s%s\n", what, why != NULL ? ": " : "", why != NULL ? why : "");
	return status;
}
