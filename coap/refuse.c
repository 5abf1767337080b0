/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/refuse.h"

#include "coap/answer.h"
#include "coap/content_format.h"
#include "coap/problem.h"

/* After a refusal for want of room the client waits this long (RFC 7252 section 5.9.3.4). */
#define BUSY_MAX_AGE_S 5

void coap_refuse_busy(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = COAP_SERVICE_UNAVAILABLE;
	r.max_age_s = BUSY_MAX_AGE_S;
	e->counters.refused_full++;
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}

void coap_refuse_too_large(struct coap_endpoint *e, const struct coap_origin *origin, msec now)
{
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = COAP_REQUEST_ENTITY_TOO_LARGE;
	coap_options_add_uint(&r.options, COAP_OPTION_SIZE1, e->config.parameters.body_size_max);
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}

void coap_refuse_too_many(struct coap_endpoint *e, const struct coap_origin *origin, uint32_t retry_s, msec now)
{
	struct coap_response r;
	coap_answer_preset(&r);
	r.code = COAP_TOO_MANY_REQUESTS;
	r.max_age_s = retry_s;
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}

void coap_refuse_option(struct coap_endpoint *e, const struct coap_message *m, const struct coap_origin *origin,
	uint16_t offending, msec now)
{
	const struct coap_problem problem = {.option_count = 1, .options = {offending}};
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof room);
	struct coap_response r;
	uint32_t accept = COAP_FORMAT_NONE;
	(void)coap_message_uint(m, COAP_OPTION_ACCEPT, &accept);
	coap_answer_preset(&r);
	r.code = COAP_BAD_OPTION;
	if (accept == COAP_FORMAT_PROBLEM_DETAILS) {
		coap_problem_write(&w, &problem);
		r.content_format = COAP_FORMAT_PROBLEM_DETAILS;
	} else {
		write_text(&w, "option ");
		write_decimal(&w, offending);
	}
	r.payload = writer_bytes(&w);
	coap_answer_send(e, origin, &r, HANDLE_NONE, now);
}
