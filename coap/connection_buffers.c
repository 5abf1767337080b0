/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The bytes of connections, in two buffers for each. The input begins behind room for what coap_frame_to_datagram
 * overwrites, and takes one message of the largest size at least. The output takes three of them:
 *
 *     | busy above this | the answer to the message being handled | what cannot be put off | room for an Abort |
 */
#include "coap/connection_state.h"

/* Keeps vector loads within the buffer. */
#define READABLE_BYTES   64
#define LAST_WORDS_BYTES (2 * COAP_SIGNAL_MAX_BYTES)

static_assert(CONNECTION_INPUT_HEADROOM >= COAP_FRAME_HEADROOM_BYTES, "a frame is turned into a datagram in place");

void coap_connection_carve_buffers(struct coap_connections *t, struct carve *c)
{
	size_t most = t->config.message_size_max;
	t->input_stride = CONNECTION_INPUT_HEADROOM + most + READABLE_BYTES;
	t->output_stride = 3 * most + LAST_WORDS_BYTES;
	t->inputs = carve_take(c, t->config.capacity, t->input_stride);
	t->outputs = carve_take(c, t->config.capacity, t->output_stride);
}

uint8_t *coap_connection_input(const struct coap_connections *t, uint32_t slot)
{
	return t->inputs + slot * t->input_stride;
}

static uint8_t *output(const struct coap_connections *t, uint32_t slot)
{
	return t->outputs + slot * t->output_stride;
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
	uint8_t *input = coap_connection_input(t, coap_connection_slot(h));
	uint32_t len = c->input_end - c->input_start;
	if (c->input_start > CONNECTION_INPUT_HEADROOM) {
		memmove(input + CONNECTION_INPUT_HEADROOM, input + c->input_start, len);
		c->input_start = CONNECTION_INPUT_HEADROOM;
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
	coap_connection_arm(t, coap_connection_slot(h));
	coap_slot_queue_push(&t->news, coap_connection_slot(h));
	coap_slot_queue_push(&t->touched, coap_connection_slot(h));
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
	coap_slot_queue_push(&t->touched, slot);
	return true;
}

struct bytes coap_connection_output(const struct coap_connections *t, struct handle h)
{
	const struct coap_connection *c = coap_connection_get(t, h);
	if (c == NULL || c->output_end == c->output_start)
		return BYTES_NONE;
	return bytes_of(output(t, coap_connection_slot(h)) + c->output_start, c->output_end - c->output_start);
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
		coap_slot_queue_push(&t->news, coap_connection_slot(h)); /* what has come meanwhile may be taken */
		coap_slot_queue_push(&t->touched, coap_connection_slot(h));
	}
	coap_connection_arm(t, coap_connection_slot(h));
	coap_connection_finish_if_over(t, coap_connection_slot(h));
}
