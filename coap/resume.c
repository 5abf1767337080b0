/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Observations that outlive the process of the client: what the server at the other end remembers of one is remote and
 * token (RFC 7641 section 4.1), so whoever has both again goes on where another one stopped, and the server need not
 * know. */
#include "coap/client_call.h"

bool coap_endpoint_observation(const struct coap_endpoint *e, struct handle exchange, struct coap_observation *ret)
{
	const struct coap_exchange *x = coap_exchange_get(&e->exchanges, exchange);
	if (x == NULL || x->phase != COAP_EXCHANGE_OBSERVING)
		return false;
	*ret = (struct coap_observation){x->token, coap_calls_sequence(&e->calls, exchange.slot)};
	return true;
}

bool coap_endpoint_resume(struct coap_endpoint *e, const struct coap_call *from,
	const struct coap_observation *observation, msec now, struct handle *ret_exchange)
{
	struct handle h;
	if (coap_remote_is_reliable(&from->to) ||
		!coap_exchange_resume(&e->exchanges, &from->to, observation->token, &h)) {
		e->counters.refused_full++;
		return false;
	}
	if (!coap_client_prepare(e, from, h)) {
		coap_exchange_remove(&e->exchanges, h);
		return false;
	}
	/* As if the latest notification had come right now, so that none before it counts as newer (RFC 7641 section
	 * 3.4). */
	coap_call_of(e, h)->freshness = (struct coap_freshness){observation->sequence, now, true};
	coap_calls_touch(&e->calls, h);
	if (e->depth == 0)
		coap_client_fold(e);
	*ret_exchange = h;
	return true;
}
