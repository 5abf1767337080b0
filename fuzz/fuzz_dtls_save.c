/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Saved sessions as a rotten disk or an enemy with the key may return them: sealing is left out, so that what is behind
 * it is reached. What reads well is written again and must be the same. */
#include "dtls/save.h"
#include "fuzz/plain_crypto.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[DTLS_SAVE_SECRET_BYTES];
	struct dtls_save s;
	struct dtls_save_head head;
	struct dtls_saved_session first, second;
	uint8_t out[DTLS_SAVE_RECORD_BYTES], *exact = malloc(size + (size == 0));
	memcpy(exact, data == NULL ? (const uint8_t *)"" : data, size);
	if (dtls_save_open(&s, &plain_crypto, secret, bytes_of(exact, size), &head) == DTLS_SAVE_GOOD)
		assert(head.slots <= DTLS_CID_SLOTS && dtls_save_write_head(&s, &head, out));
	assert(dtls_save_begin(&s, &plain_crypto, secret, secret));
	if (dtls_save_read(&s, 7, bytes_of(exact, size), &first) == DTLS_SAVE_GOOD) {
		struct bytes note = bytes_of(first.note, first.note_len);
		assert(dtls_save_write(&s, first.handle, &first.session, 0, note, out));
		assert(dtls_save_read(&s, 7, bytes_of(out, sizeof out), &second) == DTLS_SAVE_GOOD);
		assert(memcmp(&first, &second, sizeof first) == 0);
	}
	free(exact);
	return 0;
}
