/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The code of a message: one byte, class (3 bits) and detail (5 bits), written "2.05" (RFC 7252 sections 3 and 12.1).
 *
 * A byte from the network may hold any of 256 values; an enum coap_code may therefore be a value without a name here.
 * An unknown code of a known class means what the class's .00 means (RFC 7252 section 5.9), so decide by class. */
#pragma once

#include "coap/base/bytes.h"

enum coap_code {
	COAP_EMPTY = 0x00,

	COAP_GET = 0x01,
	COAP_POST = 0x02,
	COAP_PUT = 0x03,
	COAP_DELETE = 0x04,
	COAP_FETCH = 0x05, /* RFC 8132 */
	COAP_PATCH = 0x06,
	COAP_IPATCH = 0x07,

	COAP_CREATED = 0x41,
	COAP_DELETED = 0x42,
	COAP_VALID = 0x43,
	COAP_CHANGED = 0x44,
	COAP_CONTENT = 0x45,
	COAP_CONTINUE = 0x5f, /* RFC 7959 */

	COAP_BAD_REQUEST = 0x80,
	COAP_UNAUTHORIZED = 0x81,
	COAP_BAD_OPTION = 0x82,
	COAP_FORBIDDEN = 0x83,
	COAP_NOT_FOUND = 0x84,
	COAP_METHOD_NOT_ALLOWED = 0x85,
	COAP_NOT_ACCEPTABLE = 0x86,
	COAP_REQUEST_ENTITY_INCOMPLETE = 0x88, /* RFC 7959 */
	COAP_CONFLICT = 0x89,                  /* RFC 8132 */
	COAP_PRECONDITION_FAILED = 0x8c,
	COAP_REQUEST_ENTITY_TOO_LARGE = 0x8d,
	COAP_UNSUPPORTED_CONTENT_FORMAT = 0x8f,
	COAP_UNPROCESSABLE_ENTITY = 0x96, /* RFC 8132 */
	COAP_TOO_MANY_REQUESTS = 0x9d,    /* RFC 8516 */

	COAP_INTERNAL_SERVER_ERROR = 0xa0,
	COAP_NOT_IMPLEMENTED = 0xa1,
	COAP_BAD_GATEWAY = 0xa2,
	COAP_SERVICE_UNAVAILABLE = 0xa3,
	COAP_GATEWAY_TIMEOUT = 0xa4,
	COAP_PROXYING_NOT_SUPPORTED = 0xa5,
	COAP_HOP_LIMIT_REACHED = 0xa8, /* RFC 8768 */

	COAP_CSM = 0xe1, /* RFC 8323: signalling, on reliable transports only */
	COAP_PING = 0xe2,
	COAP_PONG = 0xe3,
	COAP_RELEASE = 0xe4,
	COAP_ABORT = 0xe5,
};

static inline unsigned coap_code_class(enum coap_code code)
{
	return (unsigned)code >> 5;
}

static inline unsigned coap_code_detail(enum coap_code code)
{
	return (unsigned)code & 31;
}

static inline bool coap_code_is_empty(enum coap_code code)
{
	return code == COAP_EMPTY;
}

/* Any method, known or not: an unknown one is answered 4.05 (RFC 7252 section 5.8). */
static inline bool coap_code_is_request(enum coap_code code)
{
	return coap_code_class(code) == 0 && code != COAP_EMPTY;
}

static inline bool coap_code_is_response(enum coap_code code)
{
	unsigned class = coap_code_class(code);
	return class == 2 || class == 4 || class == 5;
}

static inline bool coap_code_is_success(enum coap_code code)
{
	return coap_code_class(code) == 2;
}

/* 4.xx or 5.xx. */
static inline bool coap_code_is_error(enum coap_code code)
{
	return coap_code_class(code) == 4 || coap_code_class(code) == 5;
}

/* Safe methods change nothing at the server (RFC 7252 section 5.1, RFC 8132 section 2). */
static inline bool coap_code_is_safe(enum coap_code code)
{
	return code == COAP_GET || code == COAP_FETCH;
}

/* Idempotent methods have the same effect however often they run (RFC 7252 section 5.1, RFC 8132 sections 2 and 3). */
static inline bool coap_code_is_idempotent(enum coap_code code)
{
	return coap_code_is_safe(code) || code == COAP_PUT || code == COAP_DELETE || code == COAP_IPATCH;
}

/* "GET", "Content", "Not Found"; NULL for a code without a name. */
const char *coap_code_name(enum coap_code code);
/* For people: "GET", "2.05 Content", and "2.07" or "0.13" where there is no name. */
void coap_code_write(struct writer *w, enum coap_code code);
/* Reads "2.05" or "0.01": one digit up to 7, a point, two digits up to 31. */
bool coap_code_parse(struct bytes text, enum coap_code *ret);
/* Reads a method by its name, in either case: "get", "iPATCH". */
bool coap_code_parse_method(struct bytes text, enum coap_code *ret);
