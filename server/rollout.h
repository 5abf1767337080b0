/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rollouts: a release to a selection of devices, wave by wave.
 *
 * A rollout has one entry per device. The device's way through it, and what each state says is on disk:
 *
 *     PENDING      its wave has not begun; nothing was asked of the device
 *     WAITING      it may be offered the release, but something holds it back (`reason`): offline, paused, busy. An
 *                  offer may be on its way: it is written to disk when the device has acknowledged it, and repeating it
 *                  does no harm
 *     OFFERED      the device has acknowledged the Package URI
 *     DOWNLOADING  the device has said so
 *     DOWNLOADED   the device has all of it and found it good; waits for the word to install
 *     INSTALLING   the word may have been given: on disk before it is sent, so it is never given twice unknowingly
 *     CONFIRMING   the device reports success; its version is being asked for
 *     CONFIRMED    it runs the release's version: the one state that counts as updated
 *     FAILED       `reason` says why; counts to the threshold
 *     SKIPPED      ended without a verdict on the release: has it already, gone, aborted
 *
 *     PENDING -> WAITING -> OFFERED -> DOWNLOADING -> DOWNLOADED -> INSTALLING -> CONFIRMING -> CONFIRMED
 *                   ^          |            |                           |             |
 *                   +-- forgot +------------+                           +-------------+--> FAILED
 *
 * A release that is pushed is on its way in WAITING, until the device has acknowledged a first part, and then in
 * DOWNLOADING. A push that ends half-way is begun again, ROLLOUT_TRIES_MAX times in all.
 *
 * A restart reads the entries, and each device's object 5 when the device is there, and goes on from what it says: the
 * device is right about itself. Quick devices may be seen to skip states; only the way through INSTALLING is not
 * skipped, unless the device reports that it is in it.
 *
 * The next wave begins when every entry of the waves before has ended. More failures than are allowed, measured against
 * the waves begun so far, halt the rollout: no offer and no word to install until an operator resumes it, which
 * forgives the failures so far. What already installs is followed to its end in every state of the rollout.
 *
 * The engine is a leaf. rollout_step is pure but for the entry: (state, event, facts, now) -> state, action; effects
 * belong to the composer. */
#pragma once

#include "coap/base/deadline.h"
#include "coap/base/slab.h"
#include "server/release.h"
#include "server/registry.h"

#define ROLLOUT_WAVES_MAX     8
#define ROLLOUT_SELECTION_MAX 63
#define ROLLOUT_REASON_MAX    127
#define ROLLOUT_TRIES_MAX     3   /* offers, and words to install, before an entry fails */
#define ROLLOUT_WHY_BYTES     160 /* holds every text of rollout_write_why */

/* ---- the plan ---- */

struct rollout_wave {
	uint32_t size; /* devices, or percent of all devices of the rollout, rounded up */
	bool is_percent;
};

/* How the release reaches a device. */
enum rollout_delivery {
	ROLLOUT_DELIVERY_AUTO,    /* it fetches; one that only takes pushes (/5/0/9) gets the image pushed */
	ROLLOUT_DELIVERY_PULL,    /* it fetches: manifest and image from the Package URI */
	ROLLOUT_DELIVERY_PACKAGE, /* pushed: manifest and image in one piece (agent/package.h) */
	ROLLOUT_DELIVERY_IMAGE,   /* pushed: the image alone, which is a package in its maker's own format */
};

struct rollout_plan {
	enum rollout_delivery delivery;
	uint8_t wave_count; /* 0: one wave of all. Devices that the waves leave over make a last one */
	struct rollout_wave waves[ROLLOUT_WAVES_MAX];
	uint32_t failures_allowed; /* more than these halt it: a count, or percent of the devices in waves begun */
	bool failures_in_percent;
	/* Spans after which a device has been in a state for too long; 0 for the default. */
	uint32_t wait_s, offer_s, download_s, install_s, confirm_s;
};

extern const struct rollout_plan rollout_plan_default;

