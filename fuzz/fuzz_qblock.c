/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A list of missing blocks is read without a step back; and the receiver of a body takes any blocks at any time, lists
 * only what has not come, and is complete exactly when all has. The bytes are blocks: number, flags, wait. */
#include "coap/qblock_receive.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(struct bytes list)
{
	struct reader r = reader_of(list);
	uint32_t number = UINT32_MAX, previous = UINT32_MAX;
	for (bool is_first = true; coap_qblock_missing_is_valid(list) && coap_qblock_missing_next(&r, &number);
		is_first = false, previous = number)
		assert((is_first || number > previous) && number < COAP_BLOCKS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct coap_qblock_parameters parameters = COAP_QBLOCK_PARAMETERS_DEFAULT;
	uint8_t *copy = malloc(size), bitmap[16];
	struct coap_qblock_receive q;
	uint32_t missing;
	msec now = 0;
	if (size > 0)
		memcpy(copy, data, size);
	read_list(bytes_of(copy, size));
	coap_qblock_receive_init(&q, &parameters, bitmap, 8 * sizeof bitmap);
	for (size_t i = 0; i + 2 < size; i += 3) {
		struct coap_block block = {copy[i], (copy[i + 1] & 1) != 0, copy[i + 1] >> 1 & 1};
		size_t len = (copy[i + 1] & 4) != 0 ? 7 : coap_block_size(block.szx);
		now += (msec)copy[i + 2] * copy[i + 2];
		(void)coap_qblock_receive_block(&q, block, len, (copy[i + 1] & 8) != 0 ? 999 : 1607, now);
		enum coap_qblock_want want = coap_qblock_receive_want(&q, now);
		assert((want == COAP_QBLOCK_COMPLETE) == coap_qblock_receive_is_complete(&q));
		if (want == COAP_QBLOCK_MISSING)
			assert(coap_qblock_receive_missing(&q, 0, &missing) && !coap_qblock_receive_has(&q, missing));
	}
	free(copy);
	return 0;
}
