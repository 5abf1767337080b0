/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object definitions as XML: what is read is in order and can be looked up; what is refused leaves nothing behind. */
#include "mgmt/model_expat.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct model_list list = {0};
	char message[MODEL_EXPAT_MESSAGE_BYTES];
	uint8_t *exact = malloc(len + (len == 0));
	memcpy(exact, data, len);
	bool good = model_expat_read(&list, bytes_of(exact, len), message);
	free(exact);
	assert(good || (list.count == 0 && message[0] != '\0'));
	for (size_t i = 0; i < list.count; i++) {
		const struct model_object *o = &list.objects[i];
		struct model one = {.object_count = 1, .objects = o};
		for (uint16_t n = 0; n < o->resource_count; n++)
			assert(model_resource(&one, o->id, o->resources[n].id) == &o->resources[n]);
	}
	model_list_done(&list);
	return 0;
}
