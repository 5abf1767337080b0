/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The messages of a connection: which of them the endpoint gets, and what the others do here.
 *
 *     empty (0.00)       ignored (RFC 8323 section 3.4)
 *     7.01 CSM           the peer's settings; the first message, once and again later
 *     7.02 Ping          Pong, with custody when all requests so far have been answered
 *     7.03 Pong          ours, or the endpoint's
 *     7.04 Release       when all requests have been answered, the end
 *     7.05 Abort         the end
 *     anything else      the endpoint's; before the CSM an error */
#include "coap/connection_state.h"

/* ---- what we say ---- */

bool coap_connection_send(struct coap_connections *t, struct handle h, struct bytes datagram, msec now)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || (c->state != COAP_CONNECTION_OPEN && c->state != COAP_CONNECTION_RELEASING))
		return false;
	t->counters.sent++;
	bool fits = coap_frame_size(datagram) <= c->peer.message_size_max;
	if (fits && coap_connection_put(t, coap_connection_slot(h), datagram, now))
		return true;
	coap_connection_give_up(
		t, coap_connection_slot(h), fits ? COAP_CONNECTION_PEER_TAKES_NONE : COAP_CONNECTION_TOO_LONG, 0, now);
	return false;
}

bool coap_connection_ping(struct coap_connections *t, struct handle h, const struct coap_token *token, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (c == NULL || c->state != COAP_CONNECTION_OPEN)
		return false;
	coap_signal_write_ping(&w, token);
	if (token->len == 0 && c->pinged == NEVER)
		c->pinged = now;
	coap_connection_arm(t, coap_connection_slot(h));
	return coap_connection_put(t, coap_connection_slot(h), writer_bytes(&w), now);
}

void coap_connection_release(struct coap_connections *t, struct handle h, msec now)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (c == NULL || c->state == COAP_CONNECTION_CLOSING || c->state == COAP_CONNECTION_RELEASING)
		return;
	if (c->state != COAP_CONNECTION_OPEN) {
		coap_connection_lose(t, coap_connection_slot(h), COAP_CONNECTION_RELEASED, now);
		return;
	}
	coap_signal_write_release(&w, 0);
	(void)coap_connection_put(t, coap_connection_slot(h), writer_bytes(&w), now);
	coap_connection_enter(t, coap_connection_slot(h), COAP_CONNECTION_RELEASING, now);
}

void coap_connection_close(struct coap_connections *t, struct handle h, msec now)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c != NULL && c->state == COAP_CONNECTION_CONNECTING)
		coap_connection_drop(t, coap_connection_slot(h), COAP_CONNECTION_CLOSED, now);
	else if (c != NULL)
		coap_connection_lose(t, coap_connection_slot(h), COAP_CONNECTION_CLOSED, now);
}

void coap_connection_abort(struct coap_connections *t, struct handle h, enum coap_connection_end why, msec now)
{
	if (coap_connection_get(t, h) != NULL)
		coap_connection_give_up(t, coap_connection_slot(h), why, 0, now);
}

static void send_pong(
	struct coap_connections *t, uint32_t slot, const struct coap_token *token, bool has_custody, msec now)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	coap_signal_write_pong(&w, token, has_custody);
	if (!coap_connection_put(t, slot, writer_bytes(&w), now))
		coap_connection_give_up(t, slot, COAP_CONNECTION_PEER_TAKES_NONE, 0, now);
}

/* ---- what waits for all requests to be answered ---- */

bool coap_connections_awaiting(const struct coap_connections *t, uint32_t *cursor, struct coap_remote *ret)
{
	for (; t->awaiting > 0 && *cursor < t->slab.untouched; ++*cursor) {
		const struct coap_connection *c = &t->items[*cursor];
		if (!slab_is_taken(&t->slab, *cursor) || (c->pong_owed == NEVER && !c->is_peer_release))
			continue;
		*ret = coap_connection_remote(t, (*cursor)++);
		return true;
	}
	return false;
}

void coap_connection_settled(struct coap_connections *t, struct handle h, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL)
		return;
	if (c->pong_owed != NEVER) {
		/* Overdue, it says nothing about what has been done. */
		bool is_in_time = now < msec_after(c->pong_owed, t->config.release_max);
		coap_connection_set_pong_owed(t, coap_connection_slot(h), NEVER);
		send_pong(t, coap_connection_slot(h), &c->pong_token, is_in_time, now);
	}
	if (c->is_peer_release && c->state == COAP_CONNECTION_RELEASING)
		coap_connection_lose(t, coap_connection_slot(h), COAP_CONNECTION_RELEASED, now);
}

/* ---- what the peer says ---- */

/* One Ping with custody is kept; the Pong to one before it says nothing of custody then. */
static void receive_ping(struct coap_connections *t, uint32_t slot, const struct coap_signal *s, msec now)
{
	struct coap_connection *c = &t->items[slot];
	if (!s->has_custody) {
		send_pong(t, slot, &s->token, false, now);
		return;
	}
	if (c->pong_owed != NEVER)
		send_pong(t, slot, &c->pong_token, false, now);
	c->pong_token = s->token;
	coap_connection_set_pong_owed(t, slot, now);
}

static void receive_release(struct coap_connections *t, uint32_t slot, msec now)
{
	struct coap_connection *c = &t->items[slot];
	if (!c->is_peer_release)
		t->awaiting++;
	c->is_peer_release = true;
	coap_connection_enter(t, slot, COAP_CONNECTION_RELEASING, now);
}

