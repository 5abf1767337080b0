/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Bodies of many blocks (RFC 7959):
 *
 *     /large          GET of a body of any size, made while it is read
 *     /large-update   a value that is long at first
 *     /large-create   POST makes /large-create/1, /large-create/2 ... of which the latest COAPD_CREATED_MAX are kept
 *     /large-post     POST of text gives it back in capital letters */
#pragma once

#include "cli/coapd_table.h"
#include "cli/coapd_value.h"

#define COAPD_CREATED_MAX              8
#define COAPD_SIZE_ATTRIBUTE_MAX_BYTES 32

struct coapd_large {
	uint64_t size;
	char attributes[COAPD_SIZE_ATTRIBUTE_MAX_BYTES]; /* of /large */
	struct coapd_value update;
	uint64_t created; /* the number of the latest; it lies at this index modulo the capacity */
	struct coapd_value creations[COAPD_CREATED_MAX];
	uint8_t capitals[COAPD_VALUE_MAX_BYTES];
};

void coapd_large_init(struct coapd_large *l, uint64_t size, struct coapd_table *table);

/* Writes `len` bytes of a body of lines of 64 bytes, from `offset` on. The lines count themselves, so that a wrong
 * byte is seen at once. */
void coapd_large_write(uint64_t offset, size_t len, uint8_t *out);
