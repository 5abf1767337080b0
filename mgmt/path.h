/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Paths of the LwM2M tree: /object/instance/resource/resource-instance, up to four numbers from 0 to 65534
 * (lwm2m interface section 1). A path of depth 0 is the root, "/". Paths are small and passed by value. */
#pragma once

#include "coap/base/bytes.h"

#define PATH_DEPTH_MAX  4
#define PATH_ID_MAX     65534
#define PATH_ID_NONE    65535 /* reserved by LwM2M; here "no instance was named" */
#define PATH_TEXT_BYTES 24    /* "/65534/65534/65534/65534" */
#define PATH_PREFIX_MAX 32    /* bytes of an alternate path */

struct path {
	uint16_t ids[PATH_DEPTH_MAX]; /* those behind `depth` are 0 */
	uint8_t depth;
};

#define PATH_ROOT ((struct path){{0, 0, 0, 0}, 0})

static inline struct path path_of_object(uint16_t object)
{
	return (struct path){{object, 0, 0, 0}, 1};
}

static inline struct path path_of_instance(uint16_t object, uint16_t instance)
{
	return (struct path){{object, instance, 0, 0}, 2};
}

static inline struct path path_of_resource(uint16_t object, uint16_t instance, uint16_t resource)
{
	return (struct path){{object, instance, resource, 0}, 3};
}

static inline struct path path_of_resource_instance(
	uint16_t object, uint16_t instance, uint16_t resource, uint16_t resource_instance)
{
	return (struct path){{object, instance, resource, resource_instance}, 4};
}

/* Reads "/", "/3", ... "/3/0/7/1". False on anything else: leading zeros, ids over 65534, a slash at the end, depth
 * over four. */
bool path_parse(struct bytes text, struct path *ret);
/* Appends one segment, as a Uri-Path option holds it. False when it is no id or the path is full. */
bool path_add_segment(struct path *path, struct bytes segment);
bool path_add(struct path *path, uint16_t id);
/* Whether it may be an alternate path, "/lwm2m", below which a client keeps its objects (lwm2m interface section 2):
 * segments of plain characters, none of them a number. */
bool path_is_prefix(struct bytes text);
/* What follows the alternate path that the text may begin with. */
struct bytes path_without_prefix(struct bytes text);
void path_write(struct writer *w, struct path path);

bool path_equal(struct path a, struct path b);
/* Order of the tree: a parent comes before its children. Negative, zero or positive. */
int path_compare(struct path a, struct path b);
/* Whether `path` is `ancestor` or lies below it. */
bool path_is_within(struct path path, struct path ancestor);
/* The first `depth` numbers. */
struct path path_cut(struct path path, uint8_t depth);
