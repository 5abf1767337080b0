/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A datagram walked as the demultiplexer walks it: records, ClientHellos with the answer to them, and the judgement of
 * what is in the clear. What is taken off must lie inside the datagram. */
#include "dtls/flight.h"
#include "dtls/hello.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size), answer[DTLS_HELLO_VERIFY_REQUEST_BYTES], cookie[DTLS_MAC_BYTES] = {0}, alert;
	if (size > 0)
		memcpy(copy, data, size);
	struct bytes rest = bytes_of(copy, size);
	struct dtls_record record;
	struct dtls_hello hello;
	size_t taken = 0;
	while (dtls_record_take(&rest, DTLS_CID_BYTES, &record)) {
		taken += record.whole.len;
		assert(record.whole.len >= DTLS_RECORD_HEADER_BYTES + record.fragment.len + record.cid.len);
		(void)dtls_flight_judge(&record, true, &alert);
		(void)dtls_flight_judge(&record, false, &alert);
		if (!dtls_hello_is(&record) || !dtls_hello_parse(&record, &hello))
			continue;
		struct dtls_hello_keys keys = dtls_hello_keys(&hello);
		assert(keys.raw_key || !keys.prefers_raw_key);
		struct writer w = writer_of(answer, sizeof answer);
		dtls_hello_write_verify_request(&w, &hello, bytes_of(cookie, sizeof cookie));
		assert(!w.failed && writer_bytes(&w).len <= record.whole.len); /* never an amplifier */
	}
	assert(taken + rest.len == size);
	free(copy);
	return 0;
}
