/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the API share that are about resources of one device. */
#pragma once

#include "server/http/intake.h"
#include "server/http/request.h"

/* The device of the path's first star, and what is known of its objects. */
struct resource_subject {
	const struct device *device;
	struct model model;
	struct model_choice choices[DEVICE_OBJECTS_MAX];
};

/* False, and answered, when there is no such device. */
bool resource_find(struct request *r, struct resource_subject *ret);
/* The body, with no other members than those known, and how long to wait; NULL, and answered, when it is no good. */
json_t *resource_body(struct request *r, const char *known, uint64_t *ret_patience_s);
/* Path by path, as many as there are in {"paths": ["/3/0/9", ...]}; the number of paths, 0 with a reason. */
size_t resource_body_paths(const struct model *model, const json_t *body, struct record *ret, size_t capacity,
	char ret_reason[INTAKE_REASON_BYTES]);
/* The instance that the body of a Create names, or the first that the device has not. False with a reason. */
bool resource_choose_instance(const struct resource_subject *subject, const json_t *body, uint16_t *ret,
	char ret_reason[INTAKE_REASON_BYTES]);
/* {"pmin": 5, "gt": null} as "pmin=5&gt". */
bool resource_write_attributes(const json_t *attributes, char ret[ERRAND_TEXT_MAX + 1]);
/* Answers with what the device refused. */
void resource_refused(struct request *r, const struct server_answer *answer);
