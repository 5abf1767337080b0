/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A request to a proxy: what it asks for is read, and what goes on to the server must be a message again. */
#include "coap/proxied.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct coap_message m, again;
	uint8_t *copy = malloc(size), out[4096], values[COAP_PROXIED_URI_MAX_BYTES];
	struct writer w = writer_of(out, sizeof out), room = writer_of(values, sizeof values);
	struct coap_options options;
	struct coap_uri uri;
	if (size > 0)
		memcpy(copy, data, size);
	if (coap_message_parse(bytes_of(copy, size), &m) == COAP_VERDICT_OK && coap_code_is_request(m.code) &&
		coap_proxied_read_uri(&m, &uri) == COAP_EMPTY && coap_proxied_options(&m, &uri, &room, &options)) {
		(void)coap_proxied_count_hop(&m, 0, &options);
		coap_message_write(&w, m.type, m.code, m.id, &m.token, &options, m.payload);
		assert(w.failed || coap_message_parse(writer_bytes(&w), &again) != COAP_VERDICT_MALFORMED);
		assert(!coap_message_has(&again, COAP_OPTION_PROXY_URI) || w.failed);
		room = writer_of(values, sizeof values);
		(void)!coap_proxied_localise(&m, &uri, &room, &options);
	}
	free(copy);
	return 0;
}
