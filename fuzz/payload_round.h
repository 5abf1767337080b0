/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shared by the harnesses of payload formats: read from an exact-size copy, write, read again, compare. */
#pragma once

#include "mgmt/payload.h"

#include <assert.h>
#include <stdlib.h>

#define FUZZ_RECORDS_MAX 512

static bool fuzz_read(uint32_t format, struct path base, struct bytes body, struct arena *scratch,
	struct record *records, size_t *ret_count)
{
	struct payload_reader r;
	size_t n = 0;
	payload_reader_init(&r, format, base, body, &model_core, scratch);
	while (n < FUZZ_RECORDS_MAX && payload_next(&r, &records[n]))
		n++;
	*ret_count = n;
	return r.verdict == PAYLOAD_GOOD && n < FUZZ_RECORDS_MAX;
}

static inline void fuzz_payload_round(uint32_t format, struct path base, const uint8_t *data, size_t len)
{
	static struct record first[FUZZ_RECORDS_MAX], second[FUZZ_RECORDS_MAX];
	static uint8_t memory[2][65536], out[262144];
	struct arena scratch[2];
	struct writer w = writer_of(out, sizeof out);
	size_t count, again;
	uint8_t *exact = malloc(len + (len == 0));
	if (len > 0)
		memcpy(exact, data, len);
	arena_init(&scratch[0], memory[0], sizeof memory[0]);
	arena_init(&scratch[1], memory[1], sizeof memory[1]);
	if (fuzz_read(format, base, bytes_of(exact, len), &scratch[0], first, &count) &&
		payload_encode(format, base, first, count, &w) == PAYLOAD_GOOD) {
		assert(fuzz_read(format, base, writer_bytes(&w), &scratch[1], second, &again));
		for (size_t i = 0, k = 0; i < count; i++) {
			bool is_left_out = first[i].value.type == VALUE_NONE && format == PAYLOAD_SENML_JSON;
			if (is_left_out || (first[i].value.type == VALUE_NONE && format == PAYLOAD_SENML_CBOR))
				continue;
			assert(k < again && path_equal(first[i].path, second[k].path));
			assert(value_equal(&first[i].value, &second[k].value) ||
				model_resource(&model_core, first[i].path.ids[0], first[i].path.ids[2]) == NULL);
			k++;
		}
	}
	free(exact);
}