const char *rollout_delivery_name(enum rollout_delivery delivery);
/* Reads a name: "auto", "pull", "package", "image". */
bool rollout_delivery_parse(struct bytes name, enum rollout_delivery *ret);

/* ---- rollouts ---- */

enum rollout_state {
	ROLLOUT_RUNNING = 1,
	ROLLOUT_PAUSED,  /* by an operator */
	ROLLOUT_HALTED,  /* by too many failures */
	ROLLOUT_ABORTED, /* by an operator; what installs is still followed */
	ROLLOUT_COMPLETED,
};

/* As it is stored. */
struct rollout_record {
	uint32_t number; /* from 1, never used again */
	enum rollout_state state;
	char release[RELEASE_NAME_MAX + 1];
	char selection[ROLLOUT_SELECTION_MAX + 1]; /* for people: "all", "model=FD-100", "3 devices" */
	char actor[DEVICE_TEXT_MAX + 1];
	char reason[ROLLOUT_REASON_MAX + 1]; /* why it is halted */
	struct rollout_plan plan;
	uint8_t waves_begun;
	uint32_t failures_forgiven;
	wall_msec started_at, changed_at;
};

/* ---- entries ---- */

enum entry_state {
	ENTRY_PENDING,
	ENTRY_WAITING,
	ENTRY_OFFERED,
	ENTRY_DOWNLOADING,
	ENTRY_DOWNLOADED,
	ENTRY_INSTALLING,
	ENTRY_CONFIRMING,
	ENTRY_CONFIRMED,
	ENTRY_FAILED,
	ENTRY_SKIPPED,
	ENTRY_STATE_COUNT,
};

enum entry_reason {
	ENTRY_REASON_NONE,
	/* why it waits */
	ENTRY_REASON_WAVE,    /* its wave has not begun */
	ENTRY_REASON_STOPPED, /* the rollout is paused or halted */
	ENTRY_REASON_OFFLINE,
	ENTRY_REASON_BUSY,    /* another rollout is at work on the device */
	ENTRY_REASON_FOREIGN, /* the device installs something that is not ours */
	ENTRY_REASON_ASKED,   /* a request is on its way */
	/* why it failed */
	ENTRY_REASON_RESULT,    /* the device's Update Result, in `code` */
	ENTRY_REASON_REFUSED,   /* the device's answer, a CoAP code in `code` */
	ENTRY_REASON_VERSION,   /* success reported, but another version runs */
	ENTRY_REASON_FORGOTTEN, /* the device is idle again and says nothing about why */
	ENTRY_REASON_TIMEOUT,   /* `code` is the state it was in for too long */
	/* why it was skipped */
	ENTRY_REASON_SAME_VERSION,
	ENTRY_REASON_NO_FIRMWARE, /* the device has no object 5 */
	ENTRY_REASON_ABORTED,
	ENTRY_REASON_REMOVED, /* the device is no longer known */
	ENTRY_REASON_ABSENT,  /* offline for longer than the plan waits */
	/* why it failed, again */
	ENTRY_REASON_INTERRUPTED, /* what was pushed did not arrive whole */
	ENTRY_REASON_COUNT,
};

/* As it is stored, under the rollout's number and the device's name. */
struct rollout_entry_record {
	uint32_t rollout;
	char device[DEVICE_NAME_MAX + 1];
	uint8_t wave; /* from 0 */
	uint8_t tries;
	uint8_t code; /* what `reason` says */
	enum entry_state state;
	enum entry_reason reason;
	wall_msec since; /* of the state */
};

