/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * application/vnd.oma.lwm2m+tlv, 11542 (lwm2m interface section 7.2).
 *
 * The nesting is fixed: an object instance holds resources, a multiple resource holds resource instances, nothing else
 * nests. So the reader needs no stack, only the ends of the one object instance and the one multiple resource it is in.
 * TLV has no type information; the model gives it. A number that is seen twice on one level is refused; the check
 * remembers numbers in ascending order for free and searches back otherwise, bounded by TLV_SIBLINGS_MAX. */
#pragma once

#include "mgmt/model.h"

#define TLV_SIBLINGS_MAX 256 /* entries on one level */

struct tlv_level {
	const uint8_t *start, *at, *end;
	uint16_t count;
	int32_t highest; /* id so far, -1 before the first */
};

enum tlv_depth { TLV_INSTANCES, TLV_RESOURCES, TLV_MEMBERS, TLV_DEPTHS };

struct tlv_reader {
	struct path base;
	struct path path; /* of what is being read */
	const struct model *model;
	struct tlv_level levels[TLV_DEPTHS];
	enum tlv_depth top, depth; /* what the body begins with; where the reader is */
	bool is_started, failed;
};

/* `base` is the path of the request, of depth 1 to 4. Below an object, resources without an object instance around them
 * get the instance id PATH_ID_NONE (Create, where the client assigns the id). */
void tlv_reader_init(struct tlv_reader *r, struct path base, struct bytes body, const struct model *model);
/* The next value, or VALUE_NONE for a multiple resource without instances. False at the end or when `failed`. */
bool tlv_next(struct tlv_reader *r, struct record *ret);

/* Writes the records, which are in the order of path_compare and lie within `base` (depth 1 to 4). A record of depth 4
 * becomes a resource instance; VALUE_NONE at depth 3 an empty multiple resource. Shortest forms throughout. */
void tlv_write(struct writer *w, struct path base, const struct record *records, size_t count);

/* One value alone: the octets inside a TLV. */
bool tlv_decode_value(struct bytes octets, enum value_type type, struct value *ret);
void tlv_encode_value(struct writer *w, const struct value *value);
