/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The bytes are a script for two real endpoints: ask, by Block or Q-Block, lose, repeat, delay, wait, throw bytes at
 * either, change, answer, lose the association. In the end the network heals, and each exchange has ended once. */
#include "fuzz/endpoint_script.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool has_ended[256];
	uint8_t *copy = malloc(size);
	if (size > 0)
		memcpy(copy, data, size);
	struct reader r = reader_of(bytes_of(copy, size));
	script_begin();
	while (reader_left(&r) > 0)
		script_step(&r, has_ended);
	script_end();
	free(copy);
	return 0;
}
