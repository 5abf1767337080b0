/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the agent must remember over a restart or a power cut: which image runs, how far an update has come, which
 * blocks of an image are safely in the slot.
 *
 * Two kinds of record are on disk:
 * - the state, small, rewritten at every transition of the update. It is kept twice; writes alternate between the two
 *   copies and each carries a number one higher than the last, so a write that a power cut tears leaves the copy of the
 *   transition before it. Reading takes the valid copy with the higher number.
 * - the progress of one download: a bitmap of blocks whose bytes were synced before. It names the image by its digest,
 * so one that belongs to another image is found out and ignored; a torn one costs a repeated download, never a wrong
 * image.
 *
 * Each record ends in a CRC-32 over all before it (the polynomial of IEEE 802.3); it guards against torn and rotten
 * records, not against an adversary who owns the disk. Numbers are big endian. */
#pragma once

#include "agent/installer.h"
#include "mgmt/manifest.h"

#define JOURNAL_VERSION_MAX         MANIFEST_VERSION_MAX
#define JOURNAL_URI_MAX             255 /* Package URI, /5/0/1 */
#define JOURNAL_ENVELOPE_MAX        MANIFEST_ENVELOPE_MAX
#define JOURNAL_STATE_BYTES_MAX     (JOURNAL_ENVELOPE_MAX + JOURNAL_URI_MAX + 256)
#define JOURNAL_PROGRESS_HEAD_BYTES 49 /* everything around the bitmap */

enum journal_record { JOURNAL_STATE_FIRST, JOURNAL_STATE_SECOND, JOURNAL_PROGRESS };

/* Where records lie (port). */
struct journal_port {
	void *context;
	/* The record's length, or -errno; -ENOENT when it has never been stored, -EFBIG when it exceeds `capacity`. */
	int (*load)(void *context, enum journal_record which, void *buffer, size_t capacity);
	/* Replaces the record; after 0 it survives a power cut. A cut within the call may leave neither old nor new. */
	int (*store)(void *context, enum journal_record which, struct bytes record);
};

/* The phases that have a meaning after a restart; see the table in agent/update.h. */
enum journal_phase {
	JOURNAL_IDLE,
	JOURNAL_FETCHING,   /* a Package URI was accepted; with an envelope the manifest is already here and verified */
	JOURNAL_DOWNLOADED, /* the other slot holds the verified image */
	JOURNAL_TRIAL,      /* the new image may be active and is on probation */
};

/* What is known of the image in a slot. */
struct journal_image {
	bool is_present;
	char version[JOURNAL_VERSION_MAX + 1];
	uint64_t sequence; /* of its manifest */
	uint64_t size;
	uint8_t digest[SHA256_BYTES];
};

struct journal_state {
	uint64_t number; /* of this record; grows with each one stored */
	enum journal_phase phase;
	uint8_t result;          /* /5/0/5 */
	uint8_t severity;        /* /5/0/11 */
	uint8_t trials;          /* starts of the image on probation so far */
	enum slot confirmed;     /* the slot that passed its test last; meaningful when its image is present */
	uint64_t sequence_floor; /* highest sequence number ever confirmed; a manifest must exceed it */
	uint32_t defer_period_s; /* /5/0/13 */
	int64_t changed_at;      /* /5/0/12, Unix time; 0 for never */
	struct journal_image images[SLOT_COUNT];
	size_t uri_len, envelope_len;
	uint8_t uri[JOURNAL_URI_MAX];
	uint8_t envelope[JOURNAL_ENVELOPE_MAX];
};

/* ---- encoding, pure ---- */

uint32_t journal_crc32(struct bytes data);
/* `w` fails only when it has less than JOURNAL_STATE_BYTES_MAX. */
void journal_encode_state(const struct journal_state *state, struct writer *w);
/* False when the record is torn, rotten, of an unknown version, or breaks a limit. */
bool journal_decode_state(struct bytes record, struct journal_state *ret);

/* `bitmap` has one bit a block, the first block in the lowest bit of the first byte. */
void journal_encode_progress(
	const uint8_t digest[SHA256_BYTES], uint32_t block_size, struct bytes bitmap, struct writer *w);
/* The bitmap within `record` and the size of its blocks; false unless the record is whole and belongs to this image. */
bool journal_decode_progress(
	struct bytes record, const uint8_t digest[SHA256_BYTES], uint32_t *ret_block_size, struct bytes *ret_bitmap);

/* ---- storing ---- */

enum journal_loaded {
	JOURNAL_LOADED, /* `ret` is the newest valid state */
	JOURNAL_NEW,    /* there has never been a journal; `ret` is the factory state */
	JOURNAL_ROTTEN, /* records exist but none is valid; `ret` is the factory state */
	JOURNAL_FAILED, /* the port cannot read; `*ret_error` says why */
};

/* `scratch` has JOURNAL_STATE_BYTES_MAX bytes. */
enum journal_loaded journal_load(
	const struct journal_port *port, uint8_t *scratch, struct journal_state *ret, int *ret_error);
/* Gives `state` the next number and stores it over the older copy. 0 or -errno. */
int journal_store(const struct journal_port *port, uint8_t *scratch, struct journal_state *state);
