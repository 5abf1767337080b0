/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * coap, coaps, coap+tcp and coaps+tcp URIs: from text to options and back (RFC 7252 section 6, RFC 8323 section 8,
 * RFC 3986).
 *
 *     coap://host[:port]/segment/segment?argument&argument
 *
 * A parsed URI is a view of its text, still percent-encoded. Options need decoded values, for which the caller gives
 * room. Names are not resolved here. */
#pragma once

#include "coap/message.h"
#include "coap/base/address.h"

#define COAP_PORT        5683
#define COAP_PORT_SECURE 5684

struct coap_uri {
	bool is_secure;
	bool is_reliable;   /* over TCP */
	bool is_ipv6;       /* `host` was in brackets, which are left off */
	uint16_t port;      /* the scheme's default when the text has none */
	struct bytes host;  /* a name, an IPv4 or an IPv6 address; never empty */
	struct bytes path;  /* "" or from the first slash on */
	struct bytes query; /* without the question mark */
	bool has_query;
};

/* Reads an absolute URI. False on other schemes, user information, fragments, empty hosts, bad ports, broken
 * percent-encoding and characters that RFC 3986 does not allow. */
bool coap_uri_parse(struct bytes text, struct coap_uri *ret);
/* Reads a reference relative to `base` (RFC 3986 section 5.2): an absolute URI, "//host/path", a path with or without
 * query, "?query", or "". A path, which may begin below the base's ("temp", "../light"), is put together in `room`,
 * whose buffer must outlive `ret`; two bytes more than both texts have are enough. False where coap_uri_parse is, and
 * when `room` is too small. */
bool coap_uri_resolve(const struct coap_uri *base, struct bytes reference, struct writer *room, struct coap_uri *ret);

/* The address in `host`, which may be percent-encoded; false when it is a name. */
bool coap_uri_address(const struct coap_uri *uri, struct address *ret);

/* Adds Uri-Host (for names only), Uri-Path and Uri-Query (RFC 7252 section 6.4); Uri-Port is not needed as the request
 * goes to that port. Dot segments are resolved. Decoded values go to `room`, whose buffer must outlive the list. False
 * when `room` or the list is too small, a value is longer than its option may be, or the name begins with a bracket,
 * as only a literal may. */
bool coap_uri_add_options(const struct coap_uri *uri, struct writer *room, struct coap_options *options);

/* Appends the text of the URI. */
void coap_uri_write(struct writer *w, const struct coap_uri *uri);
/* Appends the URI that a request asks for, which was sent to `to` (RFC 7252 section 6.5). */
void coap_uri_write_request(struct writer *w, bool is_secure, const struct address *to, const struct coap_message *m);
/* Appends path and query from options, percent-encoded: "/rd/5a3f", "/" when there are none. The numbers are those of
 * Uri-Path and Uri-Query, or of Location-Path and Location-Query. */
void coap_uri_write_path(struct writer *w, const struct coap_message *m, uint16_t path, uint16_t query);
/* Appends bytes as they stand in a path segment: what RFC 3986 does not allow there is percent-encoded. */
void coap_uri_write_segment(struct writer *w, struct bytes segment);
