/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a connection and its time. Its bytes are in connection_buffers.c, and what they mean in
 * connection_input.c. */
#include "coap/connection_state.h"

#include <assert.h>

const char *coap_connection_end_text(enum coap_connection_end end)
{
	switch (end) {
	case COAP_CONNECTION_CLOSED:
		return "the connection was closed";
	case COAP_CONNECTION_RELEASED:
		return "the connection was released";
	case COAP_CONNECTION_REFUSED:
		return "no connection";
	case COAP_CONNECTION_BROKEN:
		return "the connection broke";
	case COAP_CONNECTION_ABORTED:
		return "the peer aborted";
	case COAP_CONNECTION_NO_CSM:
		return "CSM expected";
	case COAP_CONNECTION_BAD_CSM:
		return "option not understood";
	case COAP_CONNECTION_MALFORMED:
		return "malformed message";
	case COAP_CONNECTION_TOO_LONG:
		return "message too long";
	case COAP_CONNECTION_PEER_TAKES_NONE:
		return "the peer takes nothing";
	}
	return "";
}

/* ---- life ---- */

static void lay_out(struct coap_connections *t, struct carve *c, const struct coap_connections_config *config)
{
	t->config = *config;
	t->own = (struct coap_settings){
		.message_size_max = config->message_size_max,
		.has_blocks = true,
		.token_max_bytes = COAP_TOKEN_MAX_BYTES,
	};
	slab_carve(&t->slab, c, config->capacity);
	deadlines_carve(&t->deadlines, c, config->capacity);
	t->items = carve_take(c, config->capacity, sizeof *t->items);
	coap_slot_queue_carve(&t->news, c, config->capacity);
	coap_slot_queue_carve(&t->touched, c, config->capacity);
	coap_connection_carve_buffers(t, c);
}

size_t coap_connections_memory(const struct coap_connections_config *config)
{
	struct coap_connections counted;
	struct carve c = {NULL, 0};
	(void)carve_take(&c, 1, sizeof(struct coap_connections));
	lay_out(&counted, &c, config);
	return c.used;
}

struct coap_connections *coap_connections_init(void *memory, const struct coap_connections_config *config)
{
	struct carve c = {memory, 0};
	assert((uintptr_t)memory % CARVE_ALIGNMENT == 0);
	assert(config->message_size_max >= COAP_MESSAGE_MAX_BYTES && config->message_size_max < UINT32_MAX / 4);
	assert(config->capacity < COAP_CONNECTION_SLOTS);
	struct coap_connections *t = carve_take(&c, 1, sizeof *t);
	memset(t, 0, sizeof *t);
	lay_out(t, &c, config);
	return t;
}

/* Handles leave this module with their slots moved up, so that they cannot be taken for secure sessions. */
struct coap_connection *coap_connection_get(const struct coap_connections *t, struct handle h)
{
	struct handle inner = {h.slot - COAP_CONNECTION_SLOTS, h.generation};
	return h.slot >= COAP_CONNECTION_SLOTS && slab_is_valid(&t->slab, inner) ? &t->items[inner.slot] : NULL;
}

static struct handle handle_of(const struct coap_connections *t, uint32_t slot)
{
	struct handle h = slab_handle(&t->slab, slot);
	return (struct handle){h.slot + COAP_CONNECTION_SLOTS, h.generation};
}

struct coap_remote coap_connection_remote(const struct coap_connections *t, uint32_t slot)
{
	return (struct coap_remote){.address = t->items[slot].address, .session = handle_of(t, slot)};
}

/* A connection that is done, and whose loss has been told, goes when the edge hears of it: so its place is never given
 * to another while one of both still thinks of it. */
bool coap_connection_touched(struct coap_connections *t, struct handle *ret)
{
	uint32_t slot;
	if (!coap_slot_queue_pop(&t->touched, &slot))
		return false;
	const struct coap_connection *c = &t->items[slot];
	*ret = handle_of(t, slot);
	if (c->is_done && !c->is_lost_due && !coap_slot_queue_has(&t->news, slot)) {
		deadlines_disarm(&t->deadlines, slot);
		slab_give(&t->slab, slab_handle(&t->slab, slot));
	}
	return true;
}

/* ---- states ---- */

static msec due_at(const struct coap_connections *t, const struct coap_connection *c)
{
	const struct coap_connections_config *config = &t->config;
	msec at = NEVER;
	switch (c->state) {
	case COAP_CONNECTION_CONNECTING:
		return msec_after(c->since, config->connect_max);
	case COAP_CONNECTION_GREETING:
		return msec_after(c->since, config->greeting_max);
	case COAP_CONNECTION_CLOSING:
		return c->is_done ? NEVER : msec_after(c->since, config->linger_max);
	case COAP_CONNECTION_RELEASING:
		at = msec_after(c->since, config->release_max);
		break;
	case COAP_CONNECTION_OPEN:
		if (c->pinged == NEVER && !c->is_idle_due)
			at = msec_after(c->heard, config->idle_max);
		break;
	}
	at = msec_earlier(at, msec_after(c->pinged, config->pong_max));
	at = msec_earlier(at, msec_after(c->message_began, config->message_max));
	at = msec_earlier(at, msec_after(c->pong_owed, config->release_max));
	return c->output_end > c->output_start ? msec_earlier(at, msec_after(c->output_moved, config->stall_max)) : at;
}

