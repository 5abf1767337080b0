/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/written.h"

#include "mgmt/payload.h"

bool written_has(uint16_t format, struct bytes body, struct path path, struct value wanted)
{
	struct payload_reader r;
	struct record record;
	uint8_t room[1024];
	struct arena scratch;
	bool has = false;
	arena_init(&scratch, room, sizeof room);
	payload_reader_init(&r, format, path_cut(path, 2), body, &model_core, &scratch);
	while (payload_next(&r, &record))
		has |= path_compare(record.path, path) == 0 && value_equal(&record.value, &wanted);
	return has && r.verdict == PAYLOAD_GOOD;
}
