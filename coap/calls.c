/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/calls.h"

#include <assert.h>

#define PLACE_ENDED UINT32_MAX

enum fold_flag {
	FOLD_RENEWS = 1,
	FOLD_NONCONFIRMABLE = 2,
	FOLD_RETRANSMITTED = 4,
	FOLD_RESTARTED = 8,
	FOLD_ECHOED = 16,
};

_Static_assert(sizeof(struct coap_folded_call) == 32, "a folded call is what a waiting observation costs");

void coap_calls_carve(struct coap_calls *c, struct carve *carve, uint32_t capacity)
{
	c->items = carve_take(carve, capacity, sizeof *c->items);
	c->rooms = carve_take(carve, capacity, sizeof *c->rooms);
	c->folded = carve_take(carve, capacity, sizeof *c->folded);
	slab_carve(&c->places, carve, capacity);
	c->caller_count = 0;
	c->touched_count = 0;
}

static struct coap_client_call *take_place(struct coap_calls *c, uint32_t exchange)
{
	struct handle place;
	bool has_room = slab_take(&c->places, &place);
	assert(has_room); /* there are as many places as exchanges */
	c->folded[exchange].place = place.slot + 1;
	c->items[place.slot].room = &c->rooms[place.slot];
	return &c->items[place.slot];
}

static void give_place(struct coap_calls *c, uint32_t exchange)
{
	uint32_t place = c->folded[exchange].place;
	if (place != 0)
		slab_give(&c->places, slab_handle(&c->places, place - 1));
}

struct coap_client_call *coap_calls_begin(struct coap_calls *c, uint32_t exchange)
{
	return take_place(c, exchange);
}

void coap_calls_end(struct coap_calls *c, uint32_t exchange)
{
	give_place(c, exchange);
	c->folded[exchange].place = PLACE_ENDED;
}

struct coap_client_call *coap_calls_find(const struct coap_calls *c, uint32_t exchange)
{
	uint32_t place = c->folded[exchange].place;
	assert(place != PLACE_ENDED);
	return place == 0 ? NULL : &c->items[place - 1];
}

/* ---- folding ---- */

static bool find_caller(struct coap_calls *c, const struct coap_client_call *call, uint8_t *ret)
{
	for (unsigned i = 0; i < c->caller_count; i++)
		if (c->callers[i].reply == call->reply && c->callers[i].context == call->context) {
			*ret = (uint8_t)i;
			return true;
		}
	if (c->caller_count == COAP_CALLS_CALLERS)
		return false;
	c->callers[c->caller_count] = (struct coap_caller){call->reply, call->context};
	*ret = (uint8_t)c->caller_count++;
	return true;
}

static bool is_under_way(const struct coap_client_call *call)
{
	return !handle_is_none(call->pending) || !handle_is_none(call->parent) || !handle_is_none(call->child) ||
	       !handle_is_none(call->assembly) || !handle_is_none(call->qcall) || call->fetched > 0 ||
	       call->is_cancelling || call->is_over;
}

/* As a call is that was begun with method, options and little else. */
static bool is_plain(const struct coap_calls *c, const struct coap_client_call *call)
{
	bool is_special = call->is_ping || call->is_block || call->is_group || call->is_forwarded ||
			  call->may_get_qblock || call->patience.is_fixed || call->carrier.is_reliable;
	return !is_special && call->observes && call->sink.take == NULL && call->body.len == 0 &&
	       call->block1_szx == c->szx && call->block2_szx == c->szx && call->freshness.has_any;
}

static uint8_t flags_of(const struct coap_client_call *call)
{
	return (uint8_t)((call->renews ? FOLD_RENEWS : 0) | (call->is_nonconfirmable ? FOLD_NONCONFIRMABLE : 0) |
			 (call->was_retransmitted ? FOLD_RETRANSMITTED : 0) |
			 (call->has_restarted ? FOLD_RESTARTED : 0) | (call->echoes > 0 ? FOLD_ECHOED : 0));
}

bool coap_calls_fold(struct coap_calls *c, uint32_t exchange)
{
	const struct coap_client_call *call = coap_calls_find(c, exchange);
	struct coap_folded_call *f = &c->folded[exchange];
	uint8_t caller;
	if (call == NULL)
		return true;
	if (is_under_way(call) || !is_plain(c, call) || call->options_len > sizeof f->options ||
		!find_caller(c, call, &caller))
		return false;
	give_place(c, exchange);
	*f = (struct coap_folded_call){.fresh_at = call->freshness.at,
		.sequence = call->freshness.sequence,
		.caller = caller,
		.method = (uint8_t)call->method,
		.flags = flags_of(call),
		.options_len = (uint8_t)call->options_len};
	memcpy(f->options, call->short_options, call->options_len);
	return true;
}

struct coap_client_call *coap_calls_unfold(struct coap_calls *c, uint32_t exchange, struct coap_call *ret)
{
	const struct coap_folded_call *f = &c->folded[exchange];
	assert(f->place == 0);
	struct coap_client_call *call = take_place(c, exchange);
	call->options_len = f->options_len;
	memcpy(call->short_options, f->options, f->options_len);
	*ret = (struct coap_call){.method = (enum coap_code)f->method,
		.reply = c->callers[f->caller].reply,
		.context = c->callers[f->caller].context,
		.observe = true,
		.renews = (f->flags & FOLD_RENEWS) != 0,
		.is_nonconfirmable = (f->flags & FOLD_NONCONFIRMABLE) != 0};
	return call;
}

void coap_calls_restore(const struct coap_calls *c, uint32_t exchange, struct coap_client_call *call)
{
	const struct coap_folded_call *f = &c->folded[exchange];
	call->was_retransmitted = (f->flags & FOLD_RETRANSMITTED) != 0;
	call->has_restarted = (f->flags & FOLD_RESTARTED) != 0;
	call->echoes = (f->flags & FOLD_ECHOED) != 0;
	call->freshness = (struct coap_freshness){f->sequence, f->fresh_at, true};
}

uint32_t coap_calls_sequence(const struct coap_calls *c, uint32_t exchange)
{
	const struct coap_client_call *call = coap_calls_find(c, exchange);
	return call == NULL ? c->folded[exchange].sequence : call->freshness.sequence;
}

/* ---- what may be folded ---- */

void coap_calls_touch(struct coap_calls *c, struct handle exchange)
{
	if (c->touched_count < COAP_CALLS_TOUCHED)
		c->touched[c->touched_count++] = exchange;
}

bool coap_calls_next_touched(struct coap_calls *c, struct handle *ret)
{
	if (c->touched_count == 0)
		return false;
	*ret = c->touched[--c->touched_count];
	return true;
}
