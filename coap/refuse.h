/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Refusals that say more than their code: until when not to come again, how large a body may be, which option was not
 * understood. For the files of the composer alone. */
#pragma once

#include "coap/endpoint_state.h"

/* 5.03: there is no room, which is counted. */
void coap_refuse_busy(struct coap_endpoint *e, const struct coap_origin *origin, msec now);
/* 4.13 with the largest size (RFC 7959 section 2.9.3). */
void coap_refuse_too_large(struct coap_endpoint *e, const struct coap_origin *origin, msec now);
/* 4.29 (RFC 8516). */
void coap_refuse_too_many(struct coap_endpoint *e, const struct coap_origin *origin, uint32_t retry_s, msec now);
/* 4.02 that tells which option it is (RFC 7252 section 5.4.1): in words, or to those who accept them in problem details
 * (RFC 9290). Shortness goes before eloquence, since the answer may go to a stranger. */
void coap_refuse_option(struct coap_endpoint *e, const struct coap_message *m, const struct coap_origin *origin,
	uint16_t offending, msec now);
