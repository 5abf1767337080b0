/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/verify.h"

#define NO_SLOT    UINT32_MAX
#define STEP       ((msec)1024)
#define STEPS_KEPT 256

_Static_assert(COAP_VERIFY_ECHO_LIFETIME / STEP < STEPS_KEPT, "an old value would look like a young one");

/* ---- life ---- */

static void layout(struct coap_verify *v, struct carve *c, uint32_t capacity)
{
	slab_carve(&v->slab, c, capacity);
	hash_index_carve(&v->index, c, capacity);
	v->items = carve_take(c, capacity, sizeof *v->items);
}

size_t coap_verify_memory(uint32_t capacity)
{
	struct coap_verify v;
	struct carve c = {NULL, 0};
	layout(&v, &c, capacity);
	return c.used;
}

void coap_verify_init(struct coap_verify *v, void *memory, uint32_t capacity, struct prng *prng)
{
	struct carve c = {memory, 0};
	layout(v, &c, capacity);
	v->oldest = v->youngest = NO_SLOT;
	v->secret = prng_u64(prng);
	prng_fill(prng, v->key, sizeof v->key);
}

/* ---- values ---- */

static uint64_t step_of(msec now)
{
	return (uint64_t)now / (uint64_t)STEP;
}

static void make_at(const struct coap_verify *v, const struct coap_remote *remote, uint64_t step,
	uint8_t ret[COAP_VERIFY_ECHO_BYTES])
{
	uint8_t room[sizeof remote->session + sizeof remote->address + sizeof step];
	struct writer w = writer_of(room, sizeof room);
	write_bytes(&w, bytes_of(&remote->session, sizeof remote->session));
	write_bytes(&w, bytes_of(&remote->address, sizeof remote->address));
	write_u64(&w, step);
	uint64_t mac = siphash(v->key, writer_bytes(&w));
	ret[0] = (uint8_t)step;
	memcpy(ret + 1, &mac, COAP_VERIFY_ECHO_BYTES - 1);
}

void coap_verify_make(
	const struct coap_verify *v, const struct coap_remote *remote, msec now, uint8_t ret[COAP_VERIFY_ECHO_BYTES])
{
	make_at(v, remote, step_of(now), ret);
}

bool coap_verify_read(
	const struct coap_verify *v, const struct coap_remote *remote, struct bytes value, msec now, msec *ret_age)
{
	uint8_t expected[COAP_VERIFY_ECHO_BYTES];
	if (value.len != sizeof expected)
		return false;
	uint64_t step = step_of(now), steps = (uint8_t)(step - value.data[0]);
	if (steps > step)
		return false; /* before the clock began */
	msec age = (msec)(steps + 1) * STEP;
	make_at(v, remote, step - steps, expected);
	if (age > COAP_VERIFY_ECHO_LIFETIME || !bytes_equal_secret(value, bytes_of(expected, sizeof expected)))
		return false;
	*ret_age = age;
	return true;
}

/* ---- the table ---- */

static void unlink_item(struct coap_verify *v, uint32_t slot)
{
	const struct coap_verified *x = &v->items[slot];
	if (x->older != NO_SLOT)
		v->items[x->older].younger = x->younger;
	else
		v->oldest = x->younger;
	if (x->younger != NO_SLOT)
		v->items[x->younger].older = x->older;
	else
		v->youngest = x->older;
}

static void link_youngest(struct coap_verify *v, uint32_t slot)
{
	struct coap_verified *x = &v->items[slot];
	x->older = v->youngest;
	x->younger = NO_SLOT;
	if (v->youngest != NO_SLOT)
		v->items[v->youngest].younger = slot;
	else
		v->oldest = slot;
	v->youngest = slot;
}

static void forget(struct coap_verify *v, uint32_t slot)
{
	unlink_item(v, slot);
	hash_index_remove(&v->index, coap_remote_hash(&v->items[slot].remote, v->secret), slot);
	slab_give(&v->slab, slab_handle(&v->slab, slot));
}

static bool find(struct coap_verify *v, const struct coap_remote *remote, uint32_t *ret)
{
	if (v->slab.used == 0)
		return false;
	uint64_t hash = coap_remote_hash(remote, v->secret);
	for (uint32_t slot = hash_index_first(&v->index, hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&v->index, slot)) {
		if (coap_remote_equal(&v->items[slot].remote, remote)) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

void coap_verify_confirm(struct coap_verify *v, const struct coap_remote *remote, msec now)
{
	uint32_t slot;
	struct handle h;
	if (v->slab.capacity == 0)
		return;
	if (find(v, remote, &slot)) {
		unlink_item(v, slot);
	} else {
		if (v->slab.used == v->slab.capacity)
			forget(v, v->oldest);
		bool has_room = slab_take(&v->slab, &h);
		assert(has_room);
		slot = h.slot;
		v->items[slot].remote = *remote;
		hash_index_add(&v->index, coap_remote_hash(remote, v->secret), slot);
	}
	v->items[slot].expires = msec_after(now, COAP_VERIFY_LIFETIME);
	link_youngest(v, slot);
}

bool coap_verify_knows(struct coap_verify *v, const struct coap_remote *remote, msec now)
{
	uint32_t slot;
	if (!find(v, remote, &slot))
		return false;
	if (v->items[slot].expires <= now) {
		forget(v, slot);
		return false;
	}
	unlink_item(v, slot);
	link_youngest(v, slot);
	return true;
}

uint32_t coap_verify_count(const struct coap_verify *v)
{
	return v->slab.used;
}
