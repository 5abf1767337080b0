/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What changes by itself and may be observed (RFC 7641). All four show how often they have changed:
 *
 *     /obs           a number, told confirmably
 *     /obs-non       the same, told non-confirmably
 *     /obs-large     more than one block, told confirmably
 *     /obs-pumping   by turns a number and more than one block, told confirmably
 *
 * A PUT shows, and a DELETE lasts, until the next change. */
#pragma once

#include "cli/coapd_table.h"
#include "cli/coapd_value.h"

enum coapd_observed_state {
	COAPD_OBSERVED_COUNTS,  /* it shows the number of changes */
	COAPD_OBSERVED_PUT,     /* it shows what a client has put */
	COAPD_OBSERVED_DELETED, /* nothing is there */
};

enum coapd_observed_size {
	COAPD_OBSERVED_SHORT,
	COAPD_OBSERVED_LONG,
	COAPD_OBSERVED_PUMPING,
};

struct coapd_observed {
	struct coapd_observe *group;
	const struct coap_resource *resource;
	enum coapd_observed_state state;
	enum coapd_observed_size size;
	struct coapd_value put;
};

#define COAPD_OBSERVED_COUNT 4

struct coapd_observe {
	struct coap_endpoint *endpoint;
	struct coapd_observed items[COAPD_OBSERVED_COUNT];
	msec interval, next;
	uint64_t changes;
};

void coapd_observe_init(struct coapd_observe *o, msec interval, struct coapd_table *table);
void coapd_observe_start(struct coapd_observe *o, struct coap_endpoint *endpoint, msec now);
msec coapd_observe_deadline(const struct coapd_observe *o);
void coapd_observe_tick(struct coapd_observe *o, msec now);
