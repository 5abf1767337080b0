/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The agent's journal as a rotten disk may return it. The checksum is put right, so that what is behind it is reached;
 * what reads well is written again and must be the same state. */
#include "agent/journal.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct journal_state first, second;
	static uint8_t out[JOURNAL_STATE_BYTES_MAX], again[JOURNAL_STATE_BYTES_MAX];
	static const uint8_t digest[SHA256_BYTES];
	uint8_t *exact = malloc(len + (len == 0));
	uint32_t block_size;
	struct bytes bitmap;
	memcpy(exact, data, len);
	if (len >= 4) {
		struct writer crc = writer_of(exact + len - 4, 4);
		write_u32(&crc, journal_crc32(bytes_of(exact, len - 4)));
	}
	if (journal_decode_progress(bytes_of(exact, len), digest, &block_size, &bitmap))
		assert(bitmap.len < len);
	if (journal_decode_state(bytes_of(exact, len), &first)) {
		struct writer w = writer_of(out, sizeof out), v = writer_of(again, sizeof again);
		journal_encode_state(&first, &w);
		assert(!w.failed && journal_decode_state(writer_bytes(&w), &second));
		journal_encode_state(&second, &v);
		assert(bytes_equal(writer_bytes(&w), writer_bytes(&v)));
	}
	free(exact);
	return 0;
}
