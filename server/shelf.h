/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Short values that outlive the message they came with, each in as much memory as it needs, and once however many
 * keep it: a fleet has many devices and few models, versions and lists of objects.
 *
 * A value is kept and dropped; it lies where it was kept until it has been dropped as often. Equal values that were
 * kept as shared are the same pointer, so the count of keepers lies with the value. One that nobody else can have, a
 * name or a measurement, is kept as single and not looked for.
 *
 * Memory is cut into cells of a few sizes, for each of them as many as there can be values, so there is always one;
 * cells that were never used cost addresses and no memory, and those used last are used again. Storage is the owner's.
 */
#pragma once

#include "coap/base/bytes.h"
#include "coap/carve.h"

#define SHELF_VALUE_MAX 240 /* bytes of a value */
#define SHELF_SIZES     8

struct shelf_cells {
	uint8_t *memory;
	uint32_t untouched, first_free; /* a cell's number + 1; 0: none */
};

struct shelf {
	struct shelf_cells sizes[SHELF_SIZES];
	uint32_t *heads; /* of chains of shared values; names of cells, 0 ends */
	uint32_t mask;
	uint32_t capacity, used;
	uint64_t seed;
};

/* Takes storage for `capacity` values from `c`, 450 bytes of addresses for each. When `c` only counts, not to be used.
 */
void shelf_carve(struct shelf *v, struct carve *c, uint32_t capacity, uint64_t seed);

/* Keeps a copy of the value, aligned to 4 bytes. No more than `capacity` may be kept at once. */
const void *shelf_keep_shared(struct shelf *v, struct bytes value);
const void *shelf_keep_single(struct shelf *v, struct bytes value);
/* NULL is nothing to drop. */
void shelf_drop(struct shelf *v, const void *kept);
/* The length of what was kept. */
struct bytes shelf_bytes(const void *kept);
