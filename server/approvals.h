/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Enrolments that wait for an operator's word (RFC 9148 section 4.7: the device comes again with its request).
 *
 * There is one for each name, bound to the key that is to be certified: a request with another key waits anew. What is
 * decided stays until the certificate has been issued, or the place is needed. When all places are taken, those that
 * were rejected go first, then those whose device has not asked for an hour. The list is a leaf; storage is the
 * owner's. */
#pragma once

#include "pki/pki.h"
#include "server/registry.h"

#define APPROVAL_STALE_MS (3600 * INT64_C(1000))

enum approval_state { APPROVAL_WAITING, APPROVAL_APPROVED, APPROVAL_REJECTED };

struct approval {
	char name[DEVICE_NAME_MAX + 1]; /* empty: a free place */
	uint8_t public_key[PKI_PUBLIC_KEY_BYTES];
	enum approval_state state;
	wall_msec since, asked_at; /* first and last request */
};

struct approvals {
	struct approval *items;
	uint32_t capacity;
};

/* Takes the storage from `c`; when `c` only counts, the list is not to be used. */
void approvals_carve(struct approvals *l, struct carve *c, uint32_t capacity);
/* A device asks: its place, made where there is none. `*ret_is_new` tells whether its name waits for the first time.
 * NULL when there is no room. */
struct approval *approvals_ask(struct approvals *l, struct bytes name, const uint8_t public_key[PKI_PUBLIC_KEY_BYTES],
	wall_msec now, bool *ret_is_new);
struct approval *approvals_find(const struct approvals *l, struct bytes name);
void approvals_remove(struct approvals *l, struct bytes name);
/* Walks through all: `cursor` starts at 0. NULL at the end. */
const struct approval *approvals_next(const struct approvals *l, uint32_t *cursor);
