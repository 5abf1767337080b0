/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dtls/session.h"

#include "coap/base/arena.h"

#include <assert.h>

/* A hash table of chained slots and one list by age, both linked by slot + 1 through the sessions themselves, so a
 * session costs its own size, its slab entry and its bucket head. */

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t buckets = 1;
	while (buckets < capacity)
		buckets *= 2;
	return buckets;
}

static size_t rounded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

size_t dtls_sessions_memory(uint32_t capacity)
{
	assert(capacity > 0 && capacity <= UINT32_MAX / 2);
	return rounded(capacity * sizeof(struct dtls_session)) + rounded(buckets_for(capacity) * sizeof(uint32_t)) +
	       2 * rounded(capacity * sizeof(uint32_t));
}

size_t dtls_sessions_bytes_each(void)
{
	return sizeof(struct dtls_session) + 3 * sizeof(uint32_t);
}

void dtls_sessions_init(struct dtls_sessions *t, void *memory, uint32_t capacity, uint64_t seed)
{
	uint32_t buckets = buckets_for(capacity);
	struct arena arena;
	arena_init(&arena, memory, dtls_sessions_memory(capacity));
	*t = (struct dtls_sessions){.buckets = buckets, .seed = seed};
	t->sessions = arena_take(&arena, capacity * sizeof *t->sessions);
	t->by_address = arena_take(&arena, buckets * sizeof *t->by_address);
	uint32_t *generations = arena_take(&arena, capacity * sizeof *generations);
	uint32_t *next = arena_take(&arena, capacity * sizeof *next);
	bytes_clear(t->by_address, buckets * sizeof *t->by_address);
	slab_init(&t->slab, generations, next, capacity);
}

void dtls_sessions_set_cid(struct dtls_sessions *t, uint8_t worker, const uint8_t key[DTLS_CID_KEY_BYTES])
{
	t->worker = worker;
	memcpy(t->cid_key, key, sizeof t->cid_key);
}

static struct dtls_session *at(const struct dtls_sessions *t, uint32_t link)
{
	return link == 0 ? NULL : &t->sessions[link - 1];
}

static struct handle handle_at(const struct dtls_sessions *t, uint32_t link)
{
	return link == 0 ? HANDLE_NONE : slab_handle(&t->slab, link - 1);
}

static uint32_t *address_bucket(const struct dtls_sessions *t, const struct address *address)
{
	return &t->by_address[address_hash(address, t->seed) & (t->buckets - 1)];
}

/* ---- the list by age ---- */

static void list_remove(struct dtls_sessions *t, struct dtls_session *s)
{
	if (s->older != 0)
		at(t, s->older)->newer = s->newer;
	else
		t->oldest = s->newer;
	if (s->newer != 0)
		at(t, s->newer)->older = s->older;
	else
		t->newest = s->older;
	s->older = s->newer = 0;
}

static void list_append(struct dtls_sessions *t, struct dtls_session *s, uint32_t link)
{
	s->older = t->newest;
	s->newer = 0;
	if (t->newest != 0)
		at(t, t->newest)->newer = link;
	else
		t->oldest = link;
	t->newest = link;
}

/* ---- the tables ---- */

static void forget_address(struct dtls_sessions *t, struct dtls_session *s, uint32_t link)
{
	if (!s->has_address)
		return;
	uint32_t *place = address_bucket(t, &s->address);
	while (*place != link)
		place = &at(t, *place)->next_by_address;
	*place = s->next_by_address;
	s->has_address = false;
}

static uint32_t link_by_address(const struct dtls_sessions *t, const struct address *address)
{
	uint32_t link = *address_bucket(t, address);
	while (link != 0 && !address_equal(&at(t, link)->address, address))
		link = at(t, link)->next_by_address;
	return link;
}

static void take_address(struct dtls_sessions *t, struct dtls_session *s, uint32_t link, const struct address *address)
{
	uint32_t other = link_by_address(t, address);
	if (other != 0) {
		forget_address(t, at(t, other), other);
		dtls_session_changed(t, other - 1);
	}
	s->address = *address;
	uint32_t *bucket = address_bucket(t, address);
	s->next_by_address = *bucket;
	*bucket = link;
	s->has_address = true;
}

