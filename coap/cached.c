/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fetch is one exchange with the server, a waiter one caller who hears of it. A fetch ends in one place (finish): it
 * leaves the index first, so nobody joins, and then its waiters are told one by one. Each of them may ask again or
 * leave while he is told; `cursor` is moved when the waiter it stands at leaves. */
#include "coap/cached.h"

#include <assert.h>

#define NO_SLOT UINT32_MAX

/* ---- life ---- */

static void layout(struct coap_cached *c, struct carve *carve, const struct coap_cached_capacities *capacities)
{
	slab_carve(&c->fetch_slab, carve, capacities->fetches);
	slab_carve(&c->waiter_slab, carve, capacities->waiters);
	hash_index_carve(&c->keys, carve, capacities->fetches);
	c->fetches = carve_take(carve, capacities->fetches, sizeof *c->fetches);
	c->waiters = carve_take(carve, capacities->waiters, sizeof *c->waiters);
}

size_t coap_cached_memory(const struct coap_cached_capacities *capacities)
{
	struct coap_cached c;
	struct carve carve = {NULL, 0};
	layout(&c, &carve, capacities);
	return carve.used;
}

void coap_cached_init(struct coap_cached *c, void *memory, const struct coap_cached_capacities *capacities,
	struct coap_endpoint *endpoint, struct coap_cache *cache)
{
	struct carve carve = {memory, 0};
	layout(c, &carve, capacities);
	c->endpoint = endpoint;
	c->cache = cache;
	c->coalesced = 0;
}

/* ---- waiters ---- */

static bool add_waiter(struct coap_cached *c, uint32_t fetch, const struct coap_cached_call *call, struct handle *ret)
{
	struct coap_cached_fetch *f = &c->fetches[fetch];
	if (!slab_take(&c->waiter_slab, ret))
		return false;
	c->waiters[ret->slot] = (struct coap_cached_waiter){fetch, f->first, NO_SLOT, call->answered, call->context};
	if (f->first != NO_SLOT)
		c->waiters[f->first].previous = ret->slot;
	f->first = ret->slot;
	return true;
}

static void remove_waiter(struct coap_cached *c, struct handle h)
{
	struct coap_cached_waiter *w = &c->waiters[h.slot];
	struct coap_cached_fetch *f = &c->fetches[w->fetch];
	if (w->next != NO_SLOT)
		c->waiters[w->next].previous = w->previous;
	*(w->previous == NO_SLOT ? &f->first : &c->waiters[w->previous].next) = w->next;
	if (f->cursor == h.slot)
		f->cursor = w->next;
	slab_give(&c->waiter_slab, h);
}

/* ---- fetches ---- */

static void stop_sharing(struct coap_cached *c, uint32_t slot)
{
	struct coap_cached_fetch *f = &c->fetches[slot];
	if (f->is_shared)
		hash_index_remove(&c->keys, f->key.hash, slot);
	f->is_shared = false;
}

static void remove_fetch(struct coap_cached *c, uint32_t slot)
{
	stop_sharing(c, slot);
	coap_cache_unpin(c->cache, c->fetches[slot].entry);
	slab_give(&c->fetch_slab, slab_handle(&c->fetch_slab, slot));
}

