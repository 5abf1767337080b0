/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A CoAP-to-CoAP proxy, forward and reverse, as an application of an endpoint (RFC 7252 section 5.7).
 *
 *     client --> endpoint --> handler: whose, may it, which options --> cached --> endpoint --> server
 *            <-- respond, notify <-- answered: which options, Max-Age <--        <--
 *
 * - A forward proxy is asked by Proxy-Uri, or Proxy-Scheme with Uri-Host and Uri-Port. It reaches only what the
 *   configuration allows; the rest is 5.05, as are schemes other than coap and multicast. A request that names the
 * proxy itself is served by the endpoint's own resources.
 * - A reverse proxy shows a server's resources below a path of its own. Locations in responses are translated back.
 * - Bodies are put together and cut anew by the endpoint on either side. Responses come from the cache while they are
 *   fresh, with what is left of their Max-Age; requests that are alike share one exchange, and observers one
 *   observation (RFC 7641 section 5).
 * - Hop-Limit (RFC 8768) is put in or counted down; at its end the answer is 5.08.
 * - No answer from the server is 5.04, one that cannot be used 5.02. A request waits for `wait` at most, its turn
 * behind others to the same server included (NSTART, RFC 7252 section 4.7), so that its client still hears the 5.04.
 *
 * Names are resolved by a port, since that takes time. Storage is the owner's; nothing is allocated later. */
#pragma once

#include "coap/cached.h"
#include "coap/proxied.h"

#define COAP_PROXY_OPTIONS_MAX_BYTES 512 /* of one request to a server */
/* By default a message has been sent for the last time after MAX_TRANSMIT_SPAN, 45 s, and a client gives up after
 * MAX_TRANSMIT_WAIT, 93 s (RFC 7252 section 4.8.2); this is between the two. */
#define COAP_PROXY_WAIT SECONDS(60)

struct coap_proxy_config {
	const struct coap_proxied_network *targets; /* nothing is reached that is in none of them */
	uint32_t target_count;
	const struct address *own; /* how clients address the endpoint itself; may be none */
	uint32_t own_count;
	const char *name;  /* of this proxy, in the payload of 5.08; without blanks */
	uint8_t hop_limit; /* put into requests that have none; 0 for the default */
	uint32_t calls;    /* requests at a time, and observers */
	uint32_t bodies;   /* requests at a time whose body is longer than nothing */
	uint32_t body_size_max;
	msec wait; /* from a request until its 5.04; 0 for COAP_PROXY_WAIT */
	/* Asks for the address of a host, in the time it takes; the answer goes to coap_proxy_resolved. `host` is
	 * borrowed. False when it cannot be asked. NULL where names are not resolved. */
	bool (*resolve)(void *context, struct bytes host, uint16_t port, struct handle ticket);
	void *context;
};

struct coap_proxy_counters {
	uint64_t requests, forwarded, refused, from_cache, hops_exceeded, timeouts;
};

struct coap_proxy {
	struct coap_proxy_config config;
	struct coap_endpoint *endpoint;
	struct coap_cached *cached;
	struct coap_proxy_call *calls;
	uint8_t *body_store;
	struct slab slab, bodies;
	struct hash_index observers;
	struct deadlines deadlines; /* of the calls that owe an answer */
	struct coap_proxy_counters counters;
	struct coap_options local; /* of a request that is for the endpoint itself */
	uint8_t local_values[COAP_PROXIED_URI_MAX_BYTES];
	uint8_t values[COAP_PROXIED_URI_MAX_BYTES]; /* of the request being read */
	uint8_t text[COAP_BLOCK_SIZE_MAX];          /* of the response being written */
	uint8_t etag[8];                            /* the same */
};

/* A path of the endpoint's that stands for a server. */
struct coap_proxy_route {
	struct coap_proxy *proxy;
	const char *prefix;    /* the resource's path */
	struct coap_remote to; /* the server, which needs not be among the targets */
	const char *base;      /* the path there that the prefix stands for; "" for the root */
	const char *host;      /* Uri-Host for the server; NULL for none */
};

/* ---- life ---- */

size_t coap_proxy_memory(const struct coap_proxy_config *config);
/* After the endpoint, whose table of resources already points to `p` and its routes. `memory` is aligned to 64; it and
 * all that the configuration points to stay the owner's. */
void coap_proxy_init(struct coap_proxy *p, void *memory, const struct coap_proxy_config *config,
	struct coap_endpoint *endpoint, struct coap_cached *cached);

/* The element of the endpoint's table that makes it a forward proxy, and one for a route. */
struct coap_resource coap_proxy_resource(struct coap_proxy *p);
struct coap_resource coap_proxy_route_resource(struct coap_proxy_route *route);

/* ---- input and time ---- */

/* The address of a host is known, or that there is none (NULL). A ticket whose client has gone is ignored. */
void coap_proxy_resolved(struct coap_proxy *p, struct handle ticket, const struct address *found, msec now);
/* When the next request has waited for too long, and that it is so. */
msec coap_proxy_deadline(const struct coap_proxy *p);
void coap_proxy_tick(struct coap_proxy *p, msec now);
