/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Time as a number: milliseconds of a monotonic clock that the owner of the loop reads once per turn.
 * Nothing in the core reads a clock; every function that needs the time takes it as `now`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef int64_t msec;

#define NEVER      INT64_MAX /* the deadline of what is not due at all */
#define SECONDS(n) ((msec)(n)*1000)

/* The earlier of two deadlines. */
static inline msec msec_earlier(msec a, msec b)
{
	return a < b ? a : b;
}

/* `moment` plus `span`, where either may be NEVER. */
static inline msec msec_after(msec moment, msec span)
{
	return span == NEVER || moment > NEVER - span ? NEVER : moment + span;
}
