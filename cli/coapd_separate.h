/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What takes its time: all requests are answered a while later, with a response of its own (RFC 7252 section 5.2.2).
 *
 *     /separate         a value
 *     /separate/below   a value that is not there at first
 *     /separate/fixed   only GET is allowed
 *
 * Requests beyond COAPD_SEPARATE_MAX at once are told to come back. */
#pragma once

#include "cli/coapd_table.h"
#include "cli/coapd_value.h"

#define COAPD_SEPARATE_MAX 64

struct coapd_slow {
	struct coapd_separate *group;
	struct coapd_value value;
	bool is_fixed;
};

struct coapd_separate {
	struct coap_endpoint *endpoint;
	msec delay;
	struct coapd_slow value, below, fixed;
	struct {
		struct handle later;
		msec at;
		enum coap_code code;
		const struct coapd_slow *shows; /* with a 2.05 the value as it is by then */
	} owed[COAPD_SEPARATE_MAX];             /* in order of time; a ring */
	unsigned first, count;
};

void coapd_separate_init(struct coapd_separate *s, msec delay, struct coapd_table *table);
void coapd_separate_start(struct coapd_separate *s, struct coap_endpoint *endpoint);
msec coapd_separate_deadline(const struct coapd_separate *s);
void coapd_separate_tick(struct coapd_separate *s, msec now);
