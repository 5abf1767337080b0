/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A firmware package in one piece, as it is written to /5/0/0 (lwm2m interface section 11): a CBOR sequence (RFC 8742)
 * of two items, the SUIT envelope that a Package URI would lead to, and the image as a byte string of definite length.
 *
 * It comes in parts of any size and is taken apart as it comes; only the envelope is put together. Nothing here judges
 * what is in it. Leaf. */
#pragma once

#include "coap/base/bytes.h"

#define PACKAGE_HEAD_MAX 9 /* of a byte string: RFC 8949 section 3 */

enum package_event {
	PACKAGE_MORE,     /* the part is used up */
	PACKAGE_ENVELOPE, /* the envelope is whole */
	PACKAGE_IMAGE,    /* bytes of the image; those before have been given */
	PACKAGE_BROKEN,   /* it is none: another beginning, an envelope without an end, bytes behind the image */
};

struct package {
	enum package_stage { PACKAGE_AT_ENVELOPE, PACKAGE_AT_HEAD, PACKAGE_AT_IMAGE } stage;
	uint8_t *room; /* of the envelope */
	size_t capacity, envelope_len;
	uint8_t head[PACKAGE_HEAD_MAX], head_len;
	uint64_t image_size, image_taken;
};

/* `room` is borrowed for life; an envelope that does not fit makes the package BROKEN. */
void package_init(struct package *p, uint8_t *room, size_t capacity);
/* Takes from the beginning of `*part`. `*ret` is the envelope, or bytes of the image within the part. Call until MORE
 * or BROKEN. */
enum package_event package_take(struct package *p, struct bytes *part, struct bytes *ret);
/* Whether everything that the package announced has come. */
bool package_is_complete(const struct package *p);
