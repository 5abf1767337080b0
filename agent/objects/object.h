/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an object is to the dispatcher: a table of resources and up to five functions over the world it shows.
 *
 * Types, ranges and names come from mgmt/model; the table here says which resources this device has and what may be
 * done with them, which is never more than the model allows. Functions are asked only about resources of the table and
 * operations it allows, so they are a switch each. */
#pragma once

#include "agent/deploy.h"
#include "agent/platform.h"
#include "agent/register.h"
#include "coap/code.h"
#include "mgmt/model.h"

/* Object 7 counts between Start and Stop. */
struct object_collection {
	bool is_collecting;
	uint32_t period_s; /* 0 for no end */
	msec ends;
	uint64_t sent_before, received_before; /* counters of the link at Start */
	uint64_t sent, received;               /* bytes between Start and the last look */
};

/* All that the objects show and change. The composer fills it in; `sample` is at most a second old when it is read. */
struct object_world {
	const struct platform_identity *identity;
	const char *agent_version;
	struct platform_sample sample;
	struct deploy *deploy;
	struct registration *registration;
	uint32_t configured_lifetime_s;
	struct object_collection statistics;
	uint32_t payload_restarts;
	msec now;

	/* What an operation asks of the composer, which clears them. */
	bool wants_reboot, wants_tell, has_server_changed;
	bool has_update_outcome;
	struct deploy_outcome update_outcome;
};

struct object_records {
	struct record *list;
	size_t count, capacity;
	struct path instance; /* /object/0 */
	bool is_full;
};

struct object_resource {
	uint16_t id;
	uint8_t operations; /* MODEL_READ | MODEL_WRITE | MODEL_EXECUTE */
};

struct object {
	uint16_t id;
	const char *version;
	const struct object_resource *resources; /* ascending by id */
	size_t resource_count;

	/* Puts the value, or the values of a multiple resource; nothing when it has none now. */
	void (*read)(const struct object_world *world, uint16_t resource, struct object_records *out);
	/* Whether a value of the right type and range may be written: COAP_CHANGED, or the error. */
	enum coap_code (*check)(const struct object_world *world, uint16_t resource, const struct value *value);
	/* A value that passed the check. */
	enum coap_code (*write)(struct object_world *world, uint16_t resource, const struct value *value);
	/* Replace on the instance leaves this optional one out: back to its default. NULL when there is none to reset.
	 */
	void (*reset)(struct object_world *world, uint16_t resource);
	enum coap_code (*execute)(struct object_world *world, uint16_t resource, struct bytes arguments);
};

extern const struct object object_server, object_device, object_connectivity, object_firmware, object_statistics,
	object_host;

static inline void object_put_at(struct object_records *out, struct path path, struct value value)
{
	if (out->count == out->capacity) {
		out->is_full = true;
		return;
	}
	out->list[out->count++] = record_of(path, value);
}

static inline void object_put(struct object_records *out, uint16_t resource, struct value value)
{
	struct path path = out->instance;
	(void)path_add(&path, resource);
	object_put_at(out, path, value);
}

static inline void object_put_instance(
	struct object_records *out, uint16_t resource, uint16_t resource_instance, struct value value)
{
	struct path path = out->instance;
	(void)path_add(&path, resource);
	(void)path_add(&path, resource_instance);
	object_put_at(out, path, value);
}

/* A text with its zero; an empty one is no value. */
static inline void object_put_text(struct object_records *out, uint16_t resource, const char *text)
{
	if (text[0] != '\0')
		object_put(out, resource, value_string(bytes_of_text(text)));
}