struct rollout_entry {
	uint32_t next;        /* of the same rollout: slot + 1, 0 ends */
	uint32_t rollout;     /* slot of the rollout */
	struct handle device; /* HANDLE_NONE when the device is gone */
	uint8_t wave, tries, code;
	uint8_t state, reason; /* enum entry_state, enum entry_reason; rollout_enter alone changes the state */
	bool was_told;    /* in this run of the server the device has acknowledged, INSTALLING: the word to install;
			   * OFFERED and DOWNLOADING: all of what was pushed */
	bool is_unsaved;  /* the store does not have this state yet: it is in one of the composer's lists of those */
	bool is_outdated; /* it has changed again while a batch with it is under way */
	uint8_t action;   /* enum entry_action, for when the store has the state */
	uint32_t next_unsaved; /* in that list: slot + 1, 0 ends */
	wall_msec since;
	char name[DEVICE_NAME_MAX + 1]; /* the device's, which may be gone */
};

struct rollout {
	struct rollout_record record;
	bool is_starting;                       /* the store has not confirmed it; nobody is asked anything yet */
	bool is_unsaved;                        /* the store does not have this record yet */
	uint32_t first, last;                   /* entries: slot + 1, 0 for none */
	uint32_t total;                         /* of entries */
	uint32_t counts[ENTRY_STATE_COUNT];     /* entries by state */
	uint32_t open;                          /* entries of begun waves that have not ended */
	uint32_t begun;                         /* entries of begun waves */
	uint8_t wave_count;                     /* as it came out: highest wave in use plus 1 */
	char version[MANIFEST_VERSION_MAX + 1]; /* of the release */
	uint8_t manifest[SHA256_BYTES], image[SHA256_BYTES];
	uint64_t image_size;
};

struct rollouts {
	struct rollout *items; /* slot by slot in the order of their numbers */
	uint32_t count, capacity;
	struct rollout_entry *entries;
	struct slab entry_slab;
	struct hash_index by_device; /* entries by their device's slot */
	struct deadlines deadlines;  /* of entries */
	uint32_t newest;             /* highest number given */
};

void rollouts_carve(struct rollouts *r, struct carve *c, uint32_t capacity, uint32_t entries);

/* Adds a rollout; NULL when there is no room, not even by forgetting the oldest one that has ended. `*ret_forgotten` is
 * that one's number, 0 when none had to go. The number is given here unless the record, being loaded, has one. */
struct rollout *rollout_add(struct rollouts *r, const struct rollout_record *record, const struct release *release,
	uint32_t *ret_forgotten);
/* Whether so many more entries fit. */
bool rollout_has_room(const struct rollouts *r, uint32_t entries);
/* Adds a device; `wave` is set by rollout_divide. False when there is no room. */
bool rollout_add_entry(struct rollouts *r, struct rollout *rollout, struct handle device, const char *name);
/* The same from the store; its time in the state begins anew. */
bool rollout_load_entry(struct rollouts *r, struct rollout *rollout, struct handle device,
	const struct rollout_entry_record *record, msec now);
/* Gives each entry, in the order in which they were added, its wave. */
void rollout_divide(struct rollouts *r, struct rollout *rollout);
/* The entry's device is no longer known. */
void rollout_detach(struct rollouts *r, struct rollout_entry *entry);
/* Takes a rollout out again that could not be stored, or that is forgotten. */
void rollout_remove(struct rollouts *r, struct rollout *rollout);

struct rollout *rollout_find(const struct rollouts *r, uint32_t number);
struct rollout *rollout_of(const struct rollouts *r, const struct rollout_entry *entry);
/* Walks through the entries: `cursor` starts at 0. NULL at the end. */
struct rollout_entry *rollout_next(const struct rollouts *r, const struct rollout *rollout, uint32_t *cursor);
/* Walks through the entries of a device, in all rollouts, likewise. */
struct rollout_entry *rollout_next_of_device(const struct rollouts *r, struct handle device, uint32_t *cursor);
uint32_t rollout_slot(const struct rollouts *r, const struct rollout_entry *entry);
struct rollout_entry *rollout_entry_at(const struct rollouts *r, uint32_t slot);

/* ---- the rollout as a whole ---- */

/* What became of it; ask until NOTHING. */
enum rollout_turn {
	ROLLOUT_TURN_NOTHING,
	ROLLOUT_TURN_WAVE,      /* the next wave has begun: look at its entries */
	ROLLOUT_TURN_HALTED,    /* record.reason tells */
	ROLLOUT_TURN_COMPLETED, /* every entry has ended */
};

