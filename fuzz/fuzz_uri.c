/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A URI that can be parsed becomes options or is refused; its written form parses to the same parts. */
#include "coap/uri.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size), *out = malloc(size + 16), *room = malloc(size + 8);
	struct coap_uri uri, again;
	struct address address;
	if (size > 0)
		memcpy(copy, data, size);
	if (coap_uri_parse(bytes_of(copy, size), &uri)) {
		struct writer w = writer_of(out, size + 16), decoded = writer_of(room, size);
		struct coap_options options = {0};
		bool is_sent = coap_uri_add_options(&uri, &decoded, &options);
		assert(!decoded.failed && is_sent <= !options.failed);
		coap_uri_write(&w, &uri);
		assert(!w.failed && coap_uri_parse(writer_bytes(&w), &again));
		assert(uri.is_secure == again.is_secure && uri.port == again.port);
		assert(bytes_equal(uri.host, again.host) && bytes_equal(uri.path, again.path));
		assert(bytes_equal(uri.query, again.query) && uri.has_query == again.has_query);
		assert(coap_uri_address(&uri, &address) == coap_uri_address(&again, &address));
		decoded = writer_of(room, size + 8);
		assert(coap_uri_resolve(&again, bytes_of_text("../x/."), &decoded, &uri));
		decoded = writer_of(room, size + 8);
		coap_uri_resolve(&uri, bytes_of(copy, size), &decoded, &again);
	}
	free(room);
	free(out);
	free(copy);
	return 0;
}
