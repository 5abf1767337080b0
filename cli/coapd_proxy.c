/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_proxy.h"

#include "coap/io/resolve.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRIES 1024
#define CACHE_BYTES   (8u * 1024 * 1024)
#define CALLS         256
#define BODIES        32

/* ---- the command line ---- */

bool coapd_proxy_allow(struct coapd_proxy *p, const char *text)
{
	return p->network_count < COAPD_PROXY_NETWORKS_MAX &&
	       coap_proxied_network_parse(bytes_of_text(text), &p->networks[p->network_count]) && ++p->network_count;
}

bool coapd_proxy_reverse(struct coapd_proxy *p, char *text)
{
	struct coap_uri uri;
	const char *reason;
	char *uri_text = strchr(text, '=');
	if (uri_text == NULL || p->route_count == COAPD_PROXY_ROUTES_MAX)
		return false;
	*uri_text++ = '\0';
	struct coap_proxy_route *route = &p->routes[p->route_count];
	*route = (struct coap_proxy_route){.proxy = &p->proxy, .prefix = text[0] == '/' ? text + 1 : text, .base = ""};
	if (!coap_uri_parse(bytes_of_text(uri_text), &uri) || uri.is_secure || uri.has_query ||
		!coap_resolve_uri(&uri, &route->to.address, &reason))
		return false;
	if (uri.path.len > 1) /* the path reaches to the end of the text */
		route->base = (const char *)uri.path.data + 1;
	p->route_count++;
	return true;
}

void coapd_proxy_add(struct coapd_proxy *p, struct coapd_table *table)
{
	if (p->is_forward)
		coapd_table_add(table, coap_proxy_resource(&p->proxy));
	for (uint32_t i = 0; i < p->route_count; i++)
		coapd_table_add(table, coap_proxy_route_resource(&p->routes[i]));
}

/* ---- running ---- */

static bool resolve(void *context, struct bytes host, uint16_t port, struct handle ticket)
{
	struct coapd_proxy *p = context;
	return coap_resolver_ask(p->resolver, host, port, ticket);
}

static void on_resolved(void *context, struct handle ticket, const struct address *found, msec now)
{
	struct coapd_proxy *p = context;
	coap_proxy_resolved(&p->proxy, ticket, found, now);
}

/* How clients on this machine name it; those elsewhere name the address it was told to listen on. */
static void set_own(struct coapd_proxy *p, const struct address *local)
{
	struct writer w = writer_of(p->name, sizeof p->name - 1);
	p->own[0] = *local;
	p->own[1] = address_ipv4(127, 0, 0, 1, local->port);
	p->own[2] = (struct address){.ip = {[15] = 1}, .port = local->port};
	address_write(&w, local);
	*w.at = '\0';
}

bool coapd_proxy_start(
	struct coapd_proxy *p, struct coap_loop *loop, struct coap_endpoint *endpoint, const struct address *local)
{
	const struct coap_cached_capacities capacities = {CALLS, CALLS};
	struct coap_proxy_config config = {.targets = p->networks,
		.target_count = p->network_count,
		.own = p->own,
		.own_count = sizeof p->own / sizeof p->own[0],
		.name = p->name,
		.calls = CALLS,
		.bodies = BODIES,
		.body_size_max = COAPD_PROXY_BODY_MAX_BYTES,
		.wait = SECONDS((msec)p->wait_s),
		.resolve = resolve,
		.context = p};
	uint8_t seed[PRNG_SEED_BYTES];
	struct prng prng;
	if (!p->is_forward && p->route_count == 0)
		return true;
	set_own(p, local);
	p->memory[0] = aligned_alloc(64, coap_cache_memory(CACHE_ENTRIES, CACHE_BYTES));
	p->memory[1] = aligned_alloc(64, coap_cached_memory(&capacities));
	p->memory[2] = aligned_alloc(64, coap_proxy_memory(&config));
	p->resolver = coap_resolver_open(loop, on_resolved, p);
	if (p->memory[0] == NULL || p->memory[1] == NULL || p->memory[2] == NULL || p->resolver == NULL ||
		coap_loop_seed(seed, sizeof seed) != 0)
		return false;
	prng_init(&prng, seed);
	coap_cache_init(&p->cache, p->memory[0], CACHE_ENTRIES, CACHE_BYTES, &prng);
	coap_cached_init(&p->cached, p->memory[1], &capacities, endpoint, &p->cache);
	coap_proxy_init(&p->proxy, p->memory[2], &config, endpoint, &p->cached);
	p->is_running = true;
	return true;
}

msec coapd_proxy_deadline(const struct coapd_proxy *p)
{
	return p->is_running ? coap_proxy_deadline(&p->proxy) : NEVER;
}

void coapd_proxy_tick(struct coapd_proxy *p, msec now)
{
	if (p->is_running)
		coap_proxy_tick(&p->proxy, now);
}

void coapd_proxy_done(struct coapd_proxy *p)
{
	coap_resolver_close(p->resolver);
	for (int i = 0; i < 3; i++)
		free(p->memory[i]);
}