/* True when there is something to tell. */
static bool receive_signal(
	struct coap_connections *t, uint32_t slot, struct bytes datagram, msec now, struct coap_connection_event *ret)
{
	struct coap_connection *c = &t->items[slot];
	struct coap_signal s;
	uint16_t option = 0;
	bool is_csm = datagram.data[1] == COAP_CSM;
	switch (coap_signal_parse(datagram, &s, &option)) {
	case COAP_SIGNAL_OK:
		break;
	case COAP_SIGNAL_UNKNOWN:
		return false;
	case COAP_SIGNAL_BAD_OPTION:
		coap_connection_give_up(t, slot, COAP_CONNECTION_BAD_CSM, is_csm ? option : 0, now);
		return false;
	case COAP_SIGNAL_MALFORMED:
		coap_connection_give_up(t, slot, COAP_CONNECTION_MALFORMED, 0, now);
		return false;
	}
	if (s.code == COAP_CSM) {
		coap_settings_apply(&c->peer, &s);
		if (c->state == COAP_CONNECTION_GREETING)
			coap_connection_enter(t, slot, COAP_CONNECTION_OPEN, now);
	} else if (s.code == COAP_PING) {
		receive_ping(t, slot, &s, now);
	} else if (s.code == COAP_RELEASE) {
		receive_release(t, slot, now);
	} else if (s.code == COAP_ABORT) {
		coap_connection_drop(t, slot, COAP_CONNECTION_ABORTED, now);
	} else if (s.token.len == 0 && c->pinged != NEVER) {
		c->pinged = NEVER;
	} else {
		*ret = (struct coap_connection_event){.kind = COAP_CONNECTION_PONG, .token = s.token};
		return true;
	}
	return false;
}

static bool receive(
	struct coap_connections *t, uint32_t slot, struct bytes datagram, msec now, struct coap_connection_event *ret)
{
	enum coap_code code = (enum coap_code)datagram.data[1];
	bool is_signal = coap_code_class(code) == 7;
	if (coap_code_is_empty(code))
		return false;
	/* Without the peer's CSM nothing else counts (RFC 8323 section 3.3); its Abort is heard, so as not to answer
	 * one with another. */
	if (t->items[slot].state == COAP_CONNECTION_GREETING && code != COAP_CSM && code != COAP_ABORT) {
		coap_connection_give_up(t, slot, COAP_CONNECTION_NO_CSM, 0, now);
		return false;
	}
	if (is_signal)
		return receive_signal(t, slot, datagram, now, ret);
	t->counters.received++;
	*ret = (struct coap_connection_event){.kind = COAP_CONNECTION_MESSAGE, .message = datagram};
	return true;
}

/* ---- cutting the stream ---- */

/* The next whole message. False when there is none yet, or never will be. */
static bool take_message(struct coap_connections *t, uint32_t slot, msec now, struct bytes *ret)
{
	struct coap_connection *c = &t->items[slot];
	uint8_t *at = coap_connection_input(t, slot) + c->input_start;
	uint32_t len = c->input_end - c->input_start;
	struct coap_frame frame = {.size = 0};
	if (len == 0 || c->state == COAP_CONNECTION_CLOSING)
		return false;
	enum coap_frame_verdict verdict = coap_frame_parse(bytes_of(at, len), &frame);
	if (verdict == COAP_FRAME_MALFORMED) {
		coap_connection_give_up(t, slot, COAP_CONNECTION_MALFORMED, 0, now);
		return false;
	}
	if (verdict == COAP_FRAME_OK && frame.size > t->config.message_size_max) {
		coap_connection_give_up(t, slot, COAP_CONNECTION_TOO_LONG, 0, now);
		return false;
	}
	if (verdict == COAP_FRAME_SHORT || frame.size > len) {
		if (c->message_began == NEVER)
			c->message_began = now;
		coap_connection_arm(t, slot);
		return false;
	}
	c->input_start += (uint32_t)frame.size;
	c->message_began = NEVER;
	coap_connection_arm(t, slot);
	*ret = coap_frame_to_datagram(at, &frame);
	return true;
}

/* True when there is something to tell of this connection. */
static bool look_at(struct coap_connections *t, uint32_t slot, msec now, struct coap_connection_event *ret)
{
	struct coap_connection *c = &t->items[slot];
	struct bytes datagram;
	while (!coap_connection_is_busy(t, c) && take_message(t, slot, now, &datagram)) {
		if (receive(t, slot, datagram, now, ret))
			return true;
	}
	if (c->has_ended && !coap_connection_is_busy(t, c))
		coap_connection_lose(t, slot,
			c->state == COAP_CONNECTION_RELEASING ? COAP_CONNECTION_RELEASED : COAP_CONNECTION_CLOSED, now);
	if (c->is_lost_due) {
		c->is_lost_due = false;
		coap_slot_queue_push(&t->touched, slot);
		*ret = (struct coap_connection_event){.kind = COAP_CONNECTION_LOST, .end = c->end};
		return true;
	}
	if (c->is_idle_due) {
		c->is_idle_due = false;
		c->heard = now;
		coap_connection_arm(t, slot);
		*ret = (struct coap_connection_event){.kind = COAP_CONNECTION_IDLE};
		return true;
	}
	return false;
}

bool coap_connections_next(struct coap_connections *t, msec now, struct coap_connection_event *ret)
{
	uint32_t slot;
	while (coap_slot_queue_pop(&t->news, &slot)) {
		bool has_event = look_at(t, slot, now, ret);
		if (has_event) {
			ret->remote = coap_connection_remote(t, slot);
			coap_slot_queue_push(&t->news, slot); /* there may be more */
			return true;
		}
		coap_slot_queue_push(&t->touched, slot); /* it has room again, or is done */
	}
	return false;
}
