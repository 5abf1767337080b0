/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_observe.h"

#define LONG_LINES 40 /* of more than 32 bytes */

static bool is_long(const struct coapd_observed *x)
{
	switch (x->size) {
	case COAPD_OBSERVED_SHORT:
		return false;
	case COAPD_OBSERVED_LONG:
		return true;
	case COAPD_OBSERVED_PUMPING:
		return x->group->changes % 2 == 1;
	}
	return false;
}

/* One number, or the same number in each of many lines, so that a mixture of two states is seen. */
static struct bytes write_changes(const struct coapd_observed *x, struct arena *scratch)
{
	struct writer w = arena_writer(scratch);
	write_decimal(&w, x->group->changes);
	for (int i = 0; is_long(x) && i < LONG_LINES; i++) {
		write_text(&w, " is how often this has changed\n");
		write_decimal(&w, x->group->changes);
	}
	arena_keep(scratch, &w);
	return writer_bytes(&w);
}

/* Fresh until the next change. */
static uint32_t max_age_s(const struct coapd_observe *o)
{
	return (uint32_t)((o->interval + SECONDS(1) - 1) / SECONDS(1));
}

static enum coap_answer get(
	const struct coapd_observed *x, const struct coap_request *request, struct coap_response *ret)
{
	ret->max_age_s = max_age_s(x->group);
	switch (x->state) {
	case COAPD_OBSERVED_COUNTS:
		return coapd_answer_content(request, COAP_FORMAT_TEXT, write_changes(x, request->scratch), ret);
	case COAPD_OBSERVED_PUT:
		coapd_value_get(&x->put, request, ret);
		return COAP_ANSWER_NOW;
	case COAPD_OBSERVED_DELETED:
		return coapd_answer_code(ret, COAP_NOT_FOUND);
	}
	return COAP_ANSWER_NOW;
}

static void change(struct coapd_observed *x, enum coapd_observed_state state, msec now)
{
	x->state = state;
	coap_endpoint_resource_changed(x->group->endpoint, x->resource, now);
}

static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_observed *x = context;
	(void)endpoint;
	if (request->message->code == COAP_GET)
		return get(x, request, ret);
	if (request->message->code != COAP_PUT && request->message->code != COAP_DELETE)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	x->put.exists = x->state != COAPD_OBSERVED_DELETED;
	coapd_value_serve(&x->put, request, ret);
	if (coap_code_is_success(ret->code))
		change(x, request->message->code == COAP_PUT ? COAPD_OBSERVED_PUT : COAPD_OBSERVED_DELETED, now);
	return COAP_ANSWER_NOW;
}

void coapd_observe_init(struct coapd_observe *o, msec interval, struct coapd_table *table)
{
	static const struct {
		const char *path;
		enum coapd_observed_size size;
		bool confirms;
	} rows[COAPD_OBSERVED_COUNT] = {
		{"obs", COAPD_OBSERVED_SHORT, true},
		{"obs-non", COAPD_OBSERVED_SHORT, false},
		{"obs-large", COAPD_OBSERVED_LONG, true},
		{"obs-pumping", COAPD_OBSERVED_PUMPING, true},
	};
	o->interval = interval;
	o->next = NEVER;
	for (int i = 0; i < COAPD_OBSERVED_COUNT; i++) {
		o->items[i].group = o;
		o->items[i].size = rows[i].size;
		o->items[i].resource = coapd_table_add(table, (struct coap_resource){.path = rows[i].path,
								      .attributes = "ct=0",
								      .is_observable = true,
								      .confirms_changes = rows[i].confirms,
								      .handle = handle,
								      .context = &o->items[i]});
	}
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
	for (int i = 0; i < COAPD_OBSERVED_COUNT; i++)
		change(&o->items[i], COAPD_OBSERVED_COUNTS, now);
}
