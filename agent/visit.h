/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request on its way through the objects, shared by the parts of agent/objects.h only:
 *
 *     objects.c         which operation it is, and whether what it names exists
 *     objects_read.c    Read, Observe, Discover, Read-Composite
 *     objects_write.c   Write, Write-Attributes, Execute, Write-Composite
 *
 * Each operation gives the code of the answer and fills in the rest of the response when it succeeds. */
#pragma once

#include "agent/objects.h"

struct visit {
	struct objects *o;
	struct path path;
	const struct object *object;            /* NULL for a composite */
	const struct object_resource *resource; /* NULL above depth 3 */
	struct coap_endpoint *endpoint;
	const struct coap_request *request;
	struct coap_response *response;
	msec now;
};

/* ---- objects.c ---- */

const struct object *visit_find_object(const struct objects *o, uint16_t id);
/* COAP_CONTENT when object, instance 0 and resource of the path exist; `*resource` is NULL above depth 3. */
enum coap_code visit_resolve(const struct objects *o, struct path path, const struct object **object,
	const struct object_resource **resource);

static inline bool visit_is_multiple(uint16_t object, uint16_t resource)
{
	const struct model_resource *r = model_resource(&model_core, object, resource);
	return r != NULL && r->is_multiple;
}

static inline struct object_records visit_records(const struct objects *o)
{
	return (struct object_records){.list = o->records, .capacity = OBJECTS_RECORDS_MAX};
}

/* ---- objects_read.c ---- */

enum coap_code visit_get(struct visit *v);
enum coap_code visit_read_composite(struct visit *v);

/* ---- objects_write.c ---- */

enum coap_code visit_put(struct visit *v);
enum coap_code visit_post(struct visit *v);
enum coap_code visit_write_composite(struct visit *v);