void coap_connection_arm(struct coap_connections *t, uint32_t slot)
{
	deadlines_arm(&t->deadlines, slot, due_at(t, &t->items[slot]));
}

void coap_connection_enter(struct coap_connections *t, uint32_t slot, enum coap_connection_state state, msec now)
{
	struct coap_connection *c = &t->items[slot];
	c->state = state;
	c->since = now;
	coap_connection_arm(t, slot);
	coap_slot_queue_push(&t->touched, slot);
}

void coap_connection_set_pong_owed(struct coap_connections *t, uint32_t slot, msec since)
{
	struct coap_connection *c = &t->items[slot];
	t->awaiting -= c->pong_owed != NEVER;
	t->awaiting += since != NEVER;
	c->pong_owed = since;
	coap_connection_arm(t, slot);
}

static void finish(struct coap_connections *t, uint32_t slot)
{
	struct coap_connection *c = &t->items[slot];
	c->is_done = true;
	c->output_start = c->output_end = 0;
	coap_connection_arm(t, slot);
	coap_slot_queue_push(&t->touched, slot);
}

/* When the peer sends no more either, there is nothing to wait for behind the last words. */
void coap_connection_finish_if_over(struct coap_connections *t, uint32_t slot)
{
	const struct coap_connection *c = &t->items[slot];
	if (c->state == COAP_CONNECTION_CLOSING && c->has_ended && c->output_end == c->output_start)
		finish(t, slot);
}

void coap_connection_lose(struct coap_connections *t, uint32_t slot, enum coap_connection_end end, msec now)
{
	struct coap_connection *c = &t->items[slot];
	if (c->state == COAP_CONNECTION_CLOSING)
		return;
	t->counters.lost++;
	t->awaiting -= c->is_peer_release;
	c->is_peer_release = false;
	coap_connection_set_pong_owed(t, slot, NEVER);
	c->end = end;
	c->is_lost_due = true;
	c->input_start = c->input_end = CONNECTION_INPUT_HEADROOM;
	coap_connection_enter(t, slot, COAP_CONNECTION_CLOSING, now);
	coap_slot_queue_push(&t->news, slot);
	coap_connection_finish_if_over(t, slot);
}

void coap_connection_drop(struct coap_connections *t, uint32_t slot, enum coap_connection_end end, msec now)
{
	coap_connection_lose(t, slot, end, now);
	finish(t, slot);
}

void coap_connection_give_up(
	struct coap_connections *t, uint32_t slot, enum coap_connection_end end, uint16_t bad_csm_option, msec now)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	if (t->items[slot].state == COAP_CONNECTION_CLOSING)
		return;
	coap_signal_write_abort(&w, bad_csm_option, coap_connection_end_text(end));
	t->counters.aborted++;
	(void)coap_connection_put(t, slot, writer_bytes(&w), now);
	coap_connection_lose(t, slot, end, now);
}

/* ---- making one ---- */

static bool add(struct coap_connections *t, const struct address *peer, enum coap_connection_state state, msec now,
	struct coap_remote *ret)
{
	struct handle h;
	if (!slab_take(&t->slab, &h)) {
		t->counters.refused_full++;
		return false;
	}
	t->items[h.slot] = (struct coap_connection){
		.address = *peer,
		.peer = COAP_SETTINGS_BASE,
		.input_start = CONNECTION_INPUT_HEADROOM,
		.input_end = CONNECTION_INPUT_HEADROOM,
		.heard = now,
		.output_moved = now,
		.message_began = NEVER,
		.pinged = NEVER,
		.pong_owed = NEVER,
	};
	coap_connection_enter(t, h.slot, state, now);
	*ret = coap_connection_remote(t, h.slot);
	return true;
}

/* The first message on a connection, both ways (RFC 8323 section 3.3). */
static void greet(struct coap_connections *t, uint32_t slot, msec now)
{
	uint8_t room[COAP_SIGNAL_MAX_BYTES];
	struct writer w = writer_of(room, sizeof room);
	coap_signal_write_csm(&w, &t->own);
	(void)coap_connection_put(t, slot, writer_bytes(&w), now);
}

bool coap_connection_accept(
	struct coap_connections *t, const struct address *peer, msec now, struct coap_remote *ret_remote)
{
	if (!add(t, peer, COAP_CONNECTION_GREETING, now, ret_remote))
		return false;
	t->counters.accepted++;
	greet(t, coap_connection_slot(ret_remote->session), now);
	return true;
}

