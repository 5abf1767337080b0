/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A datagram that reads as a message writes back to the same bytes, as every number has only one form on the wire. */
#include "coap/message.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t numbers[] = {COAP_OPTION_URI_PATH, COAP_OPTION_URI_QUERY, COAP_OPTION_BLOCK2, COAP_OPTION_ETAG};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[COAP_MESSAGE_TEXT_MAX_BYTES];
	struct coap_message m;
	struct coap_option_set understood = {numbers, sizeof numbers / sizeof numbers[0], NULL};
	uint16_t offending;
	uint8_t *copy = malloc(size), *out = malloc(size);
	if (size > 0)
		memcpy(copy, data, size);
	struct writer line = writer_of(text, sizeof text), w = writer_of(out, size);
	enum coap_verdict verdict = coap_message_parse(bytes_of(copy, size), &m);
	if (verdict != COAP_VERDICT_IGNORE)
		coap_message_describe(&line, &m);
	if (verdict == COAP_VERDICT_LONG_TOKEN) {
		coap_message_write_refusal(
			&w, COAP_TYPE_ACK, COAP_BAD_REQUEST, m.id, coap_message_long_token(bytes_of(copy, size)));
		assert(!w.failed);
	}
	if (verdict == COAP_VERDICT_OK) {
		coap_message_write_view(&w, &m);
		assert(!w.failed && bytes_equal(writer_bytes(&w), bytes_of(copy, size)));
		uint8_t count = m.option_count;
		if (coap_message_recognise(&m, &understood, &offending))
			assert(m.option_count <= count);
		else
			assert(coap_option_is_critical(offending));
	}
	free(out);
	free(copy);
	return 0;
}
