/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/client_notification.h"

#include "coap/client_call.h"
#include "coap/client_outcome.h"
#include "coap/client_request.h"
#include "coap/transfer.h"

#define RENEWAL_DELAY  SECONDS(5)
#define RENEWAL_SPREAD 10000 /* milliseconds */

/* Without room for the fetch this notification is skipped; the next may find some. */
static void fetch_rest(
	struct coap_endpoint *e, struct handle h, const struct coap_message *m, struct coap_block block, msec now)
{
	struct handle child;
	struct coap_remote remote = *coap_remote_of(e, h);
	if (!coap_exchange_add(&e->exchanges, &remote, false, &e->prng, &child)) {
		e->counters.refused_full++;
		return;
	}
	struct coap_client_call *call = coap_call_of(e, h), *fetch = coap_client_copy(e, h, child);
	fetch->reply = NULL;
	fetch->pending = fetch->child = fetch->assembly = HANDLE_NONE;
	fetch->parent = h;
	fetch->observes = fetch->was_retransmitted = false;
	fetch->fetched = 0;
	call->child = child;
	if (coap_transfer_begin(e, child, m, block) == COAP_TRANSFER_ON)
		coap_client_go_on(e, child, now);
	else
		coap_client_end(e, child, COAP_OUTCOME_BROKEN, now);
}

/* RFC 7641 section 3.3.1: some 5 to 15 seconds behind the end of Max-Age, so that not all clients come at once. */
static msec renewal_deadline(
	struct coap_endpoint *e, const struct coap_client_call *call, const struct coap_message *m, msec now)
{
	uint32_t max_age_s = COAP_MAX_AGE_DEFAULT_S;
	if (!call->renews)
		return NEVER;
	(void)coap_message_uint(m, COAP_OPTION_MAX_AGE, &max_age_s);
	return msec_after(now, SECONDS((msec)max_age_s) + RENEWAL_DELAY + (msec)(prng_u32(&e->prng) % RENEWAL_SPREAD));
}

void coap_client_notified(struct coap_endpoint *e, struct handle h, const struct coap_message *m,
	const struct coap_reply *reply, uint32_t sequence, msec now)
{
	struct coap_client_call *call = coap_call_of(e, h);
	struct coap_block block;
	uint32_t value;
	coap_exchange_observing(&e->exchanges, h, renewal_deadline(e, call, m, now));
	coap_calls_touch(&e->calls, h);
	/* The answer to a registration is no notification that others may have overtaken. */
	call->freshness.has_any = call->freshness.has_any && m->type != COAP_TYPE_ACK;
	/* On a connection they come in order, and the value says nothing (RFC 8323 section 7.1). */
	if (!call->carrier.is_reliable && !coap_freshness_accept(&call->freshness, sequence, now))
		return;
	coap_client_drop_child(e, h);
	if (coap_message_uint(m, COAP_OPTION_BLOCK2, &value) && coap_transfer_parse_block(call, value, &block) &&
		block.has_more)
		fetch_rest(e, h, m, block, now);
	else
		coap_client_tell(e, h, COAP_OUTCOME_NOTIFICATION, reply, now);
}
