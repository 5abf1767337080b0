/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The plain resources of coapd:
 *
 *     /test                             a value; a POST to it makes /location1/location2/location3
 *     /alternate                        the value of /test under another path
 *     /location1/location2/location3    a value, not there at first
 *     /seg1/seg2/seg3                   a value under a path of three segments
 *     /counter                          each POST adds one, GET tells
 *     /echo                             FETCH and POST give back what was sent
 *     /secure                           GET with DTLS; 4.01 without */
#pragma once

#include "cli/coapd_table.h"
#include "cli/coapd_value.h"

struct coapd_basic {
	struct coapd_value test, location, segments;
	uint64_t counter;
};

void coapd_basic_init(struct coapd_basic *b, struct coapd_table *table);
