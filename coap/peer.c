/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/peer.h"

#include <assert.h>

#define NO_SLOT UINT32_MAX
/* draft-ietf-core-cocoa-03 sections 4.2 and 4.3. */
#define SHORT_US             INT64_C(1000000)
#define LONG_US              INT64_C(3000000)
#define SHORT_FADES_TIMEOUTS 16
#define LONG_FADES_TIMEOUTS  4
#define TIMEOUT_MAX_US       INT64_C(32000000)
#define WEAK_TRANSMISSIONS   3

const struct coap_transmission coap_transmission_default = {
	.ack_timeout = SECONDS(2),
	.ack_timeout_min = 200,
	.ack_random_permille = 1500,
	.max_retransmit = 4,
	.nstart = 1,
	.probing_bytes_per_second = 1,
};

static void layout(struct coap_peers *t, struct carve *c, uint32_t capacity)
{
	slab_carve(&t->slab, c, capacity);
	hash_index_carve(&t->index, c, capacity);
	t->items = carve_take(c, capacity, sizeof *t->items);
}

size_t coap_peers_memory(uint32_t capacity)
{
	struct coap_peers t;
	struct carve c = {NULL, 0};
	layout(&t, &c, capacity);
	return c.used;
}

void coap_peers_init(struct coap_peers *t, void *memory, uint32_t capacity,
	const struct coap_transmission *transmission, uint64_t secret)
{
	struct carve c = {memory, 0};
	layout(t, &c, capacity);
	t->transmission = *transmission;
	t->oldest = t->newest = NO_SLOT;
	t->secret = secret;
}

/* ---- the table ---- */

static void unlink_slot(struct coap_peers *t, uint32_t slot)
{
	const struct coap_peer *p = &t->items[slot];
	*(p->older == NO_SLOT ? &t->oldest : &t->items[p->older].newer) = p->newer;
	*(p->newer == NO_SLOT ? &t->newest : &t->items[p->newer].older) = p->older;
}

static void link_newest(struct coap_peers *t, uint32_t slot)
{
	struct coap_peer *p = &t->items[slot];
	p->older = t->newest;
	p->newer = NO_SLOT;
	*(t->newest == NO_SLOT ? &t->oldest : &t->items[t->newest].newer) = slot;
	t->newest = slot;
}

