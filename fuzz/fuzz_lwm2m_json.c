/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON of LwM2M 1.0 at the root, below /3/0 and /0/0, as the first byte chooses. Nothing is written in it, so the
 * records go through SenML CBOR and must come back. */
#include "fuzz/payload_round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct record first[FUZZ_RECORDS_MAX], second[FUZZ_RECORDS_MAX];
	static uint8_t memory[2][65536], out[262144];
	static const struct path bases[] = {{{0}, 0}, {{3, 0, 0, 0}, 2}, {{0, 0, 0, 0}, 2}};
	struct arena scratch[2] = {{memory[0], 0, sizeof memory[0]}, {memory[1], 0, sizeof memory[1]}};
	struct writer w = writer_of(out, sizeof out);
	size_t count, again;
	if (len == 0)
		return 0;
	struct path base = bases[data[0] % 3];
	uint8_t *exact = malloc(len);
	memcpy(exact, data + 1, len - 1);
	if (fuzz_read(PAYLOAD_LWM2M_JSON, base, bytes_of(exact, len - 1), &scratch[0], first, &count) &&
		payload_encode(PAYLOAD_SENML_CBOR, base, first, count, &w) == PAYLOAD_GOOD) {
		assert(fuzz_read(PAYLOAD_SENML_CBOR, base, writer_bytes(&w), &scratch[1], second, &again));
		assert(count == again);
		for (size_t i = 0; i < count; i++)
			assert(path_equal(first[i].path, second[i].path));
	}
	free(exact);
	return 0;
}
