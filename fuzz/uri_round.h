/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a URI to options and back, which must be the same options again (RFC 7252 sections 6.4 and 6.5). */
#pragma once

#include "coap/uri.h"

#include <assert.h>

#define ROOM_BYTES (size_t)(1 << 16)
static uint8_t values[ROOM_BYTES], first[ROOM_BYTES], second[ROOM_BYTES], text[ROOM_BYTES], merged[ROOM_BYTES];

/* The wire form and a view of it; empty when it is no request. */
static inline struct bytes uri_options_of(
	const struct coap_uri *uri, uint8_t wire[ROOM_BYTES], struct coap_message *ret)
{
	struct writer room = writer_of(values, ROOM_BYTES), w = writer_of(wire, ROOM_BYTES);
	struct coap_options options = {0};
	struct coap_token none = {.len = 0};
	bool is_sent = coap_uri_add_options(uri, &room, &options);
	coap_message_write(&w, COAP_TYPE_CON, COAP_GET, 0, &none, &options, BYTES_NONE);
	return is_sent && coap_message_parse(writer_bytes(&w), ret) == COAP_VERDICT_OK ? writer_bytes(&w) : BYTES_NONE;
}

/* `wire` are the options of `uri`, which is asked of `to`. Its path is also a reference relative to where it came from,
 * unless it begins with two slashes. */
static inline void uri_go_round(
	struct coap_uri *uri, struct bytes wire, const struct address *to, const struct coap_message *m)
{
	struct writer w = writer_of(text, ROOM_BYTES), room = writer_of(merged, ROOM_BYTES);
	struct coap_uri again;
	struct coap_message same;
	coap_uri_write_request(&w, uri->is_secure, to, m);
	assert(!w.failed && coap_uri_parse(writer_bytes(&w), &again));
	assert(again.port == uri->port && bytes_equal(wire, uri_options_of(&again, second, &same)));
	struct bytes path = bytes_of(again.path.data, (size_t)(w.at - again.path.data));
	if (path.len > 1 && path.data[1] == '/')
		return; /* that would be a host */
	assert(coap_uri_resolve(uri, path, &room, &again));
	assert(bytes_equal(wire, uri_options_of(&again, second, &same)));
}
