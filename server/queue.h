/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is to be asked of each device, one request at a time and in order (NSTART 1; lwm2m interface section 10).
 *
 * A device's operations wait until it is there; an operation whose deadline passes is due and given up. The same
 * operation of the same purpose waits at most once. The one being carried out is the first of its device's list and
 * marked; it leaves by queue_done or goes back to waiting by queue_retry. Devices are named by their slot in the
 * registry. Storage is the owner's: one pool of operations for all devices, so a full queue is a matter of the fleet.
 */
#pragma once

#include "coap/base/deadline.h"
#include "coap/base/slab.h"
#include "coap/carve.h"

enum operation {
	OPERATION_READ_DEVICE,      /* GET /3/0 */
	OPERATION_SET_HEALTH,       /* Write-Attributes pmin, pmax on /26250/0 */
	OPERATION_OBSERVE_HEALTH,   /* GET /26250/0, Observe 0 */
	OPERATION_OBSERVE_FIRMWARE, /* GET /5/0, Observe 0 */
	OPERATION_READ_FIRMWARE,    /* GET /5/0 */
	OPERATION_OFFER,            /* PUT /5/0/1 = URI of the manifest; `purpose` is the rollout's entry */
	OPERATION_PUSH,             /* PUT /5/0/0 = the package; `purpose` likewise */
	OPERATION_EXECUTE,          /* POST /5/0/2 */
	OPERATION_RESET,            /* PUT /5/0/1 = "" */
	OPERATION_RESET_PACKAGE,    /* PUT /5/0/0 = a zero, for whom a package is pushed to */
	OPERATION_READ_VERSION,     /* GET /3/0/3 */
	OPERATION_ERRAND,           /* an operator's; `purpose` is its place among the errands */
	OPERATION_WATCH,            /* begins an operator's observation; `purpose` is its place among them */
	OPERATION_END,
};

#define QUEUE_DEVICE_MAX 16 /* operations of one device */

struct queue_item {
	uint32_t next; /* of the same device: slot + 1, 0 ends */
	uint32_t device;
	uint32_t purpose;
	uint8_t operation; /* enum operation */
	uint8_t tries;     /* how often it has been begun */
	bool is_running;
	msec deadline;
};

struct queue {
	struct queue_item *items;
	uint32_t *first; /* per device: slot + 1, 0 for none */
	struct slab slab;
	struct deadlines deadlines;
};

enum queue_added { QUEUE_ADDED, QUEUE_THERE, QUEUE_FULL };

void queue_carve(struct queue *q, struct carve *c, uint32_t capacity, uint32_t devices);

enum queue_added queue_add(struct queue *q, uint32_t device, enum operation operation, uint32_t purpose, msec deadline);
/* Marks the device's first operation as running and gives it. NULL when there is none or one is running. */
struct queue_item *queue_begin(struct queue *q, uint32_t device);
/* The operation that is running; NULL when none is. */
const struct queue_item *queue_running(const struct queue *q, uint32_t device);
/* The running operation has come to an end. */
void queue_done(struct queue *q, uint32_t device);
/* The running operation goes back to waiting, in its old place: the device went away. */
void queue_retry(struct queue *q, uint32_t device);
/* Takes out every operation of the device, the running one included. */
void queue_clear(struct queue *q, uint32_t device);
/* Takes out the waiting ones of this purpose. */
void queue_forget(struct queue *q, uint32_t device, uint32_t purpose);
uint32_t queue_count(const struct queue *q, uint32_t device);

msec queue_deadline(const struct queue *q);
/* Takes one operation out that is due; `ret` is a copy. A running one stays running: its exchange ends by itself. */
bool queue_due(struct queue *q, msec now, struct queue_item *ret);

const char *operation_name(enum operation operation);
