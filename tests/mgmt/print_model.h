/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A model as text for compare_model.py, which holds it against the object files. */
#pragma once

#include "mgmt/model.h"

#include <stdio.h>

static inline int print_model(const struct model *m)
{
	for (size_t i = 0; i < m->object_count; i++) {
		const struct model_object *o = &m->objects[i];
		printf("object|%u|%s|%s|%d|%d\n", o->id, o->name, o->version, o->is_multiple, o->is_mandatory);
		for (size_t k = 0; k < o->resource_count; k++) {
			const struct model_resource *r = &o->resources[k];
			printf("%u|%s|%s%s%s|%s|%d|%d|", r->id, r->name, r->operations & MODEL_READ ? "R" : "",
				r->operations & MODEL_WRITE ? "W" : "", r->operations & MODEL_EXECUTE ? "E" : "",
				value_type_name(r->type), r->is_multiple, r->is_mandatory);
			if (r->has_range)
				printf("%lld..%lld", (long long)r->lowest, (long long)r->highest);
			printf("|%s\n", r->units == NULL ? "" : r->units);
		}
	}
	return 0;
}
