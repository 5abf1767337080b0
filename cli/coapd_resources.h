/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * All that coapd shows, the resources of the ETSI plugtests among it: the groups put together into one table, with one
 * deadline.
 *
 *     coapd_basic          /test /alternate /location1/location2/location3 /seg1/seg2/seg3 /counter /echo /secure
 *     coapd_option_cases   /query /location-query /multi-format /validate /create1
 *     coapd_links          /link1 /link2 /link3 /path
 *     coapd_large          /large /large-update /large-create /large-post
 *     coapd_observe        /obs /obs-non /obs-large /obs-pumping
 *     coapd_separate       /separate
 *
 * Their state lives in memory and is gone when the process ends. */
#pragma once

#include "cli/coapd_basic.h"
#include "cli/coapd_large.h"
#include "cli/coapd_observe.h"
#include "cli/coapd_option_cases.h"
#include "cli/coapd_separate.h"
#include "cli/coapd_table.h"

struct coapd_resources {
	struct coapd_table table; /* of the endpoint's configuration */
	struct coapd_basic basic;
	struct coapd_option_cases option_cases;
	struct coapd_large large;
	struct coapd_observe observe;
	struct coapd_separate separate;
};

/* What may be chosen at start. */
struct coapd_resources_config {
	uint64_t large_size;   /* of /large, in bytes */
	msec observe_interval; /* between two changes of what is observed; above 0 */
	msec separate_delay;   /* until a separate response */
};

extern const struct coapd_resources_config coapd_resources_default;
/* A line for each resource, for --help. */
extern const char coapd_resources_help[];

/* `r` is all zero before. It must not move afterwards. */
void coapd_resources_init(struct coapd_resources *r, const struct coapd_resources_config *config);
/* The endpoint runs from now on. It must outlive the last call of tick. */
void coapd_resources_start(struct coapd_resources *r, struct coap_endpoint *endpoint, msec now);
msec coapd_resources_deadline(const struct coapd_resources *r);
void coapd_resources_tick(struct coapd_resources *r, msec now);