enum rollout_turn rollout_turn(struct rollouts *r, struct rollout *rollout, wall_msec wall);

/* An operator's word. False when the state does not allow it. After ABORT every entry gets ENTRY_EVENT_ABORT, after
 * RESUME ENTRY_EVENT_LOOK. */
enum rollout_word { ROLLOUT_PAUSE, ROLLOUT_RESUME, ROLLOUT_ABORT };
bool rollout_command(struct rollout *rollout, enum rollout_word word, wall_msec wall);
bool rollout_has_ended(const struct rollout *rollout);

/* ---- one device ---- */

enum entry_event {
	ENTRY_EVENT_LOOK,    /* something may have changed: wave, rollout, the device came or went */
	ENTRY_EVENT_OFFERED, /* the device took the offer, or all of what was pushed, 2.04 */
	ENTRY_EVENT_STARTED, /* the device has acknowledged a first part of what is pushed */
	ENTRY_EVENT_LOST,    /* a push has ended without an answer */
	ENTRY_EVENT_TOLD,    /* the device took the word to install, 2.04 */
	ENTRY_EVENT_REFUSED, /* the device said no to any of these; `code` of the facts */
	ENTRY_EVENT_REPORT,  /* object 5 was reported: read or notified */
	ENTRY_EVENT_VERSION, /* /3/0/3 was read just now */
	ENTRY_EVENT_TIMEOUT, /* its deadline has passed */
	ENTRY_EVENT_ABORT,
	ENTRY_EVENT_REMOVED,
};

/* Puts an entry into a state: counts it there, notes the moment and sets its deadline. Nothing else changes the state.
 * With the state it has, only the reason changes. */
void rollout_enter(struct rollouts *r, struct rollout_entry *entry, enum entry_state state, enum entry_reason reason,
	uint8_t code, wall_msec wall, msec now);

/* The entry's time in its state begins anew. */
void rollout_rearm(struct rollouts *r, struct rollout_entry *entry, msec now);

/* What to do; the composer makes the entry durable first when the state has changed. */
enum entry_action {
	ENTRY_ACTION_NONE,
	ENTRY_ACTION_OFFER,
	ENTRY_ACTION_INSTALL,
	ENTRY_ACTION_RESET,
	ENTRY_ACTION_READ_FIRMWARE,
	ENTRY_ACTION_READ_VERSION,
};

/* What is known of the device now. */
struct entry_facts {
	const struct device *device; /* not NULL but with ENTRY_EVENT_REMOVED */
	bool is_busy;                /* another rollout is at work on it */
	bool is_pushing;             /* a push of this entry is on its way to it */
	bool is_answer;              /* REPORT: asked for and read, not a notification that may be late */
	uint8_t code;                /* REFUSED: the CoAP code */
	wall_msec wall;
};

/* How the release reaches this device; never AUTO. */
enum rollout_delivery rollout_delivery_to(const struct rollout *rollout, const struct device *device);

enum entry_action rollout_step(struct rollouts *r, struct rollout_entry *entry, enum entry_event event,
	const struct entry_facts *facts, msec now);
/* The device makes progress with the download: its time begins anew. */
void rollout_progressed(struct rollouts *r, struct rollout_entry *entry, msec now);

msec rollout_deadline(const struct rollouts *r);
/* Takes one entry that has been in its state for too long; it gets ENTRY_EVENT_TIMEOUT. Call until false. */
bool rollout_due(struct rollouts *r, msec now, struct rollout_entry **ret);

/* ---- for people ---- */

bool entry_has_ended(const struct rollout_entry *entry);
const char *entry_state_name(enum entry_state state);
const char *rollout_state_name(enum rollout_state state);
/* Why the entry is where it is, a short sentence: "offline", "device reports: integrity check failed". */
void rollout_write_why(struct writer *w, const struct rollouts *r, const struct rollout_entry *entry);
