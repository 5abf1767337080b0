/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/download.h"

#include <assert.h>

static uint64_t blocks_of(uint64_t size, uint32_t block_size)
{
	return size / block_size + (size % block_size != 0);
}

size_t download_bitmap_bytes(uint64_t size, uint32_t block_size)
{
	uint64_t blocks = blocks_of(size, block_size);
	return (size_t)(blocks / 8 + (blocks % 8 != 0));
}

void download_init(struct download *d, const struct slot_port *slots, const struct journal_port *journal,
	const struct download_storage *storage, uint32_t progress_every)
{
	assert(progress_every > 0);
	memset(d, 0, sizeof *d);
	d->slots = slots;
	d->journal = journal;
	d->bitmap = storage->bitmap;
	d->bitmap_capacity = storage->bitmap_capacity;
	d->scratch = storage->scratch;
	d->progress_every = progress_every;
}

/* ---- bits ---- */

bool download_has(const struct download *d, uint32_t block)
{
	return block < d->block_count && (d->bitmap[block / 8] >> (block % 8) & 1) != 0;
}

bool download_next_missing(const struct download *d, uint32_t from, uint32_t *ret)
{
	for (uint32_t block = from; block < d->block_count; block++) {
		if (block % 8 == 0 && d->bitmap[block / 8] == 0xff && d->block_count - block >= 8) {
			block += 7;
			continue;
		}
		if (!download_has(d, block)) {
			*ret = block;
			return true;
		}
	}
	return false;
}

static uint32_t count_bits(const struct download *d)
{
	uint32_t count = 0;
	for (uint32_t block = 0; block < d->block_count; block++)
		count += download_has(d, block);
	return count;
}

/* ---- progress records ---- */

static size_t scratch_capacity(const struct download *d)
{
	return d->bitmap_capacity + JOURNAL_PROGRESS_HEAD_BYTES;
}

static size_t bitmap_len(const struct download *d)
{
	return download_bitmap_bytes(d->size, d->block_size);
}

static int store_progress(struct download *d, struct bytes bitmap)
{
	struct writer w = writer_of(d->scratch, scratch_capacity(d));
	journal_encode_progress(d->digest, d->block_size, bitmap, &w);
	assert(!w.failed);
	return d->journal->store(d->journal->context, JOURNAL_PROGRESS, writer_bytes(&w));
}

/* False when blocks of this size are none, or more than the bitmap has room for. */
static bool set_blocks(struct download *d, uint32_t block_size)
{
	bool is_power = block_size >= 16 && (block_size & (block_size - 1)) == 0;
	if (!is_power || download_bitmap_bytes(d->size, block_size) > d->bitmap_capacity)
		return false;
	uint64_t blocks = blocks_of(d->size, block_size);
	d->block_size = block_size;
	d->block_count = (uint32_t)blocks;
	return blocks <= UINT32_MAX;
}

/* Bits of blocks behind the end of the image would be counted as blocks. */
static bool is_plausible(const struct download *d, struct bytes bitmap)
{
	if (bitmap.len != bitmap_len(d))
		return false;
	unsigned tail = d->block_count % 8;
	return tail == 0 || bitmap.data[bitmap.len - 1] >> tail == 0;
}

/* False leaves everything as it was. */
static bool load_progress(struct download *d)
{
	struct download found = *d;
	struct bytes bitmap;
	int len = d->journal->load(d->journal->context, JOURNAL_PROGRESS, d->scratch, scratch_capacity(d));
	if (len < 0)
		return false;
	struct bytes record = bytes_of(d->scratch, (size_t)len);
	if (!journal_decode_progress(record, d->digest, &found.block_size, &bitmap))
		return false;
	if (found.block_size > d->block_size || !set_blocks(&found, found.block_size) || !is_plausible(&found, bitmap))
		return false;
	*d = found;
	memcpy(d->bitmap, bitmap.data, bitmap.len);
	return true;
}

/* ---- life of one image ---- */

/* Before the slot is opened for an image of which nothing is known, the disk must say so: a record of what lay there
 * before must not vouch for new bytes. */
static int begin_anew(struct download *d)
{
	memset(d->bitmap, 0, bitmap_len(d));
	int status = store_progress(d, bytes_of(d->bitmap, bitmap_len(d)));
	return status < 0 ? status : d->slots->prepare(d->slots->context, d->slot, d->size, false);
}

int download_open(struct download *d, enum slot slot, const struct journal_image *image, uint32_t block_size)
{
	d->is_open = false;
	d->slot = slot;
	d->size = image->size;
	d->unsynced = 0;
	memcpy(d->digest, image->digest, SHA256_BYTES);
	if (!set_blocks(d, block_size))
		return PORT_NO_MEMORY;

	int kept = load_progress(d) ? d->slots->prepare(d->slots->context, slot, d->size, true) : 0;
	if (kept == 0)
		kept = begin_anew(d);
	if (kept < 0)
		return kept;
	d->have = count_bits(d);
	d->resumed = d->have;
	d->is_open = true;
	return 0;
}

static bool fits(const struct download *d, uint32_t block, size_t len)
{
	if (!d->is_open || block >= d->block_count)
		return false;
	uint64_t left = d->size - (uint64_t)block * d->block_size;
	return len == (left < d->block_size ? left : d->block_size);
}

int download_put(struct download *d, uint32_t block, struct bytes data)
{
	if (!fits(d, block, data.len))
		return 0;
	if (download_has(d, block)) {
		d->repeated++;
		return 0;
	}
	int status = d->slots->write(d->slots->context, d->slot, (uint64_t)block * d->block_size, data);
	if (status < 0)
		return status;
	d->bitmap[block / 8] |= (uint8_t)(1u << (block % 8));
	d->have++;
	d->unsynced++;
	if (d->unsynced >= d->progress_every || download_is_complete(d))
		status = download_sync(d);
	return status < 0 ? status : 1;
}

int download_sync(struct download *d)
{
	if (!d->is_open || d->unsynced == 0)
		return 0;
	int status = d->slots->sync(d->slots->context, d->slot);
	if (status == 0)
		status = store_progress(d, bytes_of(d->bitmap, bitmap_len(d)));
	if (status == 0)
		d->unsynced = 0;
	return status;
}

void download_close(struct download *d)
{
	d->is_open = false;
}

int download_discard(struct download *d, enum slot slot)
{
	d->is_open = false;
	int forgotten = d->journal->store(d->journal->context, JOURNAL_PROGRESS, BYTES_NONE);
	int emptied = d->slots->discard(d->slots->context, slot);
	return forgotten < 0 ? forgotten : emptied;
}
