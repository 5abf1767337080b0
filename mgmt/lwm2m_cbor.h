/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * application/vnd.oma.lwm2m+cbor, 11544, of LwM2M 1.2 (lwm2m interface section 7.5): maps within maps, whose keys are
 * pieces of paths and whose leaves are values.
 *
 *     {[3, 0]: {0: "Open Mobile Alliance", 7: {0: 3800, 1: 5000}}, [1, 0, 1]: 86400}
 *
 * A path is all ids of the keys from outside in, however they are cut; each key adds at least one, so maps nest four
 * deep at most and the reader's stack is that small. A path of one or two ids is too short to be a whole one and stands
 * below the base of the request: below an object, in an instance whose id the client is to assign (PATH_ID_NONE). A
 * body has paths of one kind only.
 *
 * Null is VALUE_NONE at a resource instance and a fault elsewhere; an empty map in the place of a resource is a
 * multiple resource without instances. */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/cbor.h"
#include "mgmt/value.h"

struct lwm2m_cbor_level {
	uint64_t left; /* entries; unused in an indefinite map */
	bool is_indefinite;
	uint8_t depth; /* of the path outside the map */
};

struct lwm2m_cbor_reader {
	struct cbor_reader cbor;
	struct path base;
	struct path path; /* of the entry being read */
	struct arena *scratch;
	struct lwm2m_cbor_level levels[PATH_DEPTH_MAX];
	uint8_t level_count;
	bool is_started, failed, full;
	bool has_value, is_relative; /* there has been one, and its path was below the base */
};

void lwm2m_cbor_reader_init(struct lwm2m_cbor_reader *r, struct path base, struct bytes body, struct arena *scratch);
/* The next value. False at the end or when `failed`; with `full` the scratch was too small. */
bool lwm2m_cbor_next(struct lwm2m_cbor_reader *r, struct record *ret);

/* Writes absolute paths; where the client is to assign the instance (PATH_ID_NONE), what lies below it. Records in the
 * order of path_compare share the beginnings of their paths; in any other order each stands alone, so that no key comes
 * twice. */
void lwm2m_cbor_write(struct writer *w, const struct record *records, size_t count);
