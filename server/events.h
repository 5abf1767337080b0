/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The audit log: what happened, in order, each entry bound to all before it.
 *
 * Events are numbered from 1 without gaps. The hash of an event is the SHA-256 of the hash before it and of the event's
 * own canonical bytes, so that an entry that is altered, left out or put in later shows (events_verify). The newest
 * stay in a ring in memory; the store has all of them.
 *
 * An event goes three steps: appended (decided, in the ring), handed to the store, stored. Whoever tells the world,
 * such as the HTTP API, reads up to `events_stored`, because what was told must be durable. A batch that the store
 * refused is handed over again with the next one; the ring keeps what is not stored yet, and is full when that is all
 * of it. */
#pragma once

#include "mgmt/signature.h"
#include "server/registry.h"

#define EVENT_DETAIL_MAX 159

enum event_type {
	EVENT_STARTED = 1, /* the server; the first of each run */
	EVENT_STOPPED,
	EVENT_REGISTERED,
	EVENT_UPDATED, /* a registration changed, not just renewed */
	EVENT_DEREGISTERED,
	EVENT_EXPIRED,
	EVENT_REFUSED, /* a device was told no: name and credential do not belong together, full, malformed */
	EVENT_VERSION_CHANGED,
	EVENT_DEVICE_REMOVED,
	EVENT_DEVICE_TAGGED,
	EVENT_ARTIFACT_ADDED,
	EVENT_RELEASE_ADDED,
	EVENT_RELEASE_REMOVED,
	EVENT_ROLLOUT_STARTED,
	EVENT_ROLLOUT_PAUSED,
	EVENT_ROLLOUT_RESUMED,
	EVENT_ROLLOUT_ABORTED,
	EVENT_ROLLOUT_HALTED,
	EVENT_ROLLOUT_COMPLETED,
	EVENT_ROLLOUT_WAVE,
	EVENT_DEVICE_OFFERED,
	EVENT_DEVICE_INSTALLING,
	EVENT_DEVICE_CONFIRMED,
	EVENT_DEVICE_FAILED,
	EVENT_DEVICE_SKIPPED,
	EVENT_TOKEN_ADDED,
	EVENT_TOKEN_REMOVED,
	EVENT_CERTIFICATE_ISSUED,
	EVENT_DEVICE_REVOKED, /* or one certificate of it, which the detail names */
	EVENT_DEVICE_RESTORED,
	EVENT_CLAIM_CREATED,
	EVENT_CLAIM_REMOVED,
	EVENT_ENROLMENT_WAITING,
	EVENT_ENROLMENT_APPROVED,
	EVENT_ENROLMENT_REJECTED,
	EVENT_DEVICE_ASKED,  /* an operator has something changed at a device; `detail` says what */
	EVENT_KEY_MADE,      /* a pre-shared key for the device, which has been given to it */
	EVENT_KEY_CHANGED,   /* it has been used: the one before is not good any more */
	EVENT_KEY_FORGOTTEN, /* by an operator: the one from the file is good again */
	EVENT_BOOTSTRAPPED,  /* it has agreed to the accounts it was given */
	EVENT_BOOTSTRAP_FAILED,
	EVENT_TYPE_END,
};

struct event {
	uint64_t number;
	wall_msec at;
	enum event_type type;
	uint32_t rollout;                 /* its number, 0 for none */
	char device[DEVICE_NAME_MAX + 1]; /* empty for none; of a refused device, the name it claimed */
	char actor[DEVICE_TEXT_MAX + 1];  /* the operator's token, empty when nobody asked for it */
	char detail[EVENT_DETAIL_MAX + 1];
	uint8_t hash[SHA256_BYTES];
};

struct events {
	struct event *ring;
	uint32_t capacity;
	uint64_t begins;    /* the first number this ring has held; 0 before that */
	uint64_t newest;    /* number of the last one appended; 0 before the first */
	uint64_t submitted; /* handed to the store up to here */
	uint64_t stored;
	uint64_t dropped; /* for want of room in the ring */
	uint8_t hash[SHA256_BYTES];
	const struct signature_port *signature; /* for its sha256 */
};

/* Takes the storage from `c`; when `c` only counts, the log is not to be used. */
void events_carve(struct events *e, struct carve *c, uint32_t capacity, const struct signature_port *signature);
/* Loading: one stored event; they come in order, and the last of them is the one the chain goes on from. False when it
 * does not fit to the one before. */
bool events_load(struct events *e, const struct event *event);

/* Numbers and chains the event and keeps a copy; `number` and `hash` need not be set. False when the ring is full of
 * events that are not stored. */
bool events_append(struct events *e, const struct event *event);
/* The next one to hand to the store; NULL when there is none. It counts as submitted from then on. */
const struct event *events_submit(struct events *e);
/* Events up to `last`, beginning at `first`, are durable, or have been refused and are to be submitted again. */
void events_stored(struct events *e, uint64_t first, uint64_t last);
void events_refused(struct events *e, uint64_t first);

/* The event with this number, if it is durable and still in the ring. */
const struct event *events_find(const struct events *e, uint64_t number);
/* The oldest number that events_find can find; 0 when the ring is empty. */
uint64_t events_oldest(const struct events *e);

/* The chain's hash of `event` after `before`. */
void events_hash(const struct signature_port *signature, const uint8_t before[SHA256_BYTES], const struct event *event,
	uint8_t ret[SHA256_BYTES]);
/* "registered", "rollout-halted". */
const char *event_type_name(enum event_type type);
