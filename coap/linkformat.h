/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The CoRE link format (RFC 6690), as in /.well-known/core and in registrations:
 *
 *     </3/0>;ver="1.1",</sensors/temp>;rt="temperature-c outdoor";if=sensor;obs
 *
 * Reading copies nothing: links and attributes are views that iterators hand out one by one. Commas and semicolons in
 * quoted strings do not separate; escapes in them stay as they are until coap_linkformat_write_value undoes them. */
#pragma once

#include "coap/base/bytes.h"

struct coap_link {
	struct bytes target;     /* between < and > */
	struct bytes attributes; /* "rt=x;obs", with or without a semicolon in front */
};

struct coap_link_attribute {
	struct bytes name;
	struct bytes value; /* without quotes, escapes not undone; empty when there is none */
	bool has_value;
	bool is_quoted;
};

/* An iterator over links or over the attributes of one. `failed` is set at the first byte that breaks the grammar; what
 * was handed out before is then not to be trusted. */
struct coap_link_reader {
	struct bytes left;
	bool failed;
	bool started;
};

static inline struct coap_link_reader coap_linkformat_links(struct bytes text)
{
	return (struct coap_link_reader){text, false, false};
}

static inline struct coap_link_reader coap_linkformat_attributes(const struct coap_link *link)
{
	return (struct coap_link_reader){link->attributes, false, false};
}

/* The next link; false at the end or when `failed`. Attributes of a link that was handed out are well-formed. */
bool coap_linkformat_next(struct coap_link_reader *r, struct coap_link *ret);
bool coap_linkformat_next_attribute(struct coap_link_reader *r, struct coap_link_attribute *ret);
/* The first attribute of this name; names are compared as they are written. */
bool coap_linkformat_find(const struct coap_link *link, const char *name, struct coap_link_attribute *ret);
/* Whether the whole text is well-formed, and how many links it has. */
bool coap_linkformat_check(struct bytes text, size_t *ret_count);

/* Appends an attribute's value with its escapes undone. */
void coap_linkformat_write_value(struct writer *w, const struct coap_link_attribute *attribute);

/* Appends "<target>", with a comma in front unless the writer is still empty. */
void coap_linkformat_write_target(struct writer *w, struct bytes target);
/* Appends ;name, ;name=value or ;name="value" to the link written last. `value` is escaped when quoted; unquoted it
 * must be a token, else the writer fails. */
void coap_linkformat_write_attribute(struct writer *w, const char *name);
void coap_linkformat_write_attribute_token(struct writer *w, const char *name, struct bytes value);
void coap_linkformat_write_attribute_quoted(struct writer *w, const char *name, struct bytes value);

/* Whether a link is wanted by one query of a request to /.well-known/core (RFC 6690 section 4.1): name=value, or
 * name=prefix*. href compares with the target; rt, if, rel, rev and ct match one of their space-separated values. A
 * query without "=" asks for links that have the attribute. */
bool coap_linkformat_matches(const struct coap_link *link, struct bytes query);
