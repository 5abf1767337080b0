/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The update engine behind object 5: from a Package URI to a confirmed new image, or back to the old one.
 *
 * It is a pure step: an event goes in, the state changes, and a short list of effects comes out, in the order in which
 * they must be carried out. The composer carries them out through the ports; if one fails it drops the rest of the list
 * and hands in EFFECT_FAILED. The engine never touches a disk, yet it decides what is on it:
 *
 *            URI                 manifest           all blocks          digest
 *     IDLE ------> MANIFEST ---------------> IMAGE ------------> VERIFY ------> DOWNLOADED
 *      ^ ^             | failed, cancelled     |                   |                |  | Update executed
 *      | +-------------+-----------------------+-------------------+----------------+  v
 *      |                                                                            ORDERED  (the answer leaves)
 *      |  result 1: confirmed                                                          | a moment later
 *      +<-------------- SETTLING <---- TESTING <----------------------------------- RECHECK
 *      |  result 8: back    | exited      | failed, too slow     digest still right    | result 5: not any more
 *      +<-------------------+-------------+<-------------------------------------------+
 *
 * What LwM2M shows, what is on disk and what a restart does there. "old" is the confirmed slot, "new" the other one.
 *
 *     phase       /5/0/3  journal                    boot choice   a restart
 *     IDLE           0    IDLE                       old           starts old
 *     MANIFEST       1    FETCHING, URI              old           starts old, fetches the manifest again
 *       pushed       1    FETCHING, no URI           old           starts old, result 4: the server sends it again
 *     IMAGE, VERIFY  1    FETCHING, URI, envelope    old           starts old, goes on behind the last journalled block
 *     DOWNLOADED     2    DOWNLOADED                 old           starts old, waits for Update
 *     ORDERED,       3    TRIAL, 0 trials            old           checks the digest again and begins the trial
 *     RECHECK
 *     TESTING,       3    TRIAL, n trials            old or new    another trial while n < trials_max, else back to old
 *     SETTLING
 *     confirmed      0    IDLE, result 1, old:=new   new           starts what was the new one
 *     back           0    IDLE, result 8             new or old    makes old the choice again, starts old
 *
 * The journal always leads and the boot choice follows, so at every moment one of the two images is named by the
 * journal and whole on disk. A device is never without an image unless it had none to begin with.
 *
 * Results are those of mgmt/firmware.h (lwm2m interface section 11). */
#pragma once

#include "agent/journal.h"
#include "coap/base/msec.h"
#include "mgmt/firmware.h"

enum update_phase {
	UPDATE_IDLE,
	UPDATE_MANIFEST,
	UPDATE_IMAGE,
	UPDATE_VERIFY,
	UPDATE_DOWNLOADED,
	UPDATE_ORDERED,
	UPDATE_RECHECK,
	UPDATE_TESTING,
	UPDATE_SETTLING,
};

struct update_config {
	msec order_delay_ms; /* from the answer to Update to the switch */
	msec self_test_timeout_ms, settle_ms;
	msec give_up_ms;      /* of downloads, since the last new block */
	msec push_give_up_ms; /* of a package that is sent to us */
	msec store_retry_ms;  /* between attempts to journal a confirmation on a full disk */
	uint8_t trials_max;
	uint64_t image_size_max;
};

struct update {
	const struct update_config *config;
	enum update_phase phase;
	msec deadline;          /* of the phase; NEVER when only events move it */
	bool was_fetched_twice; /* a resumed image with a wrong digest is fetched once more from its first block */
	bool was_resumed;       /* some blocks of this image come from before a restart or a pause */
	bool is_confirming;     /* the last step confirmed; should its STORE fail, it has not happened */
	bool is_dirty;          /* the journal could not be written; it is tried again at the deadline */
	uint64_t floor_before;  /* the sequence floor before the confirmation */
	struct journal_state state;
};

/* ---- events ---- */

