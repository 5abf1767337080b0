/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stored responses: when one may answer a request, how long it stays fresh, and what makes it stale
 * (RFC 7252 section 5.6, RFC 8132 section 2.1).
 *
 * A response is stored with its whole body under the key of its request (coap/cachekey.h). It is fresh for Max-Age;
 * afterwards it waits for its validation by ETag, or for its eviction:
 *
 *     add ----> FRESH --- Max-Age is over, or invalidate ---> STALE ----> evicted by others, least recently used first
 *                 ^                                             |
 *                 +---------------- refresh (2.03) -------------+
 *
 * Entries are bounded in number, and their bytes by one block of memory in which they lie one behind the other; the
 * holes of those that have gone are closed when the end is reached. An entry that is pinned is not evicted.
 *
 * The module asks nobody; storage is the owner's. What coap_cache_view gives is valid until the next add. */
#pragma once

#include "coap/cachekey.h"
#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/message.h"
#include "coap/base/prng.h"

#define COAP_CACHE_OPTIONS_MAX_BYTES 512 /* of the options stored with a response */

/* A response as it is stored or given out. */
struct coap_cache_response {
	enum coap_code code;
	uint16_t content_format; /* COAP_FORMAT_NONE when it has none */
	uint8_t etag_len;        /* 0 without an ETag */
	uint8_t etag[8];
	uint32_t max_age_s;   /* given: of the response; taken out: what is left of it */
	struct bytes options; /* all others that stay with the response, in the wire form */
	struct bytes body;
};

enum coap_cache_state {
	COAP_CACHE_MISS,
	COAP_CACHE_STALE, /* may be validated when it has an ETag */
	COAP_CACHE_FRESH,
};

struct coap_cache_entry {
	uint64_t hash, resource;
	msec fresh_until;
	size_t at; /* where its bytes lie: key, body, options */
	uint32_t body_len;
	uint16_t key_len, options_len, options_room;
	uint32_t newer, older; /* neighbours in the order of use */
	uint32_t pins;
	uint16_t content_format;
	uint8_t code, etag_len;
	uint8_t etag[8];
};

struct coap_cache_counters {
	uint64_t hits, misses, stale, refreshed, evicted, invalidated;
};

struct coap_cache {
	struct coap_cache_entry *entries;
	uint8_t *store;
	size_t store_size, end, live; /* bytes of the store: all, up to where it is written, still in use */
	struct slab slab;
	struct hash_index keys, resources;
	uint32_t newest, oldest;
	uint64_t secret; /* of the keys */
	struct coap_cache_counters counters;
};

size_t coap_cache_memory(uint32_t entries, size_t bytes);
/* `memory` is aligned to 64 and stays the owner's. */
void coap_cache_init(struct coap_cache *c, void *memory, uint32_t entries, size_t bytes, struct prng *prng);

/* ---- storing and finding ---- */

/* Whether a response of this code may answer later requests (RFC 7252 section 5.9). 5.08 depends on the Hop-Limit of
 * its request (RFC 8768 section 3) and 2.31 is a step of a transfer: they are not stored. */
bool coap_cache_is_storable(enum coap_code code);
/* Whether a stored response answers this request. Finding counts as use. */
enum coap_cache_state coap_cache_find(
	struct coap_cache *c, const struct coap_cache_key *key, msec now, struct handle *ret);
/* Stores a response, whose spans must not lie in the store. It takes the place of one with the same key, which keeps
 * its handle and its pins. False when it does not fit: too large, or all that is stored is pinned; then nothing is
 * stored under this key any more. */
bool coap_cache_add(struct coap_cache *c, const struct coap_cache_key *key, const struct coap_cache_response *response,
	msec now, struct handle *ret);
/* A 2.03 has confirmed the entry: its Max-Age begins anew, and the options of each number in `options` take the place
 * of the stored ones (section 5.9.1.3). When these find no room the entry stays as stale as it was. */
void coap_cache_refresh(struct coap_cache *c, struct handle h, uint32_t max_age_s, struct bytes options, msec now);
/* A request that is not safe has succeeded: what is stored for this resource is not fresh any more (section 5.9.1). */
void coap_cache_invalidate(struct coap_cache *c, uint64_t resource, msec now);
void coap_cache_remove(struct coap_cache *c, struct handle h);
void coap_cache_pin(struct coap_cache *c, struct handle h);
/* Ignores a handle whose entry is gone. */
void coap_cache_unpin(struct coap_cache *c, struct handle h);

/* ---- questions ---- */

bool coap_cache_has(const struct coap_cache *c, struct handle h);
bool coap_cache_is_fresh(const struct coap_cache *c, struct handle h, msec now);
void coap_cache_view(const struct coap_cache *c, struct handle h, msec now, struct coap_cache_response *ret);
