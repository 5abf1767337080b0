/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLV below /3, /3/0, /3/0/6 and /3/0/6/1, as the first byte chooses: what reads well is written and read again. */
#define FUZZ_FORMAT     PAYLOAD_TLV
#define FUZZ_BASE(data) path_cut(path_of_resource_instance(3, 0, 6, 1), (uint8_t)(1 + (data)[0] % 4))
#define FUZZ_SKIP       1
#include "fuzz/payload_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	fuzz_payload_round(PAYLOAD_TLV, FUZZ_BASE(data), data + 1, len - 1);
	return 0;
}
