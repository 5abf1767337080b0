/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The hand of the update engine: carries its effects out on disk, boot choice and payload, in order.
 *
 *     event --> update_step --> effects --> journal, slots, boot, payload
 *       ^                          |
 *       +------ EFFECT_FAILED <----+
 *
 * What concerns the network (fetch, stop fetching, tell observers) is handed back as an outcome, for the composer. The
 * digest of an image is computed in slices, one per deploy_tick, so that other work goes on meanwhile. A payload that
 * belongs to a confirmed image and exits is started again after a pause. */
#pragma once

#include "agent/download.h"
#include "agent/update.h"

#define DEPLOY_SLICE_BYTES 16384 /* read and hashed per tick */

struct deploy_ports {
	struct slot_port slots;
	struct boot_port boot;
	struct payload_port payload;
	struct journal_port journal;
	struct digest_port digest;
};

struct deploy_config {
	struct update_config update;
	uint32_t block_size, progress_every;
	msec payload_restart_ms;
};

enum deploy_program { DEPLOY_NOTHING, DEPLOY_SELF_TEST, DEPLOY_PAYLOAD };

struct deploy {
	const struct deploy_config *config;
	const struct deploy_ports *ports;
	struct update update;
	struct download download;
	uint8_t *record; /* JOURNAL_STATE_BYTES_MAX bytes for the state record */
	uint8_t *slice;  /* DEPLOY_SLICE_BYTES */

	enum deploy_program program; /* what runs now, and out of which slot */
	enum slot program_slot;
	msec restart_at; /* of a payload that exited; NEVER */

	int64_t unix_offset_s; /* wall clock minus `now`; 0 when not known (set by the composer) */
	bool is_checking;      /* a digest is being computed */
	uint64_t checked;      /* bytes of it so far */
};

/* What the composer has to do and to know after an event. */
struct deploy_outcome {
	enum update_verdict verdict;
	bool stops_fetch, wants_manifest, wants_image; /* in this order */
	bool tells;                                    /* object 5 or 3 has changed */
	bool has_failed;                               /* an effect failed: the first one and its negative errno */
	enum update_effect_kind failed;
	int error;
};

void deploy_init(struct deploy *d, const struct deploy_config *config, const struct deploy_ports *ports,
	const struct download_storage *storage, uint8_t *record, uint8_t *slice);

/* Reads the journal and settles what a restart interrupted. JOURNAL_FAILED, with the error in `ret`, when there is no
 * reading it; then nothing has been done. */
enum journal_loaded deploy_start(struct deploy *d, msec now, struct deploy_outcome *ret);
void deploy_event(struct deploy *d, const struct update_event *event, msec now, struct deploy_outcome *ret);
/* The image being fetched comes in blocks of this smaller size: its map is made anew, and wants_image set again. */
void deploy_reopen(struct deploy *d, uint32_t block_size, msec now, struct deploy_outcome *ret);
/* A block of the image being fetched has come. True when it was new. */
bool deploy_block(struct deploy *d, uint32_t block, struct bytes data, msec now, struct deploy_outcome *ret);
void deploy_payload_exited(struct deploy *d, msec now, struct deploy_outcome *ret);
void deploy_self_test_done(struct deploy *d, bool passed, msec now, struct deploy_outcome *ret);
/* Stops whatever runs and brings the download to disk. */
void deploy_stop(struct deploy *d);

/* Stores the journal's state after its owner changed a setting in it (severity, lifetime). 0 or -errno. */
int deploy_store(struct deploy *d);

msec deploy_deadline(const struct deploy *d);
void deploy_tick(struct deploy *d, msec now, struct deploy_outcome *ret);
