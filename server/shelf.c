/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A cell is a head and the value behind it. Its name is its number among those of its size times SHELF_SIZES, plus its
 * size, plus 1. */
#include "server/shelf.h"

#include <assert.h>

struct head {
	uint32_t keepers; /* 0: the cell is free */
	uint32_t next;    /* in the chain of shared values, or number + 1 in the list of free cells */
	uint16_t len;
	uint8_t size;
	bool is_shared;
};

static const uint16_t cell_bytes[SHELF_SIZES] = {20, 24, 32, 48, 64, 96, 160, sizeof(struct head) + SHELF_VALUE_MAX};

_Static_assert(sizeof(struct head) == 12, "values are aligned to 4 bytes");

void shelf_carve(struct shelf *v, struct carve *c, uint32_t capacity, uint64_t seed)
{
	assert(capacity > 0 && capacity < UINT32_MAX / SHELF_SIZES);
	uint32_t buckets = 1;
	while (buckets <= capacity / 16) /* few are shared, and by many */
		buckets *= 2;
	*v = (struct shelf){.mask = buckets - 1, .capacity = capacity, .seed = seed};
	for (unsigned i = 0; i < SHELF_SIZES; i++)
		v->sizes[i].memory = carve_take(c, capacity, cell_bytes[i]);
	v->heads = carve_take(c, buckets, sizeof *v->heads);
	if (v->heads != NULL)
		bytes_clear(v->heads, buckets * sizeof *v->heads);
}

/* ---- cells ---- */

static struct head *cell_at(const struct shelf *v, unsigned size, uint32_t number)
{
	return (struct head *)(void *)(v->sizes[size].memory + (size_t)number * cell_bytes[size]);
}

static struct head *cell_of(const struct shelf *v, uint32_t name)
{
	return cell_at(v, (name - 1) % SHELF_SIZES, (name - 1) / SHELF_SIZES);
}

static uint32_t number_of(const struct shelf *v, const struct head *cell)
{
	return (uint32_t)((size_t)((const uint8_t *)cell - v->sizes[cell->size].memory) / cell_bytes[cell->size]);
}

static uint32_t name_of(const struct shelf *v, const struct head *cell)
{
	return number_of(v, cell) * SHELF_SIZES + cell->size + 1;
}

static struct head *head_of(const void *kept)
{
	return (struct head *)(uintptr_t)((const uint8_t *)kept - sizeof(struct head));
}

static struct head *take_cell(struct shelf *v, struct bytes value, bool is_shared)
{
	unsigned size = 0;
	assert(value.len <= SHELF_VALUE_MAX && v->used < v->capacity);
	while (cell_bytes[size] - sizeof(struct head) < value.len)
		size++;
	struct shelf_cells *cells = &v->sizes[size];
	uint32_t number = cells->first_free != 0 ? cells->first_free - 1 : cells->untouched++;
	struct head *cell = cell_at(v, size, number);
	if (cells->first_free != 0)
		cells->first_free = cell->next;
	*cell = (struct head){.keepers = 1, .len = (uint16_t)value.len, .size = (uint8_t)size, .is_shared = is_shared};
	if (value.len > 0)
		memcpy(cell + 1, value.data, value.len);
	v->used++;
	return cell;
}

static void give_cell(struct shelf *v, struct head *cell)
{
	struct shelf_cells *cells = &v->sizes[cell->size];
	uint32_t number = number_of(v, cell);
	cell->next = cells->first_free;
	cells->first_free = number + 1;
	v->used--;
}

/* ---- values ---- */

struct bytes shelf_bytes(const void *kept)
{
	return bytes_of(kept, head_of(kept)->len);
}

/* The link that leads to the value's cell, or 0 at the end of its chain. */
static uint32_t *link_to(struct shelf *v, struct bytes value)
{
	uint32_t *link = &v->heads[bytes_hash(value, v->seed) & v->mask];
	while (*link != 0 && !bytes_equal(shelf_bytes(cell_of(v, *link) + 1), value))
		link = &cell_of(v, *link)->next;
	return link;
}

const void *shelf_keep_shared(struct shelf *v, struct bytes value)
{
	uint32_t *link = link_to(v, value);
	if (*link != 0) {
		struct head *known = cell_of(v, *link);
		known->keepers++;
		return known + 1;
	}
	struct head *cell = take_cell(v, value, true);
	*link = name_of(v, cell);
	return cell + 1;
}

const void *shelf_keep_single(struct shelf *v, struct bytes value)
{
	return take_cell(v, value, false) + 1;
}

void shelf_drop(struct shelf *v, const void *kept)
{
	if (kept == NULL)
		return;
	struct head *cell = head_of(kept);
	assert(cell->keepers > 0);
	if (--cell->keepers > 0)
		return;
	if (cell->is_shared) {
		uint32_t *link = link_to(v, shelf_bytes(kept));
		assert(cell_of(v, *link) == cell);
		*link = cell->next;
	}
	give_cell(v, cell);
}
