/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a URI becomes as options (RFC 7252 section 6.4) is a URI again (6.5) that becomes the same options. */
#include "fuzz/uri_round.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);
	struct coap_uri uri;
	struct coap_message m;
	struct address to = address_ipv4(192, 0, 2, 1, COAP_PORT);
	if (size > 0)
		memcpy(copy, data, size);
	if (size < ROOM_BYTES / 8 && coap_uri_parse(bytes_of(copy, size), &uri)) {
		struct bytes wire = uri_options_of(&uri, first, &m);
		to.port = uri.port;
		(void)coap_uri_address(&uri, &to);
		if (wire.len > 0)
			uri_go_round(&uri, wire, &to, &m);
	}
	free(copy);
	return 0;
}
