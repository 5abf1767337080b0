/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is not welcome any more: a list of devices, by name, and of single certificates, by fingerprint.
 *
 * A device that stands here by name is refused whatever it proves itself by; a certificate that stands here is refused
 * whomever it names, and its device may come with another credential. Each entry has one key: the endpoint name, or
 * "sha256:" and 64 hexadecimal digits, which is longer than any name.
 *
 * The list is a leaf: it neither stores nor closes anything. Storage is the owner's. */
#pragma once

#include "server/registry.h"

#define DENIAL_KEY_MAX     (7 + 2 * SHA256_BYTES)
#define DENIAL_REASON_MAX  95
#define DENIALS_KEPT_USUAL 4096

struct denial {
	char key[DENIAL_KEY_MAX + 1];
	char device[DEVICE_NAME_MAX + 1]; /* whose credentials they are; of a certificate, as the operator said */
	char reason[DENIAL_REASON_MAX + 1];
	char actor[DEVICE_TEXT_MAX + 1];
	wall_msec since;
};

struct denial_place {
	uint64_t hash;  /* of the key, 0 for a free place */
	uint64_t tries; /* refused since the server started */
	struct denial denial;
};

struct denials {
	struct denial_place *places;
	uint32_t capacity, count;
	uint32_t reserved; /* for entries that are on their way to the store */
	uint64_t seed;
};

/* Takes the storage from `c`; when `c` only counts, the list is not to be used. */
void denials_carve(struct denials *d, struct carve *c, uint32_t capacity);
/* Adds, or replaces the entry of the same key. False when there is no room. */
bool denials_put(struct denials *d, const struct denial *denial);
/* False when there is no such entry. */
bool denials_remove(struct denials *d, struct bytes key);
const struct denial *denials_find(const struct denials *d, struct bytes key);
/* Counts one more refusal of this key; how many there were before. */
uint64_t denials_count_try(struct denials *d, struct bytes key);
/* Walks through all entries: `cursor` starts at 0. NULL at the end. */
const struct denial_place *denials_next(const struct denials *d, uint32_t *cursor);

/* "sha256:3f2a..." of a certificate's fingerprint. */
void denial_key_of(const uint8_t fingerprint[SHA256_BYTES], char ret[DENIAL_KEY_MAX + 1]);
/* Whether the entry is about one certificate; then also which. */
bool denial_is_certificate(const struct denial *denial, uint8_t ret_fingerprint[SHA256_BYTES]);
