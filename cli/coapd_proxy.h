/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coapd as a proxy (coap/proxy.h): what the command line allows it to reach, its cache, and the resolver of names. */
#pragma once

#include "cli/coapd_table.h"
#include "coap/io/loop.h"
#include "coap/io/resolver.h"
#include "coap/proxy.h"

#define COAPD_PROXY_NETWORKS_MAX 32
#define COAPD_PROXY_ROUTES_MAX   8
/* Of what is passed on either way. */
#define COAPD_PROXY_BODY_MAX_BYTES (1024 * 1024)

struct coapd_proxy {
	bool is_forward; /* --proxy */
	struct coap_proxied_network networks[COAPD_PROXY_NETWORKS_MAX];
	uint32_t network_count;
	struct coap_proxy_route routes[COAPD_PROXY_ROUTES_MAX];
	uint32_t route_count;
	struct address own[3];
	char name[ADDRESS_TEXT_BYTES];
	struct coap_proxy proxy;
	struct coap_cached cached;
	struct coap_cache cache;
	struct coap_resolver *resolver;
	void *memory[3];
	uint64_t wait_s; /* --proxy-wait; 0 for the default */
	bool is_running;
};

/* Takes the value of --proxy-allow: an address or network, with or without a port. False when it is none. */
bool coapd_proxy_allow(struct coapd_proxy *p, const char *text);
/* Takes the value of --reverse: PREFIX=coap://host[:port][/path], whose texts must stay. False when it is none, or the
 * host has no address. */
bool coapd_proxy_reverse(struct coapd_proxy *p, char *text);

/* Adds the rows of what was asked for. */
void coapd_proxy_add(struct coapd_proxy *p, struct coapd_table *table);
/* The endpoint runs, and was given `local` to listen on. False when there is no memory. */
bool coapd_proxy_start(
	struct coapd_proxy *p, struct coap_loop *loop, struct coap_endpoint *endpoint, const struct address *local);
msec coapd_proxy_deadline(const struct coapd_proxy *p);
void coapd_proxy_tick(struct coapd_proxy *p, msec now);
void coapd_proxy_done(struct coapd_proxy *p);
