/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/storm/storm.h"

static uint8_t pattern(uint64_t id, uint64_t at)
{
	return (uint8_t)((id * 31 + at * 7 + (at >> 8)) & 0xff);
}

void body_fill(uint8_t *to, uint64_t id, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = offset + i < ID_BYTES ? (uint8_t)(id >> (8 * (offset + i))) : pattern(id, offset + i);
}

uint64_t body_id(struct bytes body)
{
	uint64_t id = 0;
	for (unsigned i = 0; i < ID_BYTES && i < body.len; i++)
		id |= (uint64_t)body.data[i] << (8 * i);
	return id;
}

bool body_is_whole(struct bytes body, uint64_t id, size_t length)
{
	if (body.len != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t wanted;
		body_fill(&wanted, id, i, 1);
		if (body.data[i] != wanted)
			return false;
	}
	return true;
}
