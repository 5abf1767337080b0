/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The store is one block of memory, filled from the front:
 *
 *     | tag | key body options room | tag | a hole | tag | key body options room |      free      |
 *                                                                               ^ end
 *
 * A tag tells whose bytes follow, or that nobody's do. When the end is reached the living move together; before that so
 * many are evicted that an eighth of the store is free, so a full cache does not move its bytes with every add. */
#include "coap/cache.h"

#include <assert.h>

#define NO_SLOT      UINT32_MAX
#define OPTIONS_ROOM 64 /* that a refresh may add */

struct tag {
	uint32_t slot; /* NO_SLOT marks a hole */
	uint32_t len;  /* with the tag itself, a multiple of its size */
};

/* ---- life ---- */

static void layout(struct coap_cache *c, struct carve *carve, uint32_t entries, size_t bytes)
{
	slab_carve(&c->slab, carve, entries);
	hash_index_carve(&c->keys, carve, entries);
	hash_index_carve(&c->resources, carve, entries);
	c->entries = carve_take(carve, entries, sizeof *c->entries);
	c->store = carve_take(carve, bytes, 1);
}

size_t coap_cache_memory(uint32_t entries, size_t bytes)
{
	struct coap_cache c;
	struct carve carve = {NULL, 0};
	layout(&c, &carve, entries, bytes);
	return carve.used;
}

void coap_cache_init(struct coap_cache *c, void *memory, uint32_t entries, size_t bytes, struct prng *prng)
{
	struct carve carve = {memory, 0};
	assert(bytes <= UINT32_MAX);
	*c = (struct coap_cache){.newest = NO_SLOT, .oldest = NO_SLOT, .store_size = bytes};
	layout(c, &carve, entries, bytes);
	c->secret = prng_u64(prng);
}

/* ---- the order of use ---- */

static void unlink_entry(struct coap_cache *c, uint32_t slot)
{
	struct coap_cache_entry *x = &c->entries[slot];
	*(x->newer == NO_SLOT ? &c->newest : &c->entries[x->newer].older) = x->older;
	*(x->older == NO_SLOT ? &c->oldest : &c->entries[x->older].newer) = x->newer;
}

static void link_newest(struct coap_cache *c, uint32_t slot)
{
	struct coap_cache_entry *x = &c->entries[slot];
	x->newer = NO_SLOT;
	x->older = c->newest;
	*(c->newest == NO_SLOT ? &c->oldest : &c->entries[c->newest].newer) = slot;
	c->newest = slot;
}

static void use(struct coap_cache *c, uint32_t slot)
{
	unlink_entry(c, slot);
	link_newest(c, slot);
}

/* ---- the store ---- */

static struct tag *tag_at(const struct coap_cache *c, size_t at)
{
	return (struct tag *)(void *)(c->store + at);
}

static size_t store_need(size_t bytes)
{
	return (bytes + 2 * sizeof(struct tag) - 1) / sizeof(struct tag) * sizeof(struct tag);
}

/* Leaves a hole where the entry's bytes were. */
static void give_bytes(struct coap_cache *c, const struct coap_cache_entry *x)
{
	struct tag *tag = tag_at(c, x->at);
	tag->slot = NO_SLOT;
	c->live -= tag->len;
	if (x->at + tag->len == c->end)
		c->end = x->at;
}

static void give_entry(struct coap_cache *c, struct handle h)
{
	struct coap_cache_entry *x = &c->entries[h.slot];
	unlink_entry(c, h.slot);
	hash_index_remove(&c->keys, x->hash, h.slot);
	hash_index_remove(&c->resources, x->resource, h.slot);
	slab_give(&c->slab, h);
}

void coap_cache_remove(struct coap_cache *c, struct handle h)
{
	assert(slab_is_valid(&c->slab, h));
	give_bytes(c, &c->entries[h.slot]);
	give_entry(c, h);
}

static bool evict_one(struct coap_cache *c)
{
	uint32_t slot = c->oldest;
	while (slot != NO_SLOT && c->entries[slot].pins > 0)
		slot = c->entries[slot].newer;
	if (slot == NO_SLOT)
		return false;
	coap_cache_remove(c, slab_handle(&c->slab, slot));
	c->counters.evicted++;
	return true;
}

static void compact(struct coap_cache *c)
{
	size_t to = 0, len;
	for (size_t from = 0; from < c->end; from += len) {
		struct tag *tag = tag_at(c, from);
		len = tag->len;
		if (tag->slot == NO_SLOT)
			continue;
		c->entries[tag->slot].at = to;
		memmove(c->store + to, c->store + from, len);
		to += len;
	}
	c->end = to;
	assert(c->end == c->live);
}