bool coap_connection_open(
	struct coap_connections *t, const struct address *peer, msec now, struct coap_remote *ret_remote)
{
	if (!add(t, peer, COAP_CONNECTION_CONNECTING, now, ret_remote))
		return false;
	t->counters.opened++;
	return true;
}

void coap_connection_connected(struct coap_connections *t, struct handle h, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->state != COAP_CONNECTION_CONNECTING)
		return;
	c->heard = now;
	coap_connection_enter(t, coap_connection_slot(h), COAP_CONNECTION_GREETING, now);
	greet(t, coap_connection_slot(h), now);
}

/* ---- the end, as the edge hears of it ---- */

void coap_connection_ended(struct coap_connections *t, struct handle h, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->has_ended)
		return;
	c->has_ended = true;
	if (c->state == COAP_CONNECTION_CONNECTING)
		coap_connection_drop(t, coap_connection_slot(h), COAP_CONNECTION_REFUSED, now);
	coap_slot_queue_push(&t->news, coap_connection_slot(h));
	coap_slot_queue_push(&t->touched, coap_connection_slot(h));
	coap_connection_finish_if_over(t, coap_connection_slot(h));
}

void coap_connection_broken(struct coap_connections *t, struct handle h, msec now)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->is_done)
		return;
	coap_connection_drop(t, coap_connection_slot(h),
		c->state == COAP_CONNECTION_CONNECTING ? COAP_CONNECTION_REFUSED : COAP_CONNECTION_BROKEN, now);
}

bool coap_connection_is_closing(const struct coap_connections *t, struct handle h)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	return c == NULL || c->state == COAP_CONNECTION_CLOSING;
}

bool coap_connection_is_known(const struct coap_connections *t, struct handle h)
{
	return coap_connection_get(t, h) != NULL;
}

/* ---- time ---- */

msec coap_connections_deadline(const struct coap_connections *t)
{
	return deadlines_next(&t->deadlines);
}

static void overdue_open(struct coap_connections *t, uint32_t slot, msec now)
{
	struct coap_connection *c = &t->items[slot];
	const struct coap_connections_config *config = &t->config;
	if (c->output_end > c->output_start && msec_after(c->output_moved, config->stall_max) <= now)
		coap_connection_drop(t, slot, COAP_CONNECTION_PEER_TAKES_NONE, now);
	else if (msec_after(c->message_began, config->message_max) <= now)
		coap_connection_give_up(t, slot, COAP_CONNECTION_MALFORMED, 0, now);
	else if (msec_after(c->pinged, config->pong_max) <= now)
		coap_connection_give_up(t, slot, COAP_CONNECTION_PEER_TAKES_NONE, 0, now);
	else if (c->state == COAP_CONNECTION_RELEASING && msec_after(c->since, config->release_max) <= now)
		coap_connection_lose(t, slot, COAP_CONNECTION_RELEASED, now);
	else if (msec_after(c->pong_owed, config->release_max) <= now)
		coap_connection_settled(t, handle_of(t, slot), now);
	else if (c->state == COAP_CONNECTION_OPEN && c->pinged == NEVER)
		c->is_idle_due = msec_after(c->heard, config->idle_max) <= now;
	coap_connection_arm(t, slot);
	if (c->is_idle_due)
		coap_slot_queue_push(&t->news, slot);
}

void coap_connections_tick(struct coap_connections *t, msec now)
{
	uint32_t slot;
	while (deadlines_due(&t->deadlines, now, &slot)) {
		switch (t->items[slot].state) {
		case COAP_CONNECTION_CONNECTING:
			coap_connection_drop(t, slot, COAP_CONNECTION_REFUSED, now);
			break;
		case COAP_CONNECTION_GREETING:
			coap_connection_give_up(t, slot, COAP_CONNECTION_NO_CSM, 0, now);
			break;
		case COAP_CONNECTION_OPEN:
		case COAP_CONNECTION_RELEASING:
			overdue_open(t, slot, now);
			break;
		case COAP_CONNECTION_CLOSING:
			finish(t, slot);
			break;
		}
	}
}

/* ---- questions ---- */

const struct coap_settings *coap_connection_peer(const struct coap_connections *t, struct handle h)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	return c == NULL ? NULL : &c->peer;
}

const struct coap_settings *coap_connections_own(const struct coap_connections *t)
{
	return &t->own;
}

bool coap_connection_is_ready(const struct coap_connections *t, struct handle h)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	return c != NULL && c->state == COAP_CONNECTION_OPEN && !coap_connection_is_busy(t, c);
}

bool coap_connection_state_of(const struct coap_connections *t, struct handle h, enum coap_connection_state *ret)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL)
		return false;
	*ret = c->state;
	return true;
}

uint32_t coap_connections_count(const struct coap_connections *t)
{
	return t->slab.used;
}

const struct coap_connections_counters *coap_connections_counters(const struct coap_connections *t)
{
	return &t->counters;
}
