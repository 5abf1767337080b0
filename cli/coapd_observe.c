/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_observe.h"

#include "cli/coapd_basic.h"

static enum coap_answer handle_obs(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_observe *o = context;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	coapd_answer_number(request, o->changes, ret);
	return COAP_ANSWER_NOW;
}

void coapd_observe_init(struct coapd_observe *o, msec interval, struct coapd_table *table)
{
	o->interval = interval;
	o->next = NEVER;
	o->obs = coapd_table_add(table, (struct coap_resource){.path = "obs",
						.attributes = "ct=0",
						.is_observable = true,
						.handle = handle_obs,
						.context = o});
}

void coapd_observe_start(struct coapd_observe *o, struct coap_endpoint *endpoint, msec now)
{
	o->endpoint = endpoint;
	o->next = now + o->interval;
}

msec coapd_observe_deadline(const struct coapd_observe *o)
{
	return o->next;
}

void coapd_observe_tick(struct coapd_observe *o, msec now)
{
	if (now < o->next)
		return;
	o->changes++;
	o->next = now + o->interval;
	coap_endpoint_resource_changed(o->endpoint, o->obs, now);
}
