/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Single values as text and as CBOR, of every type: the first byte chooses the resource. */
#include "fuzz/payload_round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint16_t resources[][2] = {
		{3, 0}, {3, 9}, {3, 13}, {26250, 9}, {26250, 0}, {1, 6}, {1, 10}, {5, 0}, {9999, 0}};
	if (len == 0)
		return 0;
	const uint16_t *chosen = resources[data[0] % (sizeof resources / sizeof resources[0])];
	struct path base = path_of_resource(chosen[0], 0, chosen[1]);
	fuzz_payload_round(PAYLOAD_TEXT, base, data + 1, len - 1);
	fuzz_payload_round(PAYLOAD_CBOR, base, data + 1, len - 1);
	return 0;
}
