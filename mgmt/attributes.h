/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Notification attributes: what a server asked for with Write-Attributes, and the decision when to notify
 * (lwm2m interface sections 6.2 and 6.3). Pure: values and moments in, a decision out.
 *
 * The crossing rule is that of the prose and of Anjay: a value that leaves a threshold or crosses it, in either
 * direction, is told. */
#pragma once

#include "coap/base/msec.h"
#include "mgmt/links.h"
#include "mgmt/value.h"

/* Which ones are set, as bits. */
#define ATTRIBUTES_PMIN   0x001u
#define ATTRIBUTES_PMAX   0x002u
#define ATTRIBUTES_GT     0x004u
#define ATTRIBUTES_LT     0x008u
#define ATTRIBUTES_ST     0x010u
#define ATTRIBUTES_EPMIN  0x020u
#define ATTRIBUTES_EPMAX  0x040u
#define ATTRIBUTES_EDGE   0x080u /* since LwM2M 1.2, as the next two */
#define ATTRIBUTES_CON    0x100u
#define ATTRIBUTES_HQMAX  0x200u
#define ATTRIBUTES_LIMITS (ATTRIBUTES_GT | ATTRIBUTES_LT | ATTRIBUTES_ST)

#define ATTRIBUTES_PERIOD_MAX_S 0x7fffffffu
#define ATTRIBUTES_HQMAX_MAX    0xffffu

struct attributes {
	uint16_t set;                              /* bits; fields that are not set are 0 */
	uint32_t pmin_s, pmax_s, epmin_s, epmax_s; /* pmax 0 is "none" */
	uint32_t edge;                             /* of a boolean: 0 falling, 1 rising */
	uint32_t con;                              /* 1: notifications are confirmable, 0: they are not */
	uint32_t hqmax;                            /* how many notifications are kept while the server is away */
	double gt, lt, st;
};

/* One Write-Attributes request: bits in `unset` were named without a value. */
struct attributes_change {
	struct attributes values;
	uint16_t unset;
};

/* Reads one Uri-Query into the change. False (4.00) on unknown names, bad numbers, and a name given twice. */
bool attributes_read(struct attributes_change *change, struct bytes query);
/* Whether the change may be made at a path of this depth for a resource of this type (gt, lt, st need a numeric
 * resource, edge a boolean one), and whether its values agree with each other: epmin < epmax, lt < gt, lt + 2 st < gt.
 * False is 4.00. */
bool attributes_check(const struct attributes_change *change, uint8_t depth, enum value_type type);
void attributes_apply(struct attributes *a, const struct attributes_change *change);
/* What is not set in `nearer` is taken from `farther`. Begin with the resource and go up; last comes the Server
 * object's default. gt, lt and st are inherited from a resource only, by its instances. */
void attributes_inherit(struct attributes *nearer, const struct attributes *farther);

/* Whether the step from the value reported last to the current one is worth a notification. */
bool attributes_is_hit(const struct attributes *a, const struct value *last, const struct value *current);

enum attributes_decision { ATTRIBUTES_WAIT, ATTRIBUTES_SEND };

/* When to notify: `is_hit` says that something worth it happened since the notification sent at `last_sent`. WAIT gives
 * the moment to ask again, NEVER when only a hit can change the answer. */
enum attributes_decision attributes_decide(
	const struct attributes *a, bool is_hit, msec last_sent, msec now, msec *ret_again);
/* When the resource is to be looked at next, for those that have to be sampled: not before epmin, at the latest at
 * epmax; `usual` is the sampler's own period. */
msec attributes_next_look(const struct attributes *a, msec last_look, msec usual);

/* Appends ";pmin=10;pmax=60" for those that are set, to the link written last. */
void attributes_write(struct writer *w, const struct attributes *a);
