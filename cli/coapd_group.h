/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The multicast groups that coapd is a member of (RFC 7252 section 8). */
#pragma once

#include "coap/io/udp.h"

#define COAPD_GROUPS_MAX 8

struct coapd_groups {
	struct address items[COAPD_GROUPS_MAX];
	uint32_t count;
};

/* Reads "ADDRESS[%INTERFACE]" of the command line. False when it is no group, or one too many. */
bool coapd_groups_add(struct coapd_groups *g, const char *text);
/* Joins them all. False when one cannot be joined; it is then said on standard error. */
bool coapd_groups_join(const struct coapd_groups *g, struct coap_udp *udp);
