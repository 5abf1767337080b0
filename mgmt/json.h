/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A strict pull parser for JSON (RFC 8259), token by token. The grammar between tokens is its user's: the reader gives
 * punctuation, strings, numbers and literals, and user code asks for what it expects. Strings without escapes are views
 * of the text; those with escapes are decoded into the caller's scratch. Invalid UTF-8, unpaired surrogates, control
 * characters in strings and leading zeros are refused. */
#pragma once

#include "coap/base/arena.h"

enum json_kind {
	JSON_END, /* nothing but white space is left */
	JSON_OBJECT_BEGIN,
	JSON_OBJECT_END,
	JSON_ARRAY_BEGIN,
	JSON_ARRAY_END,
	JSON_COLON,
	JSON_COMMA,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_FAULT,
};

struct json_token {
	enum json_kind kind;
	struct bytes text; /* STRING: decoded; NUMBER: as it stands */
};

struct json_reader {
	const uint8_t *at, *end;
	struct arena *scratch;
	bool failed, full; /* full: failed because the scratch was too small */
};

static inline struct json_reader json_reader_of(struct bytes text, struct arena *scratch)
{
	return (struct json_reader){text.data, text.len == 0 ? text.data : text.data + text.len, scratch, false, false};
}

/* The next token; JSON_FAULT from the first fault on. */
struct json_token json_next(struct json_reader *r);
/* Reads a token and says whether it is of the kind; a fault when it is not. */
bool json_expect(struct json_reader *r, enum json_kind kind);
/* Skips the rest of a value that begins with `first`; nesting is limited to 8. */
bool json_skip(struct json_reader *r, const struct json_token *first);

/* Quoted and escaped. */
void json_write_string(struct writer *w, struct bytes text);
