/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/describe.h"

#include "coap/answer.h"
#include "coap/forward.h"
#include "coap/stream.h"

static const uint16_t understood_numbers[] = {
	COAP_OPTION_URI_PATH,
	COAP_OPTION_URI_QUERY,
	COAP_OPTION_ACCEPT,
	COAP_OPTION_CONTENT_FORMAT,
	COAP_OPTION_OBSERVE,
	COAP_OPTION_BLOCK2,
	COAP_OPTION_BLOCK1,
	COAP_OPTION_URI_HOST,
	COAP_OPTION_URI_PORT,
	COAP_OPTION_IF_MATCH,
	COAP_OPTION_IF_NONE_MATCH,
	COAP_OPTION_ETAG,
	COAP_OPTION_SIZE1,
	COAP_OPTION_SIZE2,
	COAP_OPTION_PROXY_URI,
	COAP_OPTION_PROXY_SCHEME,
	COAP_OPTION_ECHO,
	COAP_OPTION_NO_RESPONSE,
	COAP_OPTION_REQUEST_TAG,
	COAP_OPTION_HOP_LIMIT,
};
static const struct coap_option_set understood = {
	understood_numbers, sizeof understood_numbers / sizeof understood_numbers[0], NULL};
static const uint16_t qblock_numbers[] = {COAP_OPTION_Q_BLOCK1, COAP_OPTION_Q_BLOCK2};
static const struct coap_option_set understood_with_qblock = {qblock_numbers, 2, &understood};

/* ---- whom it concerns ---- */

static bool is_discovery(const struct coap_path *path)
{
	return path->count == 2 && bytes_equal_text(path->segments[0], ".well-known") &&
	       bytes_equal_text(path->segments[1], "core");
}

/* A resource of the application's at the very path goes before the list of links. */
static bool find_resource(const struct coap_endpoint *e, const struct coap_path *path, uint32_t *ret)
{
	bool found = coap_routes_find(&e->routes, path, ret);
	if (is_discovery(path) && (!found || e->routes.items[*ret].count < path->count)) {
		*ret = COAP_DESCRIBE_DISCOVERY;
		return true;
	}
	return found;
}

/* The same for a request that a proxy is asked to pass on: that concerns the proxy, whatever its path. */
static bool find_target(
	const struct coap_endpoint *e, const struct coap_message *m, struct coap_path *ret_path, uint32_t *ret)
{
	ret_path->count = 0;
	if (coap_forward_is_asked(m))
		return coap_forward_resource(e, ret);
	coap_path_read(m, ret_path);
	return find_resource(e, ret_path, ret);
}

static void set_rest(
	const struct coap_endpoint *e, uint32_t resource, const struct coap_path *path, struct coap_request *ret)
{
	uint32_t own = resource == COAP_DESCRIBE_DISCOVERY ? path->count : e->routes.items[resource].count;
	ret->rest_count = (uint8_t)(path->count - own);
	for (uint32_t i = own; i < path->count; i++)
		ret->rest[i - own] = path->segments[i];
}

/* ---- what it says ---- */

/* What may differ between the blocks of one body. If-None-Match belongs to the first block alone (RFC 7959 section
 * 2.10), though some repeat it. */
static bool is_of_the_block(uint16_t number)
{
	return number == COAP_OPTION_IF_NONE_MATCH || number == COAP_OPTION_BLOCK1 || number == COAP_OPTION_BLOCK2 ||
	       number == COAP_OPTION_Q_BLOCK1 || number == COAP_OPTION_Q_BLOCK2 || number == COAP_OPTION_OBSERVE;
}

uint64_t coap_describe_key(const struct coap_endpoint *e, const struct coap_message *m, uint16_t without)
{
	uint64_t key = e->secret + (uint64_t)m->code;
	for (unsigned i = 0; i < m->option_count; i++) {
		uint16_t number = m->options[i].number;
		if (!is_of_the_block(number) && number != without && !coap_option_is_no_cache_key(number))
			key = bytes_hash(m->options[i].value, key + number);
	}
	return key;
}

static uint16_t format_of(const struct coap_message *m, uint16_t number)
{
	uint32_t value;
	return coap_message_uint(m, number, &value) ? (uint16_t)value : COAP_FORMAT_NONE;
}

/* The same with Q-Block1 and Q-Block2 in their place (RFC 9177 section 4). */
static bool read_qblocks(const struct coap_endpoint *e, const struct coap_message *m, struct coap_origin *o)
{
	uint32_t value;
	o->uses_qblock = true;
	o->transfer = coap_describe_key(e, m, 0);
	o->tagless = coap_describe_key(e, m, COAP_OPTION_REQUEST_TAG);
	o->has_block1 = m->code != COAP_GET && coap_message_uint(m, COAP_OPTION_Q_BLOCK1, &value);
	if (o->has_block1 && !coap_block_parse(value, &o->block1))
		return false;
	o->has_block2 = coap_message_uint(m, COAP_OPTION_Q_BLOCK2, &value);
	return !o->has_block2 || (coap_block_parse(value, &o->block2) && coap_qreply_is_right(m));
}