static bool find(const struct coap_peers *t, const struct coap_remote *remote, uint32_t *ret)
{
	if (t->slab.used == 0)
		return false;
	uint64_t hash = coap_remote_hash(remote, t->secret);
	for (uint32_t slot = hash_index_first(&t->index, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&t->index, slot)) {
		if (coap_remote_equal(&t->items[slot].remote, remote)) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

struct coap_peer *coap_peer_find(const struct coap_peers *t, const struct coap_remote *remote)
{
	uint32_t slot;
	return find(t, remote, &slot) ? &t->items[slot] : NULL;
}

static void take_out(struct coap_peers *t, uint32_t slot)
{
	unlink_slot(t, slot);
	hash_index_remove(&t->index, coap_remote_hash(&t->items[slot].remote, t->secret), slot);
	slab_give(&t->slab, slab_handle(&t->slab, slot));
}

static bool make_room(struct coap_peers *t)
{
	for (uint32_t slot = t->oldest; slot != NO_SLOT; slot = t->items[slot].newer) {
		if (t->items[slot].is_set)
			continue;
		take_out(t, slot);
		return true;
	}
	return false;
}

/* The peer's entry, now the most recently needed; a new one when there is none. NULL without room. */
static struct coap_peer *need(struct coap_peers *t, const struct coap_remote *remote)
{
	struct handle h;
	uint32_t slot;
	if (find(t, remote, &slot)) {
		unlink_slot(t, slot);
		link_newest(t, slot);
		return &t->items[slot];
	}
	if (t->slab.used == t->slab.capacity && !make_room(t))
		return NULL;
	bool has_room = slab_take(&t->slab, &h);
	assert(has_room);
	t->items[h.slot] = (struct coap_peer){.remote = *remote, .window = 1, .quiet_until = -NEVER};
	hash_index_add(&t->index, coap_remote_hash(remote, t->secret), h.slot);
	link_newest(t, h.slot);
	return &t->items[h.slot];
}

bool coap_peer_set(struct coap_peers *t, const struct coap_remote *remote, const struct coap_transmission *transmission)
{
	if (transmission == NULL) {
		struct coap_peer *known = coap_peer_find(t, remote);
		if (known != NULL)
			known->is_set = false;
		return true;
	}
	assert(transmission->ack_timeout > 0 && transmission->ack_random_permille >= 1000 && transmission->nstart > 0);
	struct coap_peer *p = need(t, remote);
	if (p == NULL)
		return false;
	p->is_set = true;
	p->transmission = *transmission;
	return true;
}

void coap_peer_forget(struct coap_peers *t, const struct coap_remote *remote)
{
	uint32_t slot;
	if (find(t, remote, &slot))
		take_out(t, slot);
}

static const struct coap_transmission *transmission_of(const struct coap_peers *t, const struct coap_peer *p)
{
	return p != NULL && p->is_set ? &p->transmission : &t->transmission;
}

/* ---- the timeout ---- */

/* RFC 6298 section 2. */
static void smooth(int64_t *mean, int64_t *variation, int64_t sample)
{
	if (*mean == 0) {
		*mean = sample;
		*variation = sample / 2;
		return;
	}
	int64_t difference = *mean > sample ? *mean - sample : sample - *mean;
	*variation = (3 * *variation + difference) / 4;
	*mean = (7 * *mean + sample) / 8;
}

static void measure(struct coap_peer *p, msec round_trip, uint32_t transmissions, int64_t before, msec now)
{
	int64_t sample = (round_trip > 0 ? round_trip : 1) * 1000;
	if (transmissions == 1) {
		smooth(&p->strong_us, &p->strong_variation_us, sample);
		p->timeout_us = (before + p->strong_us + 4 * p->strong_variation_us) / 2;
	} else {
		smooth(&p->weak_us, &p->weak_variation_us, sample);
		p->timeout_us = (3 * before + p->weak_us + p->weak_variation_us) / 4;
	}
	if (p->timeout_us > TIMEOUT_MAX_US)
		p->timeout_us = TIMEOUT_MAX_US;
	p->measured_at = now;
}

/* What the timeout has become by now. Each fading starts the wait for the next anew. */
static int64_t faded(const struct coap_peer *p, int64_t ack_timeout_us, msec now)
{
	int64_t timeout = p->timeout_us, quiet = (now - p->measured_at) * 1000;
	while (timeout < SHORT_US && timeout < ack_timeout_us && quiet > SHORT_FADES_TIMEOUTS * timeout) {
		quiet -= SHORT_FADES_TIMEOUTS * timeout;
		timeout *= 2;
	}
	while (timeout > LONG_US && timeout > ack_timeout_us && quiet > LONG_FADES_TIMEOUTS * timeout) {
		quiet -= LONG_FADES_TIMEOUTS * timeout;
		timeout = (timeout + ack_timeout_us) / 2;
		if (timeout - ack_timeout_us < 1000)
			break;
	}
	return timeout;
}

static uint16_t backoff_of(int64_t timeout)
{
	return timeout < SHORT_US ? 3000 : timeout > LONG_US ? 1500 : 2000;
}

/* Fewer attempts, so that the last is not later than it may be. */
static void bound_span(struct coap_patience *p, const struct coap_transmission *x)
{
	struct coap_patience usual = {.ack_timeout = x->ack_timeout,
		.ack_random_permille = x->ack_random_permille,
		.max_retransmit = x->max_retransmit};
	while (p->max_retransmit > 1 && coap_max_transmit_span(p) > coap_max_transmit_span(&usual))
		p->max_retransmit--;
}

struct coap_patience coap_peer_patience(const struct coap_peers *t, const struct coap_remote *remote, msec now)
{
	const struct coap_peer *p = coap_peer_find(t, remote);
	const struct coap_transmission *x = transmission_of(t, p);
	struct coap_patience patience = {.ack_timeout = x->ack_timeout,
		.ack_random_permille = x->ack_random_permille,
		.max_retransmit = x->max_retransmit};
	if (p == NULL || p->timeout_us == 0)
		return patience;
	int64_t timeout = faded(p, x->ack_timeout * 1000, now);
	patience.ack_timeout = (timeout + 999) / 1000;
	if (patience.ack_timeout < x->ack_timeout_min)
		patience.ack_timeout = x->ack_timeout_min;
	patience.backoff_permille = backoff_of(timeout);
	bound_span(&patience, x);
	return patience;
}

/* ---- what happened ---- */

void coap_peer_answered(
	struct coap_peers *t, const struct coap_remote *remote, msec round_trip, uint32_t transmissions, msec now)
{
	struct coap_peer *p = need(t, remote);
	if (p == NULL)
		return;
	const struct coap_transmission *x = transmission_of(t, p);
	p->quiet_until = -NEVER;
	if (transmissions <= WEAK_TRANSMISSIONS) {
		int64_t initial = x->ack_timeout * 1000;
		measure(p, round_trip, transmissions, p->timeout_us == 0 ? initial : faded(p, initial, now), now);
	}
	if (transmissions == 1 && p->window < x->nstart)
		p->window++;
}

void coap_peer_lost(struct coap_peers *t, const struct coap_remote *remote)
{
	struct coap_peer *p = coap_peer_find(t, remote);
	if (p != NULL)
		p->window = p->window > 2 ? p->window / 2 : 1;
}

void coap_peer_silent(
	struct coap_peers *t, const struct coap_remote *remote, bool is_confirmable, size_t len, msec began)
{
	struct coap_peer *p = need(t, remote);
	if (p == NULL)
		return;
	uint32_t rate = transmission_of(t, p)->probing_bytes_per_second;
	p->window = 1;
	if (!is_confirmable && rate > 0)
		p->quiet_until = began + (msec)(len * 1000 / rate);
}

/* ---- questions ---- */

uint32_t coap_peer_window(const struct coap_peers *t, const struct coap_remote *remote)
{
	const struct coap_peer *p = coap_peer_find(t, remote);
	uint32_t nstart = transmission_of(t, p)->nstart;
	if (t->slab.capacity == 0)
		return nstart;
	return p == NULL ? 1 : p->window < nstart ? p->window : nstart;
}

msec coap_peer_quiet_until(const struct coap_peers *t, const struct coap_remote *remote)
{
	const struct coap_peer *p = coap_peer_find(t, remote);
	return p == NULL ? -NEVER : p->quiet_until;
}
