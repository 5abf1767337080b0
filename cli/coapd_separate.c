/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_separate.h"

#define MAX_AGE_S 60

/* What the request does happens at once, as its body is gone afterwards; only the answer waits. */
static enum coap_answer handle(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_slow *x = context;
	struct coapd_separate *s = x->group;
	(void)endpoint;
	if (s->count == COAPD_SEPARATE_MAX)
		return coapd_answer_code(ret, COAP_SERVICE_UNAVAILABLE);
	if (handle_is_none(request->later))
		return COAP_ANSWER_LATER; /* the endpoint refuses it; nothing may have happened then */
	if (x->is_fixed && request->message->code != COAP_GET)
		ret->code = COAP_METHOD_NOT_ALLOWED;
	else
		coapd_value_serve(&x->value, request, ret);
	unsigned place = (s->first + s->count++) % COAPD_SEPARATE_MAX;
	s->owed[place].later = request->later;
	s->owed[place].at = now + s->delay;
	s->owed[place].code = ret->code;
	s->owed[place].shows = x;
	return COAP_ANSWER_LATER;
}

void coapd_separate_init(struct coapd_separate *s, msec delay, struct coapd_table *table)
{
	s->delay = delay;
	s->value.group = s->below.group = s->fixed.group = s;
	s->value.value.when_empty = s->fixed.value.when_empty = "that took its time";
	s->fixed.is_fixed = true;
	(void)coapd_table_add(
		table, (struct coap_resource){.path = "separate", .handle = handle, .context = &s->value});
	(void)coapd_table_add(
		table, (struct coap_resource){
			       .path = "separate/below", .is_hidden = true, .handle = handle, .context = &s->below});
	(void)coapd_table_add(
		table, (struct coap_resource){
			       .path = "separate/fixed", .is_hidden = true, .handle = handle, .context = &s->fixed});
}

void coapd_separate_start(struct coapd_separate *s, struct coap_endpoint *endpoint)
{
	s->endpoint = endpoint;
}

msec coapd_separate_deadline(const struct coapd_separate *s)
{
	return s->count == 0 ? NEVER : s->owed[s->first].at;
}

static void answer(
	struct coapd_separate *s, struct handle later, enum coap_code code, const struct coapd_slow *shows, msec now)
{
	struct coap_response r = {.code = code, .content_format = COAP_FORMAT_NONE, .max_age_s = MAX_AGE_S};
	const struct coap_request any = {.accept = COAP_FORMAT_NONE};
	if (code == COAP_CONTENT)
		coapd_value_get(&shows->value, &any, &r);
	(void)coap_endpoint_respond(s->endpoint, later, &r, now);
}

void coapd_separate_tick(struct coapd_separate *s, msec now)
{
	while (s->count > 0 && s->owed[s->first].at <= now) {
		unsigned place = s->first;
		s->first = (s->first + 1) % COAPD_SEPARATE_MAX;
		s->count--;
		answer(s, s->owed[place].later, s->owed[place].code, s->owed[place].shows, now);
	}
}
