/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/retransmit.h"

#include <assert.h>

static msec grown(msec timeout, uint16_t backoff_permille)
{
	return backoff_permille == 0 ? msec_after(timeout, timeout) : timeout * backoff_permille / 1000;
}

/* So many timeouts one after another, each as long as chance can make it. */
static msec longest(const struct coap_patience *p, uint32_t timeouts)
{
	msec timeout = p->ack_timeout * p->ack_random_permille / 1000, sum = 0;
	for (; timeouts > 0; timeouts--, timeout = grown(timeout, p->backoff_permille))
		sum = msec_after(sum, timeout);
	return sum;
}

msec coap_max_transmit_span(const struct coap_patience *p)
{
	return longest(p, p->max_retransmit);
}

msec coap_max_transmit_wait(const struct coap_patience *p)
{
	return longest(p, p->max_retransmit + 1u);
}

/* PROCESSING_DELAY is ACK_TIMEOUT. */
msec coap_exchange_lifetime(const struct coap_patience *p)
{
	return coap_max_transmit_span(p) + 2 * COAP_MAX_LATENCY + p->ack_timeout;
}

msec coap_non_lifetime(const struct coap_patience *p)
{
	return coap_max_transmit_span(p) + COAP_MAX_LATENCY;
}

static void layout(struct coap_retransmit *t, struct carve *c, uint32_t capacity)
{
	slab_carve(&t->slab, c, capacity);
	deadlines_carve(&t->deadlines, c, capacity);
	hash_index_carve(&t->index, c, capacity);
	t->items = carve_take(c, capacity, sizeof *t->items);
}

size_t coap_retransmit_memory(uint32_t capacity)
{
	struct coap_retransmit t;
	struct carve c = {NULL, 0};
	layout(&t, &c, capacity);
	return c.used;
}

void coap_retransmit_init(struct coap_retransmit *t, void *memory, uint32_t capacity, struct prng *prng)
{
	struct carve c = {memory, 0};
	layout(t, &c, capacity);
	t->secret = prng_u64(prng);
}

static uint64_t hash_of(const struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id)
{
	return coap_remote_hash(remote, t->secret + id);
}

static bool find(const struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id, uint32_t *ret_slot)
{
	uint64_t hash = hash_of(t, remote, id);
	for (uint32_t slot = hash_index_first(&t->index, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&t->index, slot)) {
		const struct coap_pending *p = &t->items[slot];
		if (p->id == id && coap_remote_equal(&p->remote, remote)) {
			*ret_slot = slot;
			return true;
		}
	}
	return false;
}

/* RFC 7252 section 4.2: the first timeout is drawn anew for each message, so that peers do not fall into step. */
static msec first_timeout(const struct coap_patience *patience, struct prng *prng)
{
	assert(patience->ack_timeout > 0 && patience->ack_random_permille >= 1000);
	msec spread = patience->ack_timeout * (patience->ack_random_permille - 1000) / 1000;
	return patience->ack_timeout + (msec)prng_below(prng, (uint32_t)spread + 1);
}

static void fill(struct coap_pending *p, uint16_t id, struct bytes datagram)
{
	assert(datagram.len <= sizeof p->datagram);
	p->id = id;
	p->len = (uint16_t)datagram.len;
	memcpy(p->datagram, datagram.data, datagram.len);
}

bool coap_retransmit_add(struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id, uint8_t kind,
	struct handle owner, const struct coap_patience *patience, struct bytes datagram, struct prng *prng, msec now,
	struct handle *ret)
{
	struct handle h;
	if (!slab_take(&t->slab, &h))
		return false;
	struct coap_pending *p = &t->items[h.slot];
	p->remote = *remote;
	p->owner = owner;
	p->kind = kind;
	p->sent = 1;
	p->max_retransmit = patience->max_retransmit;
	p->backoff_permille = patience->backoff_permille;
	p->began = now;
	p->timeout = first_timeout(patience, prng);
	fill(p, id, datagram);
	hash_index_add(&t->index, hash_of(t, remote, id), h.slot);
	deadlines_arm(&t->deadlines, h.slot, now + p->timeout);
	*ret = h;
	return true;
}

static void take_out(struct coap_retransmit *t, uint32_t slot)
{
	const struct coap_pending *p = &t->items[slot];
	hash_index_remove(&t->index, hash_of(t, &p->remote, p->id), slot);
	deadlines_disarm(&t->deadlines, slot);
	slab_give(&t->slab, slab_handle(&t->slab, slot));
}

bool coap_retransmit_settle(
	struct coap_retransmit *t, const struct coap_remote *remote, uint16_t id, const struct coap_pending **ret)
{
	uint32_t slot;
	if (t->slab.used == 0 || !find(t, remote, id, &slot))
		return false;
	take_out(t, slot);
	*ret = &t->items[slot];
	return true;
}

void coap_retransmit_remove(struct coap_retransmit *t, struct handle h)
{
	if (slab_is_valid(&t->slab, h))
		take_out(t, h.slot);
}

void coap_retransmit_replace(struct coap_retransmit *t, struct handle h, uint16_t id, struct bytes datagram)
{
	assert(slab_is_valid(&t->slab, h));
	struct coap_pending *p = &t->items[h.slot];
	hash_index_remove(&t->index, hash_of(t, &p->remote, p->id), h.slot);
	fill(p, id, datagram);
	hash_index_add(&t->index, hash_of(t, &p->remote, p->id), h.slot);
}

msec coap_retransmit_deadline(const struct coap_retransmit *t)
{
	return deadlines_next(&t->deadlines);
}

enum coap_due coap_retransmit_due(
	struct coap_retransmit *t, msec now, struct handle *ret_handle, const struct coap_pending **ret)
{
	uint32_t slot;
	if (!deadlines_due(&t->deadlines, now, &slot))
		return COAP_DUE_NOTHING;
	struct coap_pending *p = &t->items[slot];
	*ret_handle = slab_handle(&t->slab, slot);
	*ret = p;
	if (p->sent > p->max_retransmit) {
		take_out(t, slot);
		return COAP_DUE_GIVEN_UP;
	}
	p->sent++;
	p->timeout = grown(p->timeout, p->backoff_permille);
	deadlines_arm(&t->deadlines, slot, msec_after(now, p->timeout));
	return COAP_DUE_AGAIN;
}

const struct coap_pending *coap_retransmit_get(const struct coap_retransmit *t, struct handle h)
{
	return slab_is_valid(&t->slab, h) ? &t->items[h.slot] : NULL;
}

uint32_t coap_retransmit_count(const struct coap_retransmit *t)
{
	return t->slab.used;
}

bool coap_retransmit_has_id(const struct coap_retransmit *t, uint16_t id)
{
	for (uint32_t slot = 0; slot < t->slab.untouched; slot++)
		if (slab_is_taken(&t->slab, slot) && t->items[slot].id == id)
			return true;
	return false;
}
