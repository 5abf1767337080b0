/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A stream reads as frames to its end; each frame that is turned into a datagram and written again says the same. */
#include "coap/frame.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coap_frame f, again;
	uint8_t *copy = malloc(COAP_FRAME_HEADROOM_BYTES + size), *out = malloc(size + 1);
	uint8_t *at = copy + COAP_FRAME_HEADROOM_BYTES;
	if (size > 0)
		memcpy(at, data, size);
	for (size_t left = size; coap_frame_parse(bytes_of(at, left), &f) == COAP_FRAME_OK && f.size <= left;) {
		struct writer w = writer_of(out, (size_t)f.size);
		struct bytes datagram = coap_frame_to_datagram(at, &f);
		coap_frame_write(&w, datagram);
		/* A length may be written longer than it needs to be, never shorter. */
		assert(!w.failed && writer_bytes(&w).len == coap_frame_size(datagram));
		assert(coap_frame_parse(writer_bytes(&w), &again) == COAP_FRAME_OK && again.code == f.code);
		assert(again.size == writer_bytes(&w).len && again.size - again.head == f.size - f.head);
		at += f.size;
		left -= (size_t)f.size;
	}
	free(out);
	free(copy);
	return 0;
}