bool dtls_session_take(struct dtls_sessions *t, const struct address *address, bool is_client, struct handle *ret)
{
	struct handle h;
	if (!slab_take(&t->slab, &h))
		return false;
	t->sessions[h.slot] = (struct dtls_session){.address = *address, .is_client = is_client};
	*ret = h;
	return true;
}

struct dtls_session *dtls_session_get(const struct dtls_sessions *t, struct handle h)
{
	return slab_is_valid(&t->slab, h) ? &t->sessions[h.slot] : NULL;
}

void dtls_session_establish(struct dtls_sessions *t, struct handle h, const struct dtls_engine_result *result, msec now)
{
	struct dtls_session *s = dtls_session_get(t, h);
	assert(s != NULL && !s->is_established);
	struct address address = s->address;
	s->read_key = result->read_key;
	s->write_key = result->write_key;
	s->write_number = result->write_number;
	s->write_cid = result->write_cid;
	s->principal = result->principal.number;
	s->suite = (uint16_t)result->suite;
	s->plain_number = result->plain_number;
	s->finished_sequence = result->finished_sequence;
	memcpy(s->verify_data, result->verify_data, sizeof s->verify_data);
	s->reads_cid = result->reads_cid;
	s->by_raw_key = result->by_raw_key;
	s->may_repeat_finished = !s->is_client;
	s->is_established = true;
	s->active = now;
	take_address(t, s, h.slot + 1, &address);
	list_append(t, s, h.slot + 1);
	dtls_session_changed(t, h.slot);
}

void dtls_session_give(struct dtls_sessions *t, struct handle h)
{
	struct dtls_session *s = dtls_session_get(t, h);
	assert(s != NULL);
	if (s->is_established) {
		forget_address(t, s, h.slot + 1);
		list_remove(t, s);
		dtls_session_changed(t, h.slot);
	}
	memset(s, 0, sizeof *s);
	slab_give(&t->slab, h);
}

struct handle dtls_session_find_by_address(const struct dtls_sessions *t, const struct address *address)
{
	return handle_at(t, link_by_address(t, address));
}

void dtls_session_cid(const struct dtls_sessions *t, struct handle h, uint8_t ret_name[DTLS_CID_BYTES])
{
	dtls_cid_seal(t->cid_key, &(struct dtls_cid_place){t->worker, h}, ret_name);
}

struct handle dtls_session_find_by_cid(const struct dtls_sessions *t, struct bytes cid)
{
	struct dtls_cid_place place;
	if (!dtls_cid_open(t->cid_key, cid, &place) || place.worker != t->worker)
		return HANDLE_NONE;
	const struct dtls_session *s = dtls_session_get(t, place.session);
	return s != NULL && s->is_established && s->reads_cid ? place.session : HANDLE_NONE;
}

void dtls_session_heard(struct dtls_sessions *t, struct handle h, msec now)
{
	struct dtls_session *s = dtls_session_get(t, h);
	assert(s != NULL && s->is_established);
	s->active = now;
	list_remove(t, s);
	list_append(t, s, h.slot + 1);
	dtls_session_changed(t, h.slot);
}

void dtls_session_move(struct dtls_sessions *t, struct handle h, const struct address *address)
{
	struct dtls_session *s = dtls_session_get(t, h);
	assert(s != NULL && s->is_established);
	forget_address(t, s, h.slot + 1);
	take_address(t, s, h.slot + 1, address);
	s->is_unproved = true;
	s->credit = 0;
	dtls_session_changed(t, h.slot);
}

void dtls_session_credit(struct dtls_session *s, size_t bytes)
{
	size_t more = bytes * DTLS_SESSION_AMPLIFICATION;
	s->credit = (uint16_t)(more < (size_t)(UINT16_MAX - s->credit) ? s->credit + more : UINT16_MAX);
}

bool dtls_session_spend_credit(struct dtls_session *s, size_t bytes)
{
	if (!s->is_unproved)
		return true;
	if (bytes > s->credit)
		return false;
	s->credit = (uint16_t)(s->credit - bytes);
	return true;
}

