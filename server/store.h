/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The port to what lasts: the server tells changes, the store makes them durable and says so later.
 *
 * Changes are added one by one to the batch being made and committed together: all of a batch lasts or none of it.
 * Batches are carried out in the order of their commits. The outcome of each comes back, in that order, through the
 * owner's call of server_stored with the batch's ticket, never from within the port. When one fails, those committed
 * behind it before its outcome was told fail as well: what lasts has no gap in it, and the audit log, whose events are
 * spread over the batches, can be loaded whenever the server is killed. A store that cannot work (disk full, read-only)
 * says so batch by batch and is tried again with the next one; it never loses what it has confirmed.
 *
 * At the start the owner hands what the store has to a visitor, in the order of its members (store_load of the edge).
 */
#pragma once

#include "server/claims.h"
#include "server/denials.h"
#include "server/events.h"
#include "server/orders.h"
#include "server/issued_key.h"
#include "server/registry.h"
#include "server/release.h"
#include "server/rollout.h"

enum store_change_type {
	STORE_DEVICE_PUT,
	STORE_DEVICE_REMOVE, /* by name; its registration and its orders go too */
	STORE_REGISTRATION_PUT,
	STORE_REGISTRATION_REMOVE, /* by the device's name */
	STORE_RELEASE_PUT,
	STORE_RELEASE_REMOVE, /* by name */
	STORE_ROLLOUT_PUT,
	STORE_ROLLOUT_REMOVE, /* by number; its entries go too */
	STORE_ENTRY_PUT,
	STORE_DENIAL_PUT,
	STORE_DENIAL_REMOVE, /* by key */
	STORE_CLAIM_PUT,
	STORE_CLAIM_REMOVE, /* by identity */
	STORE_KEY_PUT,      /* of a device; the device's end is theirs */
	STORE_KEY_REMOVE,   /* by the device's name */
	STORE_ORDER_PUT,
	STORE_ORDER_REMOVE, /* by number */
	STORE_EVENT_PUT,    /* the same number again replaces */
};

/* One change. What it points to is borrowed for the time of the call. */
struct store_change {
	enum store_change_type type;
	const char
		*name;   /* of the device or release, or key of the denial, that is removed; whose registration it is */
	uint64_t number; /* of the rollout or order that is removed */
	union {
		const struct device_record *device;
		const struct registration *registration;
		const struct release *release;
		const struct rollout_record *rollout;
		const struct rollout_entry_record *entry;
		const struct denial *denial;
		const struct claim *claim;
		const struct issued_key_record *key;
		const struct order_record *order;
		const struct event *event;
	};
};

struct store {
	void *context;
	/* Adds a change to the batch being made. What does not fit makes the commit fail. */
	void (*add)(void *context, const struct store_change *change);
	/* Ends the batch. False when it did not fit or too much waits already: then nothing of it will last, and no
	 * outcome follows. */
	bool (*commit)(void *context, uint64_t ticket, msec now);
};

/* Takes what is loaded. Each function gives false when it has no room or finds nonsense, which ends the loading. */
struct store_visitor {
	void *context;
	bool (*denial)(void *context, const struct denial *denial);
	bool (*claim)(void *context, const struct claim *claim);
	bool (*device)(void *context, const struct device_record *device);
	bool (*registration)(void *context, const char *device, const struct registration *registration);
	bool (*release)(void *context, const struct release *release);
	bool (*rollout)(void *context, const struct rollout_record *rollout);
	bool (*entry)(void *context, const struct rollout_entry_record *entry);
	bool (*key)(void *context, const struct issued_key_record *key);
	bool (*order)(void *context, const struct order_record *order); /* in the order of their numbers */
	bool (*event)(void *context, const struct event *event);        /* the newest ones, in their order */
};
