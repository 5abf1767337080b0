/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values of resources between JSON and LwM2M (docs/api.md).
 *
 * A value has the type its definition says: numbers, booleans and strings as they are, opaque values in base64, object
 * links as "66:0", times in seconds since 1970. What JSON says otherwise becomes a value of JSON's own type, which
 * server_errand then refuses with its reason. Where nobody knows the resource, JSON's type is taken. */
#pragma once

#include "coap/base/arena.h"
#include "mgmt/model.h"
#include "server/http/intake.h"

#define VALUES_MAX           256 /* in one request */
#define VALUES_SCRATCH_BYTES 8192

/* What a request wants written. */
struct values {
	struct path path; /* the root when the request names none */
	struct record records[VALUES_MAX];
	size_t count;
	struct arena scratch; /* of the opaque ones; all else is borrowed from the JSON */
	uint8_t memory[VALUES_SCRATCH_BYTES];
};

/* {"path": "/1/0/lifetime", "value": 300}, {"path": "/1/0", "values": [{"path": "lifetime", "value": 300}, ...]}, or
 * {"values": [{"path": "/1/0/1", "text": "300"}, ...]}: `text` is the value as a person writes it. Paths of the members
 * are below `path`, unless they begin with a slash. With `instance` the values lie in that instance of the object
 * `path`. False with a reason. */
bool values_read(struct values *v, const struct model *model, const json_t *body, const uint16_t *instance,
	char ret_reason[INTAKE_REASON_BYTES]);
/* A path of numbers or names. */
bool values_read_path(
	const struct model *model, const char *text, struct path *ret, char ret_reason[INTAKE_REASON_BYTES]);

/* {"path": "/3/0/9", "name": "device/0/battery-level", "type": "integer", "value": 100, "units": "%"}, and `time` where
 * the device said one. A new reference. */
json_t *values_view(const struct model *model, const struct record *record);
/* {"path": "/3/0/9", "name": "device/0/battery-level", "units": "%"} */
json_t *values_view_place(const struct model *model, struct path path);
json_t *values_view_list(const struct model *model, const struct record *records, size_t count);
/* {"id": 1, "paths": ["/3/0/9"], "state": "established", "reports": 4, "at": ..., "values": [...]} */
json_t *values_view_watch(struct server *s, const struct model *model, const struct server_watch *watch);
/* {"path": "/3/0", "name": "device/0", "attributes": {"pmin": 10}} for each link of a Discover; NULL when it is no
 * list of links. */
json_t *values_view_links(const struct model *model, struct bytes body);