void dtls_session_prove(struct dtls_sessions *t, struct handle h)
{
	struct dtls_session *s = dtls_session_get(t, h);
	assert(s != NULL && s->is_established);
	if (!s->is_unproved)
		return;
	s->is_unproved = false;
	dtls_session_changed(t, h.slot);
}

struct handle dtls_session_oldest(const struct dtls_sessions *t)
{
	return handle_at(t, t->oldest);
}

/* ---- saving ---- */

size_t dtls_sessions_marks_bytes(uint32_t capacity)
{
	return ((size_t)capacity + 63) / 64 * sizeof(uint64_t);
}

void dtls_sessions_mark_in(struct dtls_sessions *t, uint64_t *marks)
{
	t->changed = marks;
	t->changed_count = t->changed_at = 0;
}

void dtls_session_changed(struct dtls_sessions *t, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot % 64;
	if (t->changed == NULL || (t->changed[slot / 64] & bit) != 0)
		return;
	t->changed[slot / 64] |= bit;
	t->changed_count++;
}

void dtls_session_spend(struct dtls_sessions *t, struct dtls_session *s)
{
	if (s->reserved > 0)
		s->reserved--;
	else
		dtls_session_changed(t, (uint32_t)(s - t->sessions));
}

bool dtls_session_next_changed(struct dtls_sessions *t, uint32_t *ret_slot)
{
	if (t->changed_count == 0)
		return false;
	uint32_t words = (t->slab.capacity + 63) / 64, word = t->changed_at / 64;
	uint64_t bits = t->changed[word] & UINT64_MAX << t->changed_at % 64;
	while (bits == 0) {
		word = word + 1 == words ? 0 : word + 1;
		bits = t->changed[word];
	}
	*ret_slot = word * 64 + (uint32_t)__builtin_ctzll(bits);
	t->changed_at = *ret_slot;
	return true;
}

void dtls_session_saved(struct dtls_sessions *t, uint32_t slot, uint16_t reserved)
{
	uint64_t bit = UINT64_C(1) << slot % 64;
	t->sessions[slot].reserved = reserved;
	if ((t->changed[slot / 64] & bit) == 0)
		return;
	t->changed[slot / 64] &= ~bit;
	t->changed_count--;
}

bool dtls_session_restore(struct dtls_sessions *t, struct handle h, const struct dtls_session *session)
{
	assert(session->is_established);
	if (!slab_restore(&t->slab, h))
		return false;
	struct dtls_session *s = &t->sessions[h.slot];
	struct address address = session->address;
	*s = *session;
	s->has_address = false;
	s->older = s->newer = s->next_by_address = 0;
	if (session->has_address)
		take_address(t, s, h.slot + 1, &address);
	list_append(t, s, h.slot + 1);
	dtls_session_changed(t, h.slot);
	return true;
}

/* Merges two chains, each oldest first and linked by `newer`. */
static uint32_t merge(struct dtls_sessions *t, uint32_t a, uint32_t b)
{
	uint32_t first = 0, *end = &first;
	while (a != 0 && b != 0) {
		uint32_t *from = at(t, b)->active < at(t, a)->active ? &b : &a;
		*end = *from;
		end = &at(t, *from)->newer;
		*from = *end;
	}
	*end = a != 0 ? a : b;
	return first;
}

/* Bottom up: runs[i] is a sorted chain of 2^i sessions, or empty. */
void dtls_sessions_restored(struct dtls_sessions *t)
{
	uint32_t runs[32] = {0}, link = t->oldest, sorted = 0, before = 0;
	while (link != 0) {
		uint32_t run = link, i = 0;
		link = at(t, link)->newer;
		at(t, run)->newer = 0;
		for (; runs[i] != 0; i++) {
			run = merge(t, runs[i], run);
			runs[i] = 0;
		}
		runs[i] = run;
	}
	for (uint32_t i = 0; i < 32; i++)
		sorted = merge(t, runs[i], sorted);
	t->oldest = sorted;
	for (link = sorted; link != 0; link = at(t, link)->newer) {
		at(t, link)->older = before;
		before = link;
	}
	t->newest = before;
}