static bool find_shared(const struct coap_cached *c, const struct coap_cache_key *key, bool observes, uint32_t *ret)
{
	for (uint32_t slot = hash_index_first(&c->keys, key->hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&c->keys, slot)) {
		const struct coap_cached_fetch *f = &c->fetches[slot];
		if (f->observes == observes &&
			bytes_equal(bytes_of(f->key.bytes, f->key.len), bytes_of(key->bytes, key->len))) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

static void hold_entry(struct coap_cached *c, struct coap_cached_fetch *f, struct handle entry)
{
	if (handle_equal(f->entry, entry))
		return;
	coap_cache_unpin(c->cache, f->entry);
	f->entry = entry;
	coap_cache_pin(c->cache, entry);
}

/* ---- what comes ---- */

/* What belongs to the transfer, or stands in a field of its own, is not among the options that stay with a response. */
static bool stays(uint16_t number)
{
	switch (number) {
	case COAP_OPTION_ETAG:
	case COAP_OPTION_OBSERVE:
	case COAP_OPTION_CONTENT_FORMAT:
	case COAP_OPTION_MAX_AGE:
	case COAP_OPTION_BLOCK1:
	case COAP_OPTION_BLOCK2:
	case COAP_OPTION_Q_BLOCK1:
	case COAP_OPTION_Q_BLOCK2:
	case COAP_OPTION_SIZE1:
	case COAP_OPTION_SIZE2:
		return false;
	default:
		return true;
	}
}

static bool read_options(struct coap_cached *c, const struct coap_message *m, struct bytes *ret)
{
	struct writer w = writer_of(c->room, sizeof c->room);
	uint16_t previous = 0;
	for (unsigned i = 0; i < m->option_count; i++) {
		if (!stays(m->options[i].number))
			continue;
		coap_option_write(&w, previous, m->options[i].number, m->options[i].value);
		previous = m->options[i].number;
	}
	*ret = writer_bytes(&w);
	return !w.failed;
}

static void read_response(const struct coap_reply *reply, struct coap_cache_response *ret)
{
	struct bytes etag = BYTES_NONE;
	*ret = (struct coap_cache_response){.code = reply->code,
		.content_format = reply->content_format,
		.max_age_s = COAP_MAX_AGE_DEFAULT_S,
		.body = reply->body};
	(void)coap_message_uint(reply->message, COAP_OPTION_MAX_AGE, &ret->max_age_s);
	(void)coap_message_option(reply->message, COAP_OPTION_ETAG, &etag);
	ret->etag_len = (uint8_t)bytes_first(etag, sizeof ret->etag).len;
	if (ret->etag_len > 0)
		memcpy(ret->etag, etag.data, ret->etag_len);
}

/* An Echo value is for the one who asked (RFC 9175 section 2.3). */
static bool is_storable(const struct coap_cached_fetch *f, const struct coap_reply *reply)
{
	return f->key.len > 0 && coap_cache_is_storable(reply->code) &&
	       !coap_message_has(reply->message, COAP_OPTION_ECHO);
}

static void store(
	struct coap_cached *c, struct coap_cached_fetch *f, const struct coap_cache_response *response, msec now)
{
	struct handle entry;
	if (coap_cache_add(c->cache, &f->key, response, now, &entry))
		hold_entry(c, f, entry);
}

/* RFC 7252 section 5.9.1: the resource of the request, and the one that has been created. */
static void invalidate(
	struct coap_cached *c, const struct coap_cached_fetch *f, const struct coap_reply *reply, msec now)
{
	bool has_location = coap_message_has(reply->message, COAP_OPTION_LOCATION_PATH) ||
			    coap_message_has(reply->message, COAP_OPTION_LOCATION_QUERY);
	if (coap_code_is_safe(f->method) || !coap_code_is_success(reply->code))
		return;
	coap_cache_invalidate(c->cache, f->key.resource, now);
	if (has_location)
		coap_cache_invalidate(c->cache, coap_cache_location(f->authority, reply->message), now);
}

/* A 2.03 for what is stored here: the answer comes from there. False when it is for another's ETag. */
static bool answer_validated(struct coap_cached *c, const struct coap_cached_fetch *f,
	const struct coap_cache_response *valid, msec now, struct coap_cached_answer *ret)
{
	struct coap_cache_response stored;
	if (valid->code != COAP_VALID || !coap_cache_has(c->cache, f->entry))
		return false;
	coap_cache_view(c->cache, f->entry, now, &stored);
	if (!bytes_equal(bytes_of(valid->etag, valid->etag_len), bytes_of(stored.etag, stored.etag_len)))
		return false;
	coap_cache_refresh(c->cache, f->entry, valid->max_age_s, valid->options, now);
	coap_cache_view(c->cache, f->entry, now, &ret->response);
	ret->source = COAP_CACHED_FROM_VALIDATED;
	return true;
}

static void make_answer(struct coap_cached *c, struct coap_cached_fetch *f, const struct coap_reply *reply, msec now,
	struct coap_cached_answer *ret)
{
	*ret = (struct coap_cached_answer){.outcome = reply->outcome, .source = COAP_CACHED_FROM_SERVER};
	if (reply->message == NULL)
		return;
	read_response(reply, &ret->response);
	if (!read_options(c, reply->message, &ret->response.options)) {
		ret->outcome = COAP_OUTCOME_BROKEN; /* more than can be passed on */
		return;
	}
	invalidate(c, f, reply, now);
	if (answer_validated(c, f, &ret->response, now, ret))
		return;
	if (is_storable(f, reply))
		store(c, f, &ret->response, now);
}

static void tell(struct coap_cached *c, struct coap_cached_fetch *f, const struct coap_cached_answer *answer, msec now)
{
	for (f->cursor = f->first; f->cursor != NO_SLOT;) {
		struct coap_cached_waiter w = c->waiters[f->cursor];
		struct handle h = slab_handle(&c->waiter_slab, f->cursor);
		f->cursor = w.next;
		if (f->is_ending)
			remove_waiter(c, h);
		w.answered(w.context, c->endpoint, answer, now);
	}
}

static void on_reply(void *context, struct coap_endpoint *endpoint, const struct coap_reply *reply, msec now)
{
	struct coap_cached_fetch *f = context;
	struct coap_cached *c = f->owner;
	struct coap_cached_answer answer;
	(void)endpoint;
	make_answer(c, f, reply, now, &answer);
	if (reply->outcome == COAP_OUTCOME_NOTIFICATION) {
		tell(c, f, &answer, now);
		return;
	}
	f->is_ending = true;
	stop_sharing(c, (uint32_t)(f - c->fetches));
	tell(c, f, &answer, now);
	assert(f->first == NO_SLOT);
	remove_fetch(c, (uint32_t)(f - c->fetches));
}

/* ---- asking ---- */

/* Adds the ETag of what is stored to those that the caller presents. */
static void present_etag(const struct coap_cached *c, struct handle entry, msec now, struct coap_options *options)
{
	struct coap_cache_response stored;
	coap_cache_view(c->cache, entry, now, &stored);
	struct bytes etag = bytes_of(stored.etag, stored.etag_len);
	for (unsigned i = 0; i < options->count; i++) {
		struct coap_option option = coap_options_at(options, i);
		if (option.number == COAP_OPTION_ETAG && bytes_equal(option.value, etag))
			return;
	}
	if (etag.len > 0)
		coap_options_add(options, COAP_OPTION_ETAG, etag);
}

static bool has_etag(const struct coap_options *options)
{
	struct bytes etag;
	return options != NULL && coap_options_find(options, COAP_OPTION_ETAG, &etag);
}

static void set_fetch(struct coap_cached *c, struct coap_cached_fetch *f, const struct coap_call *call,
	const struct coap_cache_key *key)
{
	*f = (struct coap_cached_fetch){.owner = c,
		.authority = coap_cache_authority(c->cache->secret, &call->to, call->options),
		.first = NO_SLOT,
		.cursor = NO_SLOT,
		.method = call->method,
		.observes = call->observe};
	f->key = *key;
}

/* Sends the request of a fetch that is set. What has been stored is held until the answer, as it may be validated. */
static bool ask(struct coap_cached *c, struct coap_cached_fetch *f, const struct coap_cached_call *from,
	struct handle entry, msec now)
{
	struct coap_call call = from->call;
	struct coap_options options;
	coap_options_clear(&options);
	if (call.options != NULL)
		options = *call.options;
	if (call.observe)
		coap_options_remove(&options, COAP_OPTION_ETAG);
	else if (coap_cache_has(c->cache, entry))
		present_etag(c, entry, now, &options);
	call.options = &options;
	call.reply = on_reply;
	call.context = f;
	call.is_block = false;
	call.renews = true;
	if (!coap_endpoint_request(c->endpoint, &call, now, &f->exchange))
		return false;
	if (!call.observe && coap_cache_has(c->cache, entry))
		hold_entry(c, f, entry);
	return true;
}

/* A caller's own ETags make the answer one for him alone. */
static bool begin(struct coap_cached *c, const struct coap_cached_call *call, const struct coap_cache_key *key,
	struct handle entry, msec now, struct handle *ret_waiter)
{
	struct handle fetch;
	if (!slab_take(&c->fetch_slab, &fetch))
		return false;
	struct coap_cached_fetch *f = &c->fetches[fetch.slot];
	set_fetch(c, f, &call->call, key);
	if (!add_waiter(c, fetch.slot, call, ret_waiter)) {
		slab_give(&c->fetch_slab, fetch);
		return false;
	}
	if (!ask(c, f, call, entry, now)) {
		remove_waiter(c, *ret_waiter);
		slab_give(&c->fetch_slab, fetch);
		return false;
	}
	f->is_shared = key->len > 0 && (call->call.observe || !has_etag(call->call.options));
	if (f->is_shared)
		hash_index_add(&c->keys, key->hash, fetch.slot);
	return true;
}

static void answer_stored(const struct coap_cached *c, struct handle entry, msec now, struct coap_cached_answer *ret)
{
	*ret = (struct coap_cached_answer){.outcome = COAP_OUTCOME_RESPONSE, .source = COAP_CACHED_FROM_STORE};
	coap_cache_view(c->cache, entry, now, &ret->response);
}

/* Joins what is under way. An observation that has brought a state gives it at once; when that is not fresh any more,
 * registering again brings another. */
static enum coap_cached_result join(struct coap_cached *c, uint32_t fetch, const struct coap_cached_call *call,
	msec now, struct handle *ret_waiter, struct coap_cached_answer *ret_answer)
{
	const struct coap_cached_fetch *f = &c->fetches[fetch];
	if (!add_waiter(c, fetch, call, ret_waiter))
		return COAP_CACHED_FULL;
	c->coalesced++;
	if (!f->observes || !coap_cache_has(c->cache, f->entry))
		return COAP_CACHED_LATER;
	if (!coap_cache_is_fresh(c->cache, f->entry, now)) {
		coap_endpoint_observe_again(c->endpoint, f->exchange, now);
		return COAP_CACHED_LATER;
	}
	answer_stored(c, f->entry, now, ret_answer);
	return COAP_CACHED_NOW;
}

enum coap_cached_result coap_cached_request(struct coap_cached *c, const struct coap_cached_call *call, msec now,
	struct handle *ret_waiter, struct coap_cached_answer *ret_answer)
{
	struct coap_cache_key key;
	struct handle entry = HANDLE_NONE;
	uint32_t fetch;
	const struct coap_call *x = &call->call;
	*ret_waiter = HANDLE_NONE;
	if (coap_cache_key(c->cache->secret, &x->to, x->method, x->options, x->body, &key)) {
		enum coap_cache_state state = coap_cache_find(c->cache, &key, now, &entry);
		if (state == COAP_CACHE_MISS)
			entry = HANDLE_NONE;
		if (state == COAP_CACHE_FRESH && !x->observe) {
			answer_stored(c, entry, now, ret_answer);
			return COAP_CACHED_NOW;
		}
		if (find_shared(c, &key, x->observe, &fetch))
			return join(c, fetch, call, now, ret_waiter, ret_answer);
	}
	return begin(c, call, &key, entry, now, ret_waiter) ? COAP_CACHED_LATER : COAP_CACHED_FULL;
}

bool coap_cached_peek(
	struct coap_cached *c, const struct coap_call *call, msec stale, msec now, struct coap_cache_response *ret)
{
	struct coap_cache_key key;
	struct handle entry;
	if (!coap_cache_key(c->cache->secret, &call->to, call->method, call->options, call->body, &key) ||
		coap_cache_find(c->cache, &key, now, &entry) == COAP_CACHE_MISS ||
		!coap_cache_is_fresh(c->cache, entry, now - stale))
		return false;
	coap_cache_view(c->cache, entry, now, ret);
	return true;
}

void coap_cached_leave(struct coap_cached *c, struct handle waiter, msec now)
{
	if (!slab_is_valid(&c->waiter_slab, waiter))
		return;
	uint32_t fetch = c->waiters[waiter.slot].fetch;
	struct coap_cached_fetch *f = &c->fetches[fetch];
	remove_waiter(c, waiter);
	if (f->first != NO_SLOT || f->is_ending)
		return;
	coap_endpoint_cancel(c->endpoint, f->exchange, now);
	remove_fetch(c, fetch);
}

bool coap_cached_latest(struct coap_cached *c, struct handle waiter, msec now, struct coap_cached_answer *ret_answer)
{
	if (!slab_is_valid(&c->waiter_slab, waiter))
		return false;
	const struct coap_cached_fetch *f = &c->fetches[c->waiters[waiter.slot].fetch];
	if (!coap_cache_has(c->cache, f->entry))
		return false;
	answer_stored(c, f->entry, now, ret_answer);
	return true;
}
