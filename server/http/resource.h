/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the API share that are about resources of one device. */
#pragma once

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
/* Answers with what the device refused. */
void resource_refused(struct request *r, const struct server_answer *answer);
