/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What objects and resources exist, and what may be done with them: the LwM2M object definitions as data.
 *
 * A model is a table of objects in ascending order of id and version, each with its resources in ascending order. The
 * compiled-in one, `model_core`, knows the objects 0 to 7 in the versions of LwM2M 1.1, 16 and 20, and our own objects
 * 26250, Fieldfare Host Health, 26251, Fieldfare Service Health, and 26252, Fieldfare Credential. Whoever loads
 * definitions at run time (mgmt/model_files.h) has another `struct model`.
 *
 * A model may hold several versions of an object. Which one is meant depends on the device: a copy of the model with
 * the device's choices answers with those.
 *
 * Names are those of the object files; for people they are written in kebab-case: "Firmware Version" is
 * firmware-version, and /3/0/3 is device/0/firmware-version. */
#pragma once

#include "mgmt/value.h"

/* Our private objects (private range, lwm2m interface section 1). */
#define MODEL_HOST_HEALTH    26250
#define MODEL_SERVICE_HEALTH 26251
#define MODEL_CREDENTIAL     26252

enum model_object_id {
	MODEL_SECURITY = 0,
	MODEL_SERVER = 1,
	MODEL_ACCESS_CONTROL = 2,
	MODEL_DEVICE = 3,
	MODEL_CONNECTIVITY = 4,
	MODEL_FIRMWARE = 5,
	MODEL_LOCATION = 6,
	MODEL_STATISTICS = 7,
	MODEL_PORTFOLIO = 16,
	MODEL_EVENT_LOG = 20,
};

#define MODEL_NAME_MAX 128 /* bytes of a name */

/* Operations, as bits. */
#define MODEL_READ    1u
#define MODEL_WRITE   2u
#define MODEL_EXECUTE 4u

struct model_resource {
	uint16_t id;
	uint8_t operations; /* MODEL_READ | MODEL_WRITE | MODEL_EXECUTE; 0 is for bootstrap only */
	enum value_type type;
	bool is_multiple, is_mandatory, has_range;
	int64_t lowest, highest; /* of numbers; of strings and opaque values their length in bytes */
	const char *name;
	const char *units; /* NULL when there are none */
};

struct model_object {
	uint16_t id;
	const char *name;
	const char *version; /* "1.1" */
	bool is_multiple, is_mandatory;
	uint16_t resource_count;
	const struct model_resource *resources;
};

/* The version of an object that a device has. */
struct model_choice {
	uint16_t object;
	uint8_t major, minor;
};

struct model {
	size_t object_count;
	const struct model_object *objects;
	size_t choice_count;
	const struct model_choice *choices; /* in any order */
};

extern const struct model model_core;

/* NULL when the model does not know it. Of several versions the chosen one; when the model has not got that, the next
 * one of the same major version, because that knows more and contradicts nothing; the newest where nothing was chosen.
 */
const struct model_object *model_object(const struct model *m, uint16_t object);
const struct model_resource *model_resource(const struct model *m, uint16_t object, uint16_t resource);
/* The version an object has when its device does not say: the one that came with LwM2M 1.`minor` for core objects, 1.0
 * for all others (lwm2m interface section 1.1). */
struct model_choice model_choice_of(uint16_t object, uint8_t minor);
/* By kebab-case name; capitals are not distinguished. */
const struct model_object *model_object_named(const struct model *m, struct bytes name);
const struct model_resource *model_resource_named(const struct model_object *object, struct bytes name);

/* The type of the value at a path; OPAQUE for what the model does not know. */
enum value_type model_type(const struct model *m, struct path path);
/* Whether a value of the resource's type keeps its range. */
bool model_accepts(const struct model_resource *resource, const struct value *value);

/* A path where objects and resources may be numbers or names, with or without a slash in front. */
bool model_parse_path(const struct model *m, struct bytes text, struct path *ret);
/* The path with names where the model has them: "device/0/firmware-version". */
void model_write_path(struct writer *w, const struct model *m, struct path path);
/* A name of an object file in kebab-case. */
void model_write_name(struct writer *w, const char *name);
