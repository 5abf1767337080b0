/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request of coapctl: its answer or answers, its notifications until it is stopped or the time is over, or a ping.
 * The first end of an observation cancels it politely; the second does not wait for that. */
#pragma once

#include "cli/coap_client.h"
#include "cli/coapctl_arguments.h"

/* Runs it, and shows what comes. */
enum coapctl_status coapctl_request(
	struct coap_client *client, const struct coapctl_arguments *a, struct bytes payload);
