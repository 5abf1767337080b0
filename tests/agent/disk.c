/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk.h"

#include <assert.h>
#include <errno.h>

_Static_assert(PORT_NO_ENTRY == -ENOENT && PORT_NO_SPACE == -ENOSPC, "the core's errnos");

void disk_init(struct disk *d)
{
	memset(d, 0, sizeof *d);
	d->slot_capacity = DISK_SLOT_BYTES;
}

static void spoil_unsynced(struct disk_slot *s)
{
	for (size_t i = 0; i < DISK_SLOT_BYTES; i++)
		if (s->is_unsynced[i])
			s->bytes[i] = (uint8_t)(0xee ^ i);
	memset(s->is_unsynced, 0, sizeof s->is_unsynced);
}

void disk_reboot(struct disk *d)
{
	spoil_unsynced(&d->slots[SLOT_A]);
	spoil_unsynced(&d->slots[SLOT_B]);
	d->is_cut = false;
	d->cut_at = 0;
	d->program = DEPLOY_NOTHING;
}

/* Counts one change. True when the power is gone, now or before; `*ret_now` says that it goes in this very operation.
 */
static bool cuts(struct disk *d, bool *ret_now)
{
	*ret_now = false;
	if (d->is_cut)
		return true;
	d->operations++;
	*ret_now = d->operations == d->cut_at;
	d->is_cut = *ret_now;
	return d->is_cut;
}

/* ---- journal ---- */

static int load(void *context, enum journal_record which, void *buffer, size_t capacity)
{
	struct disk *d = context;
	struct disk_record *r = &d->records[which];
	if (d->is_cut)
		return -EIO;
	if (!r->exists)
		return -ENOENT;
	if (r->len > capacity)
		return -EFBIG;
	memcpy(buffer, r->bytes, r->len);
	return (int)r->len;
}

static int store(void *context, enum journal_record which, struct bytes record)
{
	struct disk *d = context;
	struct disk_record *r = &d->records[which];
	bool now;
	assert(record.len <= DISK_RECORD_BYTES);
	if (cuts(d, &now) && !now)
		return -EIO;
	if (d->fail_stores != 0)
		return d->fail_stores;
	size_t len = now ? record.len / 2 : record.len;
	if (len > 0)
		memcpy(r->bytes, record.data, len);
	r->len = record.len;
	r->exists = true;
	return now ? -EIO : 0;
}

/* ---- slots ---- */

static int prepare(void *context, enum slot slot, uint64_t size, bool keep)
{
	struct disk *d = context;
	struct disk_slot *s = &d->slots[slot];
	bool now;
	if (size > d->slot_capacity)
		return -ENOSPC;
	if (keep && s->exists && s->size == size && !d->is_cut)
		return 1;
	if (cuts(d, &now))
		return -EIO;
	s->exists = true;
	s->size = size;
	memset(s->bytes, 0, sizeof s->bytes);
	return 0;
}

static int write_slot(void *context, enum slot slot, uint64_t offset, struct bytes data)
{
	struct disk *d = context;
	struct disk_slot *s = &d->slots[slot];
	bool now;
	assert(s->exists && offset + data.len <= s->size);
	assert(d->program != DEPLOY_PAYLOAD || d->program_slot != slot);
	if (cuts(d, &now))
		return -EIO;
	if (d->fail_writes != 0)
		return d->fail_writes;
	memcpy(s->bytes + offset, data.data, data.len);
	memset(s->is_unsynced + offset, 1, data.len);
	return 0;
}

static int sync_slot(void *context, enum slot slot)
{
	struct disk *d = context;
	bool now;
	if (cuts(d, &now))
		return -EIO;
	memset(d->slots[slot].is_unsynced, 0, DISK_SLOT_BYTES);
	return 0;
}

static int read_slot(void *context, enum slot slot, uint64_t offset, void *buffer, size_t len)
{
	struct disk *d = context;
	struct disk_slot *s = &d->slots[slot];
	if (d->is_cut)
		return -EIO;
	if (!s->exists)
		return -ENOENT;
	if (offset >= s->size)
		return 0;
	if (len > s->size - offset)
		len = s->size - offset;
	memcpy(buffer, s->bytes + offset, len);
	return (int)len;
}

static int discard(void *context, enum slot slot)
{
	struct disk *d = context;
	bool now;
	if (cuts(d, &now))
		return -EIO;
	memset(&d->slots[slot], 0, sizeof d->slots[slot]);
	return 0;
}

