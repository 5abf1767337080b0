/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of a connection, its bytes, and its time. What the bytes mean is in connection_input.c.
 *
 * Each connection has two buffers. The input begins behind room for what coap_frame_to_datagram overwrites, and takes
 * one message of the largest size at least. The output takes three of them:
 *
 *     | busy above this | the answer to the message being handled | what cannot be put off | room for an Abort |
 */
#include "coap/connection_state.h"

#include <assert.h>

/* Keeps messages where they begin aligned, and vector loads within the buffer. */
#define INPUT_HEADROOM_BYTES 64
#define READABLE_BYTES       64
#define LAST_WORDS_BYTES     (2 * COAP_SIGNAL_MAX_BYTES)

static_assert(INPUT_HEADROOM_BYTES >= COAP_FRAME_HEADROOM_BYTES, "a frame is turned into a datagram in place");

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
	t->input_stride = INPUT_HEADROOM_BYTES + (size_t)config->message_size_max + READABLE_BYTES;
	t->output_stride = 3 * (size_t)config->message_size_max + LAST_WORDS_BYTES;
	slab_carve(&t->slab, c, config->capacity);
	deadlines_carve(&t->deadlines, c, config->capacity);
	t->items = carve_take(c, config->capacity, sizeof *t->items);
	t->inputs = carve_take(c, config->capacity, t->input_stride);
	t->outputs = carve_take(c, config->capacity, t->output_stride);
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
	t->news = t->touched = (struct coap_connection_queue){CONNECTION_NO_SLOT, CONNECTION_NO_SLOT};
	return t;
}

/* Handles leave this module with their slots moved up, so that they cannot be taken for secure sessions. */
struct coap_connection *coap_connection_get(const struct coap_connections *t, struct handle h)
{
	struct handle inner = {h.slot - COAP_CONNECTION_SLOTS, h.generation};
	return h.slot >= COAP_CONNECTION_SLOTS && slab_is_valid(&t->slab, inner) ? &t->items[inner.slot] : NULL;
}

static uint32_t slot_of(struct handle h)
{
	return h.slot - COAP_CONNECTION_SLOTS;
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

uint8_t *coap_connection_input(const struct coap_connections *t, uint32_t slot)
{
	return t->inputs + slot * t->input_stride;
}

static uint8_t *output(const struct coap_connections *t, uint32_t slot)
{
	return t->outputs + slot * t->output_stride;
}

/* ---- the lists ---- */

static void push(struct coap_connections *t, struct coap_connection_queue *q, uint32_t slot, size_t link)
{
	struct coap_connection_link *l = (void *)((uint8_t *)&t->items[slot] + link);
	if (l->is_queued)
		return;
	*l = (struct coap_connection_link){CONNECTION_NO_SLOT, true};
	if (q->head == CONNECTION_NO_SLOT) {
		q->head = slot;
	} else {
		struct coap_connection_link *tail = (void *)((uint8_t *)&t->items[q->tail] + link);
		tail->next = slot;
	}
	q->tail = slot;
}

static bool pop(struct coap_connections *t, struct coap_connection_queue *q, size_t link, uint32_t *ret)
{
	if (q->head == CONNECTION_NO_SLOT)
		return false;
	struct coap_connection_link *l = (void *)((uint8_t *)&t->items[q->head] + link);
	*ret = q->head;
	q->head = l->next;
	l->is_queued = false;
	return true;
}

void coap_connection_has_news(struct coap_connections *t, uint32_t slot)
{
	push(t, &t->news, slot, offsetof(struct coap_connection, news));
}

bool coap_connection_take_news(struct coap_connections *t, uint32_t *ret_slot)
{
	return pop(t, &t->news, offsetof(struct coap_connection, news), ret_slot);
}

void coap_connection_touch(struct coap_connections *t, uint32_t slot)
{
	push(t, &t->touched, slot, offsetof(struct coap_connection, touched));
}

/* A connection that is done, and whose loss has been told, goes when the edge hears of it: so its place is never given
 * to another while one of both still thinks of it. */
bool coap_connection_touched(struct coap_connections *t, struct handle *ret)
{
	uint32_t slot;
	if (!pop(t, &t->touched, offsetof(struct coap_connection, touched), &slot))
		return false;
	const struct coap_connection *c = &t->items[slot];
	*ret = handle_of(t, slot);
	if (c->is_done && !c->is_lost_due && !c->news.is_queued) {
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
	coap_connection_touch(t, slot);
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
	coap_connection_touch(t, slot);
}

/* When the peer sends no more either, there is nothing to wait for behind the last words. */
static void finish_if_over(struct coap_connections *t, uint32_t slot)
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
	c->input_start = c->input_end = INPUT_HEADROOM_BYTES;
	coap_connection_enter(t, slot, COAP_CONNECTION_CLOSING, now);
	coap_connection_has_news(t, slot);
	finish_if_over(t, slot);
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
		.input_start = INPUT_HEADROOM_BYTES,
		.input_end = INPUT_HEADROOM_BYTES,
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
	greet(t, slot_of(ret_remote->session), now);
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
	coap_connection_enter(t, slot_of(h), COAP_CONNECTION_GREETING, now);
	greet(t, slot_of(h), now);
}

/* ---- bytes that come ---- */

uint8_t *coap_connection_room(struct coap_connections *t, struct handle h, size_t *ret_len)
{
	struct coap_connection *c = coap_connection_get(t, h);
	*ret_len = 0;
	if (c == NULL || c->has_ended || c->is_done || c->state == COAP_CONNECTION_CONNECTING)
		return NULL;
	if (coap_connection_is_busy(t, c) && c->state != COAP_CONNECTION_CLOSING)
		return NULL;
	uint8_t *input = coap_connection_input(t, slot_of(h));
	uint32_t len = c->input_end - c->input_start;
	if (c->input_start > INPUT_HEADROOM_BYTES) {
		memmove(input + INPUT_HEADROOM_BYTES, input + c->input_start, len);
		c->input_start = INPUT_HEADROOM_BYTES;
		c->input_end = c->input_start + len;
	}
	*ret_len = t->config.message_size_max - len;
	return input + c->input_end;
}

void coap_connection_received(struct coap_connections *t, struct handle h, size_t len, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || len == 0 || c->state == COAP_CONNECTION_CLOSING)
		return;
	assert(len <= t->config.message_size_max - (c->input_end - c->input_start));
	c->input_end += (uint32_t)len;
	c->heard = now;
	coap_connection_arm(t, slot_of(h));
	coap_connection_has_news(t, slot_of(h));
	coap_connection_touch(t, slot_of(h));
}

