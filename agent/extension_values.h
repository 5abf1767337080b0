/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The last known values of an extension's resources: what it answered to the latest Read, and what it told since.
 *
 * A Read asks the extension first and is then answered from here, as are notifications. Texts and octets are copied, so
 * a line that has been taken in is not needed any more. Storage is the caller's, and full is an answer. */
#pragma once

#include "mgmt/value.h"

struct object_records; /* agent/objects/object.h */

struct extension_values {
	struct record *list; /* in the order of path_compare, each path once; without times and units */
	size_t count, capacity;
	uint8_t *text; /* what the values borrow */
	size_t text_len, text_capacity;
};

void extension_values_init(
	struct extension_values *v, struct record *list, size_t capacity, uint8_t *text, size_t text_capacity);
void extension_values_clear(struct extension_values *v);

/* Puts these in, in any order; of several with the same path the last counts. What is at or below `gone` and not among
 * them is forgotten; with NULL everything else stays. `spare` has room for `text_capacity` bytes. False when there is
 * no room, and then nothing has changed. */
bool extension_values_take(struct extension_values *v, const struct path *gone, const struct record *records,
	size_t count, uint8_t *spare);
void extension_values_forget(struct extension_values *v, struct path path);

/* Puts what is known at or below `path` behind what is there. */
void extension_values_put(const struct extension_values *v, struct path path, struct object_records *out);
