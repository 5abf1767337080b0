/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A store in memory for tests: batches take a while, may fail, and what was confirmed outlives the server that said it.
 *
 * A batch becomes durable when its latency is over; its outcome is then due. A server that is killed in between never
 * hears of it, and finds after its restart what had become durable. Being a test tool, it allocates. */
#pragma once

#include "server/store.h"

#define STORE_MEMORY_CHANGES_MAX 64  /* in one batch */
#define STORE_MEMORY_BATCHES_MAX 512 /* waiting */

struct store_memory_item {
	enum store_change_type type; /* one of the _PUT */
	char name[DENIAL_KEY_MAX + 1];
	uint64_t number; /* of a rollout or event */
	void *value;     /* owned */
};

struct store_memory_batch {
	uint64_t ticket;
	msec at;
	bool fails;
	uint32_t count;
	struct store_memory_item changes[STORE_MEMORY_CHANGES_MAX]; /* removals have the type of a removal */
};

struct store_memory {
	struct store_memory_item *items;
	size_t count, capacity;
	struct store_memory_batch *batches; /* a ring */
	uint32_t first, waiting;
	bool has_overflowed; /* the batch being made has too many changes */
	msec latency;
	uint32_t fail_batches; /* so many of the next ones fail */
	uint64_t committed;    /* batches that lasted */
};

void store_memory_init(struct store_memory *m, msec latency);
void store_memory_done(struct store_memory *m);
struct store store_memory_port(struct store_memory *m);
/* The server is gone: what is not durable yet is lost. */
void store_memory_kill(struct store_memory *m);

msec store_memory_deadline(const struct store_memory *m);
/* Makes the next batch durable, or not, when its time has come. Call until false. */
bool store_memory_due(struct store_memory *m, msec now, uint64_t *ret_ticket, bool *ret_ok);
/* Hands everything durable to the visitor, in the order of its members. False when it refused something. */
bool store_memory_load(const struct store_memory *m, const struct store_visitor *visitor);
size_t store_memory_count(const struct store_memory *m, enum store_change_type type);
