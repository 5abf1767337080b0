/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What operators want written, as JSON: it is refused with a reason, or it is an errand that can be judged and built.
 */
#include "server/errand.h"
#include "server/http/values.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct values values;
	static uint8_t memory[16384];
	char reason[INTAKE_REASON_BYTES] = "";
	json_t *body = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	uint16_t instance = 7;
	bool creates = len > 0 && data[len - 1] == ' ';
	if (!json_is_object(body)) {
		json_decref(body);
		return 0;
	}
	if (values_read(&values, &model_core, body, creates ? &instance : NULL, reason)) {
		struct path culprit;
		struct errand errand = {.kind = creates ? ERRAND_CREATE : ERRAND_WRITE,
			.path = values.path,
			.records = values.records,
			.count = values.count};
		struct errand_request request;
		struct writer w = writer_of(memory, sizeof memory);
		if (errand_check(&errand, &model_core, &culprit) == ERRAND_GOOD)
			(void)errand_build(&request, &errand, 110, &w);
		for (size_t i = 0; i < values.count; i++)
			json_decref(values_view(&model_core, &values.records[i]));
	} else {
		assert(reason[0] != '\0');
	}
	json_decref(body);
	return 0;
}