/* Makes `need` bytes free behind the end. */
static bool make_room(struct coap_cache *c, size_t need)
{
	if (need > c->store_size)
		return false;
	if (c->end + need <= c->store_size)
		return true;
	while (c->live + need > c->store_size - c->store_size / 8 && evict_one(c))
		continue;
	compact(c);
	return c->end + need <= c->store_size;
}

/* ---- storing and finding ---- */

bool coap_cache_is_storable(enum coap_code code)
{
	return code == COAP_CONTENT || (coap_code_is_error(code) && code != COAP_HOP_LIMIT_REACHED);
}

static bool find(const struct coap_cache *c, const struct coap_cache_key *key, struct handle *ret)
{
	for (uint32_t slot = hash_index_first(&c->keys, key->hash); slot != HASH_INDEX_END;
		slot = hash_index_next(&c->keys, slot)) {
		const struct coap_cache_entry *x = &c->entries[slot];
		const uint8_t *bytes = c->store + x->at + sizeof(struct tag);
		if (x->hash == key->hash && bytes_equal(bytes_of(bytes, x->key_len), bytes_of(key->bytes, key->len))) {
			*ret = slab_handle(&c->slab, slot);
			return true;
		}
	}
	return false;
}

enum coap_cache_state coap_cache_find(
	struct coap_cache *c, const struct coap_cache_key *key, msec now, struct handle *ret)
{
	if (!find(c, key, ret)) {
		c->counters.misses++;
		return COAP_CACHE_MISS;
	}
	use(c, ret->slot);
	if (coap_cache_is_fresh(c, *ret, now)) {
		c->counters.hits++;
		return COAP_CACHE_FRESH;
	}
	c->counters.stale++;
	return COAP_CACHE_STALE;
}

static msec fresh_until(uint32_t max_age_s, msec now)
{
	return msec_after(now, SECONDS((msec)max_age_s));
}

static uint8_t *append(uint8_t *at, struct bytes part)
{
	if (part.len > 0)
		memcpy(at, part.data, part.len);
	return at + part.len;
}

/* Writes what the entry is now; its place in the tables and its pins stay. */
static void fill(struct coap_cache *c, uint32_t slot, const struct coap_cache_key *key,
	const struct coap_cache_response *r, size_t len, msec now)
{
	struct coap_cache_entry *x = &c->entries[slot];
	x->fresh_until = fresh_until(r->max_age_s, now);
	x->at = c->end;
	x->body_len = (uint32_t)r->body.len;
	x->key_len = key->len;
	x->options_len = (uint16_t)r->options.len;
	x->options_room = (uint16_t)(r->options.len + OPTIONS_ROOM);
	x->content_format = r->content_format;
	x->code = (uint8_t)r->code;
	x->etag_len = r->etag_len;
	memcpy(x->etag, r->etag, sizeof x->etag);
	*tag_at(c, x->at) = (struct tag){slot, (uint32_t)len};
	uint8_t *at = append(c->store + x->at + sizeof(struct tag), bytes_of(key->bytes, key->len));
	append(append(at, r->body), r->options);
	c->end += len;
	c->live += len;
}

static bool take_entry(struct coap_cache *c, const struct coap_cache_key *key, struct handle *ret)
{
	struct handle h;
	while (!slab_take(&c->slab, &h))
		if (!evict_one(c))
			return false;
	struct coap_cache_entry *x = &c->entries[h.slot];
	x->hash = key->hash;
	x->resource = key->resource;
	x->pins = 0;
	link_newest(c, h.slot);
	hash_index_add(&c->keys, key->hash, h.slot);
	hash_index_add(&c->resources, key->resource, h.slot);
	*ret = h;
	return true;
}

/* An entry to fill in: the one that the key has, with its bytes given back, or a new one. */
static bool empty_entry(struct coap_cache *c, const struct coap_cache_key *key, struct handle *ret)
{
	if (!find(c, key, ret))
		return take_entry(c, key, ret);
	use(c, ret->slot);
	give_bytes(c, &c->entries[ret->slot]);
	return true;
}

