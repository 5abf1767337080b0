/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of the CoRE link format (RFC 6690) that LwM2M uses in Register, Update, Discover and Bootstrap-Discover: a
 * list of `<path>;name=value;name="value";flag`. mgmt knows no CoAP, hence its own reader; it copies nothing. */
#pragma once

#include "mgmt/path.h"

struct link {
	struct bytes target;     /* between < and > */
	struct bytes attributes; /* everything behind it, from the first semicolon on */
};

struct links_reader {
	struct bytes left;
	bool is_started, failed;
};

static inline struct links_reader links_reader_of(struct bytes text)
{
	return (struct links_reader){text, false, false};
}

/* The next link; false at the end or when `failed`. */
bool links_next(struct links_reader *r, struct link *ret);
/* Takes the first attribute off `*attributes`. The value is without quotes; empty when there is none. */
bool links_next_attribute(struct bytes *attributes, struct bytes *ret_name, struct bytes *ret_value);
/* The value of the attribute `name`; false when the link has none. */
bool links_find(const struct link *link, const char *name, struct bytes *ret_value);

/* Appends "</3/0>" with a comma in front unless the writer is still empty. Attributes follow with the next two. */
void links_write(struct writer *w, struct bytes prefix, struct path path);
void links_write_number(struct writer *w, const char *name, uint64_t value);
void links_write_quoted(struct writer *w, const char *name, struct bytes value);
