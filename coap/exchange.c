/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/exchange.h"

#include <assert.h>

#define NO_SLOT UINT32_MAX

static void layout(struct coap_exchanges *t, struct carve *c, uint32_t capacity)
{
	slab_carve(&t->slab, c, capacity);
	slab_carve(&t->lane_slab, c, capacity);
	deadlines_carve(&t->deadlines, c, capacity);
	hash_index_carve(&t->tokens, c, capacity);
	hash_index_carve(&t->remotes, c, capacity);
	t->items = carve_take(c, capacity, sizeof *t->items);
	t->lanes = carve_take(c, capacity, sizeof *t->lanes);
}

size_t coap_exchanges_memory(uint32_t capacity)
{
	struct coap_exchanges t;
	struct carve c = {NULL, 0};
	layout(&t, &c, capacity);
	return c.used;
}

void coap_exchanges_init(struct coap_exchanges *t, void *memory, uint32_t capacity, uint32_t nstart, struct prng *prng)
{
	struct carve c = {memory, 0};
	assert(nstart > 0 && nstart <= UINT16_MAX);
	layout(t, &c, capacity);
	t->nstart = nstart;
	t->observing = 0;
	t->ready_head = t->ready_tail = NO_SLOT;
	t->secret = prng_u64(prng);
}

static struct coap_exchange *item(struct coap_exchanges *t, struct handle h)
{
	assert(slab_is_valid(&t->slab, h));
	return &t->items[h.slot];
}

/* ---- lanes ---- */

