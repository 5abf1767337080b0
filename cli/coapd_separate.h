/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What takes its time: /separate answers a second after the request, with a response of its own (RFC 7252 section
 * 5.2.2). Requests beyond COAPD_SEPARATE_MAX at once are told to come back. */
#pragma once

#include "cli/coapd_table.h"

#define COAPD_SEPARATE_MAX   64
#define COAPD_SEPARATE_DELAY SECONDS(1)

struct coapd_separate {
	struct coap_endpoint *endpoint;
	struct {
		struct handle later;
		msec at;
	} owed[COAPD_SEPARATE_MAX]; /* in order of time; a ring */
	unsigned first, count;
};

void coapd_separate_init(struct coapd_separate *s, struct coapd_table *table);
void coapd_separate_start(struct coapd_separate *s, struct coap_endpoint *endpoint);
msec coapd_separate_deadline(const struct coapd_separate *s);
void coapd_separate_tick(struct coapd_separate *s, msec now);
