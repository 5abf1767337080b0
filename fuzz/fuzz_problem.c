/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What reads as problem details is written anew and must read the same. */
#include "coap/problem.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size), *out = malloc(size + 64);
	struct coap_problem p, again;
	struct writer w = writer_of(out, size + 64);
	if (size > 0)
		memcpy(copy, data, size);
	if (coap_problem_parse(bytes_of(copy, size), &p)) {
		coap_problem_write(&w, &p);
		if (!w.failed) {
			bool is_read = coap_problem_parse(writer_bytes(&w), &again);
			assert(is_read && bytes_equal(p.title, again.title) && bytes_equal(p.detail, again.detail));
			assert(bytes_equal(p.instance, again.instance) && p.code == again.code);
			assert(p.option_count == again.option_count);
		}
	}
	free(out);
	free(copy);
	return 0;
}
