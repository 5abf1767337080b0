/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object definitions as OMA publishes them (edge, expat): the XML form of LWM2M.xsd, one or more objects a document.
 *
 * Read is what a machine can use: ids, names, versions, operations, types, ranges and units; descriptions are passed
 * over. Ranges are written for people, so only those are kept that say one thing: "0..255", "1-65534", "16,32,48" (its
 * ends), "0..255 bytes". Unknown elements are passed over, a definition that contradicts itself is refused whole.
 *
 * Memory comes from malloc, in blocks that belong to the list. */
#pragma once

#include "mgmt/model.h"

#define MODEL_EXPAT_OBJECTS_MAX   4096
#define MODEL_EXPAT_RESOURCES_MAX 1024 /* of one object */
#define MODEL_EXPAT_TEXT_MAX      128  /* bytes of a name, a unit or a version */
#define MODEL_EXPAT_MESSAGE_BYTES 160

struct model_block;

/* Objects in the order of their reading. All zero is an empty list. */
struct model_list {
	struct model_object *objects;
	size_t count, capacity;
	struct model_block *blocks;
};

/* Appends the objects of one document. False with a message, "line 12: ...", and then the list is as it was. */
bool model_expat_read(struct model_list *list, struct bytes document, char message[MODEL_EXPAT_MESSAGE_BYTES]);
/* Appends a copy of an object whose texts and resources outlive the list. */
bool model_list_add(struct model_list *list, const struct model_object *object);
void model_list_done(struct model_list *list);