void coap_connection_ended(struct coap_connections *t, struct handle h, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->has_ended)
		return;
	c->has_ended = true;
	if (c->state == COAP_CONNECTION_CONNECTING)
		coap_connection_drop(t, slot_of(h), COAP_CONNECTION_REFUSED, now);
	coap_connection_has_news(t, slot_of(h));
	coap_connection_touch(t, slot_of(h));
	finish_if_over(t, slot_of(h));
}

void coap_connection_broken(struct coap_connections *t, struct handle h, msec now)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->is_done)
		return;
	coap_connection_drop(t, slot_of(h),
		c->state == COAP_CONNECTION_CONNECTING ? COAP_CONNECTION_REFUSED : COAP_CONNECTION_BROKEN, now);
}

/* ---- bytes that leave ---- */

bool coap_connection_put(struct coap_connections *t, uint32_t slot, struct bytes datagram, msec now)
{
	struct coap_connection *c = &t->items[slot];
	uint8_t *out = output(t, slot);
	size_t size = coap_frame_size(datagram), len = c->output_end - c->output_start;
	/* All but an Abort, which is short, leaves room for one. */
	size_t limit = t->output_stride - (datagram.data[1] == COAP_ABORT ? 0 : COAP_SIGNAL_MAX_BYTES);
	if (size > limit || len > limit - size)
		return false;
	if (size > t->output_stride - c->output_end) {
		memmove(out, out + c->output_start, len);
		c->output_start = 0;
		c->output_end = (uint32_t)len;
	}
	struct writer w = writer_of(out + c->output_end, size);
	coap_frame_write(&w, datagram);
	assert(!w.failed);
	if (len == 0)
		c->output_moved = now;
	c->output_end += (uint32_t)size;
	coap_connection_arm(t, slot);
	coap_connection_touch(t, slot);
	return true;
}

struct bytes coap_connection_output(const struct coap_connections *t, struct handle h)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->output_end == c->output_start)
		return BYTES_NONE;
	return bytes_of(output(t, slot_of(h)) + c->output_start, c->output_end - c->output_start);
}

void coap_connection_written(struct coap_connections *t, struct handle h, size_t len, msec now)
{
	struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || len == 0)
		return;
	assert(len <= c->output_end - c->output_start);
	bool was_busy = coap_connection_is_busy(t, c);
	c->output_start += (uint32_t)len;
	c->output_moved = now;
	if (c->output_start == c->output_end)
		c->output_start = c->output_end = 0;
	if (was_busy && !coap_connection_is_busy(t, c)) {
		coap_connection_has_news(t, slot_of(h)); /* what has come meanwhile may be taken */
		coap_connection_touch(t, slot_of(h));
	}
	coap_connection_arm(t, slot_of(h));
	finish_if_over(t, slot_of(h));
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
		coap_connection_has_news(t, slot);
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
