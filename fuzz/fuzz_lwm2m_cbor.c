/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * LwM2M CBOR at the root and below /3, /3/0, /3/0/6 and /3/0/6/1, as the first byte chooses: what reads well is written
 * and read again. */
#define FUZZ_FORMAT     PAYLOAD_LWM2M_CBOR
#define FUZZ_BASE(data) path_cut(path_of_resource_instance(3, 0, 6, 1), (data)[0] % 5)
#define FUZZ_SKIP       1
#include "fuzz/payload_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	fuzz_payload_round(PAYLOAD_LWM2M_CBOR, FUZZ_BASE(data), data + 1, len - 1);
	return 0;
}
