/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first byte is the length of a state that follows; the rest is xored onto its token. What was changed does not
 * open, what was not opens once, and bytes out of nowhere never do. */
#include "coap/stateless.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[SIPHASH_KEY_BYTES] = "fuzz";
	uint64_t window[1];
	struct coap_stateless t;
	struct coap_stateless_state out;
	struct coap_remote remote = {address_ipv4(192, 0, 2, 1, 5683), HANDLE_NONE};
	struct coap_token token;
	uint16_t id;
	uint8_t *copy = malloc(size), changed = 0;
	if (size > 0)
		memcpy(copy, data, size);
	struct bytes input = bytes_of(copy, size);
	size_t len = size > 0 ? copy[0] % (COAP_STATELESS_STATE_MAX_BYTES + 1) : 0;
	struct bytes state = bytes_first(bytes_from(input, 1), len), change = bytes_from(input, 1 + state.len);
	coap_stateless_init(&t, window, 64, secret, SECONDS(10), 0);
	assert(coap_stateless_seal(&t, &remote, state, COAP_STATELESS_TOKEN_MAX_BYTES, 0, &token, &id));
	assert(coap_stateless_open(&t, &remote, input, 5, &out) == COAP_STATELESS_FORGED);
	for (size_t i = 0; i < change.len && i < token.len; i++)
		changed |= change.data[i], token.bytes[i] ^= change.data[i];
	enum coap_stateless_verdict verdict = coap_stateless_open(&t, &remote, coap_token_bytes(&token), 5, &out);
	assert(verdict == (changed == 0 ? COAP_STATELESS_OPENED : COAP_STATELESS_FORGED));
	assert(changed != 0 || bytes_equal(bytes_of(out.bytes, out.len), state));
	assert(coap_stateless_open(&t, &remote, coap_token_bytes(&token), 5, &out) != COAP_STATELESS_OPENED);
	free(copy);
	return 0;
}
