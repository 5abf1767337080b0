/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pre-shared keys that the server gave in place of the one the device came with: the one in use, and the next one,
 * which has not been used yet. They are kept on the shelf. Which of them, or the factory's, an association is made with
 * is decided by keystore.h: what has just been got is tried first, and what fails is not held on to.
 *
 * The one before the one in use is kept as well, and takes turns with the factory's when the one in use fails again and
 * again: a server that was brought back from a backup knows it, and nothing later. Getting through with it makes it the
 * one in use. An operator's wish for the next one is kept until that has come. */
#pragma once

#include "agent/keystore.h"
#include "agent/shelf.h"
#include "mgmt/key_pair.h"

struct rotation_pair {
	uint8_t identity_len, key_len; /* 0: there is none */
	int64_t since;                 /* seconds since 1970, when it was got; 0 when that was not known */
	uint8_t identity[KEY_PAIR_IDENTITY_MAX];
	uint8_t key[KEY_PAIR_KEY_MAX];
};

#define ROTATION_RECORD_BYTES (SHELF_HEAD_BYTES + 2 + 3 * (10 + KEY_PAIR_IDENTITY_MAX + KEY_PAIR_KEY_MAX))

struct rotation {
	struct keystore_choice choice;
	struct rotation_pair current, next, previous;
	bool is_previous; /* of what the factory's and the previous one take turns in, the latter was chosen last */
	bool is_wanted;   /* somebody waits for the next one */
	const struct shelf_port *shelf; /* borrowed */
	uint8_t record[ROTATION_RECORD_BYTES];
};

/* Takes over what the shelf has. */
void rotation_init(struct rotation *r, const struct shelf_port *shelf);

/* The pair for the next association; NULL for what the device came with. Valid until the next call. */
const struct rotation_pair *rotation_choose(struct rotation *r);
/* What came of it. A promotion that could not be kept is made again after a restart. */
enum keystore_change rotation_succeeded(struct rotation *r);
void rotation_failed(struct rotation *r);
/* Somebody wants the next one, and wants it after a restart as well, as far as the shelf takes it. */
void rotation_want(struct rotation *r);
/* A pair of proper lengths (key_pair_read). False when it cannot be kept; then there is none. */
bool rotation_add(struct rotation *r, struct bytes identity, struct bytes key, int64_t since);