static bool find_lane(const struct coap_exchanges *t, const struct coap_remote *remote, uint32_t *ret)
{
	uint64_t hash = coap_remote_hash(remote, t->secret);
	for (uint32_t slot = hash_index_first(&t->remotes, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&t->remotes, slot)) {
		if (coap_remote_equal(&t->lanes[slot].remote, remote)) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

/* There are as many lanes as exchanges and each lane has one, so there is always room. */
static uint32_t lane_for(struct coap_exchanges *t, const struct coap_remote *remote)
{
	uint32_t slot;
	struct handle h;
	if (find_lane(t, remote, &slot)) {
		t->lanes[slot].remote = *remote;
		return slot;
	}
	bool has_room = slab_take(&t->lane_slab, &h);
	assert(has_room);
	t->lanes[h.slot] = (struct coap_lane){.remote = *remote,
		.members = NO_SLOT,
		.queue_head = NO_SLOT,
		.queue_tail = NO_SLOT,
		.limit = (uint16_t)t->nstart,
		.ready_next = NO_SLOT};
	hash_index_add(&t->remotes, coap_remote_hash(remote, t->secret), h.slot);
	return h.slot;
}

static void join(struct coap_exchanges *t, uint32_t slot)
{
	struct coap_exchange *x = &t->items[slot];
	struct coap_lane *lane = &t->lanes[x->lane];
	x->previous = NO_SLOT;
	x->next = lane->members;
	if (x->next != NO_SLOT)
		t->items[x->next].previous = slot;
	lane->members = slot;
}

static void leave(struct coap_exchanges *t, uint32_t slot)
{
	struct coap_exchange *x = &t->items[slot];
	struct coap_lane *lane = &t->lanes[x->lane];
	if (x->next != NO_SLOT)
		t->items[x->next].previous = x->previous;
	if (x->previous != NO_SLOT)
		t->items[x->previous].next = x->next;
	else
		lane->members = x->next;
}

static void list_ready(struct coap_exchanges *t, uint32_t lane_slot)
{
	struct coap_lane *lane = &t->lanes[lane_slot];
	if (lane->is_ready || lane->queue_head == NO_SLOT || lane->turns >= lane->limit)
		return;
	lane->is_ready = true;
	lane->ready_next = NO_SLOT;
	if (t->ready_tail == NO_SLOT)
		t->ready_head = lane_slot;
	else
		t->lanes[t->ready_tail].ready_next = lane_slot;
	t->ready_tail = lane_slot;
}

static void unlist_ready(struct coap_exchanges *t, uint32_t lane_slot)
{
	uint32_t before = NO_SLOT;
	if (!t->lanes[lane_slot].is_ready)
		return;
	for (uint32_t at = t->ready_head; at != lane_slot; at = t->lanes[at].ready_next)
		before = at;
	if (before == NO_SLOT)
		t->ready_head = t->lanes[lane_slot].ready_next;
	else
		t->lanes[before].ready_next = t->lanes[lane_slot].ready_next;
	if (t->ready_tail == lane_slot)
		t->ready_tail = before;
	t->lanes[lane_slot].is_ready = false;
}

static void close_lane_if_empty(struct coap_exchanges *t, uint32_t lane_slot)
{
	struct coap_lane *lane = &t->lanes[lane_slot];
	if (lane->members != NO_SLOT)
		return;
	assert(lane->turns == 0 && lane->queue_head == NO_SLOT);
	unlist_ready(t, lane_slot);
	if (!lane->is_detached)
		hash_index_remove(&t->remotes, coap_remote_hash(&lane->remote, t->secret), lane_slot);
	slab_give(&t->lane_slab, slab_handle(&t->lane_slab, lane_slot));
}

static void enqueue(struct coap_exchanges *t, uint32_t slot)
{
	struct coap_exchange *x = &t->items[slot];
	struct coap_lane *lane = &t->lanes[x->lane];
	x->is_waiting = true;
	x->queue_next = NO_SLOT;
	if (lane->queue_tail == NO_SLOT)
		lane->queue_head = slot;
	else
		t->items[lane->queue_tail].queue_next = slot;
	lane->queue_tail = slot;
}

static void dequeue(struct coap_exchanges *t, uint32_t slot)
{
	struct coap_exchange *x = &t->items[slot];
	struct coap_lane *lane = &t->lanes[x->lane];
	uint32_t before = NO_SLOT;
	if (!x->is_waiting)
		return;
	for (uint32_t at = lane->queue_head; at != slot; at = t->items[at].queue_next)
		before = at;
	if (before == NO_SLOT)
		lane->queue_head = x->queue_next;
	else
		t->items[before].queue_next = x->queue_next;
	if (lane->queue_tail == slot)
		lane->queue_tail = before;
	x->is_waiting = false;
}

/* ---- phases ---- */

/* Does what leaving the old phase and entering the new one means for the turn and the deadline. */
static void enter(struct coap_exchanges *t, struct handle h, enum coap_exchange_phase phase, msec deadline)
{
	struct coap_exchange *x = item(t, h);
	struct coap_lane *lane = &t->lanes[x->lane];
	dequeue(t, h.slot);
	if (x->phase == COAP_EXCHANGE_SENT && !x->is_paced)
		lane->turns--;
	t->observing -= x->phase == COAP_EXCHANGE_OBSERVING;
	x->phase = (uint8_t)phase;
	t->observing += x->phase == COAP_EXCHANGE_OBSERVING;
	if (x->phase == COAP_EXCHANGE_SENT && !x->is_paced)
		lane->turns++;
	deadlines_arm(&t->deadlines, h.slot, deadline);
	list_ready(t, x->lane);
}

static bool add(
	struct coap_exchanges *t, const struct coap_remote *remote, bool is_paced, uint64_t token, struct handle *ret)
{
	struct handle h;
	if (!slab_take(&t->slab, &h))
		return false;
	struct coap_exchange *x = &t->items[h.slot];
	*x = (struct coap_exchange){.token = token, .is_paced = is_paced};
	x->lane = lane_for(t, remote);
	join(t, h.slot);
	hash_index_add(&t->tokens, x->token, h.slot);
	*ret = h;
	return true;
}

bool coap_exchange_add(struct coap_exchanges *t, const struct coap_remote *remote, bool is_paced, struct prng *prng,
	struct handle *ret)
{
	return add(t, remote, is_paced, prng_u64(prng), ret);
}

bool coap_exchange_resume(
	struct coap_exchanges *t, const struct coap_remote *remote, uint64_t token, struct handle *ret)
{
	if (!add(t, remote, false, token, ret))
		return false;
	coap_exchange_observing(t, *ret, NEVER);
	return true;
}

void coap_exchange_to_group(struct coap_exchanges *t, struct handle h)
{
	item(t, h)->is_group = true;
}

void coap_exchange_limit(struct coap_exchanges *t, const struct coap_remote *remote, uint32_t limit)
{
	uint32_t slot;
	assert(limit > 0);
	if (!find_lane(t, remote, &slot))
		return;
	t->lanes[slot].limit = limit < UINT16_MAX ? (uint16_t)limit : UINT16_MAX;
	list_ready(t, slot);
}

void coap_exchange_hold(struct coap_exchanges *t, struct handle h, msec until)
{
	enter(t, h, COAP_EXCHANGE_QUEUED, until);
}

bool coap_exchange_start(struct coap_exchanges *t, struct handle h, bool has_room)
{
	struct coap_exchange *x = item(t, h);
	struct coap_lane *lane = &t->lanes[x->lane];
	enter(t, h, COAP_EXCHANGE_QUEUED, NEVER);
	bool has_turn = x->is_paced || (lane->turns < lane->limit && lane->queue_head == NO_SLOT);
	if (!has_turn || !has_room) {
		enqueue(t, h.slot);
		list_ready(t, x->lane);
		return false;
	}
	enter(t, h, COAP_EXCHANGE_SENT, NEVER);
	return true;
}

bool coap_exchange_ready(struct coap_exchanges *t, struct handle *ret)
{
	while (t->ready_head != NO_SLOT) {
		uint32_t lane_slot = t->ready_head;
		struct coap_lane *lane = &t->lanes[lane_slot];
		unlist_ready(t, lane_slot);
		if (lane->queue_head == NO_SLOT || lane->turns >= lane->limit)
			continue;
		*ret = slab_handle(&t->slab, lane->queue_head);
		enter(t, *ret, COAP_EXCHANGE_SENT, NEVER);
		return true;
	}
	return false;
}

void coap_exchange_acked(struct coap_exchanges *t, struct handle h, msec deadline)
{
	enter(t, h, COAP_EXCHANGE_ACKED, deadline);
}

void coap_exchange_observing(struct coap_exchanges *t, struct handle h, msec deadline)
{
	enter(t, h, COAP_EXCHANGE_OBSERVING, deadline);
}

void coap_exchange_renew_token(struct coap_exchanges *t, struct handle h, struct prng *prng)
{
	struct coap_exchange *x = item(t, h);
	hash_index_remove(&t->tokens, x->token, h.slot);
	x->token = prng_u64(prng);
	x->is_numbered = false;
	hash_index_add(&t->tokens, x->token, h.slot);
}

/* The token as it is without a number. */
static uint64_t without_number(uint64_t token)
{
	uint8_t bytes[COAP_EXCHANGE_TOKEN_BYTES];
	memcpy(bytes, &token, sizeof bytes);
	memset(bytes + sizeof bytes - COAP_EXCHANGE_NUMBER_BYTES, 0, COAP_EXCHANGE_NUMBER_BYTES);
	memcpy(&token, bytes, sizeof token);
	return token;
}

void coap_exchange_pace(struct coap_exchanges *t, struct handle h, bool is_paced)
{
	enter(t, h, COAP_EXCHANGE_QUEUED, NEVER);
	item(t, h)->is_paced = is_paced;
}

void coap_exchange_number(struct coap_exchanges *t, struct handle h)
{
	struct coap_exchange *x = item(t, h);
	hash_index_remove(&t->tokens, x->token, h.slot);
	x->token = without_number(x->token);
	x->is_numbered = true;
	hash_index_add(&t->tokens, x->token, h.slot);
}

struct coap_token coap_exchange_token(const struct coap_exchanges *t, struct handle h, uint32_t number)
{
	struct coap_token token = coap_token_of(bytes_of(&t->items[h.slot].token, COAP_EXCHANGE_TOKEN_BYTES));
	token.bytes[5] = (uint8_t)(number >> 16);
	token.bytes[6] = (uint8_t)(number >> 8);
	token.bytes[7] = (uint8_t)number;
	return token;
}

uint32_t coap_exchange_token_number(const struct coap_token *token)
{
	return (uint32_t)token->bytes[5] << 16 | (uint32_t)token->bytes[6] << 8 | token->bytes[7];
}

void coap_exchange_remove(struct coap_exchanges *t, struct handle h)
{
	struct coap_exchange *x = item(t, h);
	enter(t, h, COAP_EXCHANGE_QUEUED, NEVER);
	leave(t, h.slot);
	hash_index_remove(&t->tokens, x->token, h.slot);
	slab_give(&t->slab, h);
	close_lane_if_empty(t, x->lane);
}

/* ---- questions ---- */

static bool find_token(const struct coap_exchanges *t, const struct coap_remote *remote, uint64_t wanted,
	bool is_numbered, struct handle *ret)
{
	for (uint32_t slot = hash_index_first(&t->tokens, wanted); slot != HASH_INDEX_END;
		slot = hash_index_next(&t->tokens, slot)) {
		if (t->items[slot].token == wanted && t->items[slot].is_numbered == is_numbered &&
			(t->items[slot].is_group || coap_remote_equal(&t->lanes[t->items[slot].lane].remote, remote))) {
			*ret = slab_handle(&t->slab, slot);
			return true;
		}
	}
	return false;
}

bool coap_exchange_find(
	const struct coap_exchanges *t, const struct coap_remote *remote, struct bytes token, struct handle *ret)
{
	uint64_t wanted;
	if (token.len != sizeof wanted)
		return false;
	memcpy(&wanted, token.data, sizeof wanted);
	return find_token(t, remote, wanted, false, ret) || find_token(t, remote, without_number(wanted), true, ret);
}

bool coap_exchange_has_remote(const struct coap_exchanges *t, const struct coap_remote *remote)
{
	uint32_t slot;
	return find_lane(t, remote, &slot);
}

bool coap_exchange_walk(const struct coap_exchanges *t, const struct coap_remote *remote, struct handle *cursor)
{
	uint32_t lane, slot;
	if (!find_lane(t, remote, &lane))
		return false;
	slot = handle_is_none(*cursor) ? t->lanes[lane].members : t->items[cursor->slot].next;
	if (slot == NO_SLOT)
		return false;
	*cursor = slab_handle(&t->slab, slot);
	return true;
}

bool coap_exchange_detach(struct coap_exchanges *t, const struct coap_remote *remote, struct handle *ret_lane)
{
	uint32_t slot;
	if (!find_lane(t, remote, &slot))
		return false;
	hash_index_remove(&t->remotes, coap_remote_hash(remote, t->secret), slot);
	t->lanes[slot].is_detached = true;
	*ret_lane = slab_handle(&t->lane_slab, slot);
	return true;
}

bool coap_exchange_find_detached(const struct coap_exchanges *t, struct handle lane, struct handle *ret)
{
	if (!slab_is_valid(&t->lane_slab, lane))
		return false;
	*ret = slab_handle(&t->slab, t->lanes[lane.slot].members);
	return true;
}

const struct coap_exchange *coap_exchange_get(const struct coap_exchanges *t, struct handle h)
{
	return slab_is_valid(&t->slab, h) ? &t->items[h.slot] : NULL;
}

const struct coap_remote *coap_exchange_remote(const struct coap_exchanges *t, struct handle h)
{
	assert(slab_is_valid(&t->slab, h));
	return &t->lanes[t->items[h.slot].lane].remote;
}

msec coap_exchange_deadline(const struct coap_exchanges *t)
{
	return deadlines_next(&t->deadlines);
}

bool coap_exchange_due(struct coap_exchanges *t, msec now, struct handle *ret)
{
	uint32_t slot;
	if (!deadlines_due(&t->deadlines, now, &slot))
		return false;
	*ret = slab_handle(&t->slab, slot);
	return true;
}

uint32_t coap_exchanges_busy(const struct coap_exchanges *t)
{
	return t->slab.used - t->observing;
}
