/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of coapd's resources while it is being filled: each group of resources adds its rows at start, and the
 * endpoint gets the whole (coap/resource.h). Beside it, the answers that most handlers give. */
#pragma once

#include "coap/content_format.h"
#include "coap/endpoint.h"

#include <assert.h>

#define COAPD_TABLE_MAX 64

struct coapd_table {
	struct coap_resource rows[COAPD_TABLE_MAX];
	uint32_t count;
};

/* Appends a row. What is returned stays where it is, so it names the resource to coap_endpoint_resource_changed. */
static inline const struct coap_resource *coapd_table_add(struct coapd_table *t, struct coap_resource row)
{
	assert(t->count < COAPD_TABLE_MAX);
	t->rows[t->count] = row;
	return &t->rows[t->count++];
}

static inline enum coap_answer coapd_answer_code(struct coap_response *ret, enum coap_code code)
{
	ret->code = code;
	return COAP_ANSWER_NOW;
}

/* A 2.05 with this body, or 4.06 when another format is asked for. */
static inline enum coap_answer coapd_answer_content(
	const struct coap_request *request, uint16_t format, struct bytes body, struct coap_response *ret)
{
	if (request->accept != COAP_FORMAT_NONE && request->accept != format)
		return coapd_answer_code(ret, COAP_NOT_ACCEPTABLE);
	ret->code = COAP_CONTENT;
	ret->content_format = format;
	ret->payload = body;
	return COAP_ANSWER_NOW;
}

/* The same with a number in decimal digits. */
static inline enum coap_answer coapd_answer_number(
	const struct coap_request *request, uint64_t number, struct coap_response *ret)
{
	struct writer w = arena_writer(request->scratch);
	write_decimal(&w, number);
	arena_keep(request->scratch, &w);
	return coapd_answer_content(request, COAP_FORMAT_TEXT, writer_bytes(&w), ret);
}
