/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who watches what, what they asked for, and when they are to hear of it (lwm2m interface section 6).
 *
 * Two small tables: the notification attributes that the server wrote, by path; and the observations, each with what
 * was reported last. When to notify is decided by mgmt/attributes; this module keeps the moments. The composer asks
 * which observation is to be looked at, reads the value, and says what it found:
 *
 *     while (report_due(r, now, &i))
 *             if (report_look(r, i, &value, now))
 *                     coap_endpoint_changed(...)     which makes the handler read again, and call report_sent
 *
 * Values that only sampling tells (load, memory) are looked at every `usual` or as epmin and epmax say, and not while
 * pmin would keep them back anyway. Values that change by an event are looked at at once after report_touch, and where
 * a whole object has no others, at no other time: a device that has nothing to say does not wake up. */
#pragma once

#include "coap/base/slab.h"
#include "mgmt/attributes.h"

/* What an observer would be sent now. A single number is compared by gt, lt and st, anything else by its hash. */
struct report_value {
	uint64_t hash;       /* of the payload */
	struct value number; /* type VALUE_NONE unless the observation is of one number or boolean */
};

#define REPORT_NAMES_MAX 8 /* paths of one composite observation */

struct report_attributes {
	struct path path;
	struct attributes values; /* a free slot has none set */
};

struct report_observation {
	struct handle observer;              /* HANDLE_NONE in a free slot */
	struct path path;                    /* the root for a composite */
	struct path names[REPORT_NAMES_MAX]; /* what is reported: the path alone, or those of a composite */
	uint8_t name_count;
	struct attributes own; /* of this observation alone (LwM2M 1.2); they are nearer than any level */
	struct report_value last;
	msec last_sent, last_look, next;
	bool is_hit; /* something worth telling has happened since last_sent */
};

struct report {
	struct report_attributes *attributes;
	struct report_observation *observations;
	uint16_t attributes_max, observations_max;
	msec usual;
	const uint16_t *steady; /* objects whose values change by events alone */
	size_t steady_count;
	struct attributes defaults; /* /1/0/2 and 3 */
};

/* With a `usual` of NEVER values are sampled when epmax or pmax comes, and not in between. */
void report_init(struct report *r, struct report_attributes *attributes, uint16_t attributes_max,
	struct report_observation *observations, uint16_t observations_max, msec usual);

/* Which objects have no values that would have to be sampled. The list stays the owner's. */
void report_set_steady(struct report *r, const uint16_t *objects, size_t count);

/* ---- attributes ---- */

/* Applies a change that attributes_check has accepted. False when the table is full. */
bool report_write_attributes(struct report *r, struct path path, const struct attributes_change *change, msec now);
/* What this path names is gone: nothing is set at it or below any more. */
void report_forget_attributes(struct report *r, struct path path);
/* What is set at this very path; all zero when nothing is. */
struct attributes report_attributes_at(const struct report *r, struct path path);
/* What holds at this path: nearest level first, then the server's defaults. */
struct attributes report_attributes_effective(const struct report *r, struct path path);
void report_set_defaults(struct report *r, uint32_t pmin_s, uint32_t pmax_s, msec now);

/* ---- observations ---- */

/* Begins, or begins again, an observation whose first notification is `value`; `own` are the attributes that came with
 * it. False when the table is full. */
bool report_add(struct report *r, struct handle observer, struct path path, const struct attributes *own,
	const struct report_value *value, msec now);
/* The same for a composite of several paths; the server's default periods hold for it. False as well when it has more
 * than REPORT_NAMES_MAX paths. */
bool report_add_composite(struct report *r, struct handle observer, const struct path *names, size_t count,
	const struct attributes *own, const struct report_value *value, msec now);
void report_remove(struct report *r, struct handle observer);
bool report_has(const struct report *r, struct handle observer);
void report_clear(struct report *r);
/* A notification with this value has been made. */
void report_sent(struct report *r, struct handle observer, const struct report_value *value, msec now);
/* Something at or below this path has changed by an event. */
void report_touch(struct report *r, struct path path, msec now);

/* Whether its notifications are to be confirmable by `con`; `usual` when nothing says so. */
bool report_confirms(const struct report *r, uint16_t i, bool usual);

msec report_deadline(const struct report *r);
/* An observation that is to be looked at. report_look, or a removal, must follow before the next call. */
bool report_due(const struct report *r, msec now, uint16_t *ret);
/* Whether it is to be notified now. Its next moment is set either way. */
bool report_look(struct report *r, uint16_t i, const struct report_value *value, msec now);
