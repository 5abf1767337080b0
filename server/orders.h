/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Orders: operations on devices that outlive the operator's connection, the device's sleep and the server. The API
 * calls them requests.
 *
 *                 carried out again, when that is safe
 *              +---------------------------------------+
 *              v                                       |
 *     WAITING ---- begun, which lasts before it is sent ---> RUNNING --- answered ---> DONE or FAILED
 *        |                                                      |
 *        +--- deadline ---> EXPIRED                             +--- nobody knows ---> UNKNOWN
 *        +--- by an operator ---> CANCELLED
 *
 * WAITING is on disk as such, and a restart goes on with it. RUNNING is on disk before the request leaves, so a restart
 * knows which may have been carried out: those that do no harm twice wait again, the others become UNKNOWN. The last
 * five are ends and stay as they are until they are pruned.
 *
 * The orders of one device are carried out one by one in the order of their numbers. Leaf: it neither sends nor stores.
 * Storage is the owner's. */
#pragma once

#include "coap/base/deadline.h"
#include "coap/base/slab.h"
#include "coap/carve.h"
#include "coap/hashindex.h"
#include "server/errand.h"
#include "server/registry.h"

#define ORDER_BODY_MAX    4096 /* of what is sent */
#define ORDER_RESULT_MAX  4096 /* of what is kept of the answer */
#define ORDERS_DEVICE_MAX 64   /* that wait or run, of one device */

enum order_state {
	ORDER_WAITING,
	ORDER_RUNNING,
	ORDER_DONE,
	ORDER_FAILED,
	ORDER_EXPIRED,
	ORDER_CANCELLED,
	ORDER_UNKNOWN,
	ORDER_STATE_END,
};

/* How it ended, where the state does not say all. */
enum order_end {
	ORDER_END_NONE,
	ORDER_END_REFUSED,     /* by the device; `code` and the text in `result` */
	ORDER_END_UNSUPPORTED, /* the device's version of LwM2M has no such operation, or no format for the values */
	ORDER_END_UNUSABLE,    /* the answer is broken, or larger than the server takes */
	ORDER_END_UNKEPT,      /* done; the answer is larger than ORDER_RESULT_MAX */
	ORDER_END_UNANSWERED,  /* it was sent, and no answer came */
	ORDER_END_RESTARTED,   /* the server was restarted while it ran */
	ORDER_END_COUNT,
};

/* What lasts. Times are 0 when it has not come to that. */
struct order_record {
	uint64_t number; /* from 1, in the order of asking */
	char device[DEVICE_NAME_MAX + 1];
	char actor[DEVICE_TEXT_MAX + 1];
	enum errand_kind kind;
	enum order_state state;
	enum order_end end;
	struct path path, location; /* location: of what a Create has made */
	uint32_t tries;             /* how often it has been begun */
	enum coap_code code;        /* of the answer; 0 for none */
	uint16_t format;            /* of `result` */
	wall_msec made_at, expires_at, begun_at, ended_at;
	uint16_t text_len, kept_len, result_len;
	uint8_t text[ERRAND_TEXT_MAX];
	uint8_t kept[ORDER_BODY_MAX]; /* the errand's records as SenML CBOR */
	uint8_t result[ORDER_RESULT_MAX];
};

struct order {
	struct order_record record;
	struct handle device;
	uint32_t next, older, newer; /* of the same device; of all: slot + 1, 0 ends */
	uint32_t saves;              /* batches with it under way */
	bool is_new;                 /* nobody has been told of it yet */
	bool is_unsaved;             /* the store does not have it as it is */
};

struct orders {
	struct order *items;
	uint32_t *first; /* per device: slot + 1, 0 for none */
	struct slab slab;
	struct hash_index by_number;
	struct deadlines deadlines; /* of waiting ones; of ended ones, when they are to be pruned */
	uint32_t oldest, newest;    /* slot + 1 */
	uint64_t newest_number;
};

void orders_carve(struct orders *o, struct carve *c, uint32_t capacity, uint32_t devices);

/* Copies the record, whose number must be the highest so far. NULL when there is no room. */
struct order *orders_add(struct orders *o, const struct order_record *record, struct handle device);
void orders_remove(struct orders *o, struct order *order);
/* The only way to another state. `deadline`: of WAITING when it expires, of ends when they are pruned. */
void orders_enter(struct orders *o, struct order *order, enum order_state state, msec deadline);

struct order *orders_find(const struct orders *o, uint64_t number);
/* In the order of their numbers, of one device or of all; NULL at the end. */
struct order *orders_first(const struct orders *o, uint32_t device);
struct order *orders_next(const struct orders *o, const struct order *order);
struct order *orders_oldest(const struct orders *o);
struct order *orders_newer(const struct orders *o, const struct order *order);
/* What is to be begun at the device; NULL while another one runs or is not yet confirmed by the store. */
struct order *orders_ready(const struct orders *o, uint32_t device);
/* The one before it that has not ended; NULL for none. */
const struct order *orders_before(const struct orders *o, const struct order *order);
/* How many of the device have not ended. */
uint32_t orders_open(const struct orders *o, uint32_t device);
/* The oldest one that has ended and could make room; NULL for none. */
struct order *orders_oldest_ended(const struct orders *o);

msec orders_deadline(const struct orders *o);
/* Takes one out of the waiting for time: expired when it is WAITING, else to be pruned. Call until NULL. */
struct order *orders_due(struct orders *o, msec now);

bool order_has_ended(enum order_state state);
/* Whether doing it twice does no harm and gives the same answer. */
bool order_is_safe_twice(enum errand_kind kind);
const char *order_state_name(enum order_state state);
