/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What comes of a request, on standard output as the user wants it; codes for people go to standard error. */
#pragma once

#include "cli/coapctl_arguments.h"

/* An answer or a notification. */
void coapctl_show(const struct coapctl_arguments *a, const struct coap_reply *reply);
/* One of many answers: who gives it stands in front. */
void coapctl_show_member(const struct coapctl_arguments *a, const struct coap_reply *reply);
/* The answer to a ping, after this time. */
void coapctl_show_pong(const struct coapctl_arguments *a, msec round_trip);
