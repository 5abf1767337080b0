/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bytes are a list of additions (number, length, value); what the list writes must read back sorted and complete. */
#include "coap/option.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size), *out = malloc(2 * size + 1);
	if (size > 0)
		memcpy(copy, data, size);
	struct reader script = reader_of(bytes_of(copy, size));
	struct coap_options o = {0};
	while (reader_left(&script) > 0) {
		uint16_t number = read_u16(&script);
		struct bytes value = read_bytes(&script, read_u8(&script));
		if (!script.failed)
			coap_options_add(&o, number, value);
	}
	struct writer w = writer_of(out, 2 * size + 1);
	coap_options_write(&w, &o);
	assert(w.failed == o.failed);
	struct reader r = reader_of(writer_bytes(&w));
	struct coap_option option = {0, BYTES_NONE};
	for (unsigned i = 0; i < o.count && !o.failed; i++) {
		assert(coap_option_read(&r, &option) == COAP_OPTION_STEP_OPTION);
		assert(option.number == coap_options_at(&o, i).number);
		assert(bytes_equal(option.value, coap_options_at(&o, i).value));
	}
	assert(o.failed || coap_option_read(&r, &option) == COAP_OPTION_STEP_END);
	free(out);
	free(copy);
	return 0;
}
