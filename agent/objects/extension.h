/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An object that an extension serves, as the dispatcher wants it: the functions are the same for all of them, the table
 * of resources is what the definition says. */
#pragma once

#include "agent/objects/object.h"

/* `resources` has room for those of the definition, and must live as long as the object. */
struct object object_of_extension(const struct model_object *definition, struct object_resource *resources);
