/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_resources.h"

const struct coapd_resources_config coapd_resources_default = {
	.large_size = UINT64_C(256) * 1024,
	.observe_interval = SECONDS(1),
};

void coapd_resources_init(struct coapd_resources *r, const struct coapd_resources_config *config)
{
	coapd_basic_init(&r->basic, &r->table);
	coapd_large_init(&r->large, config->large_size, &r->table);
	coapd_observe_init(&r->observe, config->observe_interval, &r->table);
	coapd_separate_init(&r->separate, &r->table);
}

void coapd_resources_start(struct coapd_resources *r, struct coap_endpoint *endpoint, msec now)
{
	coapd_observe_start(&r->observe, endpoint, now);
	coapd_separate_start(&r->separate, endpoint);
}

msec coapd_resources_deadline(const struct coapd_resources *r)
{
	return msec_earlier(coapd_observe_deadline(&r->observe), coapd_separate_deadline(&r->separate));
}

void coapd_resources_tick(struct coapd_resources *r, msec now)
{
	coapd_observe_tick(&r->observe, now);
	coapd_separate_tick(&r->separate, now);
}
