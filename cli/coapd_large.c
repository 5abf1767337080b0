/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_large.h"

#include "coap/content_format.h"

#include <stdio.h>

/* Lines of 64 bytes that count themselves, so that a wrong byte is seen at once. */
static void write_large(uint64_t offset, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		char line[65];
		uint64_t at = offset + i;
		(void)snprintf(line, sizeof line, "%062llu.\n", (unsigned long long)(at / 64));
		size_t within = (size_t)(at % 64), step = 64 - within < len - i ? 64 - within : len - i;
		memcpy(out + i, line + within, step);
		i += step - 1;
	}
}

static enum coap_answer handle_large(void *context, struct coap_endpoint *endpoint, const struct coap_request *request,
	struct coap_response *ret, msec now)
{
	struct coapd_large *l = context;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_GET)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	uint64_t left = request->slice_offset < l->size ? l->size - request->slice_offset : 0;
	size_t len = left < request->slice_size ? (size_t)left : request->slice_size;
	uint8_t *slice = arena_take(request->scratch, len + 1);
	if (slice == NULL)
		return COAP_ANSWER_NOW;
	write_large(request->slice_offset, len, slice);
	ret->code = COAP_CONTENT;
	ret->content_format = COAP_FORMAT_OCTETS;
	ret->payload = bytes_of(slice, len);
	ret->is_slice = true;
	ret->body_size = l->size;
	ret->etag = bytes_of(&l->size, 4);
	return COAP_ANSWER_NOW;
}

void coapd_large_init(struct coapd_large *l, uint64_t size, struct coapd_table *table)
{
	l->size = size;
	coapd_table_add(table,
		(struct coap_resource){.path = "large", .attributes = "ct=42", .handle = handle_large, .context = l});
}
