/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a device reports, in any format: the first byte chooses format and object, the rest is the body. What was taken
 * over is printable and in range, and a body that was refused has changed nothing. */
#include "server/facts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t formats[] = {PAYLOAD_TEXT, PAYLOAD_SENML_JSON, PAYLOAD_SENML_CBOR, PAYLOAD_TLV};
	static const uint16_t objects[] = {MODEL_DEVICE, MODEL_FIRMWARE, MODEL_HOST_HEALTH};
	struct device device = {.last_seen = 1}, before = device;
	uint8_t room[4096];
	struct arena scratch;
	unsigned facts;
	if (size == 0)
		return 0;
	uint8_t *body = malloc(size); /* of exactly this size, so that a byte too far is found */
	memcpy(body, data + 1, size - 1);
	struct path base = data[0] & 0x80 ? PATH_ROOT : path_of_instance(objects[data[0] / 4 % 3], 0);
	arena_init(&scratch, room, sizeof room);
	enum payload_verdict verdict =
		facts_read(&device, formats[data[0] % 4], base, bytes_of(body, size - 1), &scratch, 2, &facts);
	if (verdict != PAYLOAD_GOOD && memcmp(&device, &before, sizeof device) != 0)
		abort();
	if (!firmware_state_is_known(device.firmware.state) || !firmware_result_is_known(device.firmware.result))
		abort();
	free(body);
	return 0;
}
