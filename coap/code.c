/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/code.h"

static const struct {
	enum coap_code code;
	const char *name;
} names[] = {
	{COAP_EMPTY, "Empty"},
	{COAP_GET, "GET"},
	{COAP_POST, "POST"},
	{COAP_PUT, "PUT"},
	{COAP_DELETE, "DELETE"},
	{COAP_FETCH, "FETCH"},
	{COAP_PATCH, "PATCH"},
	{COAP_IPATCH, "iPATCH"},
	{COAP_CREATED, "Created"},
	{COAP_DELETED, "Deleted"},
	{COAP_VALID, "Valid"},
	{COAP_CHANGED, "Changed"},
	{COAP_CONTENT, "Content"},
	{COAP_CONTINUE, "Continue"},
	{COAP_BAD_REQUEST, "Bad Request"},
	{COAP_UNAUTHORIZED, "Unauthorized"},
	{COAP_BAD_OPTION, "Bad Option"},
	{COAP_FORBIDDEN, "Forbidden"},
	{COAP_NOT_FOUND, "Not Found"},
	{COAP_METHOD_NOT_ALLOWED, "Method Not Allowed"},
	{COAP_NOT_ACCEPTABLE, "Not Acceptable"},
	{COAP_REQUEST_ENTITY_INCOMPLETE, "Request Entity Incomplete"},
	{COAP_CONFLICT, "Conflict"},
	{COAP_PRECONDITION_FAILED, "Precondition Failed"},
	{COAP_REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large"},
	{COAP_UNSUPPORTED_CONTENT_FORMAT, "Unsupported Content-Format"},
	{COAP_UNPROCESSABLE_ENTITY, "Unprocessable Entity"},
	{COAP_TOO_MANY_REQUESTS, "Too Many Requests"},
	{COAP_INTERNAL_SERVER_ERROR, "Internal Server Error"},
	{COAP_NOT_IMPLEMENTED, "Not Implemented"},
	{COAP_BAD_GATEWAY, "Bad Gateway"},
	{COAP_SERVICE_UNAVAILABLE, "Service Unavailable"},
	{COAP_GATEWAY_TIMEOUT, "Gateway Timeout"},
	{COAP_PROXYING_NOT_SUPPORTED, "Proxying Not Supported"},
	{COAP_HOP_LIMIT_REACHED, "Hop Limit Reached"},
	{COAP_CSM, "CSM"},
	{COAP_PING, "Ping"},
	{COAP_PONG, "Pong"},
	{COAP_RELEASE, "Release"},
	{COAP_ABORT, "Abort"},
};

#define NAME_COUNT (sizeof names / sizeof names[0])

const char *coap_code_name(enum coap_code code)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

void coap_code_write(struct writer *w, enum coap_code code)
{
	const char *name = coap_code_name(code);
	bool is_known_method = coap_code_is_request(code) && name != NULL;
	if (!is_known_method) {
		write_decimal(w, coap_code_class(code));
		write_u8(w, '.');
		write_u8(w, (uint8_t)('0' + coap_code_detail(code) / 10));
		write_u8(w, (uint8_t)('0' + coap_code_detail(code) % 10));
		if (name != NULL)
			write_u8(w, ' ');
	}
	if (name != NULL)
		write_text(w, name);
}

bool coap_code_parse(struct bytes text, enum coap_code *ret)
{
	uint64_t class, detail;
	if (text.len != 4 || text.data[1] != '.')
		return false;
	if (!parse_decimal(bytes_first(text, 1), 7, &class) || !parse_decimal(bytes_from(text, 2), 31, &detail))
		return false;
	*ret = (enum coap_code)(class << 5 | detail);
	return true;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool equal_in_any_case(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

bool coap_code_parse_method(struct bytes text, enum coap_code *ret)
{
	for (size_t i = 0; i < NAME_COUNT; i++) {
		if (!coap_code_is_request(names[i].code) || !equal_in_any_case(text, bytes_of_text(names[i].name)))
			continue;
		*ret = names[i].code;
		return true;
	}
	return false;
}
