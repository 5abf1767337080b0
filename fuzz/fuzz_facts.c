/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a device reports, in any format: the first byte chooses format and object, the rest is the body. What was taken
 * over is printable and in range, a body that was refused has changed nothing, and nothing is kept for good. */
#include "server/facts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t formats[] = {PAYLOAD_TEXT, PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR, PAYLOAD_TLV};
	static const uint16_t objects[] = {MODEL_DEVICE, MODEL_FIRMWARE, MODEL_HOST_HEALTH};
	static const struct device_record record = {.name = "device"};
	static _Alignas(64) uint8_t memory[8192];
	struct carve c = {.memory = memory};
	struct registry registry;
	uint8_t room[4096];
	struct arena scratch;
	unsigned facts;
	if (size == 0)
		return 0;
	registry_carve(&registry, &c, 1, 0);
	struct device *device = registry_put(&registry, &record), before = *device;
	uint8_t *body = malloc(size); /* of exactly this size, so that a byte too far is found */
	memcpy(body, data + 1, size - 1);
	struct path base = data[0] & 0x80 ? PATH_ROOT : path_of_instance(objects[data[0] / 4 % 3], 0);
	arena_init(&scratch, room, sizeof room);
	enum payload_verdict verdict = facts_read(
		&registry, device, formats[data[0] % 4], base, bytes_of(body, size - 1), &scratch, 2, &facts);
	if ((verdict != PAYLOAD_GOOD && memcmp(device, &before, sizeof before) != 0) ||
		!firmware_state_is_known(device->firmware.state) || !firmware_result_is_known(device->firmware.result))
		abort();
	registry_remove(&registry, device);
	free(body);
	if (registry.shelf.used != 0)
		abort();
	return 0;
}
