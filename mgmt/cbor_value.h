/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One value as a CBOR item (lwm2m interface section 8, last column): the whole of application/cbor, and the leaves of
 * LwM2M CBOR.
 *
 * Reading is loose: a number comes as INTEGER, UNSIGNED or FLOAT and the model's type is somebody else's affair. A time
 * may stand behind tag 0 (text of RFC 3339) or tag 1 (seconds), RFC 8949 section 3.4. */
#pragma once

#include "mgmt/cbor.h"
#include "mgmt/value.h"

/* The value that begins with `item`, the head just read. False for what is no value: arrays, maps, other tags. Null is
 * VALUE_NONE. `*ret_full` tells that the scratch was too small for a string in chunks. */
bool cbor_value_read(
	struct cbor_reader *r, const struct cbor_item *item, struct arena *scratch, struct value *ret, bool *ret_full);
void cbor_value_write(struct writer *w, const struct value *value);

/* "2013-05-02T10:40:15Z" as Unix seconds (RFC 3339 section 5.6); fractions of a second are cut off. */
bool cbor_value_parse_date(struct bytes text, int64_t *ret_unix_time_s);
