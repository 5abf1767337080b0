/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/route.h"

#include <assert.h>

/* Where the hash of every path begins. It need not be secret: who asks cannot add to the table. */
#define HASH_START UINT64_C(0x452821e638d01377)

static uint64_t hash_on(uint64_t hash, struct bytes segment)
{
	return bytes_hash(segment, hash);
}

void coap_path_read(const struct coap_message *m, struct coap_path *ret)
{
	uint32_t count = 0;
	ret->is_too_long = false;
	ret->hashes[0] = HASH_START;
	for (unsigned i = 0; i < m->option_count && m->options[i].number <= COAP_OPTION_URI_PATH; i++) {
		if (m->options[i].number != COAP_OPTION_URI_PATH)
			continue;
		if (count == COAP_PATH_SEGMENTS_MAX) {
			ret->is_too_long = true;
			break;
		}
		ret->segments[count] = m->options[i].value;
		ret->hashes[count + 1] = hash_on(ret->hashes[count], m->options[i].value);
		count++;
	}
	ret->count = count;
}

/* ---- the table ---- */

static void layout(struct coap_routes *r, struct carve *c, uint32_t count)
{
	hash_index_carve(&r->index, c, count);
	r->items = carve_take(c, count, sizeof *r->items);
}

size_t coap_routes_memory(uint32_t resource_count)
{
	struct coap_routes r;
	struct carve c = {NULL, 0};
	layout(&r, &c, resource_count);
	return c.used;
}

static uint64_t cut(struct coap_route *route, struct bytes path)
{
	uint64_t hash = HASH_START;
	route->count = 0;
	while (path.len > 0) {
		size_t end = 0;
		while (end < path.len && path.data[end] != '/')
			end++;
		assert(route->count < COAP_PATH_SEGMENTS_MAX);
		route->segments[route->count++] = bytes_first(path, end);
		hash = hash_on(hash, bytes_first(path, end));
		path = bytes_from(path, end + 1);
	}
	return hash;
}

/* The newest entry of a chain is found first, so the table is entered from its end. */
void coap_routes_init(
	struct coap_routes *r, void *memory, const struct coap_resource *resources, uint32_t resource_count)
{
	struct carve c = {memory, 0};
	layout(r, &c, resource_count);
	r->subtree_lengths = 0;
	for (uint32_t i = resource_count; i-- > 0;) {
		if (resources[i].is_proxy)
			continue;
		struct coap_route *route = &r->items[i];
		hash_index_add(&r->index, cut(route, bytes_of_text(resources[i].path)), i);
		route->is_subtree = resources[i].is_subtree;
		if (route->is_subtree)
			r->subtree_lengths |= UINT32_C(1) << route->count;
	}
}

static bool is_route(const struct coap_route *route, const struct coap_path *path, uint32_t length)
{
	if (route->count != length || (length < path->count && !route->is_subtree))
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (!bytes_equal(route->segments[i], path->segments[i]))
			return false;
	return true;
}

/* A resource whose path is the first `length` segments. */
static bool find_prefix(const struct coap_routes *r, const struct coap_path *path, uint32_t length, uint32_t *ret)
{
	for (uint32_t slot = hash_index_first(&r->index, path->hashes[length]); slot != HASH_INDEX_END;
		slot = hash_index_next(&r->index, slot)) {
		if (is_route(&r->items[slot], path, length)) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

bool coap_routes_find(const struct coap_routes *r, const struct coap_path *path, uint32_t *ret_resource)
{
	if (path->is_too_long)
		return false;
	if (find_prefix(r, path, path->count, ret_resource))
		return true;
	uint32_t shortest = path->count > COAP_REST_SEGMENTS_MAX ? path->count - COAP_REST_SEGMENTS_MAX : 0;
	for (uint32_t length = path->count; length-- > shortest;)
		if ((r->subtree_lengths >> length & 1) != 0 && find_prefix(r, path, length, ret_resource))
			return true;
	return false;
}
