/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What gpsd says, one line of JSON at a time (gpsd's protocol, version 3): of its reports the agent reads TPV, time,
 * position and velocity. Leaf. */
#pragma once

#include "agent/platform.h"
#include "coap/base/arena.h"

#define GPSD_LINE_MAX 4096 /* a SKY report of many satellites is about half of that */

enum gpsd_report {
	GPSD_OTHER,    /* another report than TPV */
	GPSD_NO_FIX,   /* a TPV without a position */
	GPSD_FIX,      /* `ret` is where it is; its moment is 0 when the receiver does not know it */
	GPSD_NONSENSE, /* no JSON, or numbers that no place on earth has */
};

enum gpsd_report gpsd_read(struct bytes line, struct arena *scratch, struct platform_location *ret);
/* "2026-11-24T12:00:00.000Z" as seconds since 1970; 0 for anything else. */
int64_t gpsd_moment(struct bytes text);
