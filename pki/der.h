/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DER (X.690) element by element, as much of it as certificates need. A reader that meets anything else than what was
 * expected fails, and then gives empty content. Indefinite lengths (BER) and elements of 16 MiB and more are not taken.
 */
#pragma once

#include "coap/base/bytes.h"

#define DER_INTEGER          0x02
#define DER_BIT_STRING       0x03
#define DER_UTC_TIME         0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_SEQUENCE         0x30
#define DER_SET              0x31
#define DER_TAG_0            0xa0 /* [0], constructed */

/* The tag of the next element; 0 at the end. */
static inline uint8_t der_tag(const struct reader *r)
{
	return reader_left(r) == 0 ? 0 : *r->at;
}

/* The content of the next element, which must have this tag. */
struct bytes der_read(struct reader *r, uint8_t tag);
/* The same with its header. */
struct bytes der_read_whole(struct reader *r, uint8_t tag);
/* Exactly these bytes. */
void der_expect(struct reader *r, struct bytes bytes);
/* A UTCTime or GeneralizedTime of RFC 5280 section 4.1.2.5, in seconds since 1970. */
int64_t der_read_time(struct reader *r);

/* How long the header of an element with `len` bytes of content is; below 65536. */
size_t der_header_bytes(size_t len);
void der_write_header(struct writer *w, uint8_t tag, size_t len);
