/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pushed package in parts of any size: the first byte chooses how it is cut. However it is cut, what comes out is the
 * same. */
#include "agent/package.h"

#include <stdlib.h>

#define ROOM_BYTES 512

struct outcome {
	bool is_broken, is_complete;
	size_t envelope_len;
	uint64_t bytes, sum;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void take(struct package *p, struct bytes part, struct outcome *o)
{
	struct bytes found = BYTES_NONE;
	for (;;) {
		switch (package_take(p, &part, &found)) {
		case PACKAGE_MORE:
			return;
		case PACKAGE_BROKEN:
			o->is_broken = true;
			return;
		case PACKAGE_ENVELOPE:
			o->envelope_len = found.len;
			break;
		case PACKAGE_IMAGE:
			o->bytes += found.len;
			for (size_t i = 0; i < found.len; i++)
				o->sum = o->sum * 31 + found.data[i];
			break;
		}
	}
}

static struct outcome play(const uint8_t *data, size_t len, size_t part)
{
	struct outcome o = {.is_broken = false};
	struct package p;
	uint8_t *room = malloc(ROOM_BYTES);
	package_init(&p, room, ROOM_BYTES);
	for (size_t at = 0; at < len && !o.is_broken; at += part)
		take(&p, bytes_of(data + at, len - at < part ? len - at : part), &o);
	o.is_complete = package_is_complete(&p);
	free(room);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	struct outcome whole = play(data + 1, len - 1, len), cut = play(data + 1, len - 1, data[0] + 1u);
	if (whole.is_broken != cut.is_broken || whole.envelope_len != cut.envelope_len ||
		(!whole.is_broken && (whole.sum != cut.sum || whole.is_complete != cut.is_complete)))
		abort();
	return 0;
}