bool coap_cache_add(struct coap_cache *c, const struct coap_cache_key *key, const struct coap_cache_response *r,
	msec now, struct handle *ret)
{
	struct handle h;
	assert(key->len > 0 && r->etag_len <= sizeof r->etag);
	if (!empty_entry(c, key, &h))
		return false;
	c->entries[h.slot].pins++; /* it has no bytes to evict now */
	bool fits = r->options.len <= COAP_CACHE_OPTIONS_MAX_BYTES && r->body.len <= c->store_size &&
		    make_room(c, store_need(key->len + r->body.len + r->options.len + OPTIONS_ROOM));
	c->entries[h.slot].pins--;
	if (!fits) {
		give_entry(c, h);
		return false;
	}
	fill(c, h.slot, key, r, store_need(key->len + r->body.len + r->options.len + OPTIONS_ROOM), now);
	*ret = h;
	return true;
}

/* ---- freshness ---- */

static bool has_number(struct bytes options, uint16_t number)
{
	struct reader r = reader_of(options);
	struct coap_option option = {.number = 0};
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		if (option.number == number)
			return true;
	return false;
}

/* Adds those of `from` whose number is not in `but`. */
static void add_others(struct coap_options *list, struct bytes from, struct bytes but)
{
	struct reader r = reader_of(from);
	struct coap_option option = {.number = 0};
	while (coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION)
		if (!has_number(but, option.number))
			coap_options_add(list, option.number, option.value);
}

static uint8_t *options_at(const struct coap_cache *c, const struct coap_cache_entry *x)
{
	return c->store + x->at + sizeof(struct tag) + x->key_len + x->body_len;
}

static bool replace_options(struct coap_cache *c, struct coap_cache_entry *x, struct bytes options)
{
	uint8_t room[COAP_CACHE_OPTIONS_MAX_BYTES];
	struct writer w = writer_of(room, x->options_room < sizeof room ? x->options_room : sizeof room);
	struct coap_options list;
	if (options.len == 0)
		return true;
	coap_options_clear(&list);
	add_others(&list, bytes_of(options_at(c, x), x->options_len), options);
	add_others(&list, options, BYTES_NONE);
	coap_options_write(&w, &list);
	if (w.failed || list.failed)
		return false;
	x->options_len = (uint16_t)writer_bytes(&w).len;
	memcpy(options_at(c, x), room, x->options_len);
	return true;
}

void coap_cache_refresh(struct coap_cache *c, struct handle h, uint32_t max_age_s, struct bytes options, msec now)
{
	assert(slab_is_valid(&c->slab, h));
	struct coap_cache_entry *x = &c->entries[h.slot];
	if (!replace_options(c, x, options))
		return;
	x->fresh_until = fresh_until(max_age_s, now);
	c->counters.refreshed++;
}

void coap_cache_invalidate(struct coap_cache *c, uint64_t resource, msec now)
{
	for (uint32_t slot = hash_index_first(&c->resources, resource); slot != HASH_INDEX_END;
		slot = hash_index_next(&c->resources, slot)) {
		if (c->entries[slot].resource != resource || c->entries[slot].fresh_until <= now)
			continue;
		c->entries[slot].fresh_until = now;
		c->counters.invalidated++;
	}
}

void coap_cache_pin(struct coap_cache *c, struct handle h)
{
	assert(slab_is_valid(&c->slab, h));
	c->entries[h.slot].pins++;
}

void coap_cache_unpin(struct coap_cache *c, struct handle h)
{
	if (!slab_is_valid(&c->slab, h))
		return;
	assert(c->entries[h.slot].pins > 0);
	c->entries[h.slot].pins--;
}

/* ---- questions ---- */

bool coap_cache_has(const struct coap_cache *c, struct handle h)
{
	return slab_is_valid(&c->slab, h);
}

bool coap_cache_is_fresh(const struct coap_cache *c, struct handle h, msec now)
{
	assert(slab_is_valid(&c->slab, h));
	return now < c->entries[h.slot].fresh_until;
}

static uint32_t seconds_left(const struct coap_cache_entry *x, msec now)
{
	msec left = x->fresh_until > now ? (x->fresh_until - now) / SECONDS(1) : 0;
	return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

void coap_cache_view(const struct coap_cache *c, struct handle h, msec now, struct coap_cache_response *ret)
{
	assert(slab_is_valid(&c->slab, h));
	const struct coap_cache_entry *x = &c->entries[h.slot];
	const uint8_t *key = c->store + x->at + sizeof(struct tag);
	*ret = (struct coap_cache_response){.code = (enum coap_code)x->code,
		.content_format = x->content_format,
		.etag_len = x->etag_len,
		.max_age_s = seconds_left(x, now),
		.options = bytes_of(options_at(c, x), x->options_len),
		.body = bytes_of(key + x->key_len, x->body_len)};
	memcpy(ret->etag, x->etag, sizeof ret->etag);
}
