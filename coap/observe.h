/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Observation (RFC 7641): who watches which resource, when the next notification may leave, and on the other side
 * whether one that arrived is newer than the last.
 *
 * An observer is a remote and a token. Its request is kept (at most COAP_OBSERVER_REQUEST_MAX_BYTES) so that the
 * resource can be asked again whenever its state changes; what is sent is always the state of that moment, never a
 * queue of old ones. So a change only marks the observer:
 *
 *     changed ----> marked ----> due ----> the owner makes the notification and calls notified
 *                     ^                        | confirmable: nothing is due until settled
 *                     +------------------------+
 *
 * - At most one confirmable notification is in flight for an observer (section 4.5.1).
 * - Non-confirmable ones leave in bursts of COAP_OBSERVER_BURST and on average one in three seconds (section 4.5.1).
 * - After 24 hours without a confirmable one the next is confirmable, to learn that the client still wants them
 *   (section 4.5).
 *
 * The module sends nothing; storage is the caller's. */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/message.h"
#include "coap/transport.h"
#include "coap/base/prng.h"

#define COAP_OBSERVER_REQUEST_MAX_BYTES 256
#define COAP_OBSERVER_BURST             8
#define COAP_OBSERVER_NON_INTERVAL      SECONDS(3)
#define COAP_OBSERVER_CONFIRM_INTERVAL  SECONDS(24 * 60 * 60)

struct coap_observer {
	struct coap_remote remote;
	struct coap_token token;
	uint32_t resource;       /* which element of the application's table */
	uint32_t next, previous; /* observers of the same resource */
	uint32_t sequence;       /* of the latest notification, 24 bits */
	struct handle pending;   /* the confirmable notification in flight, or HANDLE_NONE */
	msec confirmed;          /* when the client last showed its interest */
	msec paid_until;         /* how far its non-confirmable notifications have used up the allowed rate */
	bool is_changed, wants_confirmable;
	uint16_t last_id; /* Message-ID of the latest non-confirmable notification */
	bool has_last_id;
	bool has_format;
	uint16_t format; /* Content-Format of the first response */
	uint16_t request_len;
	uint8_t request[COAP_OBSERVER_REQUEST_MAX_BYTES];
};

struct coap_observers {
	struct coap_observer *items;
	uint32_t *by_resource; /* first observer of each resource */
	struct slab slab;
	struct deadlines deadlines;
	struct hash_index tokens, remotes;
	uint32_t resource_count;
	uint64_t secret;
};

/* ---- the server's side ---- */

size_t coap_observers_memory(uint32_t capacity, uint32_t resource_count);
void coap_observers_init(
	struct coap_observers *o, void *memory, uint32_t capacity, uint32_t resource_count, struct prng *prng);

/* Registers, or renews the registration with the same remote and token, which keeps its handle (section 4.1). `request`
 * is the whole message. False when the table is full or the request too long: the answer is then a plain response. */
bool coap_observer_add(struct coap_observers *o, const struct coap_remote *remote, const struct coap_token *token,
	uint32_t resource, struct bytes request, msec now, struct handle *ret);
bool coap_observer_find(const struct coap_observers *o, const struct coap_remote *remote,
	const struct coap_token *token, struct handle *ret);
/* One observer at this remote; the caller removes it and asks again until false. */
bool coap_observer_find_remote(const struct coap_observers *o, const struct coap_remote *remote, struct handle *ret);
/* Whose latest non-confirmable notification had this Message-ID: an RST for it ends the registration (section 3.6). */
bool coap_observer_find_rejected(
	const struct coap_observers *o, const struct coap_remote *remote, uint16_t id, struct handle *ret);
void coap_observer_remove(struct coap_observers *o, struct handle h);

/* There is something new. Ignores a handle whose observer is gone. */
void coap_observer_changed(struct coap_observers *o, struct handle h, bool confirmable, msec now);
/* The same for all observers of a resource. */
void coap_observers_changed(struct coap_observers *o, uint32_t resource, bool confirmable, msec now);
/* The Content-Format of a notification that is made now; the first since the registration is kept. */
void coap_observer_told_format(struct coap_observers *o, struct handle h, uint16_t format);
/* Whether a notification may have this Content-Format: only the one that the client was told first (section 4.2). */
bool coap_observer_may_tell_format(const struct coap_observers *o, struct handle h, uint16_t format);
/* The Observe value of the notification that is made now (section 4.4). */
uint32_t coap_observer_next_sequence(struct coap_observers *o, struct handle h, msec now);
/* Whether a notification made now must be confirmable. */
bool coap_observer_must_confirm(const struct coap_observers *o, struct handle h, msec now);
/* The notification is on its way with this Message-ID; `pending` is HANDLE_NONE when it is not confirmable. */
void coap_observer_notified(struct coap_observers *o, struct handle h, uint16_t id, struct handle pending, msec now);
/* The client has acknowledged it. Ignores a handle whose observer is gone. */
void coap_observer_settled(struct coap_observers *o, struct handle h, msec now);

msec coap_observers_deadline(const struct coap_observers *o);
/* Takes one observer to whom a notification may go now. Call until false. */
bool coap_observers_due(struct coap_observers *o, msec now, struct handle *ret);

/* NULL when the observer is gone. */
const struct coap_observer *coap_observer_get(const struct coap_observers *o, struct handle h);

/* ---- the client's side ---- */

/* The freshest notification of one observation so far. All zero before the first. */
struct coap_freshness {
	uint32_t sequence;
	msec at;
	bool has_any;
};

/* Whether a notification with this Observe value, received now, is newer than all before (section 3.4); if so it
 * becomes the freshest. */
bool coap_freshness_accept(struct coap_freshness *f, uint32_t sequence, msec now);
