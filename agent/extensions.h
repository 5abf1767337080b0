/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * All extensions of this device, with the model that knows their objects and the tables by which the dispatcher serves
 * them.
 *
 * What a request asks of such an object is not done at once but noted as a wish, which the composer takes and sends to
 * the extension (agent/delegate.c); its answer is the answer. A Read that has been fetched in this way, and every
 * notification, is then made of the last known values. */
#pragma once

#include "agent/extension.h"
#include "agent/objects/object.h"

#define EXTENSIONS_MAX         8
#define EXTENSIONS_WISH_MAX    EXTENSION_VALUES_MAX /* records of one Write */
#define EXTENSIONS_FETCHED_MAX 8                    /* of one composite; beyond them it shows what is known */

/* What a request wants of an extension, or for a Read of several. */
struct extension_wish {
	bool is_there, is_replace;
	enum extension_op op;
	struct path paths[EXTENSIONS_FETCHED_MAX]; /* READ: what is to be fetched; else the first is what the request is
						    * about, but of a WRITE, which is about the request's path */
	size_t path_count;
	struct bytes arguments;
	struct record *records; /* EXTENSIONS_WISH_MAX; they borrow from the request */
	size_t count;
};

/* The objects of one extension as the dispatcher wants them. */
struct extension_tables {
	struct object objects[EXTENSION_OBJECTS_MAX];
	struct object_resource resources[EXTENSION_OBJECTS_MAX][EXTENSION_RESOURCES_MAX];
};

struct extensions {
	struct extension *list;
	struct extension_tables *tables;
	uint8_t count;   /* how many there may be */
	bool is_fetched; /* the request that is handled now has had its values fetched */
	uint32_t muted;  /* bits of `list`: their values are not to be told now */
	const struct model *core;
	struct model model; /* of `core` and of those that are not ABSENT */
	struct model_object *merged;
	struct extension_wish wish;
	struct extension_desk *desk;
};

/* ---- life ---- */

/* Bytes of memory, aligned to 64, for so many. */
size_t extensions_memory(uint8_t count, const struct model *core);
/* `core` is the model of the agent's own objects. */
void extensions_init(struct extensions *e, void *memory, uint8_t count, const struct model *core, msec patience);

/* Whether extension_open may be called with it. `own` are the objects the agent serves itself. */
enum extension_verdict extensions_check(const struct extensions *e, const struct extension_definition *definition,
	const struct object *const *own, size_t own_count);
/* After each open and close: makes model and tables anew. */
void extensions_changed(struct extensions *e);

/* ---- questions ---- */

/* NULL when no extension has this object. `*ret_slot` may be NULL. */
struct extension *extensions_find(const struct extensions *e, uint16_t object, uint8_t *ret_slot);
bool extensions_is_muted(const struct extensions *e, uint16_t object);
msec extensions_deadline(const struct extensions *e);
