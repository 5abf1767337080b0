/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The cache key of a request: two with the same key may be answered by the same response (RFC 7252 section 5.6, RFC
 * 8132 section 2.1).
 *
 * It holds whom the request goes to, its method, its options but those that the number marks NoCacheKey or that this
 * endpoint interprets itself (ETag, Observe, the blocks, Hop-Limit ...), and of a FETCH also the body. Beside it stands
 * the name of the resource, by which all that is stored for it is found. Names and keys are hashed with a secret, so
 * that nobody can choose collisions. */
#pragma once

#include "coap/message.h"
#include "coap/transport.h"

#define COAP_CACHE_KEY_MAX_BYTES 1024

struct coap_cache_key {
	uint64_t hash;
	uint64_t resource; /* the same for all keys of one URI */
	uint16_t len;
	uint8_t bytes[COAP_CACHE_KEY_MAX_BYTES];
};

/* The name of what a request is about: the remote and the options of its URI. */
uint64_t coap_cache_resource(uint64_t secret, const struct coap_remote *to, const struct coap_options *options);
/* The name of what all resources of the same server and host begin with, and from there the name of the one whose path
 * and query are those of a response's Location (RFC 7252 section 5.10.7). */
uint64_t coap_cache_authority(uint64_t secret, const struct coap_remote *to, const struct coap_options *options);
uint64_t coap_cache_location(uint64_t authority, const struct coap_message *response);
/* The key of a request. False when nothing may be stored for it: its method is neither GET nor FETCH, or the key would
 * be too long. `resource` is filled in all the same. */
bool coap_cache_key(uint64_t secret, const struct coap_remote *to, enum coap_code method,
	const struct coap_options *options, struct bytes body, struct coap_cache_key *ret);
