/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the path of a request to the resource it concerns (RFC 7252 section 5.10.1).
 *
 * The paths of the application's table are cut into segments once and found by a hash over their segments, so a table
 * of a hundred resources costs a request no more than one of three: one look-up for the whole path, and one for each
 * length that the path of a subtree has. The longest matching path wins; of equal ones the first in the table. Segments
 * are compared byte by byte (section 5.8: names are case-sensitive, and never decoded here). Storage is the caller's.
 */
#pragma once

#include "coap/carve.h"
#include "coap/hashindex.h"
#include "coap/message.h"
#include "coap/resource.h"

#define COAP_PATH_SEGMENTS_MAX 12
#define COAP_REST_SEGMENTS_MAX 8 /* behind the path of a subtree */

/* A request's path. The segments are borrowed from the message. */
struct coap_path {
	uint32_t count;
	bool is_too_long; /* longer than any resource could be; it matches none */
	struct bytes segments[COAP_PATH_SEGMENTS_MAX];
	uint64_t hashes[COAP_PATH_SEGMENTS_MAX + 1]; /* element n: of the first n segments */
};

/* A resource's path; element i goes with resource i. */
struct coap_route {
	struct bytes segments[COAP_PATH_SEGMENTS_MAX];
	uint32_t count;
	bool is_subtree;
};

struct coap_routes {
	struct coap_route *items;
	struct hash_index index;
	uint32_t subtree_lengths; /* bit n: there is a subtree whose path has n segments */
};

void coap_path_read(const struct coap_message *m, struct coap_path *ret);

size_t coap_routes_memory(uint32_t resource_count);
/* The resources' paths must outlive the table, and have COAP_PATH_SEGMENTS_MAX segments at most. */
void coap_routes_init(
	struct coap_routes *r, void *memory, const struct coap_resource *resources, uint32_t resource_count);

/* False when no resource is concerned. `ret_resource` is an element of the application's table. */
bool coap_routes_find(const struct coap_routes *r, const struct coap_path *path, uint32_t *ret_resource);
