/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request on its way through the objects, shared by the parts of agent/objects.h only:
 *
 *     objects.c         which operation it is, and whether what it names exists
 *     objects_read.c    Read, Observe, Discover, Read-Composite
 *     objects_write.c   Write, Write-Composite
 *     objects_create.c  Create, Delete
 *     objects_act.c     Execute, Write-Attributes
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
const struct object_resource *visit_find_resource(const struct object *object, uint16_t id);
/* COAP_CONTENT when object, instance and resource of the path exist; `*resource` is NULL above depth 3. */
enum coap_code visit_resolve(const struct objects *o, struct path path, const struct object **object,
	const struct object_resource **resource);

/* Whether the server that asks may do that with this object instance, or with the object as a whole (lwm2m interface
 * section 9). */
bool visit_may(const struct objects *o, struct path path, enum access_right right);

static inline bool visit_is_multiple(const struct objects *o, uint16_t object, uint16_t resource)
{
	const struct model_resource *r = model_resource(o->model, object, resource);
	return r != NULL && r->is_multiple;
}

static inline struct object_records visit_records(const struct objects *o)
{
	return (struct object_records){.list = o->records, .capacity = OBJECTS_RECORDS_MAX};
}

/* ---- objects_read.c ---- */

enum coap_code visit_get(struct visit *v);
enum coap_code visit_read_composite(struct visit *v);

/* Whether there is a value at this path now. */
bool visit_has_value(const struct objects *o, struct path path);

/* ---- objects_act.c ---- */

enum coap_code visit_execute(struct visit *v);
enum coap_code visit_write_attributes(struct visit *v);

/* ---- objects_write.c ---- */

enum visit_strictness {
	VISIT_WHOLE_INSTANCE, /* unknown resources are skipped, as section 5 of the interface wants of optional ones */
	VISIT_NEW_INSTANCE,   /* those that are read-only as well */
	VISIT_NAMED,          /* the request or a composite named the resource itself */
};

/* All records of the body, of which each lies within `base`. COAP_CHANGED, or the error. */
enum coap_code visit_read_body(struct visit *v, struct path base, struct object_records *ret);
/* Whether all of them may be written, COAP_CHANGED, or the error; those that are to be skipped get depth 0. */
enum coap_code visit_check_records(
	const struct objects *o, struct object_records *records, enum visit_strictness strictness);
enum coap_code visit_apply_records(struct objects *o, const struct object_records *records);
/* Those who watch hear of it at once, whichever server they are. */
void visit_touch(const struct objects *o, struct path path, msec now);
/* Whether every mandatory resource that can be written is among them. */
bool visit_is_whole(const struct objects *o, const struct object *object, struct path instance,
	const struct object_records *records);

enum coap_code visit_put(struct visit *v);
enum coap_code visit_post(struct visit *v);
enum coap_code visit_write_composite(struct visit *v);

/* ---- objects_create.c ---- */

enum coap_code visit_create(struct visit *v);
enum coap_code visit_delete(struct visit *v);