/* Over a reliable transport it would gain nothing (RFC 9177 section 3), where BERT does the same (RFC 8323). */
static bool knows_qblock(const struct coap_endpoint *e, const struct coap_remote *from)
{
	return e->config.capacities.qblocks > 0 && !coap_remote_is_reliable(from);
}

static bool has_qblock(const struct coap_message *m)
{
	return coap_message_has(m, COAP_OPTION_Q_BLOCK1) || coap_message_has(m, COAP_OPTION_Q_BLOCK2);
}

/* Which classes of response are not wanted (RFC 7967 section 2.1); it may also stand in a GET, such as one that ends an
 * observation (section 4.2). Options are in order, and few requests have one as high as this. */
static uint8_t read_no_response(const struct coap_message *m)
{
	uint32_t value;
	if (m->option_count == 0 || m->options[m->option_count - 1].number < COAP_OPTION_NO_RESPONSE)
		return 0;
	return coap_message_uint(m, COAP_OPTION_NO_RESPONSE, &value) && value <= UINT8_MAX ? (uint8_t)value : 0;
}

/* The options that say how the response is to be given. False when a block option cannot be meant. */
bool coap_describe_origin(const struct coap_endpoint *e, const struct coap_remote *from, const struct coap_message *m,
	struct coap_origin *o)
{
	uint32_t value;
	o->remote = *from;
	o->token = m->token;
	o->method = m->code;
	o->id = m->id;
	o->is_confirmable = m->type == COAP_TYPE_CON;
	o->is_acked = o->is_part = o->has_block1 = o->has_block2 = o->uses_qblock = false;
	o->is_group = false;
	o->no_response = read_no_response(m);
	o->transfer = 0;
	o->tagless = 0;
	o->dedup = o->observer = HANDLE_NONE;
	if (coap_message_uint(m, COAP_OPTION_BLOCK2, &value)) {
		o->has_block2 = true;
		if (!coap_stream_parse_block(from, value, &o->block2))
			return false;
	}
	if (has_qblock(m) && knows_qblock(e, from))
		return read_qblocks(e, m, o);
	if (m->code == COAP_GET)
		return true;
	if (coap_message_uint(m, COAP_OPTION_BLOCK1, &value)) {
		o->has_block1 = true;
		if (!coap_stream_parse_block(from, value, &o->block1))
			return false;
	}
	o->transfer = coap_describe_key(e, m, 0);
	return true;
}

/* Section 4.1: never both kinds in one message. */
static bool mixes_blocks(const struct coap_message *m, uint16_t *ret_offending)
{
	bool has_block1 = coap_message_has(m, COAP_OPTION_BLOCK1);
	if (!has_qblock(m) || (!has_block1 && !coap_message_has(m, COAP_OPTION_BLOCK2)))
		return false;
	*ret_offending = has_block1 ? COAP_OPTION_BLOCK1 : COAP_OPTION_BLOCK2;
	return true;
}

bool coap_describe_request(
	struct coap_endpoint *e, const struct coap_message *m, struct coap_origin *origin, struct coap_request *ret)
{
	struct coap_path path;
	if (!find_target(e, m, &path, &origin->resource))
		return false;
	struct coap_block block = coap_answer_wanted(e, origin);
	set_rest(e, origin->resource, &path, ret);
	ret->message = m;
	ret->remote = origin->remote;
	ret->body = m->payload;
	ret->content_format = format_of(m, COAP_OPTION_CONTENT_FORMAT);
	ret->accept = format_of(m, COAP_OPTION_ACCEPT);
	ret->has_if_none_match = coap_message_has(m, COAP_OPTION_IF_NONE_MATCH);
	ret->body_offset = 0;
	ret->body_is_last = true;
	ret->slice_offset = coap_block_offset(block);
	ret->slice_size = coap_answer_slice_size(e, origin, block);
	ret->later = HANDLE_NONE;
	ret->observer = origin->observer;
	ret->is_notification = false;
	ret->scratch = &e->scratch;
	return true;
}

/* ---- which options it may have ---- */

/* Whether all options are understood, or may pass as they are because they concern somebody further on. */
bool coap_describe_recognise(
	const struct coap_endpoint *e, const struct coap_remote *from, struct coap_message *m, uint16_t *ret_offending)
{
	struct coap_path path;
	uint32_t target;
	const struct coap_option_set *set = knows_qblock(e, from) ? &understood_with_qblock : &understood;
	if (mixes_blocks(m, ret_offending))
		return false;
	if (e->passes_options && find_target(e, m, &path, &target) && target != COAP_DESCRIBE_DISCOVERY &&
		e->config.resources[target].passes_options)
		return coap_message_may_forward(m, set, ret_offending);
	return coap_message_recognise(m, set, ret_offending);
}
