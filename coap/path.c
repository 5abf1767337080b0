/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/path.h"

#include "coap/outbound.h"

static bool find(const struct coap_endpoint *e, const struct coap_remote *remote, struct coap_path_state *ret)
{
	const struct coap_transport *t = &e->config.transport;
	return coap_remote_is_secure(remote) && t->path != NULL && t->path(t->context, remote, ret);
}

uint32_t coap_path_limit(const struct coap_endpoint *e, const struct coap_remote *remote)
{
	struct coap_path_state path;
	if (!find(e, remote, &path) || path.allowance == COAP_PATH_FREE)
		return 0;
	return path.allowance > 0 ? path.allowance : 1;
}

struct coap_remote coap_path_remote(const struct coap_endpoint *e, const struct coap_remote *remote)
{
	struct coap_path_state path;
	struct coap_remote there = *remote;
	if (find(e, remote, &path))
		there.address = path.address;
	return there;
}

/* ---- withholding ---- */

/* Kept for as long as an answer may take. */
static bool keep(struct coap_endpoint *e, const struct coap_remote *at, uint16_t id, enum coap_pending_kind kind,
	struct handle owner, struct bytes message, msec now, struct handle *ret)
{
	struct coap_patience once = {.ack_timeout = coap_max_transmit_wait(&e->patience), .ack_random_permille = 1000};
	return coap_retransmit_add(&e->retransmit, at, id, (uint8_t)kind, owner, &once, message, &e->prng, now, ret);
}

/* It is not repeated: the timer of what is withheld sees to that, or the peer that misses it. It does not go through
 * coap_outbound_send, which would end here again. */
static void ping(struct coap_endpoint *e, const struct coap_remote *at, struct handle withheld, msec now)
{
	const struct coap_transport *t = &e->config.transport;
	uint16_t id = (uint16_t)prng_below(&e->prng, UINT16_MAX + 1);
	uint8_t room[COAP_HEADER_BYTES];
	struct writer w = writer_of(room, sizeof room);
	struct handle pending;
	coap_message_write_empty(&w, COAP_TYPE_CON, id);
	if (!keep(e, at, id, COAP_PENDING_PING, withheld, writer_bytes(&w), now, &pending))
		return;
	e->counters.path_pings++;
	e->counters.sent++;
	(void)t->send(t->context, at, writer_bytes(&w), now);
}

/* Many messages may be refused in a row, those of a body for instance. The first is kept, and one ping is enough. */
static bool was_just_asked(struct coap_endpoint *e, const struct coap_remote *at, msec now)
{
	bool is_same = coap_remote_equal(&e->path_asked, at) && address_equal(&e->path_asked.address, &at->address) &&
		       now < msec_after(e->path_asked_at, e->patience.ack_timeout);
	if (!is_same) {
		e->path_asked = *at;
		e->path_asked_at = now;
	}
	return is_same;
}

void coap_path_refused(
	struct coap_endpoint *e, const struct coap_remote *to, struct bytes message, struct handle pending, msec now)
{
	struct coap_remote at = coap_path_remote(e, to);
	uint32_t limit = coap_path_limit(e, to);
	if (limit < COAP_HEADER_BYTES || message.len <= limit)
		return; /* that was not why, or not even a ping may go there */
	if (handle_is_none(pending) &&
		(was_just_asked(e, &at, now) || !keep(e, &at, coap_outbound_next_id(e, to), COAP_PENDING_WITHHELD,
							HANDLE_NONE, message, now, &pending)))
		return;
	ping(e, &at, pending, now);
}

void coap_path_challenged(struct coap_endpoint *e, const struct coap_remote *to, msec now)
{
	struct coap_remote at = coap_path_remote(e, to);
	if (coap_path_limit(e, to) >= COAP_HEADER_BYTES && !was_just_asked(e, &at, now))
		ping(e, &at, HANDLE_NONE, now);
}

/* ---- proof ---- */

static void prove(struct coap_endpoint *e, const struct coap_remote *remote)
{
	const struct coap_transport *t = &e->config.transport;
	if (coap_remote_is_secure(remote) && t->prove != NULL)
		t->prove(t->context, remote);
}

void coap_path_pong(struct coap_endpoint *e, const struct coap_pending *found, msec now)
{
	struct handle withheld = found->owner;
	prove(e, &found->remote);
	const struct coap_pending *p = coap_retransmit_get(&e->retransmit, withheld);
	if (p == NULL)
		return;
	coap_outbound_again(e, withheld, now);
	if (p->kind == COAP_PENDING_WITHHELD)
		coap_retransmit_remove(&e->retransmit, withheld);
}

void coap_path_answered(struct coap_endpoint *e, const struct coap_pending *p)
{
	prove(e, &p->remote);
}

void coap_path_echoed(struct coap_endpoint *e, const struct coap_remote *from)
{
	prove(e, from);
}
