/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_separate.h"

#include "coap/content_format.h"

static enum coap_answer handle_separate(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_separate *s = context;
	(void)endpoint;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	if (s->count == COAPD_SEPARATE_MAX)
		return coapd_answer_code(ret, COAP_SERVICE_UNAVAILABLE);
	unsigned place = (s->first + s->count++) % COAPD_SEPARATE_MAX;
	s->owed[place].later = request->later;
	s->owed[place].at = now + COAPD_SEPARATE_DELAY;
	return COAP_ANSWER_LATER;
}

void coapd_separate_init(struct coapd_separate *s, struct coapd_table *table)
{
	coapd_table_add(table, (struct coap_resource){.path = "separate", .handle = handle_separate, .context = s});
}

void coapd_separate_start(struct coapd_separate *s, struct coap_endpoint *endpoint)
{
	s->endpoint = endpoint;
}

msec coapd_separate_deadline(const struct coapd_separate *s)
{
	return s->count == 0 ? NEVER : s->owed[s->first].at;
}

void coapd_separate_tick(struct coapd_separate *s, msec now)
{
	struct coap_response r = {.code = COAP_CONTENT,
		.content_format = COAP_FORMAT_TEXT,
		.max_age_s = 60,
		.payload = bytes_of_text("that took a second")};
	while (s->count > 0 && s->owed[s->first].at <= now) {
		(void)coap_endpoint_respond(s->endpoint, s->owed[s->first].later, &r, now);
		s->first = (s->first + 1) % COAPD_SEPARATE_MAX;
		s->count--;
	}
}
