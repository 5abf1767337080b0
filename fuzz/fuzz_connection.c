/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A peer that says anything, in pieces of any length, reads when it likes and lets time pass: an endpoint and its
 * connection keep to their limits, and in the end the place is free again. */
#include "fuzz/connection_stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stage s;
	uint8_t *copy = malloc(size);
	if (size > 0)
		memcpy(copy, data, size);
	connection_raise(&s);
	connection_run(&s, bytes_of(copy, size));
	connection_strike(&s);
	free(copy);
	return 0;
}
