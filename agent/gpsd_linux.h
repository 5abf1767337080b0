/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the device is, from gpsd (edge). It is asked now and then: a connection is made, watched until there is a fix,
 * and ended, so that between two fixes neither the device nor its receiver is kept awake. Without a fix for
 * GPSD_PATIENCE_S it is tried again at the next turn, and what was known last stays known, with its moment. */
#pragma once

#include "agent/gpsd.h"
#include "coap/base/address.h"
#include "coap/io/loop.h"

#define GPSD_PATIENCE_S 120

struct gpsd_linux {
	struct coap_loop_watch watch;
	struct coap_loop *loop;
	ev_timer timer;
	struct address address;
	double interval_s;
	int descriptor; /* -1: between two turns */
	bool has_asked, is_troubled;
	size_t len; /* of the line so far; one that is too long is skipped to its end */
	bool skips;
	uint8_t line[GPSD_LINE_MAX];

	void *context;
	void (*found)(void *context, const struct platform_location *location);
	/* It cannot be reached, or says what is no JSON: once, until it can be used again. */
	void (*troubled)(void *context, const char *reason);
};

/* Begins, when the loop runs; an interval of at least 10 s. `g` holds the callbacks and stays where it is. */
void gpsd_linux_start(struct gpsd_linux *g, struct coap_loop *loop, const struct address *address, double interval_s);
void gpsd_linux_stop(struct gpsd_linux *g);
