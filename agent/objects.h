/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The device's side of Device Management: reads, writes and executes what the objects in agent/objects/ offer, in every
 * Content-Format that mgmt/payload knows (lwm2m interface section 5).
 *
 *     coap request --> path, operation --> object's functions --> records --> payload --> coap response
 *
 * - Security (/0) is closed: every operation gives 4.01, whether what it names exists or not.
 * - An object without `create` and `remove` has its instances from elsewhere: Create and Delete give 4.05.
 * - A Write checks everything first (known, writable, type, range, and the object's own opinion), then changes.
 * - Observations and attributes are kept in agent/report.h; the composer says when to look. */
#pragma once

#include "agent/objects/object.h"
#include "agent/report.h"
#include "coap/endpoint.h"

#define OBJECTS_RECORDS_MAX 320 /* of everything that can be read, composites included */

struct objects {
	const struct object *const *table; /* ascending by id */
	size_t count;
	const struct model *model; /* knows every object of the table */
	struct object_world *world;
	struct report *reports; /* of each server, by the place of its account */
	unsigned asking;        /* whose request this is */
	bool has_all_rights;    /* it is a Bootstrap server's, for which there is no access control */
	struct record *records; /* OBJECTS_RECORDS_MAX of them */
};

/* One request below the object that `path` begins with; a path of depth 0 is a composite. Where objects are elsewhere
 * it is only checked: what they are to do is a wish of agent/extensions.h then, and a Read has the code 0.00. */
void objects_handle(struct objects *o, struct path path, struct coap_endpoint *endpoint,
	const struct coap_request *request, struct coap_response *ret, msec now);
/* What this observer would be sent; false when there is nothing to read any more. */
bool objects_value(struct objects *o, const struct report_observation *observation, struct arena *scratch,
	struct report_value *ret);
/* What can be read at these paths; their number. Valid until the next request or look. */
size_t objects_collect(struct objects *o, const struct path *paths, size_t count, const struct record **ret);
/* Writes what can be read at these paths, as SenML CBOR. False when nothing can, or it does not fit. */
bool objects_write_senml(struct objects *o, const struct path *paths, size_t count, struct writer *w);
/* Of the server that asks. */
static inline struct report *objects_report(const struct objects *o)
{
	return &o->reports[o->asking];
}
/* Appends the links of a registration: formats, objects, versions (lwm2m interface section 3.1). */
void objects_write_links(const struct objects *o, struct writer *w);