/* ---- boot ---- */

static int activate(void *context, enum slot slot)
{
	struct disk *d = context;
	bool now;
	if (cuts(d, &now)) {
		if (now && d->operations % 2 == 0) /* the switch is atomic: it has happened, or it has not */
			d->active = slot;
		return -EIO;
	}
	if (d->fail_activate != 0)
		return d->fail_activate;
	d->active = slot;
	d->has_active = true;
	return 0;
}

static int active(void *context, enum slot *ret)
{
	struct disk *d = context;
	if (d->is_cut)
		return -EIO;
	if (!d->has_active)
		return -ENOENT;
	*ret = d->active;
	return 0;
}

/* ---- programs ---- */

static int run(struct disk *d, enum slot slot, enum deploy_program program, int error)
{
	assert(d->program == DEPLOY_NOTHING);
	if (d->is_cut)
		return -EIO;
	if (error != 0)
		return error;
	d->program = program;
	d->program_slot = slot;
	return 0;
}

static int start(void *context, enum slot slot)
{
	struct disk *d = context;
	d->starts++;
	return run(d, slot, DEPLOY_PAYLOAD, d->fail_start);
}

static int self_test(void *context, enum slot slot)
{
	struct disk *d = context;
	d->self_tests++;
	return run(d, slot, DEPLOY_SELF_TEST, d->fail_self_test);
}

static void stop(void *context)
{
	((struct disk *)context)->program = DEPLOY_NOTHING;
}

/* ---- digest: no cryptography is needed to tell test images apart ---- */

static void begin(void *context)
{
	((struct disk *)context)->hash = UINT64_C(14695981039346656037);
}

static void add(void *context, struct bytes data)
{
	struct disk *d = context;
	for (size_t i = 0; i < data.len; i++)
		d->hash = (d->hash ^ data.data[i]) * UINT64_C(1099511628211);
}

static void end(void *context, uint8_t ret[SHA256_BYTES])
{
	const struct disk *d = context;
	for (size_t i = 0; i < SHA256_BYTES; i++)
		ret[i] = (uint8_t)(d->hash >> (8 * (i % 8)));
}

struct deploy_ports disk_ports(struct disk *d)
{
	return (struct deploy_ports){
		.slots = {d, prepare, write_slot, sync_slot, read_slot, discard},
		.boot = {d, activate, active},
		.payload = {d, start, stop, self_test},
		.journal = {d, load, store},
		.digest = {d, begin, add, end},
	};
}

/* ---- images ---- */

void disk_put_image(struct disk *d, enum slot slot, const uint8_t *image, size_t size)
{
	struct disk_slot *s = &d->slots[slot];
	assert(size <= DISK_SLOT_BYTES);
	memset(s, 0, sizeof *s);
	memcpy(s->bytes, image, size);
	s->size = size;
	s->exists = true;
}

bool disk_holds(const struct disk *d, enum slot slot, const uint8_t *image, size_t size)
{
	const struct disk_slot *s = &d->slots[slot];
	return s->exists && s->size == size && memcmp(s->bytes, image, size) == 0;
}

void disk_make_image(uint8_t *image, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		image[i] = (uint8_t)((i * 31 + seed) ^ (i >> 7));
}

struct journal_image disk_describe(const uint8_t *image, size_t size, const char *version, uint64_t sequence)
{
	struct journal_image described = {.is_present = true, .sequence = sequence, .size = size};
	struct disk d = {.hash = 0};
	size_t len = strlen(version);
	assert(len <= JOURNAL_VERSION_MAX);
	memcpy(described.version, version, len);
	begin(&d);
	add(&d, bytes_of(image, size));
	end(&d, described.digest);
	return described;
}

void disk_provision(struct disk *d, const uint8_t *image, size_t size, const char *version, uint64_t sequence)
{
	uint8_t scratch[JOURNAL_STATE_BYTES_MAX];
	struct journal_state state = {.severity = 1, .confirmed = SLOT_A, .sequence_floor = sequence};
	struct deploy_ports ports = disk_ports(d);
	disk_put_image(d, SLOT_A, image, size);
	state.images[SLOT_A] = disk_describe(image, size, version, sequence);
	d->active = SLOT_A;
	d->has_active = true;
	int status = journal_store(&ports.journal, scratch, &state);
	assert(status == 0);
	d->operations = 0;
}
