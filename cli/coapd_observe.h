/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What changes by itself and may be observed (RFC 7641): /obs, a number that grows with each interval. */
#pragma once

#include "cli/coapd_table.h"

struct coapd_observe {
	struct coap_endpoint *endpoint;
	const struct coap_resource *obs;
	msec interval, next;
	uint64_t changes;
};

void coapd_observe_init(struct coapd_observe *o, msec interval, struct coapd_table *table);
void coapd_observe_start(struct coapd_observe *o, struct coap_endpoint *endpoint, msec now);
msec coapd_observe_deadline(const struct coapd_observe *o);
void coapd_observe_tick(struct coapd_observe *o, msec now);
