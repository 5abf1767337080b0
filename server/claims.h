/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One-time claim tokens: a pre-shared key that is good for one certificate.
 *
 * A claim is an identity, "claim:" and 16 hexadecimal digits, and a key. A device that proves itself by it is a guest:
 * it may enrol (RFC 9148) and nothing else. The claim is for one name, or for whichever the device asks for. It is open
 * until it is used or its time is over; then its key is gone, and the entry stays to tell why it is refused, until its
 * place is needed.
 *
 * Names that begin as a claim's identity are guests' names, whoever bears them. The list is a leaf; storage is the
 * owner's. */
#pragma once

#include "server/registry.h"

#define CLAIM_IDENTITY_LEN 22
#define CLAIM_KEY_BYTES    16
#define CLAIM_SECRET_BYTES (8 + CLAIM_KEY_BYTES) /* of chance, for identity and key */

struct claim {
	char identity[CLAIM_IDENTITY_LEN + 1];
	uint8_t key[CLAIM_KEY_BYTES];   /* zeros once it is used */
	char name[DEVICE_NAME_MAX + 1]; /* of the device it is for; empty for any, until it is used */
	char actor[DEVICE_TEXT_MAX + 1];
	wall_msec made_at, expires_at, used_at; /* used_at 0: not yet */
};

enum claim_state { CLAIM_OPEN, CLAIM_USED, CLAIM_EXPIRED };

struct claim_place {
	struct claim claim; /* an empty identity is a free place */
	bool is_busy;       /* a certificate for it is on its way to the store */
	uint64_t tries;     /* refused since the server started */
};

struct claims {
	struct claim_place *places;
	uint32_t capacity;
	uint32_t reserved; /* for new ones that are on their way to the store */
};

/* Takes the storage from `c`; when `c` only counts, the list is not to be used. */
void claims_carve(struct claims *l, struct carve *c, uint32_t capacity);
/* Adds, or replaces the one of the same identity, which is not busy from then on. False when there is no room. */
bool claims_put(struct claims *l, const struct claim *claim);
void claims_remove(struct claims *l, struct bytes identity);
struct claim_place *claims_find(const struct claims *l, struct bytes identity);
/* Whether there is room for one more than are reserved. */
bool claims_have_room(const struct claims *l);
/* The oldest that is not open any more, to make room; NULL when all are. */
const struct claim *claims_oldest_dead(const struct claims *l, wall_msec now);
/* Walks through all: `cursor` starts at 0. NULL at the end. */
const struct claim_place *claims_next(const struct claims *l, uint32_t *cursor);

/* Identity and key of chance. */
void claim_make(struct claim *claim, const uint8_t secret[CLAIM_SECRET_BYTES]);
enum claim_state claim_state(const struct claim *claim, wall_msec now);
/* Whether this is the name of a guest. */
bool claim_is_identity(struct bytes name);