enum update_event_kind {
	UPDATE_STARTED,          /* the agent has started with a journal; once, first */
	UPDATE_URI_WRITTEN,      /* /5/0/1; empty is a reset */
	UPDATE_PUSH_BEGAN,       /* /5/0/0 begins to arrive; the manifest and blocks follow without being fetched */
	UPDATE_PACKAGE_RESET,    /* /5/0/0 with one zero byte or none */
	UPDATE_EXECUTED,         /* /5/0/2 */
	UPDATE_CANCELLED,        /* /5/0/10 */
	UPDATE_MANIFEST_ARRIVED, /* verified, and meant for this device */
	UPDATE_REFUSED,          /* the manifest or a download cannot be used: `result` says why */
	UPDATE_PROGRESSED,       /* a block that was not there before is there */
	UPDATE_IMAGE_ARRIVED,    /* every block is in the slot and synced */
	UPDATE_DIGEST_KNOWN,     /* of what lies in the slot: `passed` when it is the manifest's */
	UPDATE_SELF_TESTED,      /* `passed` */
	UPDATE_PAYLOAD_EXITED,
	UPDATE_EFFECT_FAILED, /* `failed`, `error` */
	UPDATE_TIME_PASSED,   /* the deadline has come */
};

enum update_effect_kind {
	UPDATE_STORE, /* journal_store(state); what follows happens only when it is durable */
	UPDATE_FETCH_MANIFEST,
	UPDATE_FETCH_IMAGE, /* into `slot`, going on where the progress record says */
	UPDATE_STOP_FETCH,
	UPDATE_CHECK_DIGEST, /* of the image in `slot`, read back from the disk */
	UPDATE_DISCARD,      /* forget the progress record, empty `slot` */
	UPDATE_STOP_PAYLOAD,
	UPDATE_ACTIVATE,      /* `slot` */
	UPDATE_SELF_TEST,     /* `slot` */
	UPDATE_START_PAYLOAD, /* `slot` */
	UPDATE_TELL,          /* object 5 or /3/0/3 has changed: whoever observes it */
};

struct update_event {
	enum update_event_kind kind;
	struct bytes uri;                  /* URI_WRITTEN */
	struct bytes server_uri;           /* URI_WRITTEN: of who wrote it; the URI must be there */
	struct bytes envelope;             /* MANIFEST_ARRIVED */
	const struct journal_image *image; /* MANIFEST_ARRIVED */
	enum firmware_result result;       /* REFUSED */
	bool passed;                       /* DIGEST_KNOWN, SELF_TESTED */
	bool was_resumed;                  /* PROGRESSED, IMAGE_ARRIVED */
	enum update_effect_kind failed;    /* EFFECT_FAILED */
	int error;                         /* EFFECT_FAILED: negative errno */
	int64_t unix_time_s;               /* for /5/0/12; 0 when not known */
};

struct update_effect {
	enum update_effect_kind kind;
	enum slot slot;
};

#define UPDATE_EFFECTS_MAX 8

struct update_effects {
	uint8_t count;
	struct update_effect list[UPDATE_EFFECTS_MAX];
};

/* What the peer who asked is told. */
enum update_verdict {
	UPDATE_ACCEPTED,  /* 2.04 */
	UPDATE_NOT_NOW,   /* 4.05: the state does not allow it */
	UPDATE_BAD_VALUE, /* 4.00 */
};

/* ---- life, input, time ---- */

/* `state` is what journal_load gave. STARTED must be the first event. */
void update_init(struct update *u, const struct update_config *config, const struct journal_state *state);
/* One event. A verdict other than ACCEPTED leaves everything as it was. */
enum update_verdict update_step(
	struct update *u, const struct update_event *event, msec now, struct update_effects *ret_effects);
msec update_deadline(const struct update *u);

/* ---- questions ---- */

enum firmware_state update_lwm2m_state(const struct update *u);
/* Whether what is on its way is sent by a server rather than fetched. A push does not outlive a restart. */
bool update_is_pushed(const struct update *u);
/* The slot a download goes to and a trial comes from. */
enum slot update_target(const struct update *u);
