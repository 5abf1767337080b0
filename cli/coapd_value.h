/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A value that requests read and replace: bytes, their Content-Format, and a version from which the ETag is made.
 *
 *     GET             2.05 with ETag, 4.04 when nothing is there, 4.06 when another format is asked for
 *     PUT, POST       2.01 when nothing was there, else 2.04
 *     DELETE          2.02, also when nothing was there
 *     other methods   4.05
 *
 * If-Match and If-None-Match are obeyed (4.12), and what is too long is refused (4.13). */
#pragma once

#include "coap/resource.h"

#define COAPD_VALUE_MAX_BYTES (64 * 1024)

struct coapd_value {
	bool exists;
	const char *when_empty; /* what GET shows as text while nothing is there; NULL for 4.04 */
	uint16_t format;
	uint32_t version; /* of each change another; never 0 */
	size_t len;
	uint8_t bytes[COAPD_VALUE_MAX_BYTES];
};

/* Sets it without a request. All zero before is a value that does not exist. */
void coapd_value_set_text(struct coapd_value *v, const char *text);

/* Each fills in the response of one method. */
void coapd_value_get(const struct coapd_value *v, const struct coap_request *request, struct coap_response *ret);
void coapd_value_put(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret);
void coapd_value_delete(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret);
/* All of them, by the request's method. */
void coapd_value_serve(struct coapd_value *v, const struct coap_request *request, struct coap_response *ret);

/* A resource that is such a value and nothing else; its context is the value. */
enum coap_answer coapd_value_handle(void *value, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now);
