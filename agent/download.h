/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the blocks of an image go: into a slot, remembered in a bitmap that survives a restart.
 *
 * Blocks come in any order, from coap/blockfetch or from nowhere for a long time. Each is written at its place at once.
 * After every `progress_every` new ones the slot is synced and then the bitmap journalled, in this order, so a bit on
 * disk says that its block is on disk too. Those blocks are never asked for again; at most `progress_every` that came
 * since are lost by a power cut. Nothing here judges the bytes: the whole image is read back and compared with the
 * manifest's digest afterwards (agent/deploy.h). */
#pragma once

#include "agent/journal.h"

struct download {
	const struct slot_port *slots;
	const struct journal_port *journal;
	uint8_t *bitmap; /* one bit a block, the first in the lowest bit */
	size_t bitmap_capacity;
	uint8_t *scratch; /* for records */
	uint32_t progress_every;

	bool is_open;
	enum slot slot;
	uint8_t digest[SHA256_BYTES];
	uint64_t size;
	uint32_t block_size, block_count;
	uint32_t have;     /* blocks in the slot */
	uint32_t unsynced; /* of these, how many no progress record tells of */
	uint32_t resumed;  /* of these, how many an earlier download brought */
	uint64_t repeated; /* blocks that came although they were there */
};

struct download_storage {
	uint8_t *bitmap;
	size_t bitmap_capacity; /* bytes; download_bitmap_bytes of the largest image */
	uint8_t *scratch;       /* bitmap_capacity + JOURNAL_PROGRESS_HEAD_BYTES */
};

/* Bytes of bitmap for an image of this size. */
size_t download_bitmap_bytes(uint64_t size, uint32_t block_size);

void download_init(struct download *d, const struct slot_port *slots, const struct journal_port *journal,
	const struct download_storage *storage, uint32_t progress_every);

/* Makes the slot ready for this image and finds out which of its blocks are there already; with blocks of `block_size`,
 * a power of two, or of the smaller size in which an earlier download came. 0, or -errno: PORT_NO_SPACE when the slot
 * cannot hold the image, PORT_NO_MEMORY when the bitmap cannot. */
int download_open(struct download *d, enum slot slot, const struct journal_image *image, uint32_t block_size);
/* Takes a block: all of `block_size` bytes except the last one. 1 when it is new, 0 when it was there already or cannot
 * belong to the image, -errno when it cannot be kept. */
int download_put(struct download *d, uint32_t block, struct bytes data);
/* Syncs what has come and journals it; for the end, and before a pause. */
int download_sync(struct download *d);
void download_close(struct download *d);
/* Forgets the progress of whatever image and gives the slot's space back. */
int download_discard(struct download *d, enum slot slot);

bool download_has(const struct download *d, uint32_t block);
/* The first block from `from` on that is not there. */
bool download_next_missing(const struct download *d, uint32_t from, uint32_t *ret);
static inline bool download_is_complete(const struct download *d)
{
	return d->is_open && d->have == d->block_count;
}
