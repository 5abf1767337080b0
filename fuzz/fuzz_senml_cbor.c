/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * SenML CBOR and its patch sibling at the root: what reads well is written and read again. */
#define FUZZ_FORMAT     PAYLOAD_SENML_CBOR
#define FUZZ_BASE(data) PATH_ROOT
#define FUZZ_SKIP       0
#include "fuzz/payload_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_payload_round(PAYLOAD_SENML_CBOR, PATH_ROOT, data, len);
	fuzz_payload_round(PAYLOAD_SENML_ETCH_CBOR, PATH_ROOT, data, len);
	return 0;
}
