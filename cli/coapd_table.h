/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of coapd's resources while it is being filled: each group of resources adds its rows at start, and the
 * endpoint gets the whole (coap/resource.h). */
#pragma once

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

/* The answer of a resource that does not know the method, which every handler ends in. */
static inline enum coap_answer coapd_answer_code(struct coap_response *ret, enum coap_code code)
{
	ret->code = code;
	return COAP_ANSWER_NOW;
}
