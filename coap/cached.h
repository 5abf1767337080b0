/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests through a cache (RFC 7252 section 5.6): the endpoint's client side with stored responses in front of it.
 *
 *     request --> fresh in the cache? ----------------------------------------> answered at once
 *             --> stored with an ETag, but stale? asked with it --> 2.03 -----> answered from the cache, fresh again
 *             --> else asked ----------------------------------> response ---> stored when it may be, answered
 *
 * - Requests with the same key that arrive while one is under way share its exchange (coalescing).
 * - An observation (RFC 7641 section 5) is shared in the same way: one at the server for all who watch, and a late
 * comer gets the latest state at once. Every notification is stored; its entry is pinned as long as somebody watches.
 * - The success of a request that is not safe makes what is stored for its resource stale.
 * - A caller may have responses of his own and present their ETags: he gets a 2.03 when the server says so of one that
 *   is not stored here, and compares himself otherwise.
 *
 * It is a composer above the public API of an endpoint: it has no deadline and receives nothing itself. A cache may be
 * shared by several. Storage is the owner's. */
#pragma once

#include "coap/cache.h"
#include "coap/endpoint.h"

enum coap_cached_source {
	COAP_CACHED_FROM_SERVER,
	COAP_CACHED_FROM_STORE,     /* fresh, nobody was asked */
	COAP_CACHED_FROM_VALIDATED, /* the server has said that what is stored is still right */
};

struct coap_cached_answer {
	enum coap_outcome outcome; /* as in coap_reply; the rest is only filled in with a response */
	enum coap_cached_source source;
	struct coap_cache_response response; /* borrowed; max_age_s is what is left of it */
};

typedef void coap_cached_function(
	void *context, struct coap_endpoint *endpoint, const struct coap_cached_answer *answer, msec now);

struct coap_cached_call {
	/* As for coap_endpoint_request; `reply` and `context` in it are not used, nor `is_block`. An ETag among the
	 * options is the caller's own. */
	struct coap_call call;
	coap_cached_function *answered; /* with a final outcome exactly once, unless left; never from within a call */
	void *context;
};

enum coap_cached_result {
	COAP_CACHED_NOW,   /* answered: the answer is filled in */
	COAP_CACHED_LATER, /* asked: `answered` will be called */
	COAP_CACHED_FULL,  /* nobody could be asked; `answered` is never called */
};

struct coap_cached_capacities {
	uint32_t fetches; /* exchanges at a time, observations included */
	uint32_t waiters; /* callers at a time */
};

struct coap_cached_waiter {
	uint32_t fetch, next, previous; /* slots */
	coap_cached_function *answered;
	void *context;
};

struct coap_cached_fetch {
	struct coap_cached *owner;
	struct coap_cache_key key;
	uint64_t authority;
	struct handle exchange;
	struct handle entry;    /* what is validated, or the latest state of an observation; pinned */
	uint32_t first, cursor; /* waiters; the next one to be told */
	enum coap_code method;
	bool is_shared;
	bool observes;
	bool is_ending;
};

struct coap_cached {
	struct coap_endpoint *endpoint;
	struct coap_cache *cache;
	struct coap_cached_fetch *fetches;
	struct coap_cached_waiter *waiters;
	struct slab fetch_slab, waiter_slab;
	struct hash_index keys; /* of the fetches that may be shared */
	uint64_t coalesced;
	uint8_t room[COAP_CACHE_OPTIONS_MAX_BYTES]; /* options of the response at hand */
};

size_t coap_cached_memory(const struct coap_cached_capacities *capacities);
/* `memory` is aligned to 64. */
void coap_cached_init(struct coap_cached *c, void *memory, const struct coap_cached_capacities *capacities,
	struct coap_endpoint *endpoint, struct coap_cache *cache);

/* Asks. With COAP_CACHED_NOW of an observation `ret_waiter` is registered all the same and notifications follow; it is
 * HANDLE_NONE when there is nothing to leave. `ret_answer` is valid until the next call of this module. */
enum coap_cached_result coap_cached_request(struct coap_cached *c, const struct coap_cached_call *call, msec now,
	struct handle *ret_waiter, struct coap_cached_answer *ret_answer);
/* What is stored for this request, fresh or stale for at most `stale`. */
bool coap_cached_peek(
	struct coap_cached *c, const struct coap_call *call, msec stale, msec now, struct coap_cache_response *ret);
/* The caller is not interested any more. The last one ends the exchange; a handle that has ended is ignored. */
void coap_cached_leave(struct coap_cached *c, struct handle waiter, msec now);
/* The stored state that a waiter's observation has brought last, fresh or not. False without any. */
bool coap_cached_latest(struct coap_cached *c, struct handle waiter, msec now, struct coap_cached_answer *ret_answer);
