/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A device's disk, boot choice and programs for tests: journal, slots, boot and payload ports over memory, with a power
 * cut at the n-th operation that changes the disk. At the cut a record is torn in the middle, what a slot was given
 * since its last sync is garbage, the boot choice is the old or the new one; afterwards every operation fails with -EIO
 * until disk_reboot. */
#pragma once

#include "agent/deploy.h"

#define DISK_SLOT_BYTES   8192
#define DISK_RECORD_BYTES 8192

struct disk_slot {
	uint8_t bytes[DISK_SLOT_BYTES];
	bool is_unsynced[DISK_SLOT_BYTES];
	uint64_t size;
	bool exists;
};

struct disk_record {
	uint8_t bytes[DISK_RECORD_BYTES];
	size_t len;
	bool exists;
};

struct disk {
	struct disk_slot slots[SLOT_COUNT];
	struct disk_record records[3];
	enum slot active;
	bool has_active;
	uint64_t slot_capacity; /* for -ENOSPC */

	unsigned operations; /* that changed or would have changed the disk, since disk_init */
	unsigned cut_at;     /* 0 for no cut */
	bool is_cut;
	int fail_stores; /* error of every journal store while not 0 */
	int fail_writes;
	int fail_start, fail_self_test, fail_activate;

	enum deploy_program program; /* what runs */
	enum slot program_slot;
	unsigned starts, self_tests;
	uint64_t hash; /* of the digest under way */
};

void disk_init(struct disk *d);
/* The power comes back: nothing runs. */
void disk_reboot(struct disk *d);
struct deploy_ports disk_ports(struct disk *d);

/* Puts an image into a slot behind the ports' back, as a factory does. */
void disk_put_image(struct disk *d, enum slot slot, const uint8_t *image, size_t size);
bool disk_holds(const struct disk *d, enum slot slot, const uint8_t *image, size_t size);
/* A test image: `size` bytes that depend on `seed`; what describes it. */
void disk_make_image(uint8_t *image, size_t size, unsigned seed);
struct journal_image disk_describe(const uint8_t *image, size_t size, const char *version, uint64_t sequence);
/* What a factory leaves: the image in slot a, confirmed and active. */
void disk_provision(struct disk *d, const uint8_t *image, size_t size, const char *version, uint64_t sequence);
