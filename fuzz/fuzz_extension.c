/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any line that an extension may say, with four questions open: what has been taken in keeps its bounds. */
#include "agent/extensions.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum extension_op ops[] = {EXTENSION_READ, EXTENSION_READ, EXTENSION_CREATE, EXTENSION_DELETE};
	static uint8_t room[4096];
	struct extensions all;
	const struct extension_definition definition = {"x", model_object(&model_core, MODEL_PORTFOLIO), 1};
	struct extension_outcome outcome;
	struct arena scratch = {room, 0, sizeof room};
	void *memory = aligned_alloc(64, (extensions_memory(1, &model_core) + 63) & ~(size_t)63);
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	bytes_copy(copy, data, len);
	extensions_init(&all, memory, 1, &model_core, SECONDS(5));
	struct extension *x = &all.list[0];
	extension_open(x, &definition, 0);
	extensions_changed(&all);
	extension_started(x, 0);
	all.desk->scratch = &scratch;
	for (uint16_t i = 0; i < 4; i++)
		(void)extension_ask(x, ops[i], i == 0 ? path_of_resource(16, 0, 0) : path_of_instance(16, i / 2),
			(struct extension_asker){0}, 0);
	(void)extension_receive(x, bytes_of(copy, len), all.desk, 0, &outcome);
	assert(x->instance_count <= EXTENSION_INSTANCES_MAX && x->values.count <= EXTENSION_VALUES_MAX);
	for (size_t i = 0; i < x->values.count; i++)
		assert(x->values.list[i].path.ids[0] == MODEL_PORTFOLIO);
	free(copy);
	free(memory);
	return 0;
}
