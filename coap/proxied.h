/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a request to a proxy asks for: whom, and with which options (RFC 7252 sections 5.7, 5.10.2 and 6.5, RFC 8768).
 *
 * The URI stands in Proxy-Uri as text, or in Proxy-Scheme, Uri-Host, Uri-Port, Uri-Path and Uri-Query. Either way the
 * request to the server has the split options, no Uri-Host for an address, and no Uri-Port because it goes to that
 * port. What belongs to the hop between client and proxy (blocks, Observe, No-Response) stays behind; all else goes on.
 */
#pragma once

#include "coap/message.h"
#include "coap/uri.h"

#define COAP_PROXIED_HOP_LIMIT_DEFAULT 16   /* RFC 8768 section 3 */
#define COAP_PROXIED_URI_MAX_BYTES     1034 /* RFC 7252 section 5.10 */

/* Reads whom the request is for. Path and query are left empty when they stand in options of their own. COAP_EMPTY when
 * all is well; else 5.05 for a scheme that is not coap, 4.00 for a URI that is none. Without any host the request is
 * for the proxy itself (section 6.5 step 3), which gives an empty host. */
enum coap_code coap_proxied_read_uri(const struct coap_message *m, struct coap_uri *ret);

/* Gathers the options of the request to the server; long values stay in `m` and in what `room` writes to. False when
 * they are too many or too long. */
bool coap_proxied_options(
	const struct coap_message *m, const struct coap_uri *uri, struct writer *room, struct coap_options *ret);
/* The same for a reverse proxy: the first `own_segments` of the path give way to `base`; `host` may be NULL. */
bool coap_proxied_route_options(const struct coap_message *m, unsigned own_segments, const char *base, const char *host,
	struct coap_options *ret);
/* Counts Hop-Limit down, or puts it in with `initial`. False when it is used up (5.08). */
bool coap_proxied_count_hop(const struct coap_message *m, uint8_t initial, struct coap_options *options);

/* Rewrites a request to a proxy whose target has turned out to be the proxy: the split options stay, the rest goes.
 * Values stay in `list` and `room`. False when they find no room; `m` is then as it was. */
bool coap_proxied_localise(
	struct coap_message *m, const struct coap_uri *uri, struct writer *room, struct coap_options *list);

/* Where requests may go: the addresses that share their first bits with this one. IPv4 counts as ::ffff:a.b.c.d. */
struct coap_proxied_network {
	struct address address; /* its port, or 0 for all ports */
	uint8_t prefix_bits;    /* 0 to 128 */
};

/* Reads an address, with or without a port and a length behind it: "192.0.2.0/24", "127.0.0.1:5683", "[2001:db8::]/32".
 */
bool coap_proxied_network_parse(struct bytes text, struct coap_proxied_network *ret);
bool coap_proxied_network_has(const struct coap_proxied_network *network, const struct address *address);
