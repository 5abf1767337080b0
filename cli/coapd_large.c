/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/coapd_large.h"

#include <stdio.h>

#define UPDATE_FIRST_BYTES 4096

/* ---- /large ---- */

/* The number of the line in 62 digits. By hand, because sixteen printf for a block are most of what a block costs. */
static void write_line(uint64_t number, uint8_t line[64])
{
	memset(line, '0', 62);
	for (int i = 61; number > 0; number /= 10)
		line[i--] = (uint8_t)('0' + number % 10);
	memcpy(line + 62, ".\n", 2);
}

void coapd_large_write(uint64_t offset, size_t len, uint8_t *out)
{
	for (size_t i = 0, step; i < len; i += step) {
		uint8_t line[64];
		size_t within = (size_t)((offset + i) % 64);
		step = 64 - within < len - i ? 64 - within : len - i;
		write_line((offset + i) / 64, line);
		memcpy(out + i, line + within, step);
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
	coapd_large_write(request->slice_offset, len, slice);
	ret->is_slice = true;
	ret->body_size = l->size;
	ret->etag = bytes_of(&l->size, 4);
	return coapd_answer_content(request, COAP_FORMAT_OCTETS, bytes_of(slice, len), ret);
}

/* ---- /large-create ---- */

static enum coap_answer create(struct coapd_large *l, const struct coap_request *request, struct coap_response *ret)
{
	uint64_t number = l->created + 1;
	struct coapd_value *v = &l->creations[number % COAPD_CREATED_MAX];
	struct writer w = arena_writer(request->scratch);
	v->exists = false; /* the oldest makes room */
	coapd_value_put(v, request, ret);
	if (ret->code != COAP_CREATED)
		return COAP_ANSWER_NOW;
	l->created = number;
	write_decimal(&w, number);
	arena_keep(request->scratch, &w);
	coap_options_add_text(&ret->options, COAP_OPTION_LOCATION_PATH, "large-create");
	coap_options_add(&ret->options, COAP_OPTION_LOCATION_PATH, writer_bytes(&w));
	return COAP_ANSWER_NOW;
}

/* The creation that the path names; NULL when it is not kept. */
static struct coapd_value *find_creation(struct coapd_large *l, const struct coap_request *request)
{
	uint64_t number;
	if (request->rest_count != 1 || !parse_decimal(request->rest[0], l->created, &number))
		return NULL;
	if (number == 0 || l->created - number >= COAPD_CREATED_MAX)
		return NULL;
	return &l->creations[number % COAPD_CREATED_MAX];
}

static enum coap_answer handle_large_create(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_large *l = context;
	(void)endpoint, (void)now;
	if (request->rest_count == 0)
		return request->message->code == COAP_POST ? create(l, request, ret)
							   : coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	struct coapd_value *v = find_creation(l, request);
	if (v == NULL)
		return coapd_answer_code(ret, COAP_NOT_FOUND);
	coapd_value_serve(v, request, ret);
	return COAP_ANSWER_NOW;
}

/* ---- /large-post ---- */

static enum coap_answer handle_large_post(void *context, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now)
{
	struct coapd_large *l = context;
	struct bytes text = request->body;
	(void)endpoint, (void)now;
	if (request->message->code != COAP_POST)
		return coapd_answer_code(ret, COAP_METHOD_NOT_ALLOWED);
	if (request->content_format != COAP_FORMAT_TEXT && request->content_format != COAP_FORMAT_NONE)
		return coapd_answer_code(ret, COAP_UNSUPPORTED_CONTENT_FORMAT);
	if (text.len > sizeof l->capitals)
		return coapd_answer_code(ret, COAP_REQUEST_ENTITY_TOO_LARGE);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		l->capitals[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
	}
	ret->code = COAP_CHANGED;
	ret->content_format = COAP_FORMAT_TEXT;
	ret->payload = bytes_of(l->capitals, text.len);
	return COAP_ANSWER_NOW;
}

void coapd_large_init(struct coapd_large *l, uint64_t size, struct coapd_table *table)
{
	const struct coap_resource rows[] = {
		{.path = "large", .attributes = l->attributes, .handle = handle_large, .context = l},
		{.path = "large-update", .attributes = "sz=4096", .handle = coapd_value_handle, .context = &l->update},
		{.path = "large-create", .is_subtree = true, .handle = handle_large_create, .context = l},
		{.path = "large-post", .handle = handle_large_post, .context = l},
	};
	l->size = size;
	(void)snprintf(l->attributes, sizeof l->attributes, "ct=42;sz=%llu", (unsigned long long)size);
	coapd_value_set_text(&l->update, "");
	coapd_large_write(0, UPDATE_FIRST_BYTES, l->update.bytes);
	l->update.len = UPDATE_FIRST_BYTES;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		(void)coapd_table_add(table, rows[i]);
}
